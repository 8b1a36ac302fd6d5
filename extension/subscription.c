/*
 * subscription.c
 *	  The configuration tables, read into memory.
 *
 * Reading is plain SQL as the extension's owner, bracketed here, so that it
 * works whoever the caller acts as at the moment.  A database without the
 * extension has no subscriptions; that is no error, because workers look
 * into databases that somebody else may be changing.  The tables are found
 * by the extension's oid and never by name alone: another extension may have
 * a schema sqs.
 */
#include "postgres.h"

#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "session.h"
#include "sql_version.h"
#include "sqs.h"
#include "subscription.h"

/* The columns in the order of SubscriptionColumn. */
#define SUBSCRIPTION_SELECT \
	"SELECT id, name, owner, server, queue_url, enabled, dedup_scope, visibility_timeout, " \
	"max_batch, max_polls, consumers, policy, dedup_key, dedup_retention, quarantine_retention, " \
	"unwrap_sns, receipts, system, database, timeline, node_id " \
	"FROM sqs.subscription WHERE "

typedef enum SubscriptionColumn
{
	COLUMN_ID = 1,
	COLUMN_NAME,
	COLUMN_OWNER,
	COLUMN_SERVER,
	COLUMN_QUEUE_URL,
	COLUMN_ENABLED,
	COLUMN_DEDUP_SCOPE,
	COLUMN_VISIBILITY_TIMEOUT,
	COLUMN_MAX_BATCH,
	COLUMN_MAX_POLLS,
	COLUMN_CONSUMERS,
	COLUMN_POLICY,
	COLUMN_DEDUP_KEY,
	COLUMN_DEDUP_RETENTION,
	COLUMN_QUARANTINE_RETENTION,
	COLUMN_UNWRAP_SNS,
	COLUMN_RECEIPTS,
	COLUMN_SYSTEM,
	COLUMN_DATABASE,
	COLUMN_TIMELINE,
	COLUMN_NODE_ID
} SubscriptionColumn;

/* ... and of RouteColumn. */
#define ROUTE_SELECT \
	"SELECT name, target, statement, search_path, key, version, rescue_column, " \
	"on_error OPERATOR(pg_catalog.=) 'route', stopped_since IS NOT NULL " \
	"FROM sqs.route WHERE subscription OPERATOR(pg_catalog.=) $1 ORDER BY name"

typedef enum RouteColumn
{
	ROUTE_NAME = 1,
	ROUTE_TARGET,
	ROUTE_STATEMENT,
	ROUTE_SEARCH_PATH,
	ROUTE_KEY,
	ROUTE_VERSION,
	ROUTE_RESCUE_COLUMN,
	ROUTE_ON_ERROR,
	ROUTE_STOPPED
} RouteColumn;

/* By SubscriptionPolicy. */
const char *const subscription_policies[] = {"quarantine", "quarantine_group", "block"};

/* What an open read has to undo. */
typedef struct SubscriptionRead
{
	SessionBracket bracket;
	bool		snapshot;		/* pushed here */
	MemoryContext caller;		/* where results go */
} SubscriptionRead;

/* Does pg_sqs, with its tables, exist in this database? */
static bool
subscription_installed(void)
{
	Oid			extension = get_extension_oid("pg_sqs", true);
	Oid			schema = get_namespace_oid("sqs", true);
	Oid			table;

	if (!OidIsValid(extension) || !OidIsValid(schema))
		return false;
	table = get_relname_relid("subscription", schema);
	return OidIsValid(table) && getExtensionOfObject(RelationRelationId, table) == extension;
}

static void
subscription_read_begin(SubscriptionRead *read)
{
	read->caller = CurrentMemoryContext;
	sql_version_check();
	read->snapshot = !ActiveSnapshotSet();
	if (read->snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());
	session_enter_bookkeeping(&read->bracket);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

static void
subscription_read_end(SubscriptionRead *read)
{
	SPI_finish();
	session_leave_bookkeeping(&read->bracket);
	if (read->snapshot)
		PopActiveSnapshot();
	MemoryContextSwitchTo(read->caller);
}

static void
subscription_execute(const char *sql, Oid type, Datum value, int expected)
{
	int			result = SPI_execute_with_args(sql, OidIsValid(type) ? 1 : 0, &type, &value,
											   NULL, false, 0);

	if (result != expected)
		elog(ERROR, "could not run \"%s\": %s", sql, SPI_result_code_string(result));
}

/* A column of a row that is NOT NULL. */
static Datum
subscription_datum(uint64 row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
									  column, &isnull);

	if (isnull)
		elog(ERROR, "column %d of sqs.subscription or sqs.route is null", column);
	return value;
}

