/*
 * route_kind.h
 *	  What every kind of route begins with.  Private to the route files;
 *	  everybody else includes route.h.
 */
#ifndef PG_SQS_ROUTE_KIND_H
#define PG_SQS_ROUTE_KIND_H

#include "postgres.h"

#include "route.h"

/* Their contracts are those of route.h's functions of the same names. */
typedef struct RouteKind
{
	void		(*free) (Route *route);
	int			(*run) (Route *route, ApplyMessage **messages, int count,
						RouteProgress *progress);
	void		(*explain) (Route *route, ApplyMessage *message, RouteProgress *progress,
							RouteExplanation *explanation);
} RouteKind;

struct Route
{
	const RouteKind *kind;
	char	   *name;
};

/* The two kinds; in the current memory context. */
extern Route *route_target_create(const SubscriptionRoute *configuration);
extern Route *route_statement_create(const SubscriptionRoute *configuration);

#endif							/* PG_SQS_ROUTE_KIND_H */
