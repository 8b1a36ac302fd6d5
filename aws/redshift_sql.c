/*
 * redshift_sql.c
 *	  Names and values as they stand in SQL for Redshift.
 *
 * Whether a backslash in a literal escapes depends on a setting, so none ever
 * stands in one: the text is written with another character in its place,
 * which it does not hold otherwise, and REPLACE puts the backslashes in.
 */
#include "redshift_table.h"

#include <string.h>

#include "text.h"

/*----------
 * Names
 *----------
 */

/* One to 127 bytes of UTF-8 without control characters. */
static bool
name_valid(const char *name, size_t len)
{
	size_t		step;

	for (size_t i = 0; i < len; i += step)
	{
		step = awsx_text_utf8_sequence(name + i, len - i);
		if (step == 0 || (unsigned char) name[i] < 0x20 || name[i] == 0x7F)
			return false;
	}
	return len >= 1 && len <= AWSX_REDSHIFT_MAX_NAME;
}

bool
awsx_redshift_name_check(const char *name, const char *what, AwsxError *error)
{
	if (name != NULL && name_valid(name, strlen(name)))
		return true;
	return awsx_error_set(
		error, AWSX_ERR_CONFIG,
		"the name of the %s, \"%.200s\", is not 1 to %d bytes of UTF-8 without control characters",
		what, name != NULL ? name : "", AWSX_REDSHIFT_MAX_NAME);
}

/* The bytes with each quote doubled, between two of them. */
static bool
put_quoted(AwsxBuf *out, const char *text, size_t len, char quote)
{
	awsx_buf_putc(out, quote);
	while (len > 0)
	{
		const char *next = memchr(text, quote, len);
		size_t		run = next != NULL ? (size_t) (next - text) + 1 : len;

		awsx_buf_append(out, text, run);
		if (next != NULL)
			awsx_buf_putc(out, quote);
		text += run;
		len -= run;
	}
	return awsx_buf_putc(out, quote);
}

bool
awsx_redshift_name(AwsxBuf *sql, const char *name)
{
	if (!name_valid(name, strlen(name)))
		sql->failed = true;
	return put_quoted(sql, name, strlen(name), '"');
}

bool
awsx_redshift_table_name(AwsxBuf *sql, const AwsxRedshiftTable *table)
{
	awsx_redshift_name(sql, table->schema);
	awsx_buf_putc(sql, '.');
	return awsx_redshift_name(sql, table->name);
}

static bool
is_plain_start(char c)
{
	return (c >= 'a' && c <= 'z') || c == '_' || (unsigned char) c >= 0x80;
}

/* One part of a name, as it is or in quotes, into out; null when it is none. */
static const char *
read_part(const char *at, char out[AWSX_REDSHIFT_MAX_NAME + 1])
{
	bool		quoted = *at == '"';
	bool		closed = !quoted;
	size_t		len = 0;

	at += quoted;
	while (*at != '\0')
	{
		char		c = quoted ? *at : awsx_text_lower(*at);

		if (quoted && c == '"' && *++at != '"')
		{
			closed = true;
			break;
		}
		if (!quoted && !is_plain_start(c) && (len == 0 || (!awsx_text_is_digit(c) && c != '$')))
			break;
		if (len == AWSX_REDSHIFT_MAX_NAME)
			return NULL;
		out[len++] = c;
		at++;
	}
	out[len] = '\0';
	return closed && name_valid(out, len) ? at : NULL;
}

bool
awsx_redshift_name_read(const char *text, char *schema, char *name, AwsxError *error)
{
	const char *at = read_part(text, name);

	memcpy(schema, "public", sizeof("public"));
	if (at != NULL && *at == '.')
	{
		memcpy(schema, name, strlen(name) + 1);
		at = read_part(at + 1, name);
	}
	if (at != NULL && *at == '\0')
		return true;
	return awsx_error_set(
		error, AWSX_ERR_CONFIG,
		"\"%.300s\" is no table's name: give table or schema.table, of at most %d bytes each,"
		" in double quotes where there are other characters than letters, digits and _",
		text, AWSX_REDSHIFT_MAX_NAME);
}

/*----------
 * Values
 *----------
 */

