/*
 * http_curl_exchange.c
 *	  One exchange over libcurl: from the request to an easy handle's
 *	  options, from what arrives to the response, from libcurl's result to an
 *	  error.
 *
 * libcurl's callbacks here only note and copy: they never call back into the
 * transport, raise or jump.
 */
#include "http_curl_exchange.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ca_bundle.h"
#include "clock.h"
#include "http_check.h"
#include "text.h"

#define DEFAULT_CONNECT_MS 3000
#define DEFAULT_TIMEOUT_MS 30000
#define DEFAULT_MAX_RESPONSE ((size_t) 1 << 20)
#define MAX_HEADERS 100
#define MAX_HEADER_BYTES ((size_t) 64 * 1024)
#define IDLE_SECONDS 30L		/* a kept connection is not used after that */
#define LIFETIME_SECONDS 300L	/* so that moves in DNS are followed */

/*----------
 * What libcurl delivers: headers and body
 *----------
 */

static int
status_of(CURL *easy)
{
	long		status = 0;

	(void) curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	return (int) status;
}

static size_t
on_header(char *bytes, size_t size, size_t count, void *arg)
{
	AwsxCurlExchange *exchange = arg;
	AwsxHeaders *headers = &exchange->call->response.headers;
	size_t		len = size * count;

	exchange->header_bytes += len;
	if (exchange->header_bytes > MAX_HEADER_BYTES || headers->count >= MAX_HEADERS)
	{
		exchange->stop = AWSX_CURL_STOP_HEADERS;
		return 0;
	}
	if (len >= 5 && memcmp(bytes, "HTTP/", 5) == 0)
	{
		awsx_headers_free(headers); /* what came before was "100 Continue" */
		exchange->headers_complete = false;
	}
	else if (len > 0 && len <= 2 && (bytes[0] == '\r' || bytes[0] == '\n'))
		exchange->headers_complete = true;
	else if (!exchange->in_body &&	/* trailers replace nothing */
			 !awsx_headers_set_line(headers, bytes, len))
	{
		exchange->stop = AWSX_CURL_STOP_MEMORY;
		return 0;
	}
	return len;
}

/*
 * Of an answer that reports an error the beginning is enough; of a success
 * every byte is needed.
 */
static size_t
keep_body(AwsxCurlExchange *exchange, const char *bytes, size_t len)
{
	AwsxBuf    *body = &exchange->call->response.body;
	size_t		room = body->max - body->len;

	if (len > room)
	{
		exchange->stop = AWSX_CURL_STOP_BODY;
		(void) awsx_buf_append(body, bytes, room);
		return 0;
	}
	if (awsx_buf_append(body, bytes, len))
		return len;
	exchange->stop = AWSX_CURL_STOP_MEMORY;
	return 0;
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *arg)
{
	AwsxCurlExchange *exchange = arg;
	const AwsxHttpRequest *request = exchange->call->request;
	size_t		len = size * count;

	exchange->in_body = true;
	if (request->sink == NULL || status_of(exchange->easy) / 100 != 2)
		return keep_body(exchange, bytes, len);
	if (request->sink(request->sink_arg, bytes, len))
		return len;
	exchange->stop = AWSX_CURL_STOP_SINK;
	return 0;
}

/*----------
 * Starting an exchange
 *----------
 */

/* No child of the host process inherits the socket; a dead peer is noticed. */
static int
on_new_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	AwsxCurlExchange *exchange = arg;
	int			probes = 3;

	(void) purpose;
	exchange->opened = true;
	(void) fcntl(fd, F_SETFD, FD_CLOEXEC);
	(void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	return CURL_SOCKOPT_OK;
}

static void
set_connection_options(const AwsxCurlSettings *settings, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 10L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 30L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (settings->ca_bundle != NULL)
	{
		curl_easy_setopt(easy, CURLOPT_CAINFO, settings->ca_bundle);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);	/* instead of the system's, not beside */
	}
	curl_easy_setopt(easy, CURLOPT_USERAGENT, settings->user_agent);
#if LIBCURL_VERSION_NUM >= 0x074100
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_SECONDS);
#endif
#if LIBCURL_VERSION_NUM >= 0x075000
	curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, LIFETIME_SECONDS);
#endif
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
}

/* "Name:" alone keeps libcurl from adding the header by itself. */
static bool
append_line(AwsxCurlExchange *exchange, const char *line)
{
	struct curl_slist *lines = curl_slist_append(exchange->header_lines, line);

	if (lines != NULL)
		exchange->header_lines = lines;
	return lines != NULL;
}

