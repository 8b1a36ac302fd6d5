/*
 * stats.c
 *	  What SQL sees of the shared area.
 *
 * The function shows every slot of the cluster; it is not for everybody, and
 * the view that is, joins it with what its reader may see.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "shmem.h"

#define STATS_COLUMNS 23

PG_FUNCTION_INFO_V1(sqs_is_loaded);
PG_FUNCTION_INFO_V1(sqs_consumer_stats);

static const char *
state_name(ConsumerState state)
{
	switch (state)
	{
		case CONSUMER_STARTING:
			return "starting";
		case CONSUMER_RUNNING:
			return "running";
		case CONSUMER_BACKOFF:
			return "backing off";
		case CONSUMER_ERROR:
			return "error";
		case CONSUMER_FENCED:
			return "fenced";
		case CONSUMER_WAITING:
			return "waiting for a worker";
		case CONSUMER_STOPPED:
			return "stopped";
	}
	return "unknown";
}

/* Was pg_sqs loaded by shared_preload_libraries? */
Datum
sqs_is_loaded(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	PG_RETURN_BOOL(sqs_shared != NULL);
}

static void
set_time(Datum *value, bool *isnull, TimestampTz time)
{
	*value = TimestampTzGetDatum(time);
	*isnull = time == 0;
}

static void
set_text(Datum *value, bool *isnull, const char *text)
{
	*isnull = text[0] == '\0';
	if (!*isnull)
		*value = CStringGetTextDatum(text);
}

static void
set_lag(Datum *value, bool *isnull, int64 lag_ms)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->time = lag_ms * 1000;
	*value = IntervalPGetDatum(interval);
	*isnull = lag_ms < 0;
}

static Datum
counter_datum(pg_atomic_uint64 *counter)
{
	return Int64GetDatum((int64) pg_atomic_read_u64(counter));
}

/* A row from a slot; strings are copied, nothing points into the slot. */
static void
put_slot(ReturnSetInfo *result, ConsumerSlot *slot, ConsumerCounters *counters)
{
	bool		here = slot->database == MyDatabaseId;	/* elsewhere text may be in another encoding */
	Datum		values[STATS_COLUMNS] = {0};
	bool		nulls[STATS_COLUMNS] = {0};
	int			i = 0;

	values[i++] = ObjectIdGetDatum(slot->database);
	values[i++] = Int32GetDatum(slot->subscription);
	values[i++] = Int32GetDatum(slot->consumer);
	nulls[i] = slot->pid == 0;
	values[i++] = Int32GetDatum((int32) slot->pid);
	values[i++] = CStringGetTextDatum(state_name(slot->state));
	set_time(&values[i], &nulls[i], slot->state_since);
	i++;
	set_time(&values[i], &nulls[i], slot->last_commit);
	i++;
	set_lag(&values[i], &nulls[i], slot->lag_ms);
	i++;
	set_text(&values[i], &nulls[i], here ? slot->last_error : "");
	i++;
	set_text(&values[i], &nulls[i], slot->last_error_sqlstate);
	i++;
	set_text(&values[i], &nulls[i], here ? slot->last_error_hint : "");
	i++;
	set_time(&values[i], &nulls[i], slot->last_error_at);
	i++;
	values[i++] = counter_datum(&counters->received);
	values[i++] = counter_datum(&counters->applied);
	values[i++] = counter_datum(&counters->duplicates);
	values[i++] = counter_datum(&counters->superseded);
	values[i++] = counter_datum(&counters->quarantined);
	values[i++] = counter_datum(&counters->blocked);
	values[i++] = counter_datum(&counters->retried);
	values[i++] = counter_datum(&counters->deleted);
	values[i++] = counter_datum(&counters->api_calls);
	values[i++] = counter_datum(&counters->api_errors);
	set_time(&values[i], &nulls[i], slot->stats_since);
	i++;
	Assert(i == STATS_COLUMNS);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * One row for each slot: database, subscription, consumer, pid, state,
 * state_since, last_commit, lag, the last error (text, SQLSTATE, hint, time),
 * the ten counters, and since when they count.
 */
Datum
sqs_consumer_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	if (result->setDesc->natts != STATS_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the pg_sqs library and its SQL objects are of different versions"),
				 errhint("Run ALTER EXTENSION pg_sqs UPDATE, or restart the server after an upgrade of the package.")));
	if (sqs_shared == NULL)
		PG_RETURN_NULL();

	for (int i = 0; i < sqs_shared->slot_count; i++)
	{
		ConsumerSlot *slot = &sqs_shared->slots[i];
		ConsumerSlot copy;

		LWLockAcquire(sqs_shared->lock, LW_SHARED);
		memcpy(&copy, slot, sizeof(copy));
		LWLockRelease(sqs_shared->lock);
		if (copy.in_use && !copy.retired)
			put_slot(result, &copy, &slot->counters);
	}
	PG_RETURN_NULL();
}
