/*
 * target_run.c
 *	  Running a route by column name: messages become rows of one relation.
 *
 * Messages are read into a tuplestore with the target's own column types,
 * which an ordinary INSERT ... SELECT then sees as the relation "batch".  So
 * defaults, triggers, partitions, row security, views and privileges work as
 * for any INSERT, and no heap is touched from here.
 *
 * Messages are taken in order, one statement for each stretch of messages
 * that name the same columns; sorting them by these would reorder a group.
 * Only a target with a key is read to the end first, to leave out what is
 * superseded within the batch.
 *
 * While a statement runs, its parameters tell which row it is at, so an
 * error has a culprit, unless it may come from what runs after the rows.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "batch_relation.h"
#include "failure.h"
#include "route_target.h"
#include "target_run.h"
#include "upsert_batch.h"

#undef TEXTDOMAIN
#define TEXTDOMAIN FAILURE_DOMAIN

/* What a run carries from message to message. */
typedef struct TargetRun
{
	TargetRoute *route;
	RouteProgress *progress;
	float4		target_rows;
	MemoryContext row;			/* reset after each message */
	TargetPlan *plan;			/* of the stretch being gathered; null = none */
	Tuplestorestate *store;
	int		   *positions;		/* of the stretch's messages */
	int			rows;			/* of the stretch */
	int			at;				/* the row being written, -1 = none yet */
	int			superseded;
	RouteExplanation *explanation;	/* null = nobody asks */
	MemoryContext answers;		/* for what is told in it */
} TargetRun;

/*
 * The statement takes its next row.  What fails from the last one on may be
 * the work of what follows the rows, say an AFTER trigger for another one.
 */
static void
next_row(TargetRun *run)
{
	run->at++;
	if (run->rows > 1)
		run->progress->position = run->at < run->rows - 1 ? run->positions[run->at] : -1;
}

static void
raise_conflict(TargetRun *run)
{
	run->progress->position = run->positions[run->at];
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("a row of the message's key and version is there already, with other content"),
			 errhint("Send a correction with a higher version.")));
}

/* A ParamFetchHook: the statement looks at a parameter. */
static ParamExternData *
fetch_parameter(ParamListInfo params, int number, bool speculative, ParamExternData *parameter)
{
	TargetRun  *run = params->paramFetchArg;

	memset(parameter, 0, sizeof(*parameter));
	if (speculative)
		return parameter;		/* no type: not to be relied on */
	parameter->ptype = BOOLOID;
	parameter->value = BoolGetDatum(number != PARAMETER_SUPERSEDED);
	if (number == PARAMETER_ROW)
		next_row(run);
	else if (number == PARAMETER_CONFLICT)
		raise_conflict(run);
	else
		run->superseded++;
	return parameter;
}

/*
 * May the current user see the rows that come back?  Row security is not put to
 * the test: a statement that returns a row fails where its policies hide it.
 */
