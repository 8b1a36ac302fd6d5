/*
 * sqs_attributes.c
 *	  What a queue says of itself: GetQueueAttributes and GetQueueUrl.
 *
 * The attributes are copied into one allocation: the struct, the two arrays
 * of pointers, then the strings.
 */
#include "sqs.h"

#include <stdlib.h>
#include <string.h>

#include "json_member.h"
#include "sqs_wire.h"

bool
awsx_sqs_attributes_request(const AwsxService *service, const char *queue_url,
							AwsxHttpRequest *out, AwsxError *error)
{
	AwsxBuf		json;

	awsx_sqs_begin(&json, out, "QueueUrl", queue_url);
	awsx_buf_puts(&json, ",\"AttributeNames\":[\"All\"]");
	return awsx_sqs_finish(&json, service, "GetQueueAttributes", out, error);
}

/* Copy a string to *at and move it on. */
static char *
place(char **at, const char *text)
{
	size_t		size = strlen(text) + 1;
	char	   *copy = memcpy(*at, text, size);

	*at += size;
	return copy;
}

/* The bytes that all names and values need, with their NULs. */
static bool
measure(json_t *members, size_t *size, AwsxError *error)
{
	const char *name;
	json_t	   *member;

	*size = 0;
	json_object_foreach(members, name, member)
	{
		const char *value = awsx_json_member_text(members, name);

		if (value == NULL)
			return awsx_error_set(error, AWSX_ERR_PROTOCOL,
								  "queue attribute \"%.100s\" in the answer of SQS is not a string", name);
		*size += strlen(name) + 1 + strlen(value) + 1;
	}
	return true;
}

static AwsxSqsAttributes *
copy_attributes(json_t *members, AwsxError *error)
{
	size_t		count = json_object_size(members);
	AwsxSqsAttributes *result;
	const char *name;
	json_t	   *member;
	size_t		size;
	char	   *at;

	if (!measure(members, &size, error))
		return NULL;
	result = malloc(sizeof(AwsxSqsAttributes) + 2 * count * sizeof(char *) + size);
	if (result == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for queue attributes");
		return NULL;
	}
	result->count = 0;
	result->names = (char **) (result + 1);
	result->values = result->names + count;
	at = (char *) (result->values + count);
	json_object_foreach(members, name, member)
	{
		result->names[result->count] = place(&at, name);
		result->values[result->count++] = place(&at, json_string_value(member));
	}
	return result;
}

AwsxSqsAttributes *
awsx_sqs_attributes_answer(const AwsxHttpResponse *answer, AwsxError *error)
{
	json_t	   *root = awsx_sqs_parse(answer, error);
	AwsxSqsAttributes *result = NULL;
	json_t	   *members;

	if (root != NULL && awsx_sqs_member(root, "Attributes", JSON_OBJECT, &members, error))
		result = copy_attributes(members, error);
	json_decref(root);
	return result;
}

const char *
awsx_sqs_attribute(const AwsxSqsAttributes *attributes, const char *name)
{
	for (int i = 0; i < attributes->count; i++)
	{
		if (strcmp(attributes->names[i], name) == 0)
			return attributes->values[i];
	}
	return NULL;
}

void
awsx_sqs_attributes_free(AwsxSqsAttributes *attributes)
{
	free(attributes);
}

bool
awsx_sqs_queue_url_request(const AwsxService *service, const char *queue_name,
						   AwsxHttpRequest *out, AwsxError *error)
{
	AwsxBuf		json;

	awsx_sqs_begin(&json, out, "QueueName", queue_name);
	if (!awsx_sqs_name_valid(queue_name, strlen(queue_name)))
	{
		awsx_error_set(error, AWSX_ERR_CONFIG,
					   "the queue's name is not 1 to 80 letters, digits, \"-\" and \"_\", with \".fifo\" for a FIFO queue");
		return awsx_sqs_abandon(&json, out);
	}
	return awsx_sqs_finish(&json, service, "GetQueueUrl", out, error);
}

char *
awsx_sqs_queue_url_answer(const AwsxHttpResponse *answer, AwsxError *error)
{
	json_t	   *root = awsx_sqs_parse(answer, error);
	const char *url;
	char	   *copy = NULL;

	if (root == NULL)
		return NULL;
	url = awsx_json_member_text(root, "QueueUrl");
	if (url == NULL || *url == '\0')
		awsx_error_set(error, AWSX_ERR_PROTOCOL, "the answer of SQS has no QueueUrl");
	else if ((copy = strdup(url)) == NULL)
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for a queue URL");
	json_decref(root);
	return copy;
}
