/*
 * sqs_receive.c
 *	  ReceiveMessage: the request of one poll, and the messages of its answer.
 *
 * The answer keeps the parsed document and points into its strings, so a
 * body of a megabyte is copied once, from the wire.  What has no string
 * there (arrays, decoded binary values) lives in blocks of its own.
 * Everything is freed together.
 *
 * A message that lacks what a consumer cannot do without makes the whole
 * answer an error: nothing is handed out, and SQS delivers again.
 */
#include "sqs.h"

#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "digest.h"
#include "identity.h"
#include "sqs_wire.h"
#include "text.h"

/*
 * How long an answer may take beyond the wait asked for.  Long enough for
 * ten large messages, short enough to notice a dead connection soon.
 */
#define POLL_GRACE_MS 4500
#define POLL_MIN_MS 10000

/* A byte of a message may arrive as "\u00xx"; the rest is ids and handles. */
#define MESSAGE_ROOM ((size_t) AWSX_SQS_MAX_BYTES * 6 + 65536)

typedef struct Block
{
	struct Block *next;
} Block;

typedef struct ReceiveAnswer
{
	AwsxSqsMessages messages;	/* first: what the caller holds */
	json_t	   *root;
	Block	   *blocks;
} ReceiveAnswer;

bool
awsx_sqs_receive_request(const AwsxService *service, const char *queue_url,
						 const AwsxSqsReceive *receive, AwsxHttpRequest *out, AwsxError *error)
{
	AwsxBuf		json;

	awsx_sqs_begin(&json, out, "QueueUrl", queue_url);
	if (receive->max_messages < 1 || receive->max_messages > AWSX_SQS_BATCH ||
		receive->wait_seconds < 0 || receive->wait_seconds > AWSX_SQS_MAX_WAIT ||
		receive->visibility_seconds < -1 || receive->visibility_seconds > 43200)
	{
		awsx_sqs_abandon(&json, out);
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "ReceiveMessage takes 1 to 10 messages, a wait of 0 to 20 s and a visibility timeout of 0 to 43200 s, not %d, %d and %d",
							  receive->max_messages, receive->wait_seconds, receive->visibility_seconds);
	}
	if (receive->attempt_id != NULL && !awsx_id_valid(receive->attempt_id, strlen(receive->attempt_id)))
	{
		awsx_sqs_abandon(&json, out);
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the receive attempt id is not 1 to %d printable ASCII characters without spaces",
							  AWSX_ID_MAX);
	}
	awsx_sqs_put_int(&json, "MaxNumberOfMessages", receive->max_messages);
	awsx_sqs_put_int(&json, "WaitTimeSeconds", receive->wait_seconds);
	if (receive->visibility_seconds >= 0)
		awsx_sqs_put_int(&json, "VisibilityTimeout", receive->visibility_seconds);
	awsx_buf_puts(&json, ",\"MessageSystemAttributeNames\":[\"All\"],\"MessageAttributeNames\":[\"All\"]");
	if (receive->attempt_id != NULL)
		awsx_sqs_put_text(&json, "ReceiveRequestAttemptId", receive->attempt_id,
						  strlen(receive->attempt_id));
	out->timeout_ms = receive->wait_seconds * 1000 + POLL_GRACE_MS;
	out->long_poll = true;
	if (out->timeout_ms < POLL_MIN_MS)
		out->timeout_ms = POLL_MIN_MS;
	out->max_response = (size_t) receive->max_messages * MESSAGE_ROOM;
	return awsx_sqs_finish(&json, service, "ReceiveMessage", out, error);
}

/* Zeroed memory that lives as long as the answer. */
static void *
answer_alloc(ReceiveAnswer *answer, size_t size, AwsxError *error)
{
	Block	   *block = calloc(1, sizeof(Block) + size);

	if (block == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for received messages");
		return NULL;
	}
	block->next = answer->blocks;
	answer->blocks = block;
	return block + 1;
}

