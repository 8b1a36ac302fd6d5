/*
 * prune.c
 *	  Retention: rows that the ledger and the quarantine no longer need are
 *	  deleted a few at a time, by the first consumer of a subscription.
 *
 * Pruning has the time that messages leave.  While none waits, it takes small
 * steps, each of a few milliseconds and a transaction of its own, with pauses
 * that leave nine tenths of the time to messages.  While messages wait all
 * the time it takes one larger step a minute.  When nothing is left to prune
 * it rests, up to an hour, the longer the less there was to do: so an idle
 * subscription runs one small transaction an hour.
 *
 * Rows go in the order of their age, by an index on (subscription,
 * applied_at), and between two rests the place where the last step ended is
 * remembered, since the entries before it are dead until the next vacuum.
 *
 * The statements run with the rights of the ledger's owner, and nothing of
 * the subscription's owner runs in these transactions.  A failure (somebody
 * holds a lock, the disk is full) is no reason to stop consuming: it is
 * logged once and pruning tries again after its rest.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "consumer.h"
#include "session.h"

#define FIRST_MS 10000			/* after the start */
#define STEP_ROWS 500			/* while nothing waits */
#define STEP_ROWS_BUSY 5000		/* while messages wait all the time */
#define BUSY_MS 60000			/* between two steps then */
#define PAUSE_FACTOR 9			/* of the time that a step took */
#define PAUSE_MIN_MS 10
#define REST_MIN_MS 60000
#define REST_MAX_MS 3600000
#define MANY_ROWS 5000			/* pruned between two rests: rest for a shorter time */
#define STEP_TIMEOUT_MS 5000
#define LOCK_TIMEOUT "100ms"

/*
 * $1 subscription, $2 where the last step ended, $3 rows.  Both return how
 * many rows went, and the age of the last one.
 */
static const char *const ledger_sql =
"WITH gone AS (DELETE FROM sqs.ledger g WHERE g.ctid OPERATOR(pg_catalog.=) ANY (ARRAY("
"  SELECT l.ctid FROM sqs.ledger l WHERE l.subscription OPERATOR(pg_catalog.=) $1"
"   AND l.applied_at OPERATOR(pg_catalog.>=) $2"
"   AND l.applied_at OPERATOR(pg_catalog.<) (SELECT now() OPERATOR(pg_catalog.-) s.dedup_retention"
"    FROM sqs.subscription s WHERE s.id OPERATOR(pg_catalog.=) $1)"
"   ORDER BY l.applied_at LIMIT $3)) RETURNING g.applied_at)"
" SELECT count(*), max(gone.applied_at) FROM gone";

static const char *const quarantine_sql =
"WITH gone AS (DELETE FROM sqs.quarantined g WHERE g.ctid OPERATOR(pg_catalog.=) ANY (ARRAY("
"  SELECT q.ctid FROM sqs.quarantined q WHERE q.subscription OPERATOR(pg_catalog.=) $1"
"   AND q.state OPERATOR(pg_catalog.<>) 'waiting'"
"   AND q.settled_at OPERATOR(pg_catalog.>=) $2"
"   AND q.settled_at OPERATOR(pg_catalog.<) (SELECT now() OPERATOR(pg_catalog.-) s.quarantine_retention"
"    FROM sqs.subscription s WHERE s.id OPERATOR(pg_catalog.=) $1)"
"   ORDER BY q.settled_at LIMIT $3)) RETURNING g.settled_at)"
" SELECT count(*), max(gone.settled_at) FROM gone";

/* From the oldest row of the first table. */
static void
begin_again(Prune *prune)
{
	prune->table = 0;
	prune->rows = 0;
	for (int i = 0; i < PRUNE_TABLES; i++)
		prune->tables[i].from = DT_NOBEGIN;
}

void
prune_init(Consumer *consumer)
{
	Prune	   *prune = &consumer->prune;

	prune->next = consumer_now(consumer) + FIRST_MS;
	prune->last_step = consumer_now(consumer);
	prune->rest_ms = REST_MIN_MS;
	prune->tables[PRUNE_LEDGER].sql = ledger_sql;
	prune->tables[PRUNE_QUARANTINE].sql = quarantine_sql;
	begin_again(prune);
}

