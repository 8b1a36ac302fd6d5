/*
 * sqs_receive.c
 *		ReceiveMessage and its long polls.
 *
 * A receive that finds nothing and may wait is parked: it watches its queue,
 * with a timer for the end of the wait.  A client that hangs up stops watching
 * and gets no messages.
 */
#include "sqs.h"

#include <stdlib.h>
#include <string.h>

#include "faults.h"

/* Timestamps and counts are text on the wire. */
static json_t *
system_attributes(const SqsQueue *queue, const FifoMessage *message, const json_t *in)
{
	const struct
	{
		const char *name;
		const char *text;
		int64_t		number;
	}			all[] = {
		{"SenderId", .text = "AIDAEXAMPLE"},
		{"SentTimestamp", .number = message->sent_ms},
		{"ApproximateReceiveCount", .number = message->receive_count},
		{"ApproximateFirstReceiveTimestamp", .number = message->first_received_ms},
		{"MessageGroupId", .text = message->group_id},
		{"MessageDeduplicationId", .text = message->dedup_id},
		{"SequenceNumber", .text = queue->is_fifo ? message->sequence : NULL},
		{"AWSTraceHeader", .text = message->trace_header},
		{"DeadLetterQueueSourceArn", .text = message->source_arn},
	};
	const json_t *names = json_object_get(in, "MessageSystemAttributeNames");
	const json_t *older_names = json_object_get(in, "AttributeNames");
	json_t	   *chosen = json_object();

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
	{
		if (!sqs_is_wanted(all[i].name, names) && !sqs_is_wanted(all[i].name, older_names))
			continue;
		if (all[i].number > 0)
			sqs_set_number(chosen, all[i].name, all[i].number);
		else
			sqs_set_text(chosen, all[i].name, all[i].text);
	}
	return chosen;
}

static json_t *
chosen_attributes(const FifoMessage *message, const json_t *names)
{
	json_t	   *chosen = json_object();
	const char *name;
	json_t	   *attribute;

	json_object_foreach(message->attributes, name, attribute)
	{
		if (sqs_is_wanted(name, names))
			json_object_set(chosen, name, attribute);
	}
	return chosen;
}

static json_t *
describe(const SqsQueue *queue, const FifoMessage *message, const json_t *in)
{
	json_t	   *system = system_attributes(queue, message, in);
	json_t	   *chosen = chosen_attributes(message, json_object_get(in, "MessageAttributeNames"));
	json_t	   *out = json_object();
	char		text[SQS_HANDLE_TEXT];

	sqs_write_handle(queue, (FifoHandle) {message->serial, message->receive}, text);
	sqs_set_text(out, "MessageId", message->id);
	sqs_set_text(out, "ReceiptHandle", text);
	sqs_set_text(out, "MD5OfBody", message->md5);
	sqs_set_text(out, "Body", message->body);
	if (json_object_size(system) > 0)
		json_object_set(out, "Attributes", system);
	if (json_object_size(chosen) > 0)
	{
		sqs_digest_attributes(chosen, text);
		sqs_set_text(out, "MD5OfMessageAttributes", text);
		json_object_set(out, "MessageAttributes", chosen);
	}
	json_decref(system);
	json_decref(chosen);
	return out;
}

json_t *
sqs_take(SqsQueue *queue, FifoReceive *how, const json_t *in)
{
	FifoMessage **messages = mem_zalloc(how->max * sizeof(messages[0]));
	size_t		count = fifo_receive(queue->fifo, how, clock_now_ms(), messages);
	json_t	   *list = count > 0 ? json_array() : NULL;

	if (count > 0 && queue->first_received_ms == 0)
		queue->first_received_ms = clock_real_ms();
	for (size_t i = 0; i < count; i++)
	{
		json_array_append_new(list, describe(queue, messages[i], in));
		sqs_journal("sqs.received", queue, messages[i], "Ib",
					"receive", (json_int_t) messages[i]->receive, "repeated", how->repeated);
	}
	free(messages);
	return list;
}

