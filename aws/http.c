/*
 * http.c
 *	  Requests, answers and their headers as values.
 *
 * Everything that goes onto the wire is checked here, so that no header,
 * path or host can end a line or begin a new request.
 */
#include "http.h"

#include <stdlib.h>
#include <string.h>

#include "http_check.h"
#include "text.h"

void
awsx_http_request_init(AwsxHttpRequest *request, const char *method)
{
	size_t		len = strlen(method);

	memset(request, 0, sizeof(*request));
	if (len < sizeof(request->method))	/* else left empty, and refused later */
		memcpy(request->method, method, len);
}

void
awsx_http_request_free(AwsxHttpRequest *request)
{
	free(request->endpoint);
	free(request->path);
	free(request->query);
	if (request->body != NULL)
		explicit_bzero(request->body, request->body_len);	/* a form may hold a token */
	free(request->body);
	awsx_headers_free(&request->headers);
	memset(request, 0, sizeof(*request));
}

void
awsx_http_response_init(AwsxHttpResponse *response, size_t max_body)
{
	memset(response, 0, sizeof(*response));
	awsx_buf_init(&response->body, max_body);
}

void
awsx_http_response_free(AwsxHttpResponse *response)
{
	awsx_headers_free(&response->headers);
	awsx_buf_free(&response->body);
	response->status = 0;
	response->received_ms = 0;
}

/* RFC 9110's token. */
static bool
is_token(const char *name)
{
	if (name[0] == '\0')
		return false;
	for (; *name != '\0'; name++)
	{
		if (!awsx_text_is_alnum(*name) && strchr("!#$%&'*+-.^_`|~", *name) == NULL)
			return false;
	}
	return true;
}

static bool
is_field_value(const char *value)
{
	for (; *value != '\0'; value++)
	{
		unsigned char byte = (unsigned char) *value;

		if ((byte < 0x20 && byte != '\t') || byte == 0x7F)
			return false;
	}
	return true;
}

static AwsxHeader *
find(const AwsxHeaders *headers, const char *name)
{
	for (int i = 0; i < headers->count; i++)
	{
		if (awsx_text_equal(headers->items[i].name, name))
			return &headers->items[i];
	}
	return NULL;
}

/* Values carry tokens and signatures, so none is left in freed memory. */
static void
wipe_value(AwsxHeader *header)
{
	if (header->value != NULL)
		explicit_bzero(header->value, strlen(header->value));
	free(header->value);
	header->value = NULL;
}

static bool
reserve_one(AwsxHeaders *headers)
{
	int			room = headers->allocated == 0 ? 8 : headers->allocated * 2;
	AwsxHeader *items;

	if (headers->count < headers->allocated)
		return true;
	items = realloc(headers->items, (size_t) room * sizeof(*items));
	if (items == NULL)
		return false;
	headers->items = items;
	headers->allocated = room;
	return true;
}

bool
awsx_headers_set(AwsxHeaders *headers, const char *name, const char *value)
{
	AwsxHeader *header = find(headers, name);
	char	   *value_copy;
	char	   *name_copy;

	if (!is_token(name) || !is_field_value(value))
		return false;
	value_copy = strdup(value);
	if (value_copy == NULL)
		return false;
	if (header != NULL)
	{
		wipe_value(header);
		header->value = value_copy;
		return true;
	}
	name_copy = strdup(name);
	if (name_copy == NULL || !reserve_one(headers))
	{
		free(name_copy);
		free(value_copy);
		return false;
	}
	headers->items[headers->count++] = (AwsxHeader) {name_copy, value_copy};
	return true;
}

bool
awsx_headers_set_line(AwsxHeaders *headers, const char *line, size_t len)
{
	char	   *copy = strndup(line, len);
	char	   *colon = copy != NULL ? strchr(copy, ':') : NULL;
	bool		set = copy != NULL;

	if (colon != NULL)
	{
		char	   *value = colon + 1 + strspn(colon + 1, " \t");
		char	   *end = value + strlen(value);

		*colon = '\0';
		while (end > value && strchr(" \t\r\n", end[-1]) != NULL)
			end--;
		*end = '\0';
		set = awsx_headers_set(headers, copy, value) || !is_token(copy) || !is_field_value(value);
	}
	free(copy);
	return set;
}

const char *
awsx_headers_get(const AwsxHeaders *headers, const char *name)
{
	const AwsxHeader *header = find(headers, name);

	return header != NULL ? header->value : NULL;
}

void
awsx_headers_remove(AwsxHeaders *headers, const char *name)
{
	AwsxHeader *header = find(headers, name);

	if (header == NULL)
		return;
	wipe_value(header);
	free(header->name);
	headers->count--;
	memmove(header, header + 1,
			(size_t) (headers->items + headers->count - header) * sizeof(*header));
}

void
awsx_headers_free(AwsxHeaders *headers)
{
	for (int i = 0; i < headers->count; i++)
	{
		wipe_value(&headers->items[i]);
		free(headers->items[i].name);
	}
	free(headers->items);
	memset(headers, 0, sizeof(*headers));
}

static bool
is_wire_text(const char *text, const char *forbidden)
{
	for (; *text != '\0'; text++)
	{
		if (*text <= ' ' || *text > '~' || strchr(forbidden, *text) != NULL)
			return false;
	}
	return true;
}

static bool
is_known_method(const char *method)
{
	static const char *const methods[] = {"GET", "PUT", "POST", "HEAD", "DELETE"};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
	{
		if (strcmp(method, methods[i]) == 0)
			return true;
	}
	return false;
}

bool
awsx_http_request_check(const AwsxHttpRequest *request, bool allow_plain, AwsxError *error)
{
	if (!is_known_method(request->method))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "the request has no HTTP method known here");
	if (!awsx_endpoint_check(request->endpoint, allow_plain, error))
		return false;
	if (request->path == NULL || request->path[0] != '/' || !is_wire_text(request->path, "?#"))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "the request's path is not percent-encoded");
	if (request->query != NULL && !is_wire_text(request->query, "#"))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "the request's query is not percent-encoded");
	for (int i = 0; i < request->headers.count; i++)
	{
		const AwsxHeader *header = &request->headers.items[i];

		if (!is_token(header->name) || !is_field_value(header->value))
			return awsx_error_set(error, AWSX_ERR_CONFIG,
								  "the request has a header with forbidden characters");
	}
	return true;
}
