/*
 * table.c
 *		A map from bytes to pointers, and an intrusive heap by time.
 *
 * The map is a hash table of chains, which doubles when there are as many
 * entries as chains; an entry holds its key.  Nobody attacks the lab's hash.
 * The heap keeps each node's place inside the node: whatever waits for a moment
 * can be moved or taken out in logarithmic time.
 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"

#define FIRST_BUCKETS	64

typedef struct TableEntry
{
	struct TableEntry *next;
	uint64_t	hash;
	void	   *value;
	size_t		len;
	char		key[];
} TableEntry;

/* FNV-1a by eight bytes at a time; the last step lets all of them reach the low bits. */
static uint64_t
hash_of(const void *key, size_t len)
{
	const char *byte = key;
	uint64_t	hash = UINT64_C(0xCBF29CE484222325) ^ len;

	for (size_t n; len > 0; byte += n, len -= n)
	{
		uint64_t	word = 0;

		n = len < sizeof(word) ? len : sizeof(word);
		memcpy(&word, byte, n);
		hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
		hash ^= hash >> 29;
	}
	return hash ^ hash >> 32;
}

/* Where the pointer to the key's entry is, or would be put. */
static TableEntry **
find(const Table *table, const void *key, size_t len, uint64_t hash)
{
	TableEntry **at = &table->buckets[hash & (table->n_buckets - 1)];

	while (*at != NULL && ((*at)->hash != hash || (*at)->len != len || memcmp((*at)->key, key, len) != 0))
		at = &(*at)->next;
	return at;
}

static void
grow(Table *table)
{
	size_t		n_buckets = table->n_buckets > 0 ? table->n_buckets * 2 : FIRST_BUCKETS;
	TableEntry **buckets = mem_zalloc(n_buckets * sizeof(TableEntry *));

	for (size_t i = 0; i < table->n_buckets; i++)
	{
		TableEntry *next;

		for (TableEntry *entry = table->buckets[i]; entry != NULL; entry = next)
		{
			TableEntry **to = &buckets[entry->hash & (n_buckets - 1)];

			next = entry->next;
			entry->next = *to;
			*to = entry;
		}
	}
	free(table->buckets);
	table->buckets = buckets;
	table->n_buckets = n_buckets;
}

void *
table_get(const Table *table, const void *key, size_t len)
{
	TableEntry *entry = table->count > 0 ? *find(table, key, len, hash_of(key, len)) : NULL;

	return entry != NULL ? entry->value : NULL;
}

void
table_put(Table *table, const void *key, size_t len, void *value)
{
	uint64_t	hash = hash_of(key, len);
	TableEntry **at;

	if (table->count >= table->n_buckets)
		grow(table);
	at = find(table, key, len, hash);
	if (*at == NULL)
	{
		TableEntry *entry = mem_zalloc(sizeof(TableEntry) + len);

		memcpy(entry->key, key, len);
		entry->hash = hash;
		entry->len = len;
		*at = entry;
		table->count++;
	}
	(*at)->value = value;
}

void *
table_remove(Table *table, const void *key, size_t len)
{
	TableEntry **at = table->count > 0 ? find(table, key, len, hash_of(key, len)) : NULL;
	TableEntry *entry = at != NULL ? *at : NULL;
	void	   *value;

	if (entry == NULL)
		return NULL;
	value = entry->value;
	*at = entry->next;
	free(entry);
	table->count--;
	return value;
}

void
table_free(Table *table)
{
	for (size_t i = 0; i < table->n_buckets; i++)
	{
		TableEntry *next;

		for (TableEntry *entry = table->buckets[i]; entry != NULL; entry = next)
		{
			next = entry->next;
			free(entry);
		}
	}
	free(table->buckets);
	memset(table, 0, sizeof(*table));
}

static void
place(Heap *heap, size_t at, HeapNode *node)
{
	heap->nodes[at] = node;
	node->index = at + 1;
}

/* Moves a node up or down to where it belongs. */
static void
settle(Heap *heap, HeapNode *node)
{
	HeapNode  **nodes = heap->nodes;
	size_t		at = node->index - 1;

	for (; at > 0 && nodes[(at - 1) / 2]->key > node->key; at = (at - 1) / 2)
		place(heap, at, nodes[(at - 1) / 2]);
	for (size_t child; (child = 2 * at + 1) < heap->count; at = child)
	{
		if (child + 1 < heap->count && nodes[child + 1]->key < nodes[child]->key)
			child++;
		if (nodes[child]->key >= node->key)
			break;
		place(heap, at, nodes[child]);
	}
	place(heap, at, node);
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
	place(heap, heap->count++, node);
	settle(heap, node);
}

void
heap_remove(Heap *heap, HeapNode *node)
{
	HeapNode   *last;

	if (node->index == 0)
		return;
	last = heap->nodes[--heap->count];
	if (last != node)
	{
		place(heap, node->index - 1, last);
		settle(heap, last);
	}
	node->index = 0;
}
