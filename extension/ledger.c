/*
 * ledger.c
 *	  sqs.ledger: which messages have had their effect.
 *
 * A message is known by its key: the deduplication id, within its group
 * where the queue says so ("group id" cannot be mistaken for another pair,
 * since SQS allows no space in either), or the message id on a standard
 * queue.  The content's hash tells a repetition from another message under
 * the same key.
 *
 * Nearly always all keys are new, and then a plain INSERT in a
 * subtransaction is the cheapest way to say so.  When it meets a key that is
 * taken it is rolled back, and ON CONFLICT DO NOTHING sorts the new from the
 * old.  Keys are inserted in their own order, so that two consumers which
 * both got a batch wait for each other instead of deadlocking.
 *
 * All of it runs with the rights of the ledger's owner.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "compat.h"
#include "failure.h"
#include "ledger.h"
#include "session.h"

#undef TEXTDOMAIN
#define TEXTDOMAIN FAILURE_DOMAIN

#define COLUMNS " (subscription, dedup_key, content_hash, message_id, sequence_number, source)" \
	" SELECT $1, u.k, u.h, u.m, u.s, u.o" \
	" FROM unnest($2, $3, $4, $5, $6) AS u (k, h, m, s, o)"

static const char insert_sql[] = "INSERT INTO sqs.ledger" COLUMNS;
static const char insert_new_sql[] = "INSERT INTO sqs.ledger" COLUMNS
	" ON CONFLICT DO NOTHING RETURNING dedup_key, content_hash";
static const char select_sql[] = "SELECT dedup_key, content_hash FROM sqs.ledger"
	" WHERE subscription = $1 AND dedup_key = ANY ($2)";


/* Changes of what a key means take a stronger lock, so they wait for us. */
static const char check_sql[] = "SELECT dedup_scope, queue_url FROM sqs.subscription"
	" WHERE id = $1 FOR KEY SHARE";

static Oid	argument_types[] = {INT4OID, TEXTARRAYOID, BYTEAARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID};

struct Ledger
{
	int32		subscription;
	bool		fifo;
	DedupScope	scope;
	char	   *queue_url;
	SPIPlanPtr	check;			/* null until first used */
	SPIPlanPtr	insert;
	SPIPlanPtr	insert_new;
	SPIPlanPtr	select;
};

/* One message on its way into the ledger. */
typedef struct LedgerEntry
{
	char	   *key;
	Size		key_len;
	unsigned char hash[AWSX_SHA256_LEN];
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
	return ledger;
}

static void
free_plan(SPIPlanPtr *plan)
{
	if (*plan != NULL)
		SPI_freeplan(*plan);
	*plan = NULL;
}

void
ledger_free(Ledger *ledger)
{
	free_plan(&ledger->check);
	free_plan(&ledger->insert);
	free_plan(&ledger->insert_new);
	free_plan(&ledger->select);
}

char *
ledger_key(const Ledger *ledger, const ApplyMessage *message)
{
	if (message->dedup_id[0] == '\0')
		return pstrdup(message->message_id);
	if (ledger->scope == DEDUP_SCOPE_GROUP)
		return psprintf("%s %s", message->group_id, message->dedup_id);
	if (ledger->scope == DEDUP_SCOPE_UNKNOWN && ledger->fifo)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("it is not known yet whether the queue deduplicates per message group"),
				 errdetail("The ledger's keys depend on it, and it must not change later."),
				 errhint("Let the consumer run once, which asks the queue, or tell with sqs.alter_subscription(..., dedup_scope => 'queue' or 'messageGroup').")));
	return pstrdup(message->dedup_id);
}

static bool
is_ascii(const char *text)
{
	while (*text != '\0' && !IS_HIGHBIT_SET(*text))
		text++;
	return *text == '\0';
}

/*
 * Ids and lineage come from outside in UTF-8.  Where they are not text of
 * this database their odd bytes are written as %XX: better than losing a
 * message over a note about its origin.  Returns its argument or a copy.
 */
static char *
storable(char *value)
{
	StringInfoData escaped;

	if (is_ascii(value) ||
		(GetDatabaseEncoding() == PG_UTF8 && pg_verify_mbstr(PG_UTF8, value, strlen(value), true)))
		return value;
	initStringInfo(&escaped);
	for (const unsigned char *at = (const unsigned char *) value; *at != '\0'; at++)
	{
		if (*at < 0x80)
			appendStringInfoChar(&escaped, *at);
		else
			appendStringInfo(&escaped, "%%%02X", *at);
	}
	return escaped.data;
}

static void
fill_entry(const Ledger *ledger, LedgerEntry *entry, ApplyMessage *message, int position)
{
	memset(entry, 0, sizeof(*entry));
	entry->message = message;
	entry->position = position;
	entry->key = storable(ledger_key(ledger, message));
	entry->key_len = strlen(entry->key);
	if (message->source_sha256[0] != '\0')
	{
		if (strlen(message->source_sha256) != AWSX_SHA256_HEX_LEN ||
			hex_decode(message->source_sha256, AWSX_SHA256_HEX_LEN, (char *) entry->hash) != AWSX_SHA256_LEN)
			elog(ERROR, "not a SHA-256 in hex");
	}
	else if (!awsx_sha256(message->body, message->body_len, entry->hash))
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("libcrypto could not compute a SHA-256")));
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

