/*
 * sqs_queue.c
 *		Queues: making, finding, listing, tagging and removing them.
 *
 * The scope of deduplication is fixed when a queue is made: changing the
 * attribute later is accepted and shown, but has no effect (recorded).  A name
 * can be used again 60 seconds after its queue was deleted.
 *
 * Two tags lower what takes too long to reach: "awslab:in-flight-max" and
 * "awslab:look-ahead", both 120000 on AWS and without the tag.
 */
#include "sqs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service.h"

#define REST_MS			60000	/* of a deleted queue's name, and between purges */
#define SIGHT_MAX		120000	/* messages in flight, and look-ahead */

static SqsQueue *queues;		/* in order of names */
static SqsQueue *deleted;		/* the latest first; empty, kept for their names */

SqsQueue *
sqs_find(const char *name)
{
	SqsQueue   *queue = queues;

	while (queue != NULL && strcmp(queue->name, name) != 0)
		queue = queue->next;
	return queue;
}

SqsQueue *
sqs_find_arn(const char *arn)
{
	SqsQueue   *queue = queues;

	while (queue != NULL && strcmp(queue->arn, arn) != 0)
		queue = queue->next;
	return queue;
}

size_t
sqs_waiting_polls(void)
{
	size_t		n = 0;

	for (const SqsQueue *queue = queues; queue != NULL; queue = queue->next)
		n += queue->n_waiters;
	return n;
}

json_t *
sqs_queue_names(void)
{
	json_t	   *list = json_array();

	for (const SqsQueue *queue = queues; queue != NULL; queue = queue->next)
		json_array_append_new(list, json_string(queue->name));
	return list;
}

/* The place of the first queue whose name is not below this one. */
static SqsQueue **
place_of(const char *name)
{
	SqsQueue  **place = &queues;

	while (*place != NULL && strcmp((*place)->name, name) < 0)
		place = &(*place)->next;
	return place;
}

static bool
is_queue_name(const char *name, bool fifo)
{
	size_t		len = strlen(name);
	size_t		stem = strspn(name, ALPHANUMERIC "_-");

	return stem > 0 && len <= SQS_NAME_MAX && strcmp(name + stem, fifo ? ".fifo" : "") == 0;
}

