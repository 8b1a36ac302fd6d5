/*
 * sqs_receive.c
 *		ReceiveMessage and its long polls.
 *
 * A receive that finds nothing and may wait becomes a Waiter in its queue's
 * list, with a timer of its own for the end of the wait.  Whatever makes a
 * message available (a send, a delete that unlocks a group, visibility 0)
 * calls sqs_wake; what becomes available by itself is watched by the queue's
 * timer, set only while somebody waits.  A client that hangs up leaves the
 * list and gets no messages.
 */
#include "sqs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "service.h"

typedef struct SqsWaiter
{
	Timer		timer;
	TAILQ_ENTRY(SqsWaiter) link;
	SqsCall    *call;
	SqsQueue   *queue;
} SqsWaiter;

static bool
asked_for(const json_t *in, const char *name)
{
	static const char *const lists[] = {"MessageSystemAttributeNames", "AttributeNames"};

	for (size_t list = 0; list < 2; list++)
	{
		size_t		i;
		json_t	   *item;

		json_array_foreach(json_object_get(in, lists[list]), i, item)
		{
			const char *wanted = json_string_value(item);

			if (wanted != NULL && (strcmp(wanted, "All") == 0 || strcmp(wanted, name) == 0))
				return true;
		}
	}
	return false;
}

static void
emit_asked(Buf *out, const json_t *in, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0' && asked_for(in, name))
		emit_text(out, name, value);
}

/* Timestamps and counts are text on the wire. */
static void
emit_asked_number(Buf *out, const json_t *in, const char *name, int64_t value)
{
	char		text[24];

	snprintf(text, sizeof(text), "%lld", (long long) value);
	emit_asked(out, in, name, text);
}

static void
emit_system_attributes(Buf *out, const json_t *in, const SqsQueue *queue, const FifoMessage *message)
{
	static const char empty[] = ",\"Attributes\":{";
	size_t		start = out->len;

	buf_adds(out, empty);
	emit_asked(out, in, "SenderId", "AIDAEXAMPLE");
	emit_asked_number(out, in, "SentTimestamp", message->sent_ms);
	emit_asked_number(out, in, "ApproximateReceiveCount", message->receive_count);
	emit_asked_number(out, in, "ApproximateFirstReceiveTimestamp", message->first_received_ms);
	emit_asked(out, in, "MessageGroupId", message->group_id);
	emit_asked(out, in, "MessageDeduplicationId", message->dedup_id);
	emit_asked(out, in, "SequenceNumber", queue->is_fifo ? message->sequence : NULL);
	emit_asked(out, in, "AWSTraceHeader", message->trace_header);
	emit_asked(out, in, "DeadLetterQueueSourceArn", message->source_arn);
	if (out->len == start + strlen(empty))
		out->len = start;		/* the member is absent unless something was asked for */
	else
		buf_adds(out, "}");
}

static void
emit_attributes(Buf *out, const json_t *in, const FifoMessage *message)
{
	json_t	   *attributes = NULL;
	char		md5[MD5_HEX];
	char	   *text;

	if (message->attributes != NULL)
		attributes = sqs_attributes_select(message->attributes, json_object_get(in, "MessageAttributeNames"));
	if (attributes == NULL)
		return;
	sqs_attributes_md5(attributes, md5);
	text = json_dumps(attributes, JSON_COMPACT);
	emit_text(out, "MD5OfMessageAttributes", md5);
	emit_name(out, "MessageAttributes");
	buf_adds(out, text);
	free(text);
	json_decref(attributes);
}

static void
emit_message(Buf *out, const json_t *in, const SqsQueue *queue, const FifoMessage *message)
{
	buf_adds(out, out->data[out->len - 1] == '[' ? "{" : ",{");
	emit_text(out, "MessageId", message->id);
	buf_adds(out, ",\"ReceiptHandle\":\"");
	sqs_write_handle(out, queue, message);
	buf_adds(out, "\"");
	emit_text(out, "MD5OfBody", message->md5);
	emit_name(out, "Body");
	emit_string(out, message->body, message->body_len);
	emit_system_attributes(out, in, queue, message);
	emit_attributes(out, in, message);
	buf_adds(out, "}");
}

static void
journal_received(const SqsQueue *queue, const FifoMessage *message, bool repeated)
{
	journal_effect("sqs.received", "sssssIIb", "queue", queue->name,
				   "message_id", message->id, "group", message->group_id, "dedup", message->dedup_id,
				   "sequence", message->sequence, "receive_count", (json_int_t) message->receive_count,
				   "receive", (json_int_t) message->receive, "repeated", repeated);
}

typedef struct ReceiveRequest
{
	int64_t		max;
	int64_t		visibility_s;
	int64_t		wait_s;
	const char *attempt;
} ReceiveRequest;

