/*
 * tlsproxy.c
 *		TLS in front of a server on loopback, and the certificates for it.
 *
 *	tlsproxy --listen PORT --to HOST:PORT --identity FILE [--newest 1.1]
 *
 * takes the TLS off what comes in and passes it on, with the certificate and
 * key of FILE.pem and FILE.key, prints "ready 127.0.0.1:PORT" and ends with its
 * stdin.  --newest bounds the version of TLS that it speaks.
 *
 *	tlsproxy --make FILE --name SUBJECT [--for IP:127.0.0.1] [--by AUTHORITY] [--from DAYS] [--until DAYS]
 *
 * makes FILE.pem and FILE.key: signed by AUTHORITY's files or, without, by
 * itself and then an authority; valid from so many days after now (default -2)
 * until so many (default 2).
 *
 * A connection is a process of its own, which ends with its parent.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Options
{
	const char *listen;
	const char *to;
	const char *identity;
	const char *newest;
	const char *make;
	const char *name;
	const char *alt_name;
	const char *by;
	long		from_days;
	long		until_days;
} Options;

static _Noreturn void
stop(const char *what, const char *detail)
{
	fprintf(stderr, "tlsproxy: %s: %s\n", what, detail);
	exit(2);
}

/* ---- certificates ---- */

static FILE *
open_file(const char *base, const char *suffix, const char *mode)
{
	char		path[4096];
	FILE	   *file;

	if ((size_t) snprintf(path, sizeof(path), "%s%s", base, suffix) >= sizeof(path))
		stop("a path is too long", base);
	file = fopen(path, mode);
	if (file == NULL)
		stop("a file cannot be opened", path);
	return file;
}

static void
read_authority(const char *base, X509 **certificate, EVP_PKEY **key)
{
	FILE	   *file = open_file(base, ".pem", "r");

	*certificate = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	file = open_file(base, ".key", "r");
	*key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	fclose(file);
	if (*certificate == NULL || *key == NULL)
		stop("no authority", base);
}

static void
extend(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	if (extension == NULL || X509_add_ext(certificate, extension, -1) != 1)
		stop("no such extension", value);
	X509_EXTENSION_free(extension);
}

static void
write_identity(const char *base, X509 *certificate, EVP_PKEY *key)
{
	FILE	   *file = open_file(base, ".pem", "w");
	bool		written = PEM_write_X509(file, certificate) == 1;

	written = fclose(file) == 0 && written;
	umask(077);
	file = open_file(base, ".key", "w");
	written = PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 && written;
	if (fclose(file) != 0 || !written)
		stop("a certificate cannot be written", base);
}

static void
make_identity(const Options *options)
{
	X509	   *certificate = X509_new();
	EVP_PKEY   *key = EVP_EC_gen("P-256");
	X509	   *authority = certificate;
	EVP_PKEY   *signing_key = key;
	X509_NAME  *subject = X509_NAME_new();

	if (options->name == NULL)
		stop("--name is missing", options->make);
	if (options->by != NULL)
		read_authority(options->by, &authority, &signing_key);
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate), getpid());
	X509_gmtime_adj(X509_getm_notBefore(certificate), options->from_days * 86400);
	X509_gmtime_adj(X509_getm_notAfter(certificate), options->until_days * 86400);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *) options->name, -1, -1, 0);
	X509_set_subject_name(certificate, subject);
	X509_set_issuer_name(certificate, options->by != NULL ? X509_get_subject_name(authority) : subject);
	X509_set_pubkey(certificate, key);
	if (options->by == NULL)
		extend(certificate, NID_basic_constraints, "critical,CA:TRUE");
	if (options->alt_name != NULL)
		extend(certificate, NID_subject_alt_name, options->alt_name);
	if (X509_sign(certificate, signing_key, EVP_sha256()) == 0)
		stop("a certificate cannot be signed", options->make);
	write_identity(options->make, certificate, key);
}

/* ---- the proxy ---- */

static SSL_CTX *
server_context(const Options *options)
{
	SSL_CTX    *context = SSL_CTX_new(TLS_server_method());
	char		path[4096];

	(void) snprintf(path, sizeof(path), "%s.pem", options->identity);
	if (context == NULL || SSL_CTX_use_certificate_chain_file(context, path) != 1)
		stop("no certificate", path);
	(void) snprintf(path, sizeof(path), "%s.key", options->identity);
	if (SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM) != 1)
		stop("no key", path);
	/* so that poll, not a read, waits where a record held nothing for us */
	SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
	if (options->newest == NULL)
		return context;

	/* a system's configuration may forbid old versions also to servers */
	if (SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0") != 1 ||
		SSL_CTX_set_min_proto_version(context, TLS1_VERSION) != 1 ||
		SSL_CTX_set_max_proto_version(context, strcmp(options->newest, "1.1") == 0 ? TLS1_1_VERSION :
									  strcmp(options->newest, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION) != 1)
		stop("no such version of TLS", options->newest);
	return context;
}