/* Text or a name as it is written, or null; in the current memory context. */
static char *
subscription_text(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

static int
subscription_int(int column)
{
	return DatumGetInt32(subscription_datum(0, column));
}

/* An interval, copied. */
static Interval *
subscription_interval(int column)
{
	Interval   *interval = palloc(sizeof(Interval));

	*interval = *DatumGetIntervalP(subscription_datum(0, column));
	return interval;
}

static DedupScope
subscription_scope(void)
{
	char	   *scope = subscription_text(0, COLUMN_DEDUP_SCOPE);

	if (scope == NULL)
		return DEDUP_SCOPE_UNKNOWN;
	return strcmp(scope, "queue") == 0 ? DEDUP_SCOPE_QUEUE : DEDUP_SCOPE_GROUP;
}

static SubscriptionPolicy
subscription_policy(void)
{
	const char *policy = subscription_text(0, COLUMN_POLICY);

	for (int i = 0; i < lengthof(subscription_policies); i++)
	{
		if (policy != NULL && strcmp(policy, subscription_policies[i]) == 0)
			return (SubscriptionPolicy) i;
	}
	elog(ERROR, "column policy of sqs.subscription holds something else");
	return POLICY_QUARANTINE;	/* not reached */
}

static void
subscription_form_settings(Subscription *subscription)
{
	subscription->dedup_scope = subscription_scope();
	subscription->visibility_timeout = subscription_int(COLUMN_VISIBILITY_TIMEOUT);
	subscription->max_batch = subscription_int(COLUMN_MAX_BATCH);
	subscription->max_polls = subscription_int(COLUMN_MAX_POLLS);
	subscription->consumers = subscription_int(COLUMN_CONSUMERS);
	subscription->policy = subscription_policy();
	subscription->dedup_key = subscription_text(0, COLUMN_DEDUP_KEY);
	subscription->dedup_retention = subscription_interval(COLUMN_DEDUP_RETENTION);
	subscription->quarantine_retention = subscription_interval(COLUMN_QUARANTINE_RETENTION);
	subscription->unwrap_sns = DatumGetBool(subscription_datum(0, COLUMN_UNWRAP_SNS));
	subscription->receipts = subscription_text(0, COLUMN_RECEIPTS);
}

/* The row that SPI has just read, in the current memory context. */
static Subscription *
subscription_form(void)
{
	Subscription *subscription = palloc0(sizeof(Subscription));

	subscription->id = DatumGetInt32(subscription_datum(0, COLUMN_ID));
	subscription->name = pstrdup(NameStr(*DatumGetName(subscription_datum(0, COLUMN_NAME))));
	subscription->owner = DatumGetObjectId(subscription_datum(0, COLUMN_OWNER));
	subscription->server = pstrdup(NameStr(*DatumGetName(subscription_datum(0, COLUMN_SERVER))));
	subscription->queue_url = TextDatumGetCString(subscription_datum(0, COLUMN_QUEUE_URL));
	subscription->enabled = DatumGetBool(subscription_datum(0, COLUMN_ENABLED));
	subscription->fifo = awsx_sqs_is_fifo(subscription->queue_url);
	subscription_form_settings(subscription);
	subscription->fence_reason =
		subscription_fence(DatumGetInt64(subscription_datum(0, COLUMN_SYSTEM)),
						   DatumGetObjectId(subscription_datum(0, COLUMN_DATABASE)),
						   DatumGetInt64(subscription_datum(0, COLUMN_TIMELINE)),
						   TextDatumGetCString(subscription_datum(0, COLUMN_NODE_ID)));
	subscription->fenced = subscription->fence_reason != NULL;
	return subscription;
}

/* The key's columns; NIL when there is none. */
static List *
subscription_route_key(uint64 row)
{
	List	   *key = NIL;
	bool		isnull;
	Datum		array = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
									  ROUTE_KEY, &isnull);
	Datum	   *names;
	bool	   *nulls;
	int			count;

	if (isnull)
		return NIL;
	deconstruct_array(DatumGetArrayTypeP(array), NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR,
					  &names, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i])
			key = lappend(key, pstrdup(NameStr(*DatumGetName(names[i]))));
	}
	return key;
}

