/*
 * route_commands.c
 *	  sqs.add_route and sqs.drop_route.
 *
 * As with subscriptions, a route is built in memory, checked, and only then
 * written.  It acts with the rights of the subscription's owner, so whoever
 * adds one must be able to act as that owner without us.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "launcher.h"
#include "route_check.h"
#include "session.h"
#include "subscription_check.h"
#include "subscription_write.h"

PG_FUNCTION_INFO_V1(sqs_add_route);
PG_FUNCTION_INFO_V1(sqs_drop_route);

typedef enum AddArgument
{
	ADD_SUBSCRIPTION,
	ADD_ROUTE,
	ADD_TARGET,
	ADD_STATEMENT,
	ADD_KEY,
	ADD_VERSION,
	ADD_RESCUE_COLUMN,
	ADD_ON_ERROR
} AddArgument;

static char *
command_text(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* A name that status lines and logs can show as it is. */
static char *
command_route_name(FunctionCallInfo fcinfo, int argument)
{
	char	   *name = command_text(fcinfo, argument);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the route's name must not be null"),
				 errhint("SELECT name FROM sqs.route lists the routes that there are.")));
	return subscription_check_name("route", name);
}

/* The names of the key's columns; NIL when none is given. */
static List *
command_key(FunctionCallInfo fcinfo)
{
	List	   *key = NIL;
	Datum	   *names;
	bool	   *nulls;
	int			count;

	if (PG_ARGISNULL(ADD_KEY))
		return NIL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(ADD_KEY), TEXTOID, -1, false, TYPALIGN_INT,
					  &names, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		ListCell   *cell;
		char	   *name = nulls[i] ? "" : TextDatumGetCString(names[i]);
		bool		again = name[0] == '\0';

		foreach(cell, key)
			again |= strcmp(lfirst(cell), name) == 0;
		if (again)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("key must name columns, each once"),
					 errhint("For example key => ARRAY['transaction_id'].")));
		key = lappend(key, name);
	}
	if (key == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key must name at least one column"),
				 errhint("Leave it out for a route that only inserts.")));
	return key;
}

static bool
command_on_error(FunctionCallInfo fcinfo)
{
	char	   *on_error = command_text(fcinfo, ADD_ON_ERROR);

	if (on_error == NULL || strcmp(on_error, "message") == 0)
		return false;
	if (strcmp(on_error, "route") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid on_error: \"%s\"", on_error),
				 errhint("Give 'message' (all routes write a message or none does) or 'route' (what this route refuses goes to the quarantine while the others commit).")));
	return true;
}

/*
 * The schemas that the caller's search_path means now: what "$user" means
 * must not depend on who applies a message.
 */
static char *
command_search_path(void)
{
	StringInfoData path;
	ListCell   *cell;

	initStringInfo(&path);
	foreach(cell, fetch_search_path(false))
	{
		char	   *schema = get_namespace_name(lfirst_oid(cell));

		if (schema != NULL && !isAnyTempNamespace(lfirst_oid(cell)))
			appendStringInfo(&path, "%s, ", quote_identifier(schema));
	}
	appendStringInfoString(&path, "pg_temp");	/* last, or it would be first */
	return path.data;
}

static void
refuse(const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", what),
			 errhint("%s", hint)));
}

/* The arguments must fit each other. */
static void
command_check_arguments(const SubscriptionRoute *route, bool has_target)
{
	ListCell   *cell;

	if (has_target == (route->statement != NULL))
		refuse("a route takes either a target or a statement",
			   "Give target => 'schema.table' or statement => 'INSERT ... FROM batch'.");
	if (route->statement != NULL &&
		(route->key != NIL || route->version != NULL || route->rescue_column != NULL))
		refuse("key, version and rescue_column are for routes with a target",
			   "A statement says it itself, with ON CONFLICT or MERGE.");
	if (route->version != NULL && route->key == NIL)
		refuse("a version takes a key",
			   "Name the columns that identify a row with key => ARRAY[...].");
	foreach(cell, route->key)
	{
		if (route->version != NULL && strcmp(lfirst(cell), route->version) == 0)
			refuse("the version cannot be part of the key",
				   "The key says which rows are one, the version which of them is newer.");
	}
}

