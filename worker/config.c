/*
 * config.c
 *	  What s3_to_sqs is to do, read from the environment and checked once.
 *
 * Both forms fill the same struct through the same setters, so a rule is
 * checked in one place; "where" is the variable or member that an error
 * names.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/buf.h"
#include "../aws/sqs.h"
#include "config.h"

#define FILE_MAX_BYTES ((size_t) 1 << 20)
#define DEFAULT_PROGRAM "."
#define DEFAULT_GROUP ".transaction_id"

static bool
no_memory(AwsxError *error)
{
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while the configuration was read");
}

static bool
copy_text(char **target, const char *text, AwsxError *error)
{
	char	   *copy = strdup(text);

	if (copy == NULL)
		return no_memory(error);
	free(*target);
	*target = copy;
	return true;
}

/* A whole small file as text; null and *error. */
static char *
read_text_file(const char *where, const char *path, AwsxError *error)
{
	FILE	   *file = fopen(path, "rb");
	AwsxBuf		text;
	char		piece[4096];
	size_t		n;
	bool		bad;

	if (file == NULL)
	{
		awsx_error_set(error, AWSX_ERR_CONFIG, "%s: cannot open file \"%s\": %s",
					   where, path, strerror(errno));
		return NULL;
	}
	awsx_buf_init(&text, FILE_MAX_BYTES);
	while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
		awsx_buf_append(&text, piece, n);
	bad = ferror(file) != 0;
	fclose(file);
	awsx_buf_puts(&text, "");
	if (bad || text.failed || (text.len > 0 && memchr(text.data, '\0', text.len) != NULL))
	{
		awsx_error_set(error, AWSX_ERR_CONFIG,
					   "%s: file \"%s\" must be readable text of at most 1 MiB", where, path);
		awsx_buf_free(&text);
		return NULL;
	}
	return awsx_buf_take(&text, NULL);
}

/* ---- setters, one a rule ---- */

static bool
set_queue_url(ConfigOutput *output, const char *where, const char *url, AwsxError *error)
{
	if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s must be the URL of an SQS queue, such as "
							  "https://sqs.eu-west-1.amazonaws.com/123456789012/name.fifo", where);
	if (!awsx_sqs_is_fifo(url))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s must name a FIFO queue (its name ends in \".fifo\"): a standard "
							  "queue keeps neither order nor deduplication ids", where);
	return copy_text(&output->queue_url, url, error);
}

/* A program given as text, as a file, or not at all. */
static bool
set_program(ConfigOutput *output, const char *text_where, const char *text,
			const char *file_where, const char *file, AwsxError *error)
{
	if (text != NULL && file != NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "%s and %s exclude each other: give one",
							  text_where, file_where);
	if (file == NULL)
		return copy_text(&output->program, text != NULL ? text : DEFAULT_PROGRAM, error);
	free(output->program);
	output->program = read_text_file(file_where, file, error);
	return output->program != NULL;
}

/* S3's own rules for a bucket's name, loosely: what could break a URL is out. */
static bool
bucket_name_ok(const char *name, size_t len)
{
	if (len < 3 || len > 63)
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") >= len;
}

static bool
set_reject(Config *config, const char *where, const char *url, AwsxError *error)
{
	const char *bucket = url + 5;
	const char *slash = strncmp(url, "s3://", 5) == 0 ? strchr(bucket, '/') : NULL;

	if (slash == NULL || !bucket_name_ok(bucket, (size_t) (slash - bucket)))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s must have the form s3://bucket/prefix/", where);
	if (strlen(slash + 1) > 512 || strstr(slash, "//") != NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s: the prefix must be at most 512 bytes long, without \"//\"", where);
	config->reject_bucket = strndup(bucket, (size_t) (slash - bucket));
	config->reject_prefix = strdup(slash + 1);
	if (config->reject_bucket == NULL || config->reject_prefix == NULL)
		return no_memory(error);
	return true;
}

static bool
set_max_bytes(Config *config, const char *where, long long value, AwsxError *error)
{
	if (value < 1 || value > (long long) CONFIG_MAX_OBJECT_BYTES)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s must be a whole number of bytes from 1 to %zu",
							  where, CONFIG_MAX_OBJECT_BYTES);
	config->max_object_bytes = (size_t) value;
	return true;
}

