/*
 * fifo_memory.h
 *		What a queue remembers for five minutes: dedup ids and receive attempts.
 */
#ifndef LAB_FIFO_MEMORY_H
#define LAB_FIFO_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "table.h"

/* Zero-initialise it, then memory_init. */
typedef struct Memory
{
	Table		by_key;
	STAILQ_HEAD(, MemoryEntry) by_age;
} Memory;

void		memory_init(Memory *memory);

/* The value last put under the key, if that was within the window; else NULL. */
const void *memory_get(Memory *memory, const char *key, int64_t now_ms);

/* Copies both. */
void		memory_put(Memory *memory, const char *key, const void *value, size_t size, int64_t now_ms);

/* Forgets what is out of its window; INT64_MAX forgets all. */
void		memory_expire(Memory *memory, int64_t now_ms);

#endif
