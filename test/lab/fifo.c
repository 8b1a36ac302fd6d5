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
 * that was received goes to the back.  Messages beyond the look-ahead are not
 * in sight, as if hidden.  Nothing ever scans the messages.  A standard queue is
 * the same with a group of its own for every message.
 *
 * The model does no I/O and never asks for the time: callers pass it in.
 */
#include "fifo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

#define TOTAL_HOLD_MS		((int64_t) 12 * 3600 * 1000)
#define WINDOW_MS			(5 * 60 * 1000)

struct FifoGroup
{
	TAILQ_ENTRY(FifoGroup) link;	/* in the list of ready ones */
	TAILQ_HEAD(, FifoMessage) messages;
	bool		ready;
	size_t		key_len;
	char		key[];
};

/* What a sender was told, or what a receive with a ReceiveRequestAttemptId returned. */
typedef struct FifoMemo
{
	STAILQ_ENTRY(FifoMemo) link;
	int64_t		until_ms;
	char		id[UUID_TEXT];
	char		sequence[24];
	size_t		count;
	FifoHandle *handles;		/* behind the key */
	char		key[];
} FifoMemo;

static uint64_t next_serial = 1;

Fifo *
fifo_new(void)
{
	Fifo	   *queue = mem_zalloc(sizeof(Fifo));

	queue->next_receive = 1;
	TAILQ_INIT(&queue->messages);
	TAILQ_INIT(&queue->ready);
	STAILQ_INIT(&queue->dedup.by_age);
	STAILQ_INIT(&queue->attempts.by_age);
	return queue;
}

/* All windows are equally long, so that the oldest memo is the first to go. */
static void
forget(FifoMemory *memory, int64_t now_ms)
{
	FifoMemo   *memo;

	while ((memo = STAILQ_FIRST(&memory->by_age)) != NULL && memo->until_ms <= now_ms)
	{
		STAILQ_REMOVE_HEAD(&memory->by_age, link);
		/* a later one may have taken its key */
		if (table_get(&memory->by_key, memo->key, strlen(memo->key)) == memo)
			table_remove(&memory->by_key, memo->key, strlen(memo->key));
		free(memo);
	}
}

static const FifoMemo *
recall(FifoMemory *memory, const char *key, int64_t now_ms)
{
	forget(memory, now_ms);
	return table_get(&memory->by_key, key, strlen(key));
}

static FifoMemo *
remember(FifoMemory *memory, const char *key, size_t n_handles, int64_t now_ms)
{
	size_t		key_size = (strlen(key) / sizeof(FifoHandle) + 1) * sizeof(FifoHandle);
	FifoMemo   *memo = mem_zalloc(sizeof(FifoMemo) + key_size + n_handles * sizeof(FifoHandle));

	memo->until_ms = now_ms + WINDOW_MS;
	memo->count = n_handles;
	memo->handles = (FifoHandle *) (memo->key + key_size);
	strcpy(memo->key, key);
	STAILQ_INSERT_TAIL(&memory->by_age, memo, link);
	table_put(&memory->by_key, key, strlen(key), memo);
	return memo;
}

/* Puts the group at the end of the list of those that can be received, or takes it off. */
static void
set_ready(Fifo *queue, FifoGroup *group, bool ready)
{
	if (group->ready == ready)
		return;
	if (ready)
		TAILQ_INSERT_TAIL(&queue->ready, group, link);
	else
		TAILQ_REMOVE(&queue->ready, group, link);
	queue->n_ready += ready ? 1 : -1;
	group->ready = ready;
}

static bool
is_available(const FifoMessage *message)
{
	return message->in_sight && !fifo_is_hidden(message);
}

/* After any change: is it ready, empty?  Frees an empty group. */
static void
group_review(Fifo *queue, FifoGroup *group)
{
	FifoMessage *head = TAILQ_FIRST(&group->messages);

	set_ready(queue, group, head != NULL && is_available(head));
	if (head == NULL)
		free(table_remove(&queue->groups, group->key, group->key_len));
}

static FifoGroup *
group_of(Fifo *queue, const FifoMessage *message)
{
	const void *key = queue->fifo ? (const void *) message->group_id : &message->serial;
	size_t		len = queue->fifo ? strlen(message->group_id) : sizeof(message->serial);
	FifoGroup  *group = table_get(&queue->groups, key, len);

	if (group == NULL)
	{
		group = mem_zalloc(sizeof(FifoGroup) + len);
		TAILQ_INIT(&group->messages);
		memcpy(group->key, key, group->key_len = len);
		table_put(&queue->groups, key, len, group);
	}
	return group;
}

/* From now on for so long; 0: no more. */
static void
hide(Fifo *queue, FifoMessage *message, int64_t for_ms, int64_t now_ms)
{
	queue->n_delayed -= message->delayed;
	message->delayed = false;
	if (for_ms > 0)
		heap_set(&queue->hidden, &message->hidden, now_ms + for_ms);
	else
		heap_remove(&queue->hidden, &message->hidden);
}

