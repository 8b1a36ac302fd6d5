/*
 * http_curl.c
 *	  The transport over libcurl.
 *
 * One multi handle behind one epoll descriptor, which is what the owner waits
 * on, together with whatever else it waits for.  drive passes events and due
 * time on, then reports the exchanges that ended.
 *
 * There are two ways to carry a call.  Most go over a wire (http_curl_wire.c): a
 * connection that libcurl makes and that is ours from then on.  What wires do
 * not do is an exchange of libcurl's own: a body that goes to a sink, HEAD,
 * and plain HTTP by a proxy, which wants other requests.
 *
 * An exchange is an easy handle and its strings, owned by the transport from
 * start to the report; the call itself is the owner's.  done is called with
 * no libcurl frame below, so it may start and cancel.
 *
 * libcurl's own kept connections belong to the multi handle and leave with
 * it: to forget them is to make a new one, as soon as nothing is under way.
 *
 * libcurl's resolver runs in threads of its own.  They inherit the signal
 * mask of the moment they are made, so all signals but those of a crash are
 * blocked around the calls that may make one: a handler of the host process
 * must never run on such a thread.
 */
#include "http.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca_bundle.h"
#include "http_check.h"
#include "http_curl_exchange.h"
#include "http_curl_multi.h"
#include "http_curl_wires.h"
#include "sigmask.h"

#define DEFAULT_USER_AGENT "pg_sqs"
typedef struct CurlTransport
{
	AwsxTransport base;
	AwsxCurlMulti multi;
	AwsxCurlSettings settings;
	AwsxCurlExchange *exchanges;	/* libcurl's own; the wires' are theirs */
	AwsxCurlWires wires;
	bool		forgetting;		/* what is kept must not be used again */
} CurlTransport;

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static CURLcode global_result;

/*----------
 * The transport's functions
 *----------
 */

static void
leave_multi(CurlTransport *transport, AwsxCurlExchange *exchange)
{
	sigset_t	saved;

	awsx_sigmask_block(&saved);
	(void) curl_multi_remove_handle(transport->multi.handle, exchange->easy);
	awsx_sigmask_restore(&saved);
}

static bool
join_multi(CurlTransport *transport, AwsxCurlExchange *exchange, AwsxError *error)
{
	CURLMcode	result;
	sigset_t	saved;

	if (!awsx_curl_multi_ready(&transport->multi, error))
		return false;
	awsx_sigmask_block(&saved);
	result = curl_multi_add_handle(transport->multi.handle, exchange->easy);
	awsx_sigmask_restore(&saved);
	return result == CURLM_OK ||
		awsx_error_set(error, AWSX_ERR_MEMORY, "libcurl cannot start a transfer: %s",
					   curl_multi_strerror(result));
}

/* Take an exchange out of libcurl and the list, and free it. */
static void
release(CurlTransport *transport, AwsxCurlExchange *exchange)
{
	if (exchange->prev != NULL)
		exchange->prev->next = exchange->next;
	else
		transport->exchanges = exchange->next;
	if (exchange->next != NULL)
		exchange->next->prev = exchange->prev;
	exchange->call->handle = NULL;
	leave_multi(transport, exchange);
	awsx_curl_exchange_free(exchange);
}

/* Its connection ends with it. */
static void
release_wire(CurlTransport *transport, AwsxCurlWire *wire)
{
	if (wire->call != NULL)
		wire->call->handle = NULL;
	awsx_curl_wires_remove(&transport->wires, wire);
	leave_multi(transport, wire->exchange);
	awsx_curl_wire_free(wire);
}

static void
release_idle_wires(CurlTransport *transport, bool all)
{
	AwsxCurlWire *wire;

	while ((wire = awsx_curl_wires_stale(&transport->wires)) != NULL ||
		   (all && (wire = awsx_curl_wires_find(&transport->wires, AWSX_WIRE_IDLE)) != NULL))
		release_wire(transport, wire);
}

