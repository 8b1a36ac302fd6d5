/*
 * route.c
 *	  One form of the messages, of whichever kind.
 *
 * There are two kinds: a target, whose columns are filled by name, and a
 * statement, which sees the messages as the relation "batch".  A kind is a
 * table of functions; adding one takes a file and a line here.
 */
#include "postgres.h"

#include "route_kind.h"

Route *
route_create(const SubscriptionRoute *configuration)
{
	Route	   *route = configuration->statement != NULL ?
		route_statement_create(configuration) : route_target_create(configuration);

	route->name = pstrdup(configuration->name);
	return route;
}

void
route_free(Route *route)
{
	route->kind->free(route);
}

int
route_run(Route *route, ApplyMessage **messages, int count, RouteProgress *progress)
{
	return route->kind->run(route, messages, count, progress);
}

void
route_explain(Route *route, ApplyMessage *message, RouteProgress *progress,
			  RouteExplanation *explanation)
{
	memset(explanation, 0, sizeof(*explanation));
	route->kind->explain(route, message, progress, explanation);
}
