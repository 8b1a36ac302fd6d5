/*
 * envelope.c
 *	  Event documents, opened layer by layer.
 *
 * A document is recognised by its own members, never by where it came from:
 * "Records" (of S3, SQS or SNS, told by each record's event source), an SNS
 * notification, an EventBridge event, or S3's test event.  An SQS or SNS
 * layer holds the next document as a string, which is read the same way, to
 * a depth of MAX_DEPTH.  Each layer's text is part of the one around it, so
 * memory stays within MAX_DEPTH times the input.
 *
 * A record that is not understood fails the whole event: the caller keeps
 * it, rather than losing the object it spoke of.  Only the messages of an
 * event source mapping can be kept one by one.
 */
#include "envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "date.h"
#include "json_member.h"

#define MAX_DEPTH 5

static bool read_document(AwsxS3Events *events, const char *json, size_t len, int depth, AwsxError *error);

static bool
memory_error(AwsxError *error)
{
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for an event");
}

static bool
malformed(AwsxError *error, const char *problem)
{
	return awsx_error_set(error, AWSX_ERR_REQUEST, "the event has a record that %s", problem);
}

static bool
text_member_is(const json_t *object, const char *name, const char *expected)
{
	const char *text = awsx_json_member_text(object, name);

	return text != NULL && strcmp(text, expected) == 0;
}

/*
 * Copy an optional string member, found under either of two names (S3 and
 * EventBridge spell them differently); "" when it is absent.
 */
static bool
copy_optional(const json_t *object, const char *name, const char *other_name, char **out, AwsxError *error)
{
	const json_t *member = json_object_get(object, name);
	const char *text = "";

	if (member == NULL)
		member = json_object_get(object, other_name);
	if (member != NULL && !json_is_null(member))
	{
		text = json_string_value(member);
		if (text == NULL || strlen(text) != json_string_length(member))
			return malformed(error, "has a version, ETag, sequencer or region that is not a plain string");
	}
	*out = strdup(text);
	return *out != NULL || memory_error(error);
}

/* The text of the record's "resume"; "" when it has none. */
static bool
copy_resume(const json_t *record, char **out, AwsxError *error)
{
	const json_t *member = json_object_get(record, "resume");

	*out = member == NULL ? strdup("") : json_dumps(member, JSON_COMPACT | JSON_ENCODE_ANY);
	return *out != NULL || memory_error(error);
}

/* When it happened, under S3's or EventBridge's name; 0 when there is no usable time. */
static int64_t
read_time(const json_t *parent)
{
	const char *text = awsx_json_member_text(parent, "eventTime");
	int64_t		ms;

	if (text == NULL)
		text = awsx_json_member_text(parent, "time");
	return text != NULL && awsx_iso_date_ms(text, &ms) ? ms : 0;
}

static void
strip_quotes(char *text)
{
	size_t		len = strlen(text);

	if (len >= 2 && text[0] == '"' && text[len - 1] == '"')
	{
		memmove(text, text + 1, len - 2);
		text[len - 2] = '\0';
	}
}

static bool
read_size(const json_t *object, int64_t *size, AwsxError *error)
{
	const json_t *member = json_object_get(object, "size");

	*size = -1;
	if (member == NULL || json_is_null(member))
		return true;
	if (!json_is_integer(member) || json_integer_value(member) < 0)
		return malformed(error, "has a size that is not a whole number");
	*size = json_integer_value(member);
	return true;
}

static bool
read_key(const json_t *object, bool encoded, char **key, AwsxError *error)
{
	const json_t *member = json_object_get(object, "key");
	const char *text = json_string_value(member);
	size_t		len = json_string_length(member);

	if (text == NULL || len == 0)
		return malformed(error, "names no object key");
	if (strlen(text) != len)
		return malformed(error, "has a NUL byte in its object key");
	*key = encoded ? awsx_form_decode(text, len) : strdup(text);
	if (*key == NULL && encoded)
		return malformed(error, "has an object key that is not form-urlencoded, or is too large");
	return *key != NULL || memory_error(error);
}

/*
 * The bucket and object members that S3 and EventBridge share.  The event
 * counts from here on, so that whatever was copied is freed with the rest.
 */