/* Digits only, as SQS writes numbers of any size. */
static bool
is_decimal(const char *text)
{
	return *text != '\0' && strspn(text, "0123456789") == strlen(text);
}

/* A non-negative decimal, or 0 when it is absent, odd or too large. */
static int64_t
decimal_or_zero(const char *text)
{
	int64_t		value = 0;

	if (text == NULL || !is_decimal(text) || strlen(text) > 18)
		return 0;
	for (; *text != '\0'; text++)
		value = value * 10 + (*text - '0');
	return value;
}

static bool
message_error(AwsxError *error, size_t index, const char *problem)
{
	return awsx_error_set(error, AWSX_ERR_PROTOCOL, "message %zu of the answer of SQS %s",
						  index + 1, problem);
}

static bool
digest_error(AwsxError *error, const char *what, const char *message_id)
{
	return awsx_error_set(error, AWSX_ERR_INTEGRITY,
						  "the %s of message %.100s do not have the MD5 that SQS gave: they were changed on the way",
						  what, message_id);
}

/* The required strings, and the body with its digest. */
static bool
read_body(const json_t *object, size_t index, AwsxSqsMessage *message, AwsxError *error)
{
	const json_t *body = json_object_get(object, "Body");
	const char *md5 = awsx_sqs_text(object, "MD5OfBody");
	char		computed[AWSX_MD5_HEX_LEN + 1];

	message->message_id = awsx_sqs_text(object, "MessageId");
	message->receipt_handle = awsx_sqs_text(object, "ReceiptHandle");
	if (message->message_id == NULL || *message->message_id == '\0')
		return message_error(error, index, "has no MessageId");
	if (message->receipt_handle == NULL || *message->receipt_handle == '\0')
		return message_error(error, index, "has no ReceiptHandle");
	if (!json_is_string(body))
		return message_error(error, index, "has no Body");
	if (md5 == NULL)
		return message_error(error, index, "has no MD5OfBody");
	message->body = json_string_value(body);
	message->body_len = json_string_length(body);

	/* where MD5 is forbidden (FIPS) the check is left out, as AWS's SDKs do */
	if (awsx_md5_hex(message->body, message->body_len, computed) && !awsx_text_equal(md5, computed))
		return digest_error(error, "bytes of the body", message->message_id);
	return true;
}

/* What SQS itself says of the message. */
static bool
read_system_attributes(const json_t *object, size_t index, AwsxSqsMessage *message, AwsxError *error)
{
	json_t	   *system;
	int64_t		receives;

	if (!awsx_sqs_member(object, "Attributes", JSON_OBJECT, &system, error))
		return false;
	message->group_id = awsx_sqs_text(system, "MessageGroupId");
	message->dedup_id = awsx_sqs_text(system, "MessageDeduplicationId");
	message->sequence_number = awsx_sqs_text(system, "SequenceNumber");
	message->sent_ms = decimal_or_zero(awsx_sqs_text(system, "SentTimestamp"));
	receives = decimal_or_zero(awsx_sqs_text(system, "ApproximateReceiveCount"));
	message->receive_count = receives > INT32_MAX ? INT32_MAX : (int) receives;
	if (message->group_id == NULL)
		message->group_id = "";
	if (message->dedup_id == NULL)
		message->dedup_id = "";
	if (message->sequence_number == NULL)
		message->sequence_number = "";
	else if (!is_decimal(message->sequence_number) || strlen(message->sequence_number) > 40)
		return message_error(error, index, "has a SequenceNumber that is not a number");
	return true;
}

