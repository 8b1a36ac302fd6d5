/*
 * test_wire_memory.c
 *	  The client over real sockets, plain, in TLS and through kept and
 *	  forgotten connections, while each of our allocations fails once.
 *	  Libcurl's own are left alone: not every version survives them (7.88
 *	  divides by zero after one).
 */
#define _GNU_SOURCE
#include "sweep.h"

#include "client.h"
#include "odd_server.h"
#include "providers.h"
#include "tls_server.h"

static char ca_file[] = "/tmp/pg_sqs_wire_ca.XXXXXX";
static char plain_endpoint[64];
static char tls_endpoint[64];

static bool
give(void *arg, const char *bytes, size_t len)
{
	(void) bytes;
	*(size_t *) arg += len;
	return true;
}

/* One GET; true when the answer is the right one. */
static bool
ask(AwsxClient *client, const char *where, const char *path, bool to_sink, AwsxError *error)
{
	AwsxService service = {.dialect = AWSX_DIALECT_JSON,.name = "s3",.region = "eu-west-1"};
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	size_t		got = 0;
	bool		done;

	snprintf(service.endpoint, sizeof(service.endpoint), "%s", where);
	awsx_http_request_init(&request, "GET");
	request.endpoint = strdup(where);
	request.path = strdup(path);
	request.timeout_ms = 3000;
	if (to_sink)
	{
		request.sink = give;
		request.sink_arg = &got;
	}
	done = awsx_client_run(client, &service, &request, &answer, error);
	if (done && (to_sink ? got : answer.body.len) != 5)
		ok(false, "a wrong answer is taken for a right one");
	awsx_http_response_free(&answer);
	return done;
}

/* One attempt a call, for a repeated one would hide what failed. */
static AwsxClient *
open_client(AwsxError *error)
{
	AwsxCurlOptions curl = {.ca_bundle = ca_file,.proxy = "http://127.0.0.1:1",.user_agent = "test/1"};
	AwsxClientOptions options = {.transport = awsx_transport_curl(&curl, error),.max_attempts = 1};

	if (options.transport == NULL)
		return NULL;
	options.credentials = awsx_credentials_static("AK", "secret", "token", error);
	if (options.credentials != NULL)
		return awsx_client_create(&options, error);
	options.transport->free(options.transport);
	return NULL;
}

/* A fresh connection, a kept one, one after all were forgotten; into memory and away. */
static bool
plain_calls(AwsxError *error)
{
	AwsxClient *client = open_client(error);
	bool		done;

	if (client == NULL)
		return false;
	done = ask(client, plain_endpoint, "/hello", false, error) && ask(client, plain_endpoint, "/hello", true, error);
	if (done)
	{
		awsx_client_forget_connections(client);
		done = ask(client, plain_endpoint, "/hello", false, error);
	}
	awsx_client_free(client);
	return done;
}

static bool
tls_call(AwsxError *error)
{
	AwsxClient *client = open_client(error);
	bool		done = client != NULL && ask(client, tls_endpoint, "/hello", false, error);

	awsx_client_free(client);
	return done;
}

/* One call fails in the middle of its body, and one is given up. */
static bool
bad_calls(AwsxError *error)
{
	AwsxClient *client = open_client(error);
	AwsxError	expected = {0};
	bool		done;

	if (client == NULL)
		return false;
	done = !ask(client, plain_endpoint, "/short", false, &expected) && expected.kind == AWSX_ERR_TRANSPORT;
	if (!done)
		*error = expected;
	awsx_client_free(client);
	return done;
}

int
main(void)
{
#ifdef __SANITIZE_ADDRESS__
	printf("1..0 # SKIP the address sanitizer has an allocator of its own\n");
	return 0;
#endif
	Identity	ca = make_identity(NULL, "authority", NULL, 2);
	Identity	identity = make_identity(&ca, "server", "IP:127.0.0.1", 2);
	TlsServer	server = start_tls_server(&identity, 0);

	unsetenv("AWS_CA_BUNDLE");
	unsetenv("SSL_CERT_FILE");
	close(mkstemp(ca_file));
	write_certificate(&ca, ca_file);
	snprintf(tls_endpoint, sizeof(tls_endpoint), "%s", server.endpoint);
	start_server();
	snprintf(plain_endpoint, sizeof(plain_endpoint), "%s", endpoint);

	sweep("calls", plain_calls);
	sweep("a call in TLS", tls_call);
	sweep("a call that fails", bad_calls);
	kill(server_pid, SIGKILL);
	waitpid(server_pid, NULL, 0);
	stop_tls_server(&server);
	unlink(ca_file);
	free_identity(&ca);
	free_identity(&identity);
	return tap_done();
}
