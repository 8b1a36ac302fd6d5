/*
 * ledger.c
 *	  sqs.ledger: which messages have had their effect.
 *
 * Nearly always all keys are new, and then the cheapest is to enter them as
 * if they were, in a subtransaction and without a statement.  When that
 * meets a key that is taken it is rolled back, and ON CONFLICT DO NOTHING
 * sorts the new from the old; while such keys keep coming, it does so at
 * once.  Keys are entered in their own order, so that two consumers which
 * both got a batch wait for each other instead of deadlocking.
 *
 * What waits in the quarantine under a key that is entered now is settled by
 * it: applied, if it is the same content, else superseded by its correction.
 * That costs a statement only where the quarantine is not empty.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "compat.h"
#include "failure.h"
#include "ledger_entry.h"
#include "statement.h"

#undef TEXTDOMAIN
#define TEXTDOMAIN FAILURE_DOMAIN

#define COLUMN_TYPES 6, {INT4OID, TEXTARRAYOID, BYTEAARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID}

/* applied_at as it is entered without a statement. */
static Statement insert_new_keys = {"INSERT INTO sqs.ledger"
	" (subscription, dedup_key, content_hash, message_id, sequence_number, source, applied_at)"
	" SELECT $1, u.k, u.h, u.m, u.s, u.o, now() FROM unnest($2, $3, $4, $5, $6) AS u (k, h, m, s, o)"
	" ON CONFLICT DO NOTHING RETURNING dedup_key, content_hash",
SPI_OK_INSERT_RETURNING, COLUMN_TYPES};

/*
 * Key by key, by the index of both columns.  Were the keys given as one
 * condition, a plan made while the table was small could read all rows of the
 * subscription, for each batch and for ever.
 */
static Statement select_keys = {"SELECT l.dedup_key, l.content_hash FROM unnest($2) AS u (k)"
	" CROSS JOIN LATERAL (SELECT dedup_key, content_hash FROM sqs.ledger"
	" WHERE subscription = $1 AND dedup_key = u.k OFFSET 0) AS l",
SPI_OK_SELECT, 2, {INT4OID, TEXTARRAYOID}};

/* Changes of what a key means take a stronger lock, so they wait for us; so does sqs.release. */
static Statement lock_subscription = {"SELECT dedup_scope, queue_url, dedup_key FROM sqs.subscription"
	" WHERE id = $1 FOR KEY SHARE",
SPI_OK_SELECT, 1, {INT4OID}};

/* A statement of its own: it must see what was committed while we waited for the lock. */
static Statement look_around = {"SELECT"
	" EXISTS (SELECT FROM sqs.quarantined WHERE subscription = $1 AND state = 'waiting'),"
	" EXISTS (SELECT FROM sqs.held_group WHERE subscription = $1)",
SPI_OK_SELECT, 1, {INT4OID}};

/*
 * A conflict that waits under the key is no older version of what is applied
 * now: it stays, to be decided by a person.  What waits for a single route
 * belongs to a row of the ledger; a new one means that it was forgotten, and
 * that all routes are run again.
 */
static Statement settle_waiting = {"UPDATE sqs.quarantined AS q SET settled_at = now(), settled_by = $5, state ="
	" CASE WHEN q.content_hash <> u.h OR q.route <> '' THEN 'superseded' WHEN u.known THEN 'duplicate' ELSE 'applied' END"
	" FROM unnest($2, $3, $4) AS u (k, h, known)"
	" WHERE q.subscription = $1 AND q.state = 'waiting' AND q.dedup_key = u.k"
	" AND (q.route = '' OR NOT u.known)"
	" AND (q.content_hash = u.h OR (NOT u.known AND q.reason <> 'dedup_conflict'))",
SPI_OK_UPDATE, 5, {INT4OID, TEXTARRAYOID, BYTEAARRAYOID, BOOLARRAYOID, TEXTOID}};

#define KNOWN_BATCHES 8			/* after one with known keys, they are expected in so many */

