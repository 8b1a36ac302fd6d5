/*
 * test_moving_name.c
 *	  A name that moves to another address while connections to the old one
 *	  are kept: the new address is used within five minutes.
 *
 * Here the program answers libcurl's questions for a name and for the time.
 */
#define _GNU_SOURCE
#include "tap.h"

#include <netdb.h>
#include <sys/syscall.h>
#include <time.h>

#include "clock.h"
#include "exchange.h"

static _Atomic int offset_s;	/* of the clock */
static _Atomic int address_now = 1; /* 127.0.0.x */
static _Atomic int questions;

int
clock_gettime(clockid_t id, struct timespec *now)
{
	int			result = (int) syscall(SYS_clock_gettime, id, now);

	now->tv_sec += offset_s;
	return result;
}

time_t
time(time_t *out)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_REALTIME, &now);
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}

int
getaddrinfo(const char *restrict name, const char *restrict service,
			const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
	struct sockaddr_in *address = calloc(1, sizeof(*address));

	(void) name;
	(void) hints;
	questions++;
	address->sin_family = AF_INET;
	address->sin_port = htons((uint16_t) (service ? atoi(service) : 0));
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + (uint32_t) address_now);
	*out = calloc(1, sizeof(**out));
	**out = (struct addrinfo) {
		.ai_family = AF_INET,
		.ai_socktype = SOCK_STREAM,
		.ai_protocol = IPPROTO_TCP,
		.ai_addrlen = sizeof(*address),
		.ai_addr = (struct sockaddr *) address
	};
	return 0;
}

void
freeaddrinfo(struct addrinfo *info)
{
	free(info->ai_addr);
	free(info);
}

/* The same port on 127.0.0.1 and .2; each says which it is. */
static pid_t
serve_two(int *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t	len = sizeof(address);
	int			listeners[2];
	pid_t		pid;

	for (int i = 0; i < 2; i++)
	{
		listeners[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t) i);
		if (bind(listeners[i], (struct sockaddr *) &address, sizeof(address)) != 0 ||
			listen(listeners[i], 8) != 0 ||
			getsockname(listeners[i], (struct sockaddr *) &address, &len) != 0)
			abort();
	}
	*port = ntohs(address.sin_port);
	pid = fork();
	for (int i = 0; pid == 0 && i < 2; i++)
	{
		if (fork() != 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
		{
			char		request[4096];
			char		answer[128];
			int			fd = accept(listeners[i], NULL, NULL);

			snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", i + 1);
			if (fork() != 0)
			{
				close(fd);
				continue;
			}
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			while (hear(fd, request, sizeof(request)))
				say(fd, answer);
			_exit(0);
		}
	}
	if (pid == 0)
	{
		pause();
		_exit(0);
	}
	close(listeners[0]);
	close(listeners[1]);
	return pid;
}

static void
asks(AwsxTransport *transport, const char *expected, const char *name)
{
	Exchange	x;

	begin(transport, &x, "GET", "/");
	if (go(&x))
		finish(&x);
	ok(x.finished && x.call.error.kind == AWSX_OK, "%s: answered %s", name, x.call.error.message);
	is_str(x.call.response.body.data, expected, name);
	end(&x);
}

int
main(void)
{
	AwsxCurlOptions options = {.user_agent = "test/1"};
	AwsxTransport *transport;
	AwsxError	error;
	int			port;
	pid_t		pid = serve_two(&port);
	int			asked;

	snprintf(endpoint, sizeof(endpoint), "http://moving.test:%d", port);
	transport = awsx_transport_curl(&options, &error);
	if (!ok(transport != NULL, "a transport"))
		return tap_done();
	asks(transport, "1", "the first address");
	asked = questions;
	asks(transport, "1", "again");
	is_int(questions, asked, "on a kept connection, which asks nobody");
	address_now = 2;
	for (; offset_s < 300; offset_s += 20)
		asks(transport, "1", "busy all the time, over the old connection");
	offset_s += 5;
	asks(transport, "2", "after five minutes the new address");
	ok(questions > asked, "the name was asked for again");
	transport->free(transport);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return tap_done();
}
