/*
 * sqs_send.c
 *		SendMessage and SendMessageBatch.
 *
 * Some faults of an entry fail the whole call (a missing group or dedup id, a
 * sum that is too long, ids), others only that entry, and then what follows in
 * the batch is still accepted (recorded).
 */
#include "sqs.h"

#include <string.h>

#include "journal.h"

/* A checked entry: what goes to the model, and what the answer needs. */
typedef struct Entry
{
	FifoDraft	draft;
	size_t		size;
	char		content_id[SHA256_HEX];
} Entry;

/* Group and dedup id; failures here fail a whole batch. */
static bool
read_ids(const SqsQueue *queue, const json_t *in, Entry *entry, SqsError *error)
{
	const char *body;

	if (!sqs_get_text(in, "MessageGroupId", queue->is_fifo, &entry->draft.group_id, error) ||
		!sqs_get_text(in, "MessageDeduplicationId", false, &entry->draft.dedup_id, error) ||
		!queue->is_fifo || entry->draft.dedup_id != NULL)
		return error->kind == SQS_OK;
	if (!queue->content_dedup)
	{
		sqs_fail(error, SQS_INVALID_PARAMETER, "The queue should either have ContentBasedDeduplication "
				 "enabled or MessageDeduplicationId provided explicitly");
		return false;
	}
	body = json_string_value(json_object_get(in, "MessageBody"));
	if (body != NULL)
		sha256_hex(body, json_string_length(json_object_get(in, "MessageBody")), entry->content_id);
	entry->draft.dedup_id = entry->content_id;
	return true;
}

static bool
check_ids(const SqsQueue *queue, const FifoDraft *draft, SqsError *error)
{
	if (draft->group_id != NULL && !sqs_is_id(draft->group_id))
		sqs_fail(error, SQS_INVALID_PARAMETER, "Value %.160s for parameter MessageGroupId is invalid. "
				 "Reason: MessageGroupId can only include alphanumeric and punctuation characters. "
				 "1 to 128 in length.", draft->group_id);
	else if (draft->dedup_id != NULL && !queue->is_fifo)
		sqs_fail(error, SQS_INVALID_PARAMETER, "Value %.160s for parameter MessageDeduplicationId is invalid. "
				 "Reason: The request include parameter that is not valid for this queue type.",
				 draft->dedup_id);
	else if (draft->dedup_id != NULL && !sqs_is_id(draft->dedup_id))
		sqs_fail(error, SQS_INVALID_PARAMETER, "Value %.160s for parameter MessageDeduplicationId is invalid. "
				 "Reason: MessageDeduplicationId can only include alphanumeric and punctuation characters. "
				 "1 to 128 in length.", draft->dedup_id);
	return error->kind == SQS_OK;
}

static bool
read_body(const SqsQueue *queue, const json_t *in, Entry *entry, SqsError *error)
{
	json_t	   *body = json_object_get(in, "MessageBody");

	if (body != NULL && !json_is_string(body))
		sqs_fail(error, SQS_SERIALIZATION, "MessageBody must be a string");
	else if (json_string_length(body) == 0)
		sqs_fail(error, SQS_MISSING_PARAMETER, "The request must contain the parameter MessageBody.");
	else if (!sqs_contents_valid(json_string_value(body), json_string_length(body)))
		sqs_fail(error, SQS_INVALID_CONTENTS, "Invalid characters were found in the message body.");
	else
	{
		entry->draft.body = json_string_value(body);
		entry->draft.body_len = json_string_length(body);
		entry->size = entry->draft.body_len;
		entry->draft.attributes = json_object_get(in, "MessageAttributes");
		sqs_attributes_check(entry->draft.attributes, &entry->size, error);
	}
	if (error->kind == SQS_OK && entry->size > (size_t) queue->message_max)
		sqs_fail(error, SQS_INVALID_PARAMETER, "One or more parameters are invalid. Reason: Message must "
				 "be shorter than %lld bytes.", (long long) queue->message_max);
	return error->kind == SQS_OK;
}

static bool
read_delay(const SqsQueue *queue, const json_t *in, Entry *entry, SqsError *error)
{
	int64_t		delay = -1;

	if (!sqs_get_integer(in, "DelaySeconds", 0, 900, &delay, error))
		return false;
	if (queue->is_fifo && delay > 0)
	{
		sqs_fail(error, SQS_INVALID_PARAMETER, "Value %lld for parameter DelaySeconds is invalid. Reason: "
				 "The request include parameter that is not valid for this queue type.", (long long) delay);
		return false;
	}
	entry->draft.delay_ms = (delay < 0 || queue->is_fifo ? queue->delay_s : delay) * 1000;
	return true;
}

