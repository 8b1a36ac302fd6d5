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

/* Why a message, or one route of it, is in the quarantine. */
typedef enum ApplyReason
{
	APPLY_REASON_DATA,			/* PostgreSQL refused it */
	APPLY_REASON_CONFLICT,		/* its key is known with other content */
	APPLY_REASON_PARKED,		/* it follows a refused one in its group */
	APPLY_REASON_ROUTE_STOPPED	/* its route is stopped */
} ApplyReason;

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

	/* The applier's own, set by its functions; zero at first. */
	const char *key;			/* as in sqs.ledger; null = not known yet */
	unsigned char hash[AWSX_SHA256_LEN];	/* of the content, known before the key */
	ApplyReason reason;			/* of a failure */
	uint32		signature;		/* of a failure: what failures alike have in common; not 0 */
	int			failed_route;	/* of a failure: position of the route that alone is to blame, or -1 */
	List	   *left_out;		/* of ApplyLeftOut: what waits in the quarantine instead */
} ApplyMessage;

typedef struct ApplyResult
{
	int			applied;
	int			duplicates;
	int			superseded;		/* rows not written because the target had newer versions */
	int			quarantined;	/* rows of the quarantine: messages, and single routes of applied ones */
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

/* Why a consumer must not run. */
typedef struct ApplyRefusal
{
	int			sqlerrcode;
	char		error[512];
	char		hint[256];
} ApplyRefusal;

/*
 * The subscription is copied.  No transaction needed; plans are made at
 * first use and again after a change of the target.
 */
extern Applier *applier_create(const Subscription *subscription);
extern void applier_free(Applier *applier);

/*
 * For a consumer, once, before its first batch and outside a transaction:
 * put the applier under the crash guard.  False when the consumer must not
 * run (state error, CONSUMER_END_REFUSED, try again after sqs.enable):
 * *refusal says which message brought the server down.  consumer counts
 * from 1.
 */
extern bool applier_guard(Applier *applier, const Subscription *subscription, int consumer,
						  ApplyRefusal *refusal);

/*
 * For a consumer that was told to try again (sqs.enable): forget what the
 * breaker remembers, and look again which routes are stopped.
 */
extern void applier_forgive(Applier *applier);

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
