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
 * are signed, runs the stages, and adds their result.  The text is appended
 * piece by piece: this runs for every ten messages, and formatting by printf
 * cost a third of it.
 *
 * Rule: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
#include "sigv4.h"

#include <string.h>

#include "digest.h"
#include "http_check.h"
#include "sigv4_canonical.h"
#include "sigv4_key.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define AUTHORIZATION_ROOM 500	/* enough for most */

static bool
out_of_memory(AwsxError *error)
{
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
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

/* day/region/service/aws4_request */
static void
append_scope(const AwsxSigv4 *signer, const char *date, AwsxBuf *out)
{
	awsx_buf_append(out, date, AWSX_SIGV4_DAY_LEN);
	awsx_buf_putc(out, '/');
	awsx_buf_puts(out, signer->region);
	awsx_buf_putc(out, '/');
	awsx_buf_puts(out, signer->service);
	awsx_buf_puts(out, "/aws4_request");
}

bool
awsx_sigv4_string_to_sign(const AwsxSigv4 *signer, const AwsxBuf *canonical,
						  AwsxBuf *out, AwsxError *error)
{
	char		date[AWSX_SIGV4_DATE_LEN + 1];
	unsigned char hash[AWSX_SHA256_LEN];

	if (!awsx_sigv4_date(signer->when_ms, date))
		return bad_date(error);
	if (!awsx_sha256(canonical->data, canonical->len, hash))
		return libcrypto_failed(error);
	awsx_buf_puts(out, ALGORITHM "\n");
	awsx_buf_append(out, date, AWSX_SIGV4_DATE_LEN);
	awsx_buf_putc(out, '\n');
	append_scope(signer, date, out);
	awsx_buf_putc(out, '\n');
	awsx_buf_hex(out, hash, sizeof(hash));
	return out->failed ? out_of_memory(error) : true;
}

bool
awsx_sigv4_authorization(const AwsxSigv4 *signer, const AwsxBuf *string_to_sign,
						 AwsxBuf *out, AwsxError *error)
{
	unsigned char key[AWSX_SHA256_LEN];
	unsigned char signature[AWSX_SHA256_LEN];
	char		date[AWSX_SIGV4_DATE_LEN + 1];
	bool		made;

	if (!awsx_sigv4_date(signer->when_ms, date))
		return bad_date(error);
	made = awsx_sigv4_key(signer, date, key) &&
		awsx_hmac_sha256(key, sizeof(key), string_to_sign->data, string_to_sign->len, signature);
	explicit_bzero(key, sizeof(key));
	if (!made)
		return libcrypto_failed(error);
	awsx_buf_puts(out, ALGORITHM " Credential=");
	awsx_buf_puts(out, signer->credentials->access_key_id);
	awsx_buf_putc(out, '/');
	append_scope(signer, date, out);
	awsx_buf_puts(out, ", SignedHeaders=");
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
	char		date[AWSX_SIGV4_DATE_LEN + 1];
	bool		set;

	if (!awsx_sigv4_date(signer->when_ms, date))
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
	awsx_buf_reserve(&authorization, AUTHORIZATION_ROOM);
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
