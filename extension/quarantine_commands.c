/*
 * quarantine_commands.c
 *	  sqs.retry, sqs.release and sqs.discard: what a person does with the
 *	  quarantine.
 *
 * A message is applied here as sqs.ingest does it, by the consumer's code, in
 * the caller's transaction, each in a subtransaction.  Bookkeeping follows
 * what the owner's code did, which is safe here: see apply_within.c.
 *
 * sqs.retry does not keep the consumer out: both enter the key into the ledger
 * before they touch the row in the quarantine, so one waits for the other and
 * then finds a duplicate.  (What waits for a single route no consumer wants,
 * but another person may; so it is locked.)  sqs.release does: it locks the
 * subscription's row against batches, which begin by looking which groups are
 * held.  A batch that had parked a message has committed when the lock is had,
 * so the message is replayed; one that comes later finds the group released.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "applier.h"
#include "apply_within.h"
#include "quarantine_rows.h"
#include "statement.h"
#include "subtransaction.h"

PG_FUNCTION_INFO_V1(sqs_retry);
PG_FUNCTION_INFO_V1(sqs_release);
PG_FUNCTION_INFO_V1(sqs_discard);

static Statement lock_out = {"SELECT id FROM sqs.subscription WHERE id = $1 FOR UPDATE",
SPI_OK_SELECT, 1, {INT4OID}};

static Statement end_hold = {"DELETE FROM sqs.held_group WHERE subscription = $1 AND group_id = $2",
SPI_OK_DELETE, 2, {INT4OID, TEXTOID}};

/* Of two contents under one key that wait in a group the later one is the correction. */
static Statement supersede = {"UPDATE sqs.quarantined AS q SET state = 'superseded', settled_by = $3, settled_at = now()"
	" WHERE q.subscription = $1 AND q.group_id = $2 AND q.state = 'waiting' AND q.route = ''"
	" AND q.reason <> 'dedup_conflict'"
	" AND EXISTS (SELECT FROM sqs.quarantined c WHERE c.subscription = $1 AND c.group_id = $2"
	"  AND c.state = 'waiting' AND c.route = '' AND c.dedup_key = q.dedup_key"
	"  AND (length(c.sequence_number), c.sequence_number, c.id)"
	"   > (length(q.sequence_number), q.sequence_number, q.id))",
SPI_OK_UPDATE, 3, {INT4OID, TEXTOID, TEXTOID}};

/* What one call works with. */
typedef struct Replay
{
	Subscription *subscription;
	Applier    *applier;
	const char *by;				/* the caller's name */
	MemoryContext row_context;	/* reset before each row */
	QuarantineRow row;
	int			route;
} Replay;

/* The subscription, if the caller may operate it. */
static Subscription *
operated(FunctionCallInfo fcinfo)
{
	Subscription *subscription = subscription_argument(fcinfo, 0);

	subscription_check_operator(subscription);
	return subscription;
}

static int
find_route(const Applier *applier, const char *name)
{
	for (int i = 0; i < applier->route_count; i++)
	{
		if (strcmp(applier->routes[i].name, name) == 0)
			return i;
	}
	return -1;
}

static void
apply_route(void *arg)
{
	Replay	   *replay = arg;
	SessionBracket bracket;

	applier_apply_route(replay->applier, &replay->row.message, replay->route, &bracket);
	session_leave_owner(&bracket);
}

/* One route of a message whose others were applied. */
static bool
replay_route(Replay *replay, Failure *failure)
{
	Applier    *applier = replay->applier;
	ErrorData  *error;

	applier_reset_outcomes(&replay->row.message, 1);
	error = subtransaction_run(apply_route, replay);
	if (error == NULL)
		return true;
	failure_describe(failure, error, applier->progress.column);
	if (failure->class == FAILURE_OUTAGE)
		ReThrowError(error);
	FreeErrorData(error);
	return false;
}

