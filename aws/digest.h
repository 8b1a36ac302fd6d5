/*
 * digest.h
 *	  SHA-256, HMAC-SHA-256 and MD5 over libcrypto, and their hex form.
 *
 * Each returns false only when libcrypto does (MD5 may be disabled by a FIPS
 * provider).
 */
#ifndef AWSX_DIGEST_H
#define AWSX_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#define AWSX_SHA256_LEN 32
#define AWSX_SHA256_HEX_LEN 64
#define AWSX_MD5_LEN 16
#define AWSX_MD5_HEX_LEN 32

extern bool awsx_sha256(const void *data, size_t len, unsigned char out[AWSX_SHA256_LEN]);
extern bool awsx_sha256_hex(const void *data, size_t len, char out[AWSX_SHA256_HEX_LEN + 1]);
extern bool awsx_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
							 unsigned char out[AWSX_SHA256_LEN]);
extern bool awsx_md5(const void *data, size_t len, unsigned char out[AWSX_MD5_LEN]);
extern bool awsx_md5_hex(const void *data, size_t len, char out[AWSX_MD5_HEX_LEN + 1]);
extern void awsx_hex(const unsigned char *bytes, size_t len, char *out);	/* out: 2 * len + 1 */

#endif							/* AWSX_DIGEST_H */
