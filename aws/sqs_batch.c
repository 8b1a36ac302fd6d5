/*
 * sqs_batch.c
 *	  The batch calls (send, delete, visibility) and what became of each of
 *	  their entries.
 *
 * An entry's id is its index, so ids are distinct and an outcome finds its
 * place.  An answer of status 200 may fail some entries, name one twice or
 * leave one out: what is not plainly a success is not ok, because trying
 * again is harmless and forgetting is not.
 */
#include "sqs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "digest.h"
#include "json_member.h"
#include "sqs_elements.h"
#include "sqs_wire.h"
#include "text.h"

#define MAX_VISIBILITY 43200	/* seconds */

static void
put_attributes(AwsxBuf *json, const AwsxSqsSend *send)
{
	if (send->attribute_count == 0)
		return;
	awsx_buf_puts(json, ",\"MessageAttributes\":{");
	for (int i = 0; i < send->attribute_count; i++)
	{
		const AwsxSqsAttribute *attribute = &send->attributes[i];

		if (i > 0)
			awsx_buf_putc(json, ',');
		awsx_buf_json_string(json, attribute->name, strlen(attribute->name));
		awsx_buf_puts(json, ":{");
		awsx_sqs_put_text(json, "DataType", attribute->type, strlen(attribute->type));
		if (strncmp(attribute->type, "Binary", 6) == 0)
		{
			awsx_buf_puts(json, ",\"BinaryValue\":\"");
			awsx_base64_encode(json, attribute->value, attribute->value_len);
			awsx_buf_putc(json, '"');
		}
		else
			awsx_sqs_put_text(json, "StringValue", attribute->value, attribute->value_len);
		awsx_buf_putc(json, '}');
	}
	awsx_buf_putc(json, '}');
}

static void
begin_entry(AwsxBuf *json, int index)
{
	if (index > 0)
		awsx_buf_putc(json, ',');
	awsx_buf_puts(json, "{\"Id\":\"");
	awsx_buf_putc(json, (char) ('0' + index));	/* AWSX_SQS_BATCH: one digit */
	awsx_buf_putc(json, '"');
}

static void
put_send_entry(AwsxBuf *json, int index, const AwsxSqsSend *send)
{
	begin_entry(json, index);
	awsx_sqs_put_text(json, "MessageBody", send->body, send->body_len);
	if (send->group_id != NULL)
		awsx_sqs_put_text(json, "MessageGroupId", send->group_id, strlen(send->group_id));
	if (send->dedup_id != NULL)
		awsx_sqs_put_text(json, "MessageDeduplicationId", send->dedup_id, strlen(send->dedup_id));
	put_attributes(json, send);
	if (send->trace_header != NULL)
	{
		awsx_buf_puts(json, ",\"MessageSystemAttributes\":{\"AWSTraceHeader\":{");
		awsx_sqs_put_text(json, "DataType", "String", 6);
		awsx_sqs_put_text(json, "StringValue", send->trace_header, strlen(send->trace_header));
		awsx_buf_puts(json, "}}");
	}
	awsx_buf_putc(json, '}');
}

/* Would SQS take the batch?  Says which entry it would not. */
static bool
check_entries(const char *queue_url, const AwsxSqsSend *entries, int count, AwsxError *error)
{
	AwsxError	problem;
	size_t		total = 0;

	if (!awsx_sqs_count_check(count, error))
		return false;
	for (int i = 0; i < count; i++)
	{
		if (!awsx_sqs_send_check(&entries[i], &problem))
			return awsx_error_set(error, problem.kind, "entry %d of the batch: %.400s", i, problem.message);
		if (entries[i].group_id == NULL && awsx_sqs_is_fifo(queue_url))
			return awsx_error_set(error, AWSX_ERR_CONFIG,
								  "entry %d of the batch has no group id, which a FIFO queue requires", i);
		total += awsx_sqs_send_size(&entries[i]);
	}
	if (total > AWSX_SQS_MAX_BYTES)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the batch is %zu bytes, but SQS takes %d at most; send it in parts",
							  total, AWSX_SQS_MAX_BYTES);
	return true;
}

bool
awsx_sqs_send_batch_request(const AwsxService *service, const char *queue_url,
							const AwsxSqsSend *entries, int count,
							AwsxHttpRequest *out, AwsxError *error)
{
	AwsxBuf		json;

	awsx_sqs_begin(&json, out, "QueueUrl", queue_url);
	if (!check_entries(queue_url, entries, count, error))
		return awsx_sqs_abandon(&json, out);
	awsx_buf_puts(&json, ",\"Entries\":[");
	for (int i = 0; i < count; i++)
		put_send_entry(&json, i, &entries[i]);
	awsx_buf_putc(&json, ']');
	return awsx_sqs_finish(&json, service, "SendMessageBatch", out, error);
}

