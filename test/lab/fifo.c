/*
 * fifo.c
 *		The queue model: order, group locks, visibility, deduplication.
 *
 * A queue is a table of groups, each a list of its messages in the order they
 * were accepted, those in flight included.  A message in flight (or delayed)
 * is hidden: it sits in a heap ordered by the moment it becomes visible.
 *
 * What can be received of a group is the longest visible run at its head: a
 * hidden message holds back what comes after it, never what comes before.  So
 * a group is ready exactly when its head is visible, and the ready groups form
 * a list; a receive takes from its front, whole runs at a time, and a group
 * that was received goes to the back.  Nothing ever scans the messages.
 *
 * A standard queue is the same with a group of its own for every message.
 *
 * The model does no I/O and never asks for the time: callers pass it in.
 * Rules marked (recorded) were seen on AWS.
 */
#include "fifo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "fifo_memory.h"

#define TOTAL_HOLD_MS		((int64_t) 12 * 3600 * 1000)
#define IN_FLIGHT_MAX		120000

struct FifoGroup
{
	TAILQ_ENTRY(FifoGroup) link;	/* in the list of ready ones */
	TAILQ_HEAD(, FifoMessage) messages;
	bool		ready;
	char	   *key;
	size_t		key_len;
};

/* A receive that was given a ReceiveRequestAttemptId, and what it returned. */
typedef struct FifoAttempt
{
	size_t		count;
	FifoHandle	handles[FIFO_BATCH_MAX];
} FifoAttempt;

static uint64_t next_serial = 1;

Fifo *
fifo_new(const FifoOptions *options)
{
	Fifo	   *queue = mem_zalloc(sizeof(Fifo));

	queue->options = *options;
	queue->next_receive = 1;
	TAILQ_INIT(&queue->messages);
	TAILQ_INIT(&queue->ready);
	memory_init(&queue->dedup);
	memory_init(&queue->attempts);
	return queue;
}

/* Takes the group off the list of those that can be received. */
static void
group_unready(Fifo *queue, FifoGroup *group)
{
	if (!group->ready)
		return;
	TAILQ_REMOVE(&queue->ready, group, link);
	group->ready = false;
	queue->n_ready--;
}

/* After any change: is it ready, empty?  Frees an empty group. */
static void
group_review(Fifo *queue, FifoGroup *group)
{
	if (TAILQ_EMPTY(&group->messages))
	{
		group_unready(queue, group);
		table_remove(&queue->groups, group->key, group->key_len);
		free(group->key);
		free(group);
	}
	else if (fifo_is_hidden(TAILQ_FIRST(&group->messages)))
		group_unready(queue, group);
	else if (!group->ready)
	{
		TAILQ_INSERT_TAIL(&queue->ready, group, link);
		group->ready = true;
		queue->n_ready++;
	}
}

static FifoGroup *
group_of(Fifo *queue, const FifoMessage *message)
{
	const void *key = queue->options.fifo ? (const void *) message->group_id : &message->serial;
	size_t		len = queue->options.fifo ? strlen(message->group_id) : sizeof(message->serial);
	FifoGroup  *group = table_get(&queue->groups, key, len);

	if (group == NULL)
	{
		group = mem_zalloc(sizeof(FifoGroup));
		TAILQ_INIT(&group->messages);
		group->key = mem_strndup(key, len);
		group->key_len = len;
		table_put(&queue->groups, key, len, group);
	}
	return group;
}

static void
show(Fifo *queue, FifoMessage *message)
{
	if (message->delayed)
		queue->n_delayed--;
	message->delayed = false;
	heap_remove(&queue->hidden, &message->hidden);
}

static void
hide(Fifo *queue, FifoMessage *message, int64_t until_ms)
{
	show(queue, message);
	heap_set(&queue->hidden, &message->hidden, until_ms);
}

/* Puts a message at the end of its group and of the queue, with a new sequence number. */
static void
enqueue(Fifo *queue, FifoMessage *message, int64_t now_ms, int64_t delay_ms)
{
	FifoGroup  *group = group_of(queue, message);

	message->sent_ms = now_ms;
	message->group = group;
	/* 20 digits, beyond 64 bits, as AWS's are; gaps are normal there */
	snprintf(message->sequence, sizeof(message->sequence), "18849%015llu",
			 496460467696128ULL + 256ULL * (unsigned long long) queue->next_sequence++);
	TAILQ_INSERT_TAIL(&group->messages, message, in_group);
	TAILQ_INSERT_TAIL(&queue->messages, message, in_queue);
	table_put(&queue->by_serial, &message->serial, sizeof(message->serial), message);
	if (delay_ms > 0)
	{
		hide(queue, message, now_ms + delay_ms);
		message->delayed = true;
		queue->n_delayed++;
	}
	group_review(queue, group);
}

