/*
 * table.h
 *		A map from bytes to pointers, and an intrusive heap by time.
 */
#ifndef LAB_TABLE_H
#define LAB_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise it. Keys are copied, values belong to the caller. */
typedef struct Table
{
	struct TableEntry **buckets;
	size_t		n_buckets;		/* 0 or a power of two */
	size_t		count;
} Table;

void	   *table_get(const Table *table, const void *key, size_t len);
void		table_put(Table *table, const void *key, size_t len, void *value);
void	   *table_remove(Table *table, const void *key, size_t len);

/* Forgets all entries, not their values. */
void		table_free(Table *table);

/* Embed it; in_heap tells membership. */
typedef struct HeapNode
{
	int64_t		key;
	size_t		index;			/* place in the heap + 1, 0 when outside */
} HeapNode;

typedef struct Heap
{
	HeapNode  **nodes;
	size_t		count;
	size_t		cap;
} Heap;

/* Inserts, or moves a node that is already in. */
void		heap_set(Heap *heap, HeapNode *node, int64_t key);

/* Does nothing to a node outside. */
void		heap_remove(Heap *heap, HeapNode *node);

static inline HeapNode *
heap_first(const Heap *heap)
{
	return heap->count > 0 ? heap->nodes[0] : NULL;
}

#endif
