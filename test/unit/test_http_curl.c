/*
 * test_http_curl.c
 *	  The transport over libcurl, against a small server on loopback that
 *	  behaves and misbehaves on demand: over wires, and by libcurl's own
 *	  exchanges.
 */
#define _GNU_SOURCE
#include "tap.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "clock.h"
#include "exchange.h"

static void
test_answers(AwsxTransport *transport)
{
	Exchange	x;

	get(transport, &x, "/hello");
	ok(x.finished && x.call.error.kind == AWSX_OK && x.call.response.status == 200, "an answer comes");
	is_str(x.call.response.body.data, "hello", "its body");
	is_str(awsx_headers_get(&x.call.response.headers, "X-ONE"), "2", "a header that came twice");
	is_str(awsx_headers_get(&x.call.response.headers, "empty"), "", "an empty header");
	ok(x.call.response.received_ms > INT64_C(1600000000000), "when it was complete");
	end(&x);
	get(transport, &x, "/hello");
	ok(x.call.reused_connection, "the connection was kept");
	end(&x);
	get(transport, &x, "/chunked");
	is_str(x.call.response.body.data, "abcdefg", "a chunked body");
	ok(awsx_headers_get(&x.call.response.headers, "X-Early") == NULL, "headers of 100 Continue are gone");
	ok(awsx_headers_get(&x.call.response.headers, "X-One") == NULL, "trailers are no headers");
	end(&x);
	get(transport, &x, "/redirect");
	is_int(x.call.response.status, 302, "redirects are not followed");
	end(&x);
	begin(transport, &x, "HEAD", "/nowhere");
	go(&x);
	finish(&x);
	is_int(x.call.response.status, 404, "HEAD");
	end(&x);
}

static void
test_request_on_wire(AwsxTransport *transport)
{
	Exchange	x;
	const char *body;

	begin(transport, &x, "POST", "/echo/a//b/./../c%2F");
	x.request.query = strdup("x=1&y");
	x.request.body = strdup("sent body");
	x.request.body_len = 9;
	awsx_headers_set(&x.request.headers, "X-Empty", "");
	awsx_headers_set(&x.request.headers, "Expect", "100-continue");
	awsx_headers_set(&x.request.headers, "Content-Length", "77");
	awsx_headers_set(&x.request.headers, "Authorization", "AWS4 x");
	go(&x);
	finish(&x);
	body = x.call.response.body.data ? x.call.response.body.data : "";
	ok(strncmp(body, "POST /echo/a//b/./../c%2F?x=1&y HTTP/1.1\r\n", 42) == 0, "path and query as they are");
	ok(strstr(body, "\r\nX-Empty:\r\n") != NULL, "an empty header is sent");
	ok(strstr(body, "Expect") == NULL, "Expect is not");
	ok(strstr(body, "Content-Length: 9\r\n") != NULL && strstr(body, "Content-Length: 77") == NULL, "the length is the body's");
	ok(strstr(body, "Content-Type") == NULL, "no Content-Type of libcurl's");
	ok(strstr(body, "User-Agent: test/1\r\n") != NULL, "the user agent");
	ok(strstr(body, "Authorization: AWS4 x\r\n") != NULL && strstr(body, "\r\n\r\nsent body") != NULL, "header and body");
	ok(strstr(body, endpoint + 7) != NULL, "Host has the port");
	end(&x);
	begin(transport, &x, "PUT", "/echo");
	go(&x);
	finish(&x);
	body = x.call.response.body.data ? x.call.response.body.data : "";
	ok(strncmp(body, "PUT /echo HTTP", 14) == 0 && strstr(body, "Content-Length: 0\r\n") != NULL, "PUT of nothing");
	end(&x);
	begin(transport, &x, "DELETE", "/echo");
	go(&x);
	finish(&x);
	body = x.call.response.body.data ? x.call.response.body.data : "";
	ok(strncmp(body, "DELETE /echo HTTP", 17) == 0, "DELETE");
	end(&x);
	begin(transport, &x, "POST", "/hello");
	x.request.body = calloc(1, 200001);
	x.request.body_len = 200000;
	memset(x.request.body, 'z', 200000);
	go(&x);
	finish(&x);
	is_int(x.call.response.status, 200, "a body of 200 kB is sent");
	end(&x);
}

