/*
 * config_rules.c
 *	  One setter a rule: a text that the operator wrote becomes a checked
 *	  member of the configuration.
 *
 * The table at the end is the only list of settings; both forms of the
 * configuration walk it.
 */
#include <stdlib.h>
#include <string.h>

#include "../aws/sqs.h"
#include "config_rules.h"

/* ---- queues ---- */

bool
config_set_queue(ConfigOutput *output, const char *where, const char *url, AwsxError *error)
{
	if (!setting_is_url(url))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s must be the URL of an SQS queue, such as "
							  "https://sqs.eu-west-1.amazonaws.com/123456789012/name.fifo", where);
	if (!awsx_sqs_is_fifo(url))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s must name a FIFO queue (its name ends in \".fifo\"): a standard "
							  "queue keeps neither order nor deduplication ids", where);
	return setting_copy(&output->queue_url, url, error);
}

static bool
set_standard_queue(char **target, const char *where, const char *url, AwsxError *error)
{
	if (!setting_is_url(url) || awsx_sqs_is_fifo(url))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s must be the URL of a standard SQS queue (its name does not end in \".fifo\"), "
							  "such as https://sqs.eu-west-1.amazonaws.com/123456789012/name", where);
	return setting_copy(target, url, error);
}

static bool
set_handover(Config *config, const char *where, const char *text, AwsxError *error)
{
	return set_standard_queue(&config->handover_queue_url, where, text, error);
}

/* ---- places in S3 ---- */

static bool
set_reject(Config *config, const char *where, const char *text, AwsxError *error)
{
	if (setting_is_url(text))
		return set_standard_queue(&config->reject_queue_url, where, text, error);
	return setting_place(&config->reject_bucket, &config->reject_prefix, where,
					 ", or be the URL of a standard SQS queue", text, error);
}

static bool
set_receipts(Config *config, const char *where, const char *text, AwsxError *error)
{
	return setting_place(&config->receipts_bucket, &config->receipts_prefix, where, "", text, error);
}

/* ---- programs ---- */

bool
config_set_program(ConfigOutput *output, const char *text_where, const char *text,
				   const char *file_where, const char *file, AwsxError *error)
{
	const char *rest;

	if (text != NULL && file != NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "%s and %s exclude each other: give one",
							  text_where, file_where);
	if (file == NULL)
		return setting_copy(&output->program, text != NULL ? text : CONFIG_DEFAULT_PROGRAM, error);
	if (strncmp(file, "s3://", 5) == 0)
	{
		rest = setting_s3_rest(file);
		if (rest == NULL || *rest == '\0' || strlen(rest) > 1024)
			return awsx_error_set(error, AWSX_ERR_CONFIG,
								  "%s must be the path of a file or have the form s3://bucket/key", file_where);
		return setting_copy(&output->program_url, file, error);
	}
	free(output->program);
	output->program = setting_read_file(file_where, file, error);
	return output->program != NULL;
}

/* ---- numbers and words ---- */

static bool
set_max_object(Config *config, const char *where, const char *text, AwsxError *error)
{
	return setting_size(&config->max_object_bytes, where, text, 1, CONFIG_MAX_OBJECT_BYTES, error);
}

static bool
set_max_record(Config *config, const char *where, const char *text, AwsxError *error)
{
	return setting_size(&config->max_record_bytes, where, text, 1, CONFIG_MAX_RECORD_BYTES, error);
}

static bool
set_poll_visibility(Config *config, const char *where, const char *text, AwsxError *error)
{
	return setting_small(&config->poll.visibility_seconds, where, text, 10, 43200, "seconds", error);
}

static bool
set_poll_wait(Config *config, const char *where, const char *text, AwsxError *error)
{
	return setting_small(&config->poll.wait_seconds, where, text, 0, AWSX_SQS_MAX_WAIT, "seconds", error);
}

static bool
set_poll_messages(Config *config, const char *where, const char *text, AwsxError *error)
{
	return setting_small(&config->poll.max_messages, where, text, 1, AWSX_SQS_BATCH, "messages", error);
}

