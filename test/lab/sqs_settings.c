/*
 * sqs_settings.c
 *		Queue attributes: what may be set, to what, and what it means.
 *
 * One row per attribute.  Values arrive as strings, are checked as a whole
 * before any is applied, and stay strings: the other files read them by name.
 * Only what the model needs is copied to it.
 */
#include "sqs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Setting
{
	const char *name;
	const char *fallback;		/* NULL: the attribute is absent unless set */
	int64_t		least;
	int64_t		most;
	const char *choices;		/* instead of a number; each followed by a blank */
	bool		text;			/* instead of a number; "" removes it */
	bool		fifo_only;
} Setting;

#define BOOLEAN		"true false "

static const Setting settings[] = {
	{"VisibilityTimeout", "30", .most = 43200},
	{"DelaySeconds", "0", .most = 900},
	{"MaximumMessageSize", "1048576", .least = 1024, .most = SQS_MESSAGE_MAX},
	{"MessageRetentionPeriod", "345600", .least = 60, .most = 1209600},
	{"ReceiveMessageWaitTimeSeconds", "0", .most = 20},
	{"Policy", .text = true, .most = 8192},
	{"RedrivePolicy", .text = true, .most = 8192},
	{"RedriveAllowPolicy", .text = true, .most = 8192},
	{"KmsMasterKeyId", .text = true, .most = 2048},
	{"KmsDataKeyReusePeriodSeconds", .least = 60, .most = 86400},
	{"SqsManagedSseEnabled", "true", .choices = BOOLEAN},
	{"FifoQueue", "true", .choices = "true ", .fifo_only = true},
	{"ContentBasedDeduplication", "false", .choices = BOOLEAN, .fifo_only = true},
	{"DeduplicationScope", "queue", .choices = "queue messageGroup ", .fifo_only = true},
	{"FifoThroughputLimit", "perQueue", .choices = "perQueue perMessageGroupId ", .fifo_only = true},
	{.name = NULL}
};

static const Setting *
find_setting(const char *name)
{
	const Setting *setting = settings;

	while (setting->name != NULL && strcmp(setting->name, name) != 0)
		setting++;
	return setting->name != NULL ? setting : NULL;
}

static bool
is_number(const char *text, int64_t least, int64_t most)
{
	long long	value;

	errno = 0;
	value = strtoll(text, NULL, 10);
	return text[0] != '\0' && strspn(text, "0123456789") == strlen(text) && errno == 0 &&
		value >= least && value <= most;
}

static bool
is_choice(const char *text, const char *choices)
{
	size_t		len = strlen(text);

	for (const char *word = choices; *word != '\0'; word = strchr(word, ' ') + 1)
	{
		if (strncmp(word, text, len) == 0 && word[len] == ' ')
			return true;
	}
	return false;
}

/*
 * {"deadLetterTargetArn": "...", "maxReceiveCount": 5}, the count also as a
 * string.  NULL when it is not like that or there is no such queue.
 */
static SqsQueue *
read_redrive(const char *text, uint32_t *count)
{
	json_t	   *policy = json_loads(text, 0, NULL);
	const char *arn = json_string_value(json_object_get(policy, "deadLetterTargetArn"));
	json_t	   *limit = json_object_get(policy, "maxReceiveCount");
	long long	value = json_is_string(limit) ? atoll(json_string_value(limit)) : json_integer_value(limit);
	SqsQueue   *target = arn != NULL && value >= 1 && value <= 1000 ? sqs_find_arn(arn) : NULL;

	*count = (uint32_t) value;
	json_decref(policy);
	return target;
}

static bool
is_valid(const Setting *setting, const char *queue_name, bool fifo, const char *value)
{
	uint32_t	count;
	SqsQueue   *target;

	if (setting->choices != NULL)
		return is_choice(value, setting->choices);
	if (!setting->text)
		return is_number(value, setting->least, setting->most);
	if (strcmp(setting->name, "RedrivePolicy") != 0 || value[0] == '\0')
		return (int64_t) strlen(value) <= setting->most;
	target = read_redrive(value, &count);
	return target != NULL && target->is_fifo == fifo && strcmp(target->name, queue_name) != 0;
}

