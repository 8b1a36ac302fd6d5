/*
 * http_curl_exchange.c
 *	  One exchange over libcurl: from what arrives to the response, from
 *	  libcurl's result to an error.
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
#include "http_reader.h"

#define DEFAULT_MAX_RESPONSE ((size_t) 1 << 20)

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

/* Is a body announced that would be refused?  Then not a byte of it is read. */
static bool
announces_too_much(const AwsxCurlExchange *exchange)
{
	const AwsxHttpCall *call = exchange->call;
	const char *length = awsx_headers_get(&call->response.headers, "Content-Length");

	return length != NULL && call->request->sink == NULL &&
		strcmp(call->request->method, "HEAD") != 0 && status_of(exchange->easy) / 100 == 2 &&
		strtoull(length, NULL, 10) > call->response.body.max;
}

static size_t
on_header(char *bytes, size_t size, size_t count, void *arg)
{
	AwsxCurlExchange *exchange = arg;
	AwsxHeaders *headers = &exchange->call->response.headers;
	size_t		len = size * count;

	exchange->header_bytes += len;
	if (exchange->header_bytes > AWSX_HTTP_MAX_HEADER_BYTES || headers->count >= AWSX_HTTP_MAX_HEADERS)
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
	{
		exchange->headers_complete = true;
		if (announces_too_much(exchange))
		{
			exchange->stop = AWSX_CURL_STOP_BODY;
			return 0;
		}
	}
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

static CURLcode
set_callbacks(AwsxCurlExchange *exchange)
{
	CURL	   *easy = exchange->easy;
	CURLcode	code = curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->detail);

	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_new_socket);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, exchange);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
	return code;
}

static bool
refused(CURLcode code, AwsxError *error)
{
	if (code == CURLE_OUT_OF_MEMORY)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	return awsx_error_set(error, AWSX_ERR_CONFIG, "this libcurl (%s) cannot be used: %s",
						  curl_version_info(CURLVERSION_NOW)->version, curl_easy_strerror(code));
}

/* Null and *error when memory ends or an option is refused. */
static AwsxCurlExchange *
create(const AwsxCurlSettings *settings, AwsxHttpCall *call, bool fresh, AwsxError *error)
{
	AwsxCurlExchange *exchange = calloc(1, sizeof(*exchange));
	CURLcode	code = CURLE_OUT_OF_MEMORY;

	if (exchange != NULL)
		exchange->easy = curl_easy_init();
	if (exchange != NULL && exchange->easy != NULL)
	{
		exchange->call = call;
		code = set_callbacks(exchange);
	}
	if (code == CURLE_OK)
		code = awsx_curl_settings_apply(settings, call->request, fresh, exchange->easy);
	if (code == CURLE_OK)
		return exchange;
	if (exchange != NULL)
		awsx_curl_exchange_free(exchange);
	(void) refused(code, error);
	return NULL;
}

void
awsx_curl_response_init(AwsxHttpCall *call)
{
	awsx_http_response_init(&call->response, call->request->max_response != 0 ?
							call->request->max_response : DEFAULT_MAX_RESPONSE);
}

AwsxCurlExchange *
awsx_curl_exchange_create(const AwsxCurlSettings *settings, AwsxHttpCall *call, bool fresh,
						  AwsxError *error)
{
	AwsxCurlExchange *exchange = create(settings, call, fresh, error);
	CURLcode	code;

	if (exchange == NULL)
		return NULL;
	code = awsx_curl_request_apply(call->request, exchange->easy, &exchange->header_lines);
	if (code == CURLE_OK)
	{
		awsx_curl_response_init(call);
		return exchange;
	}
	awsx_curl_exchange_free(exchange);
	(void) refused(code, error);
	return NULL;
}

AwsxCurlExchange *
awsx_curl_exchange_connect(const AwsxCurlSettings *settings, AwsxHttpCall *call, AwsxError *error)
{
	AwsxCurlExchange *exchange = create(settings, call, true, error);
	CURLcode	code;

	if (exchange == NULL)
		return NULL;
	code = awsx_curl_connect_apply(call->request, exchange->easy);
	if (code == CURLE_OK)
		return exchange;
	awsx_curl_exchange_free(exchange);
	(void) refused(code, error);
	return NULL;
}

/* Token and signature do not stay in memory. */
static void
drop_header_lines(AwsxCurlExchange *exchange)
{
	for (struct curl_slist *line = exchange->header_lines; line != NULL; line = line->next)
		explicit_bzero(line->data, strlen(line->data));
	curl_slist_free_all(exchange->header_lines);
	exchange->header_lines = NULL;
}

void
awsx_curl_exchange_free(AwsxCurlExchange *exchange)
{
	if (exchange->easy != NULL)
		curl_easy_cleanup(exchange->easy);
	drop_header_lines(exchange);
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
						   AWSX_HTTP_MAX_HEADERS, AWSX_HTTP_MAX_HEADER_BYTES);
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

/* How a proxy answered to the wish for a tunnel; 0 = there was none. */
static long
proxy_status(CURL *easy)
{
	long		status = 0;

	(void) curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
	return status;
}

/* What a person can do; null where libcurl's words are enough. */
static const char *
advice_on(CURL *easy, CURLcode code)
{
	long		verify_result = X509_V_ERR_UNSPECIFIED;

	if (proxy_status(easy) == 407)
		return "the proxy wants another user:password in its URL";

	switch (code)
	{
		case CURLE_PEER_FAILED_VERIFICATION:
			(void) curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verify_result);
			return awsx_ca_bundle_advice(verify_result);
		case CURLE_SSL_CONNECT_ERROR:	/* also: a signature that does not fit its authority */
			return "the server must speak TLS 1.2 or later; an authority named by ca_bundle or AWS_CA_BUNDLE must be its own";
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
	if (code == CURLE_PEER_FAILED_VERIFICATION || proxy_status(exchange->easy) == 407)
		call->error.retryable = false;
}
