/*
 * sqs_messages.c
 *	  The messages of ReceiveMessage's answer.
 *
 * A consumer spends its time here, so the answer is read in one pass, without
 * a tree: its bytes are copied once, behind the array of messages, and strings
 * are undone where they stand in that copy.  Message attributes, which many
 * messages lack, are the only other allocation.
 *
 * First all is read, then judged: what is not JSON to the last byte is no
 * answer.  A message that lacks what a consumer cannot do without makes the
 * whole answer an error: nothing is handed out, and SQS delivers again.  So
 * does a member that stands twice, for nobody can tell which one was meant.
 */
#include "sqs.h"

#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "digest.h"
#include "json_scan.h"
#include "sqs_wire.h"
#include "text.h"

#define ATTRIBUTES_MAX 100		/* of one message; SQS allows 10 */
#define FIRST_ATTRIBUTES 16

/* The members that are read, each in its object. */
typedef enum Member
{
	MESSAGE_ID,
	RECEIPT_HANDLE,
	BODY,
	MD5_OF_BODY,
	MD5_OF_ATTRIBUTES,
	GROUP_ID,
	DEDUP_ID,
	SEQUENCE_NUMBER,
	SENT_TIMESTAMP,
	RECEIVE_COUNT,
	STRINGS
} Member;

