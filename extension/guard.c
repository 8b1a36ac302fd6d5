/*
 * guard.c
 *	  The crash guard: a message under which the server goes down is found
 *	  out and not tried for ever.
 *
 * When a process of the server dies badly all of them are ended, so a message
 * whose route kills its process, as a faulty C function may, takes everybody
 * down, comes back from the queue and does it again.
 *
 * A consumer that runs has a row in sqs.attempt, with an empty key, which it
 * deletes when it exits in an orderly way.  One that starts and finds its row
 * is careful until everything that was under way can have come back: before a
 * batch is tried its keys are marked, in a transaction of their own that is
 * flushed; the batch's own transaction takes the marks back.  Marks that are
 * found at a start are deaths: such a message is a suspect from then on, tried
 * alone and always marked, until it passes or fails as messages do.  After the
 * third death the subscription does not run until a person says so.
 *
 * The careful time costs two flushes a batch, the rest of the time nothing.
 *
 * A death is a death: the guard cannot tell whether the message, an
 * administrator's kill -9 or another process of the server was its cause.  Only
 * that it was this message three times speaks against it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "durable.h"
#include "guard.h"
#include "ledger.h"
#include "session.h"
#include "statement.h"

#define GUARD_DEATHS 3
#define GUARD_CAREFUL_S 60		/* beyond the time after which messages come back */

struct Guard
{
	int32		subscription;
	int			consumer;
	MemoryContext context;
	TimestampTz careful_until;	/* 0 = was never */
	List	   *suspects;		/* keys, of char * */
	List	   *marked;			/* keys being tried, of char * */
	bool		rows_left;		/* the marks are still in the table */
};

/* Left over by messages that never came back, and by consumers there are no longer. */
static Statement tidy_up = {"DELETE FROM sqs.attempt WHERE subscription = $1"
	" AND ((dedup_key <> '' AND since < now() - interval '14 days') OR (dedup_key = '' AND consumer > $2))",
SPI_OK_DELETE, 2, {INT4OID, INT4OID}};

static Statement count_deaths = {"UPDATE sqs.attempt SET deaths = deaths + 1, under_way = false, since = now()"
	" WHERE subscription = $1 AND consumer = $2 AND dedup_key <> '' AND under_way",
SPI_OK_UPDATE, 2, {INT4OID, INT4OID}};

static Statement enter_running = {"INSERT INTO sqs.attempt AS a (subscription, consumer) VALUES ($1, $2)"
	" ON CONFLICT (subscription, consumer, dedup_key) DO UPDATE SET since = now()"
	" RETURNING a.xmax <> 0",
SPI_OK_INSERT_RETURNING, 2, {INT4OID, INT4OID}};

static Statement find_suspects = {"SELECT dedup_key, max(deaths), max(message_id), max(group_id) FROM sqs.attempt"
	" WHERE subscription = $1 AND dedup_key <> '' GROUP BY dedup_key ORDER BY 2 DESC",
SPI_OK_SELECT, 1, {INT4OID}};

static Statement drop_marks = {"DELETE FROM sqs.attempt"
	" WHERE subscription = $1 AND dedup_key <> '' AND dedup_key = ANY ($2)",
SPI_OK_DELETE, 2, {INT4OID, TEXTARRAYOID}};

static Statement set_marks = {"INSERT INTO sqs.attempt (subscription, consumer, dedup_key, message_id, group_id, deaths)"
	" SELECT DISTINCT ON (u.k) $1, $2, u.k, u.m, u.g, coalesce((SELECT max(a.deaths) FROM sqs.attempt a"
	" WHERE a.subscription = $1 AND a.dedup_key = u.k), 0)"
	" FROM unnest($3, $4, $5) AS u (k, m, g)"
	" ON CONFLICT (subscription, consumer, dedup_key) DO UPDATE SET under_way = true",
SPI_OK_INSERT, 5, {INT4OID, INT4OID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID}};

/* Whoever holds such a row is about to delete it: an exit waits for nobody. */
static Statement say_farewell = {"WITH mine AS (SELECT ctid FROM sqs.attempt"
	" WHERE subscription = $1 AND consumer = $2 AND (dedup_key = '' OR (under_way AND deaths = 0))"
	" FOR UPDATE SKIP LOCKED)"
	" DELETE FROM sqs.attempt a USING mine WHERE a.ctid = mine.ctid",
SPI_OK_DELETE, 2, {INT4OID, INT4OID}};

static Statement stop_trying = {"WITH mine AS (SELECT ctid FROM sqs.attempt"
	" WHERE subscription = $1 AND consumer = $2 AND under_way FOR UPDATE SKIP LOCKED)"
	" UPDATE sqs.attempt a SET under_way = false FROM mine WHERE a.ctid = mine.ctid",
SPI_OK_UPDATE, 2, {INT4OID, INT4OID}};