static bool
add_line(AwsxCurlExchange *exchange, const char *name, const char *value)
{
	AwsxBuf		line;
	bool		added;

	awsx_buf_init(&line, 0);
	/* libcurl's spelling of a header without a value ends in a semicolon */
	awsx_buf_printf(&line, value[0] != '\0' ? "%s: %s" : "%s;", name, value);
	added = !line.failed && append_line(exchange, line.data);
	if (line.data != NULL)
		explicit_bzero(line.data, line.len);
	awsx_buf_free(&line);
	return added;
}

/*
 * The request's headers, except those that libcurl makes itself, and without
 * the ones that it would add: "Expect" costs a round trip, its Content-Type
 * would be stored with an S3 object.
 */
static bool
add_header_lines(AwsxCurlExchange *exchange, const AwsxHttpRequest *request)
{
	static const char *const made_by_curl[] = {"Content-Length", "Transfer-Encoding", "Expect"};
	AwsxBuf		host;
	bool		added = true;

	for (int i = 0; i < request->headers.count && added; i++)
	{
		const AwsxHeader *header = &request->headers.items[i];
		bool		skip = false;

		for (size_t j = 0; j < sizeof(made_by_curl) / sizeof(made_by_curl[0]); j++)
			skip = skip || awsx_text_equal(header->name, made_by_curl[j]);
		if (!skip)
			added = add_line(exchange, header->name, header->value);
	}
	awsx_buf_init(&host, 0);
	if (awsx_headers_get(&request->headers, "Host") == NULL)
		added = added && awsx_http_host(request->endpoint, &host) &&
			add_line(exchange, "Host", host.data);
	awsx_buf_free(&host);
	if (awsx_headers_get(&request->headers, "Content-Type") == NULL)
		added = added && append_line(exchange, "Content-Type:");
	return added && append_line(exchange, "Expect:");
}

static void
set_method(CURL *easy, const AwsxHttpRequest *request)
{
	bool		sends_body = request->body != NULL ||
		strcmp(request->method, "POST") == 0 || strcmp(request->method, "PUT") == 0;

	if (sends_body)
	{
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body != NULL ? request->body : "");
	}
	if (strcmp(request->method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else if (!(strcmp(request->method, sends_body ? "POST" : "GET") == 0))
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void
set_limits(CURL *easy, const AwsxHttpRequest *request)
{
	long		connect_ms = request->connect_timeout_ms;
	long		timeout_ms = request->timeout_ms;

	if (timeout_ms == 0)
		timeout_ms = DEFAULT_TIMEOUT_MS;
	else if (timeout_ms < 0)
		timeout_ms = 0;			/* libcurl's word for no limit */
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
					 connect_ms > 0 ? connect_ms : DEFAULT_CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
}

static bool
set_url(CURL *easy, const AwsxHttpRequest *request)
{
	bool		has_query = request->query != NULL && request->query[0] != '\0';
	AwsxBuf		url;
	bool		set;

	awsx_buf_init(&url, 0);
	awsx_buf_printf(&url, "%s%s%s%s", request->endpoint, request->path,
					has_query ? "?" : "", has_query ? request->query : "");
	set = !url.failed && curl_easy_setopt(easy, CURLOPT_URL, url.data) == CURLE_OK;
	awsx_buf_free(&url);
	return set;
}

/* False when memory ends. */
static bool
set_request(AwsxCurlExchange *exchange, const AwsxCurlSettings *settings)
{
	const AwsxHttpCall *call = exchange->call;
	bool		fresh = settings->fresh_connections || call->fresh_connection;
	CURL	   *easy = exchange->easy;

	set_connection_options(settings, easy);
	set_method(easy, call->request);
	set_limits(easy, call->request);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, settings->fresh_connections ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->detail);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_new_socket);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, exchange);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
	if (!add_header_lines(exchange, call->request) || !set_url(easy, call->request))
		return false;
	return curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->header_lines) == CURLE_OK;
}

AwsxCurlExchange *
awsx_curl_exchange_create(const AwsxCurlSettings *settings, AwsxHttpCall *call,
						  AwsxError *error)
{
	AwsxCurlExchange *exchange;

	if (!awsx_http_request_check(call->request, true, error))
		return NULL;
	exchange = calloc(1, sizeof(*exchange));
	if (exchange != NULL)
	{
		exchange->call = call;
		exchange->easy = curl_easy_init();
	}
	if (exchange == NULL || exchange->easy == NULL || !set_request(exchange, settings))
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
		if (exchange != NULL)
			awsx_curl_exchange_free(exchange);
		return NULL;
	}
	awsx_http_response_init(&call->response, call->request->max_response != 0 ?
							call->request->max_response : DEFAULT_MAX_RESPONSE);
	return exchange;
}

