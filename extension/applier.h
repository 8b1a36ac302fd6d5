/*
 * applier.h
 *	  What the two ways of applying share: one set of messages through ledger
 *	  and routes.  Private to them; everybody else includes apply.h.
 */
#ifndef PG_SQS_APPLIER_H
#define PG_SQS_APPLIER_H

#include "postgres.h"

#include "apply.h"
#include "ledger.h"
#include "route.h"
#include "session.h"

#define APPLIER_CONVICTED 64

struct Applier
{
	MemoryContext context;
	MemoryContext run_context;
	char	   *name;			/* the subscription's */
	Oid			owner;
	Ledger	   *ledger;
	Route	  **routes;
	int			route_count;
	RouteProgress progress;
	int			outages;		/* rounds in a row that ended in one */

	/*
	 * Messages that failed like the world does, but alone, while others
	 * passed.  They come back, perhaps with nobody to compare them to.
	 */
	uint64		convicted[APPLIER_CONVICTED];	/* hashes; 0 = free */
	int			next_convicted;
};

/*
 * Ledger and routes for a set, in the current transaction, all or error.
 * applier->progress then tells where.  The bracket of the owner is left
 * open, for the caller to close or to commit in.  Returns the number of
 * duplicates.
 */
extern int	applier_apply(Applier *applier, ApplyMessage **set, int count, bool restricted,
						  SessionBracket *bracket);

/* Forget where the last set failed. */
extern void applier_reset_progress(Applier *applier);

/* Before and after: all messages to pending; outcomes into result. */
extern void applier_reset_outcomes(ApplyMessage *messages, int count);
extern void applier_count_outcomes(const ApplyMessage *messages, int count, ApplyResult *result);

#endif							/* PG_SQS_APPLIER_H */
