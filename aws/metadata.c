/*
 * metadata.c
 *	  Whom metadata services may be, and how they are asked.
 */
#include "metadata.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define MAX_ANSWER 65536

/* Is it http://<host>, with any port? */
static bool
is_plain_host(const char *endpoint, const char *host)
{
	size_t		len = strlen(host);

	if (strncmp(endpoint, "http://", 7) != 0)
		return false;
	endpoint += 7;
	for (size_t i = 0; i < len; i++)
	{
		if (awsx_text_lower(endpoint[i]) != host[i])
			return false;
	}
	return endpoint[len] == '\0' || endpoint[len] == ':';
}

bool
awsx_metadata_check(const char *endpoint, const char *const *plain_hosts, AwsxError *error)
{
	AwsxError	problem;

	if (!awsx_endpoint_check(endpoint, true, error))
		return false;			/* not an endpoint at all */
	if (awsx_endpoint_check(endpoint, false, &problem))
		return true;
	for (; *plain_hosts != NULL; plain_hosts++)
	{
		if (is_plain_host(endpoint, *plain_hosts))
			return true;
	}
	return awsx_error_set(error, AWSX_ERR_CONFIG,
						  "keys are not fetched from %.200s: plain http is only for this machine and "
						  "for the addresses of AWS's metadata services; use https", endpoint);
}

bool
awsx_metadata_request(AwsxHttpRequest *out, const char *method, const char *endpoint,
					  const char *path, const char *header, const char *value,
					  int timeout_ms, AwsxError *error)
{
	const char *query = strchr(path, '?');

	awsx_http_request_init(out, method);
	out->connect_timeout_ms = timeout_ms;
	out->timeout_ms = timeout_ms;
	out->max_response = MAX_ANSWER;
	out->endpoint = strdup(endpoint);
	out->path = query != NULL ? strndup(path, (size_t) (query - path)) : strdup(path);
	if (query != NULL)
		out->query = strdup(query + 1);
	if (header != NULL && strpbrk(value, "\r\n") != NULL)
	{
		awsx_http_request_free(out);
		return awsx_error_set(error, AWSX_ERR_CONFIG, "the value of the header %s has a line break", header);
	}
	if (out->endpoint != NULL && out->path != NULL && (query == NULL || out->query != NULL) &&
		awsx_headers_set(&out->headers, "Accept", "application/json") &&
		(header == NULL || awsx_headers_set(&out->headers, header, value)))
		return true;
	awsx_http_request_free(out);
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for a request for credentials");
}

void
awsx_metadata_service(AwsxService *service, AwsxDialect dialect, const char *endpoint)
{
	memset(service, 0, sizeof(*service));
	service->dialect = dialect;
	service->anonymous = true;
	service->allow_plain = true;
	(void) snprintf(service->endpoint, sizeof(service->endpoint), "%s", endpoint);
}

/* The client frees the answer behind our back; nobody reads it any more. */
void
awsx_metadata_wipe(const AwsxHttpResponse *answer)
{
	if (answer->body.data != NULL)
		explicit_bzero((char *) answer->body.data, answer->body.len);
}

void
awsx_metadata_explain(AwsxError *error, const char *format,...)
{
	char		words[256];
	AwsxError	old = *error;
	va_list		args;

	va_start(args, format);
	(void) vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	awsx_error_set(error, old.kind, "%s: %s", words, old.message);
	(void) memcpy(old.message, error->message, sizeof(old.message));
	*error = old;
}
