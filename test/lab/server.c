/*
 * server.c
 *		HTTP/1.1 on one loopback port, one thread, any number of parked requests.
 *
 * libmicrohttpd runs in its external epoll mode: it owns no thread, and works
 * only inside server_run.  So services need no locks.  A request goes through:
 *
 *	uri_seen	the raw target is copied, an Exchange is born; the library decodes
 *				the query, but "//", "..", "+" and "%2F" of the path matter
 *	receive		the body is gathered, then the router is called once
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "codec.h"
#include "service.h"

#define BODY_LIMIT			(64 * 1024 * 1024)
#define HEADER_MEMORY		(32 * 1024)
#define CONNECTION_LIMIT	10000

/* A connection; its exchange is NULL while it is idle. */
typedef struct Link
{
	LIST_ENTRY(Link) entry;
	struct MHD_Connection *connection;
	Exchange   *x;
} Link;

/* What is called when a descriptor is ready. */
typedef struct Watch
{
	void		(*ready) (void *arg);
	void	   *arg;
} Watch;

static struct MHD_Daemon *daemon_handle;
static int	server_epoll = -1;	/* the library's epoll descriptor and watch_epoll */
static int	watch_epoll = -1;
static Watch *watches;			/* by descriptor */
static int	n_watches;
static bool resumed;			/* a parked request waits to be answered */
static LIST_HEAD(, Link) links;

static void
watch(int fd, uint32_t events, void (*ready) (void *arg), void *arg)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	if (fd >= n_watches)
		watches = mem_resize(watches, (size_t) (n_watches = 2 * fd + 1) * sizeof(Watch));
	watches[fd] = (Watch) {ready, arg};
	epoll_ctl(watch_epoll, EPOLL_CTL_ADD, fd, &event);
}

void
server_watch(int fd, void (*ready) (void *arg), void *arg)
{
	watch(fd, EPOLLIN, ready, arg);
}

void
server_watch_both(int fd, void (*ready) (void *arg), void *arg)
{
	watch(fd, EPOLLIN | EPOLLOUT, ready, arg);
}

