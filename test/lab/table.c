/*
 * table.c
 *		A map from bytes to pointers, and an intrusive heap by time.
 *
 * The map is libc's balanced tree over entries that hold their key.  The heap
 * keeps each node's place inside the node: whatever waits for a moment can be
 * moved or taken out in logarithmic time.
 */
#define _GNU_SOURCE

#include "table.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

typedef struct TableEntry
{
	const void *key;			/* right behind, in an entry of the tree */
	size_t		len;
	void	   *value;
} TableEntry;

static int
compare_entries(const void *left, const void *right)
{
	const TableEntry *a = left;
	const TableEntry *b = right;

	return a->len != b->len ? (a->len < b->len ? -1 : 1) : memcmp(a->key, b->key, a->len);
}

static TableEntry *
find(const Table *table, const void *key, size_t len)
{
	TableEntry	wanted = {.key = key, .len = len};
	TableEntry **found = tfind(&wanted, &table->root, compare_entries);

	return found != NULL ? *found : NULL;
}

void *
table_get(const Table *table, const void *key, size_t len)
{
	TableEntry *entry = find(table, key, len);

	return entry != NULL ? entry->value : NULL;
}

void
table_put(Table *table, const void *key, size_t len, void *value)
{
	TableEntry *entry = find(table, key, len);

	if (entry == NULL)
	{
		entry = mem_zalloc(sizeof(TableEntry) + len);
		entry->key = memcpy(entry + 1, key, len);
		entry->len = len;
		if (tsearch(entry, &table->root, compare_entries) == NULL)
			abort();
		table->count++;
	}
	entry->value = value;
}

void *
table_remove(Table *table, const void *key, size_t len)
{
	TableEntry *entry = find(table, key, len);
	void	   *value;

	if (entry == NULL)
		return NULL;
	value = entry->value;
	tdelete(entry, &table->root, compare_entries);
	free(entry);
	table->count--;
	return value;
}

void
table_free(Table *table)
{
	tdestroy(table->root, free);
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
