/*
 * load_config_find.c
 *	  Where the configuration of sqs_to_redshift lies: in the variable itself,
 *	  in a file, or in S3, since Lambda has room for 4 KB of variables only.
 */
#include <stdlib.h>
#include <string.h>

#include "../aws/s3.h"
#include "config_fetch.h"
#include "load_config.h"

LoadConfig *
load_config_file(const char *path, AwsxError *error)
{
	char	   *text = setting_read_file("the configuration", path, error);
	LoadConfig *config;

	if (text == NULL)
	{
		if (error->kind == AWSX_OK)
			setting_no_memory(error);
		return NULL;
	}
	config = load_config_read(path, text, strlen(text), error);
	free(text);
	return config;
}

static LoadConfig *
read_object(AwsxClient *client, const AwsxServiceOptions *options, const char *url, AwsxError *error)
{
	const char *key = setting_s3_rest(url);
	AwsxError	problem;
	AwsxService s3;
	char	   *text;
	LoadConfig *config;

	if (key == NULL || *key == '\0' || strlen(key) > 1024)
	{
		awsx_error_set(error, AWSX_ERR_CONFIG,
					   LOAD_CONFIG_VARIABLE " must be a JSON document, the path of a file, or have the form s3://bucket/key");
		return NULL;
	}
	if (!awsx_s3_service(&s3, options, error))
		return NULL;
	awsx_error_clear(&problem);
	text = config_fetch_text(client, &s3, url, &problem);
	if (text == NULL)
	{
		*error = problem;
		awsx_error_retell(error, problem.kind, "cannot read the configuration from %.150s: %.300s", url, problem.message);
		return NULL;
	}
	config = load_config_read(url, text, strlen(text), error);
	free(text);
	return config;
}

LoadConfig *
load_config_environment(AwsxClient *client, const AwsxServiceOptions *options, AwsxError *error)
{
	const char *value = getenv(LOAD_CONFIG_VARIABLE);

	awsx_error_clear(error);
	if (value == NULL || *value == '\0')
	{
		awsx_error_set(error, AWSX_ERR_CONFIG,
					   "set " LOAD_CONFIG_VARIABLE ": a JSON document, the path of a file with it, or s3://bucket/key");
		return NULL;
	}
	if (value[strspn(value, " \t\r\n")] == '{')
		return load_config_read(LOAD_CONFIG_VARIABLE, value, strlen(value), error);
	if (strncmp(value, "s3://", 5) == 0)
		return read_object(client, options, value, error);
	return load_config_file(value, error);
}
