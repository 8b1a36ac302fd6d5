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

static Table queues;			/* name -> SqsQueue */
static Table deleted;			/* name -> int64_t, lab time of its deletion */

SqsQueue *
sqs_find(const char *name)
{
	return table_get(&queues, name, strlen(name));
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
	TableWalk	walk = {0};
	TableEntry *entry;
	size_t		n = 0;

	while ((entry = table_next(&queues, &walk)) != NULL)
		n += ((SqsQueue *) entry->value)->n_waiters;
	return n;
}

static int
compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *) left, *(const char *const *) right);
}

json_t *
sqs_queue_names(void)
{
	const char **names = mem_zalloc((queues.count + 1) * sizeof(char *));
	json_t	   *list = json_array();
	TableWalk	walk = {0};
	TableEntry *entry;
	size_t		n = 0;

	while ((entry = table_next(&queues, &walk)) != NULL)
		names[n++] = entry->key;
	qsort(names, n, sizeof(char *), compare_names);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(names[i]));
	free(names);
	return list;
}

static bool
is_queue_name(const char *name, bool fifo)
{
	size_t		len = strlen(name);
	size_t		stem = fifo && len > 5 && strcmp(name + len - 5, ".fifo") == 0 ? len - 5 : fifo ? 0 : len;

	return stem > 0 && len <= SQS_NAME_MAX &&
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") >= stem;
}

static bool
check_new_name(const char *name, const json_t *wanted, SqsError *error)
{
	const char *fifo_text = json_string_value(json_object_get(wanted, "FifoQueue"));
	bool		fifo = fifo_text != NULL && strcasecmp(fifo_text, "true") == 0;
	int64_t    *deleted_ms = table_get(&deleted, name, strlen(name));

	if (fifo_text != NULL && !fifo)
		sqs_fail(error, SQS_INVALID_ATTRIBUTE_NAME, "Unknown Attribute FifoQueue.");	/* recorded */
	else if (!is_queue_name(name, fifo))
		sqs_fail(error, SQS_INVALID_PARAMETER, fifo ?
				 "The name of a FIFO queue can only include alphanumeric characters, hyphens, or "
				 "underscores, must end with .fifo suffix and be 1 to 80 in length." :
				 "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
	else if (deleted_ms != NULL && clock_now_ms() < *deleted_ms + NAME_REST_MS)
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
queue_new(const char *name, const json_t *wanted, json_t *tags)
{
	SqsQueue   *queue = mem_zalloc(sizeof(SqsQueue));
	const char *scope = json_string_value(json_object_get(wanted, "DeduplicationScope"));

	snprintf(queue->name, sizeof(queue->name), "%s", name);
	snprintf(queue->arn, sizeof(queue->arn), "arn:aws:sqs:%s:%s:%s", cloud.region, cloud.account, name);
	snprintf(queue->url, sizeof(queue->url), "%s/%s/%s", cloud.endpoint, cloud.account, name);
	queue->incarnation = random_u64();
	queue->is_fifo = json_object_get(wanted, "FifoQueue") != NULL;
	queue->fifo = fifo_new(&(FifoOptions) {
		.fifo = queue->is_fifo,
			.scope_group = scope != NULL && strcmp(scope, "messageGroup") == 0,
			.arn = queue->arn,
			.owner = queue,
			.moved = sqs_moved
	});
	queue->attributes = sqs_settings_defaults(queue->is_fifo);
	queue->tags = json_incref(tags);
	queue->created_ms = clock_now_ms();
	sqs_settings_apply(queue, wanted);
	table_put(&queues, name, strlen(name), queue);
	return queue;
}

/* An object of strings, or NULL when the member is absent. */
static bool
get_map(const json_t *in, const char *name, json_t **map, SqsError *error)
{
	*map = json_object_get(in, name);
	if (*map == NULL || json_is_null(*map))
		*map = NULL;
	else if (!json_is_object(*map))
		sqs_fail(error, SQS_SERIALIZATION, "%s must be a map", name);
	return error->kind == SQS_OK;
}

void
sqs_create_queue(SqsCall *call)
{
	const char *name;
	json_t	   *wanted;
	json_t	   *tags;
	SqsQueue   *queue;

	if (!sqs_get_text(call->in, "QueueName", true, &name, &call->error) ||
		!get_map(call->in, "Attributes", &wanted, &call->error) ||
		!get_map(call->in, "tags", &tags, &call->error))
		return;
	queue = sqs_find(name);
	if (!check_new_name(name, wanted, &call->error) ||
		!sqs_settings_check(name, wanted, true, &call->error) ||
		(queue != NULL && !same_settings(queue, wanted, &call->error)))
		return;
	if (queue == NULL)
	{
		queue = queue_new(name, wanted, tags);
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
	json_t	   *names = sqs_queue_names();
	json_t	   *urls = json_array();
	json_t	   *name;
	size_t		i;
	int64_t		max = 1000;
	const char *prefix;
	const char *after;

	if (!sqs_get_text(call->in, "QueueNamePrefix", false, &prefix, &call->error) ||
		!sqs_get_text(call->in, "NextToken", false, &after, &call->error) ||
		!sqs_get_integer(call->in, "MaxResults", 1, 1000, &max, &call->error))
		json_array_clear(names);
	json_array_foreach(names, i, name)
	{
		const char *text = json_string_value(name);

		if ((prefix != NULL && strncmp(text, prefix, strlen(prefix)) != 0) ||
			(after != NULL && strcmp(text, after) <= 0))
			continue;
		if ((int64_t) json_array_size(urls) == max)
		{
			/* the token is the last name shown, which a client must not rely on */
			json_object_set(call->out, "NextToken", json_array_get(names, i - 1));
			break;
		}
		json_array_append_new(urls, json_string(sqs_find(text)->url));
	}
	if (json_array_size(urls) > 0)
		json_object_set(call->out, "QueueUrls", urls);
	json_decref(urls);
	json_decref(names);
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

	if (!get_map(call->in, "Attributes", &wanted, &call->error))
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
	int64_t    *when = table_get(&deleted, queue->name, strlen(queue->name));
	TableWalk	walk = {0};
	TableEntry *entry;

	if (when == NULL)
		table_put(&deleted, queue->name, strlen(queue->name), when = mem_zalloc(sizeof(*when)));
	*when = clock_now_ms();
	sqs_dismiss_waiters(queue);
	table_remove(&queues, queue->name, strlen(queue->name));
	while ((entry = table_next(&queues, &walk)) != NULL)
	{
		SqsQueue   *other = entry->value;

		if (other->fifo->options.dead_letter == queue->fifo)
			other->fifo->options.dead_letter = NULL;
	}
	journal_effect("sqs.queue_deleted", "s", "queue", queue->name);
	timer_cancel(&queue->timer);
	fifo_free(queue->fifo);
	json_decref(queue->attributes);
	json_decref(queue->tags);
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
