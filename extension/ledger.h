/*
 * ledger.h
 *	  sqs.ledger: which messages have had their effect.
 *
 * All but ledger_create is called between session_enter_bookkeeping and
 * session_leave_bookkeeping, with SPI connected, unless said otherwise.
 */
#ifndef PG_SQS_LEDGER_H
#define PG_SQS_LEDGER_H

#include "postgres.h"

#include "apply.h"

typedef struct Ledger
{
	int32		subscription;
	bool		fifo;
	DedupScope	scope;
	char	   *queue_url;
	char	   *dedup_key;		/* as configured, or null */
	const char *settled_by;		/* who applies what waited; a consumer: null */
	int			known_ahead;	/* in so many batches known keys are expected */
} Ledger;

/* In the current memory context, which must outlive it; no transaction needed. */
extern Ledger *ledger_create(const Subscription *subscription);

/* What else a batch must know, as of its own snapshot. */
typedef struct LedgerOutlook
{
	bool		waiting;		/* there is something in the quarantine */
	bool		held;			/* there are held groups */
} LedgerOutlook;

/*
 * Lock the subscription, until the end of the transaction, against being
 * dropped, against a change of what keys are made by, and against
 * sqs.release; then look.  Raises ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE
 * when it was dropped or changed before.
 */
extern void ledger_open(const Ledger *ledger, LedgerOutlook *outlook);

/*
 * Enter the messages, which are identified, in this transaction.  The outcome
 * of each becomes APPLY_APPLIED (its key is new: run the routes) or
 * APPLY_DUPLICATE (the ledger, or a message before it, has the key with the
 * same content).  Returns how many are duplicates.  When something waits in
 * the quarantine, what waits under one of these keys is settled.
 *
 * The same key with other content is an error, ERRCODE_UNIQUE_VIOLATION
 * "dedup_conflict: ...", raised for the first such message, whose reason
 * becomes APPLY_REASON_CONFLICT, and whose position is then in *position (left
 * alone otherwise).
 */
extern int	ledger_record(Ledger *ledger, ApplyMessage **messages, int count, bool waiting,
						  int *position);

/*
 * Which of the messages, all identified, does the ledger have with the same
 * content?  Their outcome becomes APPLY_DUPLICATE; the others' is left alone.
 */
extern void ledger_recognize(const Ledger *ledger, ApplyMessage **messages, int count);

/* ---- ledger_key.c; callable anywhere ---- */

/*
 * Give a message its key and hash, unless it has them; the key is allocated
 * in the given context.  Raises a data error when the subscription's
 * dedup_key is not in the message.
 */
extern void ledger_identify(const Ledger *ledger, ApplyMessage *message, MemoryContext context);

/* The same, but with the key it would have without dedup_key where that fails to be had. */
extern void ledger_identify_anyway(const Ledger *ledger, ApplyMessage *message,
								   MemoryContext context);

/* Text from outside, made to fit the database's encoding; its argument or a copy. */
extern const char *ledger_storable(const char *value);

/* As arguments of statements. */
extern Datum ledger_text_datum(const char *value);
extern Datum ledger_bytea_datum(const void *bytes, Size len);

#endif							/* PG_SQS_LEDGER_H */