static bool
add_outputs(Config *config, int count, AwsxError *error)
{
	config->outputs = calloc((size_t) count, sizeof(ConfigOutput));
	if (config->outputs == NULL)
		return no_memory(error);
	config->output_count = count;
	return true;
}

/* ---- the JSON form ---- */

static bool
check_members(json_t *object, const char *where, const char *const *allowed, AwsxError *error)
{
	const char *name;
	json_t	   *value;

	json_object_foreach(object, name, value)
	{
		const char *const *known = allowed;

		while (*known != NULL && strcmp(*known, name) != 0)
			known++;
		if (*known == NULL)
			return awsx_error_set(error, AWSX_ERR_CONFIG, "%s: unknown member \"%s\"", where, name);
	}
	return true;
}

/* A string member; absent or null leaves *text null. */
static bool
string_member(json_t *object, const char *where, const char *name, bool required,
			  const char **text, AwsxError *error)
{
	json_t	   *value = json_object_get(object, name);

	*text = NULL;
	if (value == NULL || json_is_null(value))
	{
		if (!required)
			return true;
		return awsx_error_set(error, AWSX_ERR_CONFIG, "%s: member \"%s\" is missing", where, name);
	}
	if (!json_is_string(value) || json_string_length(value) == 0)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s: member \"%s\" must be a string that is not empty", where, name);
	*text = json_string_value(value);
	return true;
}

static bool
output_name_ok(const Config *config, const ConfigOutput *output, const char *name)
{
	for (const ConfigOutput *other = config->outputs; other < output; other++)
	{
		if (other->name != NULL && strcmp(other->name, name) == 0)
			return false;
	}
	return strlen(name) <= 64;
}

static bool
read_output(Config *config, ConfigOutput *output, json_t *object, const char *where,
			AwsxError *error)
{
	static const char *const allowed[] =
	{"name", "queue_url", "jq", "jq_file", "group", "dedup", NULL};
	char		place[128];
	const char *name,
			   *url,
			   *text,
			   *file,
			   *group,
			   *dedup;

	if (!json_is_object(object))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "%s must be an object", where);
	if (!check_members(object, where, allowed, error) ||
		!string_member(object, where, "name", true, &name, error) ||
		!string_member(object, where, "queue_url", true, &url, error) ||
		!string_member(object, where, "jq", false, &text, error) ||
		!string_member(object, where, "jq_file", false, &file, error) ||
		!string_member(object, where, "group", false, &group, error) ||
		!string_member(object, where, "dedup", false, &dedup, error))
		return false;
	if (!output_name_ok(config, output, name))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s: \"name\" must be at most 64 bytes long and differ from the "
							  "other outputs' names", where);
	snprintf(place, sizeof(place), "%s: \"queue_url\"", where);
	return copy_text(&output->name, name, error) &&
		set_queue_url(output, place, url, error) &&
		set_program(output, "\"jq\"", text, "\"jq_file\"", file, error) &&
		copy_text(&output->group, group != NULL ? group : DEFAULT_GROUP, error) &&
		(dedup == NULL || copy_text(&output->dedup, dedup, error));
}

static bool
read_outputs(Config *config, json_t *array, AwsxError *error)
{
	size_t		count = json_array_size(array);

	if (count < 1 || count > CONFIG_MAX_OUTPUTS)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "S3_TO_SQS_CONFIG: \"outputs\" must be an array of 1 to %d outputs",
							  CONFIG_MAX_OUTPUTS);
	if (!add_outputs(config, (int) count, error))
		return false;
	for (int i = 0; i < (int) count; i++)
	{
		char		where[64];

		snprintf(where, sizeof(where), "S3_TO_SQS_CONFIG: outputs[%d]", i);
		if (!read_output(config, &config->outputs[i], json_array_get(array, (size_t) i),
						 where, error))
			return false;
	}
	return true;
}

static bool
read_document(Config *config, json_t *root, AwsxError *error)
{
	static const char *const allowed[] = {"outputs", "reject", "max_object_bytes", NULL};
	json_t	   *max_bytes = json_object_get(root, "max_object_bytes");
	const char *reject;

	if (!json_is_object(root))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "S3_TO_SQS_CONFIG must be a JSON object");
	if (!check_members(root, "S3_TO_SQS_CONFIG", allowed, error) ||
		!string_member(root, "S3_TO_SQS_CONFIG", "reject", false, &reject, error) ||
		(reject != NULL && !set_reject(config, "S3_TO_SQS_CONFIG: \"reject\"", reject, error)))
		return false;
	if (max_bytes != NULL &&
		!set_max_bytes(config, "S3_TO_SQS_CONFIG: \"max_object_bytes\"",
					   json_is_integer(max_bytes) ? json_integer_value(max_bytes) : 0, error))
		return false;
	return read_outputs(config, json_object_get(root, "outputs"), error);
}

