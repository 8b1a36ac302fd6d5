/*
 * route.c
 *	  A route by column name: messages become rows of one target relation.
 *
 * Messages are read into a tuplestore with the target's own column types,
 * which an ordinary INSERT ... SELECT then sees as the relation "batch".  So
 * defaults, triggers, partitions, row security, views and privileges work as
 * for any INSERT, and no heap is touched from here.
 *
 * A key that a message lacks means the column's default, hence the column
 * must be missing from the INSERT too: there is one kept plan for each set
 * of present columns, for the sets used last.  Messages are taken in order,
 * one statement for each stretch of equal sets; sorting them by set would
 * reorder a group.
 *
 * The target's description is looked at under a lock in every run, and all
 * is made anew when it has changed, since a plan remembers the statement's
 * text and thus would follow a name to another table.  PostgreSQL itself
 * takes care of every other change.  A plan also goes when it is some
 * minutes old or the target has grown tenfold, because it was made for the
 * size the target had.
 *
 * Memory: a Route lives in the context of its creator; the description and
 * what belongs to it in a child, deleted with it; saved plans are SPI's and
 * are freed by hand.  What a run needs is in a context of its own.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "failure.h"
#include "record.h"
#include "route.h"
#include "target.h"

#undef TEXTDOMAIN
#define TEXTDOMAIN FAILURE_DOMAIN

#define MAX_PLANS 16			/* sets of present columns remembered */
#define PLAN_LIFE_MS (5 * 60 * 1000)
#define PLAN_GROWTH 10
#define PLANNED_ROWS 100		/* what the planner is told of a batch */

/* The INSERT for one set of present columns. */
typedef struct RoutePlan
{
	bool	   *present;		/* by positions of the shape's columns */
	TupleDesc	desc;			/* the present columns */
	SPIPlanPtr	plan;
	TimestampTz made;
	float4		target_rows;	/* the planner's idea of the target then */
	uint64		used;			/* the run's number, for the least recently used */
	MemoryContext context;
} RoutePlan;

struct Route
{
	char	   *name;
	Oid			target;
	MemoryContext parent;
	uint64		storage_checked;	/* target_check_storage's */

	/* Made for the target as it was last seen; context null = not yet. */
	MemoryContext context;
	char	   *target_name;	/* qualified and quoted */
	TupleDesc	target_desc;
	RecordShape *shape;
	RoutePlan	plans[MAX_PLANS];
	int			plan_count;
	uint64		uses;
};

Route *
route_create(const SubscriptionRoute *configuration)
{
	Route	   *route = palloc0(sizeof(Route));

	route->name = pstrdup(configuration->name);
	route->target = configuration->target;
	route->parent = CurrentMemoryContext;
	return route;
}

static void
free_plan(RoutePlan *plan)
{
	if (plan->plan != NULL)
		SPI_freeplan(plan->plan);
	MemoryContextDelete(plan->context);
	memset(plan, 0, sizeof(*plan));
}

/* Forget the target's description and what was made from it. */
static void
forget(Route *route)
{
	while (route->plan_count > 0)
		free_plan(&route->plans[--route->plan_count]);
	if (route->context != NULL)
		MemoryContextDelete(route->context);
	route->context = NULL;
	route->shape = NULL;
}

void
route_free(Route *route)
{
	forget(route);
}

static char *
qualified_name(Relation target)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(target)),
									  RelationGetRelationName(target));
}

static void
describe(Route *route, Relation target, const char *name)
{
	MemoryContext context;
	MemoryContext old;

	forget(route);

	/* Ours only when it is complete: an error on the way leaks nothing. */
	context = AllocSetContextCreate(CurrentMemoryContext, "pg_sqs route", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	route->target_name = pstrdup(name);
	route->target_desc = CreateTupleDescCopyConstr(RelationGetDescr(target));
	route->shape = record_shape(route->target_desc, context);
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(context, route->parent);
	route->context = context;
}

/* Open the target for as long as the transaction lasts. */
static Relation
open_target(Route *route)
{
	Relation	target = try_relation_open(route->target, RowExclusiveLock);

	if (target == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the target of route \"%s\" does not exist (OID %u)",
						route->name, route->target),
				 errhint("It was dropped: name another one with sqs.alter_subscription(..., target => ...).")));
	target_check_storage(route->target, &route->storage_checked);
	return target;
}

