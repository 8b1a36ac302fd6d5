/*
 * route_statement.c
 *	  A route by statement: any data-modifying SQL over the relation "batch".
 *
 * The statement is prepared once and run once a batch, whatever the number
 * of messages.  It runs under the search_path with which it was added: what
 * its names mean must not depend on who applies a message.  PostgreSQL makes
 * the plan anew when something it depends on has changed; beyond that it is
 * made anew after a time, since it is generic and was made for the sizes that
 * its tables had.  A young plan, which may have been made for an empty
 * table, lives shortest.
 *
 * What fails is not known to be one message's fault, but for the reading of
 * the bodies.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "batch_relation.h"
#include "failure.h"
#include "route_kind.h"
#include "route_statement.h"
#include "target.h"

#undef TEXTDOMAIN
#define TEXTDOMAIN FAILURE_DOMAIN

#define YOUNG_PLAN_LIFE_MS (10 * 1000)
#define PLAN_LIFE_MS (5 * 60 * 1000)

typedef struct StatementRoute
{
	Route		base;
	char	   *statement;
	char	   *search_path;
	SPIPlanPtr	plan;			/* null = not yet */
	TimestampTz made;
	int			life_ms;		/* of the plan */
	uint64		checked;		/* target_changes() when what it writes to was looked at */
} StatementRoute;

/* The route's search_path, for a GUC nest level that the caller opened. */
void
route_statement_set_path(const char *search_path)
{
	(void) set_config_option("search_path", search_path != NULL ? search_path : "",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

SPIPlanPtr
route_statement_prepare(const char *statement)
{
	SPIPlanPtr	plan;

	batch_relation_register_empty(batch_relation_desc());
	plan = SPI_prepare(statement, 0, NULL);
	SPI_unregister_relation(BATCH_RELATION);
	if (plan == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a route's statement cannot be of this kind (%s)",
						SPI_result_code_string(SPI_result)),
				 errhint("Write an INSERT, UPDATE, DELETE or MERGE that reads the relation batch.")));
	return plan;
}

static void
forget_plan(StatementRoute *route)
{
	SPIPlanPtr	plan = route->plan;

	route->plan = NULL;
	if (plan != NULL)
		SPI_freeplan(plan);
}

/* Have a plan that is not too old; SPI is connected, the search_path set. */
static void
have_plan(StatementRoute *route)
{
	TimestampTz now = GetCurrentTimestamp();
	SPIPlanPtr	plan;

	if (route->plan != NULL && !TimestampDifferenceExceeds(route->made, now, route->life_ms))
		return;
	route->life_ms = route->plan == NULL ? YOUNG_PLAN_LIFE_MS :
		Min(route->life_ms * 2, PLAN_LIFE_MS);
	forget_plan(route);
	plan = route_statement_prepare(route->statement);
	SPI_keepplan(plan);
	route->plan = plan;
	route->made = now;
}

static bool
look_for_writes(Node *node, void *context)
{
	bool	   *found = context;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;

		if (query->resultRelation > 0)
		{
			RangeTblEntry *entry = rt_fetch(query->resultRelation, query->rtable);
			uint64		state = 0;

			*found = true;
			target_check_storage(entry->relid, &state);
		}
		return query_tree_walker(query, look_for_writes, context, 0);
	}
	return expression_tree_walker(node, look_for_writes, context);
}

bool
route_statement_writes(Query *query)
{
	bool		found = false;

	(void) look_for_writes((Node *) query, &found);
	return found;
}

/*
 * As when the route was added, for the tables may have changed.  The plan was
 * just executed, so it is about what is there now, and locked.
 */
static void
check_written(StatementRoute *route)
{
	uint64		changes = target_changes();
	CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(route->plan));
	ListCell   *cell;

	if (route->checked == changes)
		return;
	foreach(cell, source->query_list)
		(void) route_statement_writes(lfirst_node(Query, cell));
	route->checked = changes;
}

/* Run the statement over some messages; returns the rows that it counts. */
static uint64
run_statement(StatementRoute *route, Tuplestorestate *store, int count)
{
	SPIExecuteOptions options = {.dest = None_Receiver};
	int			code;

	have_plan(route);
	batch_relation_register(batch_relation_desc(), store, count);
	code = SPI_execute_plan_extended(route->plan, &options);
	if (code < 0)
		elog(ERROR, "could not execute the statement of route \"%s\": %s",
			 route->base.name, SPI_result_code_string(code));
	SPI_unregister_relation(BATCH_RELATION);
	check_written(route);
	return SPI_processed;
}

/* SPI and the search_path, for what is done between begin and end. */
static int
begin(StatementRoute *route)
{
	int			level;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	PushActiveSnapshot(GetTransactionSnapshot());
	level = NewGUCNestLevel();
	route_statement_set_path(route->search_path);
	return level;
}

static void
end(int level)
{
	AtEOXact_GUC(false, level);
	PopActiveSnapshot();
	SPI_finish();
}

static int
statement_run(Route *base, ApplyMessage **messages, int count, RouteProgress *progress)
{
	StatementRoute *route = (StatementRoute *) base;
	int			level = begin(route);

	(void) run_statement(route, batch_relation_fill(messages, count, progress), count);
	end(level);
	return 0;
}

/* The plan as EXPLAIN shows it, in the given context. */
static char *
explain_plan(const StatementRoute *route, MemoryContext context)
{
	StringInfoData sql;
	StringInfoData plan;

	initStringInfo(&sql);
	appendStringInfo(&sql, "EXPLAIN (COSTS OFF) %s", route->statement);
	batch_relation_register_empty(batch_relation_desc());
	if (SPI_execute(sql.data, false, 0) < 0)
		elog(ERROR, "could not explain the statement of route \"%s\"", route->base.name);
	SPI_unregister_relation(BATCH_RELATION);
	initStringInfo(&plan);
	for (uint64 i = 0; i < SPI_processed; i++)
		appendStringInfo(&plan, "%s%s", i > 0 ? "\n" : "",
						 SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
	return MemoryContextStrdup(context, plan.data);
}

static void
statement_explain(Route *base, ApplyMessage *message, RouteProgress *progress,
				  RouteExplanation *explanation)
{
	StatementRoute *route = (StatementRoute *) base;
	MemoryContext context = CurrentMemoryContext;
	int			level = begin(route);

	explanation->plan = explain_plan(route, context);
	explanation->rows = run_statement(route, batch_relation_fill(&message, 1, progress), 1);
	end(level);
}

static void
statement_free(Route *base)
{
	forget_plan((StatementRoute *) base);
}

static const RouteKind statement_kind = {statement_free, statement_run, statement_explain};

Route *
route_statement_create(const SubscriptionRoute *configuration)
{
	StatementRoute *route = palloc0(sizeof(StatementRoute));

	route->base.kind = &statement_kind;
	route->statement = pstrdup(configuration->statement);
	route->search_path = configuration->search_path != NULL ?
		pstrdup(configuration->search_path) : NULL;
	return &route->base;
}