static void
check_name(SqsCall *call, const char *name, const json_t *wanted)
{
	const char *fifo = json_string_value(json_object_get(wanted, "FifoQueue"));
	const SqsQueue *gone = deleted;

	while (gone != NULL && strcmp(gone->name, name) != 0)
		gone = gone->next;
	if (fifo != NULL && strcmp(fifo, "true") != 0)
		sqs_fail(call, "InvalidAttributeName", "Unknown Attribute FifoQueue.");	/* recorded */
	else if (!is_queue_name(name, fifo != NULL))
		sqs_fail(call, "InvalidParameterValue", fifo != NULL ?
				 "The name of a FIFO queue can only include alphanumeric characters, hyphens, or "
				 "underscores, must end with .fifo suffix and be 1 to 80 in length." :
				 "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
	else if (gone != NULL && clock_now_ms() < gone->deleted_ms + REST_MS)
		sqs_fail(call, "QueueDeletedRecently", "You must wait 60 seconds after deleting a queue before "
				 "you can create another with the same name.");
}

static void
check_same_settings(SqsCall *call, const SqsQueue *queue, const json_t *wanted)
{
	const char *name;
	json_t	   *value;

	json_object_foreach((json_t *) wanted, name, value)
	{
		if (!json_equal(json_object_get(queue->attributes, name), value))
			sqs_fail(call, "QueueAlreadyExists", "A queue already exists with the same name and a different "
					 "value for attribute %s", name);
	}
}

/* A limit of a queue, which one of its tags may have lowered. */
static size_t
tagged_limit(const SqsQueue *queue, const char *tag)
{
	const char *text = json_string_value(json_object_get(queue->tags, tag));
	long		limit = text != NULL ? atol(text) : 0;

	return limit > 0 ? (size_t) limit : SIGHT_MAX;
}

static void
set_limits(SqsQueue *queue)
{
	queue->fifo->in_flight_max = tagged_limit(queue, "awslab:in-flight-max");
	queue->fifo->look_ahead = queue->is_fifo ? tagged_limit(queue, "awslab:look-ahead") : SIZE_MAX;
}

static SqsQueue *
queue_new(const char *name, const json_t *wanted, json_t *tags)
{
	SqsQueue   *queue = mem_zalloc(sizeof(SqsQueue));
	SqsQueue  **place = place_of(name);
	const char *scope = json_string_value(json_object_get(wanted, "DeduplicationScope"));

	snprintf(queue->name, sizeof(queue->name), "%s", name);
	snprintf(queue->arn, sizeof(queue->arn), "arn:aws:sqs:%s:%s:%s", cloud.region, cloud.account, name);
	snprintf(queue->url, sizeof(queue->url), "%s/%s/%s", cloud.endpoint, cloud.account, name);
	queue->incarnation = random_u64();
	queue->is_fifo = json_object_get(wanted, "FifoQueue") != NULL;
	queue->tags = tags != NULL ? json_copy(tags) : json_object();
	queue->created_ms = clock_now_ms();
	TAILQ_INIT(&queue->watches);
	queue->fifo = fifo_new();
	queue->fifo->fifo = queue->is_fifo;
	queue->fifo->scope_group = scope != NULL && strcmp(scope, "messageGroup") == 0;
	queue->fifo->arn = queue->arn;
	queue->fifo->owner = queue;
	queue->fifo->moved = sqs_moved;
	set_limits(queue);
	sqs_settings_apply(queue, wanted);
	queue->next = *place;
	*place = queue;
	journal_effect("sqs.queue_created", "s", "queue", name);
	return queue;
}

void
sqs_create_queue(SqsCall *call)
{
	const char *name = sqs_text(call, "QueueName", true);
	json_t	   *wanted = sqs_map(call, "Attributes");
	json_t	   *tags = sqs_map(call, "tags");
	SqsQueue   *queue;

	if (call->error != NULL)
		return;
	queue = sqs_find(name);
	check_name(call, name, wanted);
	sqs_settings_check(call, name, wanted);
	if (queue != NULL)
		check_same_settings(call, queue, wanted);
	if (call->error != NULL)
		return;
	if (queue == NULL)
		queue = queue_new(name, wanted, tags);
	sqs_set_text(call->out, "QueueUrl", queue->url);
}

void
sqs_get_queue_url(SqsCall *call)
{
	const char *name = sqs_text(call, "QueueName", true);
	SqsQueue   *queue = name != NULL ? sqs_find(name) : NULL;

	if (queue == NULL)
		sqs_fail(call, "NonExistentQueue", "The specified queue does not exist.");
	else
		sqs_set_text(call->out, "QueueUrl", queue->url);
}

/* ListQueues, and of a dead-letter queue ListDeadLetterSourceQueues. */
void
sqs_list_queues(SqsCall *call)
{
	const char *prefix = sqs_text(call, "QueueNamePrefix", false);
	const char *after = sqs_text(call, "NextToken", false);
	int64_t		max = sqs_integer(call, "MaxResults", 1, 1000, 1000);
	json_t	   *urls = json_array();
	const char *shown = NULL;

	for (const SqsQueue *queue = queues; queue != NULL && call->error == NULL; queue = queue->next)
	{
		if ((prefix != NULL && strncmp(queue->name, prefix, strlen(prefix)) != 0) ||
			(call->queue != NULL && queue->fifo->dead_letter != call->queue->fifo) ||
			(after != NULL && strcmp(queue->name, after) <= 0))
			continue;
		if ((int64_t) json_array_size(urls) == max)
		{
			/* the token is the last name shown, which a client must not rely on */
			sqs_set_text(call->out, "NextToken", shown);
			break;
		}
		json_array_append_new(urls, json_string(queue->url));
		shown = queue->name;
	}
	if (json_array_size(urls) > 0 || call->queue != NULL)
		json_object_set(call->out, call->queue != NULL ? "queueUrls" : "QueueUrls", urls);
	json_decref(urls);
}

bool
sqs_is_dead_letter_queue(const SqsQueue *queue)
{
	const SqsQueue *source = queues;

	while (source != NULL && source->fifo->dead_letter != queue->fifo)
		source = source->next;
	return source != NULL;
}

void
sqs_delete_queue(SqsCall *call)
{
	SqsQueue   *queue = call->queue;

	queue->deleted_ms = clock_now_ms();
	fifo_purge(queue->fifo);
	sqs_tell_watches(queue);
	*place_of(queue->name) = queue->next;
	for (SqsQueue *other = queues; other != NULL; other = other->next)
	{
		if (other->fifo->dead_letter == queue->fifo)
			other->fifo->dead_letter = NULL;
	}
	queue->next = deleted;
	deleted = queue;
	journal_effect("sqs.queue_deleted", "s", "queue", queue->name);
}

void
sqs_purge_queue(SqsCall *call)
{
	SqsQueue   *queue = call->queue;
	int64_t		now = clock_now_ms();

	if (queue->purged_ms != 0 && now < queue->purged_ms + REST_MS)
	{
		sqs_fail(call, "PurgeQueueInProgress",
				 "Only one PurgeQueue operation on %s is allowed every 60 seconds.", queue->name);
		return;
	}
	queue->purged_ms = now;
	fifo_purge(queue->fifo);
	journal_effect("sqs.purged", "s", "queue", queue->name);
}

void
sqs_tag_queue(SqsCall *call)
{
	json_object_update(call->queue->tags, sqs_map(call, "Tags"));
	set_limits(call->queue);
}

void
sqs_untag_queue(SqsCall *call)
{
	json_t	   *names = sqs_list(call, "TagKeys");
	size_t		i;
	json_t	   *name;

	json_array_foreach(names, i, name)
		json_object_del(call->queue->tags, json_string_value(name));
	set_limits(call->queue);
}

void
sqs_list_tags(SqsCall *call)
{
	if (json_object_size(call->queue->tags) > 0)
		json_object_set(call->out, "Tags", call->queue->tags);
}
