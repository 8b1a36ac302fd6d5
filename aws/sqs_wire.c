/*
 * sqs_wire.c
 *	  AWS JSON 1.0 as SQS speaks it: one POST to the endpoint's root, the
 *	  action in a header, everything else in one flat JSON object.
 *
 * Requests are written by hand, because a message's body must reach SQS byte
 * for byte.  Answers are read by jansson; their strings come out with the
 * escapes resolved and, NUL included, with nothing lost.
 */
#include "sqs_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

void
awsx_sqs_begin(AwsxBuf *json, AwsxHttpRequest *out, const char *name, const char *value)
{
	awsx_http_request_init(out, "POST");
	awsx_buf_init(json, 0);
	awsx_buf_putc(json, '{');
	awsx_sqs_put_text(json, name, value, strlen(value));
}

/* The name of a member (letters only), after a comma unless it is the first of its object. */
static void
put_name(AwsxBuf *json, const char *name)
{
	if (json->len > 0 && json->data[json->len - 1] != '{')
		awsx_buf_putc(json, ',');
	awsx_buf_putc(json, '"');
	awsx_buf_puts(json, name);
	awsx_buf_puts(json, "\":");
}

void
awsx_sqs_put_text(AwsxBuf *json, const char *name, const char *value, size_t len)
{
	put_name(json, name);
	awsx_buf_json_string(json, value, len);
}

void
awsx_sqs_put_int(AwsxBuf *json, const char *name, int value)
{
	put_name(json, name);
	awsx_buf_printf(json, "%d", value);
}

bool
awsx_sqs_abandon(AwsxBuf *json, AwsxHttpRequest *out)
{
	awsx_buf_free(json);
	awsx_http_request_free(out);
	return false;
}

bool
awsx_sqs_finish(AwsxBuf *json, const AwsxService *service, const char *action,
				AwsxHttpRequest *out, AwsxError *error)
{
	char		target[64];

	snprintf(target, sizeof(target), "AmazonSQS.%s", action);
	awsx_buf_putc(json, '}');
	out->endpoint = strdup(service->endpoint);
	out->path = strdup("/");
	out->body = awsx_buf_take(json, &out->body_len);
	if (out->endpoint != NULL && out->path != NULL && out->body != NULL &&
		awsx_headers_set(&out->headers, "Content-Type", "application/x-amz-json-1.0") &&
		awsx_headers_set(&out->headers, "X-Amz-Target", target))
		return true;
	awsx_sqs_abandon(json, out);
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for the %s request to SQS", action);
}

/*
 * Rule: the MessageBody of SendMessage in the SQS API reference, which is
 * the production Char of XML 1.0.
 */
bool
awsx_sqs_text_valid(const char *bytes, size_t len, size_t *at)
{
	size_t		i = 0;

	while ((i += awsx_text_plain_run(bytes + i, len - i)) < len)
	{
		unsigned char c = (unsigned char) bytes[i];
		size_t		step = c < 0x80 ? 1 : awsx_text_utf8_sequence(bytes + i, len - i);
		bool		control = c < 0x20 && c != '\t' && c != '\n' && c != '\r';

		/* U+FFFE and U+FFFF */
		bool		noncharacter = step == 3 && (memcmp(bytes + i, "\xef\xbf\xbe", 3) == 0 ||
												 memcmp(bytes + i, "\xef\xbf\xbf", 3) == 0);

		if (step == 0 || control || noncharacter)
		{
			*at = i;
			return false;
		}
		i += step;
	}
	return true;
}

bool
awsx_sqs_count_check(int count, AwsxError *error)
{
	if (count >= 1 && count <= AWSX_SQS_BATCH)
		return true;
	return awsx_error_set(error, AWSX_ERR_CONFIG,
						  "a batch call to SQS takes 1 to %d entries, not %d", AWSX_SQS_BATCH, count);
}

bool
awsx_sqs_name_valid(const char *name, size_t len)
{
	size_t		stem = len;

	if (len > 80)
		return false;
	if (len >= 5 && memcmp(name + len - 5, ".fifo", 5) == 0)
		stem = len - 5;
	for (size_t i = 0; i < stem; i++)
	{
		if (!awsx_text_is_alnum(name[i]) && name[i] != '-' && name[i] != '_')
			return false;
	}
	return stem > 0;
}

json_t *
awsx_sqs_parse(const AwsxHttpResponse *answer, AwsxError *error)
{
	json_error_t problem;
	json_t	   *root;

	if (answer->body.failed)
	{
		awsx_error_set(error, AWSX_ERR_PROTOCOL, "the answer of SQS was cut short");
		return NULL;
	}
	/*
	 * An empty answer is an empty object.  It is parsed, not made: a server
	 * that loads this code may export a json_object() of its own, and
	 * PostgreSQL does.
	 */
	if (answer->body.len == 0)
		root = json_loadb("{}", 2, 0, &problem);
	else
		root = json_loadb(answer->body.data, answer->body.len, JSON_ALLOW_NUL, &problem);

	/* jansson's own text would quote the answer, hence perhaps a payload */
	if (root == NULL && (answer->body.len == 0 ||
						 json_error_code(&problem) == json_error_out_of_memory))
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for the answer of SQS");
	else if (root == NULL)
		awsx_error_set(error, AWSX_ERR_PROTOCOL,
					   "the answer of SQS is not JSON (byte %d of %zu); check that the endpoint is an SQS service",
					   problem.position, answer->body.len);
	else if (!json_is_object(root))
	{
		awsx_error_set(error, AWSX_ERR_PROTOCOL, "the answer of SQS is not a JSON object");
		json_decref(root);
		root = NULL;
	}
	return root;
}

bool
awsx_sqs_member(const json_t *object, const char *name, json_type type,
				json_t **out, AwsxError *error)
{
	json_t	   *member = json_object_get(object, name);

	*out = NULL;
	if (member == NULL || json_is_null(member))
		return true;
	if (json_typeof(member) != type)
		return awsx_error_set(error, AWSX_ERR_PROTOCOL, "\"%s\" in the answer of SQS is not %s",
							  name, type == JSON_ARRAY ? "an array" : "an object");
	*out = member;
	return true;
}

void
awsx_sqs_copy(char *out, size_t size, const char *text)
{
	size_t		len = strlen(text);

	if (len >= size)
	{
		len = size - 1;
		while (len > 0 && ((unsigned char) text[len] & 0xc0) == 0x80)
			len--;
	}
	for (size_t i = 0; i < len; i++)
		out[i] = (unsigned char) text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i];
	out[len] = '\0';
}
