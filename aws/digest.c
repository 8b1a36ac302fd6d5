/*
 * digest.c
 *	  Digests over libcrypto's EVP interface.
 *
 * libcrypto looks an algorithm up by its name at each one-shot call, and
 * makes a context for it, which costs more than the digest of a message.
 * So each thread keeps a context and what was found, for its life.  For the
 * same reason HMAC, which is two digests (RFC 2104), is composed here.
 *
 * What is not found is looked for again: the configuration may come later.
 */
#include "digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define SHA256_BLOCK 64

/* One algorithm of a thread. */
typedef struct Kept
{
	const EVP_MD *algorithm;
	EVP_MD_CTX *context;
} Kept;

static _Thread_local Kept kept_sha256;
static _Thread_local Kept kept_md5;

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

static const EVP_MD *
find(const char *name)
{
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
	return EVP_MD_fetch(NULL, name, NULL);
#else
	return EVP_get_digestbyname(name);
#endif
}

static bool
is_ready(Kept *kept, const char *name)
{
	if (kept->algorithm == NULL)
		kept->algorithm = find(name);
	if (kept->context == NULL)
		kept->context = EVP_MD_CTX_new();
	return kept->algorithm != NULL && kept->context != NULL;
}

/* The digest of two pieces. */
static bool
digest(Kept *kept, const char *name, const void *first, size_t first_len,
	   const void *second, size_t second_len, unsigned char *out)
{
	return is_ready(kept, name) &&
		EVP_DigestInit_ex(kept->context, kept->algorithm, NULL) == 1 &&
		EVP_DigestUpdate(kept->context, never_null(first), first_len) == 1 &&
		(second_len == 0 || EVP_DigestUpdate(kept->context, second, second_len) == 1) &&
		EVP_DigestFinal_ex(kept->context, out, NULL) == 1;
}

static bool
sha256_of_two(const void *first, size_t first_len, const void *second, size_t second_len,
			  unsigned char *out)
{
	return digest(&kept_sha256, "SHA256", first, first_len, second, second_len, out);
}

bool
awsx_sha256(const void *data, size_t len, unsigned char out[AWSX_SHA256_LEN])
{
	return sha256_of_two(data, len, NULL, 0, out);
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
	unsigned char block[SHA256_BLOCK] = {0};
	unsigned char inner[AWSX_SHA256_LEN];
	bool		made = true;

	if (key_len > SHA256_BLOCK)
		made = awsx_sha256(key, key_len, block);
	else if (key_len > 0)
		memcpy(block, key, key_len);
	for (size_t i = 0; i < SHA256_BLOCK; i++)
		block[i] ^= 0x36;
	made = made && sha256_of_two(block, SHA256_BLOCK, data, len, inner);
	for (size_t i = 0; i < SHA256_BLOCK; i++)
		block[i] ^= 0x36 ^ 0x5c;
	made = made && sha256_of_two(block, SHA256_BLOCK, inner, sizeof(inner), out);
	OPENSSL_cleanse(block, sizeof(block));
	OPENSSL_cleanse(inner, sizeof(inner));
	return made;
}

bool
awsx_md5(const void *data, size_t len, unsigned char out[AWSX_MD5_LEN])
{
	return digest(&kept_md5, "MD5", data, len, NULL, 0, out);
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