/* Apply the row that was read and settle it.  Null: it failed, see *failure. */
static const char *
replay_row(Replay *replay, int64 id, Failure *failure)
{
	bool		whole = replay->row.route[0] == '\0';
	bool		passed = whole ? apply_one_within(replay->applier, &replay->row.message, failure) :
		replay_route(replay, failure);
	const char *state = !passed ? NULL :
		whole && replay->row.message.outcome == APPLY_DUPLICATE ? "duplicate" : "applied";
	SessionBracket bracket;

	applier_enter_bookkeeping(&bracket);
	if (passed)
		quarantine_settle(id, state, replay->by);
	else
		quarantine_strike(id, failure);
	applier_leave_bookkeeping(&bracket);
	return state;
}

static bool
read_row(Replay *replay, int64 id)
{
	SessionBracket bracket;
	bool		waiting;

	MemoryContextReset(replay->row_context);
	applier_enter_bookkeeping(&bracket);
	waiting = quarantine_read(id, &replay->row, replay->row_context);
	applier_leave_bookkeeping(&bracket);
	return waiting;
}

static void
begin_replay(Replay *replay, Subscription *subscription)
{
	replay->subscription = subscription;
	replay->by = GetUserNameFromId(GetUserId(), false);
	replay->applier = applier_create(subscription);
	replay->row_context = AllocSetContextCreate(CurrentMemoryContext, "pg_sqs replayed row",
												ALLOCSET_DEFAULT_SIZES);
}

/* ---- sqs.retry ---- */

static void
return_row(ReturnSetInfo *result, int64 id, const char *outcome, const char *error)
{
	Datum		values[3] = {Int64GetDatum(id), CStringGetTextDatum(outcome)};
	bool		nulls[3] = {false, false, error == NULL};

	if (error != NULL)
		values[2] = CStringGetTextDatum(error);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Why the row that was read cannot be tried now, or null. */
static const char *
obstacle(Replay *replay)
{
	if (replay->row.behind)
		return "an earlier message of its held group waits: run sqs.release, or sqs.discard for that one";
	if (replay->row.route[0] == '\0')
		return NULL;
	replay->route = find_route(replay->applier, replay->row.route);
	if (replay->route < 0)
		return "the route does not exist any longer: add it again, or discard this";
	if (replay->applier->routes[replay->route].stopped)
		return "the route is stopped: mend it, then run sqs.enable";
	return NULL;
}

static void
retry_row(Replay *replay, int64 id, ReturnSetInfo *result)
{
	const char *state;
	const char *why;
	MemoryContext old;
	Failure		failure;

	CHECK_FOR_INTERRUPTS();
	if (!read_row(replay, id))
		return;
	why = obstacle(replay);
	if (why != NULL)
	{
		return_row(result, id, "held", why);
		return;
	}
	old = MemoryContextSwitchTo(replay->row_context);
	state = replay_row(replay, id, &failure);
	MemoryContextSwitchTo(old);
	return_row(result, id, state ? state : "failed", state ? NULL : failure.error);
}

/* sqs.retry(subscription, ids, route, group_id, sqlstate, older_than): (id, outcome, error) */
Datum
sqs_retry(PG_FUNCTION_ARGS)
{
	Replay		replay;
	QuarantineChoice choice;
	SessionBracket bracket;
	int64	   *ids;
	int			count;

	begin_replay(&replay, operated(fcinfo));
	PG_TRY();
	{
		InitMaterializedSRF(fcinfo, 0);
		quarantine_choose(fcinfo, 1, replay.subscription->id, &choice);
		applier_enter_bookkeeping(&bracket);
		ids = quarantine_chosen(&choice, replay.applier->context, &count);
		applier_leave_bookkeeping(&bracket);
		for (int i = 0; i < count; i++)
			retry_row(&replay, ids[i], (ReturnSetInfo *) fcinfo->resultinfo);
	}
	PG_FINALLY();
	{
		applier_free(replay.applier);
	}
	PG_END_TRY();
	return (Datum) 0;
}

/* ---- sqs.release ---- */

/* A transaction with one snapshot cannot see what a batch parked before the lock was had. */
static void
check_isolation(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("sqs.release cannot run in a transaction that is REPEATABLE READ or SERIALIZABLE"),
				 errhint("Run it in a transaction that is READ COMMITTED.")));
}

