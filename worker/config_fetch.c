/*
 * config_fetch.c
 *	  Parts of the configuration that lie in S3, read once at the start.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/s3.h"
#include "config_fetch.h"

/* The answer's body as text; null and *error. */
static char *
text_of(const AwsxHttpResponse *answer, AwsxError *error)
{
	const AwsxBuf *body = &answer->body;
	char	   *text;

	if (body->len == 0 || memchr(body->data, '\0', body->len) != NULL)
	{
		awsx_error_set(error, AWSX_ERR_CONFIG, "it must be text that is not empty");
		return NULL;
	}
	text = strndup(body->data, body->len);
	if (text == NULL)
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	return text;
}

char *
config_fetch_text(AwsxClient *client, const AwsxService *s3, const char *url, AwsxError *error)
{
	const char *slash = strchr(url + strlen("s3://"), '/');
	char	   *bucket = strndup(url + strlen("s3://"), (size_t) (slash - url) - strlen("s3://"));
	AwsxS3Get	get = {.bucket = bucket,.key = slash + 1,.range_start = -1,.range_end = -1,.max_bytes = SETTING_MAX_FILE};
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxS3Object about;
	char	   *text = NULL;

	if (bucket == NULL)
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	else if (awsx_s3_get_request(s3, &get, &request, error) &&
			 awsx_client_run(client, s3, &request, &answer, error))
	{
		if (awsx_s3_object_answer(&answer, &about, error))
			text = text_of(&answer, error);
		awsx_http_response_free(&answer);
	}
	free(bucket);
	return text;
}

bool
config_fetch(Config *config, AwsxClient *client, const AwsxService *s3, AwsxError *error)
{
	for (int i = 0; i < config->output_count; i++)
	{
		ConfigOutput *output = &config->outputs[i];
		AwsxError	problem;

		if (output->program_url == NULL || output->program != NULL)
			continue;
		awsx_error_clear(&problem);
		output->program = config_fetch_text(client, s3, output->program_url, &problem);
		if (output->program != NULL)
			continue;
		*error = problem;
		snprintf(error->message, sizeof(error->message), "cannot read the program of output \"%.64s\" from %.150s: %.250s",
				 output->name, output->program_url, problem.message);
		return false;
	}
	return true;
}
