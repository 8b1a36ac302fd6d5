/*
 * sqs_settings.c
 *		Queue attributes: what may be set, to what, and what it means.
 *
 * One row per attribute.  Values arrive as strings, are checked as a whole
 * before any is applied, kept as strings for GetQueueAttributes, and copied
 * into the fields and options that the other files read.
 */
#include "sqs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef enum SettingType
{
	NUMBER,
	BOOLEAN,
	CHOICE,						/* one of the words in `choices` */
	JSON,						/* a document, or "" to remove it */
	TEXT
} SettingType;

typedef struct Setting
{
	const char *name;
	SettingType type;
	int64_t		least;
	int64_t		most;
	const char *choices;
	bool		fifo_only;
	bool		create_only;
	const char *standard_default;
	const char *fifo_default;
} Setting;

static const Setting settings[] = {
	{"VisibilityTimeout", NUMBER, 0, 43200, NULL, false, false, "30", "30"},
	{"DelaySeconds", NUMBER, 0, 900, NULL, false, false, "0", "0"},
	{"MaximumMessageSize", NUMBER, 1024, SQS_MESSAGE_MAX, NULL, false, false, "1048576", "1048576"},
	{"MessageRetentionPeriod", NUMBER, 60, 1209600, NULL, false, false, "345600", "345600"},
	{"ReceiveMessageWaitTimeSeconds", NUMBER, 0, 20, NULL, false, false, "0", "0"},
	{"Policy", JSON, 0, 8192, NULL, false, false, NULL, NULL},
	{"RedrivePolicy", JSON, 0, 8192, NULL, false, false, NULL, NULL},
	{"RedriveAllowPolicy", JSON, 0, 8192, NULL, false, false, NULL, NULL},
	{"KmsMasterKeyId", TEXT, 0, 2048, NULL, false, false, NULL, NULL},
	{"KmsDataKeyReusePeriodSeconds", NUMBER, 60, 86400, NULL, false, false, NULL, NULL},
	{"SqsManagedSseEnabled", BOOLEAN, 0, 0, NULL, false, false, "true", "true"},
	{"FifoQueue", BOOLEAN, 0, 0, NULL, true, true, NULL, "true"},
	{"ContentBasedDeduplication", BOOLEAN, 0, 0, NULL, true, false, NULL, "false"},
	{"DeduplicationScope", CHOICE, 0, 0, "queue messageGroup", true, false, NULL, "queue"},
	{"FifoThroughputLimit", CHOICE, 0, 0, "perQueue perMessageGroupId", true, false, NULL, "perQueue"},
};

#define N_SETTINGS	(sizeof(settings) / sizeof(settings[0]))

static const Setting *
find_setting(const char *name)
{
	for (size_t i = 0; i < N_SETTINGS; i++)
	{
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	}
	return NULL;
}

bool
sqs_settings_known(const char *name)
{
	static const char *const read_only[] = {
		"All", "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
		"ApproximateNumberOfMessagesDelayed", "CreatedTimestamp", "LastModifiedTimestamp", "QueueArn",
	};

	for (size_t i = 0; i < sizeof(read_only) / sizeof(read_only[0]); i++)
	{
		if (strcmp(read_only[i], name) == 0)
			return true;
	}
	return find_setting(name) != NULL;
}

json_t *
sqs_settings_defaults(bool fifo)
{
	json_t	   *defaults = json_object();

	for (size_t i = 0; i < N_SETTINGS; i++)
	{
		const char *value = fifo ? settings[i].fifo_default : settings[i].standard_default;

		if (value != NULL)
			json_object_set_new(defaults, settings[i].name, json_string(value));
	}
	return defaults;
}

static bool
is_number(const char *text, int64_t least, int64_t most)
{
	char	   *end;
	long long	value;

	errno = 0;
	value = strtoll(text, &end, 10);
	return text[0] != '\0' && strspn(text, "0123456789") == strlen(text) && *end == '\0' &&
		errno == 0 && value >= least && value <= most;
}

static bool
is_choice(const char *text, const char *choices)
{
	const char *found = text[0] != '\0' ? strstr(choices, text) : NULL;

	return found != NULL && (found == choices || found[-1] == ' ') &&
		(found[strlen(text)] == ' ' || found[strlen(text)] == '\0');
}

/* {"deadLetterTargetArn": "...", "maxReceiveCount": 5}, the count also as a string. */
static bool
read_redrive(const char *text, char *arn, size_t arn_size, uint32_t *count)
{
	json_t	   *policy = json_loads(text, 0, NULL);
	const char *target = json_string_value(json_object_get(policy, "deadLetterTargetArn"));
	json_t	   *limit = json_object_get(policy, "maxReceiveCount");
	long long	value = json_is_string(limit) ? atoll(json_string_value(limit)) : json_integer_value(limit);
	bool		valid = target != NULL && strlen(target) < arn_size && value >= 1 && value <= 1000;

	if (valid)
	{
		snprintf(arn, arn_size, "%s", target);
		*count = (uint32_t) value;
	}
	json_decref(policy);
	return valid;
}

