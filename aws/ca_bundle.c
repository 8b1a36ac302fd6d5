/*
 * ca_bundle.c
 *	  Which file holds the certificate authorities?
 *
 * A libcurl built on Debian looks for Debian's file, which Amazon Linux does
 * not have, so a binary that is carried from one to the other must look
 * around.  What a person named wins and must exist; what is found by itself
 * need not.
 */
#include "ca_bundle.h"

#include <openssl/x509_vfy.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const known_places[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/var/runtime/ca-cert.pem",
	"/etc/ssl/cert.pem",
	"/var/task/ca-certificates.crt" /* what a Lambda function's zip brings along */
};

static bool
readable(const char *path)
{
	return path != NULL && path[0] != '\0' && access(path, R_OK) == 0;
}

static bool
named(const char *path, const char *by, const char **result, AwsxError *error)
{
	if (!readable(path))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the certificate authorities' file \"%s\" named by %s cannot be read",
							  path, by);
	*result = path;
	return true;
}

bool
awsx_ca_bundle_find(const char *given, const char *built_in, const char **path, AwsxError *error)
{
	static const char *const variables[] = {"AWS_CA_BUNDLE", "SSL_CERT_FILE"};

	*path = NULL;
	if (given != NULL && given[0] != '\0')
		return named(given, "the option ca_bundle", path, error);
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
	{
		const char *value = getenv(variables[i]);

		if (value != NULL && value[0] != '\0')
			return named(value, variables[i], path, error);
	}
	if (readable(built_in))
		return true;
	for (size_t i = 0; i < sizeof(known_places) / sizeof(known_places[0]); i++)
	{
		if (readable(known_places[i]))
		{
			*path = known_places[i];
			return true;
		}
	}
	return true;				/* plain http needs none; TLS will say so itself */
}

const char *
awsx_ca_bundle_advice(long verify_result)
{
	switch (verify_result)
	{
		case X509_V_OK:
		case X509_V_ERR_UNSPECIFIED:	/* libcurl looks at the name first */
			return "the certificate is not this host's: check the endpoint's name";
		case X509_V_ERR_CERT_HAS_EXPIRED:
		case X509_V_ERR_CERT_NOT_YET_VALID:
			return "renew the server's certificate, or correct this machine's clock";
		default:
			return "to trust it, name its authority's file (PEM) in ca_bundle or AWS_CA_BUNDLE";
	}
}
