/*
 * load_config.c
 *	  What sqs_to_redshift is to do: one JSON document, checked once.
 *
 * Each member is read by a function of its own, all of which say what is
 * allowed; the document stays in memory, for its strings are used in place.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load_config_read.h"

#define DEFAULT_POLL_BYTES ((size_t) 64 << 20)
#define MAX_POLL_BYTES ((size_t) 512 << 20)

/* "SQS_TO_REDSHIFT_CONFIG: "poll": "receives"", for a setter. */
static const char *
name_member(const LoadConfigReader *reader, const char *object, const char *name, char out[200])
{
	snprintf(out, 200, "%.100s: %s%s%s\"%s\"", reader->where, object != NULL ? "\"" : "",
			 object != NULL ? object : "", object != NULL ? "\": " : "", name);
	return out;
}

static bool
text_of(LoadConfigReader *reader, const char *name, const char **text)
{
	return document_text(reader->root, reader->where, name, false, text, reader->error);
}

static bool
refuse(LoadConfigReader *reader, const char *problem)
{
	return awsx_error_set(reader->error, AWSX_ERR_CONFIG, "%s: %s", reader->where, problem);
}

/* ---- identity ---- */

static bool
read_subscription(LoadConfigReader *reader)
{
	const LoadConfig *config = reader->config;
	int			max = config->ledger.columns[AWSX_REDSHIFT_LEDGER_SUBSCRIPTION].type.length;
	const char *text;

	if (!text_of(reader, "subscription", &text))
		return false;
	if (text == NULL)
		text = config->target.name;
	if (strlen(text) > (size_t) max)
		return awsx_error_set(reader->error, AWSX_ERR_CONFIG, "%s: \"subscription\" must be at most %d bytes long",
							  reader->where, max);
	return setting_copy(&reader->config->subscription, text, reader->error);
}

/* "$.a.b": no member of the path is empty. */
static bool
path_ok(const char *path)
{
	return strncmp(path, "$.", 2) == 0 && strstr(path, "..") == NULL && path[strlen(path) - 1] != '.';
}

static bool
attribute_name_ok(const char *name)
{
	return strlen(name) <= 256 &&
		name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")] == '\0';
}

static bool
read_dedup_key(LoadConfigReader *reader)
{
	const char *text;

	if (!text_of(reader, "dedup_key", &text))
		return false;
	if (text == NULL)
		return true;
	if (*text == '$' ? !path_ok(text) : !attribute_name_ok(text))
		return refuse(reader, "\"dedup_key\" must be the name of a message attribute, or the path of a member of the body, such as $.header.id");
	return setting_copy(&reader->config->dedup_key, text, reader->error);
}

static bool
read_dedup_scope(LoadConfigReader *reader)
{
	const char *text;

	if (!text_of(reader, "dedup_scope", &text))
		return false;
	if (text == NULL)
		reader->config->dedup_scope = LOAD_SCOPE_ASK;
	else if (strcmp(text, "queue") == 0)
		reader->config->dedup_scope = LOAD_SCOPE_QUEUE;
	else if (strcmp(text, "messageGroup") == 0)
		reader->config->dedup_scope = LOAD_SCOPE_GROUP;
	else
		return refuse(reader, "\"dedup_scope\" must be queue, messageGroup, or null, which asks the queue");
	return true;
}

static bool
read_token_salt(LoadConfigReader *reader)
{
	json_t	   *value = json_object_get(reader->root, "token_salt");
	const char *text = value == NULL || json_is_null(value) ? "" : json_string_value(value);

	if (text == NULL || strlen(text) > 256)
		return refuse(reader, "\"token_salt\" must be a string of at most 256 bytes");
	return setting_copy(&reader->config->token_salt, text, reader->error);
}

/* ---- Redshift ---- */

