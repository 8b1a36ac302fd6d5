/*
 * apply_run.h
 *	  One call of apply_run, as its files share it: apply_attempt.c tries,
 *	  apply.c finds out who fails, apply_verdict.c what becomes of them.
 */
#ifndef PG_SQS_APPLY_RUN_H
#define PG_SQS_APPLY_RUN_H

#include "postgres.h"

#include "applier.h"
#include "failure.h"

typedef struct Run
{
	Applier    *applier;
	ApplyMessage *messages;
	int			count;
	ApplyResult *result;
	bool		forced;			/* look for culprits of an outage, too */
	int			applied;
	const ApplyMessage *culprit;	/* was being read when the last transaction failed, or null */
	int			apart;			/* failed alone, or were suspected and so tried alone */
	bool	   *route_passed;	/* by routes: wrote something that was committed */
	int			suspects;		/* failed alone, perhaps through the world's fault */
	Failure		world;			/* of the first suspect, or what tripped the breaker */
	uint32		tripped;		/* the signature that tripped the breaker now; 0 = none */
} Run;

/* ---- apply_attempt.c ---- */

/* Try some messages together; when false they are pending again. */
extern bool apply_attempt(Run *run, const int *positions, int count, Failure *failure);

/*
 * Run a function in a transaction of its own, which does not fail: false, and
 * *failure, when it was undone.
 */
typedef void (*RunStep) (Run *run, void *arg);
extern bool apply_step(Run *run, RunStep step, void *arg, int timeout_ms, Failure *failure);

/* Of bookkeeping: commit here, for the gate. */
extern void apply_commit_books(Run *run, SessionBracket *bracket);

/* While the guard is awake: have all keys.  False: the run is over, an outage. */
extern bool apply_prepare_guard(Run *run);

/* Nothing is being tried any longer. */
extern void apply_relax_guard(Run *run);

/* ---- apply.c ---- */

/* What is pending follows in its group one that failed. */
extern void apply_hold_followers(Run *run, int position);

/* The run ends with an outage. */
extern void apply_stop_with(Run *run, const Failure *failure);

extern bool apply_is_convicted(const Applier *applier, const ApplyMessage *message);

/* ---- apply_verdict.c ---- */

/*
 * Everything was tried: judge what failed alone.  True when there is
 * something to be tried again at once: it is pending, and the rest of it
 * held no longer.
 */
extern bool verdict(Run *run);

/* A route's definition is broken; false, and *failure, when that could not be written. */
extern bool verdict_stop_route(Run *run, int route, int sqlerrcode, const char *error,
							   Failure *failure);

#endif							/* PG_SQS_APPLY_RUN_H */
