/*
 * ledger.c
 *	  sqs.ledger: which messages have had their effect.
 *
 * Nearly always all keys are new, and then a plain INSERT in a
 * subtransaction, from a relation that is no more than a tuplestore, is the
 * cheapest way to say so.  When it meets a key that is taken it is rolled
 * back, and ON CONFLICT DO NOTHING sorts the new from the old; while such keys
 * keep coming, it does so at once.  Keys are inserted in their own order, so
 * that two consumers which both got a batch wait for each other instead of
 * deadlocking.
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
#include "utils/tuplestore.h"

#include "batch_relation.h"
#include "compat.h"
#include "failure.h"
#include "ledger.h"
#include "statement.h"
#include "subtransaction.h"

#undef TEXTDOMAIN
#define TEXTDOMAIN FAILURE_DOMAIN

#define COLUMNS " (subscription, dedup_key, content_hash, message_id, sequence_number, source)" \
	" SELECT $1, u.k, u.h, u.m, u.s, u.o FROM "
#define ARRAYS "unnest($2, $3, $4, $5, $6) AS u (k, h, m, s, o)"
#define COLUMN_TYPES 6, {INT4OID, TEXTARRAYOID, BYTEAARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID}

static Statement insert_keys = {"INSERT INTO sqs.ledger" COLUMNS BATCH_RELATION " AS u",
SPI_OK_INSERT, 1, {INT4OID}};
static Statement insert_new_keys = {"INSERT INTO sqs.ledger" COLUMNS ARRAYS
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

#define ENTRY_VALUES 5
#define KNOWN_BATCHES 8			/* after one with known keys, they are expected in so many */

/* One message on its way into the ledger. */
typedef struct LedgerEntry
{
	const char *key;
	Size		key_len;
	const unsigned char *hash;
	ApplyMessage *message;
	int			position;		/* among the messages */
	struct LedgerEntry *first;	/* the entry with the same key that comes first */
	bool		taken;			/* of a first entry: the ledger had the key */
	bool		found;			/* ... or took it now */
	bool		conflict;		/* ... with other content */
} LedgerEntry;

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

/* Collation "C", then the order in which the messages came. */
static int
compare_entries(const void *a, const void *b)
{
	const LedgerEntry *left = a;
	const LedgerEntry *right = b;
	int			order = memcmp(left->key, right->key, Min(left->key_len, right->key_len));

	if (order == 0 && left->key_len != right->key_len)
		order = left->key_len < right->key_len ? -1 : 1;
	if (order == 0)
		order = left->position < right->position ? -1 : 1;
	return order;
}

/* Find repetitions inside the batch in the sorted entries; returns the number of distinct keys. */
static int
link_repeats(LedgerEntry *entries, int count)
{
	int			distinct = 0;

	for (int i = 0; i < count; i++)
	{
		bool		repeats = i > 0 && entries[i].key_len == entries[i - 1].key_len &&
			memcmp(entries[i].key, entries[i - 1].key, entries[i].key_len) == 0;

		entries[i].first = repeats ? entries[i - 1].first : &entries[i];
		distinct += repeats ? 0 : 1;
	}
	return distinct;
}

/* What the ledger keeps of an entry. */
static void
entry_values(const LedgerEntry *entry, Datum values[ENTRY_VALUES])
{
	values[0] = CStringGetTextDatum(entry->key);
	values[1] = ledger_bytea_datum(entry->hash, AWSX_SHA256_LEN);
	values[2] = ledger_text_datum(entry->message->message_id);
	values[3] = ledger_text_datum(entry->message->sequence_number);
	values[4] = ledger_text_datum(entry->message->source);
}

/* Its columns as a relation; lives as long as the process. */
static TupleDesc
entry_desc(void)
{
	static const char *const names[ENTRY_VALUES] = {"k", "h", "m", "s", "o"};
	static TupleDesc desc = NULL;

	if (desc == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
		TupleDesc	made = CreateTemplateTupleDesc(ENTRY_VALUES);

		for (int i = 0; i < ENTRY_VALUES; i++)
			TupleDescInitEntry(made, i + 1, names[i], i == 1 ? BYTEAOID : TEXTOID, -1, 0);
		MemoryContextSwitchTo(old);
		desc = made;
	}
	return desc;
}

