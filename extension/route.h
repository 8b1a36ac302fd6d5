/*
 * route.h
 *	  A route by column name: messages become rows of one target relation.
 */
#ifndef PG_SQS_ROUTE_H
#define PG_SQS_ROUTE_H

#include "postgres.h"

#include "apply.h"

typedef struct Route Route;

/* Where in a run a route is, for error reports; all null or -1 in between. */
typedef struct RouteProgress
{
	int			position;		/* of the message being read, -1 = none */
	const char *column;			/* being read, or null */
} RouteProgress;

/* In the current memory context; needs no transaction. */
extern Route *route_create(const SubscriptionRoute *configuration);
extern void route_free(Route *route);

/*
 * Write the messages whose outcome is APPLY_APPLIED, in their order.  Runs as
 * the current user, who must be the owner.  Raises whatever the target,
 * its triggers or the values raise, and ERRCODE_UNDEFINED_TABLE when the
 * target is gone; *progress then tells where.
 */
extern void route_run(Route *route, ApplyMessage **messages, int count, RouteProgress *progress);

#endif							/* PG_SQS_ROUTE_H */