static const struct
{
	const char *name;
	Member		member;
}			message_strings[] = {
	{"MessageId", MESSAGE_ID},
	{"ReceiptHandle", RECEIPT_HANDLE},
	{"MD5OfBody", MD5_OF_BODY},
	{"Body", BODY},
	{"MD5OfMessageAttributes", MD5_OF_ATTRIBUTES}
},			system_strings[] = {
	{"SentTimestamp", SENT_TIMESTAMP},
	{"ApproximateReceiveCount", RECEIVE_COUNT},
	{"MessageGroupId", GROUP_ID},
	{"MessageDeduplicationId", DEDUP_ID},
	{"SequenceNumber", SEQUENCE_NUMBER}
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* An attribute as it was read, in the order of the document. */
typedef struct RawAttribute
{
	AwsxJsonString name;
	AwsxJsonString type;
	AwsxJsonString text;
	AwsxJsonString binary;
} RawAttribute;

/* A message as it was read. */
typedef struct RawMessage
{
	AwsxJsonString strings[STRINGS];
	bool		attributes_seen;
	bool		system_seen;
	int			first_attribute;
	int			attribute_count;
} RawMessage;

typedef struct Reader
{
	AwsxJsonScan scan;
	size_t		len;			/* of the document */
	RawMessage	messages[AWSX_SQS_BATCH];
	int			count;
	RawAttribute *attributes;
	int			attribute_count;
	int			attributes_allocated;
	AwsxError  *error;			/* what was wrong first, besides what is not JSON */
} Reader;

typedef struct ReceiveAnswer
{
	AwsxSqsMessages messages;	/* first: what the caller holds */
	AwsxSqsAttribute *attributes;	/* of all messages; null = none */
	AwsxSqsMessage items[AWSX_SQS_BATCH];
	char		bytes[];		/* the document, strings undone */
} ReceiveAnswer;

/*----------
 * Errors
 *----------
 */

/* The first problem stays; reading goes on, for what is not JSON weighs more. */
static bool
problem(Reader *reader, const char *name, const char *what)
{
	if (reader->error->kind == AWSX_OK)
		awsx_error_set(reader->error, AWSX_ERR_PROTOCOL, "\"%s\" in the answer of SQS %s", name, what);
	return false;
}

static bool
message_error(AwsxError *error, size_t index, const char *what)
{
	return awsx_error_set(error, AWSX_ERR_PROTOCOL, "message %zu of the answer of SQS %s",
						  index + 1, what);
}

/* As above, from within the document. */
static void
message_problem(Reader *reader, const char *what)
{
	if (reader->error->kind == AWSX_OK)
		message_error(reader->error, (size_t) reader->count, what);
}

static bool
out_of_memory(AwsxError *error)
{
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for received messages");
}

static bool
digest_error(AwsxError *error, const char *what, const char *message_id)
{
	return awsx_error_set(error, AWSX_ERR_INTEGRITY,
						  "the %s of message %.100s do not have the MD5 that SQS gave: they were changed on the way",
						  what, message_id);
}

/*----------
 * Reading
 *----------
 */

/* Read a string member, once. */
static void
read_once(Reader *reader, AwsxJsonString *string, const char *name)
{
	if (string->text != NULL)
		problem(reader, name, "stands there twice");
	awsx_json_scan_string(&reader->scan, string);
}

/*
 * Step into the object or array of a member.  False when it is null, and so as
 * good as absent, or of another kind.
 */
static bool
enter(Reader *reader, char opening, const char *name, bool *seen)
{
	char		byte = awsx_json_scan_peek(&reader->scan);

	if (*seen)
		problem(reader, name, "stands there twice");
	*seen = true;
	if (byte == opening)
		return awsx_json_scan_enter(&reader->scan);
	if (byte != 'n')
		problem(reader, name, opening == '{' ? "is not an object" : "is not an array");
	awsx_json_scan_skip(&reader->scan);
	return false;
}

/* Room for one more, or null. */
static RawAttribute *
add_attribute(Reader *reader)
{
	RawMessage *message = &reader->messages[reader->count];

	if (message->attribute_count >= ATTRIBUTES_MAX)
	{
		message_problem(reader, "has more attributes than SQS allows");
		return NULL;
	}
	if (reader->attribute_count == reader->attributes_allocated)
	{
		int			room = reader->attributes_allocated == 0 ? FIRST_ATTRIBUTES : reader->attributes_allocated * 2;
		RawAttribute *larger = realloc(reader->attributes, (size_t) room * sizeof(*larger));

		if (larger == NULL)
		{
			out_of_memory(reader->error);
			return NULL;
		}
		reader->attributes = larger;
		reader->attributes_allocated = room;
	}
	if (message->attribute_count++ == 0)
		message->first_attribute = reader->attribute_count;
	return &reader->attributes[reader->attribute_count++];
}

/* The value of one entry of MessageAttributes. */
static void
read_attribute(Reader *reader, const AwsxJsonString *name)
{
	RawMessage *message = &reader->messages[reader->count];
	RawAttribute attribute = {.name = *name};
	AwsxJsonString member;
	RawAttribute *kept;
	bool		first = true;

	for (int i = 0; i < message->attribute_count; i++)
	{
		if (awsx_json_string_is(name, reader->attributes[message->first_attribute + i].name.text))
			problem(reader, "MessageAttributes", "has a name twice");
	}
	if (awsx_json_scan_peek(&reader->scan) != '{')
		awsx_json_scan_skip(&reader->scan);
	else if (awsx_json_scan_enter(&reader->scan))
	{
		while (awsx_json_scan_member(&reader->scan, &first, &member))
		{
			if (awsx_json_string_is(&member, "DataType"))
				read_once(reader, &attribute.type, "DataType");
			else if (awsx_json_string_is(&member, "StringValue"))
				read_once(reader, &attribute.text, "StringValue");
			else if (awsx_json_string_is(&member, "BinaryValue"))
				read_once(reader, &attribute.binary, "BinaryValue");
			else
				awsx_json_scan_skip(&reader->scan);
		}
	}
	kept = add_attribute(reader);
	if (kept != NULL)
		*kept = attribute;
}

static void
read_attributes(Reader *reader)
{
	AwsxJsonString name;
	bool		first = true;

	if (!enter(reader, '{', "MessageAttributes", &reader->messages[reader->count].attributes_seen))
		return;
	while (awsx_json_scan_member(&reader->scan, &first, &name))
		read_attribute(reader, &name);
}

/* What SQS itself says of the message. */
static void
read_system_attributes(Reader *reader)
{
	RawMessage *message = &reader->messages[reader->count];
	AwsxJsonString name;
	bool		first = true;

	if (!enter(reader, '{', "Attributes", &message->system_seen))
		return;
	while (awsx_json_scan_member(&reader->scan, &first, &name))
	{
		size_t		i = 0;

		while (i < COUNT_OF(system_strings) && !awsx_json_string_is(&name, system_strings[i].name))
			i++;
		if (i < COUNT_OF(system_strings))
			read_once(reader, &message->strings[system_strings[i].member], system_strings[i].name);
		else
			awsx_json_scan_skip(&reader->scan);
	}
}

static void
read_message(Reader *reader)
{
	RawMessage *message = &reader->messages[reader->count];
	AwsxJsonString name;
	bool		first = true;

	if (!awsx_json_scan_enter(&reader->scan))
		return;
	while (awsx_json_scan_member(&reader->scan, &first, &name))
	{
		size_t		i = 0;

		while (i < COUNT_OF(message_strings) && !awsx_json_string_is(&name, message_strings[i].name))
			i++;
		if (i < COUNT_OF(message_strings))
			read_once(reader, &message->strings[message_strings[i].member], message_strings[i].name);
		else if (awsx_json_string_is(&name, "Attributes"))
			read_system_attributes(reader);
		else if (awsx_json_string_is(&name, "MessageAttributes"))
			read_attributes(reader);
		else
			awsx_json_scan_skip(&reader->scan);
	}
}

static void
read_messages(Reader *reader, bool *seen)
{
	bool		first = true;

	if (!enter(reader, '[', "Messages", seen))
		return;
	while (awsx_json_scan_element(&reader->scan, &first))
	{
		if (reader->count == AWSX_SQS_BATCH)	/* more than any poll asks for: not an answer of SQS */
			problem(reader, "Messages", "has more messages than its limit of 10");
		else if (awsx_json_scan_peek(&reader->scan) == '{')
		{
			read_message(reader);
			reader->count++;
			continue;
		}
		else
			message_problem(reader, "is not an object");
		awsx_json_scan_skip(&reader->scan);
	}
}

/* False, and *reader->error, when it cannot be an answer. */
static bool
read_document(Reader *reader)
{
	AwsxJsonScan *scan = &reader->scan;
	AwsxJsonString name;
	bool		first = true;
	bool		seen = false;
	bool		array = awsx_json_scan_peek(scan) == '[';

	if (array)
		awsx_json_scan_skip(scan);
	else if (awsx_json_scan_enter(scan))
	{
		while (awsx_json_scan_member(scan, &first, &name))
		{
			if (awsx_json_string_is(&name, "Messages"))
				read_messages(reader, &seen);
			else
				awsx_json_scan_skip(scan);
		}
	}
	if (!awsx_json_scan_end(scan))
		return awsx_error_set(reader->error, AWSX_ERR_PROTOCOL,
							  "the answer of SQS is not JSON (byte %zu of %zu); check that the endpoint is an SQS service",
							  reader->len - (size_t) (scan->end - scan->at) + 1, reader->len);
	if (array)
		return awsx_error_set(reader->error, AWSX_ERR_PROTOCOL, "the answer of SQS is not a JSON object");
	return reader->error->kind == AWSX_OK;
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
text_or_empty(const RawMessage *raw, Member member)
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
judge_body(const RawMessage *raw, size_t index, AwsxSqsMessage *message, AwsxError *error)
{
	const AwsxJsonString *body = &raw->strings[BODY];
	const char *md5 = text_of(&raw->strings[MD5_OF_BODY]);
	char		computed[AWSX_MD5_HEX_LEN + 1];

	message->message_id = text_or_empty(raw, MESSAGE_ID);
	message->receipt_handle = text_or_empty(raw, RECEIPT_HANDLE);
	if (*message->message_id == '\0')
		return message_error(error, index, "has no MessageId");
	if (*message->receipt_handle == '\0')
		return message_error(error, index, "has no ReceiptHandle");
	if (body->text == NULL)
		return message_error(error, index, "has no Body");
	if (md5 == NULL)
		return message_error(error, index, "has no MD5OfBody");
	message->body = body->text;
	message->body_len = body->len;

	/* where MD5 is forbidden (FIPS) the check is left out, as AWS's SDKs do */
	if (awsx_md5_hex(message->body, message->body_len, computed) && !awsx_text_equal(md5, computed))
		return digest_error(error, "bytes of the body", message->message_id);
	return true;
}

static bool
judge_system_attributes(const RawMessage *raw, size_t index, AwsxSqsMessage *message, AwsxError *error)
{
	int64_t		receives = decimal_or_zero(text_or_empty(raw, RECEIVE_COUNT));

	message->group_id = text_or_empty(raw, GROUP_ID);
	message->dedup_id = text_or_empty(raw, DEDUP_ID);
	message->sequence_number = text_or_empty(raw, SEQUENCE_NUMBER);
	message->sent_ms = decimal_or_zero(text_or_empty(raw, SENT_TIMESTAMP));
	message->receive_count = receives > INT32_MAX ? INT32_MAX : (int) receives;
	if (text_of(&raw->strings[SEQUENCE_NUMBER]) != NULL &&
		(!is_decimal(message->sequence_number) || strlen(message->sequence_number) > 40))
		return message_error(error, index, "has a SequenceNumber that is not a number");
	return true;
}

static bool
judge_attribute(const RawAttribute *raw, size_t index, AwsxSqsAttribute *attribute, AwsxError *error)
{
	const AwsxJsonString *value;
	bool		binary;

	attribute->name = raw->name.text;
	attribute->type = text_of(&raw->type);
	if (attribute->type == NULL)
		return message_error(error, index, "has an attribute without DataType");
	binary = strncmp(attribute->type, "Binary", 6) == 0;
	value = binary ? &raw->binary : &raw->text;
	if (value->text == NULL)
		return message_error(error, index, "has an attribute without a value");
	attribute->value = value->text;
	attribute->value_len = value->len;
	if (!binary)
		return true;

	/* over itself: of four letters that were read come three bytes */
	if (!awsx_base64_decode(value->text, value->len, (unsigned char *) value->text, &attribute->value_len))
		return message_error(error, index, "has a binary attribute that is not base64");
	value->text[attribute->value_len] = '\0';
	return true;
}

static bool
judge_attributes(const Reader *reader, size_t index, AwsxSqsAttribute *attributes,
				 AwsxSqsMessage *message, AwsxError *error)
{
	const RawMessage *raw = &reader->messages[index];
	const char *md5 = text_of(&raw->strings[MD5_OF_ATTRIBUTES]);

	message->attribute_count = raw->attribute_count;
	if (raw->attribute_count > 0)
		message->attributes = attributes + raw->first_attribute;
	for (int i = 0; i < raw->attribute_count; i++)
	{
		if (!judge_attribute(&reader->attributes[raw->first_attribute + i], index,
							 &attributes[raw->first_attribute + i], error))
			return false;
	}
	if (md5 != NULL && !awsx_sqs_attributes_match(message->attributes, message->attribute_count, md5))
		return digest_error(error, "attributes", message->message_id);
	return true;
}

static bool
judge(const Reader *reader, ReceiveAnswer *answer)
{
	if (reader->attribute_count > 0)
	{
		answer->attributes = calloc((size_t) reader->attribute_count, sizeof(AwsxSqsAttribute));
		if (answer->attributes == NULL)
			return out_of_memory(reader->error);
	}
	answer->messages.items = answer->items;
	for (int i = 0; i < reader->count; i++)
	{
		AwsxSqsMessage *message = &answer->items[i];
		const RawMessage *raw = &reader->messages[i];

		if (!judge_body(raw, (size_t) i, message, reader->error) ||
			!judge_system_attributes(raw, (size_t) i, message, reader->error) ||
			!judge_attributes(reader, (size_t) i, answer->attributes, message, reader->error))
			return false;
	}
	answer->messages.count = reader->count;
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
	Reader		reader = {.len = body->len,.error = &first_error};
	bool		read;

	awsx_error_clear(&first_error);
	answer = body->failed ? NULL : malloc(sizeof(ReceiveAnswer) + body->len + 1);
	if (answer == NULL)
	{
		if (body->failed)
			awsx_error_set(error, AWSX_ERR_PROTOCOL, "the answer of SQS was cut short");
		else
			out_of_memory(error);
		return NULL;
	}
	memset(answer, 0, sizeof(*answer));
	if (body->len > 0)
		memcpy(answer->bytes, body->data, body->len);
	answer->bytes[body->len] = '\0';
	awsx_json_scan_init(&reader.scan, answer->bytes, body->len);

	/* nothing at all is an object without members */
	read = (body->len == 0 || read_document(&reader)) && judge(&reader, answer);
	free(reader.attributes);
	if (read)
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