/* While an exchange is under way, libcurl's handle cannot go. */
static void
forget_when_idle(CurlTransport *transport)
{
	if (!transport->forgetting || transport->exchanges != NULL || transport->wires.first != NULL)
		return;
	awsx_curl_multi_drop(&transport->multi);
	transport->forgetting = false;
}

static void
transport_forget(AwsxTransport *self)
{
	CurlTransport *transport = (CurlTransport *) self;

	transport->forgetting = true;
	release_idle_wires(transport, true);
	forget_when_idle(transport);
}

static bool
start_exchange(CurlTransport *transport, AwsxHttpCall *call, bool fresh, AwsxError *error)
{
	AwsxCurlExchange *exchange = awsx_curl_exchange_create(&transport->settings, call, fresh, error);

	if (exchange == NULL)
		return false;
	if (!join_multi(transport, exchange, error))
	{
		awsx_curl_exchange_free(exchange);
		awsx_http_response_free(&call->response);
		return false;
	}
	exchange->next = transport->exchanges;
	if (exchange->next != NULL)
		exchange->next->prev = exchange;
	transport->exchanges = exchange;
	call->handle = exchange;
	return true;
}

/* Null when none can be used. */
static AwsxCurlWire *
take_idle_wire(CurlTransport *transport, const char *endpoint)
{
	AwsxCurlWire *wire;

	while ((wire = awsx_curl_wires_idle(&transport->wires, endpoint)) != NULL &&
		   !awsx_curl_wire_is_quiet(wire))
		release_wire(transport, wire);
	return wire;
}

static bool
start_on_wire(CurlTransport *transport, AwsxHttpCall *call, bool fresh, AwsxError *error)
{
	AwsxCurlWire *wire = NULL;

	if (!fresh)
		wire = take_idle_wire(transport, call->request->endpoint);
	if (wire != NULL)
	{
		call->handle = wire->exchange;
		awsx_curl_wire_start(wire, call);
		return true;
	}
	wire = awsx_curl_wire_create(&transport->settings, transport->multi.epoll_fd, call, error);
	if (wire == NULL)
		return false;
	if (!join_multi(transport, wire->exchange, error))
	{
		awsx_curl_wire_free(wire);
		awsx_http_response_free(&call->response);
		return false;
	}
	awsx_curl_wires_add(&transport->wires, wire);
	call->handle = wire->exchange;
	return true;
}

static bool
suits_wire(const CurlTransport *transport, const AwsxHttpRequest *request)
{
	return request->sink == NULL && strcmp(request->method, "HEAD") != 0 &&
		!awsx_curl_settings_forward(&transport->settings, request);
}

static bool
transport_start(AwsxTransport *self, AwsxHttpCall *call, AwsxError *error)
{
	CurlTransport *transport = (CurlTransport *) self;
	bool		fresh;

	forget_when_idle(transport);
	fresh = call->fresh_connection || transport->forgetting;
	if (!awsx_http_request_check(call->request, call->request->allow_plain, error))
		return false;
	if (suits_wire(transport, call->request))
		return start_on_wire(transport, call, fresh, error);
	return start_exchange(transport, call, fresh, error);
}

static void
transport_cancel(AwsxTransport *self, AwsxHttpCall *call)
{
	CurlTransport *transport = (CurlTransport *) self;
	AwsxCurlExchange *exchange = call->handle;

	if (exchange == NULL)
		return;
	if (exchange->wire != NULL)
		release_wire(transport, exchange->wire);
	else
		release(transport, exchange);
	awsx_http_response_free(&call->response);
}

static void
report(CurlTransport *transport, AwsxCurlExchange *exchange, CURLcode code)
{
	AwsxHttpCall *call = exchange->call;

	awsx_curl_exchange_finish(exchange, code);
	release(transport, exchange);
	call->done(call);
}

/* The wire is free, or gone, before the report, which may start the next call. */
static void
report_wire(CurlTransport *transport, AwsxCurlWire *wire)
{
	AwsxHttpCall *call = wire->call;

	call->handle = NULL;
	wire->call = NULL;
	if (wire->keep && !transport->forgetting &&
		awsx_curl_wires_count(&transport->wires, AWSX_WIRE_IDLE) < transport->multi.kept)
	{
		wire->state = AWSX_WIRE_IDLE;
		wire->idle_us = awsx_curl_now_us();
	}
	else
		release_wire(transport, wire);
	call->done(call);
}