/* Delete and visibility differ in one member; seconds is null for delete. */
static bool
handles_request(const AwsxService *service, const char *action, const char *queue_url,
				const char *const *receipt_handles, const int *seconds, int count,
				AwsxHttpRequest *out, AwsxError *error)
{
	AwsxBuf		json;
	size_t		at;

	awsx_sqs_begin(&json, out, "QueueUrl", queue_url);
	if (!awsx_sqs_count_check(count, error))
		return awsx_sqs_abandon(&json, out);
	awsx_buf_puts(&json, ",\"Entries\":[");
	for (int i = 0; i < count; i++)
	{
		size_t		len = receipt_handles[i] == NULL ? 0 : strlen(receipt_handles[i]);

		begin_entry(&json, i);
		if (len == 0 || !awsx_sqs_text_valid(receipt_handles[i], len, &at))
		{
			awsx_error_set(error, AWSX_ERR_CONFIG, "entry %d of the %s call has no usable receipt handle", i, action);
			return awsx_sqs_abandon(&json, out);
		}
		awsx_sqs_put_text(&json, "ReceiptHandle", receipt_handles[i], len);
		if (seconds != NULL && (seconds[i] < 0 || seconds[i] > MAX_VISIBILITY))
		{
			awsx_error_set(error, AWSX_ERR_CONFIG, "a visibility timeout is 0 to %d s, not %d", MAX_VISIBILITY, seconds[i]);
			return awsx_sqs_abandon(&json, out);
		}
		if (seconds != NULL)
			awsx_sqs_put_int(&json, "VisibilityTimeout", seconds[i]);
		awsx_buf_putc(&json, '}');
	}
	awsx_buf_putc(&json, ']');
	return awsx_sqs_finish(&json, service, action, out, error);
}

bool
awsx_sqs_delete_batch_request(const AwsxService *service, const char *queue_url,
							  const char *const *receipt_handles, int count,
							  AwsxHttpRequest *out, AwsxError *error)
{
	return handles_request(service, "DeleteMessageBatch", queue_url, receipt_handles, NULL, count, out, error);
}

bool
awsx_sqs_visibility_batch_request(const AwsxService *service, const char *queue_url,
								  const char *const *receipt_handles, const int *seconds,
								  int count, AwsxHttpRequest *out, AwsxError *error)
{
	return handles_request(service, "ChangeMessageVisibilityBatch", queue_url, receipt_handles,
						   seconds, count, out, error);
}

static void
set_failure(AwsxSqsOutcome *outcome, bool sender_fault, const char *code, const char *message)
{
	outcome->ok = false;
	outcome->sender_fault = sender_fault;
	awsx_sqs_copy(outcome->code, sizeof(outcome->code), code);
	awsx_sqs_copy(outcome->message, sizeof(outcome->message), message);
}

/* The entry that an element of an answer's list speaks of, or -1. */
static int
entry_index(const AwsxSqsElement *element, int count)
{
	const char *id = element->id;

	if (id == NULL || strlen(id) != 1 || *id < '0' || *id >= '0' + count)
		return -1;
	return *id - '0';
}

/* Is what SQS stored what was sent?  Null, or what is wrong. */
static const char *
digest_problem(const AwsxSqsElement *element, const AwsxSqsSend *send)
{
	char		computed[AWSX_MD5_HEX_LEN + 1];

	if (element->md5_of_body == NULL)
		return "the answer of SQS has no MD5OfMessageBody";
	if (awsx_md5_hex(send->body, send->body_len, computed) && !awsx_text_equal(element->md5_of_body, computed))
		return "SQS stored another body than the one sent: its MD5 differs";
	if (element->md5_of_attributes != NULL && send->attribute_count > 0 &&
		!awsx_sqs_attributes_match(send->attributes, send->attribute_count, element->md5_of_attributes))
		return "SQS stored other attributes than the ones sent: their MD5 differs";
	return NULL;
}

static void
note_success(const AwsxSqsElement *element, const AwsxSqsSend *entries, int index, AwsxSqsOutcome *outcome)
{
	const char *problem = entries == NULL ? NULL : digest_problem(element, &entries[index]);

	if (problem != NULL)
	{
		set_failure(outcome, false, "IntegrityError", problem);
		return;
	}
	outcome->ok = true;
	outcome->code[0] = '\0';
	outcome->message[0] = '\0';
	if (element->message_id != NULL)
		awsx_sqs_copy(outcome->message_id, sizeof(outcome->message_id), element->message_id);
	if (element->sequence_number != NULL)
		awsx_sqs_copy(outcome->sequence_number, sizeof(outcome->sequence_number), element->sequence_number);
}

