/*
 * route_target.h
 *	  A route by column name, for the files that run, explain and check one.
 *	  Private to the route files.
 */
#ifndef PG_SQS_ROUTE_TARGET_H
#define PG_SQS_ROUTE_TARGET_H

#include "postgres.h"

#include "route_kind.h"
#include "target_plan.h"

typedef struct TargetRoute
{
	Route		base;
	Oid			target;
	List	   *key;			/* as configured */
	char	   *version;
	char	   *rescue_column;
	MemoryContext parent;
	uint64		storage_checked;	/* target_check_storage's */

	/* Made for the target as it was last seen; context null = not yet. */
	MemoryContext context;
	char	   *target_name;	/* qualified and quoted */
	TupleDesc	target_desc;
	bool		has_triggers;	/* that may change a row before it is written */
	RecordShape *shape;
	TupleDesc	shape_desc;		/* of all columns of the shape */
	Upsert	   *upsert;			/* null = every message is a new row */
	TargetPlans plans;
} TargetRoute;

/*
 * Lock the target for as long as the transaction lasts and have a
 * description of it as it is now; be the owner.  Returns its estimated rows.
 */
extern float4 route_target_look(TargetRoute *route);

#endif							/* PG_SQS_ROUTE_TARGET_H */