/* For this transaction: the index, which a table without statistics may hide, and no patience. */
static void
set_step_settings(void)
{
	static const char *const settings[][2] = {
		{"enable_seqscan", "off"},
		{"enable_sort", "off"},
		{"lock_timeout", LOCK_TIMEOUT},
	};

	for (int i = 0; i < (int) lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

static void
prepare_plan(PruneTable *table)
{
	Oid			types[] = {INT4OID, TIMESTAMPTZOID, INT8OID};
	SPIPlanPtr	plan;

	if (table->plan != NULL)
		return;
	plan = SPI_prepare(table->sql, lengthof(types), types);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare the pruning of pg_sqs: %s",
			 SPI_result_code_string(SPI_result));
	table->plan = plan;
}

/* In a transaction, elevated: delete up to so many rows; returns their number. */
static int64
delete_rows(const Consumer *consumer, PruneTable *table, int64 rows)
{
	Datum		values[] = {Int32GetDatum(consumer->subscription->id),
		TimestampTzGetDatum(table->from), Int64GetDatum(rows)
	};
	int64		count;
	bool		isnull;
	Datum		last;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	prepare_plan(table);
	if (SPI_execute_plan(table->plan, values, NULL, false, 0) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "pruning of pg_sqs returned no result");
	count = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	last = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull);
	if (!isnull)
		table->from = DatumGetTimestampTz(last);
	SPI_finish();
	return count;
}

static int64
run_transaction(const Consumer *consumer, PruneTable *table, int64 rows)
{
	SessionBracket bracket;
	int64		count;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	enable_timeout_after(STATEMENT_TIMEOUT, STEP_TIMEOUT_MS);
	PushActiveSnapshot(GetTransactionSnapshot());
	session_enter_bookkeeping(&bracket);
	set_step_settings();
	count = delete_rows(consumer, table, rows);
	session_leave_bookkeeping(&bracket);
	PopActiveSnapshot();
	CommitTransactionCommand();
	disable_timeout(STATEMENT_TIMEOUT, false);
	return count;
}

/* In the handler of an error: be outside of a transaction, and say it once. */
static void
recover(Consumer *consumer)
{
	ErrorData  *edata;

	MemoryContextSwitchTo(consumer->turn);
	edata = CopyErrorData();
	disable_timeout(STATEMENT_TIMEOUT, false);
	QueryCancelPending = false;
	FlushErrorState();
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(consumer->turn);
	if (consumer->prune.logged != edata->sqlerrcode)
		ereport(LOG,
				(errcode(edata->sqlerrcode),
				 errmsg("pg_sqs subscription \"%s\" could not prune its ledger or quarantine: %s",
						consumer->subscription->name, edata->message),
				 errhint("It goes on consuming, and tries again later.")));
	consumer->prune.logged = edata->sqlerrcode;
	FreeErrorData(edata);
}

/* Returns the rows that went, -1 on failure. */
static int64
step(Consumer *consumer, PruneTable *table, int64 rows)
{
	volatile int64 count = -1;

	PG_TRY();
	{
		count = run_transaction(consumer, table, rows);
		consumer->prune.logged = 0;
	}
	PG_CATCH();
	{
		recover(consumer);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(consumer->turn);
	return count;
}

/* One table is done with: the next one, or a rest after the last. */
static void
go_on(Prune *prune, int64 now)
{
	if (++prune->table < PRUNE_TABLES)
		return;
	if (prune->rows > MANY_ROWS)
		prune->rest_ms = Max(prune->rest_ms / 2, REST_MIN_MS);
	else
		prune->rest_ms = Min(prune->rest_ms * 2, REST_MAX_MS);
	prune->next = now + prune->rest_ms;
	begin_again(prune);
}

static void
prune_step(Consumer *consumer)
{
	Prune	   *prune = &consumer->prune;
	int64		start = consumer_now(consumer);
	int64		wanted = consumer->inbox_count > 0 ? STEP_ROWS_BUSY : STEP_ROWS;
	int64		gone;
	int64		now;

	pgstat_report_activity(STATE_RUNNING, "pruning by retention");
	gone = step(consumer, &prune->tables[prune->table], wanted);
	now = consumer_now(consumer);
	prune->last_step = now;
	prune->rows += Max(gone, 0);
	prune->next = now + Max((now - start) * PAUSE_FACTOR, PAUSE_MIN_MS);
	if (gone < wanted)
		go_on(prune, now);
	(void) pgstat_report_stat(false);
}

int64
prune_next(const Consumer *consumer)
{
	const Prune *prune = &consumer->prune;

	if (consumer->number != 1 || consumer->closing || consumer->apply_trouble.failures > 0)
		return PG_INT64_MAX;
	if (consumer->inbox_count > 0)
		return Max(prune->next, prune->last_step + BUSY_MS);
	return prune->next;
}

void
prune_run(Consumer *consumer)
{
	if (prune_next(consumer) <= consumer_now(consumer))
		prune_step(consumer);
}

void
prune_soon(Consumer *consumer)
{
	consumer->prune.next = consumer_now(consumer);
	begin_again(&consumer->prune);
}