/* Takes it out of the queue without freeing it.  The group may be gone afterwards. */
static void
dequeue(Fifo *queue, FifoMessage *message)
{
	show(queue, message);
	TAILQ_REMOVE(&message->group->messages, message, in_group);
	TAILQ_REMOVE(&queue->messages, message, in_queue);
	message->group = NULL;
	table_remove(&queue->by_serial, &message->serial, sizeof(message->serial));
}

static void
message_free(FifoMessage *message)
{
	free(message->group_id);
	free(message->dedup_id);
	free(message->body);
	free(message->trace_header);
	free(message->source_arn);
	json_decref(message->attributes);
	free(message);
}

void
fifo_delete(Fifo *queue, FifoMessage *message)
{
	FifoGroup  *group = message->group;

	dequeue(queue, message);
	message_free(message);
	group_review(queue, group);
}

static FifoMessage *
message_new(const FifoDraft *draft)
{
	FifoMessage *message = mem_zalloc(sizeof(FifoMessage));

	message->serial = next_serial++;
	random_uuid(message->id);
	snprintf(message->md5, sizeof(message->md5), "%s", draft->md5);
	message->group_id = mem_strdup(draft->group_id);
	message->dedup_id = mem_strdup(draft->dedup_id);
	message->body = mem_strndup(draft->body, draft->body_len);
	message->body_len = draft->body_len;
	message->trace_header = draft->trace_header != NULL ? mem_strdup(draft->trace_header) : NULL;
	message->attributes = draft->attributes;
	return message;
}

void
fifo_send(Fifo *queue, const FifoDraft *draft, int64_t now_ms, FifoReceipt *receipt)
{
	Buf			key = {0};
	const FifoReceipt *known = NULL;
	FifoMessage *message;

	/* neither id can contain a line feed */
	buf_addf(&key, "%s\n%s", queue->options.scope_group ? draft->group_id : "", draft->dedup_id);
	if (queue->options.fifo)
		known = memory_get(&queue->dedup, key.data, now_ms);
	if (known != NULL)
	{
		*receipt = *known;
		receipt->duplicate = true;
		json_decref(draft->attributes);
	}
	else
	{
		message = message_new(draft);
		enqueue(queue, message, now_ms, draft->delay_ms);
		memcpy(receipt->id, message->id, sizeof(receipt->id));
		memcpy(receipt->sequence, message->sequence, sizeof(receipt->sequence));
		receipt->duplicate = false;
		/* kept even after the message was deleted (recorded) */
		if (queue->options.fifo)
			memory_put(&queue->dedup, key.data, receipt, sizeof(*receipt), now_ms);
	}
	buf_free(&key);
}

/*
 * The message keeps its id and its receive count and gets a new place in
 * time; its dedup id becomes its message id.
 */
static void
move_to_dead_letter(Fifo *queue, FifoMessage *message, int64_t now_ms)
{
	Fifo	   *target = queue->options.dead_letter;

	dequeue(queue, message);
	if (queue->options.fifo)
	{
		free(message->dedup_id);
		message->dedup_id = mem_strdup(message->id);
	}
	free(message->source_arn);
	message->source_arn = mem_strdup(queue->options.arn);
	message->receive = 0;
	table_put(&queue->moved_away, &message->serial, sizeof(message->serial), queue);
	enqueue(target, message, now_ms, 0);
	if (queue->options.moved != NULL)
		queue->options.moved(queue, target, message);
}

static void
take(Fifo *queue, FifoMessage *message, int64_t visibility_ms, int64_t now_ms)
{
	message->receive = queue->next_receive++;
	message->receive_count++;
	message->changes = 0;
	message->received_ms = now_ms;
	if (message->first_received_ms == 0)
		message->first_received_ms = now_ms;
	if (visibility_ms > 0)
		hide(queue, message, now_ms + visibility_ms);
}

/* Takes the visible run at the head of a group, as far as there is room. */
static size_t
take_run(Fifo *queue, FifoGroup *group, size_t room, int64_t visibility_ms, int64_t now_ms,
		 FifoMessage **messages)
{
	size_t		n = 0;
	FifoMessage *next;

	for (FifoMessage *message = TAILQ_FIRST(&group->messages); message != NULL && n < room; message = next)
	{
		next = TAILQ_NEXT(message, in_group);
		if (fifo_is_hidden(message) || fifo_in_flight(queue) >= IN_FLIGHT_MAX)
			break;
		if (queue->options.dead_letter != NULL &&
			message->receive_count >= queue->options.max_receive_count)
		{
			move_to_dead_letter(queue, message, now_ms);
			continue;
		}
		take(queue, message, visibility_ms, now_ms);
		messages[n++] = message;
	}
	return n;
}

/*
 * The same attempt again: the same messages under the same handles, hidden
 * anew.  Once one of them is visible again it is an ordinary receive; once one
 * was deleted or had its visibility changed, it is refused.
 */