static bool
read_json_form(Config *config, const char *value, AwsxError *error)
{
	char	   *text;
	json_t	   *root;
	json_error_t problem;
	bool		done;

	if (value[strspn(value, " \t\r\n")] == '{')
		text = strdup(value);
	else
		text = read_text_file("S3_TO_SQS_CONFIG", value, error);
	if (text == NULL)
		return error->kind != AWSX_OK ? false : no_memory(error);
	root = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
	free(text);
	if (root == NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "S3_TO_SQS_CONFIG is not valid JSON: %s at line %d, column %d",
							  problem.text, problem.line, problem.column);
	done = read_document(config, root, error);
	json_decref(root);
	return done;
}

/* ---- the short form ---- */

/* An environment variable; null when unset or empty. */
static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

static bool
read_max_bytes_variable(Config *config, AwsxError *error)
{
	const char *text = variable("MAX_OBJECT_BYTES");
	char	   *end;
	long long	value;

	if (text == NULL)
		return true;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno != 0 || *end != '\0')
		value = 0;
	return set_max_bytes(config, "MAX_OBJECT_BYTES", value, error);
}

static bool
read_short_form(Config *config, AwsxError *error)
{
	const char *url = variable("QUEUE_URL");
	const char *group = variable("GROUP_EXPRESSION");
	const char *dedup = variable("DEDUP_EXPRESSION");
	const char *reject = variable("REJECT_URL");
	ConfigOutput *output;

	if (url == NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "set QUEUE_URL (one output), or S3_TO_SQS_CONFIG (any number of outputs)");
	if (!add_outputs(config, 1, error))
		return false;
	output = config->outputs;
	return copy_text(&output->name, "default", error) &&
		set_queue_url(output, "QUEUE_URL", url, error) &&
		set_program(output, "JQ_PROGRAM", variable("JQ_PROGRAM"), "JQ_FILE", variable("JQ_FILE"),
					error) &&
		copy_text(&output->group, group != NULL ? group : DEFAULT_GROUP, error) &&
		(dedup == NULL || copy_text(&output->dedup, dedup, error)) &&
		(reject == NULL || set_reject(config, "REJECT_URL", reject, error)) &&
		read_max_bytes_variable(config, error);
}

/* The short form's variable that is set beside S3_TO_SQS_CONFIG, or null. */
static const char *
rival_variable(void)
{
	static const char *const names[] =
	{"QUEUE_URL", "JQ_PROGRAM", "JQ_FILE", "GROUP_EXPRESSION", "DEDUP_EXPRESSION",
	"REJECT_URL", "MAX_OBJECT_BYTES", NULL};

	for (const char *const *name = names; *name != NULL; name++)
	{
		if (variable(*name) != NULL)
			return *name;
	}
	return NULL;
}

static bool
fill(Config *config, AwsxError *error)
{
	const char *document = variable("S3_TO_SQS_CONFIG");

	config->max_object_bytes = CONFIG_DEFAULT_OBJECT_BYTES;
	if (document == NULL)
		return read_short_form(config, error);
	if (rival_variable() != NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "S3_TO_SQS_CONFIG and %s exclude each other: unset one",
							  rival_variable());
	return read_json_form(config, document, error);
}

Config *
config_read(AwsxError *error)
{
	Config	   *config = calloc(1, sizeof(Config));

	awsx_error_clear(error);
	if (config == NULL)
	{
		no_memory(error);
		return NULL;
	}
	if (fill(config, error))
		return config;
	config_free(config);
	return NULL;
}

void
config_free(Config *config)
{
	if (config == NULL)
		return;
	for (int i = 0; i < config->output_count; i++)
	{
		free(config->outputs[i].name);
		free(config->outputs[i].queue_url);
		free(config->outputs[i].program);
		free(config->outputs[i].group);
		free(config->outputs[i].dedup);
	}
	free(config->outputs);
	free(config->reject_bucket);
	free(config->reject_prefix);
	free(config);
}
