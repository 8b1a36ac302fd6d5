/*
 * buf.c
 *	  A growing byte buffer with a ceiling.
 *
 * Room is doubled, so appending is linear in the end; one byte more than
 * len is always there for the NUL.
 */
#include "buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define FIRST_ALLOCATION 256

void
awsx_buf_init(AwsxBuf *buf, size_t max)
{
	memset(buf, 0, sizeof(*buf));
	buf->max = max;
}

void
awsx_buf_free(AwsxBuf *buf)
{
	size_t		max = buf->max;

	free(buf->data);
	awsx_buf_init(buf, max);
}

void
awsx_buf_reset(AwsxBuf *buf)
{
	buf->len = 0;
	buf->failed = false;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

bool
awsx_buf_reserve(AwsxBuf *buf, size_t more)
{
	size_t		max = buf->max == 0 ? AWSX_BUF_MAX : buf->max;
	size_t		room = buf->allocated;
	char	   *data;

	if (buf->failed)
		return false;
	if (max > SIZE_MAX / 4)
		max = SIZE_MAX / 4;		/* doubling below cannot overflow */
	if (buf->len > max || more > max - buf->len)
	{
		buf->failed = true;
		return false;
	}
	if (buf->len + more + 1 <= room)
		return true;
	if (room < FIRST_ALLOCATION)
		room = FIRST_ALLOCATION;
	while (room < buf->len + more + 1)
		room *= 2;
	data = realloc(buf->data, room);
	if (data == NULL)
	{
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->allocated = room;
	return true;
}

bool
awsx_buf_append(AwsxBuf *buf, const void *bytes, size_t len)
{
	if (!awsx_buf_reserve(buf, len))
		return false;
	if (len > 0)
		memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
	return true;
}

bool
awsx_buf_putc(AwsxBuf *buf, char c)
{
	if (!awsx_buf_reserve(buf, 1))
		return false;
	buf->data[buf->len++] = c;
	buf->data[buf->len] = '\0';
	return true;
}

bool
awsx_buf_printf(AwsxBuf *buf, const char *format,...)
{
	va_list		args;
	int			len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
	{
		buf->failed = true;
		return false;
	}
	if (!awsx_buf_reserve(buf, (size_t) len))
		return false;
	va_start(args, format);
	(void) vsnprintf(buf->data + buf->len, (size_t) len + 1, format, args);
	va_end(args);
	buf->len += (size_t) len;
	return true;
}

bool
awsx_buf_hex(AwsxBuf *buf, const unsigned char *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	if (len > SIZE_MAX / 4 || !awsx_buf_reserve(buf, 2 * len))
	{
		buf->failed = true;
		return false;
	}
	for (size_t i = 0; i < len; i++)
	{
		buf->data[buf->len++] = digits[bytes[i] >> 4];
		buf->data[buf->len++] = digits[bytes[i] & 0x0F];
	}
	buf->data[buf->len] = '\0';
	return true;
}

static bool
uri_keeps(char c, bool keep_slash)
{
	return awsx_text_is_alnum(c) || c == '-' || c == '_' || c == '.' || c == '~' ||
		(c == '/' && keep_slash);
}

bool
awsx_buf_uri(AwsxBuf *buf, const char *bytes, size_t len, bool keep_slash)
{
	static const char digits[] = "0123456789ABCDEF";

	if (!awsx_buf_reserve(buf, len))
		return false;
	for (size_t i = 0; i < len; i++)
	{
		unsigned char byte = (unsigned char) bytes[i];
		char		escape[3] = {'%', digits[byte >> 4], digits[byte & 0x0F]};

		if (uri_keeps(bytes[i], keep_slash))
			awsx_buf_putc(buf, bytes[i]);
		else
			awsx_buf_append(buf, escape, sizeof(escape));
	}
	/* even an empty text leaves a terminated string */
	return awsx_buf_append(buf, "", 0);
}

/* The escape that JSON demands for a byte, or null. */
static const char *
json_escape(unsigned char byte, char scratch[8])
{
	switch (byte)
	{
		case '"':
			return "\\\"";
		case '\\':
			return "\\\\";
		case '\b':
			return "\\b";
		case '\f':
			return "\\f";
		case '\n':
			return "\\n";
		case '\r':
			return "\\r";
		case '\t':
			return "\\t";
		default:
			if (byte >= 0x20)
				return NULL;
			(void) snprintf(scratch, 8, "\\u%04x", byte);
			return scratch;
	}
}

/*
 * Runs of plain bytes are copied as one piece.  Bytes that are not UTF-8
 * cannot be said in JSON: the buffer fails rather than change them.
 */
bool
awsx_buf_json_string(AwsxBuf *buf, const char *bytes, size_t len)
{
	size_t		plain = 0;		/* start of the run not yet written */
	size_t		i = 0;

	awsx_buf_putc(buf, '"');
	while ((i += awsx_text_plain_run(bytes + i, len - i)) < len && !buf->failed)
	{
		char		scratch[8];
		const char *escape = json_escape((unsigned char) bytes[i], scratch);
		size_t		step = awsx_text_utf8_sequence(bytes + i, len - i);

		if (step == 0)
		{
			buf->failed = true;
			return false;
		}
		if (escape != NULL)
		{
			/* a quote or backslash itself begins the next run */
			bool		stays = escape[1] == bytes[i];

			awsx_buf_append(buf, bytes + plain, i - plain);
			awsx_buf_append(buf, escape, stays ? 1 : strlen(escape));
			plain = stays ? i : i + 1;
		}
		i += step;
	}
	if (len > plain)
		awsx_buf_append(buf, bytes + plain, len - plain);
	return awsx_buf_putc(buf, '"');
}

char *
awsx_buf_take(AwsxBuf *buf, size_t *len)
{
	char	   *data = NULL;

	if (awsx_buf_append(buf, "", 0))	/* not null even when nothing came */
	{
		data = buf->data;
		if (len != NULL)
			*len = buf->len;
		buf->data = NULL;
	}
	awsx_buf_free(buf);
	return data;
}
