/*
 * apply.h
 *	  A batch of messages becomes rows: ledger and routes in one transaction.
 */
#ifndef PG_SQS_APPLY_H
#define PG_SQS_APPLY_H

#include "postgres.h"

#include "access/xlogdefs.h"

#include "digest.h"
#include "subscription.h"

typedef enum ApplyOutcome
{
	APPLY_PENDING,				/* not tried, or undone: the whole batch met an outage */
	APPLY_APPLIED,				/* ledger row and routes committed */
	APPLY_DUPLICATE,			/* the ledger had the key, with the same content */
	APPLY_QUARANTINED,			/* is in the quarantine: refused, or parked behind a refused one */
	APPLY_FAILED,				/* the culprit, and the policy leaves it in the queue; see error */
	APPLY_HELD					/* follows one that failed in its group: not tried */
} ApplyOutcome;

/*
 * One message.  Strings are NUL-terminated, owned by the caller, UTF-8 as
 * received; "" where a queue gives none.
 */
typedef struct ApplyMessage
{
	const char *message_id;
	const char *group_id;
	const char *dedup_id;
	const char *sequence_number;
	const char *body;
	Size		body_len;
	const char *source;			/* s3://bucket/key?versionId=v#record, or "" */
	const char *source_sha256;	/* 64 hex digits from the attributes, or "": then the body's is taken */
	const char *attributes;		/* JSON object in ASCII: name -> {"type", "value"}; binary values in base64 */
	int64		sent_ms;		/* Unix epoch, milliseconds; 0 = unknown */
	int			receive_count;	/* 0 = unknown */

	ApplyOutcome outcome;
	int			sqlerrcode;		/* of APPLY_FAILED: ERRCODE_... */
	char		error[256];		/* of APPLY_FAILED: one line, no payload */
} ApplyMessage;

typedef struct ApplyResult
{
	int			applied;
	int			duplicates;
	int			superseded;		/* rows not written because the target had newer versions */
	int			quarantined;
	int			failed;
	int			held;
	XLogRecPtr	gate;			/* delete what was applied, duplicate or quarantined only when this is durable;
								 * InvalidXLogRecPtr = nothing to wait for */
	bool		outage;			/* the batch as a whole failed for a reason outside of the messages */
	bool		broken;			/* ... and it needs a person (definition, privileges): not just time */
	int			sqlerrcode;		/* of outage */
	char		error[256];		/* of outage */
	char		hint[256];		/* of outage, or "" */
} ApplyResult;

/* Prepared routes of one subscription; kept across batches. */
typedef struct Applier Applier;

/*
 * The subscription is copied.  No transaction needed; plans are made at
 * first use and again after a change of the target.
 */
extern Applier *applier_create(const Subscription *subscription);
extern void applier_free(Applier *applier);

/*
 * For a consumer, outside a transaction, after session_act_as: apply the
 * messages in the given order in one transaction, or in several where some
 * fail.  Two messages of one key: the second is a duplicate (or fails as a
 * conflict).  Each message gets its outcome.  Does not raise for what the
 * messages or the routes do; FATAL (shutdown) passes through.
 */
extern void apply_run(Applier *applier, ApplyMessage *messages, int count, ApplyResult *result);

/*
 * For sqs.ingest, inside the caller's transaction: as above, but any failure
 * is raised.
 */
extern void apply_in_transaction(Applier *applier, ApplyMessage *messages, int count,
								 ApplyResult *result);

#endif							/* PG_SQS_APPLY_H */
