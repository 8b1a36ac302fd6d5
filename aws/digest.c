/*
 * digest.c
 *	  Digests over libcrypto's EVP interface.
 */
#include "digest.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

void
awsx_hex(const unsigned char *bytes, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++)
	{
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 0x0F];
	}
	out[2 * len] = '\0';
}

/* libcrypto is never given a null pointer, not even for no bytes. */
static const void *
never_null(const void *data)
{
	return data != NULL ? data : "";
}

bool
awsx_sha256(const void *data, size_t len, unsigned char out[AWSX_SHA256_LEN])
{
	return EVP_Digest(never_null(data), len, out, NULL, EVP_sha256(), NULL) == 1;
}

bool
awsx_sha256_hex(const void *data, size_t len, char out[AWSX_SHA256_HEX_LEN + 1])
{
	unsigned char digest[AWSX_SHA256_LEN];

	if (!awsx_sha256(data, len, digest))
		return false;
	awsx_hex(digest, sizeof(digest), out);
	return true;
}

bool
awsx_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
				 unsigned char out[AWSX_SHA256_LEN])
{
	unsigned int out_len = 0;

	if (key_len > INT_MAX)
		return false;
	return HMAC(EVP_sha256(), never_null(key), (int) key_len, never_null(data), len,
				out, &out_len) != NULL && out_len == AWSX_SHA256_LEN;
}

bool
awsx_md5(const void *data, size_t len, unsigned char out[AWSX_MD5_LEN])
{
	return EVP_Digest(never_null(data), len, out, NULL, EVP_md5(), NULL) == 1;
}

bool
awsx_md5_hex(const void *data, size_t len, char out[AWSX_MD5_HEX_LEN + 1])
{
	unsigned char digest[AWSX_MD5_LEN];

	if (!awsx_md5(data, len, digest))
		return false;
	awsx_hex(digest, sizeof(digest), out);
	return true;
}
