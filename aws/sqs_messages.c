/*
 * sqs_messages.c
 *	  The messages of ReceiveMessage's answer, judged.
 *
 * The answer's bytes are copied once, behind the array of messages, and read
 * where they stand.  Message attributes, which many messages lack, are the
 * only other allocation.
 *
 * First all is read, then judged.  A message that lacks what a consumer cannot
 * do without, or is not what its MD5 says, makes the whole answer an error:
 * nothing is handed out, and SQS delivers again.
 */
#include "sqs.h"

#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "digest.h"
#include "sqs_raw.h"
#include "sqs_wire.h"
#include "text.h"

typedef struct ReceiveAnswer
{
	AwsxSqsMessages messages;	/* first: what the caller holds */
	AwsxSqsAttribute *attributes;	/* of all messages; null = none */
	AwsxSqsMessage items[AWSX_SQS_BATCH];
	char		bytes[];		/* the document, strings undone */
} ReceiveAnswer;

static bool
digest_error(AwsxError *error, const char *what, const char *message_id)
{
	return awsx_error_set(error, AWSX_ERR_INTEGRITY,
						  "the %s of message %.100s do not have the MD5 that SQS gave: they were changed on the way",
						  what, message_id);
}

/*----------
 * Judging
 *----------
 */

/* Text without NUL bytes, or null when there is none. */
static const char *
text_of(const AwsxJsonString *string)
{
	return string->has_nul ? NULL : string->text;
}

static const char *
text_or_empty(const AwsxRawMessage *raw, AwsxRawMember member)
{
	const char *text = text_of(&raw->strings[member]);

	return text != NULL ? text : "";
}

