/*
 * ledger.h
 *	  sqs.ledger: which messages have had their effect.
 */
#ifndef PG_SQS_LEDGER_H
#define PG_SQS_LEDGER_H

#include "postgres.h"

#include "apply.h"

typedef struct Ledger Ledger;

/* In the current memory context, which must outlive it; no transaction needed. */
extern Ledger *ledger_create(const Subscription *subscription);

/* Frees the plans, which live outside of that context. */
extern void ledger_free(Ledger *ledger);

/*
 * Enter the messages, in this transaction.  The outcome of each becomes
 * APPLY_APPLIED (its key is new: run the routes) or APPLY_DUPLICATE (the
 * ledger, or a message before it, has the key with the same content).
 * Returns how many are duplicates.
 *
 * The same key with other content is an error, ERRCODE_UNIQUE_VIOLATION
 * "dedup_conflict: ...", raised for the first such message, whose position
 * is then in *position (left alone otherwise).
 */
extern int	ledger_record(Ledger *ledger, ApplyMessage **messages, int count, int *position);

/* The key a message is entered under; palloc'd. */
extern char *ledger_key(const Ledger *ledger, const ApplyMessage *message);

#endif							/* PG_SQS_LEDGER_H */