/*
 * A socket that nobody watches would hang its exchange: end them all, the
 * oldest first, but not those that a report starts (they go to the front).
 */
static void
report_unwatched(CurlTransport *transport)
{
	int			cause = transport->multi.watch_errno;
	int			count = 0;

	transport->multi.watch_errno = 0;
	for (AwsxCurlExchange *each = transport->exchanges; each != NULL; each = each->next)
		count++;
	while (count-- > 0 && transport->exchanges != NULL)
	{
		AwsxCurlExchange *last = transport->exchanges;

		while (last->next != NULL)
			last = last->next;
		(void) snprintf(last->detail, sizeof(last->detail),
						"a socket cannot be watched (errno %d)", cause);
		report(transport, last, CURLE_RECV_ERROR);
	}
}

/* ... and those that only connect. */
static void
refuse_unwatched(CurlTransport *transport)
{
	AwsxCurlWire *wire;

	while ((wire = awsx_curl_wires_find(&transport->wires, AWSX_WIRE_CONNECTING)) != NULL)
	{
		(void) snprintf(wire->exchange->detail, sizeof(wire->exchange->detail),
						"a socket cannot be watched (errno %d)", transport->multi.watch_errno);
		awsx_curl_wire_refused(wire, CURLE_COULDNT_CONNECT);
	}
}

/* The next exchange that ended, or null.  A report may have dropped the handle. */
static AwsxCurlExchange *
next_ended(CurlTransport *transport, CURLcode *code)
{
	CURLMsg    *message;
	int			left;

	while (transport->multi.handle != NULL &&
		   (message = curl_multi_info_read(transport->multi.handle, &left)) != NULL)
	{
		char	   *exchange = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		*code = message->data.result;
		(void) curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
		return (AwsxCurlExchange *) (void *) exchange;
	}
	return NULL;
}

/* An exchange ended: a wire's has only connected. */
static void
take_ended(CurlTransport *transport, AwsxCurlExchange *exchange, CURLcode code)
{
	if (exchange->wire == NULL)
		report(transport, exchange, code);
	else if (code == CURLE_OK)
		awsx_curl_wire_connected(exchange->wire);
	else
		awsx_curl_wire_refused(exchange->wire, code);
}

static void
transport_drive(AwsxTransport *self)
{
	CurlTransport *transport = (CurlTransport *) self;
	AwsxCurlExchange *ended;
	CURLcode	code;

	awsx_curl_multi_act(&transport->multi);
	while ((ended = next_ended(transport, &code)) != NULL)
		take_ended(transport, ended, code);
	if (transport->multi.watch_errno != 0)
	{
		refuse_unwatched(transport);
		report_unwatched(transport);
	}
	awsx_curl_wires_expire(&transport->wires);
	for (int count = awsx_curl_wires_count(&transport->wires, AWSX_WIRE_ENDED); count > 0; count--)
	{
		AwsxCurlWire *wire = awsx_curl_wires_find(&transport->wires, AWSX_WIRE_ENDED);

		if (wire != NULL)		/* a report may cancel another's call */
			report_wire(transport, wire);
	}
	release_idle_wires(transport, false);
	forget_when_idle(transport);
}

static void
on_wire_event(void *arg, uint64_t id, uint32_t events)
{
	CurlTransport *transport = arg;

	awsx_curl_wires_act(&transport->wires, id, events);
}

static int
transport_fd(AwsxTransport *self)
{
	return ((CurlTransport *) self)->multi.epoll_fd;
}

static int
transport_timeout_ms(AwsxTransport *self)
{
	CurlTransport *transport = (CurlTransport *) self;
	int			curl_ms = awsx_curl_multi_timeout_ms(&transport->multi);
	int			wires_ms = awsx_curl_wires_timeout_ms(&transport->wires);

	return curl_ms < 0 || (wires_ms >= 0 && wires_ms < curl_ms) ? wires_ms : curl_ms;
}