static bool
write_all(int fd, const char *bytes, int len)
{
	while (len > 0)
	{
		ssize_t		written = write(fd, bytes, (size_t) len);

		if (written <= 0)
			return false;
		bytes += written;
		len -= (int) written;
	}
	return true;
}

/* From the client; false when it has gone. */
static bool
pass_request(SSL *ssl, int server)
{
	char		bytes[16384];
	int			len = SSL_read(ssl, bytes, sizeof(bytes));

	if (len > 0)
		return write_all(server, bytes, len);
	return SSL_get_error(ssl, len) == SSL_ERROR_WANT_READ;
}

static bool
pass_answer(int server, SSL *ssl)
{
	char		bytes[16384];
	ssize_t		len = read(server, bytes, sizeof(bytes));

	return len > 0 && SSL_write(ssl, bytes, (int) len) == len;
}

static void
serve(SSL_CTX *context, int client, const struct sockaddr_in *to)
{
	int			server = socket(AF_INET, SOCK_STREAM, 0);
	SSL		   *ssl = SSL_new(context);
	struct pollfd waiting[2] = {{.fd = client,.events = POLLIN}, {.fd = server,.events = POLLIN}};
	int			at_once = 1;
	bool		alive;

	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once));
	setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once));
	alive = ssl != NULL && SSL_set_fd(ssl, client) == 1 && SSL_accept(ssl) == 1 &&
		connect(server, (const struct sockaddr *) to, sizeof(*to)) == 0;
	while (alive)
	{
		if (SSL_pending(ssl) == 0 && poll(waiting, 2, -1) < 0)
			break;
		if (SSL_pending(ssl) > 0 || waiting[0].revents != 0)
			alive = pass_request(ssl, server);
		if (alive && waiting[1].revents != 0)
		{
			alive = pass_answer(server, ssl);
			if (!alive)
				SSL_shutdown(ssl);
		}
	}
	_exit(0);
}

static int
listen_on(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	.sin_port = htons((uint16_t) atoi(port))};
	socklen_t	len = sizeof(address);
	int			listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(listener, (struct sockaddr *) &address, sizeof(address)) != 0 || listen(listener, 64) != 0 ||
		getsockname(listener, (struct sockaddr *) &address, &len) != 0)
		stop("the port cannot be had", port);
	printf("ready 127.0.0.1:%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return listener;
}

static void
run(const Options *options)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	SSL_CTX    *context = server_context(options);
	const char *colon = options->to != NULL ? strrchr(options->to, ':') : NULL;
	char		host[64] = "";
	struct pollfd waiting[2] = {{.fd = STDIN_FILENO,.events = POLLIN}, {.events = POLLIN}};

	if (colon != NULL)
		(void) snprintf(host, sizeof(host), "%.*s", (int) (colon - options->to), options->to);
	if (colon == NULL || inet_pton(AF_INET, host, &to.sin_addr) != 1)
		stop("--to is not ADDRESS:PORT", options->to != NULL ? options->to : "");
	to.sin_port = htons((uint16_t) atoi(colon + 1));
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	waiting[1].fd = listen_on(options->listen);
	while (poll(waiting, 2, -1) >= 0 && waiting[0].revents == 0)
	{
		int			client = accept(waiting[1].fd, NULL, NULL);

		if (client >= 0 && fork() == 0)
		{
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(STDIN_FILENO);
			close(STDOUT_FILENO);
			serve(context, client, &to);
		}
		close(client);
	}
}

int
main(int argc, char **argv)
{
	static const struct option known[] = {
		{"listen", required_argument, NULL, 'l'}, {"to", required_argument, NULL, 't'},
		{"identity", required_argument, NULL, 'i'}, {"newest", required_argument, NULL, 'v'},
		{"make", required_argument, NULL, 'm'}, {"name", required_argument, NULL, 'n'},
		{"for", required_argument, NULL, 'a'}, {"by", required_argument, NULL, 'b'},
		{"from", required_argument, NULL, 'f'}, {"until", required_argument, NULL, 'u'},
		{NULL, 0, NULL, 0}
	};
	Options		options = {.from_days = -2,.until_days = 2};
	int			option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
	{
		switch (option)
		{
			case 'l':
				options.listen = optarg;
				break;
			case 't':
				options.to = optarg;
				break;
			case 'i':
				options.identity = optarg;
				break;
			case 'v':
				options.newest = optarg;
				break;
			case 'm':
				options.make = optarg;
				break;
			case 'n':
				options.name = optarg;
				break;
			case 'a':
				options.alt_name = optarg;
				break;
			case 'b':
				options.by = optarg;
				break;
			case 'f':
				options.from_days = atol(optarg);
				break;
			case 'u':
				options.until_days = atol(optarg);
				break;
			default:
				return 2;
		}
	}
	if (options.make != NULL)
		make_identity(&options);
	else if (options.listen != NULL && options.identity != NULL)
		run(&options);
	else
		stop("usage", "see the head of tlsproxy.c");
	return 0;
}
