/*
 * http_curl_wire.h
 *	  A connection made by libcurl on which we speak HTTP/1.1 ourselves;
 *	  inside the transport only.
 */
#ifndef AWSX_HTTP_CURL_WIRE_H
#define AWSX_HTTP_CURL_WIRE_H

#include "http_curl_exchange.h"
#include "http_reader.h"

typedef enum AwsxCurlWireState
{
	AWSX_WIRE_CONNECTING,		/* by libcurl, for its first call */
	AWSX_WIRE_BUSY,				/* with a call */
	AWSX_WIRE_ENDED,			/* its call waits to be reported */
	AWSX_WIRE_IDLE				/* open, without a call */
} AwsxCurlWireState;

typedef struct AwsxCurlWire AwsxCurlWire;

struct AwsxCurlWire
{
	AwsxCurlExchange *exchange; /* its easy handle has the connection, and stays in the multi handle */
	AwsxHttpCall *call;			/* null while idle */
	AwsxCurlWireState state;
	char	   *endpoint;
	const char *user_agent;		/* the transport's */
	int			epoll_fd;		/* the transport's */
	int			fd;				/* libcurl's, watched by us; -1 = not yet */
	bool		sends;			/* watched for room to send, too */
	bool		tls;
	bool		reused;			/* this call is not its first */
	bool		keep;			/* after its call */
	AwsxBuf		out;			/* head, and a short body */
	size_t		sent;			/* of out */
	const char *body;			/* the request's, where it is long; what is to be sent of it */
	size_t		body_left;
	AwsxHttpReader reader;
	int64_t		opened_us;
	int64_t		deadline_us;	/* of the call; INT64_MAX = none */
	int64_t		idle_us;		/* since when */
	AwsxCurlWire *next;			/* the transport's list */
};

/* What of an event's u64 says that it is a wire's; the rest is the socket. */
#define AWSX_WIRE_EVENT (UINT64_C(1) << 32)

/*
 * A wire whose exchange's handle is to be added to the multi handle, to
 * connect for this checked call; settings and descriptor must outlive it.
 * Null and *error when memory ends.
 */
extern AwsxCurlWire *awsx_curl_wire_create(const AwsxCurlSettings *settings, int epoll_fd,
										   AwsxHttpCall *call, AwsxError *error);

/* libcurl has connected: send what waits for it. */
extern void awsx_curl_wire_connected(AwsxCurlWire *wire);

/* libcurl could not connect: the call has ended. */
extern void awsx_curl_wire_refused(AwsxCurlWire *wire, CURLcode code);

/*
 * Has an idle wire its connection, and did nothing come over it but TLS's own
 * messages?  To be asked before each call: what waits already would be taken
 * for the call's answer.
 */
extern bool awsx_curl_wire_is_quiet(AwsxCurlWire *wire);

/* Send a checked call over an idle and quiet wire. */
extern void awsx_curl_wire_start(AwsxCurlWire *wire, AwsxHttpCall *call);

/*
 * The kernel has news for the socket; the room is for what is read meanwhile.
 * A wire that then is idle and not to be kept has lost its connection.
 */
extern void awsx_curl_wire_act(AwsxCurlWire *wire, uint32_t events, char *room, size_t size);

/* End the call when its time is over. */
extern void awsx_curl_wire_expire(AwsxCurlWire *wire, int64_t now_us);

/* After its exchange's handle has left the multi handle. */
extern void awsx_curl_wire_free(AwsxCurlWire *wire);

#endif							/* AWSX_HTTP_CURL_WIRE_H */
