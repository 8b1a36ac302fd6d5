/*
 * s3_notify.c
 *		Notification configurations, and the events they cause.
 *
 * The configuration is kept as the tree it came as, and read anew for every
 * event.  A rule of it sends events of an object whose key fits its filter to a
 * function, as an asynchronous invocation, or to a standard queue; a FIFO queue
 * is refused, as on AWS.  Targets are checked when the configuration is set,
 * and get a test event then.  The sequencer grows with every event of the lab.
 */
#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "codec.h"
#include "lambda.h"
#include "service.h"
#include "sqs.h"

static const struct RuleKind
{
	const char *element;
	const char *arn;
}			kinds[] = {
	{"CloudFunctionConfiguration", "CloudFunction"},
	{"CloudFunctionConfiguration", "LambdaFunctionArn"},
	{"QueueConfiguration", "Queue"},
};

typedef void (*RuleVisit) (void *arg, json_t *rule, const char *arn);

static void
each_rule(const json_t *configuration, RuleVisit visit, void *arg)
{
	size_t		i;
	json_t	   *rule;

	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
	{
		json_array_foreach(json_object_get(configuration, kinds[kind].element), i, rule)
		{
			const char *arn = xml_text(rule, kinds[kind].arn);

			if (arn != NULL)
				visit(arg, rule, arn);
		}
	}
}

static SqsQueue *
standard_queue(const char *arn)
{
	SqsQueue   *queue = sqs_find_arn(arn);

	return queue != NULL && !queue->is_fifo ? queue : NULL;
}

/* A new document to the target of that ARN, if it still exists. */
static void
deliver(const char *arn, json_t *document)
{
	SqsQueue   *queue = standard_queue(arn);
	Function   *function = queue == NULL ? lambda_function_of_arn(arn) : NULL;
	char	   *text = json_dumps(document, JSON_COMPACT);

	if (queue != NULL)
		sqs_deliver(queue, text);
	else if (function != NULL)
		lambda_send_event(function, text, strlen(text));
	free(text);
	json_decref(document);
}

/* Clears *arg when the rule cannot be. */
static void
check_rule(void *arg, json_t *rule, const char *arn)
{
	json_t	   *events = json_object_get(rule, "Event");
	bool	   *sound = arg;
	char		id[UUID_TEXT];
	size_t		i;
	json_t	   *event;

	random_uuid(id);
	if (xml_text(rule, "Id") == NULL)
		json_object_set_new(rule, "Id", json_pack("[s]", id));
	*sound &= json_array_size(events) > 0 && (standard_queue(arn) != NULL || lambda_function_of_arn(arn) != NULL);
	json_array_foreach(events, i, event)
		*sound &= json_is_string(event) && strncmp(json_string_value(event), "s3:", 3) == 0;
}

static void
send_test_event(void *arg, json_t *rule, const char *arn)
{
	const S3Call *call = arg;
	char		now[32];

	(void) rule;
	format_iso_ms(now, clock_now_ms());
	deliver(arn, json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "Service", "Amazon S3", "Event", "s3:TestEvent",
						   "Time", now, "Bucket", call->bucket->name, "RequestId", call->x->request_id,
						   "HostId", call->x->request_id));
}

void
s3_put_notification(S3Call *call)
{
	json_t	   *root = s3_read_xml(call, "NotificationConfiguration");
	bool		sound = xml_child(root, "TopicConfiguration") == NULL;

	if (root == NULL)
		return;
	each_rule(root, check_rule, &sound);
	if (!sound)
	{
		json_decref(root);
		s3_error_text(call->x, "InvalidArgument", "Unable to validate the following destination configurations");
		return;
	}
	json_decref(call->bucket->notification);
	call->bucket->notification = root;
	each_rule(root, send_test_event, call);
	s3_answer_empty(call->x, 200);
}

void
s3_get_notification(S3Call *call)
{
	s3_answer_xml(call->x, 200, "NotificationConfiguration", json_incref(call->bucket->notification));
}

