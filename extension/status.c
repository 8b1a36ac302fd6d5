/*
 * status.c
 *	  The rows of the view sqs.status: configuration and what the consumers
 *	  say of themselves.
 *
 * A view's relations are read as the view's owner, but its functions are
 * called as the user.  Whoever may read the view would thus need the right
 * to call the function with everybody's statistics; so the view reads one
 * function, this one, which joins as the extension's owner and leaves out
 * what the caller may not see.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "guc.h"
#include "session.h"
#include "sql_version.h"
#include "subscription.h"

PG_FUNCTION_INFO_V1(sqs_status_rows);

/* Nobody needs to know more exactly, and the view must stay cheap. */
#define STATUS_MAX_COUNT 10000

/*
 * $1 the caller, $2 may see all, $3 this database, $4 consumers run neither
 * here nor now (a standby), $5 pg_sqs.enabled.
 *
 * A subscription that should run and has no slot yet is about to start,
 * unless something of the above stands in its way.  Of several consumers the
 * one that is worst off says how the subscription is.
 */
static const char *const status_sql =
"WITH c AS (SELECT *, CASE c.state WHEN 'error' THEN 1 WHEN 'fenced' THEN 2"
"    WHEN 'backing off' THEN 3 WHEN 'waiting for a worker' THEN 4 WHEN 'stopped' THEN 5"
"    WHEN 'starting' THEN 6 ELSE 7 END AS rank"
"  FROM sqs.consumer_stats() c WHERE c.database OPERATOR(pg_catalog.=) $3),"
" worst AS (SELECT DISTINCT ON (c.subscription) c.subscription, c.state, c.state_since, c.pid"
"  FROM c ORDER BY c.subscription, c.rank, c.state_since),"
" failed AS (SELECT DISTINCT ON (c.subscription) c.subscription, c.last_error,"
"    c.last_error_sqlstate, c.last_error_hint, c.last_error_at"
"  FROM c WHERE c.last_error_at IS NOT NULL"
"  ORDER BY c.subscription, c.rank, c.last_error_at DESC),"
" total AS (SELECT c.subscription, array_agg(c.pid ORDER BY c.pid) FILTER (WHERE c.pid IS NOT NULL) AS pids,"
"    max(c.lag) AS lag, max(c.last_commit) AS last_commit, sum(c.received)::bigint AS received,"
"    sum(c.applied)::bigint AS applied, sum(c.duplicates)::bigint AS duplicates,"
"    sum(c.superseded)::bigint AS superseded, sum(c.quarantined)::bigint AS quarantined,"
"    sum(c.blocked)::bigint AS blocked, sum(c.retried)::bigint AS retried,"
"    sum(c.deleted)::bigint AS deleted, sum(c.api_calls)::bigint AS api_calls,"
"    sum(c.api_errors)::bigint AS api_errors, min(c.stats_since) AS stats_since"
"  FROM c GROUP BY c.subscription),"
" rows AS (SELECT s.name, CASE WHEN NOT s.enabled OR NOT $5 THEN 'disabled'"
"      WHEN worst.state IS NOT NULL THEN worst.state"
"      WHEN f.reason IS NOT NULL OR $4 THEN 'fenced'"
"      WHEN NOT sqs.is_loaded() THEN 'not loaded'"
"      ELSE 'starting' END AS state,"
"    worst.state_since, worst.pid, total.pids, s.consumers, s.owner, s.queue_url, r.targets,"
"    total.lag, total.last_commit, coalesce(failed.last_error, f.reason) AS last_error,"
"    failed.last_error_sqlstate, coalesce(failed.last_error_hint, CASE WHEN f.reason IS NOT NULL"
"      THEN 'If this server shall consume the queue, call sqs.enable.' END) AS last_error_hint,"
"    failed.last_error_at, r.stopped_routes, r.stopped_reason,"
"    (SELECT count(*) FROM (SELECT FROM sqs.quarantined q WHERE q.subscription OPERATOR(pg_catalog.=) s.id"
"      AND q.state OPERATOR(pg_catalog.=) 'waiting' LIMIT " CppAsString2(STATUS_MAX_COUNT) ") q) AS waiting,"
"    (SELECT count(*) FROM (SELECT FROM sqs.held_group h WHERE h.subscription OPERATOR(pg_catalog.=) s.id"
"      LIMIT " CppAsString2(STATUS_MAX_COUNT) ") h) AS held_groups,"
"    total.received, total.applied, total.duplicates, total.superseded, total.quarantined,"
"    total.blocked, total.retried, total.deleted, total.api_calls, total.api_errors, total.stats_since"
"  FROM sqs.subscription s"
"  LEFT JOIN worst ON worst.subscription OPERATOR(pg_catalog.=) s.id"
"  LEFT JOIN failed ON failed.subscription OPERATOR(pg_catalog.=) s.id"
"  LEFT JOIN total ON total.subscription OPERATOR(pg_catalog.=) s.id"
"  CROSS JOIN LATERAL (SELECT CASE WHEN s.enabled THEN"
"    sqs.fence_reason(s.system, s.database, s.timeline, s.node_id) END) f(reason)"
"  CROSS JOIN LATERAL (SELECT"
"    array_agg(r.target ORDER BY r.name) FILTER (WHERE r.target IS NOT NULL) AS targets,"
"    array_agg(r.name ORDER BY r.name) FILTER (WHERE r.stopped_since IS NOT NULL) AS stopped_routes,"
"    string_agg(format('route %s is stopped since %s: %s', r.name,"
"      date_trunc('second', r.stopped_since), r.stopped_reason), '; ' ORDER BY r.name)"
"      FILTER (WHERE r.stopped_since IS NOT NULL) AS stopped_reason"
"    FROM sqs.route r WHERE r.subscription OPERATOR(pg_catalog.=) s.id) r"
"  WHERE $2 OR pg_catalog.pg_has_role($1, s.owner, 'USAGE')) "
"SELECT name, state, state_since,"
"  nullif(concat_ws('; ',"
"    CASE WHEN state OPERATOR(pg_catalog.=) ANY (ARRAY['error', 'fenced', 'backing off']) THEN last_error END,"
"    CASE state WHEN 'not loaded' THEN 'pg_sqs is not in shared_preload_libraries'"
"      WHEN 'waiting for a worker' THEN 'no free background worker: raise max_worker_processes' END,"
"    CASE WHEN state OPERATOR(pg_catalog.=) 'running' AND cardinality(pids) OPERATOR(pg_catalog.<) consumers"
"      THEN format('%s of %s consumers run', cardinality(pids), consumers) END,"
"    stopped_reason,"
"    CASE WHEN held_groups OPERATOR(pg_catalog.>) 0 THEN format('%s held: see sqs.release', CASE held_groups"
"      WHEN 1 THEN '1 group is' ELSE format('%s groups are', held_groups) END) END,"
"    CASE WHEN waiting OPERATOR(pg_catalog.>) 0 THEN format('%s in the quarantine: see sqs.quarantine', CASE waiting"
"      WHEN 1 THEN '1 message waits' ELSE format('%s messages wait', waiting) END) END), ''),"
"  pid, pids, consumers, owner, queue_url, targets, lag, last_commit,"
"  last_error, last_error_sqlstate, last_error_hint, last_error_at, stopped_routes, held_groups, waiting,"
"  received, applied, duplicates, superseded, quarantined, blocked, retried, deleted,"
"  api_calls, api_errors, stats_since FROM rows ORDER BY name";