static bool
redrive_is_sound(const char *queue_name, const char *text)
{
	char		arn[192];
	uint32_t	count;
	SqsQueue   *target;
	const char *suffix = strrchr(queue_name, '.');
	bool		fifo = suffix != NULL && strcmp(suffix, ".fifo") == 0;

	if (!read_redrive(text, arn, sizeof(arn), &count) || (target = sqs_find_arn(arn)) == NULL)
		return false;
	return target->is_fifo == fifo && strcmp(target->name, queue_name) != 0;
}

static bool
value_is_valid(const Setting *setting, const char *queue_name, const char *value)
{
	json_t	   *document;
	bool		valid;

	switch (setting->type)
	{
		case NUMBER:
			return is_number(value, setting->least, setting->most);
		case BOOLEAN:
			return strcasecmp(value, "true") == 0 || strcasecmp(value, "false") == 0;
		case CHOICE:
			return is_choice(value, setting->choices);
		case TEXT:
			return (int64_t) strlen(value) <= setting->most;
		case JSON:
			break;
	}
	if (value[0] == '\0')
		return true;
	if (strcmp(setting->name, "RedrivePolicy") == 0)
		return redrive_is_sound(queue_name, value);
	document = json_loads(value, 0, NULL);
	valid = json_is_object(document) && (int64_t) strlen(value) <= setting->most;
	json_decref(document);
	return valid;
}

bool
sqs_settings_check(const char *queue_name, const json_t *wanted, bool creating, SqsError *error)
{
	size_t		len = strlen(queue_name);
	bool		fifo = len > 5 && strcmp(queue_name + len - 5, ".fifo") == 0;
	const char *name;
	json_t	   *value;

	json_object_foreach((json_t *) wanted, name, value)
	{
		const Setting *setting = find_setting(name);

		if (!json_is_string(value))
			sqs_fail(error, SQS_SERIALIZATION, "Attribute %s must be a string", name);
		else if (setting == NULL || (setting->fifo_only && !fifo) || (setting->create_only && !creating))
			sqs_fail(error, SQS_INVALID_ATTRIBUTE_NAME, "Unknown Attribute %s.", name);
		else if (!value_is_valid(setting, queue_name, json_string_value(value)))
			sqs_fail(error, setting->type == JSON ? SQS_INVALID_PARAMETER : SQS_INVALID_ATTRIBUTE_VALUE,
					 "Invalid value for the parameter %s.", name);
		if (error->kind != SQS_OK)
			return false;
	}
	return true;
}

static bool
is_true(const json_t *attributes, const char *name)
{
	const char *value = json_string_value(json_object_get(attributes, name));

	return value != NULL && strcasecmp(value, "true") == 0;
}

static int64_t
number(const json_t *attributes, const char *name)
{
	const char *value = json_string_value(json_object_get(attributes, name));

	return value != NULL ? atoll(value) : 0;
}

static void
apply_redrive(SqsQueue *queue)
{
	const char *policy = json_string_value(json_object_get(queue->attributes, "RedrivePolicy"));
	char		arn[192];
	SqsQueue   *target = NULL;

	queue->fifo->options.dead_letter = NULL;
	if (policy != NULL && read_redrive(policy, arn, sizeof(arn), &queue->fifo->options.max_receive_count))
		target = sqs_find_arn(arn);
	if (target != NULL)
		queue->fifo->options.dead_letter = target->fifo;
}

void
sqs_settings_apply(SqsQueue *queue, const json_t *wanted)
{
	const char *name;
	json_t	   *value;

	json_object_foreach((json_t *) wanted, name, value)
	{
		if (json_string_length(value) == 0)
			json_object_del(queue->attributes, name);
		else
			json_object_set(queue->attributes, name, value);
	}
	queue->visibility_s = number(queue->attributes, "VisibilityTimeout");
	queue->delay_s = number(queue->attributes, "DelaySeconds");
	queue->wait_s = number(queue->attributes, "ReceiveMessageWaitTimeSeconds");
	queue->message_max = number(queue->attributes, "MaximumMessageSize");
	queue->content_dedup = is_true(queue->attributes, "ContentBasedDeduplication");
	queue->fifo->options.retention_ms = number(queue->attributes, "MessageRetentionPeriod") * 1000;
	apply_redrive(queue);
	queue->modified_ms = clock_now_ms();
}