void
awsx_curl_exchange_free(AwsxCurlExchange *exchange)
{
	for (struct curl_slist *line = exchange->header_lines; line != NULL; line = line->next)
		explicit_bzero(line->data, strlen(line->data)); /* token, signature */
	if (exchange->easy != NULL)
		curl_easy_cleanup(exchange->easy);
	curl_slist_free_all(exchange->header_lines);
	free(exchange);
}

/*----------
 * The end of an exchange
 *----------
 */

/* Our own stop; false when what came is an answer nevertheless. */
static bool
stopped(const AwsxCurlExchange *exchange, AwsxError *error)
{
	const AwsxHttpResponse *response = &exchange->call->response;

	switch (exchange->stop)
	{
		case AWSX_CURL_STOP_SINK:
			awsx_error_set(error, AWSX_ERR_CANCELLED, "the receiver of the body wants no more");
			return true;
		case AWSX_CURL_STOP_HEADERS:
			awsx_error_set(error, AWSX_ERR_PROTOCOL,
						   "the answer has more than %d headers or %zu bytes of them",
						   MAX_HEADERS, MAX_HEADER_BYTES);
			return true;
		case AWSX_CURL_STOP_MEMORY:
			awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
			return true;
		case AWSX_CURL_STOP_BODY:
			if (response->status / 100 != 2)
				return false;
			awsx_error_set(error, AWSX_ERR_PROTOCOL, "the answer is longer than %zu bytes",
						   response->body.max);
			return true;
		default:
			return false;
	}
}

static AwsxErrorKind
kind_of(CURLcode code)
{
	switch (code)
	{
		case CURLE_OPERATION_TIMEDOUT:
			return AWSX_ERR_TIMEOUT;
		case CURLE_OUT_OF_MEMORY:
			return AWSX_ERR_MEMORY;
		case CURLE_URL_MALFORMAT:
		case CURLE_BAD_FUNCTION_ARGUMENT:
		case CURLE_SSL_CACERT_BADFILE:
		case CURLE_SSL_CERTPROBLEM:
		case CURLE_SSL_ISSUER_ERROR:
		case CURLE_NOT_BUILT_IN:
			return AWSX_ERR_CONFIG;
		case CURLE_UNSUPPORTED_PROTOCOL:	/* also: the answer is not HTTP/1 */
		case CURLE_WEIRD_SERVER_REPLY:
		case CURLE_WRITE_ERROR:
		case CURLE_BAD_CONTENT_ENCODING:
			return AWSX_ERR_PROTOCOL;
		default:
			return AWSX_ERR_TRANSPORT;
	}
}

/* What a person can do; null where libcurl's words are enough. */
static const char *
advice_on(CURL *easy, CURLcode code)
{
	long		verify_result = X509_V_ERR_UNSPECIFIED;

	switch (code)
	{
		case CURLE_PEER_FAILED_VERIFICATION:
			(void) curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verify_result);
			return awsx_ca_bundle_advice(verify_result);
		case CURLE_SSL_CONNECT_ERROR:	/* also: a signature that does not fit its authority */
			return "the server must speak TLS 1.2 or later, and its authority be in ca_bundle or AWS_CA_BUNDLE if named";
		case CURLE_SSL_CACERT_BADFILE:
			return "ca_bundle or AWS_CA_BUNDLE must name a file of certificates (PEM)";
		default:
			return NULL;
	}
}

void
awsx_curl_exchange_finish(AwsxCurlExchange *exchange, CURLcode code)
{
	AwsxHttpCall *call = exchange->call;
	const char *detail = exchange->detail[0] != '\0' ? exchange->detail : curl_easy_strerror(code);
	const char *advice;

	/* libcurl's own count of connects leaves out those that failed */
	call->reused_connection = !exchange->opened && code != CURLE_COULDNT_RESOLVE_HOST;
	call->response.status = status_of(exchange->easy);
	call->response.received_ms = awsx_clock_real()->wall_ms(NULL);
	awsx_error_clear(&call->error);

	/*
	 * A connection that ends within the headers is a success to libcurl
	 * (7.88 at least): an answer cut short would pass for an empty one.
	 */
	if (code == CURLE_OK && !exchange->headers_complete)
	{
		code = CURLE_RECV_ERROR;
		detail = "the answer ended within its headers";
	}
	if (code == CURLE_OK || stopped(exchange, &call->error) ||
		exchange->stop == AWSX_CURL_STOP_BODY)
		return;

	advice = advice_on(exchange->easy, code);
	call->response.status = 0;
	awsx_error_set(&call->error, kind_of(code), "%s: %s%s%s", call->request->endpoint, detail,
				   advice != NULL ? "; " : "", advice != NULL ? advice : "");
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		call->error.retryable = false;
}