static bool
set_log_level(Config *config, const char *where, const char *text, AwsxError *error)
{
	return setting_log_level(&config->log_level, where, text, error);
}

/* ---- policies ---- */

static bool
set_policy(ConfigPolicy *target, const char *where, const char *text, AwsxError *error)
{
	static const char *const words[] =
	{[CONFIG_REJECT] = "reject",[CONFIG_FAIL] = "fail",[CONFIG_SKIP] = "skip"};

	for (int i = CONFIG_REJECT; i <= CONFIG_SKIP; i++)
	{
		if (strcmp(words[i], text) == 0)
		{
			*target = (ConfigPolicy) i;
			return true;
		}
	}
	return awsx_error_set(error, AWSX_ERR_CONFIG, "%s must be reject, fail or skip", where);
}

static bool
set_on_missing(Config *config, const char *where, const char *text, AwsxError *error)
{
	return set_policy(&config->policies.missing, where, text, error);
}

static bool
set_on_archived(Config *config, const char *where, const char *text, AwsxError *error)
{
	return set_policy(&config->policies.archived, where, text, error);
}

static bool
set_on_denied(Config *config, const char *where, const char *text, AwsxError *error)
{
	return set_policy(&config->policies.denied, where, text, error);
}

static bool
set_on_throttled(Config *config, const char *where, const char *text, AwsxError *error)
{
	return set_policy(&config->policies.throttled, where, text, error);
}

static bool
set_on_corrupt(Config *config, const char *where, const char *text, AwsxError *error)
{
	return set_policy(&config->policies.corrupt, where, text, error);
}

/* ---- metrics ---- */

static bool
set_namespace(Config *config, const char *where, const char *text, AwsxError *error)
{
	return setting_namespace(&config->metrics, where, text, error);
}

/* "name=value,name=value" */
static bool
set_dimensions(Config *config, const char *where, const char *text, AwsxError *error)
{
	char	   *copy = strdup(text);
	char	   *rest = copy;
	char	   *pair;
	bool		done = true;

	if (copy == NULL)
		return setting_no_memory(error);
	while (done && (pair = strsep(&rest, ",")) != NULL)
	{
		char	   *equals = strchr(pair, '=');

		if (equals == NULL)
			done = awsx_error_set(error, AWSX_ERR_CONFIG, "%s must have the form name=value,name=value", where);
		else
		{
			*equals = '\0';
			done = setting_dimension(&config->metrics, where, pair, equals + 1, error);
		}
	}
	free(copy);
	return done;
}

const ConfigSetting config_settings[] = {
	{NULL, "reject", "REJECT_URL", set_reject, false},
	{NULL, "receipts", "RECEIPTS_URL", set_receipts, false},
	{NULL, "handover_queue_url", "HANDOVER_QUEUE_URL", set_handover, false},
	{NULL, "max_object_bytes", "MAX_OBJECT_BYTES", set_max_object, true},
	{NULL, "max_record_bytes", "MAX_RECORD_BYTES", set_max_record, true},
	{NULL, "log_level", NULL, set_log_level, false},
	{"policies", "missing", "ON_MISSING", set_on_missing, false},
	{"policies", "archived", "ON_ARCHIVED", set_on_archived, false},
	{"policies", "denied", "ON_DENIED", set_on_denied, false},
	{"policies", "throttled", "ON_THROTTLED", set_on_throttled, false},
	{"policies", "corrupt", "ON_CORRUPT", set_on_corrupt, false},
	{"poll", "visibility_seconds", "POLL_VISIBILITY_SECONDS", set_poll_visibility, true},
	{"poll", "wait_seconds", "POLL_WAIT_SECONDS", set_poll_wait, true},
	{"poll", "max_messages", "POLL_MAX_MESSAGES", set_poll_messages, true},
	{NULL, NULL, "METRICS_NAMESPACE", set_namespace, false},
	{NULL, NULL, "METRICS_DIMENSIONS", set_dimensions, false},
	{NULL, NULL, NULL, NULL, false}
};