/* The distinct keys as rows of that relation. */
static Tuplestorestate *
store_entries(const LedgerEntry *entries, int count)
{
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
	Datum		values[ENTRY_VALUES];
	bool		nulls[ENTRY_VALUES] = {false};

	for (int i = 0; i < count; i++)
	{
		if (entries[i].first != &entries[i])
			continue;
		entry_values(&entries[i], values);
		tuplestore_putvalues(store, entry_desc(), values, nulls);
	}
	return store;
}

/* The arguments of the statements: one array a column, distinct keys only. */
static void
build_arguments(const Ledger *ledger, const LedgerEntry *entries, int count, int distinct,
				Datum arguments[6])
{
	Datum	   *columns[ENTRY_VALUES];
	Datum		values[ENTRY_VALUES];
	int			n = 0;

	for (int c = 0; c < ENTRY_VALUES; c++)
		columns[c] = palloc(sizeof(Datum) * distinct);
	for (int i = 0; i < count; i++)
	{
		if (entries[i].first != &entries[i])
			continue;
		entry_values(&entries[i], values);
		for (int c = 0; c < ENTRY_VALUES; c++)
			columns[c][n] = values[c];
		n++;
	}
	arguments[0] = Int32GetDatum(ledger->subscription);
	for (int c = 0; c < ENTRY_VALUES; c++)
		arguments[c + 1] = PointerGetDatum(construct_array(columns[c], n, c == 1 ? BYTEAOID : TEXTOID,
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

static void
insert_all(void *arguments)
{
	statement_execute(&insert_keys, arguments, NULL);
}

/* Insert all keys; false when one was taken, and then nothing was inserted. */
static bool
inserted_all(const Ledger *ledger, const LedgerEntry *entries, int count, int distinct)
{
	Datum		subscription = Int32GetDatum(ledger->subscription);
	Tuplestorestate *store = store_entries(entries, count);
	ErrorData  *error;

	batch_relation_register(entry_desc(), store, distinct);
	error = subtransaction_run(insert_all, &subscription);
	SPI_unregister_relation(BATCH_RELATION);
	tuplestore_end(store);
	if (error == NULL)
		return true;
	if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION)
		ReThrowError(error);
	FreeErrorData(error);
	return false;
}

/* Mark the first entries whose keys are in SPI_tuptable; taken: they were there before. */
static void
mark_found(LedgerEntry *entries, int count, bool taken)
{
	TupleDesc	desc = SPI_tuptable->tupdesc;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		LedgerEntry wanted = {.position = -1};
		LedgerEntry *entry = entries;
		int			left = count;
		bool		isnull;
		bytea	   *hash;

		wanted.key = TextDatumGetCString(heap_getattr(tuple, 1, desc, &isnull));
		wanted.key_len = strlen(wanted.key);
		hash = DatumGetByteaPP(heap_getattr(tuple, 2, desc, &isnull));

		/* The first entry that does not sort before (key, -1). */
		while (left > 0)
		{
			int			half = left / 2;

			if (compare_entries(&entry[half], &wanted) < 0)
			{
				entry += half + 1;
				left -= half + 1;
			}
			else
				left = half;
		}
		if (entry == entries + count || strcmp(entry->key, wanted.key) != 0 || entry->found)
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

/* The entries in the order of their keys, repetitions linked; returns how many keys there are. */
static int
make_entries(ApplyMessage **messages, int count, LedgerEntry **made)
{
	LedgerEntry *entries = palloc0(mul_size(sizeof(LedgerEntry), count));

	for (int i = 0; i < count; i++)
	{
		entries[i].message = messages[i];
		entries[i].position = i;
		entries[i].key = messages[i]->key;
		entries[i].key_len = strlen(messages[i]->key);
		entries[i].hash = messages[i]->hash;
	}
	qsort(entries, count, sizeof(LedgerEntry), compare_entries);
	*made = entries;
	return link_repeats(entries, count);
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
	int			distinct = make_entries(messages, count, &entries);
	bool		all_new = ledger->known_ahead == 0 && inserted_all(ledger, entries, count, distinct);
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
	int			distinct = make_entries(messages, count, &entries);

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