static bool
read_object(AwsxS3Events *events, AwsxEventKind kind, const json_t *parent, const json_t *region_parent,
			bool encoded, AwsxError *error)
{
	const char *bucket = awsx_json_member_text(json_object_get(parent, "bucket"), "name");
	const json_t *object = json_object_get(parent, "object");
	AwsxS3Event *items = realloc(events->items, ((size_t) events->count + 1) * sizeof(*items));
	AwsxS3Event *event;

	if (items == NULL)
		return memory_error(error);
	events->items = items;
	event = &items[events->count++];
	memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->message = -1;
	event->time_ms = read_time(region_parent);
	if (bucket == NULL || *bucket == '\0')
		return malformed(error, "names no bucket");
	event->bucket = strdup(bucket);
	if (event->bucket == NULL)
		return memory_error(error);
	if (!read_key(object, encoded, &event->key, error) ||
		!copy_optional(object, "versionId", "version-id", &event->version_id, error) ||
		!copy_optional(object, "eTag", "etag", &event->etag, error) ||
		!copy_optional(object, "sequencer", "sequencer", &event->sequencer, error) ||
		!copy_optional(region_parent, "awsRegion", "region", &event->region, error) ||
		!copy_resume(region_parent, &event->resume, error) ||
		!read_size(object, &event->size, error))
		return false;
	strip_quotes(event->etag);
	return true;
}

static bool
has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* One record of an S3 notification. */
static bool
read_s3_record(AwsxS3Events *events, const json_t *record, AwsxError *error)
{
	const char *name = awsx_json_member_text(record, "eventName");
	const char *version = awsx_json_member_text(record, "eventVersion");
	AwsxEventKind kind = AWSX_EVENT_OTHER;

	if (name == NULL)
		return malformed(error, "has no eventName");
	if (version != NULL && !has_prefix(version, "2."))
		return malformed(error, "has an eventVersion other than 2.x, which is not understood");
	if (has_prefix(name, "s3:"))
		name += 3;
	if (has_prefix(name, "ObjectCreated:"))
		kind = AWSX_EVENT_CREATED;
	else if (has_prefix(name, "ObjectRemoved:"))
		kind = AWSX_EVENT_REMOVED;
	return read_object(events, kind, json_object_get(record, "s3"), record, true, error);
}

static bool
read_eventbridge(AwsxS3Events *events, const json_t *root, AwsxError *error)
{
	AwsxEventKind kind = AWSX_EVENT_OTHER;

	if (text_member_is(root, "detail-type", "Object Created"))
		kind = AWSX_EVENT_CREATED;
	else if (text_member_is(root, "detail-type", "Object Deleted"))
		kind = AWSX_EVENT_REMOVED;
	return read_object(events, kind, json_object_get(root, "detail"), root, false, error);
}

/* The document that an SQS or SNS layer carries. */
static bool
read_inner(AwsxS3Events *events, const json_t *text, int depth, AwsxError *error)
{
	if (!json_is_string(text))
		return malformed(error, "is an SQS or SNS envelope without a text inside");
	return read_document(events, json_string_value(text), json_string_length(text), depth + 1, error);
}

static void
free_event(AwsxS3Event *event)
{
	free(event->bucket);
	free(event->key);
	free(event->version_id);
	free(event->etag);
	free(event->sequencer);
	free(event->region);
	free(event->resume);
}

static AwsxEventMessage *
add_message(AwsxS3Events *events, const char *id, AwsxError *error)
{
	AwsxEventMessage *messages = realloc(events->messages,
										 ((size_t) events->message_count + 1) * sizeof(*messages));
	char	   *copy = strdup(id);

	if (messages != NULL)
		events->messages = messages;
	if (messages == NULL || copy == NULL)
	{
		free(copy);
		memory_error(error);
		return NULL;
	}
	messages[events->message_count] = (AwsxEventMessage) {.id = copy};
	return &messages[events->message_count++];
}

/*
 * A message of an event source mapping: what is wrong with it is its own.
 * One without an id cannot be told apart, so it fails the event.
 */