/* Nothing of a request is left for the next one of its URL; NULL is no body. */
static void
send_again(AwsxTransport *transport, const char *method, const char *path, const char *header, const char *body)
{
	Exchange	x;
	const char *echo;
	char		expected[100];

	begin(transport, &x, method, path);
	x.request.body = body != NULL ? strdup(body) : NULL;
	x.request.body_len = body != NULL ? strlen(body) : 0;
	awsx_headers_set(&x.request.headers, header, "1");
	go(&x);
	finish(&x);
	echo = x.call.response.body.data ? x.call.response.body.data : "";
	snprintf(expected, sizeof(expected), "%s %s HTTP/1.1\r\n", method, path);
	ok(strncmp(echo, expected, strlen(expected)) == 0, "again: %s %s", method, path);
	snprintf(expected, sizeof(expected), "\r\n%s: 1\r\n", header);
	ok(strstr(echo, expected) != NULL, "... its header");
	ok((strstr(echo, "\r\nX-One:") != NULL) + (strstr(echo, "\r\nX-Two:") != NULL) == 1, "... and no other's");
	snprintf(expected, sizeof(expected), "\r\n\r\n%s", body != NULL ? body : "");
	ok(strlen(echo) > strlen(expected) && strcmp(echo + strlen(echo) - strlen(expected), expected) == 0, "... its body");
	end(&x);
}

static void
test_again(AwsxTransport *transport)
{
	send_again(transport, "POST", "/echo", "X-One", "a long body");
	send_again(transport, "POST", "/echo", "X-Two", "short");
	send_again(transport, "POST", "/echo", "X-One", NULL);
	send_again(transport, "POST", "/echo/2", "X-Two", "another path");
	send_again(transport, "GET", "/echo", "X-One", NULL);
	send_again(transport, "PUT", "/echo", "X-Two", "put");
	send_again(transport, "POST", "/echo", "X-Two", "and back");
}

static bool
take_some(void *arg, const char *bytes, size_t len)
{
	size_t	   *left = arg;

	(void) bytes;
	if (len > *left)
		return false;
	*left -= len;
	return true;
}

static void
test_caps(AwsxTransport *transport)
{
	Exchange	x;
	size_t		left = 100000;

	by_sink = false;			/* each of these says how it takes its body */
	begin(transport, &x, "GET", "/big");
	x.request.max_response = 99999;
	go(&x);
	finish(&x);
	ok(x.call.error.kind == AWSX_ERR_PROTOCOL && !x.call.error.retryable, "one byte too many");
	end(&x);
	begin(transport, &x, "GET", "/big");
	x.request.max_response = 100000;
	go(&x);
	finish(&x);
	ok(x.call.error.kind == AWSX_OK && x.call.response.body.len == 100000, "exactly the cap");
	end(&x);
	begin(transport, &x, "GET", "/500big");
	x.request.max_response = 10;
	go(&x);
	finish(&x);
	ok(x.call.error.kind == AWSX_OK && x.call.response.status == 500, "of an error the beginning is enough");
	is_str(x.call.response.body.data, "0123456789", "and kept");
	end(&x);
	begin(transport, &x, "GET", "/big");
	x.request.max_response = 10;
	x.request.sink = take_some;
	x.request.sink_arg = &left;
	go(&x);
	finish(&x);
	ok(x.call.error.kind == AWSX_OK && left == 0 && x.call.response.body.len == 0, "a sink has no cap");
	end(&x);
	left = 50;
	begin(transport, &x, "GET", "/big");
	x.request.sink = take_some;
	x.request.sink_arg = &left;
	go(&x);
	finish(&x);
	is_int(x.call.error.kind, AWSX_ERR_CANCELLED, "a sink says stop");
	end(&x);
	begin(transport, &x, "GET", "/500big");
	x.request.sink = take_some;
	x.request.sink_arg = &left;
	go(&x);
	finish(&x);
	ok(left == 50 && x.call.response.body.len == 100000, "an error's body does not go to the sink");
	end(&x);
	get(transport, &x, "/announced");
	ok(x.call.error.kind == AWSX_ERR_PROTOCOL && strstr(x.call.error.message, "longer than 1048576 bytes") != NULL,
	   "a body of 100 MB is refused when it is announced");
	end(&x);
	begin(transport, &x, "HEAD", "/announced");
	go(&x);
	finish(&x);
	ok(x.call.error.kind == AWSX_OK && x.call.response.status == 200, "... but not by HEAD, which has none");
	end(&x);
	get(transport, &x, "/headers");
	is_int(x.call.error.kind, AWSX_ERR_PROTOCOL, "too many headers");
	end(&x);
	get(transport, &x, "/longheader");
	is_int(x.call.error.kind, AWSX_ERR_PROTOCOL, "too long headers");
	end(&x);
}

