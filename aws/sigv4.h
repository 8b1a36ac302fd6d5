/*
 * sigv4.h
 *	  AWS Signature Version 4, as three functions over one struct: canonical
 *	  request, string to sign, Authorization header.
 *
 * Signed by hand and not by libcurl: the libcurl of Debian 12 signs
 * unsorted queries, removed headers and S3 paths wrongly, cannot take a
 * corrected clock and cannot be tested without a network.
 *
 * Rule: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
#ifndef AWSX_SIGV4_H
#define AWSX_SIGV4_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "credentials.h"
#include "http.h"

/*
 * A place for the key of a day, region and service, with what it was derived
 * from: a secret.  All zero at first; its owner wipes it when the secret ends.
 */
typedef struct AwsxSigv4Key
{
	bool		filled;
	char		day[8];
	char		region[64];
	char		service[32];
	char		secret[129];
	unsigned char key[32];
} AwsxSigv4Key;

extern void awsx_sigv4_key_wipe(AwsxSigv4Key *kept);

typedef struct AwsxSigv4
{
	const AwsxCredentials *credentials;
	const char *region;
	const char *service;		/* signing name: "sqs", "s3", ... */
	int64_t		when_ms;		/* Unix epoch, milliseconds */
	AwsxHttpRequest *request;	/* path and query are read as they are sent */
	AwsxSigv4Key *kept;			/* null: the key is derived each time */
	const char *payload_hash;	/* hex SHA-256 of the body, or null: computed here
								 * (S3 also accepts "UNSIGNED-PAYLOAD") */
} AwsxSigv4;

/*
 * Sign the request: sets X-Amz-Date, X-Amz-Security-Token (with temporary
 * credentials; an older one is removed otherwise), x-amz-content-sha256 (for
 * s3) and Authorization.  Signing again replaces them.
 */
extern bool awsx_sigv4_sign(const AwsxSigv4 *signer, AwsxError *error);

/*
 * The three stages, for tests.  The headers must already carry what
 * awsx_sigv4_sign sets before it signs.
 */
extern bool awsx_sigv4_canonical_request(const AwsxSigv4 *signer, AwsxBuf *out, AwsxError *error);
extern bool awsx_sigv4_string_to_sign(const AwsxSigv4 *signer, const AwsxBuf *canonical,
									  AwsxBuf *out, AwsxError *error);
extern bool awsx_sigv4_authorization(const AwsxSigv4 *signer, const AwsxBuf *string_to_sign,
									 AwsxBuf *out, AwsxError *error);

#endif							/* AWSX_SIGV4_H */
