/*
 * sqs_handle.c
 *		Receipt handles, and what is done with them: DeleteMessage, ChangeMessageVisibility.
 *
 * A receipt handle is the message's and the receive's serial and a seal over
 * them and the queue's incarnation, twice, to be about as long as AWS's.
 * So a handle made up, or of another queue, is told from one that expired.
 */
#include "sqs.h"

#include <endian.h>
#include <string.h>

#include "faults.h"

void
sqs_write_handle(const SqsQueue *queue, FifoHandle handle, char out[SQS_HANDLE_TEXT])
{
	uint64_t	numbers[2] = {htobe64(handle.serial), htobe64(handle.receive)};
	uint64_t	mixed = mix_u64(mix_u64(mix_u64(queue->incarnation) ^ handle.serial) ^ handle.receive);
	uint64_t	seal[4];

	for (size_t i = 0; i < 4; i++)
		seal[i] = mix_u64(mixed + i);
	memcpy(out, "AQEB", 4);
	hex_encode(numbers, sizeof(numbers), out + 4);
	hex_encode(seal, sizeof(seal), out + 36);
	hex_encode(seal, sizeof(seal), out + 100);
}

static bool
read_hex(const char *text, uint64_t *number)
{
	static const char digits[] = "0123456789abcdef";

	*number = 0;
	for (size_t i = 0; i < 16; i++)
	{
		const char *digit = memchr(digits, text[i], 16);

		if (digit == NULL)
			return false;
		*number = *number << 4 | (uint64_t) (digit - digits);
	}
	return true;
}

/* False when the lab did not write it for this queue. */
static bool
read_handle(const SqsQueue *queue, const char *text, FifoHandle *handle)
{
	char		again[SQS_HANDLE_TEXT];

	if (strlen(text) != SQS_HANDLE_TEXT - 1 || !read_hex(text + 4, &handle->serial) || !read_hex(text + 20, &handle->receive))
		return false;
	sqs_write_handle(queue, *handle, again);
	return strcmp(again, text) == 0;
}

/*
 * The message that the call's handle holds.  NULL when the call fails, or,
 * without an error, when the message was deleted before.  On a standard queue
 * any handle of an existing message will do (recorded).
 */
static FifoMessage *
find_held(SqsCall *call, bool to_delete)
{
	const char *text = sqs_text(call, "ReceiptHandle", true);
	FifoMessage *message = NULL;
	FifoHandle	handle;
	FifoVerdict verdict;

	if (text == NULL)
		return NULL;
	if (!read_handle(call->queue, text, &handle))
	{
		sqs_fail(call, "ReceiptHandleIsInvalid", "The input receipt handle \"%s\" is not a valid receipt handle.", text);
		return NULL;
	}
	verdict = fifo_held(call->queue->fifo, &handle, clock_now_ms(), &message);
	if (faults_effect(call->x) == FAULT_EFFECT_EXPIRED)
	{
		sqs_journal_fault(call, "expired_handle", message != NULL ? message->id : NULL);
		verdict = FIFO_EXPIRED;
	}
	else if (verdict == FIFO_OK || verdict == FIFO_GONE || !call->queue->is_fifo)
		return message;
	if (!to_delete && verdict == FIFO_EXPIRED)
		sqs_fail(call, "MessageNotInflight", "The specified message isn't in flight.");
	else if (call->in_batch)
		sqs_fail(call, "ReceiptHandleIsInvalid", "The receipt handle has expired");
	else
		sqs_fail_value(call, "ReceiptHandle", "The receipt handle has expired.");
	return NULL;
}

/* By script: a success that does nothing. */
static bool
ignored(const SqsCall *call, const FifoMessage *message)
{
	if (faults_effect(call->x) != FAULT_EFFECT_IGNORE)
		return false;
	sqs_journal_fault(call, "ignore", message->id);
	return true;
}

static void
delete_message(SqsQueue *queue, FifoMessage *message)
{
	queue->last_deleted_ms = clock_real_ms();
	sqs_journal("sqs.deleted", queue, message, "");
	fifo_delete(queue->fifo, message);
}

void
sqs_delete_message(SqsCall *call)
{
	FifoMessage *message = find_held(call, true);

	if (message != NULL && !ignored(call, message))
		delete_message(call->queue, message);
}

static bool
change_visibility(SqsQueue *queue, FifoMessage *message, int64_t seconds)
{
	if (!fifo_change_visibility(queue->fifo, message, seconds * 1000, clock_now_ms()))
		return false;
	sqs_journal("sqs.visible", queue, message, "I", "seconds", (json_int_t) seconds);
	return true;
}

void
sqs_change_visibility(SqsCall *call)
{
	int64_t		seconds = sqs_integer(call, "VisibilityTimeout", 0, 43200, -1);
	FifoMessage *message = find_held(call, false);

	if (seconds < 0)
		sqs_fail(call, "MissingParameter", "The request must contain the parameter VisibilityTimeout.");
	if (message == NULL)
		sqs_fail_value(call, "ReceiptHandle", "Message does not exist or is not available for visibility timeout change.");
	if (call->error != NULL || ignored(call, message))
		return;
	if (!fifo_is_hidden(message) && !call->queue->is_fifo)
		return;					/* too late, yet accepted on a standard queue (recorded) */
	if (!change_visibility(call->queue, message, seconds))
		sqs_fail_value(call, "VisibilityTimeout", "Total VisibilityTimeout for the message is beyond the limit [43200 seconds].");
}

bool
sqs_settle(const char *queue_arn, const char *receipt_handle, bool processed)
{
	SqsQueue   *queue = sqs_find_arn(queue_arn);
	FifoMessage *message;
	FifoHandle	handle;

	if (queue == NULL || !read_handle(queue, receipt_handle, &handle) ||
		fifo_held(queue->fifo, &handle, clock_now_ms(), &message) != FIFO_OK)
		return false;
	if (processed)
		delete_message(queue, message);
	else
		change_visibility(queue, message, 0);
	sqs_changed(queue);
	return true;
}
