/*
 * sigv4_canonical.h
 *	  What the stages of the signature share; inside aws/ only.
 */
#ifndef AWSX_SIGV4_CANONICAL_H
#define AWSX_SIGV4_CANONICAL_H

#include "digest.h"
#include "sigv4.h"

/* S3 signs the path as it is sent and wants the body's digest as a header. */
extern bool awsx_sigv4_is_s3(const AwsxSigv4 *signer);

/* The signer's hash, or the body's in scratch; null and *error without libcrypto's. */
extern const char *awsx_sigv4_payload_hash(const AwsxSigv4 *signer,
										   char scratch[AWSX_SHA256_HEX_LEN + 1],
										   AwsxError *error);

/* Append the sorted names of the headers that are signed, ';' between. */
extern void awsx_sigv4_signed_names(AwsxBuf *out, const AwsxHttpRequest *request);

#endif							/* AWSX_SIGV4_CANONICAL_H */
