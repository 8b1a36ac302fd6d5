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

/*----------
 * Headers
 *----------
 */

/* RFC 9110's token. */
static const bool of_token[256] = {
	['!'] = true, ['#' ... '\''] = true, ['*'] = true, ['+'] = true, ['-'] = true, ['.'] = true,
	['0' ... '9'] = true, ['A' ... 'Z'] = true, ['^' ... 'z'] = true, ['|'] = true, ['~'] = true
};

static bool
is_token(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		if (!of_token[(unsigned char) name[i]])
			return false;
	}
	return len > 0;
}

bool
awsx_http_is_field_value(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		unsigned char byte = (unsigned char) bytes[i];

		if ((byte < 0x20 && byte != '\t') || byte == 0x7F)
			return false;
	}
	return true;
}

static bool
is_header(const char *name, size_t name_len, const char *value, size_t value_len)
{
	return is_token(name, name_len) && awsx_http_is_field_value(value, value_len);
}

static bool
is_named(const AwsxHeader *header, const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		if (awsx_text_lower(header->name[i]) != awsx_text_lower(name[i]))
			return false;		/* also at the end of a shorter one */
	}
	return header->name[len] == '\0';
}

static AwsxHeader *
find(const AwsxHeaders *headers, const char *name, size_t len)
{
	for (int i = 0; i < headers->count; i++)
	{
		if (is_named(&headers->items[i], name, len))
			return &headers->items[i];
	}
	return NULL;
}

/* Name and value stand in one block, which the name begins. */
static bool
make_header(AwsxHeader *header, const char *name, size_t name_len, const char *value, size_t value_len)
{
	char	   *block = malloc(name_len + value_len + 2);

	if (block == NULL)
		return false;
	memcpy(block, name, name_len);
	block[name_len] = '\0';
	header->name = block;
	header->value = block + name_len + 1;
	memcpy(header->value, value, value_len);
	header->value[value_len] = '\0';
	return true;
}

/* Values carry tokens and signatures, so none is left in freed memory. */
static void
free_header(AwsxHeader *header)
{
	explicit_bzero(header->value, strlen(header->value));
	free(header->name);
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

/* Of a checked header. */
static bool
set_header(AwsxHeaders *headers, const char *name, size_t name_len, const char *value, size_t value_len)
{
	AwsxHeader *before = find(headers, name, name_len);
	AwsxHeader	header;

	if (before == NULL && !reserve_one(headers))
		return false;
	if (!make_header(&header, name, name_len, value, value_len))
		return false;
	if (before == NULL)
		headers->items[headers->count++] = header;
	else
	{
		free_header(before);
		*before = header;
	}
	return true;
}

bool
awsx_headers_set(AwsxHeaders *headers, const char *name, const char *value)
{
	size_t		name_len = strlen(name);
	size_t		value_len = strlen(value);

	return is_header(name, name_len, value, value_len) &&
		set_header(headers, name, name_len, value, value_len);
}

static bool
is_blank_or_end(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool
awsx_headers_set_line(AwsxHeaders *headers, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	const char *end = line + len;
	const char *value;

	if (colon == NULL)
		return true;
	value = colon + 1;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && is_blank_or_end(end[-1]))
		end--;
	return !is_header(line, (size_t) (colon - line), value, (size_t) (end - value)) ||
		set_header(headers, line, (size_t) (colon - line), value, (size_t) (end - value));
}

const char *
awsx_headers_get(const AwsxHeaders *headers, const char *name)
{
	const AwsxHeader *header = find(headers, name, strlen(name));

	return header != NULL ? header->value : NULL;
}

void
awsx_headers_remove(AwsxHeaders *headers, const char *name)
{
	AwsxHeader *header = find(headers, name, strlen(name));

	if (header == NULL)
		return;
	free_header(header);
	headers->count--;
	memmove(header, header + 1,
			(size_t) (headers->items + headers->count - header) * sizeof(*header));
}

void
awsx_headers_free(AwsxHeaders *headers)
{
	for (int i = 0; i < headers->count; i++)
		free_header(&headers->items[i]);
	free(headers->items);
	memset(headers, 0, sizeof(*headers));
}

/*----------
 * What is sent
 *----------
 */

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

		if (!is_header(header->name, strlen(header->name), header->value, strlen(header->value)))
			return awsx_error_set(error, AWSX_ERR_CONFIG,
								  "the request has a header with forbidden characters");
	}
	return true;
}
