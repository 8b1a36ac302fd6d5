/*
 * ledger_entry.c
 *	  Messages on their way into the ledger.
 *
 * They are taken in the order of their keys.  Two consumers that both got a
 * batch then wait for each other instead of deadlocking, neighbours in the
 * index are entered one after the other, and repetitions within the batch are
 * next to each other.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "ledger_entry.h"

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

int
ledger_entries_make(ApplyMessage **messages, int count, LedgerEntry **made)
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

void
ledger_entry_values(const LedgerEntry *entry, Datum values[LEDGER_VALUES])
{
	values[LEDGER_KEY] = PointerGetDatum(cstring_to_text_with_len(entry->key, entry->key_len));
	values[LEDGER_HASH] = ledger_bytea_datum(entry->hash, AWSX_SHA256_LEN);
	values[LEDGER_MESSAGE_ID] = ledger_text_datum(entry->message->message_id);
	values[LEDGER_SEQUENCE_NUMBER] = ledger_text_datum(entry->message->sequence_number);
	values[LEDGER_SOURCE] = ledger_text_datum(entry->message->source);
}

LedgerEntry *
ledger_entries_find(LedgerEntry *entries, int count, const char *key)
{
	LedgerEntry wanted = {.key = key, .key_len = strlen(key), .position = -1};
	LedgerEntry *entry = entries;
	int			left = count;

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
	return entry < entries + count && strcmp(entry->key, key) == 0 ? entry : NULL;
}