/* Lets what follows come into sight, as far as the queue looks ahead. */
static void
look_ahead(Fifo *queue)
{
	while (queue->n_in_sight < queue->look_ahead)
	{
		FifoMessage *next = queue->last_in_sight != NULL ? TAILQ_NEXT(queue->last_in_sight, in_queue) :
			TAILQ_FIRST(&queue->messages);

		if (next == NULL)
			break;
		next->in_sight = true;
		queue->n_in_sight++;
		queue->last_in_sight = next;
		group_review(queue, next->group);
	}
}

void
fifo_number(Fifo *queue, char sequence[24])
{
	/* beyond 64 bits, as AWS's are; gaps are normal there */
	unsigned long long end = 496460467696128ULL + 256ULL * queue->next_sequence++;

	snprintf(sequence, 24, "18849%015llu", end % 1000000000000000ULL);
}

/* Puts a message at the end of its group and of the queue, with a new number. */
static void
enqueue(Fifo *queue, FifoMessage *message, int64_t now_ms, int64_t delay_ms)
{
	/* a message that moves keeps its age in a standard queue */
	if (queue->fifo || message->sent_ms == 0)
		message->sent_ms = now_ms;
	fifo_number(queue, message->sequence);
	message->group = group_of(queue, message);
	TAILQ_INSERT_TAIL(&message->group->messages, message, in_group);
	TAILQ_INSERT_TAIL(&queue->messages, message, in_queue);
	table_put(&queue->by_serial, &message->serial, sizeof(message->serial), message);
	hide(queue, message, delay_ms, now_ms);
	message->delayed = delay_ms > 0;
	queue->n_delayed += message->delayed;
	look_ahead(queue);
}

/* Takes it out of the queue without freeing it.  Its group is the caller's to review. */
static void
dequeue(Fifo *queue, FifoMessage *message)
{
	hide(queue, message, 0, 0);
	if (message->in_sight)
		queue->n_in_sight--;
	if (queue->last_in_sight == message)
		queue->last_in_sight = TAILQ_PREV(message, MessageList, in_queue);
	message->in_sight = false;
	TAILQ_REMOVE(&message->group->messages, message, in_group);
	TAILQ_REMOVE(&queue->messages, message, in_queue);
	table_remove(&queue->by_serial, &message->serial, sizeof(message->serial));
	look_ahead(queue);
}

void
fifo_message_free(FifoMessage *message)
{
	json_decref(message->request);
	free(message);
}

void
fifo_take_out(Fifo *queue, FifoMessage *message)
{
	dequeue(queue, message);
	group_review(queue, message->group);
	message->sent_ms = message->first_received_ms = 0;
	message->receive = message->receive_count = 0;
	message->source_arn[0] = '\0';
}

void
fifo_delete(Fifo *queue, FifoMessage *message)
{
	fifo_take_out(queue, message);
	fifo_message_free(message);
}

bool
fifo_send(Fifo *queue, FifoMessage *message, int64_t delay_ms, int64_t now_ms)
{
	char		key[2 * FIFO_ID_MAX + 2];
	const FifoMemo *known = NULL;

	/* neither id can contain a line feed */
	snprintf(key, sizeof(key), "%s\n%s", queue->scope_group ? message->group_id : "", message->dedup_id);
	if (queue->fifo)
		known = recall(&queue->dedup, key, now_ms);
	if (known != NULL)
	{
		memcpy(message->id, known->id, sizeof(message->id));
		memcpy(message->sequence, known->sequence, sizeof(message->sequence));
		return false;
	}
	message->serial = next_serial++;
	enqueue(queue, message, now_ms, delay_ms);
	if (queue->fifo)
	{
		/* kept even after the message was deleted (recorded) */
		FifoMemo   *memo = remember(&queue->dedup, key, 0, now_ms);

		memcpy(memo->id, message->id, sizeof(message->id));
		memcpy(memo->sequence, message->sequence, sizeof(message->sequence));
	}
	return true;
}

/*
 * The message keeps its id and its receive count and gets a new place; its
 * dedup id becomes its message id.
 */
static void
move_to_dead_letter(Fifo *queue, FifoMessage *message, int64_t now_ms)
{
	dequeue(queue, message);
	if (queue->fifo)
		snprintf(message->dedup_id, sizeof(message->dedup_id), "%s", message->id);
	snprintf(message->source_arn, sizeof(message->source_arn), "%s", queue->arn);
	message->receive = 0;
	enqueue(queue->dead_letter, message, now_ms, 0);
	queue->moved(queue, queue->dead_letter, message);
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
	hide(queue, message, visibility_ms, now_ms);
}

/* Takes the available run at the head of a group, as far as there is room. */
static size_t
take_run(Fifo *queue, FifoGroup *group, size_t room, int64_t visibility_ms, int64_t now_ms,
		 FifoMessage **messages)
{
	size_t		n = 0;
	FifoMessage *next;

	for (FifoMessage *message = TAILQ_FIRST(&group->messages); message != NULL && n < room; message = next)
	{
		next = TAILQ_NEXT(message, in_group);
		if (!is_available(message) || fifo_in_flight(queue) >= queue->in_flight_max)
			break;
		if (queue->dead_letter != NULL && message->receive_count >= queue->max_receive_count)
		{
			move_to_dead_letter(queue, message, now_ms);
			continue;
		}
		take(queue, message, visibility_ms, now_ms);
		messages[n++] = message;
	}
	return n;
}

