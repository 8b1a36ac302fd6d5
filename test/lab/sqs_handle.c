/*
 * sqs_handle.c
 *		Receipt handles, and what is done with them: DeleteMessage, ChangeMessageVisibility.
 *
 * A receipt handle is base64 of: the queue's incarnation, the message's and
 * the receive's serial, a check over the three, and padding to AWS's length.
 * So a handle made up, or of another queue, is told from one that expired.
 */
#include "sqs.h"

#include <string.h>

#include "journal.h"

#define HANDLE_WORDS	15
#define HANDLE_PREFIX	"AQEB"

typedef struct Handle
{
	uint64_t	incarnation;
	FifoHandle	model;
} Handle;

static uint64_t
handle_check(const uint64_t *words)
{
	static uint64_t secret;
	uint64_t	text[4] = {secret != 0 ? secret : (secret = random_u64() | 1), words[0], words[1], words[2]};
	unsigned char hash[SHA256_LEN];
	uint64_t	check;

	sha256_bytes(text, sizeof(text), hash);
	memcpy(&check, hash, sizeof(check));
	return check;
}

void
sqs_write_handle(Buf *out, const SqsQueue *queue, const FifoMessage *message)
{
	uint64_t	words[HANDLE_WORDS] = {queue->incarnation, message->serial, message->receive};

	words[3] = handle_check(words);
	for (size_t i = 4; i < HANDLE_WORDS; i++)
		words[i] = (words[i - 1] ^ words[i - 1] >> 31) * 0x9E3779B97F4A7C15u;
	buf_adds(out, HANDLE_PREFIX);
	base64_encode(out, words, sizeof(words));
}

static bool
read_handle(const char *text, Handle *handle)
{
	Buf			bytes = {0};
	uint64_t	words[4];
	bool		valid = strncmp(text, HANDLE_PREFIX, strlen(HANDLE_PREFIX)) == 0 &&
		base64_decode(&bytes, text + strlen(HANDLE_PREFIX), strlen(text) - strlen(HANDLE_PREFIX)) &&
		bytes.len == HANDLE_WORDS * sizeof(uint64_t);

	if (valid)
	{
		memcpy(words, bytes.data, sizeof(words));
		valid = words[3] == handle_check(words);
		*handle = (Handle) {words[0], {words[1], words[2]}};
	}
	buf_free(&bytes);
	return valid;
}

typedef enum HandleUse
{
	TO_DELETE,
	TO_CHANGE					/* its visibility */
} HandleUse;

/*
 * The message a handle holds, or an error.  On a standard queue any handle of
 * an existing message will do (recorded).  *message stays NULL without an
 * error when the message was deleted before.
 */
static bool
find_held(SqsQueue *queue, const char *text, HandleUse use, bool in_batch, FifoMessage **message,
		  SqsError *error)
{
	Handle		handle;
	FifoVerdict verdict;

	*message = NULL;
	if (!read_handle(text, &handle) || handle.incarnation != queue->incarnation)
	{
		sqs_fail(error, SQS_INVALID_HANDLE, "The input receipt handle \"%.64s\" is not a valid receipt handle.", text);
		return false;
	}
	verdict = fifo_held(queue->fifo, &handle.model, clock_now_ms(), message);
	if (verdict == FIFO_OK || verdict == FIFO_GONE || !queue->is_fifo)
		return true;
	if (use == TO_CHANGE && verdict == FIFO_EXPIRED)
		sqs_fail(error, SQS_NOT_IN_FLIGHT, "The specified message isn't in flight.");
	else if (in_batch)
		sqs_fail(error, SQS_INVALID_HANDLE, "The receipt handle has expired");
	else
		sqs_fail(error, SQS_INVALID_PARAMETER, "Value %.240s for parameter ReceiptHandle is invalid. "
				 "Reason: The receipt handle has expired.", text);
	return false;
}

static void
delete_one(SqsQueue *queue, const json_t *in, bool in_batch, SqsError *error)
{
	const char *handle;
	FifoMessage *message;

	if (!sqs_get_text(in, "ReceiptHandle", true, &handle, error) ||
		!find_held(queue, handle, TO_DELETE, in_batch, &message, error) || message == NULL)
		return;
	journal_effect("sqs.deleted", "sssssI", "queue", queue->name,
				   "message_id", message->id, "group", message->group_id, "dedup", message->dedup_id,
				   "sequence", message->sequence, "receive_count", (json_int_t) message->receive_count);
	fifo_delete(queue->fifo, message);
}

static void
change_message(SqsQueue *queue, FifoMessage *message, int64_t seconds, SqsError *error)
{
	if (!fifo_is_hidden(message) && !queue->is_fifo)
		return;					/* too late, yet accepted on a standard queue (recorded) */
	if (fifo_change_visibility(queue->fifo, message, seconds * 1000, clock_now_ms()) == FIFO_TOO_LONG)
		sqs_fail(error, SQS_INVALID_PARAMETER, "Value %lld for parameter VisibilityTimeout is invalid. "
				 "Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds].",
				 (long long) seconds);
	else
		journal_effect("sqs.visible", "ssssI", "queue", queue->name,
					   "message_id", message->id, "group", message->group_id, "dedup", message->dedup_id,
					   "seconds", (json_int_t) seconds);
}

static void
change_one(SqsQueue *queue, const json_t *in, bool in_batch, SqsError *error)
{
	const char *handle;
	FifoMessage *message;
	int64_t		seconds = -1;

	if (!sqs_get_text(in, "ReceiptHandle", true, &handle, error) ||
		!sqs_get_integer(in, "VisibilityTimeout", 0, 43200, &seconds, error))
		return;
	if (seconds < 0)
		sqs_fail(error, SQS_MISSING_PARAMETER, "The request must contain the parameter VisibilityTimeout.");
	else if (find_held(queue, handle, TO_CHANGE, in_batch, &message, error) && message != NULL)
		change_message(queue, message, seconds, error);
	else if (error->kind == SQS_OK)
		sqs_fail(error, SQS_INVALID_PARAMETER, "Value %.240s for parameter ReceiptHandle is invalid. Reason: "
				 "Message does not exist or is not available for visibility timeout change.", handle);
}

typedef void (*OneEntry) (SqsQueue *queue, const json_t *in, bool in_batch, SqsError *error);

static void
run_batch(SqsCall *call, const char *entry_name, OneEntry one)
{
	json_t	   *entries = sqs_batch_entries(call, entry_name);
	size_t		i;
	json_t	   *in;

	json_array_foreach(entries, i, in)
	{
		const char *id = json_string_value(json_object_get(in, "Id"));
		SqsError	error = {0};

		if (sqs_entry_faulted(call, i, id))
			continue;
		one(call->queue, in, true, &error);
		if (error.kind == SQS_OK)
			sqs_add_successful(call->out, id);
		else
			sqs_add_failed(call->out, id, &error);
	}
	sqs_wake(call->queue);
}

void
sqs_delete_message(SqsCall *call)
{
	delete_one(call->queue, call->in, false, &call->error);
	sqs_wake(call->queue);
}

void
sqs_delete_message_batch(SqsCall *call)
{
	run_batch(call, "DeleteMessageBatchRequestEntry", delete_one);
}

void
sqs_change_visibility(SqsCall *call)
{
	change_one(call->queue, call->in, false, &call->error);
	sqs_wake(call->queue);
}

void
sqs_change_visibility_batch(SqsCall *call)
{
	run_batch(call, "ChangeMessageVisibilityBatchRequestEntry", change_one);
}
