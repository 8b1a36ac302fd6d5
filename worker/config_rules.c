/*
 * config_rules.c
 *	  One setter a rule: a text that the operator wrote becomes a checked
 *	  member of the configuration.
 *
 * The table at the end is the only list of settings; both forms of the
 * configuration walk it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../aws/buf.h"
#include "../aws/sqs.h"
#include "config_rules.h"

#define FILE_MAX_BYTES ((size_t) 1 << 20)

bool
config_no_memory(AwsxError *error)
{
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while the configuration was read");
}

bool
config_copy(char **target, const char *text, AwsxError *error)
{
	char	   *copy = strdup(text);

	if (copy == NULL)
		return config_no_memory(error);
	free(*target);
	*target = copy;
	return true;
}

char *
config_read_file(const char *where, const char *path, AwsxError *error)
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

/* ---- queues ---- */

static bool
is_url(const char *text)
{
	return strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0;
}

bool
config_set_queue(ConfigOutput *output, const char *where, const char *url, AwsxError *error)
{
	if (!is_url(url))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s must be the URL of an SQS queue, such as "
							  "https://sqs.eu-west-1.amazonaws.com/123456789012/name.fifo", where);
	if (!awsx_sqs_is_fifo(url))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s must name a FIFO queue (its name ends in \".fifo\"): a standard "
							  "queue keeps neither order nor deduplication ids", where);
	return config_copy(&output->queue_url, url, error);
}

static bool
set_standard_queue(char **target, const char *where, const char *url, AwsxError *error)
{
	if (!is_url(url) || awsx_sqs_is_fifo(url))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s must be the URL of a standard SQS queue (its name does not end in \".fifo\"), "
							  "such as https://sqs.eu-west-1.amazonaws.com/123456789012/name", where);
	return config_copy(target, url, error);
}

static bool
set_handover(Config *config, const char *where, const char *text, AwsxError *error)
{
	return set_standard_queue(&config->handover_queue_url, where, text, error);
}

/* ---- places in S3 ---- */

/* S3's own rules for a bucket's name, loosely: what could break a URL is out. */
static bool
bucket_name_ok(const char *name, size_t len)
{
	if (len < 3 || len > 63)
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") >= len;
}

/* "s3://bucket/rest": the rest, or null. */
static const char *
rest_of_s3_url(const char *url)
{
	const char *slash = strncmp(url, "s3://", 5) == 0 ? strchr(url + 5, '/') : NULL;

	return slash != NULL && bucket_name_ok(url + 5, (size_t) (slash - url - 5)) ? slash + 1 : NULL;
}

