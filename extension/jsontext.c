/*
 * jsontext.c
 *	  Looking into JSON text without changing a byte of it.
 *
 * PostgreSQL's own parser decides what JSON is (the input function of type
 * json, whose interface is the same in every version, unlike its lexer's),
 * unless our own scan has seen that it will say yes.  After that, finding the members of one level takes no more than
 * knowing where strings end and counting brackets.  Escapes are undone only
 * in the strings somebody asks for: a \u0000 in a member that no column wants
 * does no harm.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "jsontext.h"

static const char *
skip_space(const char *at)
{
	while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')
		at++;
	return at;
}

/* From an opening quote to behind the closing one. */
static const char *
skip_string(const char *at)
{
	for (at++; *at != '"'; at++)
	{
		if (*at == '\\')
			at++;
		Assert(*at != '\0');
	}
	return at + 1;
}

/* From an opening bracket of either kind to behind the closing one. */
static const char *
skip_container(const char *at)
{
	int			depth = 0;

	for (;;)
	{
		Assert(*at != '\0');
		if (*at == '"')
		{
			at = skip_string(at);
			continue;
		}
		if (*at == '{' || *at == '[')
			depth++;
		else if ((*at == '}' || *at == ']') && --depth == 0)
			return at + 1;
		at++;
	}
}

/* A number or a word ends where something else begins. */
static const char *
skip_scalar(const char *at)
{
	return at + strcspn(at, ",]} \t\n\r");
}

/* Read the value that begins here; returns what follows it. */
static const char *
read_value(const char *at, JsonText *value)
{
	const char *end;

	value->kind = jsonscan_kind(*at);
	if (value->kind == JSONTEXT_OBJECT || value->kind == JSONTEXT_ARRAY)
		end = skip_container(at);
	else if (value->kind == JSONTEXT_STRING)
		end = skip_string(at);
	else
		end = skip_scalar(at);
	value->start = at;
	value->len = end - at;
	return end;
}

void
jsontext_check(const char *text, JsonText *value)
{
	/* Without call information the function raises what it finds. */
	if (!jsonscan_valid(text))
		pfree(DatumGetPointer(DirectFunctionCall1(json_in, CStringGetDatum(text))));
	jsontext_open(text, value);
}

void
jsontext_open(const char *text, JsonText *value)
{
	/* a document is one value, so its end need not be looked for */
	value->start = skip_space(text);
	value->kind = jsonscan_kind(*value->start);
	value->len = strlen(value->start);
	while (value->len > 0 && strchr(" \t\n\r", value->start[value->len - 1]) != NULL)
		value->len--;
}

void
jsontext_first(JsonTextCursor *cursor, const JsonText *container)
{
	Assert(container->kind == JSONTEXT_OBJECT || container->kind == JSONTEXT_ARRAY);
	cursor->at = skip_space(container->start + 1);
}

bool
jsontext_next(JsonTextCursor *cursor, JsonText *key, JsonText *value)
{
	const char *at = cursor->at;

	if (*at == '}' || *at == ']')
		return false;
	if (key != NULL)
	{
		at = skip_space(read_value(at, key));
		at = skip_space(at + 1);	/* the colon */
	}
	at = skip_space(read_value(at, value));
	if (*at == ',')
		at = skip_space(at + 1);
	cursor->at = at;
	return true;
}

static uint32
read_hex4(const char *at)
{
	uint32		result = 0;

	for (int i = 0; i < 4; i++)
	{
		char		c = at[i];

		result <<= 4;
		if (c >= '0' && c <= '9')
			result |= c - '0';
		else
			result |= (c | 0x20) - 'a' + 10;
	}
	return result;
}

static void
raise_surrogate(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("a JSON string has half of a Unicode surrogate pair"),
			 errhint("\\ud800 to \\udbff must be followed by \\udc00 to \\udfff.")));
}

static void
raise_zero(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
			 errmsg("a JSON string has \\u0000, which no text of PostgreSQL can hold"),
			 errhint("Use a column of type json, which keeps the escape, or remove it before sending.")));
}

