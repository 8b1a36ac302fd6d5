/*
 * target_plan.h
 *	  The INSERT of a route by column name, one for each set of present
 *	  columns.  Private to the route files.
 */
#ifndef PG_SQS_TARGET_PLAN_H
#define PG_SQS_TARGET_PLAN_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "executor/spi.h"

#include "upsert.h"

#define MAX_TARGET_PLANS 16		/* sets of present columns remembered */

/*
 * The parameters of the statements, all boolean.  They are looked at for
 * each row, by which a run follows what the statement does.
 */
typedef enum TargetParameter
{
	PARAMETER_ROW = 1,			/* the next row begins; true */
	PARAMETER_CONFLICT,			/* it has the version of a row with other content */
	PARAMETER_SUPERSEDED,		/* it is not newer than the row that is there; false */
	PARAMETERS = PARAMETER_SUPERSEDED
} TargetParameter;

typedef struct TargetPlan
{
	bool	   *present;		/* by positions of the shape's columns */
	TupleDesc	desc;			/* the present columns */
	SPIPlanPtr	plan;
	TimestampTz made;
	float4		target_rows;	/* the planner's idea of the target then */
	uint64		used;			/* when, for the least recently used */
	MemoryContext context;
} TargetPlan;

/* What the statements are made of, and those made so far. */
typedef struct TargetPlans
{
	MemoryContext context;		/* parent of the plans' own */
	const char *target_name;	/* qualified and quoted */
	const RecordShape *shape;
	const Upsert *upsert;		/* or null */
	TargetPlan	plans[MAX_TARGET_PLANS];
	int			count;
	uint64		uses;
} TargetPlans;

/* The columns of that set, or all of them when present is null. */
extern TupleDesc target_plan_desc(const RecordShape *shape, const bool *present);

/* The statement for a set; with returning each row comes back as JSON. */
extern char *target_plan_sql(const TargetPlans *plans, TupleDesc desc, const bool *present,
							 bool returning);

/* Prepare such a statement; SPI is connected.  The plan is not kept. */
extern SPIPlanPtr target_plan_prepare(TupleDesc desc, const char *sql);

extern bool target_plan_is_for(const TargetPlans *plans, const TargetPlan *plan,
							   const bool *present);

/* The plan for a set, made at need; SPI is connected. */
extern TargetPlan *target_plan_find(TargetPlans *plans, const bool *present, float4 target_rows);

extern void target_plan_forget(TargetPlans *plans);

#endif							/* PG_SQS_TARGET_PLAN_H */
