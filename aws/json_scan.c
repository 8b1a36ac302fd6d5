/*
 * json_scan.c
 *	  A strict JSON reader that steps through the bytes.
 *
 * The byte behind the last is NUL, which no rule of JSON allows, so loops end
 * there without asking how much is left; only UTF-8 sequences need to ask.
 *
 * An unescaped string is never longer than its spelling, and its end has room
 * for a NUL where the quote was: so it is written over itself.
 */
#include "json_scan.h"

#include <stdint.h>
#include <string.h>

#include "text.h"

#define MAX_DEPTH 2048			/* values within values, as jansson counts them */

/* What a byte of a string is: 0 stands for itself. */
enum
{
	PLAIN,
	SPECIAL						/* a quote, a backslash, a control character, or not ASCII */
};

static const unsigned char byte_class[256] = {
	[0 ... 31] = SPECIAL,
	['"'] = SPECIAL,
	['\\'] = SPECIAL,
	[128 ... 255] = SPECIAL
};

void
awsx_json_scan_init(AwsxJsonScan *scan, char *bytes, size_t len)
{
	*scan = (AwsxJsonScan) {.at = bytes,.end = bytes + len};
}

static bool
fail(AwsxJsonScan *scan, char *at)
{
	if (!scan->bad)
		scan->at = at;
	scan->bad = true;
	return false;
}