static Statement forgive = {"UPDATE sqs.attempt SET deaths = 0 WHERE subscription = $1 AND deaths > 0",
SPI_OK_UPDATE, 1, {INT4OID}};

/* ---- transactions of our own ---- */

static void
begin(SessionBracket *bracket)
{
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	session_enter_bookkeeping(bracket);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

static void
commit(SessionBracket *bracket)
{
	SPI_finish();
	session_leave_bookkeeping(bracket);
	PopActiveSnapshot();
	CommitTransactionCommand();
}

static Datum
text_array(Datum *texts, int count)
{
	return PointerGetDatum(construct_array(texts, count, TEXTOID, -1, false, TYPALIGN_INT));
}

static Datum
keys_datum(const List *keys)
{
	Datum	   *texts = palloc(sizeof(Datum) * Max(list_length(keys), 1));
	ListCell   *lc;

	foreach(lc, keys)
		texts[foreach_current_index(lc)] = CStringGetTextDatum(lfirst(lc));
	return text_array(texts, list_length(keys));
}

/* ---- start and end ---- */

/* Is the table there, and free to be used at once? */
static bool
table_is_free(void)
{
	Oid			schema = get_namespace_oid("sqs", true);
	Oid			table = OidIsValid(schema) ? get_relname_relid("attempt", schema) : InvalidOid;

	return OidIsValid(table) && ConditionalLockRelationOid(table, RowExclusiveLock);
}

/* An orderly exit, whatever it came from; as PostgreSQL removes temporary tables. */
static void
farewell(int code, Datum arg)
{
	Guard	   *guard = (Guard *) DatumGetPointer(arg);
	Datum		arguments[] = {Int32GetDatum(guard->subscription), Int32GetDatum(guard->consumer)};
	SessionBracket bracket;

	(void) code;
	AbortOutOfAnyTransaction();
	StartTransactionCommand();
	if (table_is_free())
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		session_enter_bookkeeping(&bracket);
		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		statement_execute(&say_farewell, arguments, NULL);
		statement_execute(&stop_trying, arguments, NULL);
		SPI_finish();
		session_leave_bookkeeping(&bracket);
		PopActiveSnapshot();
	}
	CommitTransactionCommand();
}

static void
refuse(ApplyRefusal *refusal, int deaths)
{
	char	   *message_id = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3);
	char	   *group_id = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 4);

	refusal->sqlerrcode = ERRCODE_CRASH_SHUTDOWN;
	snprintf(refusal->error, sizeof(refusal->error),
			 "the server went down %d times while message %s of group \"%s\" was being applied",
			 deaths, message_id, group_id);
	strlcpy(refusal->hint,
			"Mend what its routes call, or take the message off the queue; then run sqs.enable, which gives it three more tries.",
			sizeof(refusal->hint));
}

/* What is to be feared; false when it is too much. */
static bool
learn_suspects(Guard *guard, ApplyRefusal *refusal)
{
	Datum		arguments[] = {Int32GetDatum(guard->subscription)};
	bool		isnull;

	statement_execute(&find_suspects, arguments, NULL);
	if (SPI_processed > 0 && DatumGetInt32(statement_value(2, &isnull)) >= GUARD_DEATHS)
	{
		refuse(refusal, DatumGetInt32(statement_value(2, &isnull)));
		return false;
	}
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		MemoryContext old = MemoryContextSwitchTo(guard->context);

		guard->suspects = lappend(guard->suspects, SPI_getvalue(SPI_tuptable->vals[row],
																SPI_tuptable->tupdesc, 1));
		MemoryContextSwitchTo(old);
	}
	return true;
}

Guard *
guard_start(const Subscription *subscription, int consumer, ApplyRefusal *refusal)
{
	Guard	   *guard = palloc0(sizeof(Guard));
	Datum		arguments[] = {Int32GetDatum(subscription->id), Int32GetDatum(consumer)};
	Datum		all[] = {Int32GetDatum(subscription->id), Int32GetDatum(subscription->consumers)};
	SessionBracket bracket;
	bool		isnull;
	bool		left_behind;
	bool		may_run;

	guard->context = CurrentMemoryContext;
	guard->subscription = subscription->id;
	guard->consumer = consumer;
	begin(&bracket);
	statement_execute(&tidy_up, all, NULL);
	statement_execute(&count_deaths, arguments, NULL);
	statement_execute(&enter_running, arguments, NULL);
	left_behind = DatumGetBool(statement_value(1, &isnull));
	may_run = learn_suspects(guard, refusal);
	commit(&bracket);
	MemoryContextSwitchTo(guard->context);
	durable_flush(XactLastCommitEnd);

	/* Also for one that is refused: it exits in an orderly way. */
	before_shmem_exit(farewell, PointerGetDatum(guard));
	if (left_behind)
		guard->careful_until = GetCurrentTimestamp() +
			(subscription->visibility_timeout + GUARD_CAREFUL_S) * USECS_PER_SEC;
	return may_run ? guard : NULL;
}