static void
test_failures(AwsxTransport *transport)
{
	Exchange	x;
	char		saved[sizeof(endpoint)];
	int64_t		before;
	int			fd;
	AwsxError	error;

	get(transport, &x, "/short");
	ok(x.call.error.kind == AWSX_ERR_TRANSPORT && x.call.error.retryable, "closed in mid-body");
	is_int(x.call.response.status, 0, "is no answer");
	end(&x);
	get(transport, &x, "/cutheaders");
	ok(x.call.error.kind == AWSX_ERR_TRANSPORT && x.call.response.status == 0, "closed within the headers");
	end(&x);
	get(transport, &x, "/nothing");
	is_int(x.call.error.kind, AWSX_ERR_TRANSPORT, "closed without an answer");
	end(&x);
	get(transport, &x, "/garbage");
	ok(x.call.error.kind != AWSX_OK && x.call.response.status == 0, "an answer that is not HTTP");
	end(&x);
	before = awsx_clock_real()->monotonic_ms(NULL);
	begin(transport, &x, "GET", "/hang");
	x.request.timeout_ms = 150;
	go(&x);
	finish(&x);
	before = awsx_clock_real()->monotonic_ms(NULL) - before;
	ok(x.call.error.kind == AWSX_ERR_TIMEOUT && x.call.error.retryable, "no answer in time");
	ok(before >= 149 && before < 2000, "after the time that was set");
	end(&x);

	strcpy(saved, endpoint);
	fd = open_port(endpoint, sizeof(endpoint));	/* bound, nobody listens */
	get(transport, &x, "/hello");
	ok(x.call.error.kind == AWSX_ERR_TRANSPORT && x.call.error.retryable, "connection refused");
	ok(!x.call.reused_connection, "was not a kept one");
	ok(strstr(x.call.error.message, endpoint) != NULL, "the error says where");
	end(&x);
	close(fd);
	strcpy(endpoint, "http://does-not-exist.invalid");
	get(transport, &x, "/hello");
	is_int(x.call.error.kind, AWSX_ERR_TRANSPORT, "a name that does not exist");
	end(&x);
	strcpy(endpoint, saved);

	begin(transport, &x, "GET", "/a b");
	ok(!transport->start(transport, &x.call, &error) && error.kind == AWSX_ERR_CONFIG, "a bad path is not started");
	end(&x);
}

static void
test_dead_connection(void)
{
	static const char *const paths[] = {"/once", "/partlyonce"};

	for (int i = 0; i < 2; i++)
	{
		AwsxTransport *transport = awsx_transport_curl(NULL, NULL);
		Exchange	x;

		get(transport, &x, paths[i]);
		is_str(x.call.response.body.data, "ok", "a first request");
		end(&x);
		get(transport, &x, paths[i]);
		ok(x.call.error.kind == AWSX_OK || (x.call.error.kind == AWSX_ERR_TRANSPORT && x.call.reused_connection),
		   "the kept connection dies: repeated, or said to be a kept one");
		if (x.call.error.kind != AWSX_OK)
		{
			end(&x);
			begin(transport, &x, "GET", paths[i]);
			x.call.fresh_connection = true;
			go(&x);
			finish(&x);
			ok(x.call.error.kind == AWSX_OK && !x.call.reused_connection, "a fresh one works");
		}
		end(&x);
		transport->free(transport);
	}
}

static void
test_fresh_connections(void)
{
	AwsxCurlOptions options = {.fresh_connections = true};
	AwsxTransport *transport = awsx_transport_curl(&options, NULL);
	Exchange	x;

	for (int i = 0; i < 3; i++)
	{
		get(transport, &x, "/hello");
		ok(x.call.error.kind == AWSX_OK && !x.call.reused_connection, "never a kept connection");
		end(&x);
	}
	transport->free(transport);
}

/* Descriptors of this process that are sockets. */
static int
open_sockets(void)
{
	int			count = 0;

	for (int fd = 0; fd < 256; fd++)
	{
		struct stat about;

		count += fstat(fd, &about) == 0 && S_ISSOCK(about.st_mode);
	}
	return count;
}

