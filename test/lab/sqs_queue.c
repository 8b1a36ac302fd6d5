/*
 * sqs_queue.c
 *		Queues: making, finding, describing and removing them.
 *
 * The scope of deduplication is fixed when a queue is made: changing the
 * attribute later is accepted and shown, but has no effect (recorded).  A name
 * can be used again 60 seconds after its queue was deleted.
 */
#include "sqs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "journal.h"
#include "service.h"

#define NAME_REST_MS	60000
#define PURGE_REST_MS	60000

static SqsQueue *queues;		/* in order of names */
static json_t *deleted;			/* name -> lab time of its deletion */

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
	const char *name = strrchr(arn, ':');
	SqsQueue   *queue = name != NULL ? sqs_find(name + 1) : NULL;

	return queue != NULL && strcmp(queue->arn, arn) == 0 ? queue : NULL;
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
	size_t		stem = fifo && len > 5 && strcmp(name + len - 5, ".fifo") == 0 ? len - 5 : fifo ? 0 : len;

	return stem > 0 && len <= SQS_NAME_MAX &&
		strspn(name, ALPHANUMERIC "_-") >= stem;
}

static bool
check_new_name(const char *name, const json_t *wanted, SqsError *error)
{
	const char *fifo_text = json_string_value(json_object_get(wanted, "FifoQueue"));
	bool		fifo = fifo_text != NULL && strcasecmp(fifo_text, "true") == 0;
	json_t	   *deleted_ms = json_object_get(deleted, name);

	if (fifo_text != NULL && !fifo)
		sqs_fail(error, SQS_INVALID_ATTRIBUTE_NAME, "Unknown Attribute FifoQueue.");	/* recorded */
	else if (!is_queue_name(name, fifo))
		sqs_fail(error, SQS_INVALID_PARAMETER, fifo ?
				 "The name of a FIFO queue can only include alphanumeric characters, hyphens, or "
				 "underscores, must end with .fifo suffix and be 1 to 80 in length." :
				 "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
	else if (deleted_ms != NULL && clock_now_ms() < json_integer_value(deleted_ms) + NAME_REST_MS)
		sqs_fail(error, SQS_QUEUE_DELETED_RECENTLY,
				 "You must wait 60 seconds after deleting a queue before you can create another with the same name.");
	return error->kind == SQS_OK;
}

static bool
same_settings(const SqsQueue *queue, const json_t *wanted, SqsError *error)
{
	const char *name;
	json_t	   *value;

	json_object_foreach((json_t *) wanted, name, value)
	{
		if (json_equal(json_object_get(queue->attributes, name), value))
			continue;
		sqs_fail(error, SQS_QUEUE_EXISTS, "A queue already exists with the same name and a different "
				 "value for attribute %s", name);
		return false;
	}
	return true;
}

static SqsQueue *
queue_new(const char *name, const json_t *wanted)
{
	SqsQueue   *queue = mem_zalloc(sizeof(SqsQueue));
	SqsQueue  **place = place_of(name);
	const char *scope = json_string_value(json_object_get(wanted, "DeduplicationScope"));

	snprintf(queue->name, sizeof(queue->name), "%s", name);
	snprintf(queue->arn, sizeof(queue->arn), "arn:aws:sqs:%s:%s:%s", cloud.region, cloud.account, name);
	snprintf(queue->url, sizeof(queue->url), "%s/%s/%s", cloud.endpoint, cloud.account, name);
	queue->incarnation = random_u64();
	TAILQ_INIT(&queue->waiters);
	queue->is_fifo = json_object_get(wanted, "FifoQueue") != NULL;
	queue->fifo = fifo_new(&(FifoOptions) {
		.fifo = queue->is_fifo,
			.scope_group = scope != NULL && strcmp(scope, "messageGroup") == 0,
			.arn = queue->arn,
			.owner = queue,
			.moved = sqs_moved
	});
	queue->attributes = sqs_settings_defaults(queue->is_fifo);
	queue->created_ms = clock_now_ms();
	sqs_settings_apply(queue, wanted);
	queue->next = *place;
	*place = queue;
	return queue;
}

void
sqs_create_queue(SqsCall *call)
{
	const char *name;
	json_t	   *wanted;
	json_t	   *tags;
	SqsQueue   *queue;

	if (!sqs_get_text(call->in, "QueueName", true, &name, &call->error) ||
		!sqs_get_map(call->in, "Attributes", &wanted, &call->error) ||
		!sqs_get_map(call->in, "tags", &tags, &call->error))
		return;
	queue = sqs_find(name);
	if (!check_new_name(name, wanted, &call->error) ||
		!sqs_settings_check(name, wanted, true, &call->error) ||
		(queue != NULL && !same_settings(queue, wanted, &call->error)))
		return;
	if (queue == NULL)
	{
		queue = queue_new(name, wanted);
		journal_effect("sqs.queue_created", "s", "queue", name);
	}
	json_object_set_new(call->out, "QueueUrl", json_string(queue->url));
}

void
sqs_get_queue_url(SqsCall *call)
{
	const char *name;
	const char *owner;
	SqsQueue   *queue;

	if (!sqs_get_text(call->in, "QueueName", true, &name, &call->error) ||
		!sqs_get_text(call->in, "QueueOwnerAWSAccountId", false, &owner, &call->error))
		return;
	queue = owner == NULL || strcmp(owner, cloud.account) == 0 ? sqs_find(name) : NULL;
	if (queue == NULL)
		sqs_fail(&call->error, SQS_NO_QUEUE, "The specified queue does not exist.");
	else
		json_object_set_new(call->out, "QueueUrl", json_string(queue->url));
}

void
sqs_list_queues(SqsCall *call)
{
	json_t	   *urls = json_array();
	const char *shown = NULL;
	int64_t		max = 1000;
	const char *prefix;
	const char *after;

	if (!sqs_get_text(call->in, "QueueNamePrefix", false, &prefix, &call->error) ||
		!sqs_get_text(call->in, "NextToken", false, &after, &call->error) ||
		!sqs_get_integer(call->in, "MaxResults", 1, 1000, &max, &call->error))
		max = 0;
	for (const SqsQueue *queue = queues; queue != NULL && max > 0; queue = queue->next)
	{
		if ((prefix != NULL && strncmp(queue->name, prefix, strlen(prefix)) != 0) ||
			(after != NULL && strcmp(queue->name, after) <= 0))
			continue;
		if ((int64_t) json_array_size(urls) == max)
		{
			/* the token is the last name shown, which a client must not rely on */
			json_object_set_new(call->out, "NextToken", json_string(shown));
			break;
		}
		json_array_append_new(urls, json_string(queue->url));
		shown = queue->name;
	}
	if (json_array_size(urls) > 0)
		json_object_set(call->out, "QueueUrls", urls);
	json_decref(urls);
}

static void
set_number(json_t *attributes, const char *name, int64_t value)
{
	json_object_set_new(attributes, name, json_sprintf("%lld", (long long) value));
}

/* Messages behind a locked group count as visible (recorded). */
static json_t *
all_attributes(SqsQueue *queue)
{
	json_t	   *all = json_copy(queue->attributes);
	Fifo	   *fifo = queue->fifo;

	fifo_expire(fifo, clock_now_ms());
	set_number(all, "ApproximateNumberOfMessages", (int64_t) (fifo->by_serial.count - fifo->hidden.count));
	set_number(all, "ApproximateNumberOfMessagesNotVisible", (int64_t) fifo_in_flight(fifo));
	set_number(all, "ApproximateNumberOfMessagesDelayed", (int64_t) fifo->n_delayed);
	set_number(all, "CreatedTimestamp", queue->created_ms / 1000);
	set_number(all, "LastModifiedTimestamp", queue->modified_ms / 1000);
	json_object_set_new(all, "QueueArn", json_string(queue->arn));
	return all;
}

void
sqs_get_attributes(SqsCall *call)
{
	json_t	   *names;
	json_t	   *name;
	json_t	   *all;
	json_t	   *chosen = json_object();
	size_t		i;

	if (!sqs_get_list(call->in, "AttributeNames", &names, &call->error))
		names = NULL;
	all = all_attributes(call->queue);
	json_array_foreach(names, i, name)
	{
		const char *text = json_string_value(name);

		if (!sqs_settings_known(text))
			sqs_fail(&call->error, SQS_INVALID_ATTRIBUTE_NAME, "Unknown Attribute %s.", text);
		else if (strcmp(text, "All") == 0)
			json_object_update(chosen, all);
		else if (json_object_get(all, text) != NULL)
			json_object_set(chosen, text, json_object_get(all, text));
	}
	if (json_object_size(chosen) > 0)
		json_object_set(call->out, "Attributes", chosen);
	json_decref(chosen);
	json_decref(all);
}

void
sqs_set_attributes(SqsCall *call)
{
	json_t	   *wanted;

	if (!sqs_get_map(call->in, "Attributes", &wanted, &call->error))
		return;
	if (wanted == NULL)
		sqs_fail(&call->error, SQS_MISSING_PARAMETER, "The request must contain the parameter Attributes.");
	else if (sqs_settings_check(call->queue->name, wanted, false, &call->error))
		sqs_settings_apply(call->queue, wanted);
}

void
sqs_delete_queue(SqsCall *call)
{
	SqsQueue   *queue = call->queue;

	if (deleted == NULL)
		deleted = json_object();
	json_object_set_new(deleted, queue->name, json_integer(clock_now_ms()));
	sqs_dismiss_waiters(queue);
	*place_of(queue->name) = queue->next;
	for (SqsQueue *other = queues; other != NULL; other = other->next)
	{
		if (other->fifo->options.dead_letter == queue->fifo)
			other->fifo->options.dead_letter = NULL;
	}
	journal_effect("sqs.queue_deleted", "s", "queue", queue->name);
	timer_cancel(&queue->timer);
	fifo_free(queue->fifo);
	json_decref(queue->attributes);
	free(queue);
	call->queue = NULL;
}

void
sqs_purge_queue(SqsCall *call)
{
	SqsQueue   *queue = call->queue;
	int64_t		now = clock_now_ms();

	if (queue->purged_ms != 0 && now < queue->purged_ms + PURGE_REST_MS)
	{
		sqs_fail(&call->error, SQS_PURGE_IN_PROGRESS,
				 "Only one PurgeQueue operation on %s is allowed every 60 seconds.", queue->name);
		return;
	}
	queue->purged_ms = now;
	fifo_purge(queue->fifo);
	journal_effect("sqs.purged", "s", "queue", queue->name);
}
