/*
 * http_curl_wire.c
 *	  One connection: made by libcurl, spoken over by ourselves.
 *
 * libcurl resolves, connects, goes through a proxy and does TLS (its
 * CURLOPT_CONNECT_ONLY); from then on its handle only sends and receives
 * bytes.  Request and answer are small, and a consumer exchanges hundreds
 * of them a second over few connections: written in one piece and read as
 * they come they cost a third of what libcurl's general machine takes, which
 * serves all that this one does not (see http_curl.c).
 *
 * The socket is watched as long as the connection is open.  One call at a
 * time; what arrives without a call, or after its answer, ends the
 * connection, as does anything that leaves in doubt where an answer ended.
 */
#include "http_curl_wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "clock.h"
#include "http_check.h"
#include "http_curl_multi.h"
#include "sigmask.h"

#define SHORT_BODY ((size_t) 64 * 1024)

/*----------
 * The end of a call
 *----------
 */

static void
end_call(AwsxCurlWire *wire, bool keep)
{
	AwsxHttpCall *call = wire->call;

	call->reused_connection = wire->reused;
	call->response.received_ms = awsx_clock_real()->wall_ms(NULL);
	if (call->error.kind != AWSX_OK)
		call->response.status = 0;
	wire->keep = keep && wire->keep;
	wire->state = AWSX_WIRE_ENDED;
}

/* What ends a call says where it was to go. */
static void
fail_call(AwsxCurlWire *wire, AwsxErrorKind kind, const char *detail)
{
	awsx_error_set(&wire->call->error, kind, "%s: %s", wire->endpoint, detail);
	end_call(wire, false);
}

static void
fail_by_libcurl(AwsxCurlWire *wire, CURLcode code)
{
	const char *detail = wire->exchange->detail;

	fail_call(wire, code == CURLE_OUT_OF_MEMORY ? AWSX_ERR_MEMORY : AWSX_ERR_TRANSPORT,
			  detail[0] != '\0' ? detail : curl_easy_strerror(code));
}

/*----------
 * The request
 *----------
 */

static size_t
size_of_head(const AwsxCurlWire *wire, const AwsxHttpRequest *request)
{
	size_t		size = 256 + strlen(wire->endpoint) + strlen(wire->user_agent) + strlen(request->path) +
		(request->query != NULL ? strlen(request->query) : 0);

	for (int i = 0; i < request->headers.count; i++)
		size += strlen(request->headers.items[i].name) + strlen(request->headers.items[i].value) + 4;
	return size;
}

static void
write_header(AwsxBuf *out, const char *name, const char *value)
{
	awsx_buf_puts(out, name);
	awsx_buf_puts(out, value[0] != '\0' ? ": " : ":");
	awsx_buf_puts(out, value);
	awsx_buf_append(out, "\r\n", 2);
}

static void
write_length(AwsxBuf *out, size_t length)
{
	char		digits[24];

	(void) snprintf(digits, sizeof(digits), "%zu", length);
	write_header(out, "Content-Length", digits);
}

/* A request without a body says so where its method would have one. */
static void
write_head(AwsxCurlWire *wire, const AwsxHttpRequest *request)
{
	AwsxBuf    *out = &wire->out;

	awsx_buf_puts(out, request->method);
	awsx_buf_putc(out, ' ');
	awsx_buf_puts(out, request->path);
	if (request->query != NULL && request->query[0] != '\0')
	{
		awsx_buf_putc(out, '?');
		awsx_buf_puts(out, request->query);
	}
	awsx_buf_puts(out, " HTTP/1.1\r\n");
	if (awsx_headers_get(&request->headers, "Host") == NULL)
	{
		awsx_buf_puts(out, "Host: ");
		(void) awsx_http_host(wire->endpoint, out);
		awsx_buf_append(out, "\r\n", 2);
	}
	if (awsx_headers_get(&request->headers, "User-Agent") == NULL)
		write_header(out, "User-Agent", wire->user_agent);
	for (int i = 0; i < request->headers.count; i++)
	{
		const AwsxHeader *header = &request->headers.items[i];

		if (!awsx_curl_makes_header(header->name))
			write_header(out, header->name, header->value);
	}
	if (request->body != NULL || strcmp(request->method, "POST") == 0 ||
		strcmp(request->method, "PUT") == 0)
		write_length(out, request->body_len);
	awsx_buf_append(out, "\r\n", 2);
}

