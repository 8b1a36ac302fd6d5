/*
 * redshift_lines.c
 *		The JSON documents of an object, one behind the other, cut apart.
 *
 * COPY takes objects that follow each other with blanks between, or with
 * nothing.  Each goes to PostgreSQL as it is written, so that no number is ever
 * a double, but for \u escapes: these become UTF-8, because PostgreSQL takes
 * none beyond ASCII in a database without an encoding.  What is within a
 * document is PostgreSQL's to judge.
 */
#include "redshift.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define ROW_MAX (4 << 20)

static int
hex4(const char *at, size_t left)
{
	int			value = 0;

	if (left < 6 || at[0] != '\\' || at[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++)
	{
		if (!isxdigit((unsigned char) at[i]))
			return -1;
		value = value * 16 + (isdigit((unsigned char) at[i]) ? at[i] - '0' : (at[i] | 32) - 'a' + 10);
	}
	return value;
}

static void
add_utf8(Buf *out, uint32_t point)
{
	char		bytes[4];
	size_t		len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};

	for (size_t i = len - 1; i > 0; i--, point >>= 6)
		bytes[i] = (char) (0x80 | (point & 0x3F));
	bytes[0] = (char) (lead[len] | point);
	buf_add(out, bytes, len);
}

/* The escape at this place; returns its length.  All but \u beyond ASCII stay. */
static size_t
add_escape(Buf *out, const char *at, size_t left)
{
	int			point = hex4(at, left);
	int			low = point >= 0xD800 && point < 0xDC00 ? hex4(at + 6, left - 6) : -1;

	if (low >= 0xDC00 && low < 0xE000)
	{
		add_utf8(out, 0x10000 + ((uint32_t) (point - 0xD800) << 10) + (uint32_t) (low - 0xDC00));
		return 12;
	}
	if (point >= 0x80 && (point < 0xD800 || point >= 0xE000))
	{
		add_utf8(out, (uint32_t) point);
		return 6;
	}
	if (left < 2)
		left = 1;
	else
		left = 2;
	buf_add(out, at, left);
	return left;
}

/* Copies one object; returns its length, 0: it does not end. */
static size_t
add_document(Buf *out, const char *data, size_t len)
{
	bool		quoted = false;
	int			depth = 0;
	size_t		copied = 0;

	for (size_t at = 0; at < len; at++)
	{
		char		c = data[at];

		if (quoted && c == '\\')
		{
			buf_add(out, data + copied, at - copied);
			copied = at + add_escape(out, data + at, len - at);
			at = copied - 1;
		}
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			depth++;
		else if (!quoted && (c == '}' || c == ']') && --depth == 0)
		{
			buf_add(out, data + copied, at + 1 - copied);
			return at + 1;
		}
	}
	return 0;
}

const char *
redshift_read_lines(const char *data, size_t len, Buf *out)
{
	static const char one_field[] = "\0\1";
	Buf			document = {0};
	const char *wrong = NULL;

	for (size_t at = 0; wrong == NULL;)
	{
		size_t		size;
		uint32_t	bytes;

		while (at < len && isspace((unsigned char) data[at]))
			at++;
		if (at == len)
			break;
		document.len = 0;
		size = data[at] == '{' ? add_document(&document, data + at, len - at) : 0;
		if (size == 0)
			wrong = data[at] == '{' ? "an object does not end" : "a JSON object is expected";
		else if (size > ROW_MAX)
			wrong = "a row is longer than 4 MB";
		else if (memchr(document.data, '\0', document.len) != NULL || !utf8_valid(document.data))
			wrong = "String contains invalid or unsupported UTF8 codepoints";
		bytes = htonl((uint32_t) document.len);
		buf_add(out, one_field, 2);
		buf_add(out, &bytes, 4);
		buf_add(out, document.data != NULL ? document.data : "", document.len);
		at += size;
	}
	buf_free(&document);
	return wrong;
}
