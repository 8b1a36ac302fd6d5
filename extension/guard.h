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
 * the process's last batch; outside a transaction.  Null when it must not
 * run, because a message brought the server down too often; *refusal then
 * says which.
 */
extern Guard *guard_start(const Subscription *subscription, int consumer, ApplyRefusal *refusal);

/* Must everything that is tried be marked before? */
extern bool guard_is_awake(const Guard *guard);

/* Are there messages that must be tried alone, and is it this one (identified)? */
extern bool guard_has_suspects(const Guard *guard);
extern bool guard_suspects(const Guard *guard, const ApplyMessage *message);

/*
 * Outside a transaction: make durable that these messages, as far as they
 * are identified, are being tried.  Replaces the marks before.
 */
extern void guard_mark(Guard *guard, ApplyMessage **messages, int count);

/*
 * Between session_enter_bookkeeping and session_leave_bookkeeping, with SPI
 * connected, in the transaction that applies what is marked: take the marks
 * back, so that they go with the commit.
 */
extern void guard_unmark(Guard *guard);

/* What is marked was tried, with or without success, and nobody died. */
extern void guard_survived(Guard *guard, bool committed);

/* Outside a transaction: take back the marks of what was tried last. */
extern void guard_relax(Guard *guard);

/*
 * For sqs.enable, in its transaction, with any rights and without SPI: the
 * messages under which the server went down get their tries again.
 */
extern void guard_forgive(int32 subscription);

#endif							/* PG_SQS_GUARD_H */