static bool
may_return(const TargetRoute *route)
{
	return pg_class_aclcheck(route->target, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		check_enable_rls(route->target, InvalidOid, true) != RLS_ENABLED;
}

/* The rows that the statement returned, for the one who asked. */
static void
tell_rows(TargetRun *run)
{
	RouteExplanation *explanation = run->explanation;

	explanation->rows += SPI_processed;
	for (uint64 i = 0; SPI_tuptable != NULL && i < SPI_processed; i++)
	{
		char	   *row = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		MemoryContext old = MemoryContextSwitchTo(run->answers);

		explanation->written = lappend(explanation->written, pstrdup(row));
		MemoryContextSwitchTo(old);
	}
}

/* The stretch's statement; where its rows are to be told, another one. */
static SPIPlanPtr
statement(TargetRun *run)
{
	TargetPlan *plan = run->plan;

	if (run->explanation == NULL || !may_return(run->route))
		return plan->plan;
	return target_plan_prepare(plan->desc, target_plan_sql(&run->route->plans, plan->desc,
														   plan->present, true));
}

/* Write the stretch gathered so far. */
static void
flush(TargetRun *run)
{
	SPIExecuteOptions options = {0};
	SPIPlanPtr	plan;
	int			code;

	if (run->plan == NULL)
		return;
	plan = statement(run);
	options.params = palloc0(offsetof(ParamListInfoData, params));
	options.params->paramFetch = fetch_parameter;
	options.params->paramFetchArg = run;
	options.params->numParams = PARAMETERS;
	run->at = -1;
	run->progress->position = run->rows == 1 ? run->positions[0] : -1;
	batch_relation_register(run->plan->desc, run->store, run->rows);
	code = SPI_execute_plan_extended(plan, &options);
	if (code < 0)
		elog(ERROR, "could not execute the statement of route \"%s\": %s",
			 run->route->base.name, SPI_result_code_string(code));
	if (run->explanation != NULL)
		tell_rows(run);
	SPI_unregister_relation(BATCH_RELATION);
	tuplestore_end(run->store);
	run->plan = NULL;
	run->progress->position = -1;
}

/* One row into the store: the present columns, of datums for all of them. */
static void
put_row(const TargetRun *run, const bool *present, const Datum *datums, const bool *nulls)
{
	TupleDesc	desc = run->plan->desc;
	Datum	   *row_datums = palloc(sizeof(Datum) * Max(desc->natts, 1));
	bool	   *row_nulls = palloc(sizeof(bool) * Max(desc->natts, 1));
	int			n = 0;

	for (int i = 0; i < run->route->shape->count; i++)
	{
		if (!present[i])
			continue;
		row_datums[n] = datums[i];
		row_nulls[n] = nulls[i];
		n++;
	}
	tuplestore_putvalues(run->store, desc, row_datums, row_nulls);
}

/* Add a message's row to the stretch, or begin another one. */
static void
take(TargetRun *run, int position, const bool *present, const Datum *datums, const bool *nulls)
{
	MemoryContext old;

	if (run->plan != NULL && !target_plan_is_for(&run->route->plans, run->plan, present))
		flush(run);
	if (run->plan == NULL)
	{
		run->plan = target_plan_find(&run->route->plans, present, run->target_rows);
		run->store = tuplestore_begin_heap(false, false, work_mem);
		run->rows = 0;
	}
	run->positions[run->rows++] = position;
	old = MemoryContextSwitchTo(run->row);
	put_row(run, present, datums, nulls);
	MemoryContextSwitchTo(old);
	MemoryContextReset(run->row);
}

/* Read one message; the values' memory lasts until the row's context is reset. */
static void
read_message(TargetRun *run, const ApplyMessage *message, int position, RecordValues *values)
{
	MemoryContext old = MemoryContextSwitchTo(run->row);

	CHECK_FOR_INTERRUPTS();
	run->progress->position = position;
	record_read(run->route->shape, message->body, message->body_len, values,
				&run->progress->column);
	MemoryContextSwitchTo(old);
}

static void
run_inserts(TargetRun *run, ApplyMessage **messages, int count)
{
	RecordValues *values = record_values(run->route->shape);

	for (int i = 0; i < count; i++)
	{
		read_message(run, messages[i], i, values);
		run->progress->position = -1;	/* what fails now are the messages before */
		take(run, i, values->present, values->values, values->nulls);
	}
	flush(run);
}

static void
run_upserts(TargetRun *run, ApplyMessage **messages, int count)
{
	TargetRoute *route = run->route;
	RecordValues *values = record_values(route->shape);
	UpsertBatch *batch = upsert_batch_create(route->upsert, route->shape, route->shape_desc, count);

	for (int i = 0; i < count; i++)
	{
		read_message(run, messages[i], i, values);
		upsert_batch_add(batch, values, i);
		MemoryContextReset(run->row);
	}
	run->progress->position = -1;
	run->superseded += batch->superseded;
	for (int i = 0; i < batch->count; i++)
	{
		UpsertRow  *row = &batch->rows[i];

		if (row->superseded)
			continue;
		if (row->same >= 0)
			flush(run);			/* the target shall compare the two */
		heap_deform_tuple(row->tuple, route->shape_desc, values->values, values->nulls);
		take(run, row->position, row->present, values->values, values->nulls);
	}
	flush(run);
}

static int
run_messages(TargetRun *run, ApplyMessage **messages, int count)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	run->target_rows = route_target_look(run->route);
	run->row = AllocSetContextCreate(CurrentMemoryContext, "pg_sqs row", ALLOCSET_DEFAULT_SIZES);
	run->positions = palloc_extended(sizeof(int) * Max(count, 1), MCXT_ALLOC_HUGE);

	/* Input functions may run SQL (domains), which wants a snapshot. */
	PushActiveSnapshot(GetTransactionSnapshot());
	if (run->route->upsert == NULL)
		run_inserts(run, messages, count);
	else
		run_upserts(run, messages, count);
	PopActiveSnapshot();
	SPI_finish();
	return run->superseded;
}

int
target_run(Route *base, ApplyMessage **messages, int count, RouteProgress *progress)
{
	TargetRun	run = {.route = (TargetRoute *) base, .progress = progress};

	return run_messages(&run, messages, count);
}

void
target_run_explain(Route *base, ApplyMessage *message, RouteProgress *progress,
				   RouteExplanation *explanation)
{
	TargetRun	run = {.route = (TargetRoute *) base, .progress = progress,
		.explanation = explanation, .answers = CurrentMemoryContext
	};

	explanation->superseded = run_messages(&run, &message, 1);
}
