/*
 * test_tls.c
 *	  Whom the transport trusts: servers on loopback whose certificates are
 *	  right, of an unknown authority, of another host, expired; or whose TLS
 *	  is too old.  A refusal says what to do, and nothing is sent.
 */
#define _GNU_SOURCE
#include "tap.h"

#include "exchange.h"
#include "tls_server.h"

static char folder[] = "/tmp/pg_sqs_tls.XXXXXX";
static char right_ca[64];
static char wrong_ca[64];
static char system_file[64];

/* One GET with that file of authorities (null: the default); end() it. */
static void
ask(const char *url, const char *ca_bundle, Exchange *x)
{
	AwsxCurlOptions options = {.ca_bundle = ca_bundle};
	AwsxError	error;
	AwsxTransport *transport = awsx_transport_curl(&options, &error);

	snprintf(endpoint, sizeof(endpoint), "%s", url);
	if (transport == NULL)
		give_up(error.message);
	get(transport, x, "/");
	transport->free(transport);
}

/* A signature that does not fit: some versions of libcurl call it a fault of TLS. */
#define EITHER (-1)

static void
refused(const TlsServer *server, const char *ca_bundle, const char *advice, int retryable, const char *what)
{
	Exchange	x;

	ask(server->endpoint, ca_bundle, &x);
	ok(x.finished && x.call.response.status == 0 && x.call.error.kind == AWSX_ERR_TRANSPORT, "refused: %s", what);
	ok(strstr(x.call.error.message, advice) != NULL && strstr(x.call.error.message, server->endpoint) != NULL,
	   "... the error says where and what to do");
	printf("# %s\n", x.call.error.message);
	if (retryable != EITHER)
		ok(x.call.error.retryable == retryable, "... and %s", retryable ? "may pass" : "is not tried again");
	end(&x);
}

static void
accepted(const TlsServer *server, const char *ca_bundle, const char *what)
{
	Exchange	x;

	ask(server->endpoint, ca_bundle, &x);
	ok(x.call.error.kind == AWSX_OK && x.call.response.status == 200 && x.call.response.body.len == 5,
	   "accepted: %s", what);
	if (x.call.error.kind != AWSX_OK)
		printf("# %s\n", x.call.error.message);
	end(&x);
}

static void
test_authorities(const Identity *ca)
{
	Identity	good = make_identity(ca, "good", "IP:127.0.0.1", 2);
	TlsServer	server = start_tls_server(&good, 0);
	Exchange	x;
	char		not_pem[80];
	FILE	   *file;

	accepted(&server, right_ca, "the authority is in the named file");
	refused(&server, NULL, "AWS_CA_BUNDLE", false, "the default file does not know the authority");
	refused(&server, wrong_ca, "ca_bundle", EITHER, "nor does another authority's of the same name");
	setenv("AWS_CA_BUNDLE", right_ca, 1);
	accepted(&server, NULL, "the file is named by the environment");
	refused(&server, wrong_ca, "ca_bundle", EITHER, "the option counts before the environment");
	unsetenv("AWS_CA_BUNDLE");

	snprintf(not_pem, sizeof(not_pem), "%s/not.pem", folder);
	file = fopen(not_pem, "w");
	fputs("no certificate\n", file);
	fclose(file);
	ask(server.endpoint, not_pem, &x);
	ok(x.call.error.kind == AWSX_ERR_CONFIG && strstr(x.call.error.message, "PEM") != NULL, "a file without certificates");
	end(&x);
	unlink(not_pem);
	stop_tls_server(&server);
	free_identity(&good);
}

static void
test_certificates(const Identity *ca)
{
	Identity	other = make_identity(ca, "127.0.0.1", "DNS:other.example", 2);
	Identity	expired = make_identity(ca, "expired", "IP:127.0.0.1", -1);
	Identity	early = make_identity_for(ca, "early", "IP:127.0.0.1", 1, 2);
	Identity	own = make_identity(NULL, "self-signed", "IP:127.0.0.1", 2);
	TlsServer	server = start_tls_server(&other, 0);

	refused(&server, right_ca, "check the endpoint's name", false, "another host's certificate, though its CN is the host");
	stop_tls_server(&server);
	server = start_tls_server(&expired, 0);
	refused(&server, right_ca, "clock", false, "an expired certificate");
	stop_tls_server(&server);
	server = start_tls_server(&early, 0);
	refused(&server, right_ca, "clock", false, "a certificate that is not yet valid");
	stop_tls_server(&server);
	server = start_tls_server(&own, 0);
	refused(&server, right_ca, "AWS_CA_BUNDLE", false, "a certificate that signed itself");
	stop_tls_server(&server);
	free_identity(&other);
	free_identity(&expired);
	free_identity(&early);
	free_identity(&own);
}

static void
test_versions(const Identity *ca)
{
	Identity	good = make_identity(ca, "good", "IP:127.0.0.1", 2);
	TlsServer	server = start_tls_server(&good, TLS1_1_VERSION);

	refused(&server, right_ca, "TLS 1.2", true, "TLS 1.1");
	stop_tls_server(&server);
	server = start_tls_server(&good, TLS1_2_VERSION);
	accepted(&server, right_ca, "TLS 1.2");
	stop_tls_server(&server);
	free_identity(&good);
}

/* A plain HTTP server where TLS is expected. */
static void
test_plain_server(void)
{
	TlsServer	plain = start_tls_server(NULL, 0);

	refused(&plain, right_ca, "TLS 1.2", true, "a server without TLS");
	stop_tls_server(&plain);
}

/* A system that allows old versions, so that it is us who refuse them. */
static void
allow_old_tls(void)
{
	FILE	   *file;

	snprintf(system_file, sizeof(system_file), "%s/openssl.cnf", folder);
	file = fopen(system_file, "w");
	fputs("openssl_conf = all\n[all]\nssl_conf = tls\n[tls]\nsystem_default = old\n"
		  "[old]\nMinProtocol = TLSv1\nCipherString = DEFAULT@SECLEVEL=0\n", file);
	fclose(file);
	setenv("OPENSSL_CONF", system_file, 1);
}

int
main(void)
{
	Identity	ca;
	Identity	impostor;

	unsetenv("AWS_CA_BUNDLE");
	unsetenv("SSL_CERT_FILE");
	if (mkdtemp(folder) == NULL)
		give_up("no temporary folder");
	allow_old_tls();
	ca = make_identity(NULL, "authority", NULL, 2);
	impostor = make_identity(NULL, "authority", NULL, 2);
	snprintf(right_ca, sizeof(right_ca), "%s/right.pem", folder);
	snprintf(wrong_ca, sizeof(wrong_ca), "%s/wrong.pem", folder);
	write_certificate(&ca, right_ca);
	write_certificate(&impostor, wrong_ca);
	test_authorities(&ca);
	test_certificates(&ca);
	test_versions(&ca);
	test_plain_server();
	unlink(right_ca);
	unlink(wrong_ca);
	unlink(system_file);
	rmdir(folder);
	free_identity(&ca);
	free_identity(&impostor);
	return tap_done();
}
