/*
 * json.c
 *	  A strict look at one JSON object in a text.
 *
 * The scanner is one loop over values with a stack of bits (object or
 * array), so depth costs no C stack.  It moves a single cursor; the place of
 * a problem is computed only when there is one.
 */
#include <stdio.h>
#include <string.h>

#include "../aws/text.h"
#include "json.h"

typedef struct Scanner
{
	const char *text;
	size_t		at;
	size_t		len;
	int			depth;
	bool		in_object[JSON_MAX_DEPTH];
	JsonNumberFound found;
	void	   *arg;
	JsonProblem *problem;
} Scanner;

void
json_problem_at(JsonProblem *problem, const char *code, const char *text, size_t offset,
				const char *what)
{
	size_t		line_start = 0;

	problem->code = code;
	problem->byte = offset + 1;
	problem->line = 1;
	for (size_t i = 0; i < offset; i++)
	{
		if (text[i] == '\n')
		{
			problem->line++;
			line_start = i + 1;
		}
	}
	problem->column = 1;
	for (size_t i = line_start; i < offset; i++)
	{
		if (((unsigned char) text[i] & 0xC0) != 0x80)
			problem->column++;
	}
	snprintf(problem->reason, sizeof(problem->reason), "%s at line %zu, column %zu (byte %zu)",
			 what, problem->line, problem->column, problem->byte);
}

static bool
fail_as(Scanner *scanner, const char *code, const char *what)
{
	json_problem_at(scanner->problem, code, scanner->text, scanner->at, what);
	return false;
}

static bool
fail(Scanner *scanner, const char *what)
{
	if (scanner->at >= scanner->len)
		what = "the text ends in the middle of the object";
	return fail_as(scanner, "InvalidJson", what);
}

/* The byte at the cursor, or -1 at the end. */
static int
peek(const Scanner *scanner)
{
	return scanner->at < scanner->len ? (unsigned char) scanner->text[scanner->at] : -1;
}

static void
skip_space(Scanner *scanner)
{
	for (;;)
	{
		int			c = peek(scanner);

		if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
			return;
		scanner->at++;
	}
}

/* The four hex digits of \uXXXX; the cursor is on the first of them. */
static bool
scan_hex4(Scanner *scanner, unsigned *unit)
{
	*unit = 0;
	for (int i = 0; i < 4; i++)
	{
		int			c = peek(scanner);

		if (c >= '0' && c <= '9')
			c -= '0';
		else if (c >= 'a' && c <= 'f')
			c -= 'a' - 10;
		else if (c >= 'A' && c <= 'F')
			c -= 'A' - 10;
		else
			return fail(scanner, "\\u is not followed by four hex digits");
		*unit = *unit * 16 + (unsigned) c;
		scanner->at++;
	}
	return true;
}

/* After the backslash. */
static bool
scan_escape(Scanner *scanner)
{
	size_t		start = scanner->at - 1;
	int			c = peek(scanner);
	unsigned	unit;

	if (c <= 0 || strchr("\"\\/bfnrtu", c) == NULL)
		return fail(scanner, "unknown escape in a string");
	scanner->at++;
	if (c != 'u')
		return true;
	if (!scan_hex4(scanner, &unit))
		return false;
	if (unit >= 0xD800 && unit <= 0xDBFF && peek(scanner) == '\\' &&
		scanner->at + 1 < scanner->len && scanner->text[scanner->at + 1] == 'u')
	{
		unsigned	low;

		scanner->at += 2;
		if (!scan_hex4(scanner, &low))
			return false;
		if (low >= 0xDC00 && low <= 0xDFFF)
			return true;
	}
	else if (unit < 0xD800 || unit > 0xDFFF)
		return true;
	scanner->at = start;
	return fail_as(scanner, "InvalidJson", "a string holds half of a surrogate pair");
}

/* The cursor is on the opening quote. */
static bool
scan_string(Scanner *scanner)
{
	scanner->at++;
	for (;;)
	{
		int			c;

		scanner->at += awsx_text_plain_run(scanner->text + scanner->at, scanner->len - scanner->at);
		c = peek(scanner);
		if (c < 0x20)
			return fail(scanner, "a control character in a string must be escaped");
		if (c < 0x80)
		{
			scanner->at++;
			if (c == '"')
				return true;
			if (c == '\\' && !scan_escape(scanner))
				return false;
		}
		else
		{
			size_t		n = awsx_text_utf8_sequence(scanner->text + scanner->at,
													scanner->len - scanner->at);

			if (n == 0)
				return fail(scanner, "a string holds bytes that are not UTF-8");
			scanner->at += n;
		}
	}
}

static bool
is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool
scan_digits(Scanner *scanner)
{
	if (!is_digit(peek(scanner)))
		return fail(scanner, "a number lacks a digit");
	while (is_digit(peek(scanner)))
		scanner->at++;
	return true;
}