/* Room is made first: growing would leave copies of token and signature. */
static bool
write_request(AwsxCurlWire *wire, const AwsxHttpRequest *request)
{
	size_t		body_len = request->body != NULL ? request->body_len : 0;
	bool		is_short = body_len <= SHORT_BODY;

	awsx_buf_reset(&wire->out);
	if (!awsx_buf_reserve(&wire->out, size_of_head(wire, request) + (is_short ? body_len : 0)))
		return false;
	write_head(wire, request);
	if (is_short && body_len > 0)
		awsx_buf_append(&wire->out, request->body, body_len);
	wire->sent = 0;
	wire->body = is_short ? NULL : request->body;
	wire->body_left = is_short ? 0 : body_len;
	return !wire->out.failed;
}

/* Token and signature do not stay in memory. */
static void
wipe(AwsxCurlWire *wire)
{
	if (wire->out.data != NULL)
		explicit_bzero(wire->out.data, wire->out.len);
	awsx_buf_reset(&wire->out);
	wire->sent = 0;
	wire->body = NULL;
	wire->body_left = 0;
}

static bool
is_sending(const AwsxCurlWire *wire)
{
	return wire->sent < wire->out.len || wire->body_left > 0;
}

static bool
watch(AwsxCurlWire *wire, int operation, bool sends)
{
	struct epoll_event event = {
		.events = sends ? EPOLLIN | EPOLLOUT : EPOLLIN,
		.data = {.u64 = AWSX_WIRE_EVENT | (uint32_t) wire->fd}
	};
	char		detail[64];

	if (epoll_ctl(wire->epoll_fd, operation, wire->fd, &event) == 0)
	{
		wire->sends = sends;
		return true;
	}
	(void) snprintf(detail, sizeof(detail), "a socket cannot be watched (errno %d)", errno);
	fail_call(wire, AWSX_ERR_TRANSPORT, detail);
	return false;
}

static CURLcode
send_some(AwsxCurlWire *wire, const char *bytes, size_t len, size_t *sent)
{
	sigset_t	saved;
	CURLcode	code;

	*sent = 0;
	wire->exchange->detail[0] = '\0';
	if (!wire->tls)
		return curl_easy_send(wire->exchange->easy, bytes, len, sent);
	awsx_sigmask_block(&saved); /* a TLS library may raise SIGPIPE */
	code = curl_easy_send(wire->exchange->easy, bytes, len, sent);
	awsx_sigmask_restore(&saved);
	return code;
}

static void
send_more(AwsxCurlWire *wire)
{
	while (is_sending(wire))
	{
		bool		in_head = wire->sent < wire->out.len;
		size_t		sent;
		CURLcode	code = in_head ?
			send_some(wire, wire->out.data + wire->sent, wire->out.len - wire->sent, &sent) :
			send_some(wire, wire->body, wire->body_left, &sent);

		if (code == CURLE_AGAIN || (code == CURLE_OK && sent == 0))
		{
			if (!wire->sends)
				(void) watch(wire, EPOLL_CTL_MOD, true);
			return;
		}
		if (code != CURLE_OK)
		{
			fail_by_libcurl(wire, code);
			return;
		}
		if (in_head)
			wire->sent += sent;
		else
		{
			wire->body += sent;
			wire->body_left -= sent;
		}
	}
	wipe(wire);
	if (wire->sends)
		(void) watch(wire, EPOLL_CTL_MOD, false);
}

/*----------
 * The answer
 *----------
 */

static void
take_reading(AwsxCurlWire *wire, AwsxHttpReading reading, bool more_came)
{
	AwsxError  *error = &wire->call->error;

	if (reading == AWSX_READING_MORE)
		return;
	if (reading == AWSX_READING_FAILED && error->kind != AWSX_ERR_MEMORY)
		awsx_error_retell(error, error->kind, "%s: %s", wire->endpoint, error->message);
	end_call(wire, reading == AWSX_READING_COMPLETE && wire->reader.keep && !more_came &&
			 !is_sending(wire));
}

static CURLcode
receive_some(AwsxCurlWire *wire, char *room, size_t size, size_t *got)
{
	*got = 0;
	wire->exchange->detail[0] = '\0';
	return curl_easy_recv(wire->exchange->easy, room, size, got);
}

/* TLS may hold more than the kernel tells of, so only an empty read is the end. */
static void
receive_more(AwsxCurlWire *wire, char *room, size_t size)
{
	size_t		got = size;

	while (wire->state == AWSX_WIRE_BUSY && (wire->tls || got == size))
	{
		CURLcode	code = receive_some(wire, room, size, &got);
		AwsxError  *error = &wire->call->error;
		size_t		used = 0;

		if (code == CURLE_AGAIN)
			return;
		if (code != CURLE_OK)
			fail_by_libcurl(wire, code);
		else if (got == 0)
			take_reading(wire, awsx_http_reader_end(&wire->reader, error), false);
		else
		{
			AwsxHttpReading reading = awsx_http_reader_feed(&wire->reader, room, got, &used, error);

			take_reading(wire, reading, used < got);
		}
	}
}

