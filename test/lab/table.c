/*
 * table.c
 *		Hash table from bytes to pointers, and an intrusive heap by time.
 *
 * The table chains its entries and doubles when it holds as many entries as
 * buckets, so every operation the queues need stays constant in the number of
 * messages.  The heap keeps each node's place inside the node: whatever waits
 * for a moment can be moved or taken out in logarithmic time.
 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"

typedef struct TableEntry
{
	struct TableEntry *next;
	uint64_t	hash;
	void	   *value;
	size_t		len;
	char		key[];
} TableEntry;

/* FNV-1a, folded: the keys are short and nobody attacks a lab's hash table. */
static uint64_t
hash_bytes(const void *key, size_t len)
{
	const unsigned char *byte = key;
	uint64_t	hash = 14695981039346656037u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ byte[i]) * 1099511628211u;
	return hash ^ (hash >> 29);
}

static TableEntry **
table_slot(const Table *table, const void *key, size_t len, uint64_t hash)
{
	TableEntry **slot = &table->buckets[hash & (table->size - 1)];

	while (*slot != NULL &&
		   ((*slot)->hash != hash || (*slot)->len != len || memcmp((*slot)->key, key, len) != 0))
		slot = &(*slot)->next;
	return slot;
}

static void
table_grow(Table *table)
{
	Table		bigger = {.size = table->size > 0 ? table->size * 2 : 16, .count = table->count};

	bigger.buckets = mem_zalloc(bigger.size * sizeof(TableEntry *));
	for (size_t i = 0; i < table->size; i++)
	{
		TableEntry *entry = table->buckets[i];

		while (entry != NULL)
		{
			TableEntry *next = entry->next;
			TableEntry **slot = &bigger.buckets[entry->hash & (bigger.size - 1)];

			entry->next = *slot;
			*slot = entry;
			entry = next;
		}
	}
	free(table->buckets);
	*table = bigger;
}

void *
table_get(const Table *table, const void *key, size_t len)
{
	TableEntry *entry;

	if (table->size == 0)
		return NULL;
	entry = *table_slot(table, key, len, hash_bytes(key, len));
	return entry != NULL ? entry->value : NULL;
}

void
table_put(Table *table, const void *key, size_t len, void *value)
{
	uint64_t	hash = hash_bytes(key, len);
	TableEntry **slot;

	if (table->count >= table->size)
		table_grow(table);
	slot = table_slot(table, key, len, hash);
	if (*slot == NULL)
	{
		TableEntry *entry = mem_zalloc(sizeof(TableEntry) + len);

		entry->hash = hash;
		entry->len = len;
		memcpy(entry->key, key, len);
		*slot = entry;
		table->count++;
	}
	(*slot)->value = value;
}

void *
table_remove(Table *table, const void *key, size_t len)
{
	TableEntry **slot;
	TableEntry *entry;
	void	   *value;

	if (table->size == 0)
		return NULL;
	slot = table_slot(table, key, len, hash_bytes(key, len));
	if ((entry = *slot) == NULL)
		return NULL;
	value = entry->value;
	*slot = entry->next;
	free(entry);
	table->count--;
	return value;
}

void
table_free(Table *table)
{
	for (size_t i = 0; i < table->size; i++)
	{
		TableEntry *entry = table->buckets[i];

		while (entry != NULL)
		{
			TableEntry *next = entry->next;

			free(entry);
			entry = next;
		}
	}
	free(table->buckets);
}

static void
heap_place(Heap *heap, size_t at, HeapNode *node)
{
	heap->nodes[at] = node;
	node->index = at + 1;
}

static void
heap_rise(Heap *heap, size_t at, HeapNode *node)
{
	while (at > 0 && heap->nodes[(at - 1) / 2]->key > node->key)
	{
		heap_place(heap, at, heap->nodes[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_place(heap, at, node);
}

static void
heap_sink(Heap *heap, size_t at, HeapNode *node)
{
	for (;;)
	{
		size_t		child = 2 * at + 1;

		if (child >= heap->count)
			break;
		if (child + 1 < heap->count && heap->nodes[child + 1]->key < heap->nodes[child]->key)
			child++;
		if (heap->nodes[child]->key >= node->key)
			break;
		heap_place(heap, at, heap->nodes[child]);
		at = child;
	}
	heap_place(heap, at, node);
}

void
heap_set(Heap *heap, HeapNode *node, int64_t key)
{
	heap_remove(heap, node);
	if (heap->count == heap->cap)
	{
		heap->cap = heap->cap > 0 ? heap->cap * 2 : 64;
		heap->nodes = mem_resize(heap->nodes, heap->cap * sizeof(HeapNode *));
	}
	node->key = key;
	heap_rise(heap, heap->count++, node);
}

void
heap_remove(Heap *heap, HeapNode *node)
{
	size_t		at = node->index - 1;
	HeapNode   *last;

	if (node->index == 0)
		return;
	node->index = 0;
	last = heap->nodes[--heap->count];
	if (last == node)
		return;
	if (at > 0 && heap->nodes[(at - 1) / 2]->key > last->key)
		heap_rise(heap, at, last);
	else
		heap_sink(heap, at, last);
}
