/*
 * test_stall.c
 *	  A name server and a host that do not answer: the time to connect bounds
 *	  both, nothing waits for them at the end, and no handler of this process
 *	  runs on the thread that asks.
 *
 * Here the program answers libcurl's questions for a name, or does not.
 */
#define _GNU_SOURCE
#include "tap.h"

#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "clock.h"
#include "exchange.h"

static atomic_int asking;		/* questions that wait for an answer */
static atomic_int asked;
static atomic_bool unmasked;	/* a question came on a thread that takes signals */
static atomic_bool released;	/* nobody waits any more */

int
getaddrinfo(const char *restrict name, const char *restrict service,
			const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
	sigset_t	blocked;

	(void) name;
	(void) service;
	(void) hints;
	(void) out;
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	for (int signo = SIGHUP; signo <= SIGTERM; signo++)
	{
		if ((signo == SIGHUP || signo == SIGINT || signo == SIGUSR1 || signo == SIGUSR2 || signo == SIGALRM || signo == SIGTERM) &&
			sigismember(&blocked, signo) == 0)
			unmasked = true;
	}
	asking++;
	asked++;
	for (int i = 0; i < 4000 && !released; i++)
		poll(NULL, 0, 5);
	asking--;
	return EAI_AGAIN;
}

static int64_t
now(void)
{
	return awsx_clock_real()->monotonic_ms(NULL);
}

static void
to_stalled_name(AwsxTransport *transport, Exchange *x, int connect_ms)
{
	int			before = asked;

	begin(transport, x, "GET", "/hello");
	free(x->request.endpoint);
	x->request.endpoint = strdup("http://stalled.example:1");
	x->request.connect_timeout_ms = connect_ms;
	go(x);
	transport->drive(transport);
	for (int i = 0; i < 400 && asked == before; i++)
		poll(NULL, 0, 5);
}

/* A loopback port whose queue of connections is full: it answers no SYN. */
static int
full_port(int fillers[4])
{
	int			listener = open_port(endpoint, sizeof(endpoint));
	struct sockaddr_in address;
	socklen_t	len = sizeof(address);

	listen(listener, 0);
	getsockname(listener, (struct sockaddr *) &address, &len);
	for (int i = 0; i < 4; i++)
	{
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(fillers[i], (struct sockaddr *) &address, sizeof(address)) == 0)
			continue;
	}
	poll(NULL, 0, 50);
	return listener;
}

static void
test_name(void)
{
	AwsxTransport *transport = awsx_transport_curl(NULL, NULL);
	Exchange	x;
	int64_t		started = now();

	to_stalled_name(transport, &x, 300);
	ok(asking == 1 || asking == 2, "a name is asked for, and nobody answers");
	finish(&x);
	ok(x.call.error.kind == AWSX_ERR_TIMEOUT && x.call.error.retryable, "the exchange ends with a timeout");
	ok(now() - started >= 299 && now() - started < 3000, "... after the time to connect");
	ok(strstr(x.call.error.message, "stalled.example") != NULL, "... and names the name");
	printf("# %s\n", x.call.error.message);
	end(&x);

	to_stalled_name(transport, &x, 20000);
	started = now();
	transport->cancel(transport, &x.call);
	ok(now() - started < 1000, "a cancel does not wait for the name server");
	end(&x);
	to_stalled_name(transport, &x, 20000);
	started = now();
	transport->free(transport);
	ok(now() - started < 1000, "nor does the end of the transport");
	end(&x);
	ok(asked == 3 || asked == 6, "each was asked for once, or once for each kind of address (asked %d times)", (int) asked);
	ok(!unmasked, "the threads that ask take no signal");
}

static void
test_connect(void)
{
	AwsxTransport *transport = awsx_transport_curl(NULL, NULL);
	int			fillers[4];
	int			listener = full_port(fillers);
	int64_t		started = now();
	Exchange	x;

	begin(transport, &x, "GET", "/hello");
	x.request.connect_timeout_ms = 300;
	go(&x);
	finish(&x);
	ok(x.call.error.kind == AWSX_ERR_TIMEOUT, "a host that does not answer is a timeout");
	ok(now() - started >= 299 && now() - started < 3000, "... after the time to connect");
	end(&x);
	begin(transport, &x, "GET", "/hello");
	go(&x);
	started = now();
	transport->free(transport);
	ok(now() - started < 1000, "... for which the end does not wait");
	end(&x);
	close(listener);
	for (int i = 0; i < 4; i++)
		close(fillers[i]);
}

int
main(void)
{
	unsetenv("AWS_CA_BUNDLE");
	unsetenv("SSL_CERT_FILE");
	test_connect();
	test_name();
	released = true;
	for (int i = 0; i < 400 && asking > 0; i++)
		poll(NULL, 0, 5);
	poll(NULL, 0, 50);			/* and their threads end */
	return tap_done();
}
