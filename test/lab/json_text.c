/*
 * json_text.c
 *		JSON between text and jansson's values, fast for what clients send often.
 *
 * jansson reads byte by byte, and that was half of what a message cost.  Here
 * objects, arrays, strings with the usual escapes and whole numbers are read in
 * one pass; at anything else, be it wrong or only rare, the reader gives up and
 * jansson reads the text from its beginning.  So what is accepted, and what is
 * made of it, stays jansson's to say.  Writing likewise.
 */
#include "json_text.h"

#include <stdlib.h>
#include <string.h>

#include "codec.h"

#define DEPTH_MAX	16			/* deeper ones are rare */
#define DIGITS_MAX	18			/* fit 64 bits for certain */

typedef struct Reader
{
	const char *at;
	const char *end;
	Buf			decoded;		/* the string under way, if it has escapes */
} Reader;

static json_t *read_value(Reader *reader, int depth);

static char
peek(Reader *reader)
{
	while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\t' || *reader->at == '\r'))
		reader->at++;
	return reader->at < reader->end ? *reader->at : '\0';
}

static bool
take(Reader *reader, char c)
{
	bool		there = peek(reader) == c;

	reader->at += there;
	return there;
}

/* Appends the characters of \uXXXX; halves of pairs are left to jansson. */
static bool
read_unit(Reader *reader)
{
	unsigned	unit = 0;
	char		utf8[3];

	if (reader->end - reader->at < 4)
		return false;
	for (int i = 0; i < 4; i++)
	{
		const char *digits = "0123456789abcdef0123456789ABCDEF";
		const char *digit = *reader->at != '\0' ? strchr(digits, *reader->at) : NULL;

		if (digit == NULL)
			return false;
		unit = unit << 4 | ((unsigned) (digit - digits) & 15);
		reader->at++;
	}
	if (unit >= 0xD800 && unit < 0xE000)
		return false;
	utf8[0] = (char) (unit < 0x80 ? unit : unit < 0x800 ? 0xC0 | unit >> 6 : 0xE0 | unit >> 12);
	utf8[1] = (char) (0x80 | (unit < 0x800 ? unit & 0x3F : (unit >> 6 & 0x3F)));
	utf8[2] = (char) (0x80 | (unit & 0x3F));
	buf_add(&reader->decoded, utf8, unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3);
	return true;
}

/* After the backslash. */
static bool
read_escape(Reader *reader)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *letter;

	if (reader->at == reader->end || *reader->at == '\0')
		return false;
	if (*reader->at == 'u')
	{
		reader->at++;
		return read_unit(reader);
	}
	letter = strchr(letters, *reader->at++);
	if (letter != NULL)
		buf_add(&reader->decoded, &meanings[letter - letters], 1);
	return letter != NULL;
}

/* The string's bytes, in the text or decoded.  The cursor is behind the opening quote. */
static bool
read_string(Reader *reader, const char **bytes, size_t *len)
{
	const char *start = reader->at;
	uint32_t	point;
	bool		escaped = false;

	reader->decoded.len = 0;
	for (;;)
	{
		size_t		n = plain_run(reader->at, (size_t) (reader->end - reader->at));

		if ((reader->at += n) == reader->end)
			return false;
		if (*reader->at == '"')
			break;
		if (*reader->at == '\\')
		{
			buf_add(&reader->decoded, start, (size_t) (reader->at++ - start));
			if (!read_escape(reader))
				return false;
			escaped = true;
			start = reader->at;
			continue;
		}
		n = (unsigned char) *reader->at < 0x20 ? 0 : utf8_char(reader->at, (size_t) (reader->end - reader->at), &point);
		if (n == 0)
			return false;
		reader->at += n;
	}
	*bytes = start;
	*len = (size_t) (reader->at++ - start);
	if (escaped)
	{
		buf_add(&reader->decoded, start, *len);
		*bytes = reader->decoded.data;
		*len = reader->decoded.len;
	}
	return true;
}

static json_t *
read_text(Reader *reader)
{
	const char *bytes;
	size_t		len;

	reader->at++;
	return read_string(reader, &bytes, &len) ? json_stringn_nocheck(bytes, len) : NULL;
}

/* A name with a NUL is jansson's to refuse. */
static bool
read_member(Reader *reader, json_t *object, int depth)
{
	const char *bytes;
	size_t		len;
	char		name[257];
	json_t	   *value;

	if (!take(reader, '"') || !read_string(reader, &bytes, &len) || len >= sizeof(name) ||
		memchr(bytes, '\0', len) != NULL)
		return false;
	memcpy(name, bytes, len);
	name[len] = '\0';
	value = take(reader, ':') ? read_value(reader, depth) : NULL;
	return value != NULL && json_object_set_new_nocheck(object, name, value) == 0;
}

static bool
read_element(Reader *reader, json_t *array, int depth)
{
	json_t	   *value = read_value(reader, depth);

	return value != NULL && json_array_append_new(array, value) == 0;
}

