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
#include "json_text.h"

size_t
sqs_take(SqsQueue *queue, FifoReceive *how, const json_t *in, Buf *out)
{
	FifoMessage **messages = mem_zalloc(how->max * sizeof(messages[0]));
	size_t		count = fifo_receive(queue->fifo, how, clock_now_ms(), messages);
	SqsChoice	choice;

	if (count > 0 && queue->first_received_ms == 0)
		queue->first_received_ms = clock_real_ms();
	if (count > 0)
		sqs_choose(in, &choice);
	for (size_t i = 0; i < count; i++)
	{
		buf_add(out, i == 0 ? "[" : ",", 1);
		sqs_show(queue, messages[i], &choice, out);
		sqs_journal("sqs.received", queue, messages[i], "Ib",
					"receive", (json_int_t) messages[i]->receive, "repeated", how->repeated);
	}
	if (count > 0)
		buf_add(out, "]", 1);
	free(messages);
	return count;
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
journal_duplicates(const SqsCall *call, const char *text, size_t len)
{
	json_t	   *messages = json_from_text(text, len);
	size_t		i;
	json_t	   *message;

	json_array_foreach(messages, i, message)
		sqs_journal_fault(call, "duplicate", json_string_value(json_object_get(message, "MessageId")));
	json_decref(messages);
}

/* True when the call is decided: messages or an error. */
static bool
receive_now(SqsCall *call)
{
	static const char before[] = "{\"Messages\":";
	size_t		at = strlen(before);
	FifoReceive how = read_request(call);
	size_t		count = 0;

	if (call->error == NULL)
	{
		buf_add(&call->text, before, at);
		count = sqs_take(call->queue, &how, call->in, &call->text);
		buf_add(&call->text, "}", 1);
	}
	if (how.refused)
		sqs_fail_value(call, "ReceiveRequestAttemptId", "Messages of this attempt were deleted or had their visibility changed.");
	/* the member is absent when there are none (recorded) */
	if (count == 0)
		call->text.len = 0;
	else if (faults_effect(call->x) == FAULT_EFFECT_DUPLICATE)
		journal_duplicates(call, call->text.data + at, call->text.len - at - 1);
	return count > 0 || call->error != NULL;
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
