/*
 * http_curl_request.c
 *	  From a request and the transport's settings to an easy handle's options.
 *
 * Every option is checked: one that silently stays at its default could be
 * the one that verifies, forbids or bounds.  Options that a libcurl older
 * than the one we were built with does not know are passed over only where
 * nothing but comfort depends on them.
 */
#include "http_curl_request.h"

#include <stdlib.h>
#include <string.h>

#include "http_check.h"
#include "text.h"

#define DEFAULT_CONNECT_MS 3000

typedef struct LongOption
{
	CURLoption	option;
	long		value;
} LongOption;

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/*----------
 * What is the same for all exchanges of a transport
 *----------
 */

/* Without these no request is sent. */
static const LongOption required[] = {
	{CURLOPT_NOSIGNAL, 1},
	{CURLOPT_PATH_AS_IS, 1},
	{CURLOPT_FOLLOWLOCATION, 0},
	{CURLOPT_NETRC, CURL_NETRC_IGNORED},
	{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
	{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
	{CURLOPT_SSL_VERIFYPEER, 1},
	{CURLOPT_SSL_VERIFYHOST, 2},
	{CURLOPT_TCP_KEEPALIVE, 1},
	{CURLOPT_DNS_CACHE_TIMEOUT, 30},
};

/* The proxy's own answers are not the service's; nor are our headers the proxy's. */
static const LongOption required_by_proxy[] = {
	{CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
	{CURLOPT_HEADEROPT, CURLHEADER_SEPARATE},
	{CURLOPT_PROXY_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
	{CURLOPT_PROXY_SSL_VERIFYPEER, 1},
	{CURLOPT_PROXY_SSL_VERIFYHOST, 2},
	/* no Kerberos: the functions are linked without it */
	{CURLOPT_PROXYAUTH, CURLAUTH_BASIC},
	{CURLOPT_SOCKS5_AUTH, CURLAUTH_BASIC},
};

static const LongOption wanted[] = {
	{CURLOPT_TCP_KEEPIDLE, 10},
	{CURLOPT_TCP_KEEPINTVL, 5},
#if LIBCURL_VERSION_NUM >= 0x074000
	{CURLOPT_HTTP09_ALLOWED, 0},
#endif
#if LIBCURL_VERSION_NUM >= 0x074100
	{CURLOPT_MAXAGE_CONN, (long) AWSX_CURL_IDLE_SECONDS},
#endif
#if LIBCURL_VERSION_NUM >= 0x075000
	{CURLOPT_MAXLIFETIME_CONN, (long) AWSX_CURL_LIFETIME_SECONDS},
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	{CURLOPT_QUICK_EXIT, 1},
	{CURLOPT_CA_CACHE_TIMEOUT, (long) AWSX_CURL_LIFETIME_SECONDS},	/* a renewed file counts soon */
#endif
};

static CURLcode
set_all(CURL *easy, const LongOption *options, size_t count)
{
	CURLcode	code = CURLE_OK;

	for (size_t i = 0; i < count && code == CURLE_OK; i++)
		code = curl_easy_setopt(easy, options[i].option, options[i].value);
	return code;
}

static CURLcode
set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

/* Also without one libcurl must be told, or it asks the environment. */
static CURLcode
set_proxy(CURL *easy, const AwsxCurlSettings *settings, const char *endpoint)
{
	bool		use = settings->proxy != NULL && !awsx_proxy_passed_by(endpoint);
	CURLcode	code = curl_easy_setopt(easy, CURLOPT_PROXY, use ? settings->proxy : "");

	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_NOPROXY, use ? "" : "*");
	if (code != CURLE_OK || !use)
		return code;
	code = set_all(easy, required_by_proxy, COUNT_OF(required_by_proxy));
	if (code == CURLE_OK && settings->ca_bundle != NULL)
		code = curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, settings->ca_bundle);
	if (code == CURLE_OK && settings->ca_bundle != NULL)
		code = curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
	return code;
}

/* A file of authorities is instead of the system's folder, not beside it. */
static CURLcode
set_authorities(CURL *easy, const char *ca_bundle)
{
	CURLcode	code = curl_easy_setopt(easy, CURLOPT_CAINFO, ca_bundle);

	return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) : code;
}

static CURLcode
set_fresh(CURL *easy, const AwsxCurlSettings *settings, bool fresh)
{
	return curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT,
							settings->fresh_connections || fresh ? 1L : 0L);
}

bool
awsx_curl_settings_forward(const AwsxCurlSettings *settings, const AwsxHttpRequest *request)
{
	return settings->proxy != NULL && strncmp(request->endpoint, "http:", 5) == 0 &&
		!awsx_proxy_passed_by(request->endpoint);
}

CURLcode
awsx_curl_settings_apply(const AwsxCurlSettings *settings, const AwsxHttpRequest *request,
						 bool fresh, CURL *easy)
{
	CURLcode	code = set_all(easy, required, COUNT_OF(required));

	for (size_t i = 0; i < COUNT_OF(wanted); i++)
		(void) curl_easy_setopt(easy, wanted[i].option, wanted[i].value);
	if (code == CURLE_OK)
		code = set_protocols(easy);
	if (code == CURLE_OK)
		code = set_proxy(easy, settings, request->endpoint);
	if (code == CURLE_OK && settings->ca_bundle != NULL)
		code = set_authorities(easy, settings->ca_bundle);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_USERAGENT, settings->user_agent);
	if (code == CURLE_OK)
		code = set_fresh(easy, settings, fresh);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, settings->fresh_connections ? 1L : 0L);
	return code;
}

