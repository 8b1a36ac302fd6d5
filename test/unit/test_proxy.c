/*
 * test_proxy.c
 *	  Through a proxy to a service that only the proxy can reach: TLS is still
 *	  ours, the proxy sees no header of the request, its password is in no
 *	  error, and this machine is reached without it.
 */
#define _GNU_SOURCE
#include "tap.h"

#include <sys/mman.h>

#include "exchange.h"
#include "tls_server.h"

#define SERVICE "https://service.example:4443"
#define CREDENTIALS "Proxy-Authorization: Basic dXNlcjpzQGNyZXQ=\r\n"	/* user:s@cret */

static char folder[] = "/tmp/pg_sqs_proxy.XXXXXX";
static char ca_file[64];
static char proxy_address[64];	/* http://127.0.0.1:PORT */
static char *seen;				/* the last request of the proxy, shared with its process */

#define SEEN_SIZE 65536

static int
connect_to(const char *url)
{
	struct sockaddr_in address = {.sin_family = AF_INET,.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	.sin_port = htons((uint16_t) atoi(strrchr(url, ':') + 1))};
	int			fd = socket(AF_INET, SOCK_STREAM, 0);

	return connect(fd, (struct sockaddr *) &address, sizeof(address)) == 0 ? fd : -1;
}

static void
tunnel(int client, int server)
{
	struct pollfd waiting[2] = {{.fd = client,.events = POLLIN}, {.fd = server,.events = POLLIN}};
	char		bytes[4096];

	while (poll(waiting, 2, -1) > 0)
	{
		for (int i = 0; i < 2; i++)
		{
			ssize_t		len = waiting[i].revents != 0 ? read(waiting[i].fd, bytes, sizeof(bytes)) : 1;

			if (len <= 0 || (waiting[i].revents != 0 && write(waiting[1 - i].fd, bytes, (size_t) len) != len))
				return;
		}
	}
}

/* Whatever host is asked for, it is the server behind. */
static void
serve_proxy(int listener, const char *behind)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	for (;;)
	{
		int			fd = accept(listener, NULL, NULL);

		if (fork() != 0)
		{
			close(fd);
			continue;
		}
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!hear(fd, seen, SEEN_SIZE))
			_exit(0);
		if (strstr(seen, CREDENTIALS) == NULL)
			say(fd, "HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n");
		else if (strncmp(seen, "CONNECT ", 8) != 0)
			say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy");
		else
		{
			say(fd, "HTTP/1.1 200 Yes\r\nX-Of-The-Proxy: 1\r\n\r\n");
			tunnel(fd, connect_to(behind));
		}
		_exit(0);
	}
}

static pid_t
start_proxy(const char *behind)
{
	int			listener = open_port(proxy_address, sizeof(proxy_address));
	pid_t		pid;

	listen(listener, 16);
	pid = fork();
	if (pid == 0)
		serve_proxy(listener, behind);
	close(listener);
	return pid;
}

/* One GET through the proxy as that user; end() it. */
static void
ask(const char *url, const char *user, const char *ca_bundle, Exchange *x)
{
	char		proxy[128];
	AwsxCurlOptions options = {.proxy = proxy,.ca_bundle = ca_bundle};
	AwsxTransport *transport;

	snprintf(proxy, sizeof(proxy), "http://%s%s", user, proxy_address + strlen("http://"));
	seen[0] = '\0';
	transport = awsx_transport_curl(&options, NULL);
	snprintf(endpoint, sizeof(endpoint), "%s", url);
	begin(transport, x, "GET", "/secret-path");
	awsx_headers_set(&x->request.headers, "X-Amz-Security-Token", "secret-token");
	if (go(x))
		finish(x);
	transport->free(transport);
}

static void
test_tunnel(void)
{
	Exchange	x;

	ask(SERVICE, "user:s%40cret@", ca_file, &x);
	ok(x.call.error.kind == AWSX_OK && x.call.response.status == 200, "an answer comes through the proxy");
	is_str(x.call.response.body.data, "hello", "... from the service");
	ok(awsx_headers_get(&x.call.response.headers, "X-Of-The-Proxy") == NULL, "... without the proxy's headers");
	ok(strncmp(seen, "CONNECT service.example:4443 HTTP/1.1\r\n", 39) == 0, "the proxy was asked for a tunnel");
	ok(strstr(seen, "secret") == NULL, "... and saw neither path nor headers");
	end(&x);

	ask(SERVICE, "user:s%40cret@", NULL, &x);
	ok(x.call.error.kind == AWSX_ERR_TRANSPORT && !x.call.error.retryable &&
	   strstr(x.call.error.message, "certificate") != NULL, "the service's certificate is held against our authorities");
	end(&x);
}

static void
test_refusals(void)
{
	Exchange	x;

	ask(SERVICE, "user:wrong-word@", ca_file, &x);
	ok(x.call.error.kind == AWSX_ERR_TRANSPORT && x.call.response.status == 0, "a proxy that refuses is no answer");
	ok(strstr(x.call.error.message, "407") != NULL && strstr(x.call.error.message, "user:password") != NULL,
	   "... the error says what to do");
	ok(strstr(x.call.error.message, "wrong-word") == NULL, "... without the password");
	ok(!x.call.error.retryable, "... and is not tried again");
	printf("# %s\n", x.call.error.message);
	end(&x);
	ask("http://service.example", "user:s%40cret@", ca_file, &x);
	ok(strncmp(seen, "GET http://service.example/secret-path HTTP/1.1\r\n", 49) == 0, "http, where allowed, goes through the proxy too");
	end(&x);

	/* nobody listens there */
	close(open_port(proxy_address, sizeof(proxy_address)));
	ask(SERVICE, "", ca_file, &x);
	ok(x.call.error.kind == AWSX_ERR_TRANSPORT && x.call.error.retryable, "a proxy that is away may come back");
	printf("# %s\n", x.call.error.message);
	end(&x);
}

int
main(void)
{
	Identity	ca = make_identity(NULL, "authority", NULL, 2);
	Identity	service = make_identity(&ca, "service", "DNS:service.example", 2);
	TlsServer	server = start_tls_server(&service, 0);
	pid_t		proxy;
	Exchange	x;
	char		here[sizeof(endpoint)];

	unsetenv("AWS_CA_BUNDLE");
	unsetenv("SSL_CERT_FILE");
	setenv("no_proxy", "*", 1);	/* the environment has no say */
	seen = mmap(NULL, SEEN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mkdtemp(folder) == NULL || seen == MAP_FAILED)
		give_up("no temporary folder or no memory");
	snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", folder);
	write_certificate(&ca, ca_file);
	proxy = start_proxy(server.endpoint);
	start_server();
	snprintf(here, sizeof(here), "%s", endpoint);
	test_tunnel();
	ask(here, "user:s%40cret@", ca_file, &x);
	ok(x.call.response.status == 404 && seen[0] == '\0', "this machine is reached without the proxy");
	end(&x);
	test_refusals();

	kill(proxy, SIGKILL);
	kill(server_pid, SIGKILL);
	waitpid(proxy, NULL, 0);
	waitpid(server_pid, NULL, 0);
	stop_tls_server(&server);
	unlink(ca_file);
	rmdir(folder);
	free_identity(&ca);
	free_identity(&service);
	return tap_done();
}