Ledger *
ledger_create(const Subscription *subscription)
{
	Ledger	   *ledger = palloc0(sizeof(Ledger));

	ledger->subscription = subscription->id;
	ledger->fifo = subscription->fifo;
	ledger->scope = subscription->dedup_scope;
	ledger->queue_url = pstrdup(subscription->queue_url);
	ledger->dedup_key = subscription->dedup_key ? pstrdup(subscription->dedup_key) : NULL;
	return ledger;
}

/* The arguments of the statements: one array a column, distinct keys only. */
static void
build_arguments(const Ledger *ledger, const LedgerEntry *entries, int count, int distinct,
				Datum arguments[6])
{
	Datum	   *columns[LEDGER_VALUES];
	Datum		values[LEDGER_VALUES];
	int			n = 0;

	for (int c = 0; c < LEDGER_VALUES; c++)
		columns[c] = palloc(sizeof(Datum) * distinct);
	for (int i = 0; i < count; i++)
	{
		if (entries[i].first != &entries[i])
			continue;
		ledger_entry_values(&entries[i], values);
		for (int c = 0; c < LEDGER_VALUES; c++)
			columns[c][n] = values[c];
		n++;
	}
	arguments[0] = Int32GetDatum(ledger->subscription);
	for (int c = 0; c < LEDGER_VALUES; c++)
		arguments[c + 1] = PointerGetDatum(construct_array(columns[c], n, c == LEDGER_HASH ? BYTEAOID : TEXTOID,
														   -1, false, TYPALIGN_INT));
}

static const char *
scope_name(DedupScope scope)
{
	switch (scope)
	{
		case DEDUP_SCOPE_QUEUE:
			return "queue";
		case DEDUP_SCOPE_GROUP:
			return "messageGroup";
		default:
			return "";
	}
}

static bool
same_text(int column, const char *expected)
{
	char	   *value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);

	return strcmp(value ? value : "", expected) == 0;
}

/*
 * Keys written for a subscription that was dropped would stay for ever, and
 * keys of another queue or scope would make new messages look like
 * duplicates, or duplicates like new ones.  So what the keys are made by
 * must still hold, and does until the end of the transaction.
 */
void
ledger_open(const Ledger *ledger, LedgerOutlook *outlook)
{
	Datum		arguments[] = {Int32GetDatum(ledger->subscription)};
	bool		isnull;

	statement_execute(&lock_subscription, arguments, NULL);
	if (SPI_processed != 1 || !same_text(1, scope_name(ledger->scope)) ||
		!same_text(2, ledger->queue_url) ||
		!same_text(3, ledger->dedup_key ? ledger->dedup_key : ""))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the subscription was dropped or changed meanwhile"),
				 errhint("A consumer follows the change by itself; elsewhere, try again.")));
	statement_execute(&look_around, arguments, NULL);
	outlook->waiting = DatumGetBool(statement_value(1, &isnull));
	outlook->held = DatumGetBool(statement_value(2, &isnull));
}

/* Mark the first entries whose keys are in SPI_tuptable; taken: they were there before. */
static void
mark_found(LedgerEntry *entries, int count, bool taken)
{
	TupleDesc	desc = SPI_tuptable->tupdesc;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		LedgerEntry *entry;
		bool		isnull;
		bytea	   *hash;

		entry = ledger_entries_find(entries, count,
									TextDatumGetCString(heap_getattr(tuple, 1, desc, &isnull)));
		hash = DatumGetByteaPP(heap_getattr(tuple, 2, desc, &isnull));
		if (entry == NULL || entry->found)
			continue;
		entry->found = true;
		entry->taken = taken;
		entry->conflict = taken &&
			(VARSIZE_ANY_EXHDR(hash) != AWSX_SHA256_LEN ||
			 memcmp(VARDATA_ANY(hash), entry->hash, AWSX_SHA256_LEN) != 0);
	}
}