static inline void
skip_space(AwsxJsonScan *scan)
{
	while (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t')
		scan->at++;
}

char
awsx_json_scan_peek(AwsxJsonScan *scan)
{
	if (scan->bad)
		return '\0';
	skip_space(scan);
	return *scan->at;
}

/* ---- strings ---- */

/* Four hexadecimal digits, or -1. */
static int32_t
read_hex4(const char *at)
{
	int32_t		value = 0;

	for (int i = 0; i < 4; i++)
	{
		int			digit = awsx_text_hex_value(at[i]);

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

static char *
put_utf8(char *out, int32_t code)
{
	if (code < 0x80)
		*out++ = (char) code;
	else if (code < 0x800)
	{
		*out++ = (char) (0xC0 | code >> 6);
		*out++ = (char) (0x80 | (code & 0x3F));
	}
	else
	{
		if (code < 0x10000)
			*out++ = (char) (0xE0 | code >> 12);
		else
		{
			*out++ = (char) (0xF0 | code >> 18);
			*out++ = (char) (0x80 | (code >> 12 & 0x3F));
		}
		*out++ = (char) (0x80 | (code >> 6 & 0x3F));
		*out++ = (char) (0x80 | (code & 0x3F));
	}
	return out;
}

/*
 * The character of the escape at *at, which moves behind it; -1 when it is
 * none.  Half of a pair stands for nothing.
 */
static int32_t
read_unicode(char **at)
{
	int32_t		code = read_hex4(*at + 2);
	int32_t		low;

	if (code < 0 || (code >= 0xDC00 && code <= 0xDFFF))
		return -1;
	*at += 6;
	if (code < 0xD800 || code > 0xDBFF)
		return code;
	if ((*at)[0] != '\\' || (*at)[1] != 'u')
		return -1;
	low = read_hex4(*at + 2);
	if (low < 0xDC00 || low > 0xDFFF)
		return -1;
	*at += 6;
	return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
}

/* Undo the escape at *at, which moves behind it; null when it is none. */
static char *
undo_escape(char **at, char *out, bool *has_nul)
{
	/* what stands behind the backslash, and what it stands for */
	static const char meanings[256] = {
		['"'] = '"',['\\'] = '\\',['/'] = '/',['b'] = '\b',
		['f'] = '\f',['n'] = '\n',['r'] = '\r',['t'] = '\t'
	};
	char		meaning = meanings[(unsigned char) (*at)[1]];
	int32_t		code;

	if (meaning != '\0')
	{
		*at += 2;
		*out = meaning;
		return out + 1;
	}
	if ((*at)[1] != 'u' || (code = read_unicode(at)) < 0)
		return NULL;
	*has_nul |= code == 0;
	return put_utf8(out, code);
}

/*
 * Copy plain bytes down from *at, which moves behind them; returns the end of
 * the copy.  Eight at a time: all of them are read before they are written,
 * and what is written over has been read.
 */
static char *
copy_plain(const AwsxJsonScan *scan, char **at, char *out)
{
	char	   *in = *at;

	while (scan->end - in >= 8)
	{
		int			plain = awsx_text_plain_of_eight(in);

		if (plain < 8)
		{
			for (int i = 0; i < plain; i++)
				*out++ = *in++;
			*at = in;
			return out;
		}
		memmove(out, in, 8);
		out += 8;
		in += 8;
	}
	while (byte_class[(unsigned char) *in] == PLAIN)
		*out++ = *in++;
	*at = in;
	return out;
}

/* The rest of a string, from its first byte that is not plain. */
static bool
read_special(AwsxJsonScan *scan, char *at, AwsxJsonString *string)
{
	char	   *out = at;

	for (;;)
	{
		unsigned char byte;

		out = copy_plain(scan, &at, out);
		byte = (unsigned char) *at;
		if (byte == '"')
			break;
		if (byte == '\\')
		{
			out = undo_escape(&at, out, &string->has_nul);
			if (out == NULL)
				return fail(scan, at);
		}
		else
		{
			size_t		len = byte < 0x80 ? 0 :
				awsx_text_utf8_sequence(at, (size_t) (scan->end - at));

			if (len == 0)
				return fail(scan, at);
			memmove(out, at, len);
			out += len;
			at += len;
		}
	}
	*out = '\0';
	string->len = (size_t) (out - string->text);
	scan->at = at + 1;
	return true;
}

/* From the opening quote to behind the closing one. */
static bool
read_string(AwsxJsonScan *scan, AwsxJsonString *string)
{
	char	   *at = scan->at + 1;

	*string = (AwsxJsonString) {.text = at};
	at += awsx_text_plain_run(at, (size_t) (scan->end - at));
	if (*at != '"')
		return read_special(scan, at, string);
	*at = '\0';
	string->len = (size_t) (at - string->text);
	scan->at = at + 1;
	return true;
}

/* ---- numbers and words ---- */

static char *
skip_digits(char *at)
{
	while (awsx_text_is_digit(*at))
		at++;
	return at;
}

/* Digits, of which there must be one; null when there is none. */
static char *
need_digits(char *at)
{
	return awsx_text_is_digit(*at) ? skip_digits(at) : NULL;
}

static bool
skip_number(AwsxJsonScan *scan)
{
	char	   *start = scan->at;
	char	   *at = start + (*start == '-' ? 1 : 0);

	at = *at == '0' ? at + 1 : need_digits(at);
	if (at != NULL && *at == '.')
		at = need_digits(at + 1);
	if (at != NULL && (*at == 'e' || *at == 'E'))
	{
		at++;
		at = need_digits(*at == '+' || *at == '-' ? at + 1 : at);
	}
	if (at == NULL)
		return fail(scan, start);
	scan->at = at;
	return true;
}

static bool
skip_word(AwsxJsonScan *scan, const char *word)
{
	size_t		len = strlen(word);

	if (strncmp(scan->at, word, len) != 0)
		return fail(scan, scan->at);
	scan->at += len;
	return true;
}

/* ---- objects and arrays ---- */

bool
awsx_json_scan_enter(AwsxJsonScan *scan)
{
	char		opening = awsx_json_scan_peek(scan);

	if (scan->bad || (opening != '{' && opening != '[') || scan->depth >= MAX_DEPTH)
		return fail(scan, scan->at);
	scan->depth++;
	scan->at++;
	return true;
}

/* Is there another item before the closing bracket?  Moves to it. */
static bool
next_item(AwsxJsonScan *scan, bool *first, char closing)
{
	char		byte = awsx_json_scan_peek(scan);

	if (scan->bad)
		return false;
	if (byte == closing)
	{
		scan->at++;
		scan->depth--;
		return false;
	}
	if (!*first && byte != ',')
		return fail(scan, scan->at);
	if (!*first)
	{
		scan->at++;
		skip_space(scan);
	}
	*first = false;
	return true;
}

bool
awsx_json_scan_member(AwsxJsonScan *scan, bool *first, AwsxJsonString *name)
{
	if (!next_item(scan, first, '}'))
		return false;
	if (*scan->at != '"')
		return fail(scan, scan->at);
	if (!read_string(scan, name))
		return false;
	skip_space(scan);
	if (*scan->at != ':' || name->has_nul)
		return fail(scan, scan->at);
	scan->at++;
	return true;
}

bool
awsx_json_scan_element(AwsxJsonScan *scan, bool *first)
{
	return next_item(scan, first, ']');
}

/* ---- any value ---- */

/* One that is no object or array. */
static bool
skip_scalar(AwsxJsonScan *scan)
{
	AwsxJsonString unused;

	if (scan->depth >= MAX_DEPTH)
		return fail(scan, scan->at);
	switch (*scan->at)
	{
		case '"':
			return read_string(scan, &unused);
		case 't':
			return skip_word(scan, "true");
		case 'f':
			return skip_word(scan, "false");
		case 'n':
			return skip_word(scan, "null");
		default:
			return skip_number(scan);
	}
}

/* Without recursion, so that a hostile depth costs no more stack than this. */
void
awsx_json_scan_skip(AwsxJsonScan *scan)
{
	bool		is_object[MAX_DEPTH + 1];	/* of those open, by their depth */
	int			outside = scan->depth;
	bool		first = false;

	do
	{
		char		byte = awsx_json_scan_peek(scan);
		AwsxJsonString name;

		if (byte == '{' || byte == '[')
		{
			if (!awsx_json_scan_enter(scan))
				return;
			is_object[scan->depth] = byte == '{';
			first = true;
		}
		else if (scan->bad || !skip_scalar(scan))
			return;

		/* to the next value, out of all that end here */
		while (scan->depth > outside)
		{
			/* deeper than outside is only what was entered here */
			/* cppcheck-suppress uninitvar */
			if (is_object[scan->depth] ? awsx_json_scan_member(scan, &first, &name) :
				awsx_json_scan_element(scan, &first))
				break;
			if (scan->bad)
				return;
			first = false;
		}
	} while (scan->depth > outside);
}

void
awsx_json_scan_string(AwsxJsonScan *scan, AwsxJsonString *string)
{
	string->text = NULL;
	if (awsx_json_scan_peek(scan) != '"')
		awsx_json_scan_skip(scan);
	else if (scan->depth >= MAX_DEPTH)
		fail(scan, scan->at);
	else if (!read_string(scan, string))
		string->text = NULL;
}

bool
awsx_json_scan_end(AwsxJsonScan *scan)
{
	if (scan->bad)
		return false;
	skip_space(scan);
	return scan->at == scan->end || fail(scan, scan->at);
}