/* Have a description of the target as it is now. Returns its estimated rows. */
static float4
look_at_target(Route *route)
{
	Relation	target = open_target(route);
	char	   *name = qualified_name(target);
	float4		rows = target->rd_rel->reltuples;

	if (route->context == NULL || strcmp(route->target_name, name) != 0 ||
		!equalTupleDescs(route->target_desc, RelationGetDescr(target)))
		describe(route, target, name);
	relation_close(target, NoLock);
	return rows;
}

/* Offer SPI a tuplestore as the relation "batch". */
static void
register_batch(TupleDesc desc, Tuplestorestate *store, double rows)
{
	EphemeralNamedRelation batch = palloc0(sizeof(EphemeralNamedRelationData));

	batch->md.name = "batch";
	batch->md.reliddesc = InvalidOid;
	batch->md.tupdesc = desc;
	batch->md.enrtype = ENR_NAMED_TUPLESTORE;
	batch->md.enrtuples = rows;
	batch->reldata = store;
	if (SPI_register_relation(batch) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register the batch");
}

static char *
insert_statement(const Route *route, const TupleDesc desc)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s (", route->target_name);
	for (int i = 0; i < desc->natts; i++)
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(NameStr(TupleDescAttr(desc, i)->attname)));
	appendStringInfoString(&sql, ") SELECT ");
	for (int i = 0; i < desc->natts; i++)
		appendStringInfo(&sql, "%sb.%s", i > 0 ? ", " : "",
						 quote_identifier(NameStr(TupleDescAttr(desc, i)->attname)));
	appendStringInfoString(&sql, " FROM batch AS b");
	return sql.data;
}

static TupleDesc
present_desc(const RecordShape *shape, const bool *present)
{
	TupleDesc	desc;
	int			natts = 0;

	for (int i = 0; i < shape->count; i++)
		natts += present[i] ? 1 : 0;
	desc = CreateTemplateTupleDesc(natts);
	natts = 0;
	for (int i = 0; i < shape->count; i++)
	{
		const RecordColumn *column = &shape->columns[i];

		if (!present[i])
			continue;
		natts++;
		TupleDescInitEntry(desc, natts, column->name, column->type, column->typmod, 0);
		TupleDescInitEntryCollation(desc, natts, column->collation);
	}
	return desc;
}

static bool
plan_is_for(const Route *route, const RoutePlan *plan, const bool *present)
{
	return memcmp(plan->present, present, sizeof(bool) * route->shape->count) == 0;
}

/* A place for one more plan: the free one, or the least recently used one's. */
static RoutePlan *
plan_place(Route *route)
{
	RoutePlan  *oldest = &route->plans[0];

	if (route->plan_count < MAX_PLANS)
		return &route->plans[route->plan_count];
	for (int i = 1; i < MAX_PLANS; i++)
	{
		if (route->plans[i].used < oldest->used)
			oldest = &route->plans[i];
	}
	free_plan(oldest);
	*oldest = route->plans[--route->plan_count];
	return &route->plans[route->plan_count];
}

/* Prepare without execution; SPI is connected. The plan is kept. */
static SPIPlanPtr
prepare(const Route *route, TupleDesc desc)
{
	SPIPlanPtr	plan;

	register_batch(desc, tuplestore_begin_heap(false, false, work_mem), PLANNED_ROWS);
	plan = SPI_prepare(insert_statement(route, desc), 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not prepare the statement of route \"%s\": %s",
			 route->name, SPI_result_code_string(SPI_result));
	SPI_keepplan(plan);
	SPI_unregister_relation("batch");
	return plan;
}