static void
transport_free(AwsxTransport *self)
{
	CurlTransport *transport = (CurlTransport *) self;

	while (transport->exchanges != NULL)
		transport_cancel(self, transport->exchanges->call);
	while (transport->wires.first != NULL)
	{
		AwsxHttpCall *call = transport->wires.first->call;

		release_wire(transport, transport->wires.first);
		if (call != NULL)
			awsx_http_response_free(&call->response);
	}
	awsx_curl_wires_close(&transport->wires);
	awsx_curl_multi_close(&transport->multi);
	awsx_curl_settings_free(&transport->settings);
	free(transport);
}

/*----------
 * Making a transport
 *----------
 */

static void
init_libcurl(void)
{
	sigset_t	saved;

	awsx_sigmask_block(&saved);
	global_result = curl_global_init(CURL_GLOBAL_DEFAULT);
	awsx_sigmask_restore(&saved);
}

/* 8.9.0 spins on sockets that have nothing to do with a transfer (curl#14280). */
static bool
libcurl_usable(AwsxError *error)
{
	const curl_version_info_data *info;

	(void) pthread_once(&global_once, init_libcurl);
	if (global_result != CURLE_OK)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "libcurl cannot be initialised: %s",
							  curl_easy_strerror(global_result));
	info = curl_version_info(CURLVERSION_NOW);
	if (info->version_num == 0x080900)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "libcurl 8.9.0 cannot be used: install 8.9.1 or another version");
	return true;
}

static const char *
built_in_ca_bundle(void)
{
#if LIBCURL_VERSION_NUM >= 0x074600
	return curl_version_info(CURLVERSION_NOW)->cainfo;
#else
	return NULL;
#endif
}

static bool
copy(char **to, const char *from, AwsxError *error)
{
	*to = from != NULL ? strdup(from) : NULL;
	return from == NULL || *to != NULL || awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
}

/* False when an option is wrong, a named file cannot be read or memory ends. */
static bool
copy_settings(AwsxCurlSettings *settings, const AwsxCurlOptions *options, AwsxError *error)
{
	const char *user_agent = options->user_agent != NULL ? options->user_agent : DEFAULT_USER_AGENT;
	const char *proxy = options->proxy != NULL && options->proxy[0] != '\0' ? options->proxy : NULL;
	const char *ca_bundle;

	if (!awsx_ca_bundle_find(options->ca_bundle, built_in_ca_bundle(), &ca_bundle, error) ||
		(proxy != NULL && !awsx_proxy_check(proxy, error)))
		return false;
	settings->fresh_connections = options->fresh_connections;
	return copy(&settings->user_agent, user_agent, error) &&
		copy(&settings->ca_bundle, ca_bundle, error) && copy(&settings->proxy, proxy, error);
}

AwsxTransport *
awsx_transport_curl(const AwsxCurlOptions *options, AwsxError *error)
{
	static const AwsxCurlOptions defaults = {0};
	CurlTransport *transport;

	if (options == NULL)
		options = &defaults;
	if (!libcurl_usable(error))
		return NULL;
	transport = calloc(1, sizeof(*transport));
	if (transport == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
		return NULL;
	}
	transport->base = (AwsxTransport) {
		.start = transport_start,
		.cancel = transport_cancel,
		.drive = transport_drive,
		.fd = transport_fd,
		.timeout_ms = transport_timeout_ms,
		.forget = transport_forget,
		.free = transport_free
	};
	transport->multi.epoll_fd = -1;
	if (!copy_settings(&transport->settings, options, error) ||
		!awsx_curl_multi_open(&transport->multi, options->max_connections, error) ||
		!awsx_curl_wires_open(&transport->wires, error))
	{
		transport_free(&transport->base);
		return NULL;
	}
	transport->multi.on_other = on_wire_event;
	transport->multi.other_arg = transport;
	return &transport->base;
}
