/*
 * applier.h
 *	  What the ways of applying share: one set of messages through ledger,
 *	  quarantine and routes.  Private to them; everybody else includes
 *	  apply.h.
 */
#ifndef PG_SQS_APPLIER_H
#define PG_SQS_APPLIER_H

#include "postgres.h"

#include "apply.h"
#include "breaker.h"
#include "guard.h"
#include "ledger.h"
#include "ring.h"
#include "route.h"
#include "session.h"

typedef struct ApplierRoute
{
	Route	   *route;
	char	   *name;
	bool		alone;			/* on_error => 'route': what it refuses does not keep the others from committing */
	bool		stopped;		/* its messages go to the quarantine untried */
	Breaker    *breaker;		/* of its own, for an alone one, else null */
} ApplierRoute;

/* A route that a message is not tried with: its row in the quarantine comes first. */
typedef struct ApplyLeftOut
{
	int			route;			/* position */
	int			sqlerrcode;
	char		error[256];
} ApplyLeftOut;

struct Applier
{
	MemoryContext context;
	MemoryContext run_context;
	char	   *name;			/* the subscription's */
	int32		subscription;
	Oid			owner;
	SubscriptionPolicy policy;
	bool		fifo;
	Ledger	   *ledger;
	ApplierRoute *routes;
	int			route_count;
	Guard	   *guard;			/* null: not a consumer's */
	bool		within;			/* in a caller's transaction */
	bool		releasing;		/* held groups are no obstacle */
	bool		look_again;		/* which routes are stopped? */

	/* Where the set under way is; for reports when it fails. */
	RouteProgress progress;
	ApplyMessage **progress_set;	/* what progress.position counts in */
	int			progress_route; /* the route that runs, or -1 */

	int			parted;			/* rows of single routes that the last set put into the quarantine */
	int			superseded;		/* rows that the last set found newer ones of */
	int			outages;		/* rounds in a row that ended in one */
	Breaker		breaker;

	/*
	 * Messages that failed like the world does, but alone, while others
	 * passed.  They come back, perhaps with nobody to compare them to.
	 */
	Ring		convicted;

	/* Groups that failed and have not passed since: tried apart from the others. */
	Ring		poisoned;
};

/*
 * Ledger, quarantine and routes for a set, in the current transaction, all or
 * error; applier->progress... then tells where.  Keys are allocated in
 * the given context.  The bracket of the owner is left open, for the caller to
 * close or to commit in.
 */
extern void applier_apply(Applier *applier, ApplyMessage **set, int count, MemoryContext keys,
						  SessionBracket *bracket);

/* One route for one message, whose row of the ledger is there; as above. */
extern void applier_apply_route(Applier *applier, ApplyMessage *message, int route,
								SessionBracket *bracket);

/*
 * The message whose turn it was when the last set failed, or null.  To be asked
 * before what failed is undone.
 */
extern ApplyMessage *applier_culprit(const Applier *applier);

/* Forget where the last set failed. */
extern void applier_reset_progress(Applier *applier);

/* From now on try the message without a route, because of a failure there. */
extern void applier_leave_out(ApplyMessage *message, int route, int sqlerrcode, const char *error);
extern bool applier_leaves_out(const Applier *applier, const ApplyMessage *message, int route);

/* Elevated SQL: session_enter_bookkeeping and SPI, and out of both. */
extern void applier_enter_bookkeeping(SessionBracket *bracket);
extern void applier_leave_bookkeeping(SessionBracket *bracket);

/* Before and after: all messages to pending; outcomes into result. */
extern void applier_reset_outcomes(ApplyMessage *messages, int count);
extern void applier_count_outcomes(const ApplyMessage *messages, int count, ApplyResult *result);

#endif							/* PG_SQS_APPLIER_H */
