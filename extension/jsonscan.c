/*
 * jsonscan.c
 *	  An object's members, checked and found in one pass.
 *
 * Accepts nothing that PostgreSQL's type json refuses.  What is refused here
 * is put to PostgreSQL's own parser, which finds the words for it, so a
 * refusal too many costs time and nothing else.  That is why nesting is
 * followed only so far.
 *
 * Every loop ends at the text's NUL, because no token has one.  In strings
 * eight bytes are looked at at a time while so many are left.
 */
#include <stdint.h>
#include <string.h>

#include "jsonscan.h"

#define MAX_DEPTH 64

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

static const char *scan_value(const char *at, const char *end, int depth);

static inline const char *
skip_space(const char *at)
{
	while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')
		at++;
	return at;
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Does a string's plain text end with this byte? */
static inline bool
is_special(char c)
{
	return (unsigned char) c < 0x20 || c == '"' || c == '\\';
}

/* The high bit of each byte that is zero; above the first such byte also of others. */
static inline uint64_t
zero_bytes(uint64_t word)
{
	return (word - EACH_BYTE(0x01)) & ~word & EACH_BYTE(0x80);
}

/* To the first byte that is_special. */
static inline const char *
skip_plain(const char *at, const char *end)
{
	while (end - at >= 8)
	{
		uint64_t	word;
		uint64_t	found;

		memcpy(&word, at, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		word = __builtin_bswap64(word);
#endif
		found = zero_bytes(word ^ EACH_BYTE('"')) | zero_bytes(word ^ EACH_BYTE('\\')) |
			((word - EACH_BYTE(0x20)) & ~word & EACH_BYTE(0x80));
		if (found != 0)
			return at + __builtin_ctzll(found) / 8;
		at += 8;
	}
	while (!is_special(*at))
		at++;
	return at;
}

/* What follows an escape; at is its backslash. */
static const char *
scan_escape(const char *at)
{
	if (at[1] == 'u')
	{
		for (int i = 2; i < 6; i++)
		{
			if (!is_hex(at[i]))
				return NULL;
		}
		return at + 6;
	}
	return at[1] != '\0' && strchr("\"\\/bfnrt", at[1]) != NULL ? at + 2 : NULL;
}

/* From an opening quote to behind the closing one. */
static inline const char *
scan_string(const char *at, const char *end)
{
	at++;
	for (;;)
	{
		at = skip_plain(at, end);
		if (*at == '"')
			return at + 1;
		if (*at != '\\')
			return NULL;
		at = scan_escape(at);
		if (at == NULL)
			return NULL;
	}
}

static inline const char *
skip_digits(const char *at)
{
	while (is_digit(*at))
		at++;
	return at;
}

/* One digit at least. */
static inline const char *
scan_digits(const char *at)
{
	return is_digit(*at) ? skip_digits(at + 1) : NULL;
}

/* What follows it is for the caller to check: anything but , ] } or space is wrong. */
static inline const char *
scan_number(const char *at)
{
	if (*at == '-')
		at++;
	at = *at == '0' ? at + 1 : scan_digits(at);
	if (at != NULL && *at == '.')
		at = scan_digits(at + 1);
	if (at != NULL && (*at == 'e' || *at == 'E'))
	{
		at++;
		if (*at == '+' || *at == '-')
			at++;
		at = scan_digits(at);
	}
	return at;
}

static inline const char *
scan_word(const char *at, const char *word, size_t len)
{
	return strncmp(at, word, len) == 0 ? at + len : NULL;
}

/* A key, and its colon, to where its value begins. */
static inline const char *
scan_key(const char *at, const char *end, const char **key_end)
{
	if (*at != '"')
		return NULL;
	at = scan_string(at, end);
	if (at == NULL)
		return NULL;
	*key_end = at;
	at = skip_space(at);
	return *at == ':' ? skip_space(at + 1) : NULL;
}

/* An object or an array; at is its opening bracket, close its closing one. */
static const char *
scan_container(const char *at, const char *end, char close, int depth)
{
	const char *key_end;

	at = skip_space(at + 1);
	if (*at == close)
		return at + 1;
	for (;;)
	{
		if (close == '}')
			at = scan_key(at, end, &key_end);
		if (at == NULL)
			return NULL;
		at = scan_value(at, end, depth);
		if (at == NULL)
			return NULL;
		at = skip_space(at);
		if (*at == close)
			return at + 1;
		if (*at != ',')
			return NULL;
		at = skip_space(at + 1);
	}
}

/* From a value's first byte to behind its last; null when there is none. */
static const char *
scan_value(const char *at, const char *end, int depth)
{
	switch (*at)
	{
		case '"':
			return scan_string(at, end);
		case '{':
			return depth < MAX_DEPTH ? scan_container(at, end, '}', depth + 1) : NULL;
		case '[':
			return depth < MAX_DEPTH ? scan_container(at, end, ']', depth + 1) : NULL;
		case 't':
			return scan_word(at, "true", 4);
		case 'f':
			return scan_word(at, "false", 5);
		case 'n':
			return scan_word(at, "null", 4);
		default:
			return scan_number(at);
	}
}

JsonTextKind
jsonscan_kind(char first)
{
	switch (first)
	{
		case '{':
			return JSONTEXT_OBJECT;
		case '[':
			return JSONTEXT_ARRAY;
		case '"':
			return JSONTEXT_STRING;
		case 'n':
			return JSONTEXT_NULL;
		case 't':
		case 'f':
			return JSONTEXT_BOOLEAN;
		default:
			return JSONTEXT_NUMBER;
	}
}

bool
jsonscan_open(JsonScan *scan, const char *text)
{
	scan->at = skip_space(text);
	scan->end = scan->at + strlen(scan->at);
	scan->begun = false;
	if (*scan->at != '{')
		return false;
	scan->at = skip_space(scan->at + 1);
	return true;
}

/* The object is closed here; nothing may follow. */
static JsonScanStep
scan_end(const char *at)
{
	return *skip_space(at + 1) == '\0' ? JSONSCAN_END : JSONSCAN_REFUSED;
}

JsonScanStep
jsonscan_next(JsonScan *scan, JsonText *key, JsonText *value)
{
	const char *at = scan->at;
	const char *start;
	const char *key_end;

	if (*at == '}')
		return scan_end(at);
	if (scan->begun)
	{
		if (*at != ',')
			return JSONSCAN_REFUSED;
		at = skip_space(at + 1);
	}
	start = scan_key(at, scan->end, &key_end);
	if (start == NULL)
		return JSONSCAN_REFUSED;
	key->start = at;
	key->len = key_end - at;
	key->kind = JSONTEXT_STRING;
	at = scan_value(start, scan->end, 1);
	if (at == NULL)
		return JSONSCAN_REFUSED;
	value->start = start;
	value->len = at - start;
	value->kind = jsonscan_kind(*start);
	scan->at = skip_space(at);
	scan->begun = true;
	return JSONSCAN_MEMBER;
}

bool
jsonscan_valid(const char *text)
{
	const char *at = skip_space(text);

	at = scan_value(at, at + strlen(at), 0);
	return at != NULL && *skip_space(at) == '\0';
}
