/*
 * explain.c
 *	  sqs.explain: what the routes would write for a message.
 *
 * They write it, and it is taken back.  All of it happens in a
 * subtransaction that never commits, each route's part in one of its own: a
 * route that fails is told with its error, and the next one is tried, seeing
 * what those before it wrote, as with a real message.  The ledger is not
 * asked, so messages that were applied can be explained, too.
 *
 * Constraints may be deferred to the commit, which never comes.  So they are
 * made immediate: after the routes, or, where somebody else's session must
 * not leave deferred work of the owner's, before them.  Before the owner's
 * rights are taken, in any case: what the caller has deferred is the
 * caller's.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "record.h"
#include "route.h"
#include "session.h"
#include "subtransaction.h"

PG_FUNCTION_INFO_V1(sqs_explain);

typedef enum ExplainArgument
{
	EXPLAIN_SUBSCRIPTION,
	EXPLAIN_BODY,
	EXPLAIN_GROUP_ID,
	EXPLAIN_DEDUP_ID,
	EXPLAIN_SEQUENCE_NUMBER,
	EXPLAIN_ATTRIBUTES
} ExplainArgument;

typedef enum ExplainColumn
{
	EXPLAINED_ROUTE,
	EXPLAINED_TARGET,
	EXPLAINED_ROWS,
	EXPLAINED_SUPERSEDED,
	EXPLAINED_WRITTEN,
	EXPLAINED_PLAN,
	EXPLAINED_SQLSTATE,
	EXPLAINED_ERROR,
	EXPLAINED_COLUMNS
} ExplainColumn;

typedef struct Explain
{
	ReturnSetInfo *result;
	Oid			owner;
	bool		restricted;		/* the session is not the owner's own */
	ApplyMessage message;

	/* The route at hand; null: the constraints that were deferred. */
	const SubscriptionRoute *configuration;
	Route	   *route;
	RouteProgress progress;
	RouteExplanation explanation;
} Explain;

static void
set_constraints_immediate(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute("SET CONSTRAINTS ALL IMMEDIATE", false, 0) < 0)
		elog(ERROR, "could not set constraints");
	SPI_finish();
}

/* As the owner: the route at hand, or what it deferred. */
static void
act(void *arg)
{
	Explain    *explain = arg;
	SessionBracket bracket;

	session_enter_owner(&bracket, explain->owner, explain->restricted);
	if (explain->route != NULL)
		route_explain(explain->route, &explain->message, &explain->progress,
					  &explain->explanation);
	else
		set_constraints_immediate();
	session_leave_owner(&bracket);
}

/*
 * act in a subtransaction of its own.  Returns its error, or null.  What a
 * route did stays for the next one; a change of constraints' modes would
 * survive a later rollback if it were not taken back here.
 */
static ErrorData *
try_act(Explain *explain)
{
	explain->progress.position = -1;
	explain->progress.column = NULL;
	return explain->route != NULL ? subtransaction_run(act, explain) : subtransaction_try(act, explain);
}

/* The message, and where in the body it was. */
static char *
error_text(const Explain *explain, const ErrorData *error)
{
	const char *column = explain->progress.column;

	if (column == record_whole_body)
		return psprintf("message body: %s", error->message);
	return column != NULL ? psprintf("column \"%s\": %s", column, error->message) : error->message;
}

static void
put_result(Explain *explain, const char *written, const ErrorData *error)
{
	const RouteExplanation *explanation = &explain->explanation;
	const SubscriptionRoute *route = explain->configuration;
	Datum		values[EXPLAINED_COLUMNS] = {0};
	bool		nulls[EXPLAINED_COLUMNS];

	memset(nulls, true, sizeof(nulls));
#define SET_RESULT(column, datum) (values[column] = (datum), nulls[column] = false)
	if (route != NULL)
		SET_RESULT(EXPLAINED_ROUTE, CStringGetTextDatum(route->name));
	if (route != NULL && route->statement == NULL)
		SET_RESULT(EXPLAINED_TARGET, ObjectIdGetDatum(route->target));
	if (error == NULL)
	{
		SET_RESULT(EXPLAINED_ROWS, Int64GetDatum((int64) explanation->rows));
		SET_RESULT(EXPLAINED_SUPERSEDED, BoolGetDatum(explanation->superseded > 0));
	}
	if (written != NULL)
		SET_RESULT(EXPLAINED_WRITTEN, CStringGetTextDatum(written));
	if (explanation->plan != NULL)
		SET_RESULT(EXPLAINED_PLAN, CStringGetTextDatum(explanation->plan));
	if (error != NULL)
	{
		SET_RESULT(EXPLAINED_SQLSTATE, CStringGetTextDatum(unpack_sql_state(error->sqlerrcode)));
		SET_RESULT(EXPLAINED_ERROR, CStringGetTextDatum(error_text(explain, error)));
	}
#undef SET_RESULT
	tuplestore_putvalues(explain->result->setResult, explain->result->setDesc, values, nulls);
}

