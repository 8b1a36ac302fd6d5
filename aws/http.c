/*
 * http.c
 *	  Requests, answers and their headers as values; what an endpoint may be.
 *
 * Everything that goes onto the wire is checked here, so that no header,
 * path or host can end a line or begin a new request.
 */
#include "http.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "http_check.h"
#include "text.h"

#define MAX_HOST 253

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

/* host[:port] of an endpoint whose scheme is known; null when it has none. */
static const char *
after_scheme(const char *endpoint, bool *secure)
{
	*secure = strncmp(endpoint, "https://", 8) == 0;
	if (*secure)
		return endpoint + 8;
	return strncmp(endpoint, "http://", 7) == 0 ? endpoint + 7 : NULL;
}

/*
 * "[::1]" or a name's length.  Numbers are judged by inet_pton(3), so that
 * "127.0.0.1.example.org" is a name and not this machine.
 */
static size_t
host_length(const char *host, bool *loopback)
{
	size_t		len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	char		name[MAX_HOST + 1];
	struct in6_addr six;
	struct in_addr four;

	*loopback = false;
	if (len == 0 || len > MAX_HOST || len > strlen(host))
		return 0;
	memcpy(name, host, len);
	name[len] = '\0';
	if (name[0] == '[')
	{
		name[len - 1] = '\0';
		if (inet_pton(AF_INET6, name + 1, &six) != 1)
			return 0;
		*loopback = IN6_IS_ADDR_LOOPBACK(&six);
		return len;
	}
	for (size_t i = 0; i < len; i++)
	{
		if (!awsx_text_is_alnum(name[i]) && strchr("-._", name[i]) == NULL)
			return 0;
		if (name[i] == '.' && (i == 0 || name[i - 1] == '.'))
			return 0;
	}
	*loopback = awsx_text_equal(name, "localhost") ||
		(inet_pton(AF_INET, name, &four) == 1 && (ntohl(four.s_addr) >> 24) == 127);
	return name[0] != '-' ? len : 0;
}

/* ":1" to ":65535" without leading zeros, or nothing at all. */
static bool
is_port(const char *text)
{
	long		port = 0;

	if (text[0] == '\0')
		return true;
	if (text[0] != ':' || text[1] < '1' || strlen(text) > 6)
		return false;
	for (text++; *text != '\0'; text++)
	{
		if (!awsx_text_is_digit(*text))
			return false;
		port = port * 10 + (*text - '0');
	}
	return port <= 65535;
}

bool
awsx_endpoint_check(const char *endpoint, bool allow_plain, AwsxError *error)
{
	bool		secure;
	bool		loopback;
	const char *host;
	size_t		len;

	if (endpoint == NULL || endpoint[0] == '\0')
		return awsx_error_set(error, AWSX_ERR_CONFIG, "the endpoint is empty");
	host = after_scheme(endpoint, &secure);
	if (host == NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the endpoint does not begin with https:// or http://");
	len = host_length(host, &loopback);
	if (len == 0 || !is_port(host + len))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the endpoint is not of the form https://host[:port] "
							  "(no user, path or query)");
	if (!secure && !loopback && !allow_plain)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the endpoint must use https: plain http is only for this machine "
							  "(localhost, 127.0.0.1, [::1])");
	return true;
}

bool
awsx_http_host(const char *endpoint, AwsxBuf *out)
{
	bool		secure;
	const char *host = after_scheme(endpoint, &secure);
	size_t		len;
	const char *port;

	if (host == NULL)
		return false;
	len = strlen(host);
	port = secure ? ":443" : ":80";
	if (len > strlen(port) && strcmp(host + len - strlen(port), port) == 0)
		len -= strlen(port);
	return awsx_buf_append(out, host, len);
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