static bool
read_message(AwsxS3Events *events, const json_t *record, int depth, AwsxError *error)
{
	const char *id = awsx_json_member_text(record, "messageId");
	int			count = events->count;
	int			test_events = events->test_events;
	AwsxEventMessage *message;

	if (id == NULL || *id == '\0')
		return read_inner(events, json_object_get(record, "body"), depth, error);
	message = add_message(events, id, error);
	if (message == NULL)
		return false;
	if (read_inner(events, json_object_get(record, "body"), depth, error))
	{
		for (int i = count; i < events->count; i++)
			events->items[i].message = events->message_count - 1;
		return true;
	}
	if (error->kind != AWSX_ERR_REQUEST)
		return false;
	message->bad = true;
	snprintf(message->problem, sizeof(message->problem), "%.255s", error->message);
	awsx_error_clear(error);
	while (events->count > count)
		free_event(&events->items[--events->count]);
	events->test_events = test_events;
	return true;
}

static bool
read_record(AwsxS3Events *events, const json_t *record, int depth, AwsxError *error)
{
	if (text_member_is(record, "eventSource", "aws:s3"))
		return read_s3_record(events, record, error);
	if (text_member_is(record, "eventSource", "aws:sqs") && depth == 1)
		return read_message(events, record, depth, error);
	if (text_member_is(record, "eventSource", "aws:sqs"))
		return read_inner(events, json_object_get(record, "body"), depth, error);
	if (text_member_is(record, "EventSource", "aws:sns") || text_member_is(record, "eventSource", "aws:sns"))
	{
		const json_t *sns = json_object_get(record, "Sns");

		return read_inner(events, json_object_get(sns, "Message"), depth, error);
	}
	return malformed(error, "comes from none of aws:s3, aws:sqs and aws:sns");
}

static bool
read_root(AwsxS3Events *events, const json_t *root, int depth, AwsxError *error)
{
	const json_t *records = json_object_get(root, "Records");
	const json_t *record;
	size_t		i;

	if (json_is_array(records))
	{
		json_array_foreach(records, i, record)
		{
			if (!read_record(events, record, depth, error))
				return false;
		}
		return true;
	}
	if (text_member_is(root, "Type", "Notification"))
		return read_inner(events, json_object_get(root, "Message"), depth, error);
	if (text_member_is(root, "source", "aws.s3"))
		return read_eventbridge(events, root, error);
	if (text_member_is(root, "Event", "s3:TestEvent"))
	{
		events->test_events++;
		return true;
	}
	return awsx_error_set(error, AWSX_ERR_REQUEST,
						  "the event is none that is understood: expected an S3 notification (\"Records\"), an EventBridge event with \"source\" \"aws.s3\", an S3 test event, or one of them inside SQS or SNS");
}

static bool
read_document(AwsxS3Events *events, const char *json, size_t len, int depth, AwsxError *error)
{
	json_error_t problem;
	json_t	   *root;
	bool		done;

	if (depth > MAX_DEPTH)
		return awsx_error_set(error, AWSX_ERR_REQUEST,
							  "the event is wrapped in more than %d layers of SQS and SNS", MAX_DEPTH);
	root = json_loadb(json, len, JSON_ALLOW_NUL, &problem);
	if (root == NULL && json_error_code(&problem) == json_error_out_of_memory)
		return memory_error(error);

	/* jansson's own text would quote the event */
	if (root == NULL)
		return awsx_error_set(error, AWSX_ERR_REQUEST,
							  "the event is not JSON (byte %d of %zu%s): expected an S3 notification, an EventBridge event, or one of them inside SQS or SNS",
							  problem.position, len, depth > 1 ? " of what its envelope holds" : "");
	done = read_root(events, root, depth, error);
	json_decref(root);
	return done;
}

AwsxS3Events *
awsx_envelope_read(const char *json, size_t len, AwsxError *error)
{
	AwsxS3Events *events = calloc(1, sizeof(AwsxS3Events));

	if (events == NULL)
	{
		memory_error(error);
		return NULL;
	}
	if (read_document(events, json, len, 1, error))
		return events;
	awsx_envelope_free(events);
	return NULL;
}

void
awsx_envelope_free(AwsxS3Events *events)
{
	if (events == NULL)
		return;
	for (int i = 0; i < events->count; i++)
		free_event(&events->items[i]);
	for (int i = 0; i < events->message_count; i++)
		free(events->messages[i].id);
	free(events->messages);
	free(events->items);
	free(events);
}