static bool
read_place(LoadConfigReader *reader)
{
	AwsxRedshiftPlace *place = &reader->config->place;

	if (!text_of(reader, "workgroup", &place->workgroup) || !text_of(reader, "cluster", &place->cluster) ||
		!text_of(reader, "database", &place->database) || !text_of(reader, "db_user", &place->db_user) ||
		!text_of(reader, "secret_arn", &place->secret_arn))
		return false;
	if (place->workgroup != NULL && place->cluster != NULL)
		return refuse(reader, "\"workgroup\" (serverless) and \"cluster\" exclude each other: give one");
	if (place->db_user != NULL && place->cluster == NULL)
		return refuse(reader, "\"db_user\" belongs to \"cluster\": of a workgroup the user follows from the role or from \"secret_arn\"");
	if (place->db_user != NULL && place->secret_arn != NULL)
		return refuse(reader, "\"db_user\" and \"secret_arn\" exclude each other: give one");
	if (place->workgroup == NULL && place->cluster == NULL)
		place->workgroup = "default";
	if (place->database == NULL)
		place->database = "dev";
	return true;
}

/* ARNs, several behind each other where roles are chained. */
static bool
role_ok(const char *role)
{
	if (strcmp(role, "default") == 0)
		return true;
	return strncmp(role, "arn:", 4) == 0 && strlen(role) <= 2048 &&
		role[strspn(role, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/_+=.@,-")] == '\0';
}

static bool
read_stage(LoadConfigReader *reader)
{
	LoadConfig *config = reader->config;
	char		where[200];
	const char *url;
	const char *role;

	if (!text_of(reader, "stage", &url) || !text_of(reader, "iam_role", &role))
		return false;
	if (role == NULL)
		role = "default";
	if (!role_ok(role))
		return refuse(reader, "\"iam_role\" must be default, or the ARN of a role that Redshift may assume");
	return setting_copy(&config->iam_role, role, reader->error) &&
		(url == NULL || setting_place(&config->stage_bucket, &config->stage_prefix,
									  name_member(reader, NULL, "stage", where), "", url, reader->error));
}

/* ---- rejects ---- */

static bool
check_places(LoadConfigReader *reader)
{
	const LoadConfig *config = reader->config;

	if (config->stage_bucket != NULL && config->reject_bucket != NULL &&
		(setting_within(config->stage_bucket, config->stage_prefix, config->reject_bucket, config->reject_prefix) ||
		 setting_within(config->reject_bucket, config->reject_prefix, config->stage_bucket, config->stage_prefix)))
		return refuse(reader, "\"stage\" and \"reject\" overlap: give them different prefixes");
	return true;
}

static bool
read_reject(LoadConfigReader *reader)
{
	LoadConfig *config = reader->config;
	char		where[200];
	const char *url;
	const char *policy;

	if (!text_of(reader, "reject", &url) || !text_of(reader, "on_reject", &policy))
		return false;
	if (url != NULL && !setting_place(&config->reject_bucket, &config->reject_prefix,
									  name_member(reader, NULL, "reject", where), "", url, reader->error))
		return false;
	if (policy != NULL && strcmp(policy, "reject") != 0 && strcmp(policy, "fail") != 0)
		return refuse(reader, "\"on_reject\" must be reject or fail");
	if (policy != NULL && strcmp(policy, "reject") == 0 && url == NULL)
		return refuse(reader, "\"on_reject\" reject needs \"reject\", the place to write them to");
	config->fail_rejects = url == NULL || (policy != NULL && strcmp(policy, "fail") == 0);
	return check_places(reader);
}

/* ---- numbers ---- */

static bool
read_retention(LoadConfigReader *reader)
{
	json_t	   *value = json_object_get(reader->root, "retention_days");
	char		where[200];
	char		digits[32];

	reader->config->retention_days = 30;
	if (value == NULL || json_is_null(value))
		return true;
	document_digits(value, digits);
	return setting_small(&reader->config->retention_days, name_member(reader, NULL, "retention_days", where),
						 digits, 1, 36500, "days", reader->error);
}

static bool
set_poll(LoadPoll *poll, const char *name, const char *where, const char *digits, AwsxError *error)
{
	if (strcmp(name, "max_messages") == 0)
		return setting_small(&poll->max_messages, where, digits, 1, 100000, "messages", error);
	if (strcmp(name, "max_bytes") == 0)
		return setting_size(&poll->max_bytes, where, digits, 1, MAX_POLL_BYTES, error);
	if (strcmp(name, "max_age_seconds") == 0)
		return setting_small(&poll->max_age_seconds, where, digits, 0, 3600, "seconds", error);
	if (strcmp(name, "visibility_seconds") == 0)
		return setting_small(&poll->visibility_seconds, where, digits, 10, 43200, "seconds", error);
	return setting_small(&poll->receives, where, digits, 1, 32, "long polls", error);
}

static bool
read_poll(LoadConfigReader *reader)
{
	static const char *const allowed[] =
	{"max_messages", "max_bytes", "max_age_seconds", "visibility_seconds", "receives", NULL};
	LoadPoll   *poll = &reader->config->poll;
	json_t	   *object = json_object_get(reader->root, "poll");
	char		where[200];
	char		digits[32];

	*poll = (LoadPoll) {
		.max_messages = 10000,.max_bytes = DEFAULT_POLL_BYTES,.max_age_seconds = 10,.visibility_seconds = 300,.receives = 4
	};
	if (object == NULL || json_is_null(object))
		return true;
	if (!json_is_object(object))
		return refuse(reader, "\"poll\" must be an object");
	if (!document_members(object, name_member(reader, NULL, "poll", where), allowed, reader->error))
		return false;
	for (const char *const *name = allowed; *name != NULL; name++)
	{
		json_t	   *value = json_object_get(object, *name);

		if (value == NULL || json_is_null(value))
			continue;
		document_digits(value, digits);
		if (!set_poll(poll, *name, name_member(reader, "poll", *name, where), digits, reader->error))
			return false;
	}
	return true;
}

/* ---- what is told ---- */

static bool
read_telling(LoadConfigReader *reader)
{
	LoadConfig *config = reader->config;
	json_t	   *metrics = json_object_get(reader->root, "metrics");
	char		where[200];
	const char *level;

	if (!setting_copy(&config->metrics.name_space, "pg_sqs", reader->error) ||
		!text_of(reader, "log_level", &level))
		return false;
	if (level != NULL &&
		!setting_log_level(&config->log_level, name_member(reader, NULL, "log_level", where), level, reader->error))
		return false;
	return metrics == NULL || json_is_null(metrics) ||
		document_metrics(&config->metrics, name_member(reader, NULL, "metrics", where), metrics, reader->error);
}

/* ---- the document ---- */

static bool
fill(LoadConfigReader *reader)
{
	static const char *const allowed[] = {
		"table", "columns", "key", "version", "distkey", "sortkey", "subscription", "ledger", "dedup_key",
		"dedup_scope", "retention_days", "workgroup", "cluster", "database", "db_user", "secret_arn", "stage",
		"iam_role", "reject", "on_reject", "token_salt", "poll", "metrics", "log_level", NULL
	};

	return document_members(reader->root, reader->where, allowed, reader->error) &&
		load_config_read_tables(reader) && read_subscription(reader) && read_dedup_key(reader) &&
		read_dedup_scope(reader) && read_token_salt(reader) && read_place(reader) && read_stage(reader) &&
		read_reject(reader) && read_retention(reader) && read_poll(reader) && read_telling(reader);
}

LoadConfig *
load_config_read(const char *where, const char *json, size_t len, AwsxError *error)
{
	LoadConfig *config = calloc(1, sizeof(LoadConfig));
	LoadConfigMemory *memory = calloc(1, sizeof(LoadConfigMemory));
	LoadConfigReader reader = {.config = config,.memory = memory,.where = where,.error = error};

	awsx_error_clear(error);
	if (config == NULL || memory == NULL)
	{
		free(config);
		free(memory);
		setting_no_memory(error);
		return NULL;
	}
	config->memory = memory;
	reader.root = memory->root = document_open(where, json, len, error);
	if (reader.root != NULL && fill(&reader))
		return config;
	load_config_free(config);
	return NULL;
}

static void
free_memory(LoadConfigMemory *memory)
{
	for (int i = 0; i < memory->column_count; i++)
		free(memory->defaults[i]);
	free(memory->defaults);
	free(memory->columns);
	free(memory->sortkeys);
	json_decref(memory->root);
	free(memory);
}

void
load_config_free(LoadConfig *config)
{
	if (config == NULL)
		return;
	free(config->key);
	free(config->subscription);
	free(config->dedup_key);
	free(config->stage_bucket);
	free(config->stage_prefix);
	free(config->iam_role);
	free(config->reject_bucket);
	free(config->reject_prefix);
	free(config->token_salt);
	setting_metrics_free(&config->metrics);
	free(config->log_level);
	free_memory(config->memory);
	free(config);
}