/*
 * The character of a \u escape and, of a surrogate pair, the one after it;
 * *at is behind the u and moves behind the digits.  A lone half comes back
 * as it is.
 */
static pg_wchar
read_unicode(const char **at)
{
	pg_wchar	code = read_hex4(*at);
	const char *next = *at + 4;

	*at = next;
	if (is_utf16_surrogate_first(code) && next[0] == '\\' && next[1] == 'u' &&
		is_utf16_surrogate_second(read_hex4(next + 2)))
	{
		*at = next + 6;
		return surrogate_pair_to_codepoint(code, read_hex4(next + 2));
	}
	return code;
}

/* Append the character of a \u escape; at is its first digit. Returns what follows. */
static const char *
append_unicode(StringInfo out, const char *at)
{
	pg_wchar	code = read_unicode(&at);
	unsigned char bytes[MAX_UNICODE_EQUIVALENT_STRING + 1];

	if (is_utf16_surrogate_first(code) || is_utf16_surrogate_second(code))
		raise_surrogate();
	if (code == 0)
		raise_zero();
	pg_unicode_to_server(code, bytes);
	appendStringInfoString(out, (const char *) bytes);
	return at;
}

/* Append what follows a backslash; returns what follows that. */
static const char *
append_escape(StringInfo out, const char *at)
{
	static const char letters[] = "bfnrt";
	static const char meanings[] = "\b\f\n\r\t";
	const char *letter;

	if (*at == 'u')
		return append_unicode(out, at + 1);
	letter = strchr(letters, *at);
	appendStringInfoChar(out, letter != NULL ? meanings[letter - letters] : *at);
	return at + 1;
}

char *
jsontext_string(const JsonText *string)
{
	const char *at = string->start + 1;
	const char *end = string->start + string->len - 1;
	StringInfoData out;

	Assert(string->kind == JSONTEXT_STRING);
	if (!jsontext_escaped(string))
		return pnstrdup(at, end - at);
	initStringInfo(&out);
	while (at < end)
	{
		const char *escape = memchr(at, '\\', end - at);

		if (escape == NULL)
			escape = end;
		appendBinaryStringInfo(&out, at, escape - at);
		at = escape < end ? append_escape(&out, escape + 1) : end;
	}
	return out.data;
}

char *
jsontext_raw(const JsonText *value)
{
	return pnstrdup(value->start, value->len);
}

bool
jsontext_escaped(const JsonText *string)
{
	return memchr(string->start, '\\', string->len) != NULL;
}

/* Does the server's encoding have the character? */
static bool
has_character(pg_wchar code)
{
	int			encoding = GetDatabaseEncoding();
	unsigned char utf8[MAX_MULTIBYTE_CHAR_LEN + 1] = {0};
	unsigned char converted[MAX_UNICODE_EQUIVALENT_STRING + 1];
	Oid			function;
	int			len;

	if (code < 0x80 || encoding == PG_UTF8)
		return true;
	function = FindDefaultConversionProc(PG_UTF8, encoding);
	if (!OidIsValid(function))
		return false;
	unicode_to_utf8(code, utf8);
	len = pg_utf_mblen(utf8);
	return pg_do_encoding_conversion_buf(function, PG_UTF8, encoding, utf8, len,
										 converted, sizeof(converted), true) == len;
}

/* Will jsontext_string succeed? */
static bool
has_text(const JsonText *string)
{
	const char *at = string->start;
	const char *end = string->start + string->len;

	while ((at = memchr(at, '\\', end - at)) != NULL)
	{
		pg_wchar	code = 'x';

		at += 2;
		if (at[-1] == 'u')
			code = read_unicode(&at);
		if (code == 0 || is_utf16_surrogate_first(code) || is_utf16_surrogate_second(code) ||
			!has_character(code))
			return false;
	}
	return true;
}

char *
jsontext_name(const JsonText *string)
{
	return has_text(string) ? jsontext_string(string) : NULL;
}

bool
jsontext_equals(const JsonText *string, const char *content)
{
	Size		len = strlen(content);

	return string->len == len + 2 && memcmp(string->start + 1, content, len) == 0;
}