/* ---- while it runs ---- */

bool
guard_is_awake(const Guard *guard)
{
	return guard->careful_until != 0 && GetCurrentTimestamp() < guard->careful_until;
}

bool
guard_has_suspects(const Guard *guard)
{
	return guard->suspects != NIL;
}

bool
guard_suspects(const Guard *guard, const ApplyMessage *message)
{
	ListCell   *lc;

	foreach(lc, guard->suspects)
	{
		if (message->key != NULL && strcmp(lfirst(lc), message->key) == 0)
			return true;
	}
	return false;
}

/* Returns how many keys there are. */
static int
mark_arguments(ApplyMessage **messages, int count, Datum columns[3])
{
	Datum	   *texts[3];
	int			n = 0;

	for (int c = 0; c < 3; c++)
		texts[c] = palloc(sizeof(Datum) * count);
	for (int i = 0; i < count; i++)
	{
		if (messages[i]->key == NULL)
			continue;
		texts[0][n] = CStringGetTextDatum(messages[i]->key);
		texts[1][n] = ledger_text_datum(messages[i]->message_id);
		texts[2][n] = ledger_text_datum(messages[i]->group_id);
		n++;
	}
	for (int c = 0; c < 3; c++)
		columns[c] = text_array(texts[c], n);
	return n;
}

static void
remember_marked(Guard *guard, ApplyMessage **messages, int count)
{
	MemoryContext old = MemoryContextSwitchTo(guard->context);

	for (int i = 0; i < count; i++)
	{
		if (messages[i]->key != NULL)
			guard->marked = lappend(guard->marked, pstrdup(messages[i]->key));
	}
	MemoryContextSwitchTo(old);
}

static void
forget_marked(Guard *guard)
{
	list_free_deep(guard->marked);
	guard->marked = NIL;
	guard->rows_left = false;
}

void
guard_mark(Guard *guard, ApplyMessage **messages, int count)
{
	Datum		before[2] = {Int32GetDatum(guard->subscription)};
	Datum		arguments[5] = {Int32GetDatum(guard->subscription), Int32GetDatum(guard->consumer)};
	MemoryContext old = CurrentMemoryContext;
	SessionBracket bracket;

	begin(&bracket);
	if (guard->rows_left)
	{
		before[1] = keys_datum(guard->marked);
		statement_execute(&drop_marks, before, NULL);
	}
	if (mark_arguments(messages, count, &arguments[2]) > 0)
		statement_execute(&set_marks, arguments, NULL);
	commit(&bracket);
	MemoryContextSwitchTo(old);
	durable_flush(XactLastCommitEnd);
	forget_marked(guard);
	remember_marked(guard, messages, count);
	guard->rows_left = true;
}

void
guard_unmark(Guard *guard)
{
	Datum		arguments[] = {Int32GetDatum(guard->subscription), keys_datum(guard->marked)};

	if (guard->marked != NIL)
		statement_execute(&drop_marks, arguments, NULL);
}

void
guard_survived(Guard *guard, bool committed)
{
	List	   *left = NIL;
	ListCell   *lc;
	ListCell   *lc2;
	MemoryContext old = MemoryContextSwitchTo(guard->context);

	foreach(lc, guard->suspects)
	{
		bool		tried = false;

		foreach(lc2, guard->marked)
			tried |= strcmp(lfirst(lc), lfirst(lc2)) == 0;
		if (!tried)
			left = lappend(left, lfirst(lc));
	}
	list_free(guard->suspects);
	guard->suspects = left;
	MemoryContextSwitchTo(old);
	if (!committed)
		return;
	/* Else a crash for another reason brings the marks back, and looks like a death. */
	if (guard->marked != NIL)
		durable_flush(XactLastCommitEnd);
	forget_marked(guard);
}

void
guard_relax(Guard *guard)
{
	MemoryContext old = CurrentMemoryContext;
	SessionBracket bracket;

	if (!guard->rows_left)
		return;
	begin(&bracket);
	guard_unmark(guard);
	commit(&bracket);
	MemoryContextSwitchTo(old);
	forget_marked(guard);
}

void
guard_forgive(int32 subscription)
{
	Datum		arguments[] = {Int32GetDatum(subscription)};
	SessionBracket bracket;

	session_enter_bookkeeping(&bracket);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	statement_execute(&forgive, arguments, NULL);
	SPI_finish();
	session_leave_bookkeeping(&bracket);
}
