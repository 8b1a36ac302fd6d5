/*
 * tls_server.h
 *	  A TLS server on loopback with certificates made on the fly: an authority
 *	  of the test's own, and a server certificate for any name and time.
 *	  One forked process a server; it dies with the test.
 */
#ifndef TLS_SERVER_H
#define TLS_SERVER_H

#include "tap.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Identity
{
	EVP_PKEY   *key;
	X509	   *certificate;
} Identity;

typedef struct TlsServer
{
	pid_t		pid;
	char		endpoint[64];
} TlsServer;

static void
give_up(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(1);
}

static void
add_extension(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	if (extension == NULL || X509_add_ext(certificate, extension, -1) != 1)
		give_up("a certificate's extension cannot be made");
	X509_EXTENSION_free(extension);
}

/*
 * A certificate signed by an issuer (null: by itself, an authority), valid
 * from and until so many days from now.  alt_name is "IP:..." or "DNS:...".
 */
static Identity
make_identity_for(const Identity *issuer, const char *name, const char *alt_name, int from, int days)
{
	Identity	made = {EVP_EC_gen("P-256"), X509_new()};
	X509	   *certificate = made.certificate;
	X509_NAME  *subject = X509_NAME_new();

	if (made.key == NULL || certificate == NULL || subject == NULL)
		give_up("a certificate cannot be made");
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), issuer == NULL ? 1 : 2);
	X509_gmtime_adj(X509_getm_notBefore(certificate), from * 86400L);
	X509_gmtime_adj(X509_getm_notAfter(certificate), days * 86400L);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *) name, -1, -1, 0);
	X509_set_subject_name(certificate, subject);
	X509_set_issuer_name(certificate, issuer == NULL ? subject : X509_get_subject_name(issuer->certificate));
	X509_set_pubkey(certificate, made.key);
	if (issuer == NULL)
		add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
	if (alt_name != NULL)
		add_extension(certificate, NID_subject_alt_name, alt_name);
	if (X509_sign(certificate, issuer == NULL ? made.key : issuer->key, EVP_sha256()) == 0)
		give_up("a certificate cannot be signed");
	X509_NAME_free(subject);
	return made;
}

static Identity
make_identity(const Identity *issuer, const char *name, const char *alt_name, int days)
{
	return make_identity_for(issuer, name, alt_name, -2, days);
}

static void
free_identity(Identity *identity)
{
	X509_free(identity->certificate);
	EVP_PKEY_free(identity->key);
}

static void
write_certificate(const Identity *identity, const char *path)
{
	FILE	   *file = fopen(path, "w");

	if (file == NULL || PEM_write_X509(file, identity->certificate) != 1 || fclose(file) != 0)
		give_up("a certificate cannot be written");
}

/* What a server without TLS says to a TLS client. */
static void
serve_plain(int listener)
{
	static const char refusal[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	char		request[4096];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	for (;;)
	{
		int			fd = accept(listener, NULL, NULL);

		if (read(fd, request, sizeof(request)) > 0 && write(fd, refusal, sizeof(refusal) - 1) > 0)
			shutdown(fd, SHUT_WR);
		close(fd);
	}
}

/* Each connection has one request, whatever it says. */
static void
serve_tls(int listener, SSL_CTX *context)
{
	static const char hello[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
	char		request[4096];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	for (;;)
	{
		int			fd = accept(listener, NULL, NULL);
		SSL		   *ssl = SSL_new(context);

		SSL_set_fd(ssl, fd);
		if (SSL_accept(ssl) == 1 && SSL_read(ssl, request, sizeof(request)) > 0)
		{
			SSL_write(ssl, hello, sizeof(hello) - 1);
			SSL_shutdown(ssl);
		}
		SSL_free(ssl);
		close(fd);
	}
}

/* A null identity: no TLS.  max_version 0 is no bound. */
static TlsServer
start_tls_server(const Identity *identity, int max_version)
{
	struct sockaddr_in address = {.sin_family = AF_INET,.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t	len = sizeof(address);
	int			listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SSL_CTX    *context = SSL_CTX_new(TLS_server_method());
	TlsServer	server;

	if (bind(listener, (struct sockaddr *) &address, sizeof(address)) != 0 || listen(listener, 8) != 0 ||
		getsockname(listener, (struct sockaddr *) &address, &len) != 0)
		give_up("no loopback socket");
	if (identity != NULL && (context == NULL || SSL_CTX_use_certificate(context, identity->certificate) != 1 ||
		 SSL_CTX_use_PrivateKey(context, identity->key) != 1))
		give_up("no TLS server");

	/* a system's configuration may forbid old versions also to servers */
	if (max_version != 0 &&
		(SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0") != 1 ||
		 SSL_CTX_set_min_proto_version(context, TLS1_VERSION) != 1 ||
		 SSL_CTX_set_max_proto_version(context, max_version) != 1))
		give_up("no old TLS");
	snprintf(server.endpoint, sizeof(server.endpoint), "https://127.0.0.1:%d", ntohs(address.sin_port));
	fflush(stdout);
	server.pid = fork();
	if (server.pid == 0 && identity == NULL)
		serve_plain(listener);
	if (server.pid == 0)
		serve_tls(listener, context);
	close(listener);
	SSL_CTX_free(context);
	return server;
}

static void
stop_tls_server(TlsServer *server)
{
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
}

#endif							/* TLS_SERVER_H */
