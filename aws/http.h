/*
 * http.h
 *	  A request, its answer, and the transport that carries them.
 *
 * The transport is a table of functions: http_curl.c implements it over
 * libcurl, unit tests bring their own.  Nothing here blocks.  A call is
 * started, the owner waits until the transport's descriptor is readable or
 * its timeout is over, lets it drive, and each finished call is reported
 * through its done callback from within drive.  Everything happens on the
 * caller's thread.
 *
 * Memory: a request owns its strings and its body; a response owns its
 * headers and its body.  Both are malloc'd and outlive the transport.
 */
#ifndef AWSX_HTTP_H
#define AWSX_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"

typedef struct AwsxHeader
{
	char	   *name;			/* malloc'd, with the value behind it */
	char	   *value;
} AwsxHeader;

typedef struct AwsxHeaders
{
	AwsxHeader *items;
	int			count;
	int			allocated;
} AwsxHeaders;

/*
 * Receives a piece of the body of a 2xx answer as it arrives; false stops
 * the call with AWSX_ERR_CANCELLED.  It must not call back into the
 * transport, raise or jump.
 */
typedef bool (*AwsxHttpSink) (void *arg, const char *bytes, size_t len);

typedef struct AwsxHttpRequest
{
	char		method[8];		/* GET, PUT, POST, HEAD, DELETE */
	char	   *endpoint;		/* scheme://host[:port], no trailing slash */
	char	   *path;			/* percent-encoded as sent, begins with '/' */
	char	   *query;			/* percent-encoded as sent, without '?'; null = none */
	AwsxHeaders headers;
	char	   *body;			/* null = none */
	size_t		body_len;
	int			connect_timeout_ms; /* 0 = 3000 */
	int			timeout_ms;		/* whole call; 0 = 30000; -1 = no limit */
	bool		long_poll;		/* repeated by its caller without end: a failure is
								 * reported after a delay only */
	size_t		max_response;	/* cap of the answer's body in memory; 0 = 1 MiB */
	bool		allow_plain;	/* http also to other hosts than loopback */
	AwsxHttpSink sink;			/* null: the body is kept in the response */
	void	   *sink_arg;
} AwsxHttpRequest;

typedef struct AwsxHttpResponse
{
	int			status;			/* 0: no answer */
	AwsxHeaders headers;
	AwsxBuf		body;
	int64_t		received_ms;	/* wall clock when the answer was complete */
} AwsxHttpResponse;

extern void awsx_http_request_init(AwsxHttpRequest *request, const char *method);
extern void awsx_http_request_free(AwsxHttpRequest *request);
extern void awsx_http_response_init(AwsxHttpResponse *response, size_t max_body);
extern void awsx_http_response_free(AwsxHttpResponse *response);

/*
 * Add or replace a header (names compare without case).  Refuses, with
 * false, CR, LF and NUL in either part, and when memory ends.
 */
extern bool awsx_headers_set(AwsxHeaders *headers, const char *name, const char *value);
extern const char *awsx_headers_get(const AwsxHeaders *headers, const char *name);	/* or null */
extern void awsx_headers_free(AwsxHeaders *headers);

/*
 * Check scheme://host[:port]: https, or http when the host is loopback or
 * allow_plain; no user, path, query or stray byte.
 */
extern bool awsx_endpoint_check(const char *endpoint, bool allow_plain, AwsxError *error);

/*
 * Check a proxy: http[s]://[user:password@]host:port, user and password
 * percent-encoded where they hold other than letters, digits and "-._~".  An
 * error does not repeat it, for it may hold a password.
 */
extern bool awsx_proxy_check(const char *proxy, AwsxError *error);

typedef struct AwsxHttpCall AwsxHttpCall;
typedef void (*AwsxHttpDone) (AwsxHttpCall *call);

/* One exchange; the caller owns it and keeps it until done or cancelled. */
struct AwsxHttpCall
{
	AwsxHttpRequest *request;
	AwsxHttpResponse response;
	AwsxError	error;			/* kind AWSX_OK when an answer of any status came */
	bool		reused_connection;	/* the exchange ran on a kept connection */
	bool		fresh_connection;	/* set before start: do not use a kept one */
	AwsxHttpDone done;
	void	   *arg;			/* the caller's */
	void	   *handle;			/* the transport's */
};

typedef struct AwsxTransport AwsxTransport;

struct AwsxTransport
{
	/* False: not started, *error filled, done will not be called. */
	bool		(*start) (AwsxTransport *self, AwsxHttpCall *call, AwsxError *error);

	/* Give up a started call; done will not be called. */
	void		(*cancel) (AwsxTransport *self, AwsxHttpCall *call);

	/* Make all progress that needs no waiting. */
	void		(*drive) (AwsxTransport *self);

	/* A descriptor that becomes readable when drive has work. */
	int			(*fd) (AwsxTransport *self);

	/* Milliseconds until drive must run at the latest; -1 = no limit. */
	int			(*timeout_ms) (AwsxTransport *self);

	/*
	 * Never again use a connection that is open now: they may be dead without
	 * a sign, as after a freeze of the process.  Those that are idle close at
	 * once, if no exchange is under way, else as soon as none is.  Null: it
	 * keeps none.
	 */
	void		(*forget) (AwsxTransport *self);

	/* Cancels what is under way. */
	void		(*free) (AwsxTransport *self);
};

typedef struct AwsxCurlOptions
{
	const char *ca_bundle;		/* file; null = found by itself */
	const char *user_agent;		/* null = "pg_sqs" */
	int			max_connections;	/* 0 = 16 */
	bool		fresh_connections;	/* never keep one (a process that is frozen) */
	const char *proxy;			/* as awsx_proxy_check wants it; null or empty = none,
								 * whatever the environment says.  Loopback and the
								 * metadata services' addresses are reached without. */
} AwsxCurlOptions;

/*
 * The transport over libcurl.  options may be null.  Null and *error when
 * libcurl, an epoll descriptor or memory cannot be had.  Call it after fork,
 * never before.
 */
extern AwsxTransport *awsx_transport_curl(const AwsxCurlOptions *options, AwsxError *error);

#endif							/* AWSX_HTTP_H */
