/*
 * server.c
 *		HTTP/1.1 on one loopback port, one thread, any number of parked requests.
 *
 * libmicrohttpd runs in its external epoll mode: it owns no thread, and works
 * only inside server_run.  So services need no locks.  A request goes through:
 *
 *	uri_seen	the raw target is copied, an Exchange is born; the library decodes
 *				the query, but "//", "..", "+" and "%2F" of the path matter
 *	receive		the body is gathered, then hooks->request is called once
 *	  answered	the answer is queued at once, or
 *	  parked	the connection is suspended; an answer, a cut or the client's
 *				hanging up resumes it and `receive` is entered once more
 *	completed	the Exchange is freed
 *
 * A suspended connection is not watched by the library, so its socket is put
 * into an epoll set of our own that reports only hang-ups: a message or an
 * event is never handed to a client that is gone.
 */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "clock.h"
#include "codec.h"

#define BODY_LIMIT			(64 * 1024 * 1024)
#define HEADER_MEMORY		(32 * 1024)
#define CONNECTION_LIMIT	10000

static const ServerHooks *server_hooks;
static struct MHD_Daemon *daemon_handle;
static int	server_epoll = -1;	/* the library's epoll descriptor and hangups */
static int	hangup_epoll = -1;	/* sockets of parked requests */
static bool resumed;			/* a parked request waits to be answered */

static void *
uri_seen(void *arg, const char *uri, struct MHD_Connection *connection)
{
	Exchange   *x = mem_zalloc(sizeof(Exchange));
	size_t		path_len = strcspn(uri, "?");

	(void) arg;
	x->connection = connection;
	x->path = mem_strndup(uri, path_len);
	x->query = mem_strdup(uri[path_len] == '?' ? uri + path_len + 1 : "");
	x->started_ms = clock_real_ms();
	random_uuid(x->request_id);
	return x;
}

static int
connection_fd(const Exchange *x)
{
	return MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static int
peer_port(const Exchange *x)
{
	const struct sockaddr *peer =
		MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;

	return peer->sa_family == AF_INET ? ntohs(((const struct sockaddr_in *) peer)->sin_port) : 0;
}

/* Suspends the connection and listens for its hang-up only. */
static void
suspend(Exchange *x)
{
	struct epoll_event event = {.events = EPOLLRDHUP, .data.ptr = x};

	x->parked = true;
	epoll_ctl(hangup_epoll, EPOLL_CTL_ADD, connection_fd(x), &event);
	MHD_suspend_connection(x->connection);
}

static void
resume(Exchange *x)
{
	if (!x->parked)
		return;
	x->parked = false;
	epoll_ctl(hangup_epoll, EPOLL_CTL_DEL, connection_fd(x), NULL);
	MHD_resume_connection(x->connection);
	resumed = true;
}

static void
tell_done(Exchange *x)
{
	if (!x->journalled && x->complete)
		server_hooks->done(x);
	x->journalled = true;
}

static enum MHD_Result
send_answer(Exchange *x)
{
	if (x->drop_answer)
		return MHD_NO;
	return MHD_queue_response(x->connection, (unsigned int) x->status, x->response);
}

static void
gather(Exchange *x, const char *data, size_t *len)
{
	if (x->body.len + *len > BODY_LIMIT)
		x->too_large = true;
	else
		buf_add(&x->body, data, *len);
	*len = 0;
}

/* Called by the library for the headers, for each part of the body, and at its end. */
static enum MHD_Result
receive(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
		const char *version, const char *data, size_t *data_len, void **request)
{
	Exchange   *x = *request;

	(void) arg;
	(void) connection;
	(void) url;
	(void) version;
	if (x->method == NULL)
	{
		x->method = method;
		return MHD_YES;
	}
	if (*data_len > 0)
	{
		gather(x, data, data_len);
		return MHD_YES;
	}
	if (!x->complete)
	{
		x->complete = true;
		x->peer_port = peer_port(x);
		buf_adds(&x->body, "");
		if (x->too_large)
			server_hooks->refuse(x, 413, "EntityTooLarge", "The request is larger than the lab takes.");
		else
			server_hooks->request(x);
		if (!x->answered)
		{
			suspend(x);
			return MHD_YES;
		}
	}
	return x->answered ? send_answer(x) : MHD_YES;
}

static void
completed(void *arg, struct MHD_Connection *connection, void **request,
		  enum MHD_RequestTerminationCode code)
{
	Exchange   *x = *request;

	(void) arg;
	(void) connection;
	(void) code;
	if (x == NULL)
		return;
	*request = NULL;
	tell_done(x);
	if (x->response != NULL)
		MHD_destroy_response(x->response);
	if (x->call_free != NULL)
		x->call_free(x->call);
	free(x->path);
	free(x->query);
	free(x->key);
	buf_free(&x->body);
	free(x);
}

static int
listen_on_loopback(int *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t) *port)};
	socklen_t	len = sizeof(address);
	int			on = 1;
	int			fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
		bind(fd, (struct sockaddr *) &address, sizeof(address)) != 0 || listen(fd, 1024) != 0 ||
		getsockname(fd, (struct sockaddr *) &address, &len) != 0)
	{
		fprintf(stderr, "awslab: could not listen on 127.0.0.1:%d: %s\n", *port, strerror(errno));
		return -1;
	}
	*port = ntohs(address.sin_port);
	return fd;
}

