/*
 * ingest_left.c
 *	  What an invocation could not finish, handed over to a later one.
 *
 * Each object that is left is one message, so that later invocations may work
 * on them side by side.
 */
#include <stdio.h>

#include "../aws/sqs.h"
#include "ingest_turn.h"
#include "log.h"

/* The message for what is left of a task's object. */
static bool
write_left(Task *task, AwsxBuf *body, AwsxError *error)
{
	Handover	next;
	const Handover *from = task->resumed ? &task->from : NULL;

	if (task->object != NULL)
	{
		if (!object_leave(task->object, &next, error))
			return false;
		from = &next;
		log_event(LOG_INFO, "an object is handed over in its middle",
				  LOG_FIELDS(LOG_TEXT("bucket", task->event->bucket), LOG_TEXT("key", task->event->key),
							 LOG_NUMBER("records", next.place.records),
							 LOG_NUMBER("offset", next.place.offset), LOG_NUMBER("hops", next.hops)));
	}
	return handover_write(task->event, from, body) ||
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while an object was handed over");
}

static bool
no_queue(const Turn *turn, const Task *task, AwsxError *error)
{
	return awsx_error_set(error, AWSX_ERR_CONFIG,
						  "the function's time ends and s3://%.63s/%.200s is not done (%lld records are): "
						  "set HANDOVER_QUEUE_URL, or \"handover_queue_url\", to a standard queue that triggers "
						  "this function, or raise its timeout or memory",
						  task->event->bucket, task->event->key, (long long) turn->world.records);
}

static bool
send_left(Turn *turn, Task **tasks, AwsxBuf *bodies, int count, AwsxError *error)
{
	const Ingest *ingest = turn->ingest;

	if (!handover_send(ingest->client, &ingest->handover, ingest->config->handover_queue_url,
					   &ingest->deadline, bodies, count, error))
	{
		for (int i = 0; i < count; i++)
			tasks[i]->state = TASK_FAILED;
		return false;
	}
	turn->handed_over += count;
	return true;
}

/* Is something of the task left for a later invocation? */
static bool
is_left(const Task *task)
{
	return task->state == TASK_LEFT ||
		(task->state == TASK_BEGUN && object_is_cut(task->object));
}

/* Up to a batch of tasks from *next on; false: a fault, and those tasks have failed. */
static bool
hand_over_some(Turn *turn, int *next, AwsxError *error)
{
	Task	   *tasks[AWSX_SQS_BATCH];
	AwsxBuf		bodies[AWSX_SQS_BATCH];
	int			count = 0;
	bool		done = true;

	while (*next < turn->events->count && count < AWSX_SQS_BATCH && done)
	{
		Task	   *task = &turn->tasks[(*next)++];

		if (!is_left(task))
			continue;
		awsx_buf_init(&bodies[count], 0);
		done = turn->ingest->config->handover_queue_url == NULL ? no_queue(turn, task, error) :
			write_left(task, &bodies[count], error);
		if (!done)
			task->state = TASK_FAILED;
		tasks[count++] = task;
	}
	if (done && count > 0)
		done = send_left(turn, tasks, bodies, count, error);
	else if (!done)
	{
		for (int i = 0; i < count; i++)
			tasks[i]->state = TASK_FAILED;
	}
	for (int i = 0; i < count; i++)
		awsx_buf_free(&bodies[i]);
	return done;
}

void
ingest_hand_over(Turn *turn)
{
	AwsxError	error;
	int			next = 0;

	while (next < turn->events->count)
	{
		awsx_error_clear(&error);
		if (turn->fault.kind != AWSX_OK && !ingest_has_messages(turn))
			return;
		if (!hand_over_some(turn, &next, &error))
			ingest_note_fault(turn, &error);
	}
}