static FifoReceive
read_request(SqsCall *call)
{
	SqsQueue   *queue = call->queue;
	FifoReceive how = {
		.max = (size_t) sqs_integer(call, "MaxNumberOfMessages", 1, 10, 1),
		.max_groups = SIZE_MAX,
		.visibility_ms = sqs_integer(call, "VisibilityTimeout", 0, 43200, sqs_setting(queue, "VisibilityTimeout")) * 1000,
		.attempt = sqs_text(call, "ReceiveRequestAttemptId", false)
	};

	sqs_list(call, "AttributeNames");
	sqs_list(call, "MessageSystemAttributeNames");
	sqs_list(call, "MessageAttributeNames");
	if (how.attempt != NULL && (!queue->is_fifo || strlen(how.attempt) > 128 || how.attempt[0] == '\0'))
		sqs_fail_value(call, "ReceiveRequestAttemptId", "1 to 128 characters, and only for FIFO queues.");
	if (faults_effect(call->x) == FAULT_EFFECT_DUPLICATE)
		how.visibility_ms = 0;
	return how;
}

static void
journal_duplicates(const SqsCall *call, const json_t *messages)
{
	size_t		i;
	json_t	   *message;

	json_array_foreach((json_t *) messages, i, message)
		sqs_journal_fault(call, "duplicate", json_string_value(json_object_get(message, "MessageId")));
}

/* True when the call is decided: messages or an error. */
static bool
receive_now(SqsCall *call)
{
	FifoReceive how = read_request(call);
	json_t	   *messages = call->error == NULL ? sqs_take(call->queue, &how, call->in) : NULL;

	if (how.refused)
		sqs_fail_value(call, "ReceiveRequestAttemptId", "Messages of this attempt were deleted or had their visibility changed.");
	if (messages == NULL)
		return call->error != NULL;
	if (faults_effect(call->x) == FAULT_EFFECT_DUPLICATE)
		journal_duplicates(call, messages);
	/* the member is absent when there are none (recorded) */
	json_object_set_new(call->out, "Messages", messages);
	return true;
}

static void retry(void *arg);

static void
stop_waiting(SqsCall *call)
{
	sqs_unwatch(call->queue->arn, retry, call);
	call->queue->n_waiters--;
	timer_cancel(&call->timer);
}

static void
waiter_gone(Exchange *x)
{
	stop_waiting(x->waiter);
}

static void
wait_over(Timer *timer)
{
	SqsCall    *call = (SqsCall *) timer;

	stop_waiting(call);
	sqs_answer(call);
}

/* The queue may have something for a poll, or is gone. */
static void
retry(void *arg)
{
	SqsCall    *call = arg;

	if (call->queue->deleted_ms != 0)
		sqs_fail(call, "NonExistentQueue", "The specified queue does not exist.");
	if (call->error != NULL || receive_now(call))
		wait_over(&call->timer);
}

static void
start_waiting(SqsCall *call, int64_t wait_s)
{
	call->parked = true;
	call->queue->n_waiters++;
	call->timer.fire = wait_over;
	timer_set(&call->timer, clock_now_ms() + wait_s * 1000);
	sqs_watch(call->queue->arn, retry, call);
	http_park(call->x, waiter_gone, call);
}

void
sqs_receive_message(SqsCall *call)
{
	SqsQueue   *queue = call->queue;
	int64_t		wait_s = sqs_integer(call, "WaitTimeSeconds", 0, 20, sqs_setting(queue, "ReceiveMessageWaitTimeSeconds"));

	if (call->error != NULL || receive_now(call))
		return;
	if (wait_s > 0)
		start_waiting(call, wait_s);
	else if (!queue->is_fifo && fifo_in_flight(queue->fifo) >= queue->fifo->in_flight_max)
		sqs_fail(call, "OverLimit", "Too many messages in flight");
}

void
sqs_moved(Fifo *from, Fifo *to, const FifoMessage *message)
{
	const SqsQueue *source = from->owner;
	SqsQueue   *target = to->owner;

	sqs_journal("sqs.moved", source, message, "s", "to", target->name);
	sqs_changed(target);
}