/* A route that SPI has just read, in the current memory context. */
static SubscriptionRoute *
subscription_form_route(uint64 row)
{
	SubscriptionRoute *route = palloc0(sizeof(SubscriptionRoute));
	bool		isnull;
	Datum		target = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
									   ROUTE_TARGET, &isnull);

	route->name = subscription_text(row, ROUTE_NAME);
	route->target = isnull ? InvalidOid : DatumGetObjectId(target);
	route->statement = subscription_text(row, ROUTE_STATEMENT);
	route->search_path = subscription_text(row, ROUTE_SEARCH_PATH);
	route->key = subscription_route_key(row);
	route->version = subscription_text(row, ROUTE_VERSION);
	route->rescue_column = subscription_text(row, ROUTE_RESCUE_COLUMN);
	route->on_error_route = DatumGetBool(subscription_datum(row, ROUTE_ON_ERROR));
	route->stopped = DatumGetBool(subscription_datum(row, ROUTE_STOPPED));
	return route;
}

/* Inside a read: the routes, by name; allocated in the given context. */
static List *
subscription_routes(int32 id, MemoryContext context)
{
	List	   *routes = NIL;
	MemoryContext old;

	subscription_execute(ROUTE_SELECT, INT4OID, Int32GetDatum(id), SPI_OK_SELECT);
	old = MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
		routes = lappend(routes, subscription_form_route(i));
	MemoryContextSwitchTo(old);
	return routes;
}

/* One subscription by a condition on $1, or null. */
static Subscription *
subscription_read(const char *sql, Oid type, Datum key)
{
	SubscriptionRead read;
	Subscription *subscription = NULL;

	if (!subscription_installed())
		return NULL;

	subscription_read_begin(&read);
	subscription_execute(sql, type, key, SPI_OK_SELECT);
	if (SPI_processed > 0)
	{
		MemoryContext old = MemoryContextSwitchTo(read.caller);

		subscription = subscription_form();
		MemoryContextSwitchTo(old);
		subscription->routes = subscription_routes(subscription->id, read.caller);
	}
	subscription_read_end(&read);
	return subscription;
}

Subscription *
subscription_load(int32 id)
{
	return subscription_read(SUBSCRIPTION_SELECT "id OPERATOR(pg_catalog.=) $1",
							 INT4OID, Int32GetDatum(id));
}

Subscription *
subscription_by_name(const char *name)
{
	Subscription *subscription =
		subscription_read(SUBSCRIPTION_SELECT "name OPERATOR(pg_catalog.=) $1",
						  TEXTOID, CStringGetTextDatum(name));

	if (subscription == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("subscription \"%s\" does not exist", name),
				 errhint("SELECT subscription FROM sqs.status lists the subscriptions of this database.")));
	return subscription;
}

Subscription *
subscription_argument(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the subscription must not be null"),
				 errhint("Name one; SELECT subscription FROM sqs.status lists them.")));
	return subscription_by_name(text_to_cstring(PG_GETARG_TEXT_PP(argument)));
}

List *
subscription_list(void)
{
	SubscriptionRead read;
	List	   *list = NIL;
	MemoryContext old;

	if (!subscription_installed())
		return NIL;

	subscription_read_begin(&read);
	subscription_execute("SELECT id, name, enabled FROM sqs.subscription ORDER BY id",
						 InvalidOid, (Datum) 0, SPI_OK_SELECT);
	old = MemoryContextSwitchTo(read.caller);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		SubscriptionSummary *summary = palloc(sizeof(SubscriptionSummary));

		summary->id = DatumGetInt32(subscription_datum(i, 1));
		summary->name = pstrdup(NameStr(*DatumGetName(subscription_datum(i, 2))));
		summary->enabled = DatumGetBool(subscription_datum(i, 3));
		list = lappend(list, summary);
	}
	MemoryContextSwitchTo(old);
	subscription_read_end(&read);
	return list;
}

void
subscription_set_scope(int32 id, DedupScope scope)
{
	SubscriptionRead read;

	if (scope == DEDUP_SCOPE_UNKNOWN || !subscription_installed())
		return;

	subscription_read_begin(&read);
	subscription_execute(scope == DEDUP_SCOPE_QUEUE ?
						 "UPDATE sqs.subscription SET dedup_scope = 'queue' "
						 "WHERE id OPERATOR(pg_catalog.=) $1 AND dedup_scope IS NULL" :
						 "UPDATE sqs.subscription SET dedup_scope = 'messageGroup' "
						 "WHERE id OPERATOR(pg_catalog.=) $1 AND dedup_scope IS NULL",
						 INT4OID, Int32GetDatum(id), SPI_OK_UPDATE);
	subscription_read_end(&read);
}
