/*
 * scanner.c
 *	  What should run?  A short-lived worker that reads the subscriptions of
 *	  one database and brings their slots up to date.
 *
 * A scan also fingerprints each subscription's configuration, the rows of
 * its owner, server and user mappings included: a consumer restarts only
 * when its own fingerprint has changed.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "common/hashfn.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "launcher.h"
#include "scanner.h"
#include "shmem.h"
#include "slots.h"
#include "sql_version.h"
#include "subscription.h"

/* A catalog row's version: another one after every UPDATE. */
static void
append_row_version(StringInfo out, HeapTuple tuple)
{
	if (!HeapTupleIsValid(tuple))
	{
		appendStringInfoString(out, "-;");
		return;
	}
	appendStringInfo(out, "%u/%u/%u;", HeapTupleHeaderGetRawXmin(tuple->t_data),
					 ItemPointerGetBlockNumber(&tuple->t_self),
					 ItemPointerGetOffsetNumber(&tuple->t_self));
	ReleaseSysCache(tuple);
}

static void
append_server_version(StringInfo out, const Subscription *subscription)
{
	ForeignServer *server = GetForeignServerByName(subscription->server, true);
	Datum		owner = ObjectIdGetDatum(subscription->owner);
	Datum		id;

	append_row_version(out, SearchSysCache1(AUTHOID, owner));
	if (server == NULL)
		return;
	id = ObjectIdGetDatum(server->serverid);
	append_row_version(out, SearchSysCache1(FOREIGNSERVEROID, id));
	append_row_version(out, SearchSysCache2(USERMAPPINGUSERSERVER, owner, id));
	append_row_version(out, SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid), id));
}

static void
append_text(StringInfo out, const char *text)
{
	appendStringInfo(out, "%s;", text != NULL ? text : "-");
}

/* Everything that a consumer has read of a route. */
static void
append_route(StringInfo out, const SubscriptionRoute *route)
{
	ListCell   *cell;

	appendStringInfo(out, "%s>%u;%d;%d;", route->name, route->target, route->on_error_route,
					 route->stopped);
	append_text(out, route->statement);
	append_text(out, route->search_path);
	append_text(out, route->version);
	append_text(out, route->rescue_column);
	foreach(cell, route->key)
		append_text(out, lfirst(cell));
}

/*
 * Retentions and receipts are left out: they are read when they are needed.
 * The number of consumers is left out: each of them runs on when it changes.
 */
uint32
scanner_config_hash(const Subscription *subscription)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	appendStringInfo(&text, "%s;%u;%s;%s;%d;%d;%d;%d;%d;%d;%d;", subscription->name,
					 subscription->owner,
					 subscription->server, subscription->queue_url, subscription->fifo,
					 subscription->dedup_scope,
					 subscription->visibility_timeout, subscription->max_batch,
					 subscription->max_polls, subscription->policy, subscription->unwrap_sns);
	append_text(&text, subscription->dedup_key);
	foreach(cell, subscription->routes)
		append_route(&text, lfirst(cell));
	append_server_version(&text, subscription);
	return hash_bytes((const unsigned char *) text.data, text.len);
}

static int
compare_wishes(const void *a, const void *b)
{
	const SlotWish *x = a;
	const SlotWish *y = b;

	return x->consumer != y->consumer ? x->consumer - y->consumer
		: (x->subscription > y->subscription) - (x->subscription < y->subscription);
}

/* A slot for each consumer of the subscription; returns their number. */
static int
put_wishes(SlotWish *wishes, const Subscription *subscription)
{
	int			count = Max(1, subscription->consumers);
	uint32		hash = scanner_config_hash(subscription);

	for (int i = 0; i < count; i++)
		wishes[i] = (SlotWish) {
			.subscription = subscription->id,
			.consumer = i + 1,
			.name = subscription->name,
			.fenced = subscription->fenced,
			.reason = subscription->fence_reason,
			.config_hash = hash
		};
	return count;
}

/*
 * The slots this database should have; returns their number.  First each
 * subscription's first consumer: where slots are few, all run a little.
 */
static int
collect_wishes(SlotWish **wishes)
{
	List	   *subscriptions = NIL;
	int			count = 0;
	ListCell   *cell;

	foreach(cell, subscription_list())
	{
		SubscriptionSummary *summary = lfirst(cell);
		Subscription *subscription = summary->enabled ? subscription_load(summary->id) : NULL;

		if (subscription == NULL || !subscription->enabled)
			continue;
		subscriptions = lappend(subscriptions, subscription);
		count += Max(1, subscription->consumers);
	}
	*wishes = palloc0(sizeof(SlotWish) * (count + 1));
	count = 0;
	foreach(cell, subscriptions)
		count += put_wishes(&(*wishes)[count], lfirst(cell));
	qsort(*wishes, count, sizeof(SlotWish), compare_wishes);
	return count;
}

static void
log_fenced(const SlotWish *wish)
{
	ereport(LOG,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("pg_sqs subscription \"%s\" is fenced: %s", wish->name,
					wish->reason ? wish->reason : "it belongs to another server"),
			 errhint("If this server shall consume the queue, run sqs.enable() for the subscription.")));
}

static void
log_homeless(int count)
{
	ereport(LOG,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg_plural("%d pg_sqs consumer does not run: all consumer slots are taken",
						   "%d pg_sqs consumers do not run: all consumer slots are taken",
						   count, count),
			 errhint("Raise pg_sqs.max_consumers and restart the server.")));
}

/*
 * Objects of another version: nothing can be read, nothing shall run.  The
 * next scan comes with ALTER EXTENSION, or with the server's next start.
 */
static bool
is_of_another_version(void)
{
	char	   *problem;
	char	   *hint;

	if (!OidIsValid(get_extension_oid("pg_sqs", true)) || !sql_version_differs(&problem, &hint))
		return false;
	ereport(LOG,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("pg_sqs does not run in database \"%s\": %s",
					get_database_name(MyDatabaseId), problem),
			 errhint("%s", hint)));
	return true;
}

/* Nothing a role or database sets may slow or stop a scan. */
static void
pin_scanner_session(void)
{
	SetConfigOption("search_path", "", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("statement_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("lock_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("idle_in_transaction_session_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("application_name", "pg_sqs scanner", PGC_USERSET, PGC_S_SESSION);
}

void
sqs_scanner_main(Datum arg)
{
	Oid			database = DatumGetObjectId(arg);
	SlotWish   *wishes = NULL;
	int			count = 0;
	int			homeless;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	if (sqs_shared == NULL || !shmem_attach_scanner(database))
		proc_exit(0);
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	pin_scanner_session();

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, "reading pg_sqs subscriptions");
	if (!is_of_another_version())
		count = collect_wishes(&wishes);
	homeless = slots_sync(database, wishes, count);
	for (int i = 0; i < count; i++)
	{
		if (wishes[i].fence_is_news && wishes[i].consumer == 1)
			log_fenced(&wishes[i]);
	}
	if (homeless > 0)
		log_homeless(homeless);
	PopActiveSnapshot();
	CommitTransactionCommand();

	shmem_scanner_done();
	proc_exit(0);
}
