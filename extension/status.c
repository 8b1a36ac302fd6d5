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
#include "subscription.h"

PG_FUNCTION_INFO_V1(sqs_status_rows);

/*
 * $1 the caller, $2 may see all, $3 this database, $4 consumers run neither
 * here nor now (a standby), $5 pg_sqs.enabled.
 *
 * A subscription that should run and has no slot yet is about to start,
 * unless something of the above stands in its way.
 */
static const char *const status_sql =
"SELECT s.name,"
"  CASE WHEN NOT s.enabled OR NOT $5 THEN 'disabled'"
"    WHEN c.state IS NOT NULL THEN c.state"
"    WHEN f.reason IS NOT NULL OR $4 THEN 'fenced'"
"    WHEN NOT sqs.is_loaded() THEN 'not loaded'"
"    ELSE 'starting' END,"
"  c.state_since, c.pid, s.owner, s.queue_url,"
"  (SELECT pg_catalog.array_agg(r.target ORDER BY r.name) FILTER (WHERE r.target IS NOT NULL) FROM sqs.route r"
"    WHERE r.subscription OPERATOR(pg_catalog.=) s.id),"
"  c.lag, c.last_commit, coalesce(c.last_error, f.reason), c.last_error_sqlstate,"
"  coalesce(c.last_error_hint, CASE WHEN f.reason IS NOT NULL"
"    THEN 'If this server shall consume the queue, call sqs.enable.' END),"
"  c.last_error_at, c.received, c.applied, c.duplicates, c.blocked, c.retried,"
"  c.deleted, c.api_calls, c.api_errors, c.stats_since"
" FROM sqs.subscription s LEFT JOIN sqs.consumer_stats() c"
"   ON c.database OPERATOR(pg_catalog.=) $3 AND c.subscription OPERATOR(pg_catalog.=) s.id"
" CROSS JOIN LATERAL (SELECT CASE WHEN s.enabled THEN"
"   sqs.fence_reason(s.system, s.database, s.timeline, s.node_id) END) f(reason)"
" WHERE $2 OR pg_catalog.pg_has_role($1, s.owner, 'USAGE')"
" ORDER BY s.name";

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

	InitMaterializedSRF(fcinfo, 0);
	session_enter_bookkeeping(&bracket);
	status_query(caller, all, (ReturnSetInfo *) fcinfo->resultinfo);
	session_leave_bookkeeping(&bracket);
	return (Datum) 0;
}
