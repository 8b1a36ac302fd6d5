/*
 * sqs_redrive.c
 *		Message move tasks: from a dead-letter queue back, or to another queue.
 *
 * A task is a timer that moves one message each time it fires, and looks up its
 * queues each time, for they may be gone.  What is moved becomes a new message
 * (documented).  A task without a rate moves as many a second as one may ask for.
 * It is over when nothing more can be received.  Errors and their texts, and
 * what a handle is made of, are as recorded.
 */
#include "sqs.h"

#include <string.h>

#define RATE_MAX	500

typedef struct Task
{
	Timer		timer;
	struct Task *next;			/* the one before it */
	int64_t		due_ms;
	int64_t		interval_ms;
	int64_t		moved;
	json_t	   *shown;			/* as ListMessageMoveTasks shows it; has a TaskHandle while it runs */
} Task;

static Task *tasks;				/* the latest first */

/* NULL: the task has no such member. */
static const char *
shown_text(const Task *task, const char *name)
{
	return json_string_value(json_object_get(task->shown, name));
}

static void
end_task(Task *task, const char *status, const char *failure)
{
	sqs_set_text(task->shown, "Status", status);
	sqs_set_text(task->shown, "FailureReason", failure);
	json_object_del(task->shown, "TaskHandle");
	timer_cancel(&task->timer);
	journal_effect("sqs.move_ended", "sssI", "source", shown_text(task, "SourceArn"), "status", status,
				   "failure", failure, "moved", (json_int_t) task->moved);
}

static void
move_one(Timer *timer)
{
	Task	   *task = (Task *) timer;
	SqsQueue   *source = sqs_find_arn(shown_text(task, "SourceArn"));
	FifoMessage *message = source != NULL ? fifo_first(source->fifo, clock_now_ms()) : NULL;
	const char *arn = shown_text(task, "DestinationArn");
	SqsQueue   *destination;

	if (arn == NULL)
		arn = message != NULL ? message->source_arn : "";
	destination = sqs_find_arn(arn);
	if (source != NULL && message == NULL)
		end_task(task, "COMPLETED", NULL);
	else if (source != NULL && arn[0] == '\0')
		end_task(task, "FAILED", "CouldNotDetermineMessageSource");
	else if (destination == NULL)
		end_task(task, "FAILED", "AWS.SimpleQueueService.NonExistentQueue");
	else
	{
		sqs_send_on(source, message, destination);
		json_object_set_new(task->shown, "ApproximateNumberOfMessagesMoved", json_integer(++task->moved));
		timer_set(timer, task->due_ms += task->interval_ms);
	}
}

static Task *
find_running(const char *source_arn)
{
	Task	   *task = tasks;

	while (task != NULL && (shown_text(task, "TaskHandle") == NULL ||
							strcmp(shown_text(task, "SourceArn"), source_arn) != 0))
		task = task->next;
	return task;
}

static void
fail_unknown(SqsCall *call, const char *parameter)
{
	sqs_fail(call, "ResourceNotFoundException", "The resource that you specified for the %s parameter doesn't exist.", parameter);
}

/* The dead-letter queue that SourceArn names. */
static SqsQueue *
read_source(SqsCall *call)
{
	const char *arn = sqs_text(call, "SourceArn", true);
	SqsQueue   *source = arn != NULL ? sqs_find_arn(arn) : NULL;

	if (source == NULL)
		fail_unknown(call, "SourceArn");
	else if (!sqs_is_dead_letter_queue(source))
		sqs_fail(call, "InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.");
	return source;
}

void
sqs_start_move(SqsCall *call)
{
	SqsQueue   *source = read_source(call);
	const char *destination = sqs_text(call, "DestinationArn", false);
	SqsQueue   *target = destination != NULL ? sqs_find_arn(destination) : NULL;
	int64_t		rate = sqs_integer(call, "MaxNumberOfMessagesPerSecond", 1, RATE_MAX, RATE_MAX);
	char		id[UUID_TEXT];
	Buf			text = {0};
	Buf			handle = {0};
	Task	   *task;

	if (destination != NULL && target == NULL)
		fail_unknown(call, "DestinationArn");
	if (call->error == NULL && target != NULL && (target == source || target->is_fifo != source->is_fifo))
		sqs_fail_value(call, "DestinationArn", "It must be another queue of the same kind.");
	if (call->error == NULL && find_running(source->arn) != NULL)
		sqs_fail(call, "InvalidParameterValue", "There is already a task running. Only one active task is allowed "
				 "for a source queue arn at a given time.");
	if (call->error != NULL)
		return;
	random_uuid(id);
	buf_addf(&text, "{\"taskId\":\"%s\",\"sourceArn\":\"%s\"}", id, source->arn);
	base64_encode(&handle, text.data, text.len);
	task = mem_zalloc(sizeof(Task));
	*task = (Task) {.timer.fire = move_one, .next = tasks, .due_ms = clock_now_ms(), .interval_ms = 1000 / rate};
	task->shown = json_pack("{s:s,s:s,s:s,s:s*,s:O*,s:i,s:I,s:I}", "TaskHandle", handle.data, "Status", "RUNNING",
							"SourceArn", source->arn, "DestinationArn", destination, "MaxNumberOfMessagesPerSecond",
							json_object_get(call->in, "MaxNumberOfMessagesPerSecond"), "ApproximateNumberOfMessagesMoved", 0,
							"ApproximateNumberOfMessagesToMove", (json_int_t) source->fifo->by_serial.count,
							"StartedTimestamp", (json_int_t) task->due_ms);
	tasks = task;
	timer_set(&task->timer, task->due_ms);
	sqs_set_text(call->out, "TaskHandle", handle.data);
	buf_free(&text);
	buf_free(&handle);
}

void
sqs_list_moves(SqsCall *call)
{
	SqsQueue   *source = read_source(call);
	size_t		max = (size_t) sqs_integer(call, "MaxResults", 1, 10, 1);
	json_t	   *results = json_array();

	for (const Task *task = tasks; task != NULL && call->error == NULL && json_array_size(results) < max; task = task->next)
	{
		if (strcmp(shown_text(task, "SourceArn"), source->arn) == 0)
			json_array_append(results, task->shown);
	}
	json_object_set_new(call->out, "Results", results);
}

void
sqs_cancel_move(SqsCall *call)
{
	const char *text = sqs_text(call, "TaskHandle", true);
	Buf			bytes = {0};
	json_t	   *handle = NULL;
	const char *arn;
	Task	   *task;

	if (text != NULL && base64_decode(&bytes, text, strlen(text)))
		handle = json_loadb(bytes.data, bytes.len, 0, NULL);
	arn = json_string_value(json_object_get(handle, "sourceArn"));
	if (arn == NULL)
		sqs_fail(call, "InvalidParameterValue", "Value for parameter TaskHandle is invalid.");
	else if (sqs_find_arn(arn) == NULL)
		fail_unknown(call, "SourceArn");
	else if ((task = find_running(arn)) == NULL || strcmp(shown_text(task, "TaskHandle"), text) != 0)
		sqs_fail(call, "ResourceNotFoundException", "Task does not exist.");
	else
	{
		end_task(task, "CANCELLED", NULL);
		json_object_set_new(call->out, "ApproximateNumberOfMessagesMoved", json_integer(task->moved));
	}
	json_decref(handle);
	buf_free(&bytes);
}
