/*
 * target_run.h
 *	  Running a route by column name.  Private to the route files.
 */
#ifndef PG_SQS_TARGET_RUN_H
#define PG_SQS_TARGET_RUN_H

#include "postgres.h"

#include "route_kind.h"

/* A RouteKind's run and explain. */
extern int	target_run(Route *base, ApplyMessage **messages, int count, RouteProgress *progress);
extern void target_run_explain(Route *base, ApplyMessage *message, RouteProgress *progress,
							   RouteExplanation *explanation);

#endif							/* PG_SQS_TARGET_RUN_H */
