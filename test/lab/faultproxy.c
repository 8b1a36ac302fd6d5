/*
 * faultproxy.c
 *		A TCP proxy on loopback that breaks the wire.
 *
 * Stands between an HTTP client and its server and passes bytes on, until a
 * fault of its script fits.  A fault is one line, given as --fault or on stdin:
 *
 *	KIND [connection | match=TEXT] [skip=N] [times=N] [after=N] [ms=N] [by=N]
 *
 *	rst			reset both connections after N bytes of the answer (after=, default 0)
 *	cut			end the answer after N bytes, as if all had been sent
 *	blackhole	pass N bytes of the answer, then nothing more, and stay connected
 *	trickle		pass the answer one byte at a time, one every ms= (default 1)
 *	length		add by= (default 10) to the answer's Content-Length
 *	stall		take no new connection for ms= (default 1000): the client's
 *				connect hangs; at once, it takes no match
 *
 * A request fits when its first bytes contain TEXT; skip= fitting ones pass,
 * then times= (default 1) are hit.  The request itself always arrives.  With
 * "connection" whole connections are counted and hit instead, and after= counts
 * all that the server sent: so TLS, whose requests no proxy can tell, is cut
 * within a record or its handshake.
 *
 * Prints "ready 127.0.0.1:PORT" when it listens and "fired KIND BYTES" for each
 * fault that struck; ends with the end of stdin.  One thread, one poll loop.  A
 * connection has a buffer for each direction, refilled only when it is empty.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "faultproxy.h"

#define CONNECTIONS_MAX		256
#define HEADROOM			32		/* for a Content-Length that grows */
#define BACKLOG_FILLERS		8

/* One direction: what was read from `from` and not yet written to `to`. */
typedef struct Flow
{
	int			from;
	int			to;
	char		data[CHUNK + HEADROOM];
	size_t		len;
	size_t		sent;
} Flow;

typedef struct Connection
{
	Flow		request;
	Flow		answer;
	const Fault *fault;			/* of the exchange under way */
	bool		fired;
	const Flow *last;			/* whose bytes came last; NULL before any */
	long		passed;			/* bytes of this answer */
	long long	not_before_ms;	/* trickle: when the next byte may go */
} Connection;

static Connection *connections[CONNECTIONS_MAX];
static int	listener;
static struct sockaddr_in here;
static struct sockaddr_in there;
static int	fillers[BACKLOG_FILLERS];	/* connections to ourselves that fill the backlog */
static int	n_fillers;
static long long stalled_until_ms;	/* 0: not stalled */

_Noreturn void
stop(const char *what, const char *detail)
{
	fprintf(stderr, "faultproxy: %s: %s\n", what, detail);
	exit(2);
}

static long long
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
report(const Fault *fault, long bytes)
{
	printf("fired %s %ld\n", kind_names[fault->kind], bytes);
	fflush(stdout);
}

/* Fills the accept queue, so that the kernel answers no further SYN. */
static void
start_stall(const Fault *fault)
{
	while (n_fillers < BACKLOG_FILLERS)
	{
		int			fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		struct pollfd wait = {.fd = fd, .events = POLLOUT};

		fillers[n_fillers++] = fd;
		if (connect(fd, (struct sockaddr *) &here, sizeof(here)) != 0 && poll(&wait, 1, 50) == 0)
			break;				/* this one hangs, and so will the next */
	}
	stalled_until_ms = now_ms() + fault->ms;
	report(fault, 0);
}

static void
end_stall(void)
{
	while (n_fillers > 0)
		close(fillers[--n_fillers]);
	stalled_until_ms = 0;
}

static void
add_fault(const char *line)
{
	const Fault *fault = script_add(line);

	if (fault->kind == STALL)
		start_stall(fault);
}

