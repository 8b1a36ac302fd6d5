/*
 * exchange.h
 *	  One exchange of a test over a transport, driven to its end.
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include <poll.h>
#include <string.h>

#include "http.h"
#include "odd_server.h"

typedef struct Exchange
{
	AwsxHttpRequest request;
	AwsxHttpCall call;
	bool		finished;
	AwsxHttpCall *cancel;		/* by the callback */
	AwsxTransport *transport;
} Exchange;

/*
 * A body that goes to a sink is libcurl's to carry (aws/http_curl.c): so by
 * this switch the same exchanges take that way instead of a wire.
 */
static bool by_sink;

static inline bool
keep_sunk(void *arg, const char *bytes, size_t len)
{
	return awsx_buf_append(&((Exchange *) arg)->call.response.body, bytes, len);
}

static void
on_exchange_done(AwsxHttpCall *call)
{
	Exchange   *exchange = call->arg;

	exchange->finished = true;
	if (exchange->cancel != NULL)
		exchange->transport->cancel(exchange->transport, exchange->cancel);
}

static void
begin(AwsxTransport *transport, Exchange *exchange, const char *method, const char *path)
{
	memset(&exchange->call, 0, sizeof(exchange->call));
	exchange->finished = false;
	exchange->cancel = NULL;
	exchange->transport = transport;
	awsx_http_request_init(&exchange->request, method);
	exchange->request.endpoint = strdup(endpoint);
	exchange->request.path = strdup(path);
	exchange->request.allow_plain = true;
	if (by_sink)
	{
		exchange->request.sink = keep_sunk;
		exchange->request.sink_arg = exchange;
	}
	exchange->call.request = &exchange->request;
	exchange->call.done = on_exchange_done;
	exchange->call.arg = exchange;
}

static bool
go(Exchange *exchange)
{
	AwsxError	error;

	if (exchange->transport->start(exchange->transport, &exchange->call, &error))
		return true;
	printf("# not started: %s\n", error.message);
	return false;
}

static void
finish(Exchange *exchange)
{
	AwsxTransport *transport = exchange->transport;

	for (int turns = 0; !exchange->finished && turns < 10000; turns++)
	{
		struct pollfd entry = {.fd = transport->fd(transport), .events = POLLIN};

		transport->drive(transport);
		if (!exchange->finished)
			poll(&entry, 1, transport->timeout_ms(transport));
	}
}

static void
end(Exchange *exchange)
{
	awsx_http_request_free(&exchange->request);
	awsx_http_response_free(&exchange->call.response);
}

/* One exchange without frills; end() it. */
static inline void
get(AwsxTransport *transport, Exchange *exchange, const char *path)
{
	begin(transport, exchange, "GET", path);
	if (go(exchange))
		finish(exchange);
}

#endif							/* EXCHANGE_H */
