/*
 * odd_server.h
 *	  A small HTTP server on loopback that behaves and misbehaves on demand:
 *	  the request's path says how.  It is a forked process, with one more for
 *	  each connection, and dies with the test.
 */
#ifndef ODD_SERVER_H
#define ODD_SERVER_H

#include "tap.h"

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char endpoint[64];
static pid_t server_pid;

static void
say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		return;					/* the client has gone: as it may */
}

/* Read one request; false at the end of the connection. */
static bool
hear(int fd, char *request, size_t size)
{
	size_t		len = 0;

	memset(request, 0, size);
	while (len + 1 < size)
	{
		ssize_t		got = read(fd, request + len, size - len - 1);
		char	   *end;
		char	   *length;

		if (got <= 0)
			return false;
		len += (size_t) got;
		end = strstr(request, "\r\n\r\n");
		length = strcasestr(request, "content-length: ");
		if (end != NULL &&
			len >= (size_t) (end + 4 - request) + (length ? (size_t) atol(length + 16) : 0))
			return true;
	}
	return false;
}

static void
say_many(int fd, const char *what, int count)
{
	for (int i = 0; i < count; i++)
		say(fd, what);
}

/* False: close the connection now. */
static bool
answer(int fd, const char *request, int served)
{
	char		text[9000];

	if (strstr(request, " /hello"))
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-One:  1 \r\nx-one: 2\r\nBad Name: 3\r\nEmpty:\r\n\r\nhello");
	else if (strstr(request, " /echo"))
	{
		snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(request));
		say(fd, text);
		say(fd, request);
	}
	else if (strstr(request, " /big"))
	{
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
		say_many(fd, "0123456789", 10000);
	}
	else if (strstr(request, " /announced"))	/* and nothing comes */
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
	else if (strstr(request, " /slow"))
	{
		poll(NULL, 0, 200);
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow");
	}
	else if (strstr(request, " /500big"))
	{
		say(fd, "HTTP/1.1 500 Oops\r\nContent-Length: 100000\r\n\r\n");
		say_many(fd, "0123456789", 10000);
	}
	else if (strstr(request, " /chunked"))
		say(fd, "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			"3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-One: trailer\r\n\r\n");
	else if (strstr(request, " /short"))
	{
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nonly this");
		return false;
	}
	else if (strstr(request, " /cutheaders"))
	{
		say(fd, "HTTP/1.1 200 OK\r\nContent-");
		return false;
	}
	else if (strstr(request, " /nothing"))
		return false;
	else if (strstr(request, " /garbage"))
	{
		say(fd, "\x01\x02\x03 not http at all\r\n\r\n");
		return false;
	}
	else if (strstr(request, " /headers"))
	{
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
		for (int i = 0; i < 300; i++)
		{
			snprintf(text, sizeof(text), "X-%d: y\r\n", i);
			say(fd, text);
		}
		say(fd, "\r\n");
	}
	else if (strstr(request, " /longheader"))
	{
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
		memset(text, 'x', 8000);
		text[8000] = '\0';
		for (int i = 0; i < 12; i++)
		{
			say(fd, i % 2 ? "X-A: " : "X-B: ");
			say(fd, text);
			say(fd, "\r\n");
		}
		say(fd, "\r\n");
	}
	else if (strstr(request, " /redirect"))
		say(fd, "HTTP/1.1 302 Found\r\nLocation: /hello\r\nContent-Length: 0\r\n\r\n");
	else if (strstr(request, " /hang"))
		poll(NULL, 0, 5000);
	else if (strstr(request, " /more")) /* than was asked for */
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
	else if (strstr(request, " /late"))
	{
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
		poll(NULL, 0, 50);
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
	}
	else if (strstr(request, " /last")) /* says so, and stays */
		say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
	else if (strstr(request, " /bye"))
	{
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
		return false;
	}
	else if (strstr(request, " /once"))
	{
		/* a kept connection whose second request dies without an answer */
		if (served > 0)
			return false;
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	}
	else if (strstr(request, " /partlyonce"))
	{
		/* ... or after a part of the answer, which libcurl does not repeat itself */
		if (served > 0)
		{
			say(fd, "HTTP/1.1 200 OK\r\nConte");
			return false;
		}
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	}
	else
		say(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	return true;
}

static void
serve(int listener)
{
	static char request[9000000];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	for (;;)
	{
		int			fd = accept(listener, NULL, NULL);
		int			served = 0;

		if (fd < 0)
			continue;
		if (fork() == 0)
		{
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			while (hear(fd, request, sizeof(request)) && answer(fd, request, served))
				served++;
			_exit(0);
		}
		close(fd);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

/* A loopback socket on a free port; the endpoint names it. */
static int
open_port(char *name, size_t size)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t	len = sizeof(address);
	int			fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *) &address, sizeof(address)) != 0 ||
		getsockname(fd, (struct sockaddr *) &address, &len) != 0)
	{
		printf("Bail out! no loopback socket\n");
		exit(1);
	}
	snprintf(name, size, "http://127.0.0.1:%d", ntohs(address.sin_port));
	return fd;
}

static inline void
start_server(void)
{
	int			listener = open_port(endpoint, sizeof(endpoint));

	listen(listener, 16);
	server_pid = fork();
	if (server_pid == 0)
		serve(listener);
	close(listener);
}

#endif							/* ODD_SERVER_H */
