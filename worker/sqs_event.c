/*
 * sqs_event.c
 *	  The event of an SQS event source mapping: messages as the API would
 *	  have given them.
 *
 * The document stays in memory and lends its strings.  A message's body is a
 * string in it, so that no number of a body is ever read as one here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../aws/base64.h"
#include "../aws/digest.h"
#include "../aws/json_member.h"
#include "sqs_event.h"

/* What was allocated beside the document. */
typedef struct Memory
{
	json_t	   *root;
	AwsxSqsAttribute **attributes;	/* of each record */
	char	  **binaries;		/* of each record, all of its binary values behind each other */
	size_t		count;
} Memory;

static bool
no_memory(AwsxError *error)
{
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while an event was read");
}

/* Always true: the record has a problem now, which is no fault of the event. */
static bool
spoil(SqsEventRecord *record, const char *problem)
{
	if (record->problem[0] == '\0')
		snprintf(record->problem, sizeof(record->problem), "%s", problem);
	return true;
}

/* ---- attributes of the queue ---- */

/* A member of "attributes": fallback when there is none, null when it is no text. */
static const char *
system_attribute(const json_t *object, const char *name, const char *fallback)
{
	const json_t *member = json_object_get(object, name);

	return member == NULL || json_is_null(member) ? fallback : awsx_json_member_text(object, name);
}

static bool
read_digits(const char *text, long long max, long long *value)
{
	char	   *end;

	errno = 0;
	*value = 0;
	if (text == NULL || text[strspn(text, "0123456789")] != '\0')
		return false;
	if (*text != '\0')
		*value = strtoll(text, &end, 10);
	return errno == 0 && *value <= max;
}

static void
read_system_attributes(SqsEventRecord *record, const json_t *object)
{
	AwsxSqsMessage *message = &record->message;
	const char *group = system_attribute(object, "MessageGroupId", "");
	const char *dedup = system_attribute(object, "MessageDeduplicationId", "");
	const char *sequence = system_attribute(object, "SequenceNumber", "");
	long long	sent;
	long long	count;

	if (group != NULL)
		message->group_id = group;
	if (!json_is_object(object) || group == NULL || dedup == NULL ||
		sequence == NULL || sequence[strspn(sequence, "0123456789")] != '\0' ||
		!read_digits(system_attribute(object, "SentTimestamp", ""), INT64_MAX, &sent) ||
		!read_digits(system_attribute(object, "ApproximateReceiveCount", ""), INT32_MAX, &count))
	{
		spoil(record, "its \"attributes\" are not those of SQS");
		return;
	}
	message->dedup_id = dedup;
	message->sequence_number = sequence;
	message->sent_ms = sent;
	message->receive_count = (int) count;
}

/* ---- message attributes ---- */

static size_t
binary_room(const json_t *object)
{
	const char *name;
	json_t	   *member;
	size_t		room = 1;

	json_object_foreach((json_t *) object, name, member)
		room += AWSX_BASE64_ROOM(json_string_length(json_object_get(member, "binaryValue")));
	return room;
}

/* False: it is none of SQS.  *binary is where the next binary value goes. */
static bool
read_attribute(AwsxSqsAttribute *attribute, const char *name, const json_t *object, char **binary)
{
	const json_t *value;
	size_t		len;

	attribute->name = name;
	attribute->type = awsx_json_member_text(object, "dataType");
	if (attribute->type == NULL)
		return false;
	if (strncmp(attribute->type, "Binary", 6) != 0)
	{
		attribute->value = awsx_json_member_text(object, "stringValue");
		attribute->value_len = attribute->value != NULL ? strlen(attribute->value) : 0;
		return attribute->value != NULL;
	}
	value = json_object_get(object, "binaryValue");
	if (!json_is_string(value) ||
		!awsx_base64_decode(json_string_value(value), json_string_length(value), (unsigned char *) *binary, &len))
		return false;
	attribute->value = *binary;
	attribute->value_len = len;
	*binary += len;
	return true;
}

/* False only for want of memory. */
static bool
read_attributes(SqsEventRecord *record, Memory *memory, size_t n, json_t *object)
{
	size_t		count = json_object_size(object);
	const char *name;
	json_t	   *member;
	char	   *binary;

	if (object == NULL || json_is_null(object) || (json_is_object(object) && count == 0))
		return true;
	if (!json_is_object(object))
		return spoil(record, "its \"messageAttributes\" are no object");
	memory->attributes[n] = calloc(count, sizeof(AwsxSqsAttribute));
	memory->binaries[n] = binary = malloc(binary_room(object));
	if (memory->attributes[n] == NULL || binary == NULL)
		return false;
	record->message.attributes = memory->attributes[n];
	json_object_foreach(object, name, member)
	{
		if (!read_attribute(&memory->attributes[n][record->message.attribute_count], name, member, &binary))
			return spoil(record, "it has a message attribute that is not one of SQS");
		record->message.attribute_count++;
	}
	return true;
}

/* ---- records ---- */