/* One entry of MessageAttributes. */
static bool
read_attribute(ReceiveAnswer *answer, const json_t *object, size_t index,
			   AwsxSqsAttribute *attribute, AwsxError *error)
{
	const json_t *value;
	unsigned char *bytes;
	bool		binary;

	attribute->type = awsx_sqs_text(object, "DataType");
	if (attribute->type == NULL)
		return message_error(error, index, "has an attribute without DataType");
	binary = strncmp(attribute->type, "Binary", 6) == 0;
	value = json_object_get(object, binary ? "BinaryValue" : "StringValue");
	if (!json_is_string(value))
		return message_error(error, index, "has an attribute without a value");
	attribute->value = json_string_value(value);
	attribute->value_len = json_string_length(value);
	if (!binary)
		return true;
	bytes = answer_alloc(answer, AWSX_BASE64_ROOM(attribute->value_len) + 1, error);
	if (bytes == NULL)
		return false;
	if (!awsx_base64_decode(attribute->value, attribute->value_len, bytes, &attribute->value_len))
		return message_error(error, index, "has a binary attribute that is not base64");
	attribute->value = (const char *) bytes;
	return true;
}

static bool
read_attributes(ReceiveAnswer *answer, json_t *object, size_t index,
				AwsxSqsMessage *message, AwsxError *error)
{
	const char *md5 = awsx_sqs_text(object, "MD5OfMessageAttributes");
	AwsxSqsAttribute *attributes;
	json_t	   *members;
	json_t	   *member;
	const char *name;

	if (!awsx_sqs_member(object, "MessageAttributes", JSON_OBJECT, &members, error))
		return false;
	attributes = answer_alloc(answer, (json_object_size(members) + 1) * sizeof(AwsxSqsAttribute), error);
	if (attributes == NULL)
		return false;
	message->attributes = attributes;
	json_object_foreach(members, name, member)
	{
		attributes->name = name;
		if (!read_attribute(answer, member, index, attributes, error))
			return false;
		attributes++;
		message->attribute_count++;
	}
	if (md5 != NULL && !awsx_sqs_attributes_match(message->attributes, message->attribute_count, md5))
		return digest_error(error, "attributes", message->message_id);
	return true;
}

static bool
read_messages(ReceiveAnswer *answer, AwsxError *error)
{
	json_t	   *messages;
	json_t	   *object;
	size_t		index;

	if (!awsx_sqs_member(answer->root, "Messages", JSON_ARRAY, &messages, error))
		return false;

	/* more than any poll asks for: not an answer of SQS */
	if (json_array_size(messages) > AWSX_SQS_BATCH)
		return awsx_error_set(error, AWSX_ERR_PROTOCOL,
							  "the answer of SQS holds %zu messages, but %d is its limit",
							  json_array_size(messages), AWSX_SQS_BATCH);
	answer->messages.items = answer_alloc(answer, AWSX_SQS_BATCH * sizeof(AwsxSqsMessage), error);
	if (answer->messages.items == NULL)
		return false;
	json_array_foreach(messages, index, object)
	{
		AwsxSqsMessage *message = &answer->messages.items[index];

		if (!json_is_object(object))
			return message_error(error, index, "is not an object");
		if (!read_body(object, index, message, error) ||
			!read_system_attributes(object, index, message, error) ||
			!read_attributes(answer, object, index, message, error))
			return false;
		answer->messages.count++;
	}
	return true;
}

AwsxSqsMessages *
awsx_sqs_receive_answer(const AwsxHttpResponse *answer, AwsxError *error)
{
	ReceiveAnswer *result = calloc(1, sizeof(ReceiveAnswer));

	if (result == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for received messages");
		return NULL;
	}
	result->root = awsx_sqs_parse(answer, error);
	if (result->root != NULL && read_messages(result, error))
		return &result->messages;
	awsx_sqs_messages_free(&result->messages);
	return NULL;
}

void
awsx_sqs_messages_free(AwsxSqsMessages *messages)
{
	ReceiveAnswer *answer = (ReceiveAnswer *) messages;

	if (answer == NULL)
		return;
	while (answer->blocks != NULL)
	{
		Block	   *next = answer->blocks->next;

		free(answer->blocks);
		answer->blocks = next;
	}
	json_decref(answer->root);
	free(answer);
}