/* Run the query into the result; as the extension's owner. */
static void
status_query(Oid caller, bool all, ReturnSetInfo *result)
{
	Oid			types[] = {OIDOID, BOOLOID, OIDOID, BOOLOID, BOOLOID};
	Datum		values[] = {ObjectIdGetDatum(caller), BoolGetDatum(all),
		ObjectIdGetDatum(MyDatabaseId), BoolGetDatum(RecoveryInProgress()),
		BoolGetDatum(sqs_launcher_enabled)
	};

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(status_sql, lengthof(types), types, values, NULL, false, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not read the status of the subscriptions");
	if (SPI_tuptable->tupdesc->natts != result->setDesc->natts)
		elog(ERROR, "sqs.status_rows does not return what this library returns");

	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	SPI_finish();
}

Datum
sqs_status_rows(PG_FUNCTION_ARGS)
{
	Oid			caller = GetUserId();
	bool		all = subscription_role_is(caller, SQS_MONITOR_ROLE);
	SessionBracket bracket;

	sql_version_check();
	InitMaterializedSRF(fcinfo, 0);
	session_enter_bookkeeping(&bracket);
	status_query(caller, all, (ReturnSetInfo *) fcinfo->resultinfo);
	session_leave_bookkeeping(&bracket);
	return (Datum) 0;
}
