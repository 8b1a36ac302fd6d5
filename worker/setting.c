/*
 * setting.c
 *	  One rule a kind of setting: a text that the operator wrote becomes a
 *	  checked member, which is given by its address.
 *
 * Both functions' configurations are checked here, so that what is called the
 * same is the same in both.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../aws/buf.h"
#include "setting.h"

bool
setting_no_memory(AwsxError *error)
{
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while the configuration was read");
}

bool
setting_copy(char **target, const char *text, AwsxError *error)
{
	char	   *copy = strdup(text);

	if (copy == NULL)
		return setting_no_memory(error);
	free(*target);
	*target = copy;
	return true;
}

char *
setting_read_file(const char *where, const char *path, AwsxError *error)
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
	awsx_buf_init(&text, SETTING_MAX_FILE);
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

bool
setting_is_url(const char *text)
{
	return strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0;
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

const char *
setting_s3_rest(const char *url)
{
	const char *slash = strncmp(url, "s3://", 5) == 0 ? strchr(url + 5, '/') : NULL;

	return slash != NULL && bucket_name_ok(url + 5, (size_t) (slash - url - 5)) ? slash + 1 : NULL;
}

bool
setting_place(char **bucket, char **prefix, const char *where, const char *also, const char *url,
			  AwsxError *error)
{
	const char *rest = setting_s3_rest(url);

	if (rest == NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s must have the form s3://bucket/prefix/%s", where, also);
	if (strlen(rest) > 512 || *rest == '/' || strstr(rest, "//") != NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s: the prefix must be at most 512 bytes long, without \"//\"", where);
	free(*bucket);
	*bucket = strndup(url + 5, (size_t) (rest - url) - 6);
	return *bucket != NULL ? setting_copy(prefix, rest, error) : setting_no_memory(error);
}

bool
setting_within(const char *bucket, const char *prefix, const char *other_bucket, const char *key)
{
	return bucket != NULL && other_bucket != NULL && strcmp(bucket, other_bucket) == 0 &&
		strncmp(key, prefix, strlen(prefix)) == 0;
}

/* ---- numbers and words ---- */

bool
setting_number(long long *target, const char *where, const char *text, long long min, long long max,
			   const char *unit, AwsxError *error)
{
	char	   *end;

	errno = 0;
	*target = strtoll(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && *target >= min && *target <= max)
		return true;
	return awsx_error_set(error, AWSX_ERR_CONFIG, "%s must be a whole number of %s from %lld to %lld",
						  where, unit, min, max);
}

bool
setting_small(int *target, const char *where, const char *text, int min, int max, const char *unit,
			  AwsxError *error)
{
	long long	value;

	if (!setting_number(&value, where, text, min, max, unit, error))
		return false;
	*target = (int) value;
	return true;
}

bool
setting_size(size_t *target, const char *where, const char *text, size_t min, size_t max, AwsxError *error)
{
	long long	value;

	if (!setting_number(&value, where, text, (long long) min, (long long) max, "bytes", error))
		return false;
	*target = (size_t) value;
	return true;
}

bool
setting_log_level(char **target, const char *where, const char *text, AwsxError *error)
{
	static const char *const levels[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", NULL};

	for (const char *const *level = levels; *level != NULL; level++)
	{
		if (strcasecmp(*level, text) == 0)
			return setting_copy(target, *level, error);
	}
	return awsx_error_set(error, AWSX_ERR_CONFIG,
						  "%s must be TRACE, DEBUG, INFO, WARN, ERROR or FATAL", where);
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

bool
setting_namespace(SettingMetrics *metrics, const char *where, const char *text, AwsxError *error)
{
	metrics->off = strcmp(text, "off") == 0;
	if (!metric_word_ok(text, 255))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s must be 1 to 255 letters, digits, spaces and .-_/#: (not \":\" first), or off", where);
	return setting_copy(&metrics->name_space, text, error);
}

bool
setting_dimension(SettingMetrics *metrics, const char *where, const char *name, const char *value,
				  AwsxError *error)
{
	int			n = metrics->dimension_count;

	if (n == SETTING_MAX_DIMENSIONS || !metric_word_ok(name, 250) || !metric_word_ok(value, 1024))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s must be at most %d names and values of letters, digits, spaces and .-_/#: (not \":\" first)",
							  where, SETTING_MAX_DIMENSIONS);
	metrics->dimension_count++;
	return setting_copy(&metrics->dimension_names[n], name, error) &&
		setting_copy(&metrics->dimension_values[n], value, error);
}

void
setting_metrics_free(SettingMetrics *metrics)
{
	free(metrics->name_space);
	for (int i = 0; i < metrics->dimension_count; i++)
	{
		free(metrics->dimension_names[i]);
		free(metrics->dimension_values[i]);
	}
}
