/*
 * steered_sqs.c
 *	  The deeds at SQS.
 */
#include "steered.h"

#include <stdlib.h>
#include <string.h>

#include "sqs.h"

/* {"name": ["type", "value"]} */
static int
read_attributes(const json_t *object, AwsxSqsAttribute *attributes)
{
	int			count = 0;
	const char *name;
	json_t	   *pair;

	json_object_foreach((json_t *) object, name, pair)
	{
		const json_t *value = json_array_get(pair, 1);

		if (count < 10)
			attributes[count++] = (AwsxSqsAttribute) {
			.name = name,
			.type = json_string_value(json_array_get(pair, 0)),
			.value = json_string_value(value),
			.value_len = json_string_length(value)
		};
	}
	return count;
}

static json_t *
describe_outcomes(const AwsxSqsOutcome *outcomes, int count)
{
	json_t	   *list = json_array();

	for (int i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:b, s:s, s:s, s:s}", "ok", outcomes[i].ok, "code", outcomes[i].code,
											  "id", outcomes[i].message_id, "message", outcomes[i].message));
	return json_pack("{s:o}", "entries", list);
}

static json_t *
do_send(Steered *steered, const json_t *request, AwsxError *error)
{
	const json_t *list = json_object_get(request, "entries");
	AwsxSqsSend entries[AWSX_SQS_BATCH] = {{0}};
	AwsxSqsAttribute attributes[AWSX_SQS_BATCH][10];
	AwsxSqsOutcome outcomes[AWSX_SQS_BATCH];
	AwsxHttpRequest out;
	AwsxHttpResponse answer;
	int			count = (int) json_array_size(list);
	bool		made;
	bool		read;

	for (int i = 0; i < count && i < AWSX_SQS_BATCH; i++)
	{
		const json_t *entry = json_array_get(list, (size_t) i);
		const json_t *body = json_object_get(entry, "body");

		entries[i] = (AwsxSqsSend) {
			.body = json_string_value(body),
			.body_len = json_string_length(body),
			.group_id = text_of(entry, "group"),
			.dedup_id = text_of(entry, "dedup"),
			.attributes = attributes[i]
		};
		entries[i].attribute_count = read_attributes(json_object_get(entry, "attributes"), attributes[i]);
	}
	made = awsx_sqs_send_batch_request(&steered->sqs, text_of(request, "queue"), entries, count, &out, error);
	if (!run_request(steered, &steered->sqs, made, &out, &answer, error))
		return NULL;
	read = awsx_sqs_send_batch_answer(&answer, entries, count, outcomes, error);
	awsx_http_response_free(&answer);
	return read ? describe_outcomes(outcomes, count) : NULL;
}

static json_t *
describe_message(const AwsxSqsMessage *message)
{
	json_t	   *attributes = json_object();

	for (int i = 0; i < message->attribute_count; i++)
	{
		const AwsxSqsAttribute *attribute = &message->attributes[i];

		json_object_set_new(attributes, attribute->name,
							json_pack("[s, o]", attribute->type, hex_of(attribute->value, attribute->value_len)));
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:o}", "body", message->body, "handle", message->receipt_handle,
					 "group", message->group_id, "dedup", message->dedup_id, "receives", message->receive_count,
					 "attributes", attributes);
}

static json_t *
do_receive(Steered *steered, const json_t *request, AwsxError *error)
{
	AwsxSqsReceive receive = {
		.max_messages = (int) number_of(request, "max", 10),
		.wait_seconds = (int) number_of(request, "wait", 0),
		.visibility_seconds = -1,
		.attempt_id = text_of(request, "attempt")
	};
	AwsxHttpRequest out;
	AwsxHttpResponse answer;
	AwsxSqsMessages *messages;
	json_t	   *list;
	bool		made = awsx_sqs_receive_request(&steered->sqs, text_of(request, "queue"), &receive, &out, error);

	if (!run_request(steered, &steered->sqs, made, &out, &answer, error))
		return NULL;
	messages = awsx_sqs_receive_answer(&answer, error);
	awsx_http_response_free(&answer);
	if (messages == NULL)
		return NULL;
	list = json_array();
	for (int i = 0; i < messages->count; i++)
		json_array_append_new(list, describe_message(&messages->items[i]));
	awsx_sqs_messages_free(messages);
	return json_pack("{s:o}", "messages", list);
}

/* "settle": delete, or change the visibility where seconds are given. */
static json_t *
do_settle(Steered *steered, const json_t *request, AwsxError *error)
{
	const json_t *list = json_object_get(request, "handles");
	const char *handles[AWSX_SQS_BATCH];
	int			seconds[AWSX_SQS_BATCH];
	AwsxSqsOutcome outcomes[AWSX_SQS_BATCH];
	AwsxHttpRequest out;
	AwsxHttpResponse answer;
	int			count = (int) json_array_size(list);
	int			wanted = (int) number_of(request, "seconds", -1);
	bool		done;

	for (int i = 0; i < count && i < AWSX_SQS_BATCH; i++)
	{
		handles[i] = json_string_value(json_array_get(list, (size_t) i));
		seconds[i] = wanted;
	}
	if (wanted < 0)
		done = awsx_sqs_delete_batch_request(&steered->sqs, text_of(request, "queue"), handles, count, &out, error);
	else
		done = awsx_sqs_visibility_batch_request(&steered->sqs, text_of(request, "queue"), handles, seconds, count, &out, error);
	if (!run_request(steered, &steered->sqs, done, &out, &answer, error))
		return NULL;
	done = awsx_sqs_batch_answer(&answer, count, outcomes, error);
	awsx_http_response_free(&answer);
	return done ? describe_outcomes(outcomes, count) : NULL;
}

static json_t *
do_queue_url(Steered *steered, const json_t *request, AwsxError *error)
{
	AwsxHttpRequest out;
	AwsxHttpResponse answer;
	char	   *url;
	json_t	   *result;
	bool		made = awsx_sqs_queue_url_request(&steered->sqs, text_of(request, "name"), &out, error);

	if (!run_request(steered, &steered->sqs, made, &out, &answer, error))
		return NULL;
	url = awsx_sqs_queue_url_answer(&answer, error);
	awsx_http_response_free(&answer);
	result = url == NULL ? NULL : json_pack("{s:s}", "url", url);
	free(url);
	return result;
}

static json_t *
do_attributes(Steered *steered, const json_t *request, AwsxError *error)
{
	AwsxHttpRequest out;
	AwsxHttpResponse answer;
	AwsxSqsAttributes *attributes;
	json_t	   *result = NULL;
	bool		made = awsx_sqs_attributes_request(&steered->sqs, text_of(request, "queue"), &out, error);

	if (!run_request(steered, &steered->sqs, made, &out, &answer, error))
		return NULL;
	attributes = awsx_sqs_attributes_answer(&answer, error);
	awsx_http_response_free(&answer);
	if (attributes != NULL)
		result = json_pack("{s:s*}", "arn", awsx_sqs_attribute(attributes, "QueueArn"));
	awsx_sqs_attributes_free(attributes);
	return result;
}

const NamedDeed sqs_deeds[] = {
	{"send", do_send}, {"receive", do_receive}, {"settle", do_settle}, {"queue_url", do_queue_url},
	{"attributes", do_attributes}, {NULL, NULL}
};
