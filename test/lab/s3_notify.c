/*
 * s3_notify.c
 *		Notification configurations, and the events they cause.
 *
 * A rule sends events of an object whose key fits its filter to a function, as
 * an asynchronous invocation, or to a standard queue; a FIFO queue is refused,
 * as on AWS.  Targets are checked when the configuration is set, and get a
 * test event then.  The sequencer grows with every event of the lab.
 */
#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "codec.h"
#include "journal.h"
#include "lambda.h"
#include "service.h"
#include "sqs.h"

#define XML_HEAD	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

static void
free_rules(S3Rule *rule)
{
	while (rule != NULL)
	{
		S3Rule	   *next = rule->next;

		free(rule->id);
		free(rule->arn);
		free(rule->prefix);
		free(rule->suffix);
		json_decref(rule->events);
		free(rule);
		rule = next;
	}
}

void
s3_free_rules(S3Bucket *bucket)
{
	free_rules(bucket->rules);
	bucket->rules = NULL;
}

static void
read_filter(S3Rule *rule, const XmlNode *node)
{
	const XmlNode *filter = xml_child(xml_child(node, "Filter"), "S3Key");

	for (const XmlNode *item = xml_child(filter, "FilterRule"); item != NULL; item = xml_again(item))
	{
		const char *name = xml_text(item, "Name");
		char	  **field = name != NULL && strcasecmp(name, "prefix") == 0 ? &rule->prefix : &rule->suffix;

		free(*field);
		*field = mem_strdup(xml_text(item, "Value") != NULL ? xml_text(item, "Value") : "");
	}
}

static S3Rule *
read_rule(const XmlNode *node, const char *arn_name, bool to_queue)
{
	S3Rule	   *rule = mem_zalloc(sizeof(S3Rule));
	const char *id = xml_text(node, "Id");
	const char *arn = xml_text(node, arn_name);
	char		made_up[UUID_TEXT];

	random_uuid(made_up);
	rule->id = mem_strdup(id != NULL ? id : made_up);
	rule->arn = mem_strdup(arn != NULL ? arn : "");
	rule->to_queue = to_queue;
	rule->prefix = mem_strdup("");
	rule->suffix = mem_strdup("");
	rule->events = json_array();
	for (const XmlNode *event = xml_child(node, "Event"); event != NULL; event = xml_again(event))
		json_array_append_new(rule->events, json_string(event->text.data));
	read_filter(rule, node);
	return rule;
}

static SqsQueue *
standard_queue(const char *arn)
{
	SqsQueue   *queue = sqs_find_arn(arn);

	return queue != NULL && !queue->is_fifo ? queue : NULL;
}

static bool
rule_is_sound(const S3Rule *rule)
{
	size_t		i;
	json_t	   *event;

	json_array_foreach(rule->events, i, event)
	{
		if (strncmp(json_string_value(event), "s3:", 3) != 0)
			return false;
	}
	if (i == 0 || !utf8_valid(rule->id, strlen(rule->id)))
		return false;
	return rule->to_queue ? standard_queue(rule->arn) != NULL : lambda_function_of_arn(rule->arn) != NULL;
}

static void
deliver(const S3Rule *rule, const char *text)
{
	if (rule->to_queue)
	{
		SqsQueue   *queue = standard_queue(rule->arn);

		if (queue != NULL)
			sqs_deliver(queue, text);
	}
	else
		lambda_send_event(lambda_function_of_arn(rule->arn), text, strlen(text));
}

static void
send_test_event(const Exchange *x, const S3Bucket *bucket, const S3Rule *rule)
{
	char		now[32];
	json_t	   *event;
	char	   *text;

	format_iso_ms(now, clock_now_ms());
	event = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "Service", "Amazon S3", "Event", "s3:TestEvent",
					  "Time", now, "Bucket", bucket->name, "RequestId", x->request_id,
					  "HostId", x->request_id);
	text = json_dumps(event, JSON_COMPACT);
	deliver(rule, text);
	free(text);
	json_decref(event);
}

/* The rules of a configuration, in order; *sound is false when one of them is not. */
static S3Rule *
read_rules(const XmlNode *root, bool *sound)
{
	static const struct
	{
		const char *element;
		const char *arn;
		bool		to_queue;
	}			kinds[] = {
		{"CloudFunctionConfiguration", "CloudFunction", false},
		{"CloudFunctionConfiguration", "LambdaFunctionArn", false},
		{"QueueConfiguration", "Queue", true},
	};
	S3Rule	   *rules = NULL;
	S3Rule	  **last = &rules;

	*sound = xml_child(root, "TopicConfiguration") == NULL;
	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
	{
		for (const XmlNode *node = xml_child(root, kinds[kind].element); node != NULL; node = xml_again(node))
		{
			if (xml_text(node, kinds[kind].arn) == NULL)
				continue;
			*last = read_rule(node, kinds[kind].arn, kinds[kind].to_queue);
			*sound &= rule_is_sound(*last);
			last = &(*last)->next;
		}
	}
	return rules;
}

