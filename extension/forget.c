/*
 * forget.c
 *	  sqs.forget: an audited removal from the ledger, for a replay.
 *
 * Batches wait while it runs and until its transaction ends, and those under
 * way are waited for: else one that began before and commits after would
 * keep its rows, and its messages would be missing in the replay.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "session.h"
#include "subscription.h"
#include "subscription_write.h"

PG_FUNCTION_INFO_V1(sqs_forget);

/* $1 the subscription, $2 and $3 the range, $4 why, $5 who. */
static const char *const forget_sql =
"WITH gone AS (DELETE FROM sqs.ledger WHERE subscription OPERATOR(pg_catalog.=) $1"
"    AND applied_at OPERATOR(pg_catalog.>=) $2 AND applied_at OPERATOR(pg_catalog.<) $3 RETURNING 1)"
" INSERT INTO sqs.forgotten (subscription, applied_from, applied_to, rows, reason, forgotten_by)"
" SELECT $1, $2, $3, count(*), $4, $5 FROM gone RETURNING rows";

static void
forget_check(FunctionCallInfo fcinfo)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("sqs.forget cannot run in a transaction that is REPEATABLE READ or SERIALIZABLE"),
				 errdetail("It would not see what was applied since the transaction began."),
				 errhint("Run it in a transaction that is READ COMMITTED.")));
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"from\", \"to\" and reason must not be null"),
				 errhint("Say from when until when messages were applied that shall be forgotten, and why.")));
	if (PG_GETARG_TIMESTAMPTZ(1) >= PG_GETARG_TIMESTAMPTZ(2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"from\" must be before \"to\""),
				 errhint("What was applied at \"from\" is forgotten, what was applied at \"to\" is not.")));
	if (strspn(text_to_cstring(PG_GETARG_TEXT_PP(3)), " \t\r\n") ==
		strlen(text_to_cstring(PG_GETARG_TEXT_PP(3))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a reason must be given"),
				 errhint("It is kept in sqs.forgotten, next to your name.")));
}

/* A replay writes again what a route without a key has written. */
static void
forget_notice(const Subscription *subscription)
{
	ListCell   *cell;

	foreach(cell, subscription->routes)
	{
		SubscriptionRoute *route = lfirst(cell);

		if (route->statement == NULL && route->key == NIL)
			ereport(NOTICE,
					(errmsg("route \"%s\" has no key: a replay adds its rows once more", route->name),
					 errhint("Remove the rows that the forgotten messages wrote, or give the route a key.")));
	}
}

static int64
forget_run(const Subscription *subscription, FunctionCallInfo fcinfo, const char *who)
{
	Oid			types[] = {INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID};
	Datum		values[] = {Int32GetDatum(subscription->id), PG_GETARG_DATUM(1), PG_GETARG_DATUM(2),
		PG_GETARG_DATUM(3), CStringGetTextDatum(who)
	};
	int64		rows;
	bool		isnull;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(forget_sql, lengthof(types), types, values, NULL, false, 0) !=
		SPI_OK_INSERT_RETURNING)
		elog(ERROR, "could not forget");
	rows = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return rows;
}

/* sqs.forget(subscription text, "from" timestamptz, "to" timestamptz, reason text) */
Datum
sqs_forget(PG_FUNCTION_ARGS)
{
	Subscription *subscription = subscription_argument(fcinfo, 0);
	char	   *who = GetUserNameFromId(GetSessionUserId(), false);
	SessionBracket bracket;
	int64		rows;

	subscription_check_operator(subscription);
	forget_check(fcinfo);
	subscription_lock_batches(subscription);
	subscription = subscription_argument(fcinfo, 0);	/* as it is now, if it still is */
	subscription_check_operator(subscription);
	forget_notice(subscription);
	session_enter_bookkeeping(&bracket);
	rows = forget_run(subscription, fcinfo, who);
	session_leave_bookkeeping(&bracket);
	PG_RETURN_INT64(rows);
}
