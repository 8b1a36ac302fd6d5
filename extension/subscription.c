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
 *
 * The fence: a row remembers where it is at home.  A restored copy carries
 * the row to another database, to another cluster (where the database may
 * well have the same oid), to another timeline or to a server with another
 * node_id, and must not consume until somebody says so with sqs.enable.
 * node_id lies outside of the data directory and is therefore believed more
 * than cluster and timeline, which an upgrade and a failover change as well.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "guc.h"
#include "session.h"
#include "sqs.h"
#include "subscription.h"

PG_FUNCTION_INFO_V1(sqs_fence_reason);

/* The columns in the order of SubscriptionColumn. */
#define SUBSCRIPTION_SELECT \
	"SELECT id, name, owner, server, queue_url, enabled, dedup_scope, " \
	"visibility_timeout, max_batch, max_polls, system, database, timeline, node_id " \
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
	COLUMN_SYSTEM,
	COLUMN_DATABASE,
	COLUMN_TIMELINE,
	COLUMN_NODE_ID
} SubscriptionColumn;

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

/* A column of a row; all that are read with it are NOT NULL. */
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

void
subscription_home(SubscriptionHome *home)
{
	home->system = (int64) GetSystemIdentifier();
	home->database = MyDatabaseId;
	if (RecoveryInProgress())
		(void) GetXLogReplayRecPtr(&home->timeline);
	else
		home->timeline = GetWALInsertionTimeLine();
	home->node_id = sqs_node_id != NULL ? sqs_node_id : "";
}

/* Why the row must not run here, or null. */
static char *
subscription_fence(int64 system, Oid database, int64 timeline, const char *node_id)
{
	SubscriptionHome home;

	subscription_home(&home);
	if (database != home.database)
		return psprintf("it was made in another database (oid %u, this one is %u)",
						database, home.database);
	if (strcmp(node_id, home.node_id) != 0)
		return psprintf("it belongs to pg_sqs.node_id \"%s\", this server's is \"%s\"",
						node_id, home.node_id);
	if (home.node_id[0] == '\0' && system != home.system)
		return psprintf("it was made in another cluster (system identifier " INT64_FORMAT ", this one is " INT64_FORMAT ")",
						system, home.system);
	if (home.node_id[0] == '\0' && timeline != (int64) home.timeline)
		return psprintf("it was made on timeline " INT64_FORMAT ", this server is on %u (after a restore or a failover)",
						timeline, home.timeline);
	return NULL;
}

/* SQL: sqs.fence_reason(system, database, timeline, node_id); null = not fenced. */
Datum
sqs_fence_reason(PG_FUNCTION_ARGS)
{
	char	   *reason = subscription_fence(PG_GETARG_INT64(0), PG_GETARG_OID(1), PG_GETARG_INT64(2),
											text_to_cstring(PG_GETARG_TEXT_PP(3)));

	if (reason == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(reason));
}

static DedupScope
subscription_scope(uint64 row)
{
	char	   *scope = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
									 COLUMN_DEDUP_SCOPE);

	if (scope == NULL)
		return DEDUP_SCOPE_UNKNOWN;
	return strcmp(scope, "queue") == 0 ? DEDUP_SCOPE_QUEUE : DEDUP_SCOPE_GROUP;
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
	subscription->dedup_scope = subscription_scope(0);
	subscription->visibility_timeout =
		DatumGetInt32(subscription_datum(0, COLUMN_VISIBILITY_TIMEOUT));
	subscription->max_batch = DatumGetInt32(subscription_datum(0, COLUMN_MAX_BATCH));
	subscription->max_polls = DatumGetInt32(subscription_datum(0, COLUMN_MAX_POLLS));
	subscription->fence_reason =
		subscription_fence(DatumGetInt64(subscription_datum(0, COLUMN_SYSTEM)),
						   DatumGetObjectId(subscription_datum(0, COLUMN_DATABASE)),
						   DatumGetInt64(subscription_datum(0, COLUMN_TIMELINE)),
						   TextDatumGetCString(subscription_datum(0, COLUMN_NODE_ID)));
	subscription->fenced = subscription->fence_reason != NULL;
	return subscription;
}

/* Inside a read: the routes, by name; allocated in the given context. */
static List *
subscription_routes(int32 id, MemoryContext context)
{
	List	   *routes = NIL;
	MemoryContext old;

	subscription_execute("SELECT name, target FROM sqs.route "
						 "WHERE subscription OPERATOR(pg_catalog.=) $1 ORDER BY name",
						 INT4OID, Int32GetDatum(id), SPI_OK_SELECT);
	old = MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		SubscriptionRoute *route = palloc(sizeof(SubscriptionRoute));

		route->name = pstrdup(NameStr(*DatumGetName(subscription_datum(i, 1))));
		route->target = DatumGetObjectId(subscription_datum(i, 2));
		routes = lappend(routes, route);
	}
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

bool
subscription_role_is(Oid role, const char *name)
{
	Oid			other = get_role_oid(name, true);

	return OidIsValid(other) && has_privs_of_role(role, other);
}

/* May the current user operate it, or look at it when a looker's role is given? */
static void
subscription_check_role(const Subscription *subscription, const char *also)
{
	Oid			user = GetUserId();

	if (has_privs_of_role(user, subscription->owner) ||
		subscription_role_is(user, SQS_ADMIN_ROLE) ||
		(also != NULL && subscription_role_is(user, also)))
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for subscription \"%s\"", subscription->name),
			 errhint("It takes its owner's privileges or those of the role \"%s\".",
					 also != NULL ? also : SQS_ADMIN_ROLE)));
}

void
subscription_check_operator(const Subscription *subscription)
{
	subscription_check_role(subscription, NULL);
}

void
subscription_check_viewer(const Subscription *subscription)
{
	subscription_check_role(subscription, SQS_MONITOR_ROLE);
}
