/*
 * fifo_memory.c
 *		What a queue remembers for five minutes: dedup ids and receive attempts.
 *
 * Both are a table by name and a list by age.  All windows are equally long,
 * so the list is in order of expiry and forgetting looks only at its front.
 */
#include "fifo_memory.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"

#define DEDUP_WINDOW_MS		(5 * 60 * 1000)
#define ATTEMPT_WINDOW_MS	(5 * 60 * 1000)

typedef struct DedupEntry
{
	struct DedupEntry *next;
	int64_t		until_ms;
	FifoReceipt receipt;
	size_t		key_len;
	char		key[];
} DedupEntry;

/* Neither id can contain a line feed. */
static Buf
dedup_key(const Fifo *queue, const FifoDraft *draft)
{
	Buf			key = {0};

	buf_adds(&key, queue->options.scope_group ? draft->group_id : "");
	buf_adds(&key, "\n");
	buf_adds(&key, draft->dedup_id);
	return key;
}

void
fifo_forget_dedups(Fifo *queue, int64_t now_ms)
{
	DedupEntry *entry;

	while ((entry = queue->dedup_first) != NULL && entry->until_ms <= now_ms)
	{
		queue->dedup_first = entry->next;
		if (queue->dedup_first == NULL)
			queue->dedup_last = NULL;
		table_remove(&queue->dedup, entry->key, entry->key_len);
		free(entry);
	}
}

const FifoReceipt *
fifo_known_dedup(Fifo *queue, const FifoDraft *draft, int64_t now_ms)
{
	Buf			key = dedup_key(queue, draft);
	DedupEntry *entry;

	fifo_forget_dedups(queue, now_ms);
	entry = table_get(&queue->dedup, key.data, key.len);
	buf_free(&key);
	return entry != NULL ? &entry->receipt : NULL;
}

void
fifo_remember_dedup(Fifo *queue, const FifoDraft *draft, const FifoReceipt *receipt, int64_t now_ms)
{
	Buf			key = dedup_key(queue, draft);
	DedupEntry *entry = mem_zalloc(sizeof(DedupEntry) + key.len + 1);

	/* kept even after the message was deleted (recorded) */
	entry->until_ms = now_ms + DEDUP_WINDOW_MS;
	entry->receipt = *receipt;
	entry->key_len = key.len;
	memcpy(entry->key, key.data, key.len);
	buf_free(&key);
	*(queue->dedup_last != NULL ? &queue->dedup_last->next : &queue->dedup_first) = entry;
	queue->dedup_last = entry;
	table_put(&queue->dedup, entry->key, entry->key_len, entry);
}

static void
forget_attempt(Fifo *queue, FifoAttempt *attempt)
{
	/* a later attempt may have taken its name */
	if (table_get(&queue->attempts, attempt->id, strlen(attempt->id)) == attempt)
		table_remove(&queue->attempts, attempt->id, strlen(attempt->id));
	free(attempt);
}

void
fifo_forget_attempts(Fifo *queue, int64_t now_ms)
{
	FifoAttempt *attempt;

	while ((attempt = queue->attempt_first) != NULL && attempt->until_ms <= now_ms)
	{
		queue->attempt_first = attempt->next;
		if (queue->attempt_first == NULL)
			queue->attempt_last = NULL;
		forget_attempt(queue, attempt);
	}
}

const FifoAttempt *
fifo_known_attempt(Fifo *queue, const char *id, int64_t now_ms)
{
	fifo_forget_attempts(queue, now_ms);
	return table_get(&queue->attempts, id, strlen(id));
}

void
fifo_remember_attempt(Fifo *queue, const char *id, FifoMessage **messages, size_t count,
					  int64_t now_ms)
{
	FifoAttempt *attempt = mem_zalloc(sizeof(FifoAttempt) + strlen(id) + 1);

	strcpy(attempt->id, id);
	attempt->until_ms = now_ms + ATTEMPT_WINDOW_MS;
	attempt->count = count;
	for (size_t i = 0; i < count; i++)
		attempt->handles[i] = (FifoHandle) {messages[i]->serial, messages[i]->receive};
	*(queue->attempt_last != NULL ? &queue->attempt_last->next : &queue->attempt_first) = attempt;
	queue->attempt_last = attempt;
	table_put(&queue->attempts, id, strlen(id), attempt);
}
