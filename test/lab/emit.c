/*
 * emit.c
 *		JSON written straight into a buffer, for what is written often.
 *
 * The journal and the answers to receives are most of what the lab writes;
 * building a tree first would cost more than everything else it does.
 */
#include "journal.h"

#include <stdint.h>
#include <string.h>

#include "codec.h"

static bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* One character that is not plain; returns its length. */
static size_t
emit_special(Buf *out, const char *text, size_t len)
{
	unsigned char c = (unsigned char) text[0];
	uint32_t	point;
	size_t		size;

	if (c == '"' || c == '\\')
		buf_addf(out, "\\%c", c);
	else if (c == '\n')
		buf_adds(out, "\\n");
	else if (c < 0x20)
		buf_addf(out, "\\u%04x", c);
	else
	{
		size = utf8_char(text, len, &point);
		if (size == 0)
			buf_adds(out, "\xEF\xBF\xBD");
		else
			buf_add(out, text, size);
		return size > 0 ? size : 1;
	}
	return 1;
}

void
emit_string(Buf *out, const char *text, size_t len)
{
	size_t		at = 0;

	buf_add(out, "\"", 1);
	while (at < len)
	{
		size_t		run = at;

		while (run < len && is_plain((unsigned char) text[run]))
			run++;
		buf_add(out, text + at, run - at);
		at = run;
		if (at < len)
			at += emit_special(out, text + at, len - at);
	}
	buf_add(out, "\"", 1);
}

void
emit_name(Buf *out, const char *name)
{
	if (out->len > 0 && out->data[out->len - 1] != '{')
		buf_add(out, ",", 1);
	emit_string(out, name, strlen(name));
	buf_add(out, ":", 1);
}

void
emit_text(Buf *out, const char *name, const char *value)
{
	emit_name(out, name);
	emit_string(out, value, strlen(value));
}
