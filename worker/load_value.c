/*
 * load_value.c
 *	  One JSON value as the text of a column's type.
 *
 * What is not decided here is handed to its family.  Texts are measured twice:
 * where PostgreSQL would cut spaces beyond the length it is cut alike, in
 * characters, and what is left must fit in bytes, as Redshift counts.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../aws/text.h"
#include "json.h"
#include "load_value_work.h"

#define SHOWN 48				/* bytes of a value in a reason */

bool
load_refuse(LoadProblem *problem, const char *code, LoadText value, const char *format,...)
{
	size_t		shown = value.len;
	int			used;
	va_list		args;

	if (shown > SHOWN)
	{
		shown = SHOWN;
		while (shown > 0 && ((unsigned char) value.start[shown] & 0xC0) == 0x80)
			shown--;
	}
	problem->code = code;
	used = snprintf(problem->reason, sizeof(problem->reason), "\"%.*s%s\" ", (int) shown, value.start,
					shown < value.len ? "..." : "");
	va_start(args, format);
	vsnprintf(problem->reason + used, sizeof(problem->reason) - used, format, args);
	va_end(args);
	return false;
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

LoadText
load_trimmed(LoadText text)
{
	while (text.len > 0 && is_space(text.start[0]))
	{
		text.start++;
		text.len--;
	}
	while (text.len > 0 && is_space(text.start[text.len - 1]))
		text.len--;
	return text;
}

/* ---- booleans ---- */

/* Is it the beginning, or all, of the word, with at least so many letters? */
static bool
abbreviates(LoadText text, const char *word, size_t least)
{
	if (text.len < least || text.len > strlen(word))
		return false;
	for (size_t i = 0; i < text.len; i++)
	{
		if (awsx_text_lower(text.start[i]) != word[i])
			return false;
	}
	return true;
}

static bool
load_boolean(LoadText text, AwsxBuf *out, LoadProblem *problem)
{
	LoadText	word = load_trimmed(text);

	problem->code = NULL;
	if (abbreviates(word, "true", 1) || abbreviates(word, "yes", 1) || abbreviates(word, "on", 2) ||
		abbreviates(word, "1", 1))
		return awsx_buf_puts(out, "true");
	if (abbreviates(word, "false", 1) || abbreviates(word, "no", 1) || abbreviates(word, "off", 2) ||
		abbreviates(word, "0", 1))
		return awsx_buf_puts(out, "false");
	return load_refuse(problem, "InvalidValue", text, "is no boolean: true, false, yes, no, on, off, 1 or 0");
}

/* ---- texts ---- */

/* Without the spaces beyond so many characters, if nothing but spaces is there. */
static LoadText
cut_spaces(LoadText text, int characters)
{
	LoadText	cut = text;
	int			count = 0;

	for (size_t i = 0; i < text.len; i++)
	{
		if (((unsigned char) text.start[i] & 0xC0) == 0x80)
			continue;
		if (count++ < characters)
			continue;
		if (cut.len == text.len)
			cut.len = i;
		if (text.start[i] != ' ')
			return text;
	}
	return cut;
}

static bool
is_ascii(LoadText text)
{
	for (size_t i = 0; i < text.len; i++)
	{
		if ((unsigned char) text.start[i] >= 0x80)
			return false;
	}
	return true;
}

static bool
fits_length(const AwsxRedshiftType *type, LoadText text, LoadProblem *problem)
{
	if (text.len <= (size_t) type->length)
		return true;
	return load_refuse(problem, "ValueTooLong", text, "has %zu bytes; the column holds %d (Redshift counts bytes, not characters)",
					   text.len, type->length);
}

/* Spaces at the end of a CHAR mean nothing, in either database: the column pads. */
static bool
load_char(const AwsxRedshiftType *type, LoadText text, AwsxBuf *out, LoadProblem *problem)
{
	LoadText	cut = text;

	if (!is_ascii(text))
		return load_refuse(problem, "InvalidValue", text, "has characters beyond ASCII, which CHAR does not take; VARCHAR does");
	while (cut.len > 0 && cut.start[cut.len - 1] == ' ')
		cut.len--;
	if (!fits_length(type, cut, problem))
		return false;
	return awsx_buf_append(out, cut.start, cut.len);
}

static bool
load_varchar(const AwsxRedshiftType *type, LoadText text, AwsxBuf *out, LoadProblem *problem)
{
	LoadText	cut = cut_spaces(text, type->length);

	if (!fits_length(type, cut, problem))
		return false;
	return awsx_buf_append(out, cut.start, cut.len);
}

/* ---- documents ---- */

/* A string of a document, from its opening quote; moves *at behind it. */
static bool
check_string(LoadText document, size_t *at, LoadProblem *problem)
{
	LoadText	string = {document.start + *at, 0};
	size_t		bytes = 0;
	size_t		i = *at + 1;

	while (document.start[i] != '"')
	{
		size_t		wide = 1;

		if (document.start[i] == '\\' && document.start[i + 1] == 'u')
		{
			int			high = awsx_text_hex_value(document.start[i + 2]) * 16 + awsx_text_hex_value(document.start[i + 3]);

			if (memcmp(document.start + i + 2, "0000", 4) == 0)
				return load_refuse(problem, "InvalidValue", document, "has \\u0000, which no text can hold");
			/* half of a surrogate pair counts two bytes of the four */
			bytes += high >= 0xD8 && high <= 0xDF ? 2 : high >= 8 ? 3 : high > 0 || document.start[i + 4] >= '8' ? 2 : 1;
			i += 6;
			continue;
		}
		if (document.start[i] == '\\')
			wide = 2;
		bytes++;
		i += wide;
	}
	string.len = i + 1 - *at;
	*at = i + 1;
	if (bytes <= AWSX_REDSHIFT_MAX_VARCHAR)
		return true;
	return load_refuse(problem, "ValueTooLong", string, "has %zu bytes; a text in a SUPER holds %d",
					   bytes, AWSX_REDSHIFT_MAX_VARCHAR);
}

static bool
begins_number(char c)
{
	return c == '-' || awsx_text_is_digit(c);
}

/* What JSON allows and a SUPER cannot hold.  The document is known to be JSON. */
static bool
check_document(LoadText document, LoadProblem *problem)
{
	size_t		at = 0;

	while (at < document.len)
	{
		LoadText	number = {document.start + at, 0};

		if (document.start[at] == '"')
		{
			if (!check_string(document, &at, problem))
				return false;
			continue;
		}
		if (!begins_number(document.start[at]))
		{
			at++;
			continue;
		}
		while (at < document.len && strchr("+-.0123456789eE", document.start[at]) != NULL)
			at++;
		number.len = (size_t) (document.start + at - number.start);
		if (!load_number_is_exact(number))
			return load_refuse(problem, "OutOfRange", number, "in a document has more than 38 digits, which a SUPER would not keep; send it as a text");
	}
	return true;
}

static bool
load_super(LoadJsonKind kind, LoadText text, AwsxBuf *out, LoadProblem *problem)
{
	if (kind != LOAD_JSON_STRING)
	{
		if (!check_document(text, problem))
			return false;
		return awsx_buf_append(out, text.start, text.len);
	}
	if (text.len > AWSX_REDSHIFT_MAX_VARCHAR)
		return load_refuse(problem, "ValueTooLong", text, "has %zu bytes; a text in a SUPER holds %d",
						   text.len, AWSX_REDSHIFT_MAX_VARCHAR);
	return json_put_string(out, text.start, text.len);
}

bool
load_value(const AwsxRedshiftType *type, LoadJsonKind kind, const char *text, size_t len,
		   AwsxBuf *out, LoadProblem *problem)
{
	LoadText	value = {text, len};

	problem->code = NULL;
	if (memchr(text, '\0', len) != NULL)
		return load_refuse(problem, "InvalidValue", (LoadText) {text, strlen(text)}, "is followed by \\u0000, which no text can hold");
	switch (type->kind)
	{
		case AWSX_REDSHIFT_SMALLINT:
		case AWSX_REDSHIFT_INTEGER:
		case AWSX_REDSHIFT_BIGINT:
			return load_integer(type, value, out, problem);
		case AWSX_REDSHIFT_DECIMAL:
			return load_decimal(type, value, out, problem);
		case AWSX_REDSHIFT_REAL:
		case AWSX_REDSHIFT_DOUBLE:
			return load_float(type, value, out, problem);
		case AWSX_REDSHIFT_BOOLEAN:
			return load_boolean(value, out, problem);
		case AWSX_REDSHIFT_CHAR:
			return load_char(type, value, out, problem);
		case AWSX_REDSHIFT_VARCHAR:
			return load_varchar(type, value, out, problem);
		case AWSX_REDSHIFT_DATE:
		case AWSX_REDSHIFT_TIMESTAMP:
		case AWSX_REDSHIFT_TIMESTAMPTZ:
			return load_time(type, kind, value, out, problem);
		case AWSX_REDSHIFT_SUPER:
			return load_super(kind, value, out, problem);
	}
	return load_refuse(problem, "InvalidValue", value, "is for a column of an unknown type");
}
