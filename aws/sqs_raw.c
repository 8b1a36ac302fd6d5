/*
 * sqs_raw.c
 *	  Reading the answer to ReceiveMessage.
 *
 * A consumer spends its time here, so the document is read in one pass,
 * without a tree, and strings are undone where they stand.
 *
 * All is read to the last byte, whatever is wrong with it before, for what is
 * not JSON is no answer, and that weighs more.  Then the first problem counts.
 * A member that stands twice is one, since nobody can tell which was meant; a
 * member that is missing is not, here.
 */
#include "sqs_raw.h"

#include <stdlib.h>

#define ATTRIBUTES_MAX 100		/* of one message; SQS allows 10 */
#define FIRST_ATTRIBUTES 16
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct
{
	const char *name;
	AwsxRawMember member;
}			message_strings[] = {
	{"MessageId", AWSX_RAW_MESSAGE_ID},
	{"ReceiptHandle", AWSX_RAW_RECEIPT_HANDLE},
	{"MD5OfBody", AWSX_RAW_MD5_OF_BODY},
	{"Body", AWSX_RAW_BODY},
	{"MD5OfMessageAttributes", AWSX_RAW_MD5_OF_ATTRIBUTES}
},			system_strings[] = {
	{"SentTimestamp", AWSX_RAW_SENT_TIMESTAMP},
	{"ApproximateReceiveCount", AWSX_RAW_RECEIVE_COUNT},
	{"MessageGroupId", AWSX_RAW_GROUP_ID},
	{"MessageDeduplicationId", AWSX_RAW_DEDUP_ID},
	{"SequenceNumber", AWSX_RAW_SEQUENCE_NUMBER}
};

typedef struct Reader
{
	AwsxJsonScan scan;
	size_t		len;			/* of the document */
	AwsxRawMessages *raw;
	AwsxError  *error;			/* what was wrong first, besides what is not JSON */
} Reader;

/*----------
 * Errors
 *----------
 */

bool
awsx_raw_message_error(AwsxError *error, size_t index, const char *what)
{
	return awsx_error_set(error, AWSX_ERR_PROTOCOL, "message %zu of the answer of SQS %s",
						  index + 1, what);
}

bool
awsx_raw_out_of_memory(AwsxError *error)
{
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for received messages");
}

/* The first problem stays; reading goes on, for what is not JSON weighs more. */
static bool
problem(Reader *reader, const char *name, const char *what)
{
	if (reader->error->kind == AWSX_OK)
		awsx_error_set(reader->error, AWSX_ERR_PROTOCOL, "\"%s\" in the answer of SQS %s", name, what);
	return false;
}

/* As above, from within the document. */
static void
message_problem(Reader *reader, const char *what)
{
	if (reader->error->kind == AWSX_OK)
		awsx_raw_message_error(reader->error, (size_t) reader->raw->count, what);
}

/*----------
 * Parts of the document
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
static AwsxRawAttribute *
add_attribute(Reader *reader)
{
	AwsxRawMessages *raw = reader->raw;
	AwsxRawMessage *message = &raw->items[raw->count];

	if (message->attribute_count >= ATTRIBUTES_MAX)
	{
		message_problem(reader, "has more attributes than SQS allows");
		return NULL;
	}
	if (raw->attribute_count == raw->attributes_allocated)
	{
		int			room = raw->attributes_allocated == 0 ? FIRST_ATTRIBUTES : raw->attributes_allocated * 2;
		AwsxRawAttribute *larger = realloc(raw->attributes, (size_t) room * sizeof(*larger));

		if (larger == NULL)
		{
			awsx_raw_out_of_memory(reader->error);
			return NULL;
		}
		raw->attributes = larger;
		raw->attributes_allocated = room;
	}
	if (message->attribute_count++ == 0)
		message->first_attribute = raw->attribute_count;
	return &raw->attributes[raw->attribute_count++];
}

/* The value of one entry of MessageAttributes. */
static void
read_attribute(Reader *reader, const AwsxJsonString *name)
{
	AwsxRawMessage *message = &reader->raw->items[reader->raw->count];
	AwsxRawAttribute attribute = {.name = *name};
	AwsxJsonString member;
	AwsxRawAttribute *kept;
	bool		first = true;

	for (int i = 0; i < message->attribute_count; i++)
	{
		if (awsx_json_string_is(name, reader->raw->attributes[message->first_attribute + i].name.text))
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

	if (!enter(reader, '{', "MessageAttributes", &reader->raw->items[reader->raw->count].attributes_seen))
		return;
	while (awsx_json_scan_member(&reader->scan, &first, &name))
		read_attribute(reader, &name);
}

/* What SQS itself says of the message. */
static void
read_system_attributes(Reader *reader)
{
	AwsxRawMessage *message = &reader->raw->items[reader->raw->count];
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
	AwsxRawMessage *message = &reader->raw->items[reader->raw->count];
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
		if (reader->raw->count == AWSX_SQS_BATCH)	/* more than any poll asks for: not an answer of SQS */
			problem(reader, "Messages", "has more messages than its limit of 10");
		else if (awsx_json_scan_peek(&reader->scan) == '{')
		{
			read_message(reader);
			reader->raw->count++;
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

bool
awsx_raw_messages_read(AwsxRawMessages *raw, char *bytes, size_t len, AwsxError *error)
{
	Reader		reader = {.len = len,.raw = raw,.error = error};

	if (len == 0)				/* nothing at all is an object without members */
		return true;
	awsx_json_scan_init(&reader.scan, bytes, len);
	return read_document(&reader);
}