static bool
read_request(SqsCall *call, ReceiveRequest *request)
{
	json_t	   *ignored;

	*request = (ReceiveRequest) {1, call->queue->visibility_s, call->queue->wait_s, NULL};
	if (!sqs_get_integer(call->in, "MaxNumberOfMessages", 1, 10, &request->max, &call->error) ||
		!sqs_get_integer(call->in, "VisibilityTimeout", 0, 43200, &request->visibility_s, &call->error) ||
		!sqs_get_integer(call->in, "WaitTimeSeconds", 0, 20, &request->wait_s, &call->error) ||
		!sqs_get_list(call->in, "AttributeNames", &ignored, &call->error) ||
		!sqs_get_list(call->in, "MessageSystemAttributeNames", &ignored, &call->error) ||
		!sqs_get_list(call->in, "MessageAttributeNames", &ignored, &call->error) ||
		!sqs_get_text(call->in, "ReceiveRequestAttemptId", false, &request->attempt, &call->error))
		return false;
	if (request->attempt != NULL && (!call->queue->is_fifo || !sqs_is_id(request->attempt)))
		sqs_fail(&call->error, SQS_INVALID_PARAMETER, "Value %.160s for parameter ReceiveRequestAttemptId "
				 "is invalid.", request->attempt);
	return call->error.kind == SQS_OK;
}

/* True when the call is decided: messages or an error. */
static bool
receive_now(SqsCall *call, const ReceiveRequest *request)
{
	FifoMessage *messages[FIFO_BATCH_MAX];
	size_t		count;
	bool		repeated;

	if (fifo_receive(call->queue->fifo, (size_t) request->max, request->visibility_s * 1000,
					 request->attempt, clock_now_ms(), messages, &count, &repeated) == FIFO_MODIFIED)
	{
		sqs_fail(&call->error, SQS_INVALID_PARAMETER, "Value %.160s for parameter ReceiveRequestAttemptId "
				 "is invalid. Reason: Messages of this attempt were deleted or had their visibility changed.",
				 request->attempt);
		return true;
	}
	if (count == 0)
		return false;			/* the member is absent then (recorded) */
	buf_adds(&call->text, "{\"Messages\":[");
	for (size_t i = 0; i < count; i++)
	{
		emit_message(&call->text, call->in, call->queue, messages[i]);
		journal_received(call->queue, messages[i], repeated);
	}
	buf_adds(&call->text, "]}");
	return true;
}

static void
unlink_waiter(SqsWaiter *waiter)
{
	SqsQueue   *queue = waiter->queue;

	TAILQ_REMOVE(&queue->waiters, waiter, link);
	queue->n_waiters--;
	timer_cancel(&waiter->timer);
	free(waiter);
}

static void
waiter_gone(Exchange *x)
{
	unlink_waiter(x->waiter);
}

static void
wait_over(Timer *timer)
{
	SqsWaiter  *waiter = (SqsWaiter *) timer;
	SqsCall    *call = waiter->call;

	unlink_waiter(waiter);
	sqs_answer(call);
}

static void
queue_due(Timer *timer)
{
	sqs_wake((SqsQueue *) timer);
}

static void
watch_queue(SqsQueue *queue)
{
	int64_t		next = queue->n_waiters > 0 ? fifo_next_event(queue->fifo) : CLOCK_NEVER;

	queue->timer.fire = queue_due;
	if (next == CLOCK_NEVER)
		timer_cancel(&queue->timer);
	else
		timer_set(&queue->timer, next);
}

static void
start_waiting(SqsCall *call, int64_t wait_s)
{
	SqsWaiter  *waiter = mem_zalloc(sizeof(SqsWaiter));
	SqsQueue   *queue = call->queue;

	waiter->call = call;
	waiter->queue = queue;
	TAILQ_INSERT_TAIL(&queue->waiters, waiter, link);
	queue->n_waiters++;
	waiter->timer.fire = wait_over;
	timer_set(&waiter->timer, clock_now_ms() + wait_s * 1000);
	call->parked = true;
	http_park(call->x, waiter_gone, waiter);
	watch_queue(queue);
}

void
sqs_wake(SqsQueue *queue)
{
	SqsWaiter  *waiter;
	ReceiveRequest request;

	while ((waiter = TAILQ_FIRST(&queue->waiters)) != NULL)
	{
		SqsCall    *call = waiter->call;

		if (read_request(call, &request) && !receive_now(call, &request))
			break;
		unlink_waiter(waiter);
		sqs_answer(call);
	}
	watch_queue(queue);
}

void
sqs_dismiss_waiters(SqsQueue *queue)
{
	SqsWaiter  *waiter;

	while ((waiter = TAILQ_FIRST(&queue->waiters)) != NULL)
	{
		SqsCall    *call = waiter->call;

		unlink_waiter(waiter);
		sqs_fail(&call->error, SQS_NO_QUEUE, "The specified queue does not exist.");
		sqs_answer(call);
	}
}

void
sqs_moved(Fifo *from, Fifo *to, const FifoMessage *message)
{
	const SqsQueue *source = from->options.owner;
	SqsQueue   *target = to->options.owner;

	journal_effect("sqs.moved", "sssssI", "queue", source->name, "to", target->name,
				   "message_id", message->id, "group", message->group_id, "dedup", message->dedup_id,
				   "receive_count", (json_int_t) message->receive_count);
	if (target->n_waiters > 0)
		timer_set(&target->timer, clock_now_ms());
}

void
sqs_receive_message(SqsCall *call)
{
	ReceiveRequest request;

	if (!read_request(call, &request) || receive_now(call, &request))
		return;
	if (request.wait_s > 0)
		start_waiting(call, request.wait_s);
}
