/*
 * sigv4.c
 *	  AWS Signature Version 4: string to sign, Authorization header, and the
 *	  three stages in a row.
 *
 *	  request --canonical_request--> the text both sides agree on
 *			  --string_to_sign-----> its digest, with date and scope
 *			  --authorization------> the header
 *
 * The stages only read the request; awsx_sigv4_sign sets the headers that
 * are signed, runs the stages, and adds their result.  Keys derived on the
 * way are wiped at once: deriving one costs four short digests, less than
 * keeping secrets in memory would.
 *
 * Rule: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
#include "sigv4.h"

#include <string.h>
#include <time.h>

#include "digest.h"
#include "http_check.h"
#include "sigv4_canonical.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define LAST_MS INT64_C(253402300799999)	/* the end of year 9999 */

static bool
out_of_memory(AwsxError *error)
{
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
}

static bool
format_date(int64_t when_ms, char out[17])
{
	time_t		seconds = (time_t) (when_ms / 1000);
	struct tm	parts;

	if (when_ms < 0 || when_ms > LAST_MS || gmtime_r(&seconds, &parts) == NULL)
		return false;
	return strftime(out, 17, "%Y%m%dT%H%M%SZ", &parts) == 16;
}

static bool
libcrypto_failed(AwsxError *error)
{
	return awsx_error_set(error, AWSX_ERR_CONFIG,
						  "libcrypto has no SHA-256; check the OpenSSL configuration");
}

const char *
awsx_sigv4_payload_hash(const AwsxSigv4 *signer, char scratch[AWSX_SHA256_HEX_LEN + 1],
						AwsxError *error)
{
	const AwsxHttpRequest *request = signer->request;

	if (signer->payload_hash != NULL)
		return signer->payload_hash;
	if (awsx_sha256_hex(request->body, request->body_len, scratch))
		return scratch;
	libcrypto_failed(error);
	return NULL;
}

bool
awsx_sigv4_is_s3(const AwsxSigv4 *signer)
{
	return strcmp(signer->service, "s3") == 0;
}

static bool
bad_date(AwsxError *error)
{
	return awsx_error_set(error, AWSX_ERR_CONFIG,
						  "the clock is outside of the years 1970 to 9999");
}

bool
awsx_sigv4_string_to_sign(const AwsxSigv4 *signer, const AwsxBuf *canonical,
						  AwsxBuf *out, AwsxError *error)
{
	char		date[17];
	char		hash[AWSX_SHA256_HEX_LEN + 1];

	if (!format_date(signer->when_ms, date))
		return bad_date(error);
	if (!awsx_sha256_hex(canonical->data, canonical->len, hash))
		return libcrypto_failed(error);
	awsx_buf_printf(out, "%s\n%s\n%.8s/%s/%s/aws4_request\n%s", ALGORITHM, date, date,
					signer->region, signer->service, hash);
	return out->failed ? out_of_memory(error) : true;
}

/* The key of one day, region and service, from the secret key. */
static bool
derive_key(const AwsxSigv4 *signer, const char *date, unsigned char key[AWSX_SHA256_LEN])
{
	AwsxBuf		secret;
	bool		derived = false;

	awsx_buf_init(&secret, 0);
	if (awsx_buf_printf(&secret, "AWS4%s", signer->credentials->secret_access_key))
		derived = awsx_hmac_sha256(secret.data, secret.len, date, 8, key) &&
			awsx_hmac_sha256(key, AWSX_SHA256_LEN, signer->region, strlen(signer->region), key) &&
			awsx_hmac_sha256(key, AWSX_SHA256_LEN, signer->service, strlen(signer->service), key) &&
			awsx_hmac_sha256(key, AWSX_SHA256_LEN, "aws4_request", 12, key);
	if (secret.data != NULL)
		explicit_bzero(secret.data, secret.allocated);
	awsx_buf_free(&secret);
	return derived;
}