/* A route is told in one row for each row that it wrote, or in one. */
static void
tell(Explain *explain, const ErrorData *error)
{
	ListCell   *cell;

	if (error != NULL || explain->explanation.written == NIL)
	{
		put_result(explain, NULL, error);
		return;
	}
	foreach(cell, explain->explanation.written)
		put_result(explain, lfirst(cell), NULL);
}

/* Somebody wants us to stop: that is no answer of the route's. */
static bool
must_stop(const ErrorData *error)
{
	return error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED;
}

static void
explain_route(Explain *explain, const SubscriptionRoute *configuration)
{
	ErrorData  *error;

	explain->configuration = configuration;
	explain->route = route_create(configuration);
	memset(&explain->explanation, 0, sizeof(explain->explanation));
	error = try_act(explain);
	/* the column that an error is told with is the route's */
	if (!must_stop(error))
		tell(explain, error);
	route_free(explain->route);
	if (must_stop(error))
		ReThrowError(error);
}

/* What the routes deferred: an error of it is told without a route. */
static void
explain_deferred(Explain *explain)
{
	ErrorData  *error;

	explain->configuration = NULL;
	explain->route = NULL;
	memset(&explain->explanation, 0, sizeof(explain->explanation));
	error = try_act(explain);
	if (must_stop(error))
		ReThrowError(error);
	if (error != NULL)
		tell(explain, error);
}

/* All routes, in a subtransaction that is taken back. */
static void
explain_routes(Explain *explain, List *routes)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ListCell   *cell;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		if (explain->restricted)
			set_constraints_immediate();
		foreach(cell, routes)
			explain_route(explain, lfirst(cell));
		if (!explain->restricted)
			explain_deferred(explain);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		ReThrowError(error);
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

static const char *
given_text(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

static void
read_message(FunctionCallInfo fcinfo, ApplyMessage *message)
{
	const char *body = given_text(fcinfo, EXPLAIN_BODY);

	if (PG_ARGISNULL(EXPLAIN_BODY))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the body must not be null"),
				 errhint("Give the text of a message's body, such as '{\"id\": 1}'.")));
	message->message_id = "explain";
	message->group_id = given_text(fcinfo, EXPLAIN_GROUP_ID);
	message->dedup_id = given_text(fcinfo, EXPLAIN_DEDUP_ID);
	message->sequence_number = given_text(fcinfo, EXPLAIN_SEQUENCE_NUMBER);
	message->attributes = given_text(fcinfo, EXPLAIN_ATTRIBUTES);
	message->source = "";
	message->source_sha256 = "";
	message->body = pg_server_to_any(body, strlen(body), PG_UTF8);
	message->body_len = strlen(message->body);
	message->sent_ms = (GetCurrentTimestamp() / 1000) +
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (int64) SECS_PER_DAY * 1000;
	message->receive_count = 1;
}

/* sqs.explain(subscription, body, group_id, dedup_id, sequence_number, attributes) */
Datum
sqs_explain(PG_FUNCTION_ARGS)
{
	Subscription *subscription = subscription_argument(fcinfo, EXPLAIN_SUBSCRIPTION);
	Explain		explain = {.owner = subscription->owner};

	subscription_check_operator(subscription);
	InitMaterializedSRF(fcinfo, 0);
	explain.result = (ReturnSetInfo *) fcinfo->resultinfo;
	explain.restricted = GetSessionUserId() != subscription->owner ||
		GetUserId() != subscription->owner || InSecurityRestrictedOperation();
	read_message(fcinfo, &explain.message);
	explain_routes(&explain, subscription->routes);
	return (Datum) 0;
}