static void
test_forget(void)
{
	AwsxTransport *transport = awsx_transport_curl(NULL, NULL);
	int			fd = transport->fd(transport);
	int			before = open_sockets();
	Exchange	x;
	Exchange	slow;

	transport->forget(transport);
	get(transport, &x, "/hello");
	end(&x);
	get(transport, &x, "/hello");
	ok(x.call.reused_connection, "a connection is kept");
	end(&x);
	transport->forget(transport);
	is_int(open_sockets(), before, "when forgotten, it is closed at once");
	get(transport, &x, "/hello");
	ok(x.call.error.kind == AWSX_OK && !x.call.reused_connection, "... and the next exchange opens its own");
	end(&x);
	is_int(transport->fd(transport), fd, "... behind the same descriptor");

	begin(transport, &slow, "GET", "/slow");
	go(&slow);
	transport->drive(transport);
	get(transport, &x, "/hello");
	end(&x);
	transport->forget(transport);
	get(transport, &x, "/hello");
	ok(!x.call.reused_connection, "while an exchange is under way, what is idle is not used again");
	end(&x);
	finish(&slow);
	is_str(slow.call.response.body.data, "slow", "... and that exchange ends as it should");
	end(&slow);
	is_int(open_sockets(), before, "... then all are closed");
	get(transport, &x, "/hello");
	ok(x.call.error.kind == AWSX_OK && !x.call.reused_connection, "... and it goes on");
	end(&x);
	get(transport, &x, "/hello");
	ok(x.call.reused_connection, "... with kept connections");
	end(&x);
	transport->free(transport);
}

/* What comes without having been asked for is never the next request's answer. */
static void
test_unasked(void)
{
	static const char *const paths[] = {"/more", "/late", "/bye", "/last"};
	AwsxTransport *transport = awsx_transport_curl(NULL, NULL);
	struct pollfd entry = {.fd = transport->fd(transport), .events = POLLIN};
	int			before;
	Exchange	x;

	get(transport, &x, "/nothing");
	end(&x);
	before = open_sockets();	/* with libcurl's own */
	for (int i = 0; i < 4; i++)
	{
		get(transport, &x, paths[i]);
		is_str(x.call.response.body.data, "ok", paths[i]);
		end(&x);
		for (int turns = 0; open_sockets() > before && turns < 100; turns++)
		{
			poll(&entry, 1, 20);
			transport->drive(transport);
		}
		is_int(open_sockets(), before, "... ends the connection");
		get(transport, &x, "/hello");
		ok(x.call.error.kind == AWSX_OK && !x.call.reused_connection, "... the next exchange has its own");
		is_str(x.call.response.body.data, "hello", "... and its own answer");
		end(&x);
		get(transport, &x, "/nothing");
		end(&x);
	}
	/* before the transport has been told of it */
	get(transport, &x, "/late");
	end(&x);
	poll(NULL, 0, 200);
	get(transport, &x, "/hello");
	ok(x.call.error.kind == AWSX_OK && !x.call.reused_connection, "an answer that waits already ends its connection");
	is_str(x.call.response.body.data, "hello", "... and is not taken");
	end(&x);
	transport->free(transport);
}

/* More than the kernel takes at once. */
static void
test_long_body(AwsxTransport *transport)
{
	Exchange	x;
	size_t		len = 8 * 1000 * 1000;

	for (int i = 0; i < 2; i++)
	{
		begin(transport, &x, "POST", "/hello");
		x.request.body = malloc(len);
		x.request.body_len = len;
		memset(x.request.body, 'z', len);
		go(&x);
		ok(transport->timeout_ms(transport) != 0, "a body of 8 MB is not waited for");
		finish(&x);
		is_int(x.call.response.status, 200, "... and sent");
		end(&x);
	}
	get(transport, &x, "/hello");
	ok(x.call.error.kind == AWSX_OK && x.call.reused_connection, "... over a connection that goes on");
	end(&x);
}

/* Whoever calls the transport must say so for each request. */
static void
test_plain_http(AwsxTransport *transport)
{
	AwsxError	error;
	Exchange	x;

	begin(transport, &x, "GET", "/hello");
	free(x.request.endpoint);
	x.request.endpoint = strdup("http://192.0.2.1");
	x.request.allow_plain = false;
	ok(!transport->start(transport, &x.call, &error) && error.kind == AWSX_ERR_CONFIG, "http to another machine is not started");
	ok(strstr(error.message, "https") != NULL, "... the error says what to do");
	x.request.allow_plain = true;
	ok(go(&x), "... but where it is allowed");
	transport->cancel(transport, &x.call);
	end(&x);
}

