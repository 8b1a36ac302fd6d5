/*
 * fifo_memory.c
 *		What a queue remembers for five minutes: dedup ids and receive attempts.
 *
 * A table by key and a list by age.  All windows are equally long, so the list
 * is in order of expiry and forgetting looks only at its front.
 */
#include "fifo_memory.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"

#define WINDOW_MS	(5 * 60 * 1000)

typedef struct MemoryEntry
{
	STAILQ_ENTRY(MemoryEntry) link;
	int64_t		until_ms;
	char	   *key;			/* behind the value */
	_Alignas(max_align_t) char value[];
} MemoryEntry;

void
memory_init(Memory *memory)
{
	STAILQ_INIT(&memory->by_age);
}

void
memory_expire(Memory *memory, int64_t now_ms)
{
	MemoryEntry *entry;

	while ((entry = STAILQ_FIRST(&memory->by_age)) != NULL && entry->until_ms <= now_ms)
	{
		STAILQ_REMOVE_HEAD(&memory->by_age, link);
		/* a later one may have taken its key */
		if (table_get(&memory->by_key, entry->key, strlen(entry->key)) == entry)
			table_remove(&memory->by_key, entry->key, strlen(entry->key));
		free(entry);
	}
}

const void *
memory_get(Memory *memory, const char *key, int64_t now_ms)
{
	const MemoryEntry *entry;

	memory_expire(memory, now_ms);
	entry = table_get(&memory->by_key, key, strlen(key));
	return entry != NULL ? entry->value : NULL;
}

void
memory_put(Memory *memory, const char *key, const void *value, size_t size, int64_t now_ms)
{
	MemoryEntry *entry = mem_zalloc(sizeof(MemoryEntry) + size + strlen(key) + 1);

	entry->until_ms = now_ms + WINDOW_MS;
	entry->key = entry->value + size;
	memcpy(entry->value, value, size);
	strcpy(entry->key, key);
	STAILQ_INSERT_TAIL(&memory->by_age, entry, link);
	table_put(&memory->by_key, key, strlen(key), entry);
}