void
awsx_curl_settings_free(AwsxCurlSettings *settings)
{
	if (settings->proxy != NULL)
		explicit_bzero(settings->proxy, strlen(settings->proxy));	/* may hold a password */
	free(settings->proxy);
	free(settings->ca_bundle);
	free(settings->user_agent);
	memset(settings, 0, sizeof(*settings));
}

/*----------
 * What is the request's own
 *----------
 */

/* "Name:" alone keeps libcurl from adding the header by itself. */
static bool
append_line(struct curl_slist **lines, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*lines, line);

	if (longer != NULL)
		*lines = longer;
	return longer != NULL;
}

static bool
add_line(struct curl_slist **lines, const char *name, const char *value)
{
	AwsxBuf		line;
	bool		added;

	awsx_buf_init(&line, 0);
	awsx_buf_puts(&line, name);
	/* libcurl's spelling of a header without a value ends in a semicolon */
	awsx_buf_puts(&line, value[0] != '\0' ? ": " : ";");
	awsx_buf_reserve(&line, strlen(value)); /* growing would leave a copy of it */
	awsx_buf_puts(&line, value);
	added = !line.failed && append_line(lines, line.data);
	if (line.data != NULL)
		explicit_bzero(line.data, line.len);
	awsx_buf_free(&line);
	return added;
}

bool
awsx_curl_makes_header(const char *name)
{
	return awsx_text_equal(name, "Content-Length") || awsx_text_equal(name, "Transfer-Encoding") ||
		awsx_text_equal(name, "Expect");
}

/*
 * The request's headers, except those that libcurl makes itself, and without
 * the ones that it would add: "Expect" costs a round trip, its Content-Type
 * would be stored with an S3 object.
 */
static bool
add_header_lines(struct curl_slist **lines, const AwsxHttpRequest *request)
{
	AwsxBuf		host;
	bool		added = true;

	for (int i = 0; i < request->headers.count && added; i++)
	{
		const AwsxHeader *header = &request->headers.items[i];

		if (!awsx_curl_makes_header(header->name))
			added = add_line(lines, header->name, header->value);
	}
	awsx_buf_init(&host, 0);
	if (awsx_headers_get(&request->headers, "Host") == NULL)
		added = added && awsx_http_host(request->endpoint, &host) &&
			add_line(lines, "Host", host.data);
	awsx_buf_free(&host);
	if (awsx_headers_get(&request->headers, "Content-Type") == NULL)
		added = added && append_line(lines, "Content-Type:");
	return added && append_line(lines, "Expect:");
}

/* The body is the request's and outlives the transfer: it is not copied. */
static CURLcode
set_method(CURL *easy, const AwsxHttpRequest *request)
{
	bool		sends_body = request->body != NULL ||
		strcmp(request->method, "POST") == 0 || strcmp(request->method, "PUT") == 0;
	CURLcode	code = CURLE_OK;

	if (sends_body)
	{
		code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_len);
		if (code == CURLE_OK)
			code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
									request->body != NULL ? request->body : "");
	}
	if (code != CURLE_OK)
		return code;
	if (strcmp(request->method, "HEAD") == 0)
		return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	if (strcmp(request->method, sends_body ? "POST" : "GET") == 0)
		return CURLE_OK;
	return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

/* The time to connect includes that for the name. */
static CURLcode
set_limits(CURL *easy, const AwsxHttpRequest *request)
{
	long		connect_ms = request->connect_timeout_ms;
	long		timeout_ms = request->timeout_ms;
	CURLcode	code;

	if (timeout_ms == 0)
		timeout_ms = AWSX_CURL_TIMEOUT_MS;
	else if (timeout_ms < 0)
		timeout_ms = 0;			/* libcurl's word for no limit */
	code = curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
							connect_ms > 0 ? connect_ms : DEFAULT_CONNECT_MS);
	return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms) : code;
}

static CURLcode
set_url(CURL *easy, const AwsxHttpRequest *request)
{
	bool		has_query = request->query != NULL && request->query[0] != '\0';
	CURLcode	code = CURLE_OUT_OF_MEMORY;
	AwsxBuf		url;

	awsx_buf_init(&url, 0);
	awsx_buf_printf(&url, "%s%s%s%s", request->endpoint, request->path,
					has_query ? "?" : "", has_query ? request->query : "");
	if (!url.failed)
		code = curl_easy_setopt(easy, CURLOPT_URL, url.data);
	awsx_buf_free(&url);
	return code;
}

static CURLcode
set_headers(CURL *easy, const AwsxHttpRequest *request, struct curl_slist **lines)
{
	if (!add_header_lines(lines, request))
		return CURLE_OUT_OF_MEMORY;
	return curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *lines);
}

CURLcode
awsx_curl_request_apply(const AwsxHttpRequest *request, CURL *easy, struct curl_slist **lines)
{
	CURLcode	code = set_method(easy, request);

	if (code == CURLE_OK)
		code = set_limits(easy, request);
	if (code == CURLE_OK)
		code = set_url(easy, request);
	return code == CURLE_OK ? set_headers(easy, request, lines) : code;
}

/* What is kept afterwards is not libcurl's to decide. */
CURLcode
awsx_curl_connect_apply(const AwsxHttpRequest *request, CURL *easy)
{
	CURLcode	code = curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);

	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 0L);
	if (code == CURLE_OK)
		code = set_limits(easy, request);
	return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_URL, request->endpoint) : code;
}