/* Digits only, as SQS writes numbers of any size. */
static bool
is_decimal(const char *text)
{
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* A non-negative decimal, or 0 when it is absent, odd or too large. */
static int64_t
decimal_or_zero(const char *text)
{
	int64_t		value = 0;
	int			digits = 0;

	for (; awsx_text_is_digit(*text) && digits < 18; text++, digits++)
		value = value * 10 + (*text - '0');
	return *text == '\0' ? value : 0;
}

/* The required strings, and the body with its digest. */
static bool
judge_body(const AwsxRawMessage *raw, size_t index, AwsxSqsMessage *message, AwsxError *error)
{
	const AwsxJsonString *body = &raw->strings[AWSX_RAW_BODY];
	const char *md5 = text_of(&raw->strings[AWSX_RAW_MD5_OF_BODY]);
	char		computed[AWSX_MD5_HEX_LEN + 1];

	message->message_id = text_or_empty(raw, AWSX_RAW_MESSAGE_ID);
	message->receipt_handle = text_or_empty(raw, AWSX_RAW_RECEIPT_HANDLE);
	if (*message->message_id == '\0')
		return awsx_raw_message_error(error, index, "has no MessageId");
	if (*message->receipt_handle == '\0')
		return awsx_raw_message_error(error, index, "has no ReceiptHandle");
	if (body->text == NULL)
		return awsx_raw_message_error(error, index, "has no Body");
	if (md5 == NULL)
		return awsx_raw_message_error(error, index, "has no MD5OfBody");
	message->body = body->text;
	message->body_len = body->len;

	/* where MD5 is forbidden (FIPS) the check is left out, as AWS's SDKs do */
	if (awsx_md5_hex(message->body, message->body_len, computed) && !awsx_text_equal(md5, computed))
		return digest_error(error, "bytes of the body", message->message_id);
	return true;
}

static bool
judge_system_attributes(const AwsxRawMessage *raw, size_t index, AwsxSqsMessage *message, AwsxError *error)
{
	int64_t		receives = decimal_or_zero(text_or_empty(raw, AWSX_RAW_RECEIVE_COUNT));

	message->group_id = text_or_empty(raw, AWSX_RAW_GROUP_ID);
	message->dedup_id = text_or_empty(raw, AWSX_RAW_DEDUP_ID);
	message->sequence_number = text_or_empty(raw, AWSX_RAW_SEQUENCE_NUMBER);
	message->sent_ms = decimal_or_zero(text_or_empty(raw, AWSX_RAW_SENT_TIMESTAMP));
	message->receive_count = receives > INT32_MAX ? INT32_MAX : (int) receives;
	if (text_of(&raw->strings[AWSX_RAW_SEQUENCE_NUMBER]) != NULL &&
		(!is_decimal(message->sequence_number) || strlen(message->sequence_number) > 40))
		return awsx_raw_message_error(error, index, "has a SequenceNumber that is not a number");
	return true;
}

static bool
judge_attribute(const AwsxRawAttribute *raw, size_t index, AwsxSqsAttribute *attribute, AwsxError *error)
{
	const AwsxJsonString *value;
	bool		binary;

	attribute->name = raw->name.text;
	attribute->type = text_of(&raw->type);
	if (attribute->type == NULL)
		return awsx_raw_message_error(error, index, "has an attribute without DataType");
	binary = strncmp(attribute->type, "Binary", 6) == 0;
	value = binary ? &raw->binary : &raw->text;
	if (value->text == NULL)
		return awsx_raw_message_error(error, index, "has an attribute without a value");
	attribute->value = value->text;
	attribute->value_len = value->len;
	if (!binary)
		return true;

	/* over itself: of four letters that were read come three bytes */
	if (!awsx_base64_decode(value->text, value->len, (unsigned char *) value->text, &attribute->value_len))
		return awsx_raw_message_error(error, index, "has a binary attribute that is not base64");
	value->text[attribute->value_len] = '\0';
	return true;
}

static bool
judge_attributes(const AwsxRawMessages *answer, size_t index, AwsxSqsAttribute *attributes,
				 AwsxSqsMessage *message, AwsxError *error)
{
	const AwsxRawMessage *raw = &answer->items[index];
	const char *md5 = text_of(&raw->strings[AWSX_RAW_MD5_OF_ATTRIBUTES]);

	message->attribute_count = raw->attribute_count;
	if (raw->attribute_count > 0)
		message->attributes = attributes + raw->first_attribute;
	for (int i = 0; i < raw->attribute_count; i++)
	{
		if (!judge_attribute(&answer->attributes[raw->first_attribute + i], index,
							 &attributes[raw->first_attribute + i], error))
			return false;
	}
	if (md5 != NULL && !awsx_sqs_attributes_match(message->attributes, message->attribute_count, md5))
		return digest_error(error, "attributes", message->message_id);
	return true;
}

static bool
judge(const AwsxRawMessages *raw, ReceiveAnswer *answer, AwsxError *error)
{
	if (raw->attribute_count > 0)
	{
		answer->attributes = calloc((size_t) raw->attribute_count, sizeof(AwsxSqsAttribute));
		if (answer->attributes == NULL)
			return awsx_raw_out_of_memory(error);
	}
	answer->messages.items = answer->items;
	for (int i = 0; i < raw->count; i++)
	{
		AwsxSqsMessage *message = &answer->items[i];

		if (!judge_body(&raw->items[i], (size_t) i, message, error) ||
			!judge_system_attributes(&raw->items[i], (size_t) i, message, error) ||
			!judge_attributes(raw, (size_t) i, answer->attributes, message, error))
			return false;
	}
	answer->messages.count = raw->count;
	return true;
}

/*----------
 * The answer
 *----------
 */

AwsxSqsMessages *
awsx_sqs_receive_answer(const AwsxHttpResponse *http, AwsxError *error)
{
	const AwsxBuf *body = &http->body;
	ReceiveAnswer *answer;
	AwsxError	first_error;
	AwsxRawMessages raw = {.count = 0};
	bool		good;

	awsx_error_clear(&first_error);
	answer = body->failed ? NULL : malloc(sizeof(ReceiveAnswer) + body->len + 1);
	if (answer == NULL)
	{
		if (body->failed)
			awsx_error_set(error, AWSX_ERR_PROTOCOL, "the answer of SQS was cut short");
		else
			awsx_raw_out_of_memory(error);
		return NULL;
	}
	memset(answer, 0, sizeof(*answer));
	if (body->len > 0)
		memcpy(answer->bytes, body->data, body->len);
	answer->bytes[body->len] = '\0';

	good = awsx_raw_messages_read(&raw, answer->bytes, body->len, &first_error) &&
		judge(&raw, answer, &first_error);
	free(raw.attributes);
	if (good)
		return &answer->messages;
	if (error != NULL)
		*error = first_error;
	awsx_sqs_messages_free(&answer->messages);
	return NULL;
}

void
awsx_sqs_messages_free(AwsxSqsMessages *messages)
{
	ReceiveAnswer *answer = (ReceiveAnswer *) messages;

	if (answer == NULL)
		return;
	free(answer->attributes);
	free(answer);
}