static void
read_body(SqsEventRecord *record, const json_t *object)
{
	AwsxSqsMessage *message = &record->message;
	const json_t *md5 = json_object_get(object, "md5OfBody");
	char		digest[AWSX_MD5_HEX_LEN + 1];
	const char *body = awsx_json_member_text(object, "body");

	if (body == NULL)
	{
		spoil(record, "it has no \"body\" that is text");
		return;
	}
	message->body = body;
	message->body_len = strlen(body);
	if (md5 == NULL || json_is_null(md5) || !awsx_md5_hex(body, message->body_len, digest))
		return;
	if (!json_is_string(md5) || strcasecmp(json_string_value(md5), digest) != 0)
		spoil(record, "its body is not the one that \"md5OfBody\" speaks of");
}

/* False and *error: the event cannot be answered, record by record. */
static bool
read_record(SqsEvent *event, const json_t *object, size_t n, AwsxError *error)
{
	SqsEventRecord *record = &event->records[n];
	const char *source = awsx_json_member_text(object, "eventSource");
	const char *arn = awsx_json_member_text(object, "eventSourceARN");

	if (source == NULL || strcmp(source, "aws:sqs") != 0)
		return awsx_error_set(error, AWSX_ERR_REQUEST,
							  "the event is not one of an SQS event source mapping: record %zu has no \"eventSource\" \"aws:sqs\"",
							  n + 1);
	record->message = (AwsxSqsMessage) {.body = "",.group_id = "",.dedup_id = "",.sequence_number = ""};
	record->id = record->message.message_id = awsx_json_member_text(object, "messageId");
	record->message.receipt_handle = awsx_json_member_text(object, "receiptHandle");
	if (record->id == NULL || *record->id == '\0')
		return awsx_error_set(error, AWSX_ERR_REQUEST,
							  "the event's record %zu has no \"messageId\", so nothing can be said of it", n + 1);
	if (record->message.receipt_handle == NULL)
		record->message.receipt_handle = "";
	read_system_attributes(record, json_object_get(object, "attributes"));
	read_body(record, object);
	if (*event->queue_arn == '\0' && arn != NULL && awsx_sqs_arn_url(arn, event->queue_url, sizeof(event->queue_url)))
		event->queue_arn = arn;
	else if (*event->queue_arn == '\0' || arn == NULL || strcmp(arn, event->queue_arn) != 0)
		spoil(record, *event->queue_arn == '\0' || arn == NULL ? "its \"eventSourceARN\" is that of no queue" :
			  "it is of another queue than the records before it");
	return read_attributes(record, event->memory, n, json_object_get(object, "messageAttributes")) || no_memory(error);
}

static bool
read_records(SqsEvent *event, json_t *records, AwsxError *error)
{
	Memory	   *memory = event->memory;
	size_t		count = json_array_size(records);

	if (!json_is_array(records) || count > SQS_EVENT_MAX)
		return awsx_error_set(error, AWSX_ERR_REQUEST,
							  "the event is not one of an SQS event source mapping: expected \"Records\", an array of at most %d messages",
							  SQS_EVENT_MAX);
	event->records = calloc(count + 1, sizeof(SqsEventRecord));
	memory->attributes = calloc(count + 1, sizeof(AwsxSqsAttribute *));
	memory->binaries = calloc(count + 1, sizeof(char *));
	if (event->records == NULL || memory->attributes == NULL || memory->binaries == NULL)
		return no_memory(error);
	memory->count = count;
	for (size_t i = 0; i < count; i++)
	{
		if (!read_record(event, json_array_get(records, i), i, error))
			return false;
		event->count++;
	}
	return true;
}

static bool
fill(SqsEvent *event, const char *json, size_t len, AwsxError *error)
{
	Memory	   *memory = event->memory;
	json_error_t problem;

	memory->root = json_loadb(json, len, JSON_ALLOW_NUL, &problem);
	if (memory->root == NULL && json_error_code(&problem) == json_error_out_of_memory)
		return no_memory(error);

	/* jansson's own text would quote the event */
	if (memory->root == NULL)
		return awsx_error_set(error, AWSX_ERR_REQUEST,
							  "the event is not JSON (byte %d of %zu): expected that of an SQS event source mapping",
							  problem.position, len);
	return read_records(event, json_object_get(memory->root, "Records"), error);
}

SqsEvent *
sqs_event_read(const char *json, size_t len, AwsxError *error)
{
	SqsEvent   *event = calloc(1, sizeof(SqsEvent));
	Memory	   *memory = calloc(1, sizeof(Memory));

	awsx_error_clear(error);
	if (event == NULL || memory == NULL)
	{
		free(event);
		free(memory);
		no_memory(error);
		return NULL;
	}
	event->memory = memory;
	event->queue_arn = "";
	if (fill(event, json, len, error))
		return event;
	sqs_event_free(event);
	return NULL;
}

void
sqs_event_free(SqsEvent *event)
{
	Memory	   *memory;

	if (event == NULL)
		return;
	memory = event->memory;
	for (size_t i = 0; i < memory->count; i++)
	{
		free(memory->attributes[i]);
		free(memory->binaries[i]);
	}
	free(memory->attributes);
	free(memory->binaries);
	json_decref(memory->root);
	free(memory);
	free(event->records);
	free(event);
}
