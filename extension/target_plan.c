/*
 * target_plan.c
 *	  The INSERT of a route by column name, one for each set of present
 *	  columns.
 *
 * A key that a message lacks means the column's default, hence the column
 * must be missing from the INSERT too.  There is one kept plan for each set
 * of present columns, for the sets used last.
 *
 * An INSERT ... SELECT says nothing of which row it is at.  A condition that
 * is true for every row, but holds a parameter, does: the parameter's value is
 * asked for anew each time.  (A condition of the parameter alone would be
 * asked once, so a column stands in it.)
 *
 * PostgreSQL itself makes plans anew when what they depend on changes.
 * Beyond that a plan goes when it is some minutes old or the target has
 * grown tenfold, because it was made for the size the target had.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "batch_relation.h"
#include "target_plan.h"

#define PLAN_LIFE_MS (5 * 60 * 1000)
#define PLAN_GROWTH 10

TupleDesc
target_plan_desc(const RecordShape *shape, const bool *present)
{
	TupleDesc	desc;
	int			natts = 0;

	for (int i = 0; i < shape->count; i++)
		natts += present == NULL || present[i] ? 1 : 0;
	desc = CreateTemplateTupleDesc(natts);
	natts = 0;
	for (int i = 0; i < shape->count; i++)
	{
		const RecordColumn *column = &shape->columns[i];

		if (present != NULL && !present[i])
			continue;
		natts++;
		TupleDescInitEntry(desc, natts, column->name, column->type, column->typmod, 0);
		TupleDescInitEntryCollation(desc, natts, column->collation);
	}
	return desc;
}

static void
append_columns(StringInfo sql, TupleDesc desc, const char *alias)
{
	for (int i = 0; i < desc->natts; i++)
		appendStringInfo(sql, "%s%s%s", i > 0 ? ", " : "", alias,
						 quote_identifier(NameStr(TupleDescAttr(desc, i)->attname)));
}

char *
target_plan_sql(const TargetPlans *plans, TupleDesc desc, const bool *present, bool returning)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s%s (", plans->target_name,
					 plans->upsert != NULL || returning ? " AS t" : "");
	append_columns(&sql, desc, "");
	appendStringInfoString(&sql, ") SELECT ");
	append_columns(&sql, desc, "b.");
	appendStringInfo(&sql, " FROM " BATCH_RELATION " AS b WHERE coalesce($%d, b.%s IS NULL)",
					 PARAMETER_ROW, quote_identifier(NameStr(TupleDescAttr(desc, 0)->attname)));
	if (plans->upsert != NULL)
		upsert_append_sql(&sql, plans->upsert, plans->shape, present,
						  psprintf("$%d", PARAMETER_CONFLICT), psprintf("$%d", PARAMETER_SUPERSEDED));
	if (returning)
		appendStringInfoString(&sql, " RETURNING pg_catalog.row_to_json(t.*)");
	return sql.data;
}

SPIPlanPtr
target_plan_prepare(TupleDesc desc, const char *sql)
{
	Oid			types[PARAMETERS] = {BOOLOID, BOOLOID, BOOLOID};
	SPIPlanPtr	plan;

	batch_relation_register_empty(desc);
	plan = SPI_prepare_cursor(sql, PARAMETERS, types, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "could not prepare the statement of a route: %s",
			 SPI_result_code_string(SPI_result));
	SPI_unregister_relation(BATCH_RELATION);
	return plan;
}

static void
free_plan(TargetPlan *plan)
{
	if (plan->plan != NULL)
		SPI_freeplan(plan->plan);
	MemoryContextDelete(plan->context);
	memset(plan, 0, sizeof(*plan));
}

void
target_plan_forget(TargetPlans *plans)
{
	while (plans->count > 0)
		free_plan(&plans->plans[--plans->count]);
}

bool
target_plan_is_for(const TargetPlans *plans, const TargetPlan *plan, const bool *present)
{
	return memcmp(plan->present, present, sizeof(bool) * plans->shape->count) == 0;
}

/* A place for one more plan: the free one, or the least recently used one's. */
static TargetPlan *
plan_place(TargetPlans *plans)
{
	TargetPlan *oldest = &plans->plans[0];

	if (plans->count < MAX_TARGET_PLANS)
		return &plans->plans[plans->count];
	for (int i = 1; i < MAX_TARGET_PLANS; i++)
	{
		if (plans->plans[i].used < oldest->used)
			oldest = &plans->plans[i];
	}
	free_plan(oldest);
	*oldest = plans->plans[--plans->count];
	return &plans->plans[plans->count];
}

static TargetPlan *
make_plan(TargetPlans *plans, const bool *present, float4 target_rows)
{
	TargetPlan *plan = plan_place(plans);
	TargetPlan	made = {0};
	MemoryContext old;

	made.context = AllocSetContextCreate(CurrentMemoryContext, "pg_sqs plan", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(made.context);
	made.present = palloc(sizeof(bool) * plans->shape->count);
	memcpy(made.present, present, sizeof(bool) * plans->shape->count);
	made.desc = target_plan_desc(plans->shape, present);
	MemoryContextSwitchTo(old);
	made.made = GetCurrentTimestamp();
	made.target_rows = target_rows;
	made.plan = target_plan_prepare(made.desc, target_plan_sql(plans, made.desc, present, false));
	SPI_keepplan(made.plan);
	MemoryContextSetParent(made.context, plans->context);
	*plan = made;
	plans->count++;
	return plan;
}

static bool
plan_is_stale(const TargetPlan *plan, float4 target_rows)
{
	return target_rows > PLAN_GROWTH * Max(plan->target_rows, 1000) ||
		TimestampDifferenceExceeds(plan->made, GetCurrentTimestamp(), PLAN_LIFE_MS);
}

TargetPlan *
target_plan_find(TargetPlans *plans, const bool *present, float4 target_rows)
{
	TargetPlan *plan = NULL;

	for (int i = 0; i < plans->count && plan == NULL; i++)
	{
		if (target_plan_is_for(plans, &plans->plans[i], present))
			plan = &plans->plans[i];
	}
	if (plan != NULL && plan_is_stale(plan, target_rows))
	{
		free_plan(plan);
		*plan = plans->plans[--plans->count];
		plan = NULL;
	}
	if (plan == NULL)
		plan = make_plan(plans, present, target_rows);
	plan->used = ++plans->uses;
	return plan;
}