static void
test_many_and_cancel(AwsxTransport *transport)
{
	enum
	{
		COUNT = 40
	};
	static Exchange x[COUNT];
	int			good = 0;

	for (int i = 0; i < COUNT; i++)
	{
		begin(transport, &x[i], "GET", "/hello");
		go(&x[i]);
	}
	for (int i = 0; i < COUNT; i++)
	{
		finish(&x[i]);
		good += x[i].call.error.kind == AWSX_OK && x[i].call.response.status == 200;
		end(&x[i]);
	}
	is_int(good, COUNT, "forty at once");

	begin(transport, &x[0], "GET", "/hang");
	begin(transport, &x[1], "GET", "/hello");
	go(&x[0]);
	go(&x[1]);
	x[1].cancel = &x[0].call;
	finish(&x[1]);
	ok(!x[0].finished && x[0].call.handle == NULL, "a callback cancels another call");
	transport->cancel(transport, &x[0].call);
	ok(true, "cancelling twice is harmless");
	end(&x[0]);
	end(&x[1]);
	ok(transport->fd(transport) >= 0, "there is one descriptor to wait on");
}

/* The mask that a resolver's thread inherits has everything blocked. */
static volatile sig_atomic_t handled;

static void
on_signal(int signo)
{
	(void) signo;
	handled++;
}

static void
test_signals(AwsxTransport *transport)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	sigset_t	before;
	sigset_t	after;
	Exchange	x;
	bool		same = true;

	sigaction(SIGUSR1, &action, NULL);
	sigprocmask(SIG_SETMASK, NULL, &before);
	begin(transport, &x, "GET", "/hello");
	go(&x);
	kill(getpid(), SIGUSR1);
	finish(&x);
	end(&x);
	sigprocmask(SIG_SETMASK, NULL, &after);
	for (int signo = 1; signo < 32; signo++)
		same = same && sigismember(&before, signo) == sigismember(&after, signo);
	ok(same, "the signal mask is as before");
	is_int(handled, by_sink ? 2 : 1, "a signal between is handled once");
}

static void
test_options(void)
{
	AwsxCurlOptions options = {.ca_bundle = "/does/not/exist.pem"};
	AwsxTransport *transport;
	AwsxError	error;
	Exchange	x;
	struct rlimit limit;
	struct rlimit none;

	ok(awsx_transport_curl(&options, &error) == NULL && error.kind == AWSX_ERR_CONFIG, "a CA file that is not there");
	options = (AwsxCurlOptions) {.proxy = "http://user:secret@nowhere"};
	ok(awsx_transport_curl(&options, &error) == NULL && error.kind == AWSX_ERR_CONFIG && strstr(error.message, "secret") == NULL,
	   "a proxy without a port; its password is not repeated");
	setenv("AWS_CA_BUNDLE", "/does/not/exist/either.pem", 1);
	ok(awsx_transport_curl(NULL, &error) == NULL && strstr(error.message, "AWS_CA_BUNDLE") != NULL, "nor in the environment");
	unsetenv("AWS_CA_BUNDLE");

	getrlimit(RLIMIT_NOFILE, &limit);
	none = limit;
	none.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &none);
	ok(awsx_transport_curl(NULL, &error) == NULL && error.kind != AWSX_OK, "no descriptor left");
	setrlimit(RLIMIT_NOFILE, &limit);

	/* free with an exchange under way: its done is not called */
	transport = awsx_transport_curl(NULL, NULL);
	begin(transport, &x, "GET", "/hang");
	go(&x);
	transport->drive(transport);
	transport->free(transport);
	ok(!x.finished, "freeing the transport cancels without a word");
	end(&x);
}

int
main(void)
{
	AwsxCurlOptions options = {.user_agent = "test/1"};
	AwsxTransport *transport;
	AwsxError	error;

	unsetenv("AWS_CA_BUNDLE");
	unsetenv("SSL_CERT_FILE");
	setenv("http_proxy", "http://127.0.0.1:1", 1);	/* must not be asked */
	setenv("all_proxy", "http://127.0.0.1:1", 1);
	start_server();
	transport = awsx_transport_curl(&options, &error);
	if (!ok(transport != NULL, "a transport"))
		return tap_done();
	for (int i = 0; i < 2; i++)
	{
		by_sink = i == 1;
		printf("# %s\n", by_sink ? "exchanges of libcurl" : "wires");
		test_answers(transport);
		test_request_on_wire(transport);
		test_again(transport);
		test_failures(transport);
		test_many_and_cancel(transport);
		test_signals(transport);
		test_dead_connection();
		test_fresh_connections();
		test_forget();
	}
	test_caps(transport);
	test_unasked();
	test_long_body(transport);
	test_plain_http(transport);
	test_options();
	transport->free(transport);
	kill(server_pid, SIGKILL);
	waitpid(server_pid, NULL, 0);
	return tap_done();
}