static bool
watch(int fd, void *tag)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};

	return epoll_ctl(server_epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

int
server_start(int port, const ServerHooks *hooks)
{
	int			listener = listen_on_loopback(&port);

	if (listener < 0)
		return -1;
	server_hooks = hooks;
	daemon_handle = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
									 receive, NULL,
									 MHD_OPTION_LISTEN_SOCKET, listener,
									 MHD_OPTION_URI_LOG_CALLBACK, uri_seen, NULL,
									 MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
									 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) HEADER_MEMORY,
									 MHD_OPTION_CONNECTION_LIMIT, (unsigned int) CONNECTION_LIMIT,
									 MHD_OPTION_END);
	server_epoll = epoll_create1(EPOLL_CLOEXEC);
	hangup_epoll = epoll_create1(EPOLL_CLOEXEC);
	if (daemon_handle == NULL || server_epoll < 0 || hangup_epoll < 0 ||
		!watch(MHD_get_daemon_info(daemon_handle, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, NULL) ||
		!watch(hangup_epoll, &hangup_epoll))
	{
		fprintf(stderr, "awslab: could not start the HTTP server: %s\n", strerror(errno));
		return -1;
	}
	return port;
}

int
server_fd(void)
{
	return server_epoll;
}

int
server_wait_ms(void)
{
	MHD_UNSIGNED_LONG_LONG wait;

	if (MHD_get_timeout(daemon_handle, &wait) != MHD_YES)
		return -1;
	return wait < 60000 ? (int) wait : 60000;
}

static void
run_hangups(void)
{
	struct epoll_event events[64];
	int			n = epoll_wait(hangup_epoll, events, 64, 0);

	for (int i = 0; i < n; i++)
	{
		Exchange   *x = events[i].data.ptr;

		if (!x->parked)
			continue;
		if (x->gone != NULL)
			x->gone(x);
		http_cut(x);
	}
}

void
server_run(void)
{
	run_hangups();
	do
	{
		resumed = false;
		MHD_run(daemon_handle);
	} while (resumed);			/* the library does not tell of these by itself */
}

/*
 * Headers are set before the body is known, so the response is born with an
 * empty one and they are carried over when it gets its body.
 */
static enum MHD_Result
copy_header(void *response, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void) kind;
	MHD_add_response_header(response, name, value);
	return MHD_YES;
}

void
server_finish(Exchange *x, int status, struct MHD_Response *response)
{
	if (x->answered)
	{
		MHD_destroy_response(response);
		return;
	}
	if (x->response != NULL)
	{
		MHD_get_response_headers(x->response, copy_header, response);
		MHD_destroy_response(x->response);
	}
	x->response = response;
	x->status = status;
	x->answered = true;
	tell_done(x);
	resume(x);
}

void
http_park(Exchange *x, void (*gone) (Exchange *x), void *waiter)
{
	x->gone = gone;
	x->waiter = waiter;
}

void
http_cut(Exchange *x)
{
	if (x->answered)
		return;
	x->drop_answer = true;
	x->answered = true;
	x->status = 0;
	tell_done(x);
	resume(x);
}