static void
note_failure(const AwsxSqsElement *element, AwsxSqsOutcome *outcome)
{
	const char *code = element->code;

	set_failure(outcome, element->sender_fault, code == NULL || *code == '\0' ? "Unknown" : code,
				element->message == NULL ? "" : element->message);
}

/*
 * What an answer says so far.  Where an entry is named more than once, a
 * failure outweighs every success.
 */
typedef struct Reading
{
	const AwsxSqsSend *entries; /* null where nothing was sent */
	int			count;
	AwsxSqsOutcome *outcomes;
	bool		seen[AWSX_SQS_BATCH];
} Reading;

static void
note_element(Reading *reading, const AwsxSqsElement *element)
{
	int			index = entry_index(element, reading->count);

	if (index < 0 || (!element->failed && reading->seen[index] && !reading->outcomes[index].ok))
		return;
	reading->seen[index] = true;
	if (element->failed)
		note_failure(element, &reading->outcomes[index]);
	else
		note_success(element, reading->entries, index, &reading->outcomes[index]);
}

static void
note_list(Reading *reading, const json_t *list, bool failed)
{
	json_t	   *object;
	size_t		i;

	json_array_foreach(list, i, object)
	{
		AwsxSqsElement element = {
			.failed = failed,
			.sender_fault = json_is_true(json_object_get(object, "SenderFault")),
			.id = awsx_json_member_text(object, "Id"),
			.message_id = awsx_json_member_text(object, "MessageId"),
			.sequence_number = awsx_json_member_text(object, "SequenceNumber"),
			.md5_of_body = awsx_json_member_text(object, "MD5OfMessageBody"),
			.md5_of_attributes = awsx_json_member_text(object, "MD5OfMessageAttributes"),
			.code = awsx_json_member_text(object, "Code"),
			.message = awsx_json_member_text(object, "Message")
		};

		note_element(reading, &element);
	}
}

/* Any answer. */
static bool
read_whole(Reading *reading, const AwsxHttpResponse *answer, AwsxError *error)
{
	json_t	   *root = awsx_sqs_parse(answer, error);
	json_t	   *successful;
	json_t	   *failed;
	bool		done;

	if (root == NULL)
		return false;
	done = awsx_sqs_member(root, "Successful", JSON_ARRAY, &successful, error) &&
		awsx_sqs_member(root, "Failed", JSON_ARRAY, &failed, error);
	if (done)
	{
		note_list(reading, successful, false);
		note_list(reading, failed, true);
	}
	json_decref(root);
	return done;
}

/* The usual answer; false: it is another. */
static bool
read_usual(Reading *reading, const AwsxHttpResponse *answer)
{
	AwsxSqsElement elements[AWSX_SQS_ELEMENTS];
	char	   *text = answer->body.len > 0 && !answer->body.failed ? malloc(answer->body.len) : NULL;
	int			count = -1;

	if (text != NULL)
	{
		memcpy(text, answer->body.data, answer->body.len);
		count = awsx_sqs_elements_read(text, answer->body.len, elements);
	}
	for (int failed = 0; failed <= 1; failed++)
	{
		for (int i = 0; i < count; i++)
		{
			if (elements[i].failed == failed)
				note_element(reading, &elements[i]);
		}
	}
	free(text);
	return count >= 0;
}

static bool
batch_answer(const AwsxHttpResponse *answer, const AwsxSqsSend *entries, int count,
			 AwsxSqsOutcome *outcomes, AwsxError *error)
{
	Reading		reading = {.entries = entries, .count = count, .outcomes = outcomes};

	if (!awsx_sqs_count_check(count, error))
		return false;
	for (int i = 0; i < count; i++)
	{
		outcomes[i].message_id[0] = '\0';
		outcomes[i].sequence_number[0] = '\0';
		set_failure(&outcomes[i], false, "Missing", "the answer of SQS does not name this entry");
	}
	return read_usual(&reading, answer) || read_whole(&reading, answer, error);
}

bool
awsx_sqs_send_batch_answer(const AwsxHttpResponse *answer, const AwsxSqsSend *entries,
						   int count, AwsxSqsOutcome *outcomes, AwsxError *error)
{
	return batch_answer(answer, entries, count, outcomes, error);
}

bool
awsx_sqs_batch_answer(const AwsxHttpResponse *answer, int count,
					  AwsxSqsOutcome *outcomes, AwsxError *error)
{
	return batch_answer(answer, NULL, count, outcomes, error);
}