static bool
text_valid(const char *text, size_t len)
{
	size_t		step;

	for (size_t i = 0; i < len; i += step)
	{
		step = text[i] == '\0' ? 0 : awsx_text_utf8_sequence(text + i, len - i);
		if (step == 0)
			return false;
	}
	return true;
}

/*
 * A character that the text does not hold and that is plain in a literal;
 * NUL when it holds them all.  Punctuation first, to be read by people.
 */
static char
find_stand_in(const char *text, size_t len)
{
	static const char candidates[] =
		"~^|#@`!$%&*+-/<=>?_.,()[]{} "
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	bool		held[256] = {false};

	for (size_t i = 0; i < len; i++)
		held[(unsigned char) text[i]] = true;
	for (const char *c = candidates; *c != '\0'; c++)
	{
		if (!held[(unsigned char) *c])
			return *c;
	}
	return '\0';
}

/* A text with backslashes: REPLACE('C:~temp', '~', CHR(92)). */
static void
put_replaced(AwsxBuf *sql, const char *text, size_t len, char stand_in)
{
	size_t		at;

	awsx_buf_puts(sql, "REPLACE(");
	at = sql->len;
	put_quoted(sql, text, len, '\'');
	for (; !sql->failed && at < sql->len; at++)
	{
		if (sql->data[at] == '\\')
			sql->data[at] = stand_in;
	}
	awsx_buf_printf(sql, ", '%c', CHR(92))", stand_in);
}

/*
 * A text that holds every candidate is cut into halves, until one is short
 * enough to lack a character: so the expression stays flat, and what it costs
 * does not depend on what is in it.
 */
static void
put_text(AwsxBuf *sql, const char *text, size_t len)
{
	char		stand_in;
	size_t		half = len / 2;

	if (memchr(text, '\\', len) == NULL)
	{
		put_quoted(sql, text, len, '\'');
		return;
	}
	stand_in = find_stand_in(text, len);
	if (stand_in != '\0')
	{
		put_replaced(sql, text, len, stand_in);
		return;
	}
	while (((unsigned char) text[half] & 0xC0) == 0x80)
		half--;
	awsx_buf_putc(sql, '(');
	put_text(sql, text, half);
	awsx_buf_puts(sql, " || ");
	put_text(sql, text + half, len - half);
	awsx_buf_putc(sql, ')');
}

bool
awsx_redshift_literal(AwsxBuf *sql, const char *text, size_t len)
{
	if (!text_valid(text, len))
		sql->failed = true;
	else
		put_text(sql, text, len);
	return !sql->failed;
}

/* An optional minus, digits, perhaps a point and digits. */
static bool
is_plain_number(const char *text, size_t len)
{
	size_t		i = len > 0 && text[0] == '-';
	size_t		digits = 0;
	bool		point = false;

	for (; i < len; i++)
	{
		if (awsx_text_is_digit(text[i]))
			digits++;
		else if (text[i] == '.' && !point && digits > 0 && i + 1 < len)
			point = true;
		else
			return false;
	}
	return digits > 0 && digits <= AWSX_REDSHIFT_MAX_PRECISION;
}

static bool
is_plain(AwsxRedshiftKind kind, const char *text, size_t len)
{
	switch (kind)
	{
		case AWSX_REDSHIFT_SMALLINT:
		case AWSX_REDSHIFT_INTEGER:
		case AWSX_REDSHIFT_BIGINT:
		case AWSX_REDSHIFT_DECIMAL:
			return is_plain_number(text, len);
		case AWSX_REDSHIFT_BOOLEAN:
			return (len == 4 && memcmp(text, "true", 4) == 0) ||
				   (len == 5 && memcmp(text, "false", 5) == 0);
		default:
			/* a plain 0.1 is a decimal, on a way of its own to floating point */
			return false;
	}
}

bool
awsx_redshift_value(AwsxBuf *sql, const AwsxRedshiftType *type, const char *text, size_t len)
{
	if (is_plain(type->kind, text, len))
		return awsx_buf_append(sql, text, len);
	if (type->kind != AWSX_REDSHIFT_SUPER)
		return awsx_redshift_literal(sql, text, len);
	awsx_buf_puts(sql, "JSON_PARSE(");
	awsx_redshift_literal(sql, text, len);
	return awsx_buf_putc(sql, ')');
}
