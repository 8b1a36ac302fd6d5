/*
 * json_write.c
 *	  JSON strings and members, from bytes of any kind.
 */
#include <stdio.h>
#include <string.h>

#include "../aws/text.h"
#include "json.h"

bool
json_utf8_valid(const char *bytes, size_t len)
{
	size_t		at = 0;

	while ((at += awsx_text_plain_run(bytes + at, len - at)) < len)
	{
		size_t		n = awsx_text_utf8_sequence(bytes + at, len - at);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

/* The escape of a character of n bytes that must not appear raw, or 0 bytes. */
static int
escape_of(const unsigned char *p, size_t n, char *out, size_t size)
{
	static const char letters[] = "btnvfr";

	if (n == 0)
		return snprintf(out, size, "\xEF\xBF\xBD");
	if (n == 1 && (p[0] == '"' || p[0] == '\\'))
		return snprintf(out, size, "\\%c", p[0]);
	if (n == 1 && p[0] >= 0x08 && p[0] <= 0x0D && p[0] != 0x0B)
		return snprintf(out, size, "\\%c", letters[p[0] - 0x08]);
	if (n == 1 && p[0] < 0x20)
		return snprintf(out, size, "\\u%04x", p[0]);
	/* U+FFFE and U+FFFF are JSON, but SQS refuses them */
	if (n == 3 && p[0] == 0xEF && p[1] == 0xBF && p[2] >= 0xBE)
		return snprintf(out, size, "\\uff%02x", 0xC0 | (p[2] & 0x3F));
	return 0;
}

bool
json_put_string(AwsxBuf *buf, const char *bytes, size_t len)
{
	size_t		plain = 0;		/* where what needs no escape begins */
	size_t		at = 0;

	awsx_buf_putc(buf, '"');
	while ((at += awsx_text_plain_run(bytes + at, len - at)) < len)
	{
		char		escape[8];
		size_t		n = awsx_text_utf8_sequence(bytes + at, len - at);
		int			escape_len = escape_of((const unsigned char *) bytes + at, n,
										   escape, sizeof(escape));
		size_t		next = at + (n == 0 ? 1 : n);

		if (escape_len > 0)
		{
			awsx_buf_append(buf, bytes + plain, at - plain);
			awsx_buf_append(buf, escape, (size_t) escape_len);
			plain = next;
		}
		at = next;
	}
	if (len > plain)
		awsx_buf_append(buf, bytes + plain, len - plain);
	return awsx_buf_putc(buf, '"');
}

bool
json_put_member(AwsxBuf *buf, const char *name, const char *text)
{
	if (buf->len > 0 && buf->data[buf->len - 1] != '{')
		awsx_buf_putc(buf, ',');
	json_put_string(buf, name, strlen(name));
	awsx_buf_putc(buf, ':');
	return json_put_string(buf, text, strlen(text));
}