void
sqs_settings_check(SqsCall *call, const char *queue_name, const json_t *wanted)
{
	size_t		len = strlen(queue_name);
	bool		fifo = len > 5 && strcmp(queue_name + len - 5, ".fifo") == 0;
	const char *name;
	json_t	   *value;

	json_object_foreach((json_t *) wanted, name, value)
	{
		const Setting *setting = find_setting(name);

		if (!json_is_string(value))
			sqs_fail(call, "SerializationException", "Attribute %s must be a string", name);
		else if (setting == NULL || (setting->fifo_only && !fifo))
			sqs_fail(call, "InvalidAttributeName", "Unknown Attribute %s.", name);
		else if (!is_valid(setting, queue_name, fifo, json_string_value(value)))
			sqs_fail(call, setting->text ? "InvalidParameterValue" : "InvalidAttributeValue",
					 "Invalid value for the parameter %s.", name);
	}
}

int64_t
sqs_setting(const SqsQueue *queue, const char *name)
{
	return atoll(json_string_value(json_object_get(queue->attributes, name)));
}

void
sqs_settings_apply(SqsQueue *queue, const json_t *wanted)
{
	const char *policy;
	SqsQueue   *target = NULL;

	if (queue->attributes == NULL)
		queue->attributes = json_object();
	for (const Setting *setting = settings; setting->name != NULL; setting++)
	{
		json_t	   *value = json_object_get(wanted, setting->name);

		if (value != NULL && json_string_length(value) == 0)
			json_object_del(queue->attributes, setting->name);
		else if (value != NULL)
			json_object_set(queue->attributes, setting->name, value);
		else if (json_object_get(queue->attributes, setting->name) == NULL && (queue->is_fifo || !setting->fifo_only))
			sqs_set_text(queue->attributes, setting->name, setting->fallback);
	}
	policy = json_string_value(json_object_get(queue->attributes, "RedrivePolicy"));
	if (policy != NULL)
		target = read_redrive(policy, &queue->fifo->max_receive_count);
	queue->fifo->dead_letter = target != NULL ? target->fifo : NULL;
	queue->fifo->retention_ms = sqs_setting(queue, "MessageRetentionPeriod") * 1000;
	queue->modified_ms = clock_now_ms();
}

/* Those set, and those read only.  Messages behind a locked group count as visible (recorded). */
static json_t *
all_attributes(SqsQueue *queue)
{
	json_t	   *all = json_copy(queue->attributes);
	Fifo	   *fifo = queue->fifo;

	sqs_set_number(all, "ApproximateNumberOfMessages", (int64_t) (fifo->by_serial.count - fifo->hidden.count));
	sqs_set_number(all, "ApproximateNumberOfMessagesNotVisible", (int64_t) fifo_in_flight(fifo));
	sqs_set_number(all, "ApproximateNumberOfMessagesDelayed", (int64_t) fifo->n_delayed);
	sqs_set_number(all, "CreatedTimestamp", queue->created_ms / 1000);
	sqs_set_number(all, "LastModifiedTimestamp", queue->modified_ms / 1000);
	sqs_set_text(all, "QueueArn", queue->arn);
	return all;
}

void
sqs_get_attributes(SqsCall *call)
{
	json_t	   *names = sqs_list(call, "AttributeNames");
	json_t	   *name;
	json_t	   *all;
	json_t	   *chosen = json_object();
	size_t		i;

	fifo_expire(call->queue->fifo, clock_now_ms());
	all = all_attributes(call->queue);
	json_array_foreach(names, i, name)
	{
		const char *text = json_string_value(name);

		if (strcmp(text, "All") == 0)
			json_object_update(chosen, all);
		else if (json_object_get(all, text) != NULL)
			json_object_set(chosen, text, json_object_get(all, text));
		else if (find_setting(text) == NULL)
			sqs_fail(call, "InvalidAttributeName", "Unknown Attribute %s.", text);
	}
	if (json_object_size(chosen) > 0)
		json_object_set(call->out, "Attributes", chosen);
	json_decref(chosen);
	json_decref(all);
}

void
sqs_set_attributes(SqsCall *call)
{
	json_t	   *wanted = sqs_map(call, "Attributes");

	if (wanted == NULL)
		sqs_fail(call, "MissingParameter", "The request must contain the parameter Attributes.");
	else if (json_object_get(wanted, "FifoQueue") != NULL)
		sqs_fail(call, "InvalidAttributeName", "Unknown Attribute FifoQueue.");
	else
		sqs_settings_check(call, call->queue->name, wanted);
	if (call->error == NULL)
		sqs_settings_apply(call->queue, wanted);
}