static Datum
metadata_text(const char *value)
{
	return CStringGetTextDatum(storable(unconstify(char *, value)));
}

static Datum
hash_bytea(const LedgerEntry *entry)
{
	bytea	   *result = palloc(VARHDRSZ + AWSX_SHA256_LEN);

	SET_VARSIZE(result, VARHDRSZ + AWSX_SHA256_LEN);
	memcpy(VARDATA(result), entry->hash, AWSX_SHA256_LEN);
	return PointerGetDatum(result);
}

/* The arguments of the statements: one array a column, distinct keys only. */
static void
build_arguments(const Ledger *ledger, const LedgerEntry *entries, int count, int distinct,
				Datum arguments[6])
{
	Datum	   *columns[5];
	int			n = 0;

	for (int c = 0; c < 5; c++)
		columns[c] = palloc(sizeof(Datum) * distinct);
	for (int i = 0; i < count; i++)
	{
		const LedgerEntry *entry = &entries[i];

		if (entry->first != entry)
			continue;
		columns[0][n] = CStringGetTextDatum(entry->key);
		columns[1][n] = hash_bytea(entry);
		columns[2][n] = metadata_text(entry->message->message_id);
		columns[3][n] = metadata_text(entry->message->sequence_number);
		columns[4][n] = metadata_text(entry->message->source);
		n++;
	}
	arguments[0] = Int32GetDatum(ledger->subscription);
	for (int c = 0; c < 5; c++)
		arguments[c + 1] = PointerGetDatum(construct_array(columns[c], n, c == 1 ? BYTEAOID : TEXTOID,
														   -1, false, TYPALIGN_INT));
}

static void
execute(SPIPlanPtr *plan, const char *sql, int nargs, Datum *arguments, int expected)
{
	int			code;

	if (*plan == NULL)
	{
		SPIPlanPtr	made = SPI_prepare(sql, nargs, argument_types);

		if (made == NULL)
			elog(ERROR, "could not prepare a statement of the ledger: %s",
				 SPI_result_code_string(SPI_result));
		SPI_keepplan(made);
		*plan = made;
	}
	code = SPI_execute_plan(*plan, arguments, NULL, false, 0);
	if (code != expected)
		elog(ERROR, "could not execute a statement of the ledger: %s", SPI_result_code_string(code));
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

/*
 * Keys written for a subscription that was dropped would stay for ever, and
 * keys of another queue or scope would make new messages look like
 * duplicates, or duplicates like new ones.  So what the keys are made by
 * must still hold, and does until the end of the transaction.
 */
static void
check_subscription(Ledger *ledger, Datum *arguments)
{
	bool		unchanged;

	execute(&ledger->check, check_sql, 1, arguments, SPI_OK_SELECT);
	unchanged = SPI_processed == 1;
	if (unchanged)
	{
		char	   *scope = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
		char	   *url = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);

		unchanged = strcmp(scope ? scope : "", scope_name(ledger->scope)) == 0 &&
			strcmp(url ? url : "", ledger->queue_url) == 0;
	}
	if (!unchanged)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the subscription was dropped or changed meanwhile"),
				 errhint("A consumer follows the change by itself; elsewhere, try again.")));
}

/* Insert all keys; false when one was taken, and then nothing was inserted. */
static bool
insert_all(Ledger *ledger, Datum arguments[6])
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool inserted = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		execute(&ledger->insert, insert_sql, 6, arguments, SPI_OK_INSERT);
		ReleaseCurrentSubTransaction();
		inserted = true;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (edata->sqlerrcode != ERRCODE_UNIQUE_VIOLATION)
			ReThrowError(edata);
		FreeErrorData(edata);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return inserted;
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

/* Insert what is new, and find out about the rest. */
static void
insert_new(Ledger *ledger, LedgerEntry *entries, int count, Datum arguments[6])
{
	execute(&ledger->insert_new, insert_new_sql, 6, arguments, SPI_OK_INSERT_RETURNING);
	mark_found(entries, count, false);
	execute(&ledger->select, select_sql, 2, arguments, SPI_OK_SELECT);
	mark_found(entries, count, true);
	for (int i = 0; i < count; i++)
	{
		if (!entries[i].first->found)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("a row of the ledger went away while it was being compared"),
					 errhint("Try again.")));
	}
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
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("dedup_conflict: a message with the same deduplication id but other content was applied before"),
				 errhint("Compare it with what sqs.ledger says of this id; a correction needs an id of its own.")));
	}
	return duplicates;
}

int
ledger_record(Ledger *ledger, ApplyMessage **messages, int count, int *position)
{
	SessionBracket bracket;
	LedgerEntry *entries;
	Datum		arguments[6];
	int			distinct;
	int			duplicates;

	session_enter_bookkeeping(&bracket);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	entries = palloc(mul_size(sizeof(LedgerEntry), count));
	for (int i = 0; i < count; i++)
		fill_entry(ledger, &entries[i], messages[i], i);
	qsort(entries, count, sizeof(LedgerEntry), compare_entries);
	distinct = link_repeats(entries, count);
	build_arguments(ledger, entries, count, distinct, arguments);
	check_subscription(ledger, arguments);
	if (!insert_all(ledger, arguments))
		insert_new(ledger, entries, count, arguments);
	duplicates = conclude(entries, count, position);
	SPI_finish();
	session_leave_bookkeeping(&bracket);
	return duplicates;
}