static size_t
take_from_ready(Fifo *queue, const FifoReceive *how, int64_t now_ms, FifoMessage **messages)
{
	size_t		count = 0;
	size_t		groups_used = 0;

	for (size_t left = queue->n_ready; left > 0 && count < how->max && groups_used < how->max_groups; left--)
	{
		FifoGroup  *group = TAILQ_FIRST(&queue->ready);
		size_t		taken;

		set_ready(queue, group, false);
		taken = take_run(queue, group, how->max - count, how->visibility_ms, now_ms, messages + count);
		group_review(queue, group);
		count += taken;
		groups_used += taken > 0;
	}
	return count;
}

/*
 * The same attempt again: the same messages under the same handles, hidden
 * anew.  Once one of them is visible again it is an ordinary receive; once one
 * was deleted or had its visibility changed, it is refused.
 */
static size_t
repeat_attempt(Fifo *queue, const FifoMemo *attempt, FifoReceive *how, int64_t now_ms,
			   FifoMessage **messages)
{
	for (size_t i = 0; i < attempt->count; i++)
	{
		FifoVerdict verdict = fifo_held(queue, &attempt->handles[i], now_ms, &messages[i]);

		how->refused = verdict == FIFO_GONE || (messages[i] != NULL && messages[i]->changes > 0);
		if (how->refused || verdict != FIFO_OK)
			return 0;
	}
	for (size_t i = 0; i < attempt->count; i++)
		hide(queue, messages[i], how->visibility_ms, now_ms);
	how->repeated = true;
	return attempt->count;
}

size_t
fifo_receive(Fifo *queue, FifoReceive *how, int64_t now_ms, FifoMessage **messages)
{
	const FifoMemo *known = how->attempt != NULL ? recall(&queue->attempts, how->attempt, now_ms) : NULL;
	size_t		count = 0;

	fifo_expire(queue, now_ms);
	if (known != NULL)
		count = repeat_attempt(queue, known, how, now_ms, messages);
	if (how->repeated || how->refused)
		return count;
	count = take_from_ready(queue, how, now_ms, messages);
	if (how->attempt != NULL && count > 0)
	{
		FifoMemo   *memo = remember(&queue->attempts, how->attempt, count, now_ms);

		for (size_t i = 0; i < count; i++)
			memo->handles[i] = (FifoHandle) {messages[i]->serial, messages[i]->receive};
	}
	return count;
}

FifoVerdict
fifo_held(Fifo *queue, const FifoHandle *handle, int64_t now_ms, FifoMessage **message)
{
	fifo_expire(queue, now_ms);
	*message = table_get(&queue->by_serial, &handle->serial, sizeof(handle->serial));
	if (*message == NULL)
		return queue->dead_letter != NULL &&
			table_get(&queue->dead_letter->by_serial, &handle->serial, sizeof(handle->serial)) != NULL ?
			FIFO_SUPERSEDED : FIFO_GONE;
	if ((*message)->receive != handle->receive)
		return FIFO_SUPERSEDED;
	return fifo_is_hidden(*message) ? FIFO_OK : FIFO_EXPIRED;
}

bool
fifo_change_visibility(Fifo *queue, FifoMessage *message, int64_t visibility_ms, int64_t now_ms)
{
	if (now_ms + visibility_ms > message->received_ms + TOTAL_HOLD_MS)
		return false;
	message->changes++;
	hide(queue, message, visibility_ms, now_ms);
	group_review(queue, message->group);
	return true;
}

void
fifo_purge(Fifo *queue)
{
	while (!TAILQ_EMPTY(&queue->messages))
		fifo_delete(queue, TAILQ_FIRST(&queue->messages));
	forget(&queue->dedup, INT64_MAX);	/* a purge clears them (recorded) */
}

FifoMessage *
fifo_first(Fifo *queue, int64_t now_ms)
{
	FifoGroup  *group;

	fifo_expire(queue, now_ms);
	group = TAILQ_FIRST(&queue->ready);
	return group != NULL ? TAILQ_FIRST(&group->messages) : NULL;
}

void
fifo_expire(Fifo *queue, int64_t now_ms)
{
	HeapNode   *first;
	FifoMessage *oldest;

	while ((first = heap_first(&queue->hidden)) != NULL && first->key <= now_ms)
	{
		FifoMessage *message = (FifoMessage *) first;	/* hidden is its first member */

		hide(queue, message, 0, now_ms);
		group_review(queue, message->group);
	}
	while ((oldest = TAILQ_FIRST(&queue->messages)) != NULL &&
		   oldest->sent_ms + queue->retention_ms <= now_ms)
		fifo_delete(queue, oldest);
}