static bool
set_place(char **bucket, char **prefix, const char *where, const char *also, const char *url,
		  AwsxError *error)
{
	const char *rest = rest_of_s3_url(url);

	if (rest == NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s must have the form s3://bucket/prefix/%s", where, also);
	if (strlen(rest) > 512 || *rest == '/' || strstr(rest, "//") != NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s: the prefix must be at most 512 bytes long, without \"//\"", where);
	free(*bucket);
	*bucket = strndup(url + 5, (size_t) (rest - url) - 6);
	return *bucket != NULL ? config_copy(prefix, rest, error) : config_no_memory(error);
}

static bool
set_reject(Config *config, const char *where, const char *text, AwsxError *error)
{
	if (is_url(text))
		return set_standard_queue(&config->reject_queue_url, where, text, error);
	return set_place(&config->reject_bucket, &config->reject_prefix, where,
					 ", or be the URL of a standard SQS queue", text, error);
}

static bool
set_receipts(Config *config, const char *where, const char *text, AwsxError *error)
{
	return set_place(&config->receipts_bucket, &config->receipts_prefix, where, "", text, error);
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
		return config_copy(&output->program, text != NULL ? text : CONFIG_DEFAULT_PROGRAM, error);
	if (strncmp(file, "s3://", 5) == 0)
	{
		rest = rest_of_s3_url(file);
		if (rest == NULL || *rest == '\0' || strlen(rest) > 1024)
			return awsx_error_set(error, AWSX_ERR_CONFIG,
								  "%s must be the path of a file or have the form s3://bucket/key", file_where);
		return config_copy(&output->program_url, file, error);
	}
	free(output->program);
	output->program = config_read_file(file_where, file, error);
	return output->program != NULL;
}

/* ---- numbers and words ---- */

static bool
read_number(const char *where, const char *text, long long min, long long max, const char *unit,
			long long *value, AwsxError *error)
{
	char	   *end;

	errno = 0;
	*value = strtoll(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && *value >= min && *value <= max)
		return true;
	return awsx_error_set(error, AWSX_ERR_CONFIG, "%s must be a whole number of %s from %lld to %lld",
						  where, unit, min, max);
}

static bool
set_max_object(Config *config, const char *where, const char *text, AwsxError *error)
{
	long long	value;

	if (!read_number(where, text, 1, (long long) CONFIG_MAX_OBJECT_BYTES, "bytes", &value, error))
		return false;
	config->max_object_bytes = (size_t) value;
	return true;
}

static bool
set_max_record(Config *config, const char *where, const char *text, AwsxError *error)
{
	long long	value;

	if (!read_number(where, text, 1, (long long) CONFIG_MAX_RECORD_BYTES, "bytes", &value, error))
		return false;
	config->max_record_bytes = (size_t) value;
	return true;
}

static bool
set_small(int *target, const char *where, const char *text, int min, int max, const char *unit,
		  AwsxError *error)
{
	long long	value;

	if (!read_number(where, text, min, max, unit, &value, error))
		return false;
	*target = (int) value;
	return true;
}

static bool
set_poll_visibility(Config *config, const char *where, const char *text, AwsxError *error)
{
	return set_small(&config->poll.visibility_seconds, where, text, 10, 43200, "seconds", error);
}

static bool
set_poll_wait(Config *config, const char *where, const char *text, AwsxError *error)
{
	return set_small(&config->poll.wait_seconds, where, text, 0, AWSX_SQS_MAX_WAIT, "seconds", error);
}

static bool
set_poll_messages(Config *config, const char *where, const char *text, AwsxError *error)
{
	return set_small(&config->poll.max_messages, where, text, 1, AWSX_SQS_BATCH, "messages", error);
}

static bool
set_log_level(Config *config, const char *where, const char *text, AwsxError *error)
{
	static const char *const levels[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", NULL};

	for (const char *const *level = levels; *level != NULL; level++)
	{
		if (strcasecmp(*level, text) == 0)
			return config_copy(&config->log_level, *level, error);
	}
	return awsx_error_set(error, AWSX_ERR_CONFIG,
						  "%s must be TRACE, DEBUG, INFO, WARN, ERROR or FATAL", where);
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

/* CloudWatch's rule for a namespace, and (a superset is harmless) a dimension. */
static bool
metric_word_ok(const char *text, size_t max)
{
	size_t		len = strlen(text);

	return len >= 1 && len <= max && *text != ':' &&
		strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_/#: ") == len &&
		strspn(text, " ") != len;
}

static bool
set_namespace(Config *config, const char *where, const char *text, AwsxError *error)
{
	config->metrics.off = strcmp(text, "off") == 0;
	if (!metric_word_ok(text, 255))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s must be 1 to 255 letters, digits, spaces and .-_/#: (not \":\" first), or off", where);
	return config_copy(&config->metrics.name_space, text, error);
}

bool
config_add_dimension(Config *config, const char *where, const char *name, const char *value,
					 AwsxError *error)
{
	ConfigMetrics *metrics = &config->metrics;
	int			n = metrics->dimension_count;

	if (n == CONFIG_MAX_DIMENSIONS || !metric_word_ok(name, 250) || !metric_word_ok(value, 1024))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s must be at most %d names and values of letters, digits, spaces and .-_/#: (not \":\" first)",
							  where, CONFIG_MAX_DIMENSIONS);
	metrics->dimension_count++;
	return config_copy(&metrics->dimension_names[n], name, error) &&
		config_copy(&metrics->dimension_values[n], value, error);
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
		return config_no_memory(error);
	while (done && (pair = strsep(&rest, ",")) != NULL)
	{
		char	   *equals = strchr(pair, '=');

		if (equals == NULL)
			done = awsx_error_set(error, AWSX_ERR_CONFIG, "%s must have the form name=value,name=value", where);
		else
		{
			*equals = '\0';
			done = config_add_dimension(config, where, pair, equals + 1, error);
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
	{"metrics", "namespace", "METRICS_NAMESPACE", set_namespace, false},
	{"metrics", NULL, "METRICS_DIMENSIONS", set_dimensions, false},
	{NULL, NULL, NULL, NULL, false}
};
