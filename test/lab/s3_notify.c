/*
 * s3_notify.c
 *		Notification configurations, and the events they cause.
 *
 * The rules of a configuration become JSON objects {"id", "arn", "events",
 * "prefix", "suffix"}.  A rule sends events of an object whose key fits to a
 * function, as an asynchronous invocation, or to a standard queue; a FIFO queue
 * is refused, as on AWS.  Targets are checked when the configuration is set,
 * and get a test event then.  With the element EventBridgeConfiguration events
 * of any kind and key go, in EventBridge's form, to the one target that a
 * control call sets.  The sequencer grows with every event of the lab; its
 * zeros at the end are left out, for sequencers are of any length and compare
 * as if they were there.
 */
#include "s3.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "lambda.h"
#include "service.h"
#include "sqs.h"
#include "xml.h"

static const struct
{
	const char *name;			/* in S3's form; the others are in EventBridge's */
	const char *detail_type;
	const char *reason;
	const char *deletion_type;	/* NULL for a creation */
}			events[] = {
	[S3_PUT] = {"s3:ObjectCreated:Put", "Object Created", "PutObject", NULL},
	[S3_DELETED] = {"s3:ObjectRemoved:Delete", "Object Deleted", "DeleteObject", "Permanently Deleted"},
	[S3_MARKED] = {"s3:ObjectRemoved:DeleteMarkerCreated", "Object Deleted", "DeleteObject", "Delete Marker Created"},
};

static SqsQueue *
standard_queue(const char *arn)
{
	SqsQueue   *queue = sqs_find_arn(arn);

	return queue != NULL && !queue->is_fifo ? queue : NULL;
}

static bool
is_target(const char *arn)
{
	return standard_queue(arn) != NULL || lambda_function_of_arn(arn) != NULL;
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

/* The rule of that element; NULL when it cannot be. */
static json_t *
read_rule(const json_t *element, const char *arn)
{
	const json_t *filter = xml_child(xml_child(element, "Filter"), "S3Key");
	json_t	   *wanted = json_object_get(element, "Event");
	char		id[UUID_TEXT];
	json_t	   *rule;
	size_t		i;
	json_t	   *item;

	if (!is_target(arn) || json_array_size(wanted) == 0)
		return NULL;
	json_array_foreach(wanted, i, item)
	{
		if (!json_is_string(item) || fnmatch("s3:*", json_string_value(item), 0) != 0)
			return NULL;
	}
	random_uuid(id);
	rule = json_pack("{s:s,s:s,s:O}", "id", xml_text(element, "Id") != NULL ? xml_text(element, "Id") : id,
					 "arn", arn, "events", wanted);
	json_array_foreach(json_object_get(filter, "FilterRule"), i, item)
	{
		const char *name = xml_text(item, "Name");

		json_object_set(rule, name != NULL && strcasecmp(name, "prefix") == 0 ? "prefix" : "suffix", xml_child(item, "Value"));
	}
	return rule;
}

/* All rules, in an array; NULL when one cannot be. */
static json_t *
read_rules(const json_t *configuration)
{
	static const char *const kinds[][2] = {
		{"CloudFunctionConfiguration", "CloudFunction"},
		{"CloudFunctionConfiguration", "LambdaFunctionArn"},
		{"QueueConfiguration", "Queue"},
	};
	json_t	   *rules = xml_child(configuration, "TopicConfiguration") == NULL ? json_array() : NULL;
	size_t		i;
	json_t	   *element;

	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
	{
		json_array_foreach(json_object_get(configuration, kinds[kind][0]), i, element)
		{
			const char *arn = xml_text(element, kinds[kind][1]);

			if (arn != NULL && json_array_append_new(rules, read_rule(element, arn)) != 0)
			{
				json_decref(rules);
				return NULL;
			}
		}
	}
	return rules;
}

static const char *
text_of(const json_t *rule, const char *name)
{
	const char *text = json_string_value(json_object_get(rule, name));

	return text != NULL ? text : "";
}

void
s3_put_notification(S3Call *call)
{
	json_t	   *root = s3_read_xml(call, "NotificationConfiguration");
	json_t	   *rules = read_rules(root);
	char		now[32];
	size_t		i;
	json_t	   *rule;

	if (root == NULL || rules == NULL)
	{
		if (root != NULL)
			s3_error(call->x, "InvalidArgument", json_pack("{s:s}", "Message", "Unable to validate the following destination configurations"));
		json_decref(root);
		json_decref(rules);
		return;
	}
	json_decref(call->bucket->notification);
	json_decref(call->bucket->rules);
	call->bucket->notification = root;
	call->bucket->rules = rules;
	format_iso_ms(now, clock_now_ms());
	json_array_foreach(rules, i, rule)
		deliver(text_of(rule, "arn"), json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "Service", "Amazon S3", "Event", "s3:TestEvent",
												"Time", now, "Bucket", call->bucket->name,
												"RequestId", call->x->request_id, "HostId", call->x->request_id));
	s3_answer(call->x, 200, NULL, NULL);
}

void
s3_get_notification(S3Call *call)
{
	s3_answer(call->x, 200, "NotificationConfiguration", json_incref(call->bucket->notification));
}