/* sqs.add_route(subscription, route, target, statement, key, version, rescue_column, on_error) */
Datum
sqs_add_route(PG_FUNCTION_ARGS)
{
	Subscription *subscription = subscription_to_change(fcinfo, 0);
	SubscriptionRoute route = {0};

	subscription_check_act_as(subscription->owner);
	route.name = command_route_name(fcinfo, ADD_ROUTE);
	route.target = PG_ARGISNULL(ADD_TARGET) ? InvalidOid : PG_GETARG_OID(ADD_TARGET);
	route.statement = command_text(fcinfo, ADD_STATEMENT);
	route.search_path = route.statement != NULL ? command_search_path() : NULL;
	route.key = command_key(fcinfo);
	route.version = command_text(fcinfo, ADD_VERSION);
	route.rescue_column = command_text(fcinfo, ADD_RESCUE_COLUMN);
	route.on_error_route = command_on_error(fcinfo);
	command_check_arguments(&route, !PG_ARGISNULL(ADD_TARGET));
	route_check(&route, subscription->owner);
	if (!subscription_insert_route(subscription, &route))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("subscription \"%s\" has a route \"%s\" already", subscription->name,
						route.name),
				 errhint("Choose another name, or drop that route first, in the same transaction: sqs.drop_route(%s, %s).",
						 quote_literal_cstr(subscription->name), quote_literal_cstr(route.name))));
	launcher_rescan_at_commit();
	PG_RETURN_VOID();
}

/* How many messages wait in the quarantine for this route alone? */
static int64
command_waiting(const Subscription *subscription, const char *route)
{
	Oid			types[] = {INT4OID, TEXTOID};
	Datum		values[] = {Int32GetDatum(subscription->id), CStringGetTextDatum(route)};
	SessionBracket bracket;
	int64		waiting;
	bool		isnull;

	session_enter_bookkeeping(&bracket);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args("SELECT count(*) FROM sqs.quarantined "
							  "WHERE subscription OPERATOR(pg_catalog.=) $1 "
							  "AND route OPERATOR(pg_catalog.=) $2::pg_catalog.name "
							  "AND state OPERATOR(pg_catalog.=) 'waiting'",
							  lengthof(types), types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read sqs.quarantined");
	waiting = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	session_leave_bookkeeping(&bracket);
	return waiting;
}

/* What the user should know of a route that is gone. */
static void
command_notice_dropped(const Subscription *subscription, const char *route)
{
	int64		waiting = command_waiting(subscription, route);

	if (waiting > 0)
		ereport(NOTICE,
				(errmsg("messages that wait in the quarantine for route \"%s\": " INT64_FORMAT, route, waiting),
				 errhint("They stay there: add a route of that name and run sqs.retry, or run sqs.discard.")));
	if (list_length(subscription->routes) == 1)
		ereport(NOTICE,
				(errmsg("subscription \"%s\" has no route any more, its messages stay in the queue",
						subscription->name),
				 errhint("Give it one with sqs.add_route(%s, ...).",
						 quote_literal_cstr(subscription->name))));
}

/* sqs.drop_route(subscription, route) */
Datum
sqs_drop_route(PG_FUNCTION_ARGS)
{
	Subscription *subscription = subscription_to_change(fcinfo, 0);
	char	   *name = command_route_name(fcinfo, 1);

	if (!subscription_delete_route(subscription, name))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("subscription \"%s\" has no route \"%s\"", subscription->name, name),
				 errhint("SELECT name FROM sqs.route lists them.")));
	command_notice_dropped(subscription, name);
	launcher_rescan_at_commit();
	PG_RETURN_VOID();
}
