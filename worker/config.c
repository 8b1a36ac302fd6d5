/*
 * config.c
 *	  What s3_to_sqs is to do, read from the environment and checked once.
 *
 * Both forms fill the same struct through the same setters, so a rule is
 * checked in one place.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_rules.h"

/* An environment variable; null when unset or empty. */
static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

/* The variables of the one output of the short form. */
static bool
read_short_output(Config *config, AwsxError *error)
{
	const char *url = variable("QUEUE_URL");
	const char *group = variable("GROUP_EXPRESSION");
	const char *dedup = variable("DEDUP_EXPRESSION");
	ConfigOutput *output;

	if (url == NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "set QUEUE_URL (one output), or S3_TO_SQS_CONFIG (any number of outputs)");
	config->outputs = output = calloc(1, sizeof(ConfigOutput));
	if (output == NULL)
		return setting_no_memory(error);
	config->output_count = 1;
	return setting_copy(&output->name, "default", error) &&
		config_set_queue(output, "QUEUE_URL", url, error) &&
		config_set_program(output, "JQ_PROGRAM", variable("JQ_PROGRAM"), "JQ_FILE", variable("JQ_FILE"),
						   error) &&
		setting_copy(&output->group, group != NULL ? group : CONFIG_DEFAULT_GROUP, error) &&
		(dedup == NULL || setting_copy(&output->dedup, dedup, error));
}

/* The settings that are given as variables. */
static bool
read_variables(Config *config, AwsxError *error)
{
	for (const ConfigSetting *setting = config_settings; setting->set != NULL; setting++)
	{
		const char *text = setting->variable != NULL ? variable(setting->variable) : NULL;

		if (text != NULL && !setting->set(config, setting->variable, text, error))
			return false;
	}
	return true;
}

/* A variable that is set beside S3_TO_SQS_CONFIG, where everything has its place, or null. */
static const char *
rival_variable(void)
{
	static const char *const names[] =
	{"QUEUE_URL", "JQ_PROGRAM", "JQ_FILE", "GROUP_EXPRESSION", "DEDUP_EXPRESSION", NULL};

	for (const char *const *name = names; *name != NULL; name++)
	{
		if (variable(*name) != NULL)
			return *name;
	}
	for (const ConfigSetting *setting = config_settings; setting->set != NULL; setting++)
	{
		if (setting->variable != NULL && variable(setting->variable) != NULL)
			return setting->variable;
	}
	return NULL;
}

/* The document's text, or the path of a file that holds it. */
static bool
read_document(Config *config, const char *value, AwsxError *error)
{
	char	   *text;
	bool		done;

	if (rival_variable() != NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "S3_TO_SQS_CONFIG and %s exclude each other: unset one",
							  rival_variable());
	if (value[strspn(value, " \t\r\n")] == '{')
		return config_read_document(config, value, error);
	text = setting_read_file("S3_TO_SQS_CONFIG", value, error);
	if (text == NULL)
		return error->kind != AWSX_OK ? false : setting_no_memory(error);
	done = config_read_document(config, text, error);
	free(text);
	return done;
}

/* Whoever lists one of the two must not find the other. */
static bool
check_places(const Config *config, AwsxError *error)
{
	if (setting_within(config->reject_bucket, config->reject_prefix, config->receipts_bucket, config->receipts_prefix) ||
		setting_within(config->receipts_bucket, config->receipts_prefix, config->reject_bucket, config->reject_prefix))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the reject location and the receipts location overlap: give them different prefixes");
	return true;
}

static bool
fill(Config *config, AwsxError *error)
{
	const char *document = variable("S3_TO_SQS_CONFIG");

	config->max_object_bytes = CONFIG_DEFAULT_OBJECT_BYTES;
	config->max_record_bytes = CONFIG_DEFAULT_RECORD_BYTES;
	config->policies = (ConfigPolicies) {
		.missing = CONFIG_REJECT,.denied = CONFIG_FAIL,.throttled = CONFIG_FAIL,.corrupt = CONFIG_REJECT
	};
	config->poll = (ConfigPoll) {
		.visibility_seconds = 900,.wait_seconds = 20,.max_messages = 1
	};
	if (!setting_copy(&config->metrics.name_space, "pg_sqs", error))
		return false;
	if (document != NULL ? !read_document(config, document, error) :
		!read_short_output(config, error) || !read_variables(config, error))
		return false;
	return check_places(config, error);
}

Config *
config_read(AwsxError *error)
{
	Config	   *config = calloc(1, sizeof(Config));

	awsx_error_clear(error);
	if (config == NULL)
	{
		setting_no_memory(error);
		return NULL;
	}
	if (fill(config, error))
		return config;
	config_free(config);
	return NULL;
}

static void
free_output(ConfigOutput *output)
{
	free(output->name);
	free(output->queue_url);
	free(output->program);
	free(output->program_url);
	free(output->group);
	free(output->dedup);
}

void
config_free(Config *config)
{
	if (config == NULL)
		return;
	for (int i = 0; i < config->output_count; i++)
		free_output(&config->outputs[i]);
	free(config->outputs);
	free(config->reject_bucket);
	free(config->reject_prefix);
	free(config->reject_queue_url);
	free(config->receipts_bucket);
	free(config->receipts_prefix);
	free(config->handover_queue_url);
	setting_metrics_free(&config->metrics);
	free(config->log_level);
	free(config);
}

bool
config_has_reject(const Config *config)
{
	return config->reject_bucket != NULL || config->reject_queue_url != NULL;
}

const char *
config_own_location(const Config *config, const char *bucket, const char *key)
{
	if (setting_within(config->reject_bucket, config->reject_prefix, bucket, key))
		return "reject";
	if (setting_within(config->receipts_bucket, config->receipts_prefix, bucket, key))
		return "receipts";
	return NULL;
}
