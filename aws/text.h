/*
 * text.h
 *	  Bytes as text, the same in every locale.
 *
 * A PostgreSQL process runs under its database's LC_CTYPE, where tolower(3)
 * and strcasecmp(3) may treat "I" differently; what goes over the wire must
 * not depend on that.
 */
#ifndef AWSX_TEXT_H
#define AWSX_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* ASCII only. */
static inline char
awsx_text_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

extern char awsx_text_upper(char c);	/* ASCII only */
extern bool awsx_text_equal(const char *a, const char *b);	/* ASCII case ignored */
extern bool awsx_text_is_digit(char c);
extern bool awsx_text_is_alnum(char c); /* ASCII only */
extern int	awsx_text_hex_value(char c);	/* 0..15, or -1 */

/*
 * The length of the well-formed UTF-8 sequence that the bytes begin with
 * (1..4), or 0: no surrogates, no overlong forms, nothing above U+10FFFF
 * (RFC 3629).
 */
extern size_t awsx_text_utf8_sequence(const char *bytes, size_t len);

/*
 * How many of the eight bytes, from the first on, are ASCII and stand for
 * themselves in a JSON string.
 *
 * A subtraction that borrows sets the high bit of the byte that was too
 * small; what it does to the bytes above does not matter, because the count
 * ends below them.
 */
static inline int
awsx_text_plain_of_eight(const char *bytes)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t	word;
	uint64_t	odd;

	memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	odd = word | (word - ones * ' ') | ((word ^ ones * '"') - ones) | ((word ^ ones * '\\') - ones);
	odd &= ones << 7;
	return odd == 0 ? 8 : __builtin_ctzll(odd) / 8;
}

/*
 * How many bytes from the first on are ASCII and stand for themselves in a
 * JSON string: no control character, no '"', no '\\'.
 */
extern size_t awsx_text_plain_run(const char *bytes, size_t len);

#endif							/* AWSX_TEXT_H */