static FifoVerdict
repeat_attempt(Fifo *queue, const FifoAttempt *attempt, int64_t visibility_ms, int64_t now_ms,
			   FifoMessage **messages, size_t *count)
{
	for (size_t i = 0; i < attempt->count; i++)
	{
		FifoVerdict verdict = fifo_held(queue, &attempt->handles[i], now_ms, &messages[i]);

		if (verdict == FIFO_GONE || (messages[i] != NULL && messages[i]->changes > 0))
			return FIFO_MODIFIED;
		if (verdict != FIFO_OK)
			return FIFO_EXPIRED;
	}
	for (size_t i = 0; i < attempt->count; i++)
		hide(queue, messages[i], now_ms + visibility_ms);
	*count = attempt->count;
	return FIFO_OK;
}

static void
remember_attempt(Fifo *queue, const char *id, FifoMessage **messages, size_t count, int64_t now_ms)
{
	FifoAttempt attempt = {.count = count};

	for (size_t i = 0; i < count; i++)
		attempt.handles[i] = (FifoHandle) {messages[i]->serial, messages[i]->receive};
	memory_put(&queue->attempts, id, &attempt, sizeof(attempt), now_ms);
}

FifoVerdict
fifo_receive(Fifo *queue, size_t max, int64_t visibility_ms, const char *attempt_id,
			 int64_t now_ms, FifoMessage **messages, size_t *count, bool *repeated)
{
	const FifoAttempt *attempt = attempt_id != NULL ? memory_get(&queue->attempts, attempt_id, now_ms) : NULL;
	size_t		groups;

	*count = 0;
	*repeated = false;
	fifo_expire(queue, now_ms);
	if (attempt != NULL)
	{
		FifoVerdict verdict = repeat_attempt(queue, attempt, visibility_ms, now_ms, messages, count);

		*repeated = verdict == FIFO_OK;
		if (verdict != FIFO_EXPIRED)
			return verdict;
	}
	for (groups = queue->n_ready; groups > 0 && *count < max; groups--)
	{
		FifoGroup  *group = TAILQ_FIRST(&queue->ready);

		group_unready(queue, group);
		*count += take_run(queue, group, max - *count, visibility_ms, now_ms, messages + *count);
		group_review(queue, group);
	}
	if (attempt_id != NULL && *count > 0)
		remember_attempt(queue, attempt_id, messages, *count, now_ms);
	return FIFO_OK;
}

FifoVerdict
fifo_held(Fifo *queue, const FifoHandle *handle, int64_t now_ms, FifoMessage **message)
{
	fifo_expire(queue, now_ms);
	*message = table_get(&queue->by_serial, &handle->serial, sizeof(handle->serial));
	if (*message == NULL && table_get(&queue->moved_away, &handle->serial, sizeof(handle->serial)))
		return FIFO_SUPERSEDED;
	if (*message == NULL)
		return FIFO_GONE;
	if ((*message)->receive != handle->receive)
		return FIFO_SUPERSEDED;
	return fifo_is_hidden(*message) ? FIFO_OK : FIFO_EXPIRED;
}

FifoVerdict
fifo_change_visibility(Fifo *queue, FifoMessage *message, int64_t visibility_ms, int64_t now_ms)
{
	if (now_ms + visibility_ms > message->received_ms + TOTAL_HOLD_MS)
		return FIFO_TOO_LONG;
	message->changes++;
	if (visibility_ms > 0)
		hide(queue, message, now_ms + visibility_ms);
	else
		show(queue, message);
	group_review(queue, message->group);
	return FIFO_OK;
}

void
fifo_purge(Fifo *queue)
{
	while (!TAILQ_EMPTY(&queue->messages))
		fifo_delete(queue, TAILQ_FIRST(&queue->messages));
	memory_expire(&queue->dedup, INT64_MAX);	/* a purge clears them (recorded) */
}

void
fifo_expire(Fifo *queue, int64_t now_ms)
{
	HeapNode   *first;
	FifoMessage *oldest;

	while ((first = heap_first(&queue->hidden)) != NULL && first->key <= now_ms)
	{
		FifoMessage *message = (FifoMessage *) first;	/* hidden is its first member */

		show(queue, message);
		group_review(queue, message->group);
	}
	while ((oldest = TAILQ_FIRST(&queue->messages)) != NULL &&
		   oldest->sent_ms + queue->options.retention_ms <= now_ms)
		fifo_delete(queue, oldest);
}

int64_t
fifo_next_event(const Fifo *queue)
{
	HeapNode   *first = heap_first(&queue->hidden);

	return first != NULL ? first->key : CLOCK_NEVER;
}

void
fifo_free(Fifo *queue)
{
	fifo_purge(queue);
	memory_expire(&queue->attempts, INT64_MAX);
	table_free(&queue->groups);
	table_free(&queue->by_serial);
	table_free(&queue->dedup.by_key);
	table_free(&queue->attempts.by_key);
	table_free(&queue->moved_away);
	free(queue->hidden.nodes);
	free(queue);
}