static RoutePlan *
make_plan(Route *route, const bool *present, float4 target_rows)
{
	RoutePlan  *plan = plan_place(route);
	RoutePlan	made = {0};
	MemoryContext old;

	made.context = AllocSetContextCreate(CurrentMemoryContext, "pg_sqs plan", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(made.context);
	made.present = palloc(sizeof(bool) * route->shape->count);
	memcpy(made.present, present, sizeof(bool) * route->shape->count);
	made.desc = present_desc(route->shape, present);
	MemoryContextSwitchTo(old);
	made.made = GetCurrentTimestamp();
	made.target_rows = target_rows;
	made.plan = prepare(route, made.desc);
	MemoryContextSetParent(made.context, route->context);
	*plan = made;
	route->plan_count++;
	return plan;
}

static bool
plan_is_stale(const RoutePlan *plan, float4 target_rows)
{
	return target_rows > PLAN_GROWTH * Max(plan->target_rows, 1000) ||
		TimestampDifferenceExceeds(plan->made, GetCurrentTimestamp(), PLAN_LIFE_MS);
}

/* The plan for a set of present columns; SPI is connected. */
static RoutePlan *
find_plan(Route *route, const bool *present, float4 target_rows)
{
	RoutePlan  *plan = NULL;

	for (int i = 0; i < route->plan_count && plan == NULL; i++)
	{
		if (plan_is_for(route, &route->plans[i], present))
			plan = &route->plans[i];
	}
	if (plan != NULL && plan_is_stale(plan, target_rows))
	{
		free_plan(plan);
		*plan = route->plans[--route->plan_count];
		plan = NULL;
	}
	if (plan == NULL)
		plan = make_plan(route, present, target_rows);
	plan->used = ++route->uses;
	return plan;
}

/* One message's row into the store: the present columns. */
static void
put_row(const Route *route, const RecordValues *values, TupleDesc desc, Tuplestorestate *store)
{
	Datum	   *datums = palloc(sizeof(Datum) * Max(desc->natts, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(desc->natts, 1));
	int			n = 0;

	for (int i = 0; i < route->shape->count; i++)
	{
		if (!values->present[i])
			continue;
		datums[n] = values->values[i];
		nulls[n] = values->nulls[i];
		n++;
	}
	tuplestore_putvalues(store, desc, datums, nulls);
}

/* What a run carries from message to message. */
typedef struct RouteRun
{
	Route	   *route;
	float4		target_rows;
	RecordValues *values;
	MemoryContext row;			/* reset after each message */
	RoutePlan  *plan;			/* of the stretch being gathered; null = none */
	Tuplestorestate *store;
	int			rows;
} RouteRun;

/* Write the stretch gathered so far. */
static void
flush(RouteRun *run)
{
	int			code;

	if (run->plan == NULL)
		return;
	register_batch(run->plan->desc, run->store, run->rows);
	code = SPI_execute_plan(run->plan->plan, NULL, NULL, false, 0);
	if (code < 0)
		elog(ERROR, "could not execute the statement of route \"%s\": %s",
			 run->route->name, SPI_result_code_string(code));
	SPI_unregister_relation("batch");
	tuplestore_end(run->store);
	run->plan = NULL;
}

/* Read one message and add it to the stretch, or begin another one. */
static void
take(RouteRun *run, const ApplyMessage *message, RouteProgress *progress)
{
	MemoryContext old = MemoryContextSwitchTo(run->row);

	record_read(run->route->shape, message->body, message->body_len, run->values,
				&progress->column);
	MemoryContextSwitchTo(old);
	if (run->plan != NULL && !plan_is_for(run->route, run->plan, run->values->present))
	{
		int			position = progress->position;

		progress->position = -1;	/* what fails now are the messages before */
		flush(run);
		progress->position = position;
	}
	if (run->plan == NULL)
	{
		run->plan = find_plan(run->route, run->values->present, run->target_rows);
		run->store = tuplestore_begin_heap(false, false, work_mem);
		run->rows = 0;
	}
	MemoryContextSwitchTo(run->row);
	put_row(run->route, run->values, run->plan->desc, run->store);
	MemoryContextSwitchTo(old);
	MemoryContextReset(run->row);
	run->rows++;
}

int
route_run(Route *route, ApplyMessage **messages, int count, RouteProgress *progress)
{
	RouteRun	run = {.route = route};

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	run.target_rows = look_at_target(route);
	run.values = record_values(route->shape);
	run.row = AllocSetContextCreate(CurrentMemoryContext, "pg_sqs row", ALLOCSET_DEFAULT_SIZES);

	/* Input functions may run SQL (domains), which wants a snapshot. */
	PushActiveSnapshot(GetTransactionSnapshot());
	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		progress->position = i;
		take(&run, messages[i], progress);
		progress->position = -1;
	}
	flush(&run);
	PopActiveSnapshot();
	SPI_finish();
	return 0;
}