/* Insert what is new, and find out about the rest.  Was there a rest? */
static bool
insert_new(LedgerEntry *entries, int count, int distinct, Datum arguments[6])
{
	statement_execute(&insert_new_keys, arguments, NULL);
	mark_found(entries, count, false);
	if (SPI_processed == (uint64) distinct)
		return false;
	statement_execute(&select_keys, arguments, NULL);
	mark_found(entries, count, true);
	for (int i = 0; i < count; i++)
	{
		if (!entries[i].first->found)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("a row of the ledger went away while it was being compared"),
					 errhint("Try again.")));
	}
	return true;
}

/* Give each message its outcome; raise the first conflict. Returns the number of duplicates. */
static int
conclude(LedgerEntry *entries, int count, int *position)
{
	int			duplicates = 0;
	int			conflict = -1;

	for (int i = 0; i < count; i++)
	{
		LedgerEntry *entry = &entries[i];
		bool		repeats = entry->first != entry;

		if ((repeats ? memcmp(entry->hash, entry->first->hash, AWSX_SHA256_LEN) != 0 : entry->conflict) &&
			(conflict < 0 || entry->position < conflict))
			conflict = entry->position;
		entry->message->outcome = repeats || entry->taken ? APPLY_DUPLICATE : APPLY_APPLIED;
		duplicates += repeats || entry->taken;
	}
	if (conflict >= 0)
	{
		*position = conflict;
		for (int i = 0; i < count; i++)
		{
			if (entries[i].position == conflict)
				entries[i].message->reason = APPLY_REASON_CONFLICT;
		}
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("dedup_conflict: a message with the same deduplication id but other content was applied before"),
				 errhint("Compare it with what sqs.ledger says of this id; a correction needs an id of its own.")));
	}
	return duplicates;
}

/* What waits in the quarantine under these keys has come through now. */
static void
settle(const Ledger *ledger, const LedgerEntry *entries, int count, const Datum *arguments)
{
	Datum	   *known = palloc(sizeof(Datum) * count);
	Datum		more[5] = {arguments[0], arguments[1], arguments[2]};
	int			n = 0;

	for (int i = 0; i < count; i++)
	{
		if (entries[i].first == &entries[i])
			known[n++] = BoolGetDatum(entries[i].taken);
	}
	more[3] = PointerGetDatum(construct_array(known, n, BOOLOID, 1, true, TYPALIGN_CHAR));
	more[4] = ledger->settled_by ? CStringGetTextDatum(ledger->settled_by) : (Datum) 0;
	statement_execute(&settle_waiting, more, ledger->settled_by ? NULL : "    n");
}

int
ledger_record(Ledger *ledger, ApplyMessage **messages, int count, bool waiting, int *position)
{
	LedgerEntry *entries;
	Datum		arguments[6];
	int			distinct = ledger_entries_make(messages, count, &entries);
	bool		all_new = ledger->known_ahead == 0 &&
		ledger_insert(ledger->subscription, entries, count);
	int			duplicates;

	if (!all_new || waiting)
		build_arguments(ledger, entries, count, distinct, arguments);
	if (!all_new && insert_new(entries, count, distinct, arguments))
		ledger->known_ahead = KNOWN_BATCHES;
	else if (ledger->known_ahead > 0)
		ledger->known_ahead--;
	duplicates = conclude(entries, count, position);
	if (waiting)
		settle(ledger, entries, count, arguments);
	return duplicates;
}

void
ledger_recognize(const Ledger *ledger, ApplyMessage **messages, int count)
{
	LedgerEntry *entries;
	Datum		arguments[6];
	int			distinct = ledger_entries_make(messages, count, &entries);

	build_arguments(ledger, entries, count, distinct, arguments);
	statement_execute(&select_keys, arguments, NULL);
	mark_found(entries, count, true);
	for (int i = 0; i < count; i++)
	{
		const LedgerEntry *first = entries[i].first;

		if (first->taken && !first->conflict &&
			memcmp(entries[i].hash, first->hash, AWSX_SHA256_LEN) == 0)
			entries[i].message->outcome = APPLY_DUPLICATE;
	}
}
