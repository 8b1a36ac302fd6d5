/*
 * split_scan.c
 *	  Where does a JSON value end?
 *
 * A byte is judged by the token before it: a bracket or quote that cannot
 * follow there shows that the value was left open earlier, as a line that was
 * cut.  Commas, colons and scalars are not judged; the record parser is
 * strict, and a record that is wrong within still has an end.
 */
#include "../aws/text.h"
#include "split_scan.h"

void
split_scan_init(SplitScan *scan, bool one_line)
{
	*scan = (SplitScan) {.one_line = one_line};
}

bool
split_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static SplitScanStep
wrong(SplitScan *scan, const char *what)
{
	scan->wrong = what;
	return SPLIT_SCAN_WRONG;
}

static bool
in_object(const SplitScan *scan)
{
	int			level = scan->depth - 1;

	return level >= 0 && (scan->objects[level / 64] >> (level % 64) & 1) != 0;
}

/* May a value begin after the last token?  Also the name of a member may, if it is a string. */
static bool
value_may_begin(const SplitScan *scan, bool string)
{
	switch (scan->before)
	{
		case '\0':
		case ':':
		case '[':
			return true;
		case '{':
			return string;
		case ',':
			return string || !in_object(scan);
		default:
			return false;
	}
}

static SplitScanStep
open_bracket(SplitScan *scan, char c)
{
	uint64_t	bit;

	if (!value_may_begin(scan, false))
		return wrong(scan, c == '{' ? "an object begins where none can" : "an array begins where none can");
	if (scan->depth == SPLIT_SCAN_DEPTH)
		return wrong(scan, "brackets are nested deeper than can be followed");
	bit = (uint64_t) 1 << (scan->depth % 64);
	if (c == '{')
		scan->objects[scan->depth / 64] |= bit;
	else
		scan->objects[scan->depth / 64] &= ~bit;
	scan->depth++;
	scan->before = c;
	return SPLIT_SCAN_MORE;
}

static SplitScanStep
close_bracket(SplitScan *scan, char c)
{
	if (scan->depth == 0 || in_object(scan) != (c == '}'))
		return wrong(scan, "a bracket closes what is not open");
	scan->depth--;
	scan->before = 'v';
	return scan->depth == 0 ? SPLIT_SCAN_CLOSED : SPLIT_SCAN_MORE;
}

/* A byte outside of strings. */
static SplitScanStep
scan_byte(SplitScan *scan, char c)
{
	switch (c)
	{
		case '"':
			if (!value_may_begin(scan, true))
				return wrong(scan, "a string begins where none can");
			scan->in_string = true;
			return SPLIT_SCAN_MORE;
		case '{':
		case '[':
			return open_bracket(scan, c);
		case '}':
		case ']':
			return close_bracket(scan, c);
		case ',':
		case ':':
			scan->before = c;
			return SPLIT_SCAN_MORE;
		case '\n':
			scan->broken_line = true;
			return scan->one_line ? wrong(scan, "the line ends within the value") : SPLIT_SCAN_MORE;
		case ' ':
		case '\t':
		case '\r':
			return SPLIT_SCAN_MORE;
		default:
			scan->before = 'v';
			return SPLIT_SCAN_MORE;
	}
}

/* The rest of a string, or as much of it as there is. */
static SplitScanStep
scan_string(SplitScan *scan, const char *text, size_t len, size_t *at)
{
	size_t		i = *at;
	SplitScanStep step = SPLIT_SCAN_MORE;

	for (; i < len; i++)
	{
		char		c;

		if (!scan->escaped && (i += awsx_text_plain_run(text + i, len - i)) == len)
			break;
		c = text[i];
		if (c == '\n')
		{
			step = wrong(scan, "a line ends within a string");
			break;
		}
		if (scan->escaped)
			scan->escaped = false;
		else if (c == '\\')
			scan->escaped = true;
		else if (c == '"')
		{
			i++;
			scan->in_string = false;
			scan->before = 'v';
			step = scan->depth == 0 ? SPLIT_SCAN_CLOSED : SPLIT_SCAN_MORE;
			break;
		}
	}
	*at = i;
	return step;
}

/* A word or number outside of all brackets ends before a blank, comma or bracket. */
static SplitScanStep
scan_bare(const char *text, size_t len, size_t *at)
{
	while (*at < len)
	{
		char		c = text[*at];

		if (split_blank(c) || c == ',' || c == ']' || c == '}' || c == '{' || c == '[')
			return SPLIT_SCAN_CLOSED;
		(*at)++;
	}
	return SPLIT_SCAN_MORE;
}

SplitScanStep
split_scan(SplitScan *scan, const char *text, size_t len, size_t *at)
{
	SplitScanStep step = SPLIT_SCAN_MORE;

	if (*at < len && scan->before == '\0' && !scan->in_string)
		scan->bare = text[*at] != '{' && text[*at] != '[' && text[*at] != '"';
	if (scan->bare)
	{
		scan->before = 'v';
		return scan_bare(text, len, at);
	}
	while (step == SPLIT_SCAN_MORE && *at < len)
	{
		if (scan->in_string)
			step = scan_string(scan, text, len, at);
		else
		{
			step = scan_byte(scan, text[*at]);
			if (step != SPLIT_SCAN_WRONG)
				(*at)++;
		}
	}
	return step;
}

bool
split_scan_is_object(const char *text, size_t len)
{
	SplitScan	scan;
	size_t		at = 0;

	while (len > 0 && split_blank(text[len - 1]))
		len--;
	while (at < len && split_blank(text[at]))
		at++;
	split_scan_init(&scan, true);
	return at < len && text[at] == '{' &&
		split_scan(&scan, text, len, &at) == SPLIT_SCAN_CLOSED && at == len;
}