bool
awsx_sigv4_authorization(const AwsxSigv4 *signer, const AwsxBuf *string_to_sign,
						 AwsxBuf *out, AwsxError *error)
{
	unsigned char key[AWSX_SHA256_LEN];
	unsigned char signature[AWSX_SHA256_LEN];
	char		date[17];
	bool		made;

	if (!format_date(signer->when_ms, date))
		return bad_date(error);
	made = derive_key(signer, date, key) &&
		awsx_hmac_sha256(key, sizeof(key), string_to_sign->data, string_to_sign->len, signature);
	explicit_bzero(key, sizeof(key));
	if (!made)
		return libcrypto_failed(error);
	awsx_buf_printf(out, "%s Credential=%s/%.8s/%s/%s/aws4_request, SignedHeaders=", ALGORITHM,
					signer->credentials->access_key_id, date, signer->region, signer->service);
	awsx_sigv4_signed_names(out, signer->request);
	awsx_buf_puts(out, ", Signature=");
	awsx_buf_hex(out, signature, sizeof(signature));
	return out->failed ? out_of_memory(error) : true;
}

/* Set the headers that the signature covers. */
static bool
set_signed_headers(const AwsxSigv4 *signer, AwsxError *error)
{
	AwsxHeaders *headers = &signer->request->headers;
	const char *token = signer->credentials->session_token;
	char		date[17];
	bool		set;

	if (!format_date(signer->when_ms, date))
		return bad_date(error);
	set = awsx_headers_set(headers, "X-Amz-Date", date);
	if (token != NULL && token[0] != '\0')
		set = set && awsx_headers_set(headers, "X-Amz-Security-Token", token);
	else
		awsx_headers_remove(headers, "X-Amz-Security-Token");
	if (awsx_sigv4_is_s3(signer))
		set = set && awsx_headers_set(headers, "x-amz-content-sha256", signer->payload_hash);
	if (!set)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the request's headers cannot be set (a forbidden character in the "
							  "session token, or no memory)");
	return true;
}

/* An upper bound for the canonical request's length. */
static size_t
canonical_room(const AwsxHttpRequest *request)
{
	size_t		room = 1024 + strlen(request->endpoint) + 3 * strlen(request->path);

	if (request->query != NULL)
		room += 3 * strlen(request->query);
	for (int i = 0; i < request->headers.count; i++)
		room += 2 * strlen(request->headers.items[i].name) + strlen(request->headers.items[i].value) + 4;
	return room;
}

bool
awsx_sigv4_sign(const AwsxSigv4 *signer, AwsxError *error)
{
	AwsxSigv4	with_hash = *signer;
	char		scratch[AWSX_SHA256_HEX_LEN + 1];
	AwsxBuf		canonical;
	AwsxBuf		to_sign;
	AwsxBuf		authorization;
	bool		signed_ok;

	with_hash.payload_hash = awsx_sigv4_payload_hash(signer, scratch, error);
	if (with_hash.payload_hash == NULL || !set_signed_headers(&with_hash, error))
		return false;

	awsx_buf_init(&canonical, 0);
	awsx_buf_init(&to_sign, 0);
	awsx_buf_init(&authorization, 0);
	/* a buffer that grew would leave copies of the session token behind */
	awsx_buf_reserve(&canonical, canonical_room(signer->request));
	signed_ok = awsx_sigv4_canonical_request(&with_hash, &canonical, error) &&
		awsx_sigv4_string_to_sign(&with_hash, &canonical, &to_sign, error) &&
		awsx_sigv4_authorization(&with_hash, &to_sign, &authorization, error);
	if (signed_ok && !awsx_headers_set(&signer->request->headers, "Authorization",
									   authorization.data))
		signed_ok = awsx_error_set(error, AWSX_ERR_CONFIG,
								   "the Authorization header cannot be set (a forbidden character "
								   "in the access key id or region, or no memory)");
	if (canonical.data != NULL)
		explicit_bzero(canonical.data, canonical.len);	/* it has the session token */
	awsx_buf_free(&canonical);
	awsx_buf_free(&to_sign);
	awsx_buf_free(&authorization);
	return signed_ok;
}
