/*
 * setting.h
 *	  One rule a kind of setting: a text that the operator wrote becomes a
 *	  checked member, which is given by its address.
 *
 * where is the variable or member that an error names.  False and *error
 * (CONFIG, saying what is allowed, or MEMORY).
 */
#ifndef SETTING_H
#define SETTING_H

#include <stdbool.h>
#include <stddef.h>

#include "../aws/error.h"

#define SETTING_MAX_DIMENSIONS 8
#define SETTING_MAX_FILE ((size_t) 1 << 20)	/* bytes of a file or object that is configuration */

/* What is told to CloudWatch, and as what. */
typedef struct SettingMetrics
{
	bool		off;
	char	   *name_space;
	int			dimension_count;
	char	   *dimension_names[SETTING_MAX_DIMENSIONS];
	char	   *dimension_values[SETTING_MAX_DIMENSIONS];
} SettingMetrics;

extern bool setting_no_memory(AwsxError *error);

/* Replace *target by a copy. */
extern bool setting_copy(char **target, const char *text, AwsxError *error);

/* A whole small file as text; null and *error. */
extern char *setting_read_file(const char *where, const char *path, AwsxError *error);

/* http:// or https:// */
extern bool setting_is_url(const char *text);

/* "s3://bucket/rest": the rest, or null. */
extern const char *setting_s3_rest(const char *url);

/* s3://bucket/prefix/; also says what else is allowed there, "" = nothing. */
extern bool setting_place(char **bucket, char **prefix, const char *where, const char *also,
						  const char *url, AwsxError *error);

/* Does everything (or the one key) under the second lie under the first?  Null buckets allowed. */
extern bool setting_within(const char *bucket, const char *prefix, const char *other_bucket, const char *key);

/* A whole number, of that unit. */
extern bool setting_number(long long *target, const char *where, const char *text, long long min,
						   long long max, const char *unit, AwsxError *error);
extern bool setting_small(int *target, const char *where, const char *text, int min, int max,
						  const char *unit, AwsxError *error);
extern bool setting_size(size_t *target, const char *where, const char *text, size_t min, size_t max,
						 AwsxError *error);

extern bool setting_log_level(char **target, const char *where, const char *text, AwsxError *error);

/* "off" turns metrics off. */
extern bool setting_namespace(SettingMetrics *metrics, const char *where, const char *text, AwsxError *error);
extern bool setting_dimension(SettingMetrics *metrics, const char *where, const char *name,
							  const char *value, AwsxError *error);
extern void setting_metrics_free(SettingMetrics *metrics);

#endif							/* SETTING_H */
