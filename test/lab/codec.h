/*
 * codec.h
 *		Hex, base64, percent encoding, UTF-8, digests, ids and dates.
 */
#ifndef LAB_CODEC_H
#define LAB_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define SHA256_LEN		32
#define SHA256_HEX		65
#define MD5_HEX			33
#define UUID_TEXT		37

/* What names and ids of all services are made of. */
#define ALPHANUMERIC	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

void		hex_encode(const void *data, size_t len, char *out);

void		base64_encode(Buf *out, const void *data, size_t len);

/* Strict: padding required, no blanks.  Adds nothing when it returns false. */
bool		base64_decode(Buf *out, const char *text, size_t len);

/* AWS's rule: all but A-Za-z0-9-_.~ (and those in keep) become %XX, upper case. */
void		percent_encode(Buf *out, const char *data, size_t len, const char *keep);

/* False for a malformed %. */
bool		percent_decode(Buf *out, const char *text, size_t len);

/* How many bytes from the first on stand for themselves in a JSON string, and are ASCII. */
size_t		plain_run(const char *text, size_t len);

/* Length of the valid UTF-8 character at data, with its code point; 0 if none. */
size_t		utf8_char(const char *data, size_t len, uint32_t *point);
bool		utf8_valid(const char *text);

void		md5_hex(const void *data, size_t len, char out[MD5_HEX]);
void		sha256_hex(const void *data, size_t len, char out[SHA256_HEX]);
void		hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
						unsigned char out[SHA256_LEN]);


/* Spreads what differs in a few bits over all of them. */
uint64_t	mix_u64(uint64_t z);
uint64_t	random_u64(void);
void		random_uuid(char out[UUID_TEXT]);

/* Epoch milliseconds as strftime text, UTC; size of out as in strftime. */
void		format_time(char *out, size_t size, const char *format, int64_t epoch_ms);

/* "2026-01-02T03:04:05.678Z" */
void		format_iso_ms(char out[32], int64_t epoch_ms);

/* "20260102T030405Z" to epoch milliseconds, -1 when malformed. */
int64_t		parse_amz_date(const char *text);

#endif