/* Does the key begin (or end) as the filter rule of that name says? */
static bool
key_fits(const json_t *rule, const char *key)
{
	const json_t *filter = xml_child(xml_child(rule, "Filter"), "S3Key");
	size_t		i;
	json_t	   *item;

	json_array_foreach(json_object_get(filter, "FilterRule"), i, item)
	{
		const char *name = xml_text(item, "Name");
		const char *value = xml_text(item, "Value") != NULL ? xml_text(item, "Value") : "";
		bool		prefix = name != NULL && strcasecmp(name, "prefix") == 0;
		size_t		at = prefix || strlen(value) > strlen(key) ? 0 : strlen(key) - strlen(value);

		if (prefix ? strncmp(key, value, strlen(value)) != 0 : strcmp(key + at, value) != 0)
			return false;
	}
	return true;
}

/* "s3:ObjectCreated:*" fits "ObjectCreated:Put". */
static bool
event_fits(const json_t *rule, const char *event)
{
	size_t		i;
	json_t	   *item;

	json_array_foreach(json_object_get(rule, "Event"), i, item)
	{
		const char *wanted = json_string_value(item) + strlen("s3:");
		size_t		len = strlen(wanted);

		if (strcmp(wanted, event) == 0 ||
			(len > 0 && wanted[len - 1] == '*' && strncmp(wanted, event, len - 1) == 0))
			return true;
	}
	return false;
}

/* Form encoding, in which the slash stays. */
static json_t *
event_key(const char *key)
{
	Buf			encoded = {0};
	json_t	   *text;

	percent_encode(&encoded, key, strlen(key), "/ ");
	for (size_t i = 0; i < encoded.len; i++)
		if (encoded.data[i] == ' ')
			encoded.data[i] = '+';
	text = json_stringn(encoded.data, encoded.len);
	buf_free(&encoded);
	return text;
}

static json_t *
object_part(const S3Bucket *bucket, const char *key, const S3Version *version)
{
	static uint64_t last_sequencer;
	uint64_t	sequencer = (uint64_t) clock_now_ms() << 16;
	json_t	   *object = json_pack("{s:o}", "key", event_key(key));

	if (sequencer <= last_sequencer)
		sequencer = last_sequencer + 1;
	last_sequencer = sequencer;
	if (version != NULL && !version->delete_marker)
	{
		json_object_set_new(object, "size", json_integer((json_int_t) version->blob->len));
		json_object_set_new(object, "eTag", json_string(version->etag));
	}
	if (version != NULL && bucket->versioning != VERSIONING_NEVER)
		json_object_set_new(object, "versionId", json_string(version->id));
	json_object_set_new(object, "sequencer", json_sprintf("%016llX", (unsigned long long) sequencer));
	return object;
}

/* What happened, for the visit of the rules. */
typedef struct Happening
{
	const Exchange *x;
	const S3Bucket *bucket;
	const char *key;
	const S3Version *version;
	const char *event;
} Happening;

static void
send_event(void *arg, json_t *rule, const char *arn)
{
	const Happening *what = arg;
	char		now[32];

	if (!key_fits(rule, what->key) || !event_fits(rule, what->event))
		return;
	format_iso_ms(now, clock_now_ms());
	deliver(arn, json_pack("{s:[{s:s,s:s,s:s,s:s,s:s,s:{s:s},s:{s:s},s:{s:s,s:s},s:{s:s,s:s,s:{s:s,s:{s:s},s:o},s:o}}]}",
						   "Records", "eventVersion", "2.1", "eventSource", "aws:s3", "awsRegion", cloud.region,
						   "eventTime", now, "eventName", what->event,
						   "userIdentity", "principalId", "AWS:AIDAEXAMPLE",
						   "requestParameters", "sourceIPAddress", "127.0.0.1",
						   "responseElements", "x-amz-request-id", what->x->request_id,
						   "x-amz-id-2", what->x->request_id,
						   "s3", "s3SchemaVersion", "1.0", "configurationId", xml_text(rule, "Id"),
						   "bucket", "name", what->bucket->name, "ownerIdentity", "principalId", "A3NL1KOZZKEXAMPLE",
						   "arn", json_sprintf("arn:aws:s3:::%s", what->bucket->name),
						   "object", object_part(what->bucket, what->key, what->version)));
}

void
s3_notify(const Exchange *x, S3Bucket *bucket, const char *key, const S3Version *version,
		  const char *event)
{
	Happening	what = {x, bucket, key, version, event};

	each_rule(bucket->notification, send_event, &what);
}