static void
read_trace(const json_t *in, Entry *entry)
{
	json_t	   *trace = json_object_get(json_object_get(in, "MessageSystemAttributes"), "AWSTraceHeader");

	entry->draft.trace_header = json_string_value(json_object_get(trace, "StringValue"));
}

/* Sends a checked entry and adds the members common to both calls' answers. */
static void
send_entry(SqsQueue *queue, Entry *entry, json_t *answer)
{
	FifoDraft  *draft = &entry->draft;
	FifoReceipt receipt;
	char		md5[MD5_HEX];

	if (json_object_size(draft->attributes) > 0)
	{
		sqs_attributes_md5(draft->attributes, md5);
		json_object_set_new(answer, "MD5OfMessageAttributes", json_string(md5));
		json_incref(draft->attributes);
	}
	else
		draft->attributes = NULL;
	draft->group_id = draft->group_id != NULL ? draft->group_id : "";
	draft->dedup_id = draft->dedup_id != NULL ? draft->dedup_id : "";
	md5_hex(draft->body, draft->body_len, md5);
	draft->md5 = md5;
	fifo_send(queue->fifo, draft, clock_now_ms(), &receipt);
	json_object_set_new(answer, "MessageId", json_string(receipt.id));
	json_object_set_new(answer, "MD5OfMessageBody", json_string(md5));
	if (queue->is_fifo)
		json_object_set_new(answer, "SequenceNumber", json_string(receipt.sequence));
	journal_effect("sqs.sent", "sssssIb", "queue", queue->name,
				   "message_id", receipt.id, "group", draft->group_id, "dedup", draft->dedup_id,
				   "sequence", receipt.sequence, "bytes", (json_int_t) entry->size,
				   "duplicate", receipt.duplicate);
}

void
sqs_send_message(SqsCall *call)
{
	Entry		entry = {0};

	if (!read_ids(call->queue, call->in, &entry, &call->error) ||
		!read_body(call->queue, call->in, &entry, &call->error) ||
		!check_ids(call->queue, &entry.draft, &call->error) ||
		!read_delay(call->queue, call->in, &entry, &call->error))
		return;
	read_trace(call->in, &entry);
	send_entry(call->queue, &entry, call->out);
	sqs_wake(call->queue);
}

static size_t
attributes_size(const json_t *attributes)
{
	size_t		size = 0;
	SqsError	ignored = {0};

	if (json_is_object(attributes))
		sqs_attributes_check(attributes, &size, &ignored);
	return size;
}

/* What fails the whole call: the sum of sizes, and missing ids. */
static bool
check_whole(SqsCall *call, json_t *entries, Entry *checked)
{
	size_t		i;
	json_t	   *in;
	size_t		sum = 0;

	json_array_foreach(entries, i, in)
	{
		if (!read_ids(call->queue, in, &checked[i], &call->error))
			return false;
		sum += json_string_length(json_object_get(in, "MessageBody"));
		sum += attributes_size(json_object_get(in, "MessageAttributes"));
	}
	if (sum <= SQS_MESSAGE_MAX)
		return true;
	sqs_fail(&call->error, SQS_BATCH_TOO_LONG, "Batch requests cannot be longer than %d bytes. You have "
			 "sent %zu bytes.", SQS_MESSAGE_MAX, sum);
	return false;
}

void
sqs_send_message_batch(SqsCall *call)
{
	json_t	   *entries = sqs_batch_entries(call, "SendMessageBatchRequestEntry");
	Entry		checked[SQS_BATCH_ENTRIES_MAX];
	size_t		i;
	json_t	   *in;

	memset(checked, 0, sizeof(checked));
	if (entries == NULL || !check_whole(call, entries, checked))
		return;
	json_array_foreach(entries, i, in)
	{
		const char *id = json_string_value(json_object_get(in, "Id"));
		SqsError	error = {0};

		if (sqs_entry_faulted(call, i, id))
			continue;
		read_trace(in, &checked[i]);
		if (read_body(call->queue, in, &checked[i], &error) &&
			check_ids(call->queue, &checked[i].draft, &error) &&
			read_delay(call->queue, in, &checked[i], &error))
			send_entry(call->queue, &checked[i], sqs_add_successful(call->out, id));
		else
			sqs_add_failed(call->out, id, &error);
	}
	sqs_wake(call->queue);
}

void
sqs_deliver(SqsQueue *queue, const char *body)
{
	Entry		entry = {.draft = {.body = body, .body_len = strlen(body)}, .size = strlen(body)};
	json_t	   *ignored = json_object();

	entry.draft.delay_ms = queue->delay_s * 1000;
	send_entry(queue, &entry, ignored);
	json_decref(ignored);
	sqs_wake(queue);
}
