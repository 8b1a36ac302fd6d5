/*
 * sqs_source.c
 *		A queue as a source of events: watching it, and taking what Lambda is given.
 *
 * After whatever may have made a message available (a send, a delete that
 * unlocks a group, ...) sqs_changed is called; it sets the queue's timer, and
 * that tells the watches, so that nobody is called in the midst of a change.
 * For what becomes available by itself the timer is set while somebody watches.
 *
 * Messages are taken as ReceiveMessage takes them, with the same handles, and
 * come as the Records of an event, whose members are named otherwise.
 */
#include "sqs.h"

#include <stdlib.h>

#include "json_text.h"
#include "service.h"

#define EVENT_RECORDS_MAX	10000

typedef struct SqsWatch
{
	TAILQ_ENTRY(SqsWatch) link;
	void		(*changed) (void *arg);
	void	   *arg;
} SqsWatch;

/* {"StringValue": "x", "DataType": "String"} under the names of events. */
static json_t *
record_attributes(const json_t *attributes)
{
	json_t	   *all = json_object();
	const char *name;
	json_t	   *attribute;

	json_object_foreach((json_t *) attributes, name, attribute)
		json_object_set_new(all, name, json_pack("{s:O*,s:O*,s:[],s:[],s:O}",
												 "stringValue", json_object_get(attribute, "StringValue"),
												 "binaryValue", json_object_get(attribute, "BinaryValue"),
												 "stringListValues", "binaryListValues",
												 "dataType", json_object_get(attribute, "DataType")));
	return all;
}

static json_t *
record(const SqsQueue *queue, const json_t *message)
{
	json_t	   *md5 = json_object_get(message, "MD5OfMessageAttributes");

	return json_pack("{s:O,s:O,s:O,s:O,s:o,s:o,s:O,s:s,s:s,s:s}",
					 "messageId", json_object_get(message, "MessageId"),
					 "receiptHandle", json_object_get(message, "ReceiptHandle"),
					 "body", json_object_get(message, "Body"),
					 "attributes", json_object_get(message, "Attributes"),
					 "messageAttributes", record_attributes(json_object_get(message, "MessageAttributes")),
					 "md5OfMessageAttributes", md5 != NULL ? json_incref(md5) : json_null(),
					 "md5OfBody", json_object_get(message, "MD5OfBody"),
					 "eventSource", "aws:sqs", "eventSourceARN", queue->arn, "awsRegion", cloud.region);
}

json_t *
sqs_take_for_event(const char *queue_arn, size_t max, int visibility_seconds)
{
	SqsQueue   *queue = sqs_find_arn(queue_arn);
	json_t	   *all = json_pack("{s:[s],s:[s]}", "MessageSystemAttributeNames", "All", "MessageAttributeNames", "All");
	json_t	   *messages = NULL;
	json_t	   *message;
	Buf			text = {0};
	size_t		i;

	if (queue != NULL && max > 0 &&
		sqs_take(queue, &(FifoReceive) {
			.max = max < EVENT_RECORDS_MAX ? max : EVENT_RECORDS_MAX,
			.max_groups = queue->is_fifo ? 1 : SIZE_MAX,
			.visibility_ms = (visibility_seconds >= 0 ? visibility_seconds : sqs_setting(queue, "VisibilityTimeout")) * 1000
		}, all, &text) > 0)
		messages = json_from_text(text.data, text.len);
	json_array_foreach(messages, i, message)
		json_array_set_new(messages, i, record(queue, message));
	buf_free(&text);
	json_decref(all);
	return messages;
}

static void
watch_due(Timer *timer)
{
	SqsQueue   *queue = (SqsQueue *) timer;

	queue->news = false;
	fifo_expire(queue->fifo, clock_now_ms());
	sqs_tell_watches(queue);
}

static void
set_timer(SqsQueue *queue)
{
	HeapNode   *next = heap_first(&queue->fifo->hidden);

	queue->timer.fire = watch_due;
	if ((!queue->news && next == NULL) || TAILQ_EMPTY(&queue->watches) || queue->deleted_ms != 0)
		timer_cancel(&queue->timer);
	else
		timer_set(&queue->timer, queue->news ? clock_now_ms() : next->key);
}

void
sqs_changed(SqsQueue *queue)
{
	queue->news = true;
	set_timer(queue);
}

bool
sqs_watch(const char *queue_arn, void (*changed) (void *arg), void *arg)
{
	SqsQueue   *queue = sqs_find_arn(queue_arn);
	SqsWatch   *watch;

	if (queue == NULL)
		return false;
	watch = mem_zalloc(sizeof(SqsWatch));
	watch->changed = changed;
	watch->arg = arg;
	TAILQ_INSERT_TAIL(&queue->watches, watch, link);
	sqs_changed(queue);
	return true;
}

void
sqs_unwatch(const char *queue_arn, void (*changed) (void *arg), void *arg)
{
	SqsQueue   *queue = sqs_find_arn(queue_arn);
	SqsWatch   *watch = queue != NULL ? TAILQ_FIRST(&queue->watches) : NULL;

	while (watch != NULL && (watch->changed != changed || watch->arg != arg))
		watch = TAILQ_NEXT(watch, link);
	if (watch == NULL)
		return;
	TAILQ_REMOVE(&queue->watches, watch, link);
	free(watch);
}

void
sqs_tell_watches(SqsQueue *queue)
{
	SqsWatch   *next;

	for (SqsWatch *watch = TAILQ_FIRST(&queue->watches); watch != NULL; watch = next)
	{
		next = TAILQ_NEXT(watch, link);
		watch->changed(watch->arg);
	}
	set_timer(queue);
}