void
s3_set_eventbridge(Exchange *x, const char *bucket_name)
{
	S3Bucket   *bucket = s3_find_bucket(bucket_name);
	json_t	   *in = json_loadb(x->body.data, x->body.len, 0, NULL);
	const char *target = json_string_value(json_object_get(in, "target"));
	bool		sound = bucket != NULL && target != NULL && is_target(target);

	if (sound)
	{
		free(bucket->eventbridge);
		bucket->eventbridge = mem_strdup(target);
		http_answer_json(x, 200, "application/json", json_pack("{s:s,s:s}", "bucket", bucket_name, "target", target));
	}
	else
		http_answer_json(x, 400, "application/json", json_pack("{s:s,s:s}", "error", "bad_request", "message",
															   "a bucket in the path, and as target the ARN of a function or standard queue are expected"));
	json_decref(in);
}

/* The event against "s3:ObjectCreated:*" and the like, the key against the filter. */
static bool
rule_fits(const json_t *rule, const char *event, const char *key)
{
	const char *prefix = text_of(rule, "prefix");
	const char *suffix = text_of(rule, "suffix");
	size_t		i;
	json_t	   *pattern;

	if (strncmp(key, prefix, strlen(prefix)) != 0 || strlen(key) < strlen(suffix) ||
		strcmp(key + strlen(key) - strlen(suffix), suffix) != 0)
		return false;
	json_array_foreach(json_object_get(rule, "events"), i, pattern)
	{
		if (fnmatch(json_string_value(pattern), event, 0) == 0)
			return true;
	}
	return false;
}

/* Form encoding, in which the slash stays. */
static json_t *
form_encoded(const char *key)
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

typedef struct Happening
{
	const S3Call *call;
	S3Event		event;
	const S3Version *version;
	char		sequencer[17];
} Happening;

/* The two forms name the same things differently, and only S3's encodes the key. */
static json_t *
object_part(const Happening *what, bool eventbridge)
{
	bool		there = what->event == S3_PUT;
	bool		versioned = what->call->bucket->versioning != NULL;

	return json_pack("{s:o,s:o*,s:s*,s:s*,s:s}",
					 "key", eventbridge ? json_string(what->version->key) : form_encoded(what->version->key),
					 "size", there ? json_integer((json_int_t) s3_size(what->version)) : NULL,
					 eventbridge ? "etag" : "eTag", there ? what->version->etag : NULL,
					 eventbridge ? "version-id" : "versionId", versioned ? what->version->id : NULL,
					 "sequencer", what->sequencer);
}

static json_t *
s3_form(const Happening *what, const json_t *rule)
{
	const S3Bucket *bucket = what->call->bucket;
	const char *request_id = what->call->x->request_id;
	char		now[32];

	format_iso_ms(now, clock_now_ms());
	return json_pack("{s:[{s:s,s:s,s:s,s:s,s:s,s:{s:s},s:{s:s},s:{s:s,s:s},s:{s:s,s:s,s:{s:s,s:{s:s},s:o},s:o}}]}",
					 "Records", "eventVersion", "2.1", "eventSource", "aws:s3", "awsRegion", bucket->region,
					 "eventTime", now, "eventName", events[what->event].name + strlen("s3:"),
					 "userIdentity", "principalId", "AWS:AIDAEXAMPLE",
					 "requestParameters", "sourceIPAddress", "127.0.0.1",
					 "responseElements", "x-amz-request-id", request_id, "x-amz-id-2", request_id,
					 "s3", "s3SchemaVersion", "1.0", "configurationId", text_of(rule, "id"),
					 "bucket", "name", bucket->name, "ownerIdentity", "principalId", S3_OWNER,
					 "arn", json_sprintf("arn:aws:s3:::%s", bucket->name), "object", object_part(what, false));
}

static json_t *
eventbridge_form(const Happening *what)
{
	const S3Bucket *bucket = what->call->bucket;
	char		id[UUID_TEXT];
	char		now[32];

	random_uuid(id);
	format_time(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", clock_now_ms());
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:[o],s:{s:s,s:{s:s},s:o,s:s,s:s,s:s,s:s,s:s*}}",
					 "version", "0", "id", id, "detail-type", events[what->event].detail_type, "source", "aws.s3",
					 "account", cloud.account, "time", now, "region", bucket->region,
					 "resources", json_sprintf("arn:aws:s3:::%s", bucket->name),
					 "detail", "version", "0", "bucket", "name", bucket->name, "object", object_part(what, true),
					 "request-id", what->call->x->request_id, "requester", cloud.account,
					 "source-ip-address", "127.0.0.1", "reason", events[what->event].reason,
					 "deletion-type", events[what->event].deletion_type);
}

void
s3_notify(S3Call *call, S3Event event, const S3Version *version)
{
	static uint64_t sequencer;
	S3Bucket   *bucket = call->bucket;
	uint64_t	now = (uint64_t) clock_now_ms() << 16;
	Happening	what = {call, event, version, ""};
	size_t		i;
	json_t	   *rule;

	sequencer = now > sequencer ? now : sequencer + 1;
	snprintf(what.sequencer, sizeof(what.sequencer), "%016llX", (unsigned long long) sequencer);
	while ((i = strlen(what.sequencer)) > 0 && what.sequencer[i - 1] == '0')
		what.sequencer[i - 1] = '\0';
	json_array_foreach(bucket->rules, i, rule)
	{
		if (rule_fits(rule, events[event].name, version->key))
			deliver(text_of(rule, "arn"), s3_form(&what, rule));
	}
	if (bucket->eventbridge != NULL && xml_child(bucket->notification, "EventBridgeConfiguration") != NULL)
		deliver(bucket->eventbridge, eventbridge_form(&what));
}
