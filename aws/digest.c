/*
 * digest.c
 *	  Digests over libcrypto's EVP interface.
 *
 * libcrypto 3 looks an algorithm up each time that it is named by EVP_md5()
 * and the like, which costs more than hashing a message.  So it is looked up
 * once and kept; what failed (no memory, or FIPS) is tried again.
 */
#include "digest.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stddef.h>
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

#if OPENSSL_VERSION_NUMBER >= 0x30000000L

typedef _Atomic(EVP_MD *) Fetched;

/* Null when there is none. */
static const EVP_MD *
fetch(Fetched *fetched, const char *name)
{
	EVP_MD	   *known = atomic_load(fetched);
	EVP_MD	   *none = NULL;

	if (known != NULL)
		return known;
	known = EVP_MD_fetch(NULL, name, NULL);
	if (known == NULL || atomic_compare_exchange_strong(fetched, &none, known))
		return known;
	EVP_MD_free(known);			/* another thread was faster */
	return none;
}

static const EVP_MD *
sha256(void)
{
	static Fetched fetched;

	return fetch(&fetched, "SHA256");
}

static const EVP_MD *
md5(void)
{
	static Fetched fetched;

	return fetch(&fetched, "MD5");
}

#else
#define sha256 EVP_sha256
#define md5 EVP_md5
#endif

static bool
digest(const EVP_MD *type, const void *data, size_t len, unsigned char *out)
{
	return type != NULL && EVP_Digest(never_null(data), len, out, NULL, type, NULL) == 1;
}

bool
awsx_sha256(const void *data, size_t len, unsigned char out[AWSX_SHA256_LEN])
{
	return digest(sha256(), data, len, out);
}

bool
awsx_sha256_hex(const void *data, size_t len, char out[AWSX_SHA256_HEX_LEN + 1])
{
	unsigned char bytes[AWSX_SHA256_LEN];

	if (!awsx_sha256(data, len, bytes))
		return false;
	awsx_hex(bytes, sizeof(bytes), out);
	return true;
}

bool
awsx_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
				 unsigned char out[AWSX_SHA256_LEN])
{
	unsigned int out_len = 0;

	if (key_len > INT_MAX || sha256() == NULL)
		return false;
	return HMAC(sha256(), never_null(key), (int) key_len, never_null(data), len,
				out, &out_len) != NULL && out_len == AWSX_SHA256_LEN;
}

bool
awsx_md5(const void *data, size_t len, unsigned char out[AWSX_MD5_LEN])
{
	return digest(md5(), data, len, out);
}

bool
awsx_md5_hex(const void *data, size_t len, char out[AWSX_MD5_HEX_LEN + 1])
{
	unsigned char bytes[AWSX_MD5_LEN];

	if (!awsx_md5(data, len, bytes))
		return false;
	awsx_hex(bytes, sizeof(bytes), out);
	return true;
}