void
server_unwatch(int fd)
{
	epoll_ctl(watch_epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* One at a time: what it calls may end the watch of others. */
static void
run_watches(void)
{
	struct epoll_event event;

	while (epoll_wait(watch_epoll, &event, 1, 0) == 1)
		watches[event.data.fd].ready(watches[event.data.fd].arg);
}

static const union MHD_ConnectionInfo *
info(struct MHD_Connection *connection, enum MHD_ConnectionInfoType type)
{
	return MHD_get_connection_info(connection, type);
}

static int
connection_fd(struct MHD_Connection *connection)
{
	return info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static int
peer_port(struct MHD_Connection *connection)
{
	const struct sockaddr *peer = info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;

	return ntohs(((const struct sockaddr_in *) peer)->sin_port);
}

static Link *
link_of(struct MHD_Connection *connection)
{
	return info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void
connection_event(void *arg, struct MHD_Connection *connection, void **context,
				 enum MHD_ConnectionNotificationCode code)
{
	Link	   *link = *context;

	(void) arg;
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
	{
		*context = link = mem_zalloc(sizeof(Link));
		link->connection = connection;
		LIST_INSERT_HEAD(&links, link, entry);
		return;
	}
	LIST_REMOVE(link, entry);
	free(link);
}

/* To connect to nowhere resets a connection at once; the library closes it when it notices. */
void
server_drop_idle(int except_peer_port)
{
	const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	Link	   *link;

	LIST_FOREACH(link, &links, entry)
	{
		if (link->x == NULL && peer_port(link->connection) != except_peer_port)
			connect(connection_fd(link->connection), &nowhere, sizeof(nowhere));
	}
}

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
	link_of(connection)->x = x;
	return x;
}

static void
hung_up(void *arg)
{
	Exchange   *x = arg;

	if (x->gone != NULL)
		x->gone(x);
	http_cut(x);
}

/* Suspends the connection and listens for its hang-up only. */
static void
suspend(Exchange *x)
{
	x->parked = true;
	watch(connection_fd(x->connection), EPOLLRDHUP, hung_up, x);
	MHD_suspend_connection(x->connection);
}

static void
resume(Exchange *x)
{
	x->parked = false;
	server_unwatch(connection_fd(x->connection));
	MHD_resume_connection(x->connection);
	resumed = true;
}

static void
tell_done(Exchange *x)
{
	if (!x->journalled && x->complete)
		router_done(x);
	x->journalled = true;
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

static void
whole_request(Exchange *x)
{
	x->complete = true;
	x->peer_port = peer_port(x->connection);
	buf_adds(&x->body, "");
	if (x->too_large)
		router_refuse(x, 413, "EntityTooLarge", "The request is larger than the lab takes.");
	else
		router_request(x);
	if (!x->answered)
		suspend(x);
}

/* Called by the library for the headers, for each part of the body, at its end, and after a resume. */
static enum MHD_Result
receive(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
		const char *version, const char *data, size_t *data_len, void **request)
{
	Exchange   *x = *request;

	(void) arg;
	(void) url;
	(void) version;
	if (x->method == NULL)
		x->method = method;
	else if (*data_len > 0)
		gather(x, data, data_len);
	else if (!x->complete)
		whole_request(x);
	if (!x->answered)
		return MHD_YES;
	return x->drop_answer ? MHD_NO : MHD_queue_response(connection, (unsigned int) x->status, x->response);
}

static void
completed(void *arg, struct MHD_Connection *connection, void **request,
		  enum MHD_RequestTerminationCode code)
{
	Exchange   *x = *request;

	(void) arg;
	(void) code;
	link_of(connection)->x = NULL;
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

int
server_start(int port)
{
	int			listener = listen_on_loopback(&port);
	struct epoll_event readable = {.events = EPOLLIN};

	if (listener < 0)
		return -1;
	daemon_handle = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
									 receive, NULL,
									 MHD_OPTION_LISTEN_SOCKET, listener,
									 MHD_OPTION_URI_LOG_CALLBACK, uri_seen, NULL,
									 MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
									 MHD_OPTION_NOTIFY_CONNECTION, connection_event, NULL,
									 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) HEADER_MEMORY,
									 MHD_OPTION_CONNECTION_LIMIT, (unsigned int) CONNECTION_LIMIT,
									 MHD_OPTION_END);
	server_epoll = epoll_create1(EPOLL_CLOEXEC);
	watch_epoll = epoll_create1(EPOLL_CLOEXEC);
	if (daemon_handle == NULL || epoll_ctl(server_epoll, EPOLL_CTL_ADD, watch_epoll, &readable) != 0 ||
		epoll_ctl(server_epoll, EPOLL_CTL_ADD,
				  MHD_get_daemon_info(daemon_handle, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, &readable) != 0)
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

void
server_run(void)
{
	run_watches();
	do
	{
		resumed = false;
		MHD_run(daemon_handle);
	} while (resumed);			/* the library does not tell of these by itself */
}

/* What is to be sent, or that nothing is, is known. */
static void
conclude(Exchange *x)
{
	x->answered = true;
	tell_done(x);
	if (x->parked)
		resume(x);
}

void
server_finish(Exchange *x, int status, struct MHD_Response *response)
{
	x->response = response;
	x->status = status;
	if (x->late_ms > 0)
		http_delay(x, x->late_ms, conclude);
	else
		conclude(x);
}

void
http_cut(Exchange *x)
{
	if (x->answered)
		return;
	x->drop_answer = true;
	x->status = 0;
	conclude(x);
}

void
http_park(Exchange *x, void (*gone) (Exchange *x), void *waiter)
{
	x->gone = gone;
	x->waiter = waiter;
}

static void
delay_over(Timer *timer)
{
	Exchange   *x = (Exchange *) ((char *) timer - offsetof(Exchange, timer));

	x->gone = NULL;
	x->then(x);
}

static void
delay_gone(Exchange *x)
{
	timer_cancel(&x->timer);
}

void
http_delay(Exchange *x, int64_t ms, void (*then) (Exchange *x))
{
	x->then = then;
	x->timer.fire = delay_over;
	timer_set(&x->timer, clock_now_ms() + ms);
	http_park(x, delay_gone, NULL);
}