/* The cursor is on the opening bracket. */
static json_t *
read_container(Reader *reader, int depth)
{
	bool		is_object = *reader->at++ == '{';
	char		closing = is_object ? '}' : ']';
	json_t	   *container = is_object ? json_object() : json_array();
	bool		well = true;

	if (take(reader, closing))
		return container;
	do
		well = is_object ? read_member(reader, container, depth) : read_element(reader, container, depth);
	while (well && take(reader, ','));
	if (well && take(reader, closing))
		return container;
	json_decref(container);
	return NULL;
}

static json_t *
read_integer(Reader *reader)
{
	bool		negative = *reader->at == '-';
	const char *first = reader->at += negative;
	json_int_t	value = 0;
	ptrdiff_t	digits;

	while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9' && reader->at - first < DIGITS_MAX)
		value = value * 10 + (*reader->at++ - '0');
	digits = reader->at - first;
	if (digits == 0 || (*first == '0' && (digits > 1 || negative)) || reader->at == reader->end ||
		strchr("0123456789.eE", *reader->at) != NULL)
		return NULL;
	return json_integer(negative ? -value : value);
}

static json_t *
read_word(Reader *reader, const char *word, json_t *value)
{
	size_t		len = strlen(word);

	if ((size_t) (reader->end - reader->at) < len || memcmp(reader->at, word, len) != 0)
		return NULL;
	reader->at += len;
	return value;
}

static json_t *
read_value(Reader *reader, int depth)
{
	char		c = peek(reader);

	if (c == '"')
		return read_text(reader);
	if (c == '{' || c == '[')
		return depth < DEPTH_MAX ? read_container(reader, depth + 1) : NULL;
	if (c == 't')
		return read_word(reader, "true", json_true());
	if (c == 'f')
		return read_word(reader, "false", json_false());
	if (c == 'n')
		return read_word(reader, "null", json_null());
	return c == '-' || (c >= '0' && c <= '9') ? read_integer(reader) : NULL;
}

json_t *
json_from_text(const char *text, size_t len)
{
	Reader		reader = {.at = text, .end = text + len};
	json_t	   *value = NULL;

	if (peek(&reader) == '{' || peek(&reader) == '[')
		value = read_value(&reader, 0);
	/* the cursor stops at the end, or at what does not belong there */
	if (value != NULL && (peek(&reader), reader.at < reader.end))
	{
		json_decref(value);
		value = NULL;
	}
	buf_free(&reader.decoded);
	return value != NULL ? value : json_loadb(text, len, JSON_ALLOW_NUL, NULL);
}

void
json_text_string(Buf *out, const char *text, size_t len)
{
	static const char letters[] = "btn\vfr";

	buf_reserve(out, len + 2);
	buf_add(out, "\"", 1);
	for (size_t at = 0; at < len; at++)
	{
		size_t		n = plain_run(text + at, len - at);
		unsigned char c;

		buf_add(out, text + at, n);
		if ((at += n) == len)
			break;
		c = (unsigned char) text[at];
		if (c == '"' || c == '\\')
			buf_add(out, (char[]) {'\\', (char) c}, 2);
		else if (c >= '\b' && c <= '\r' && c != '\v')
			buf_add(out, (char[]) {'\\', letters[c - '\b']}, 2);
		else if (c < ' ')
			buf_addf(out, "\\u%04X", c);
		else
			buf_add(out, text + at, 1);
	}
	buf_add(out, "\"", 1);
}

static void
write_object(Buf *out, const json_t *object)
{
	const char *separator = "{";
	const char *name;
	json_t	   *member;

	if (json_object_size(object) == 0)
		buf_add(out, "{", 1);
	json_object_foreach((json_t *) object, name, member)
	{
		buf_add(out, separator, 1);
		json_text_string(out, name, strlen(name));
		buf_add(out, ":", 1);
		json_to_text(out, member);
		separator = ",";
	}
	buf_add(out, "}", 1);
}

static void
write_array(Buf *out, const json_t *array)
{
	size_t		i;
	json_t	   *element;

	buf_add(out, "[", 1);
	json_array_foreach((json_t *) array, i, element)
	{
		if (i > 0)
			buf_add(out, ",", 1);
		json_to_text(out, element);
	}
	buf_add(out, "]", 1);
}

/* What is none of the usual kinds, as jansson writes it. */
static void
write_rare(Buf *out, const json_t *value)
{
	char	   *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	if (text != NULL)
		buf_adds(out, text);
	free(text);
}

void
json_to_text(Buf *out, const json_t *value)
{
	switch (json_typeof(value))
	{
		case JSON_OBJECT:
			write_object(out, value);
			return;
		case JSON_ARRAY:
			write_array(out, value);
			return;
		case JSON_STRING:
			json_text_string(out, json_string_value(value), json_string_length(value));
			return;
		default:
			write_rare(out, value);
	}
}
