/*
 * guard.h
 *	  The crash guard: a message under which the server goes down is found
 *	  out and not tried for ever.
 *
 * For the consumer: applier_guard (apply.h) at the start is all.  apply_run
 * then marks what it tries, tries suspects alone, and takes the marks back;
 * the farewell is said by itself when the process exits in an orderly way,
 * also by SIGTERM or an error.
 */
#ifndef PG_SQS_GUARD_H
#define PG_SQS_GUARD_H

#include "postgres.h"

#include "apply.h"

typedef struct Guard Guard;

/*
 * Enter the process as running, and look at what was left behind by one that
 * did not say farewell.  In the current memory context, which must outlive
 * the guard; outside a transaction.  False when it must not run, because a
 * message brought the server down too often; *refusal then says which.
 */
extern bool guard_start(const Subscription *subscription, int consumer, Guard **guard,
						ApplyRefusal *refusal);

/* Must what is tried be marked before?  No transaction needed. */
extern bool guard_is_awake(Guard *guard);

/* Was the server going down under this key, so that it must be tried alone? */
extern bool guard_suspects(const Guard *guard, const char *key);

/*
 * Outside a transaction: make durable that these keys are being tried.
 * Replaces the marks before.
 */
extern void guard_mark(Guard *guard, ApplyMessage **messages, int count);

/*
 * Inside the transaction that applies what is marked, before its routes: take
 * the marks back, so that they go with the commit.
 */
extern void guard_unmark(Guard *guard);

/* Outside a transaction: nothing is being tried, nobody died. */
extern void guard_relax(Guard *guard);

/*
 * For sqs.enable, in its transaction, with any rights: the messages under
 * which the server went down get their tries again.
 */
extern void guard_forgive(int32 subscription);

#endif							/* PG_SQS_GUARD_H */