void
s3_put_notification(S3Call *call)
{
	XmlNode    *root = s3_read_xml(call, "NotificationConfiguration");
	S3Rule	   *rules;
	bool		sound;

	if (root == NULL)
		return;
	rules = read_rules(root, &sound);
	xml_free(root);
	if (!sound)
	{
		free_rules(rules);
		s3_error_text(call->x, 400, "InvalidArgument", "Unable to validate the following destination configurations");
		return;
	}
	s3_free_rules(call->bucket);
	call->bucket->rules = rules;
	for (const S3Rule *rule = rules; rule != NULL; rule = rule->next)
		send_test_event(call->x, call->bucket, rule);
	s3_answer_empty(call->x, 200);
}

static void
add_filter(Buf *body, const char *name, const char *value)
{
	if (value[0] == '\0')
		return;
	buf_adds(body, "<FilterRule>");
	xml_add(body, "Name", name);
	xml_add(body, "Value", value);
	buf_adds(body, "</FilterRule>");
}

static void
add_rule(Buf *body, const S3Rule *rule)
{
	const char *element = rule->to_queue ? "QueueConfiguration" : "CloudFunctionConfiguration";
	size_t		i;
	json_t	   *event;

	buf_addf(body, "<%s>", element);
	xml_add(body, "Id", rule->id);
	xml_add(body, rule->to_queue ? "Queue" : "CloudFunction", rule->arn);
	json_array_foreach(rule->events, i, event)
		xml_add(body, "Event", json_string_value(event));
	if (rule->prefix[0] != '\0' || rule->suffix[0] != '\0')
	{
		buf_adds(body, "<Filter><S3Key>");
		add_filter(body, "Prefix", rule->prefix);
		add_filter(body, "Suffix", rule->suffix);
		buf_adds(body, "</S3Key></Filter>");
	}
	buf_addf(body, "</%s>", element);
}

void
s3_get_notification(S3Call *call)
{
	Buf			body = {0};

	buf_adds(&body, XML_HEAD "<NotificationConfiguration xmlns=\"" S3_XMLNS "\">");
	for (const S3Rule *rule = call->bucket->rules; rule != NULL; rule = rule->next)
		add_rule(&body, rule);
	buf_adds(&body, "</NotificationConfiguration>");
	s3_answer_xml(call->x, 200, &body);
}

/* "s3:ObjectCreated:*" fits "ObjectCreated:Put". */
static bool
rule_fits(const S3Rule *rule, const char *key, const char *event)
{
	size_t		key_len = strlen(key);
	size_t		suffix_len = strlen(rule->suffix);
	size_t		i;
	json_t	   *item;

	if (strncmp(key, rule->prefix, strlen(rule->prefix)) != 0 || key_len < suffix_len ||
		strcmp(key + key_len - suffix_len, rule->suffix) != 0)
		return false;
	json_array_foreach(rule->events, i, item)
	{
		const char *wanted = json_string_value(item) + 3;
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

static json_t *
event_record(const Exchange *x, const S3Bucket *bucket, const char *key, const S3Version *version,
			 const char *event, const S3Rule *rule)
{
	char		now[32];
	char		arn[96];

	format_iso_ms(now, clock_now_ms());
	snprintf(arn, sizeof(arn), "arn:aws:s3:::%s", bucket->name);
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:{s:s},s:{s:s},s:{s:s,s:s},s:{s:s,s:s,s:{s:s,s:{s:s},s:s},s:o}}",
					 "eventVersion", "2.1", "eventSource", "aws:s3", "awsRegion", cloud.region,
					 "eventTime", now, "eventName", event,
					 "userIdentity", "principalId", "AWS:AIDAEXAMPLE",
					 "requestParameters", "sourceIPAddress", "127.0.0.1",
					 "responseElements", "x-amz-request-id", x->request_id, "x-amz-id-2", x->request_id,
					 "s3", "s3SchemaVersion", "1.0", "configurationId", rule->id,
					 "bucket", "name", bucket->name, "ownerIdentity", "principalId", "A3NL1KOZZKEXAMPLE",
					 "arn", arn, "object", object_part(bucket, key, version));
}

void
s3_notify(const Exchange *x, S3Bucket *bucket, const char *key, const S3Version *version,
		  const char *event)
{
	for (const S3Rule *rule = bucket->rules; rule != NULL; rule = rule->next)
	{
		json_t	   *document;
		char	   *text;

		if (!rule_fits(rule, key, event))
			continue;
		document = json_pack("{s:[o]}", "Records", event_record(x, bucket, key, version, event, rule));
		text = json_dumps(document, JSON_COMPACT);
		if (text != NULL)
			deliver(rule, text);
		free(text);
		json_decref(document);
	}
}
