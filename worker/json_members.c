/*
 * json_members.c
 *	  The members of a JSON object, as slices of its text.
 *
 * Finding the members of one level takes no more than knowing where strings
 * end and counting brackets.  Should the text be no JSON after all, nothing
 * is read beyond its end.
 */
#include <string.h>

#include "../aws/text.h"
#include "json_members.h"

static bool
is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static void
skip_space(JsonMembers *members)
{
	while (members->at < members->end && is_one_of(*members->at, " \t\n\r"))
		members->at++;
}

/* The string at the cursor, which is on its opening quote. */
static void
take_string(JsonMembers *members, JsonValue *string)
{
	members->at++;
	string->kind = JSON_VALUE_STRING;
	string->start = members->at;
	string->escaped = false;
	while (members->at < members->end && *members->at != '"')
	{
		if (*members->at == '\\' && members->end - members->at > 1)
		{
			string->escaped = true;
			members->at++;
		}
		members->at++;
	}
	string->len = (size_t) (members->at - string->start);
	if (members->at < members->end)
		members->at++;
}

/* From an opening bracket of either kind to behind its closing one. */
static void
skip_container(JsonMembers *members)
{
	int			depth = 0;
	JsonValue	string;

	while (members->at < members->end)
	{
		char		c = *members->at;

		if (c == '"')
		{
			take_string(members, &string);
			continue;
		}
		members->at++;
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			return;
	}
}

static JsonValueKind
kind_of(char c)
{
	switch (c)
	{
		case '{':
			return JSON_VALUE_OBJECT;
		case '[':
			return JSON_VALUE_ARRAY;
		case 'n':
			return JSON_VALUE_NULL;
		case 't':
		case 'f':
			return JSON_VALUE_BOOLEAN;
		default:
			return JSON_VALUE_NUMBER;
	}
}

static void
take_value(JsonMembers *members, JsonValue *value)
{
	value->start = members->at;
	value->escaped = false;
	if (members->at == members->end)
	{
		value->kind = JSON_VALUE_NULL;
		value->len = 0;
		return;
	}
	if (*members->at == '"')
	{
		take_string(members, value);
		return;
	}
	value->kind = kind_of(*members->at);
	if (value->kind == JSON_VALUE_OBJECT || value->kind == JSON_VALUE_ARRAY)
		skip_container(members);
	else
	{
		while (members->at < members->end && !is_one_of(*members->at, ",]} \t\n\r"))
			members->at++;
	}
	value->len = (size_t) (members->at - value->start);
}

JsonMembers
json_members(const char *object, size_t len)
{
	JsonMembers members = {object, object + len};

	if (len > 0)
		members.at++;
	return members;
}

bool
json_members_next(JsonMembers *members, JsonValue *name, JsonValue *value)
{
	skip_space(members);
	if (members->at < members->end && *members->at == ',')
		members->at++;
	skip_space(members);
	if (members->at == members->end || *members->at != '"')
		return false;
	take_string(members, name);
	skip_space(members);
	if (members->at < members->end && *members->at == ':')
		members->at++;
	skip_space(members);
	take_value(members, value);
	return true;
}

/* ---- strings ---- */

/* The unit of \uXXXX; at is on the first digit. */
static unsigned
read_unit(const char *at)
{
	unsigned	unit = 0;

	for (int i = 0; i < 4; i++)
		unit = unit * 16 + ((unsigned) awsx_text_hex_value(at[i]) & 15);
	return unit;
}

static void
put_utf8(AwsxBuf *out, unsigned code)
{
	if (code < 0x80)
		awsx_buf_putc(out, (char) code);
	else if (code < 0x800)
		awsx_buf_putc(out, (char) (0xC0 | code >> 6));
	else if (code < 0x10000)
	{
		awsx_buf_putc(out, (char) (0xE0 | code >> 12));
		awsx_buf_putc(out, (char) (0x80 | (code >> 6 & 0x3F)));
	}
	else
	{
		awsx_buf_putc(out, (char) (0xF0 | code >> 18));
		awsx_buf_putc(out, (char) (0x80 | (code >> 12 & 0x3F)));
		awsx_buf_putc(out, (char) (0x80 | (code >> 6 & 0x3F)));
	}
	if (code >= 0x80)
		awsx_buf_putc(out, (char) (0x80 | (code & 0x3F)));
}

/* Append what a backslash and what follows mean; returns what comes behind. */
static const char *
put_escape(AwsxBuf *out, const char *at, const char *end)
{
	static const char letters[] = "bfnrt";
	static const char meanings[] = "\b\f\n\r\t";
	const char *letter;
	unsigned	code;

	if (*at != 'u' || end - at < 5)
	{
		letter = is_one_of(*at, letters) ? strchr(letters, *at) : NULL;
		awsx_buf_putc(out, letter != NULL ? meanings[letter - letters] : *at);
		return at + 1;
	}
	code = read_unit(at + 1);
	at += 5;
	if (code >= 0xD800 && code <= 0xDBFF && end - at >= 6 && at[0] == '\\' && at[1] == 'u')
	{
		code = 0x10000 + ((code - 0xD800) << 10) + ((read_unit(at + 2) - 0xDC00) & 0x3FF);
		at += 6;
	}
	put_utf8(out, code);
	return at;
}

bool
json_unescape(const JsonValue *string, AwsxBuf *out)
{
	const char *at = string->start;
	const char *end = at + string->len;

	while (at < end)
	{
		const char *escape = memchr(at, '\\', (size_t) (end - at));

		if (escape == NULL || escape + 1 == end)
			return awsx_buf_append(out, at, (size_t) (end - at));
		awsx_buf_append(out, at, (size_t) (escape - at));
		at = put_escape(out, escape + 1, end);
	}
	return !out->failed;
}

/* Is the string this one?  Where memory ends scratch has failed. */
static bool
is_named(const JsonValue *string, const char *name, size_t len, AwsxBuf *scratch)
{
	if (!string->escaped)
		return string->len == len && memcmp(string->start, name, len) == 0;
	awsx_buf_reset(scratch);
	return json_unescape(string, scratch) && scratch->len == len && memcmp(scratch->data, name, len) == 0;
}

bool
json_members_find(const JsonValue *object, const char *name, size_t len, AwsxBuf *scratch, JsonValue *value)
{
	JsonMembers members;
	JsonValue	key;
	JsonValue	candidate;
	JsonValue	last = {0};
	bool		found = false;

	awsx_buf_reset(scratch);
	if (object->kind != JSON_VALUE_OBJECT)
		return false;
	members = json_members(object->start, object->len);
	while (!scratch->failed && json_members_next(&members, &key, &candidate))
	{
		if (!is_named(&key, name, len, scratch))
			continue;
		last = candidate;
		found = true;
	}
	if (found)
		*value = last;
	return found && !scratch->failed;
}
