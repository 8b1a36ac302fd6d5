/*
 * route.h
 *	  One form of the messages: a route by column name, or by a statement.
 */
#ifndef PG_SQS_ROUTE_H
#define PG_SQS_ROUTE_H

#include "postgres.h"

#include "apply.h"

typedef struct Route Route;

/* Where in a run a route is, for error reports; all null or -1 in between. */
typedef struct RouteProgress
{
	int			position;		/* of the message being read or written, -1 = none or not known */
	const char *column;			/* being read, or null */
} RouteProgress;

/* In the current memory context; needs no transaction. */
extern Route *route_create(const SubscriptionRoute *configuration);
extern void route_free(Route *route);

/*
 * Write all the given messages, in their order; their outcomes do not
 * matter.  Runs as the current user, who must be the owner.  Raises whatever
 * the target, its triggers or the values raise, and ERRCODE_UNDEFINED_TABLE
 * when the target is gone; *progress then tells where, by the positions in
 * messages.  Returns how many rows were not written because the target, or
 * the batch, had a newer version of their key.
 */
extern int	route_run(Route *route, ApplyMessage **messages, int count, RouteProgress *progress);

/* What a route did with one message. */
typedef struct RouteExplanation
{
	uint64		rows;			/* written */
	int			superseded;
	List	   *written;		/* of char *: each row as JSON text; of a target */
	char	   *plan;			/* of a statement, else null */
} RouteExplanation;

/* As route_run, for one message, and tell; in the current memory context. */
extern void route_explain(Route *route, ApplyMessage *message, RouteProgress *progress,
						  RouteExplanation *explanation);

#endif							/* PG_SQS_ROUTE_H */