bool
awsx_curl_wire_is_quiet(AwsxCurlWire *wire)
{
	char		byte;
	size_t		got;

	return receive_some(wire, &byte, 1, &got) == CURLE_AGAIN;
}

void
awsx_curl_wire_act(AwsxCurlWire *wire, uint32_t events, char *room, size_t size)
{
	if (wire->state == AWSX_WIRE_IDLE && !awsx_curl_wire_is_quiet(wire))
		wire->keep = false;
	if (wire->state == AWSX_WIRE_BUSY && (events & ~(uint32_t) EPOLLOUT) != 0)
		receive_more(wire, room, size);
	if (wire->state == AWSX_WIRE_BUSY && is_sending(wire))
		send_more(wire);
}

void
awsx_curl_wire_expire(AwsxCurlWire *wire, int64_t now_us)
{
	char		detail[64];

	if (wire->state != AWSX_WIRE_BUSY || now_us < wire->deadline_us)
		return;
	(void) snprintf(detail, sizeof(detail), "no %sanswer in time",
					wire->reader.began ? "whole " : "");
	fail_call(wire, AWSX_ERR_TIMEOUT, detail);
}

/*----------
 * From one call to the next
 *----------
 */

static int64_t
deadline_of(const AwsxHttpRequest *request)
{
	int			timeout_ms = request->timeout_ms != 0 ? request->timeout_ms : AWSX_CURL_TIMEOUT_MS;

	return timeout_ms < 0 ? INT64_MAX : awsx_curl_now_us() + (int64_t) timeout_ms * 1000;
}

static void
begin_call(AwsxCurlWire *wire, AwsxHttpCall *call)
{
	wire->call = call;
	wire->deadline_us = deadline_of(call->request);
	awsx_error_clear(&call->error);
	awsx_curl_response_init(call);
	awsx_http_reader_start(&wire->reader, &call->response);
}

static void
send_request(AwsxCurlWire *wire)
{
	wire->state = AWSX_WIRE_BUSY;
	if (write_request(wire, wire->call->request))
		send_more(wire);
	else
		fail_call(wire, AWSX_ERR_MEMORY, "out of memory");
}

AwsxCurlWire *
awsx_curl_wire_create(const AwsxCurlSettings *settings, int epoll_fd, AwsxHttpCall *call,
					  AwsxError *error)
{
	AwsxCurlWire *wire = calloc(1, sizeof(*wire));

	if (wire != NULL)
		wire->endpoint = strdup(call->request->endpoint);
	if (wire == NULL || wire->endpoint == NULL)
	{
		free(wire);
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
		return NULL;
	}
	wire->exchange = awsx_curl_exchange_connect(settings, call, error);
	if (wire->exchange == NULL)
	{
		awsx_curl_wire_free(wire);
		return NULL;
	}
	wire->exchange->wire = wire;
	wire->user_agent = settings->user_agent;
	wire->epoll_fd = epoll_fd;
	wire->fd = -1;
	wire->tls = strncmp(wire->endpoint, "https:", 6) == 0;
	wire->keep = !settings->fresh_connections;
	begin_call(wire, call);
	return wire;
}

void
awsx_curl_wire_connected(AwsxCurlWire *wire)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	CURLcode	code = curl_easy_getinfo(wire->exchange->easy, CURLINFO_ACTIVESOCKET, &fd);

	if (code != CURLE_OK || fd == CURL_SOCKET_BAD)
	{
		fail_call(wire, AWSX_ERR_TRANSPORT, "the connection ended as soon as it was made");
		return;
	}
	wire->fd = fd;
	wire->opened_us = awsx_curl_now_us();
	if (watch(wire, EPOLL_CTL_ADD, false))
		send_request(wire);
}

void
awsx_curl_wire_refused(AwsxCurlWire *wire, CURLcode code)
{
	awsx_curl_exchange_finish(wire->exchange, code);
	wire->call->reused_connection = false;
	wire->keep = false;
	wire->state = AWSX_WIRE_ENDED;
}

void
awsx_curl_wire_start(AwsxCurlWire *wire, AwsxHttpCall *call)
{
	wire->reused = true;
	begin_call(wire, call);
	send_request(wire);
}

void
awsx_curl_wire_free(AwsxCurlWire *wire)
{
	wipe(wire);
	awsx_buf_free(&wire->out);
	awsx_http_reader_free(&wire->reader);
	if (wire->exchange != NULL)
		awsx_curl_exchange_free(wire->exchange);
	free(wire->endpoint);
	free(wire);
}