static void
drop(Connection **slot)
{
	Connection *connection = *slot;
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	if (connection->fired && connection->fault->kind == RST)
	{
		setsockopt(connection->request.from, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		setsockopt(connection->request.to, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	}
	close(connection->request.from);
	close(connection->request.to);
	free(connection);
	*slot = NULL;
}

/* Makes the answer's Content-Length lie. */
static void
change_length(Flow *flow, long by)
{
	static const char name[] = "Content-Length: ";
	char	   *at = memmem(flow->data, flow->len, name, strlen(name));
	char	   *digits = at != NULL ? at + strlen(name) : NULL;
	char		lie[HEADROOM];
	size_t		old_len = 0;
	size_t		new_len;

	if (digits == NULL)
		return;
	while (digits + old_len < flow->data + flow->len && digits[old_len] >= '0' && digits[old_len] <= '9')
		old_len++;
	new_len = (size_t) snprintf(lie, sizeof(lie), "%ld", strtol(digits, NULL, 10) + by);
	memmove(digits + new_len, digits + old_len, (size_t) (flow->data + flow->len - digits) - old_len);
	memcpy(digits, lie, new_len);
	flow->len = flow->len - old_len + new_len;
}

static bool
is_empty(const Flow *flow)
{
	return flow->sent == flow->len;
}

/* The first bytes of a request, or of its answer. */
static void
begin(Connection *connection, Flow *flow)
{
	connection->last = flow;
	if (connection->fault != NULL && connection->fault->whole)
		return;
	if (flow == &connection->request)
	{
		connection->fault = script_choose(flow->data, flow->len);
		connection->fired = false;
		connection->passed = 0;
	}
	else if (connection->fault != NULL && connection->fault->kind == LENGTH)
		change_length(flow, connection->fault->by);
}

/* Refills an empty flow; false when the connection is over. */
static bool
fill(Connection *connection, Flow *flow)
{
	ssize_t		n = read(flow->from, flow->data, CHUNK);

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	flow->sent = 0;
	flow->len = (size_t) n;
	if (connection->last != flow)
		begin(connection, flow);
	return true;
}

/* How much of the answer may go now. */
static size_t
allowance(const Connection *connection)
{
	const Fault *fault = connection->fault;
	size_t		waiting = connection->answer.len - connection->answer.sent;
	long		left = fault != NULL ? fault->after - connection->passed : 0;

	if (fault == NULL || fault->kind == LENGTH)
		return waiting;
	if (fault->kind == TRICKLE)
		return now_ms() >= connection->not_before_ms && waiting > 0 ? 1 : 0;
	return left < (long) waiting ? (size_t) (left > 0 ? left : 0) : waiting;
}

/* The fault strikes, if it is time; false when the connection is over. */
static bool
strike(Connection *connection)
{
	const Fault *fault = connection->fault;
	bool		gradual = fault != NULL && (fault->kind == TRICKLE || fault->kind == LENGTH);

	if (fault == NULL || connection->last != &connection->answer || (!gradual && connection->passed < fault->after))
		return true;
	if (!connection->fired)
		report(fault, connection->passed);
	connection->fired = true;
	return fault->kind != RST && fault->kind != CUT;
}

/* Writes what may be written; false when the connection is over. */
static bool
pass(Connection *connection, Flow *flow)
{
	bool		is_answer = flow == &connection->answer;
	size_t		room = is_answer ? allowance(connection) : flow->len - flow->sent;
	ssize_t		n = room > 0 ? write(flow->to, flow->data + flow->sent, room) : 0;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	flow->sent += (size_t) n;
	if (is_answer && n > 0)
	{
		connection->passed += n;
		connection->not_before_ms = now_ms() + (connection->fault != NULL ? connection->fault->ms : 0);
	}
	return true;
}

/* Moves what can be moved; false when the connection is over. */
static bool
serve_flow(Connection *connection, Flow *flow)
{
	return (!is_empty(flow) || fill(connection, flow)) && (is_empty(flow) || pass(connection, flow));
}

static int
prepared(int fd)
{
	fcntl(fd, F_SETFL, O_NONBLOCK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int) {1}, sizeof(int));
	return fd;
}

static void
accept_one(void)
{
	int			client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	int			server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	Connection **slot = connections;

	while (slot < connections + CONNECTIONS_MAX && *slot != NULL)
		slot++;
	if (client < 0 || slot == connections + CONNECTIONS_MAX || server < 0 ||
		connect(server, (struct sockaddr *) &there, sizeof(there)) != 0)
	{
		close(client);
		close(server);
		return;
	}
	*slot = calloc(1, sizeof(Connection));
	if (*slot == NULL)
		abort();
	(*slot)->fault = script_choose(NULL, 0);
	(*slot)->request.from = (*slot)->answer.to = prepared(client);
	(*slot)->request.to = (*slot)->answer.from = prepared(server);
}

/* Two entries for each connection, after those of stdin and of the listener; returns the longest wait. */
static int
fill_polls(struct pollfd *fds)
{
	int			timeout = stalled_until_ms != 0 ? 10 : -1;

	fds[0] = (struct pollfd) {.fd = STDIN_FILENO, .events = POLLIN};
	fds[1] = (struct pollfd) {.fd = stalled_until_ms == 0 ? listener : -1, .events = POLLIN};
	for (int i = 0; i < CONNECTIONS_MAX; i++)
	{
		const Connection *connection = connections[i];
		struct pollfd *client = &fds[2 + 2 * i];
		struct pollfd *server = client + 1;

		*client = *server = (struct pollfd) {.fd = -1};
		if (connection == NULL)
			continue;
		client->fd = connection->request.from;
		client->events |= is_empty(&connection->request) ? POLLIN : 0;
		client->events |= allowance(connection) > 0 ? POLLOUT : 0;
		server->events |= is_empty(&connection->answer) ? POLLIN : 0;
		server->events |= is_empty(&connection->request) ? 0 : POLLOUT;
		if (server->events != 0)	/* else its hang-up would be told again and again */
			server->fd = connection->request.to;
		if (connection->fault != NULL && connection->fault->kind == TRICKLE)
			timeout = 1;
	}
	return timeout;
}

static void
serve_connections(void)
{
	for (int i = 0; i < CONNECTIONS_MAX; i++)
	{
		Connection *connection = connections[i];

		if (connection != NULL && (!serve_flow(connection, &connection->request) ||
								   !serve_flow(connection, &connection->answer) || !strike(connection)))
			drop(&connections[i]);
	}
}

/* Faults from stdin; false at its end. */
static bool
read_script(void)
{
	static char text[4096];
	static size_t len;
	ssize_t		n = read(STDIN_FILENO, text + len, sizeof(text) - 1 - len);
	char	   *end;

	if (n <= 0)
		return false;
	len += (size_t) n;
	text[len] = '\0';
	while ((end = strchr(text, '\n')) != NULL)
	{
		*end = '\0';
		add_fault(text);
		len -= (size_t) (end + 1 - text);
		memmove(text, end + 1, len + 1);
	}
	return true;
}

static void
serve(void)
{
	static struct pollfd fds[2 + 2 * CONNECTIONS_MAX];

	for (;;)
	{
		poll(fds, sizeof(fds) / sizeof(fds[0]), fill_polls(fds));
		if (fds[0].revents != 0 && !read_script())
			return;
		if (stalled_until_ms != 0 && now_ms() >= stalled_until_ms)
			end_stall();
		serve_connections();
		if (fds[1].revents != 0)
			accept_one();
	}
}

static void
start(int port)
{
	socklen_t	len = sizeof(here);
	int			on = 1;

	signal(SIGPIPE, SIG_IGN);
	here = (struct sockaddr_in) {.sin_family = AF_INET, .sin_port = htons((uint16_t) port)};
	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *) &here, sizeof(here)) != 0 || listen(listener, 4) != 0 ||
		getsockname(listener, (struct sockaddr *) &here, &len) != 0)
		stop("could not listen", strerror(errno));
	printf("ready 127.0.0.1:%d\n", ntohs(here.sin_port));
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	char		host[64] = "";
	int			port = 0;
	int			to = 0;
	bool		good = argc % 2 == 1;

	for (int i = 1; good && i < argc; i += 2)
		good = (strcmp(argv[i], "--listen") == 0 && sscanf(argv[i + 1], "%d", &port) == 1) ||
			(strcmp(argv[i], "--to") == 0 && sscanf(argv[i + 1], "%63[0-9.]:%d", host, &to) == 2) ||
			strcmp(argv[i], "--fault") == 0;
	there = (struct sockaddr_in) {.sin_family = AF_INET, .sin_port = htons((uint16_t) to)};
	if (!good || inet_pton(AF_INET, host, &there.sin_addr) != 1)
		stop("usage", "faultproxy --listen PORT --to ADDRESS:PORT [--fault FAULT]...");
	start(port);
	for (int i = 1; i < argc; i += 2)
	{
		if (strcmp(argv[i], "--fault") == 0)
			add_fault(argv[i + 1]);
	}
	serve();
	return 0;
}