static bool
scan_number(Scanner *scanner)
{
	size_t		start = scanner->at;

	if (peek(scanner) == '-')
		scanner->at++;
	if (peek(scanner) == '0')
	{
		scanner->at++;
		if (is_digit(peek(scanner)))
			return fail(scanner, "a number begins with a superfluous zero");
	}
	else if (!scan_digits(scanner))
		return false;
	if (peek(scanner) == '.')
	{
		scanner->at++;
		if (!scan_digits(scanner))
			return false;
	}
	if (peek(scanner) == 'e' || peek(scanner) == 'E')
	{
		scanner->at++;
		if (peek(scanner) == '+' || peek(scanner) == '-')
			scanner->at++;
		if (!scan_digits(scanner))
			return false;
	}
	return scanner->found == NULL ||
		scanner->found(scanner->arg, start, scanner->at - start);
}

static bool
scan_word(Scanner *scanner, const char *word)
{
	size_t		len = strlen(word);

	if (scanner->len - scanner->at < len ||
		memcmp(scanner->text + scanner->at, word, len) != 0)
		return fail_as(scanner, "InvalidJson", "neither a value nor true, false or null");
	scanner->at += len;
	return true;
}

static bool
scan_scalar(Scanner *scanner)
{
	switch (peek(scanner))
	{
		case '"':
			return scan_string(scanner);
		case 't':
			return scan_word(scanner, "true");
		case 'f':
			return scan_word(scanner, "false");
		case 'n':
			return scan_word(scanner, "null");
		case '-':
			return scan_number(scanner);
		default:
			if (is_digit(peek(scanner)))
				return scan_number(scanner);
			return fail(scanner, "a value is expected");
	}
}

/* A member's name and its colon; the cursor then is on the value. */
static bool
scan_name(Scanner *scanner)
{
	skip_space(scanner);
	if (peek(scanner) != '"')
		return fail(scanner, "a member name in double quotes is expected");
	if (!scan_string(scanner))
		return false;
	skip_space(scanner);
	if (peek(scanner) != ':')
		return fail(scanner, "':' is expected after a member name");
	scanner->at++;
	return true;
}

/*
 * Enter the container at the cursor.  *closed: it was empty and is already
 * left; else the cursor is before its first value.
 */
static bool
open_container(Scanner *scanner, bool *closed)
{
	bool		object = peek(scanner) == '{';

	if (scanner->depth >= JSON_MAX_DEPTH)
		return fail_as(scanner, "TooDeep", "more than 128 levels of nesting");
	scanner->in_object[scanner->depth++] = object;
	scanner->at++;
	skip_space(scanner);
	*closed = peek(scanner) == (object ? '}' : ']');
	if (*closed)
	{
		scanner->at++;
		scanner->depth--;
		return true;
	}
	return object ? scan_name(scanner) : true;
}

/*
 * After a complete value: close containers until a comma leads to the next
 * value, or the outermost is closed.
 */
static bool
after_value(Scanner *scanner)
{
	while (scanner->depth > 0)
	{
		bool		object = scanner->in_object[scanner->depth - 1];

		skip_space(scanner);
		if (peek(scanner) == ',')
		{
			scanner->at++;
			return object ? scan_name(scanner) : true;
		}
		if (peek(scanner) != (object ? '}' : ']'))
			return fail(scanner, object ? "',' or '}' is expected" : "',' or ']' is expected");
		scanner->at++;
		scanner->depth--;
	}
	return true;
}

static bool
scan_object(Scanner *scanner)
{
	do
	{
		bool		complete = true;
		int			c;

		skip_space(scanner);
		c = peek(scanner);
		if (c == '{' || c == '[')
		{
			if (!open_container(scanner, &complete))
				return false;
		}
		else if (!scan_scalar(scanner))
			return false;
		if (complete && !after_value(scanner))
			return false;
	} while (scanner->depth > 0);
	return true;
}

/* Is it another JSON value that begins here? */
static bool
begins_other_value(const char *text, size_t len)
{
	return *text == '[' || *text == '"' || *text == '-' || is_digit((unsigned char) *text) ||
		(len >= 4 && (memcmp(text, "true", 4) == 0 || memcmp(text, "null", 4) == 0)) ||
		(len >= 5 && memcmp(text, "false", 5) == 0);
}

bool
json_find_object(const char *text, size_t len, JsonNumberFound found, void *arg,
				 JsonObject *object, JsonProblem *problem)
{
	Scanner		scanner = {.text = text, .len = len, .found = found, .arg = arg, .problem = problem};

	problem->code = NULL;
	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
		scanner.at = 3;
	skip_space(&scanner);
	if (scanner.at == len)
		return fail_as(&scanner, "EmptyObject",
					   "nothing but white space: one JSON object is expected");
	if (text[scanner.at] != '{')
	{
		if (begins_other_value(text + scanner.at, len - scanner.at))
			return fail_as(&scanner, "NotAnObject",
						   "one JSON object is expected, not an array or a scalar,");
		return fail_as(&scanner, "InvalidJson", "one JSON object is expected");
	}
	object->offset = scanner.at;
	if (!scan_object(&scanner))
		return false;
	object->len = scanner.at - object->offset;
	skip_space(&scanner);
	if (scanner.at < len)
		return fail_as(&scanner, "InvalidJson",
					   "one JSON object is expected, but more follows");
	return true;
}