/* Keep batches out, end the hold, and tell what is to be replayed. */
static int64 *
open_group(Replay *replay, Datum group, int *count)
{
	Datum		subscription = Int32GetDatum(replay->subscription->id);
	Datum		arguments[] = {subscription, group, CStringGetTextDatum(replay->by)};
	QuarantineChoice choice = {.values = {subscription, 0, CStringGetTextDatum(""), group}, .nulls = " n  nn"};
	SessionBracket bracket;
	int64	   *ids;

	applier_enter_bookkeeping(&bracket);
	statement_execute(&lock_out, arguments, NULL);
	statement_execute(&end_hold, arguments, NULL);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("group \"%s\" of subscription \"%s\" is not held",
						TextDatumGetCString(group), replay->subscription->name),
				 errhint("SELECT * FROM sqs.held_group lists the groups that are; for what waits by itself there is sqs.retry.")));
	statement_execute(&supersede, arguments, NULL);
	ids = quarantine_chosen(&choice, replay->applier->context, count);
	applier_leave_bookkeeping(&bracket);
	return ids;
}

static void
release_row(Replay *replay, int64 id)
{
	MemoryContext old;
	Failure		failure;

	CHECK_FOR_INTERRUPTS();
	if (!read_row(replay, id))
		return;
	old = MemoryContextSwitchTo(replay->row_context);
	if (replay_row(replay, id, &failure) == NULL)
		ereport(ERROR,
				(errcode(failure.sqlerrcode),
				 errmsg("message " INT64_FORMAT " of the quarantine could not be applied: %s",
						id, failure.error),
				 errdetail("Nothing was released."),
				 errhint("Mend the cause, or drop the message with sqs.discard(..., ids => '{" INT64_FORMAT "}'); then run sqs.release again.",
						 id)));
	MemoryContextSwitchTo(old);
}

/* sqs.release(subscription, group_id): how many messages were replayed */
Datum
sqs_release(PG_FUNCTION_ARGS)
{
	Replay		replay;
	int			count = 0;

	check_isolation();
	begin_replay(&replay, operated(fcinfo));
	PG_TRY();
	{
		int64	   *ids;

		if (PG_ARGISNULL(1))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the group must not be null"),
					 errhint("SELECT * FROM sqs.held_group lists the groups that are held.")));
		ids = open_group(&replay, PG_GETARG_DATUM(1), &count);
		for (int i = 0; i < count; i++)
			release_row(&replay, ids[i]);
	}
	PG_FINALLY();
	{
		applier_free(replay.applier);
	}
	PG_END_TRY();
	PG_RETURN_INT64(count);
}

/* ---- sqs.discard ---- */

/* sqs.discard(subscription, reason, ids, route, group_id, sqlstate, older_than): how many rows */
Datum
sqs_discard(PG_FUNCTION_ARGS)
{
	Subscription *subscription = operated(fcinfo);
	char	   *reason = PG_ARGISNULL(1) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(1));
	const char *by = GetUserNameFromId(GetUserId(), false);
	QuarantineChoice choice;
	SessionBracket bracket;
	int64		discarded;

	quarantine_choose(fcinfo, 2, subscription->id, &choice);
	if (reason[strspn(reason, " \t\r\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a reason must be given"),
				 errhint("It stays with the record when the body is gone: sqs.discard('name', 'why', ids => ...).")));
	if (choice.conditions == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("nothing says which messages to discard"),
				 errhint("Name ids, route, group_id, sqlstate or older_than.")));
	applier_enter_bookkeeping(&bracket);
	discarded = quarantine_discard(&choice, reason, by);
	applier_leave_bookkeeping(&bracket);
	PG_RETURN_INT64(discarded);
}
