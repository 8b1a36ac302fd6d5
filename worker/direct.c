/*
 * direct.c
 *	  A record whose parts can be sent as they stand, without jq.
 *
 * A single pass copies the record without white space.  Numbers: up to 15
 * digits and no exponent, no two decimals meet in one double, so jq's way with
 * them is the identity, unless one value is written in two ways (1.1 and 1.10).
 */
#include "direct.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/text.h"

#define DIGITS_MAX 15

typedef struct Reader
{
	Direct	   *direct;
	const char *at;
	const char *end;
	char	   *to;				/* in the compact text, which is never longer than the record */
	int			depth;
} Reader;

static bool read_value(Reader *reader, const char *name, size_t name_len);

void
direct_free(Direct *direct)
{
	free(direct->compact);
	memset(direct, 0, sizeof(*direct));
}

/* The next byte that is not white space, or NUL. */
static char
peek(Reader *reader)
{
	while (reader->at < reader->end &&
		   (*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\r' || *reader->at == '\t'))
		reader->at++;
	return reader->at < reader->end ? *reader->at : '\0';
}

/* Copy the next byte if it is this one. */
static bool
take(Reader *reader, char c)
{
	if (peek(reader) != c)
		return false;
	*reader->to++ = c;
	reader->at++;
	return true;
}

/* A string without escapes; neither may SQS want one. */
static bool
read_string(Reader *reader)
{
	const char *start;

	if (!take(reader, '"'))
		return false;
	start = reader->at;
	for (;;)
	{
		size_t		left = (size_t) (reader->end - reader->at);
		size_t		run = awsx_text_plain_run(reader->at, left);
		size_t		n;

		reader->at += run;
		left -= run;
		if (left == 0 || *reader->at == '"')
			break;
		n = (unsigned char) *reader->at < 0x80 ? 0 : awsx_text_utf8_sequence(reader->at, left);
		if (n == 0 || (n == 3 && memcmp(reader->at, "\xEF\xBF", 2) == 0))
			return false;
		reader->at += n;
	}
	memcpy(reader->to, start, (size_t) (reader->at - start));
	reader->to += reader->at - start;
	return take(reader, '"');
}

/* The value as digits and the power of ten that they are divided by, without zeros at the end. */
static void
value_of(const DirectNode *number, int64_t *digits, int *scale)
{
	bool		fraction = false;

	*digits = 0;
	*scale = 0;
	for (size_t i = 0; i < number->len; i++)
	{
		char		c = number->text[i];

		fraction |= c == '.';
		if (c < '0')
			continue;
		*digits = *digits * 10 + (c - '0');
		*scale += fraction;
	}
	while (*scale > 0 && *digits % 10 == 0)
	{
		*digits /= 10;
		--*scale;
	}
	if (*number->text == '-')
		*digits = -*digits;
}

/* False: an earlier number has this value, and is written otherwise. */
static bool
note_number(Direct *direct, const DirectNode *number)
{
	int64_t		digits;
	int			scale;

	if (direct->number_count == DIRECT_NUMBERS)
		return false;
	value_of(number, &digits, &scale);
	if (digits == 0 && *number->text == '-')
		return false;
	for (int i = 0; i < direct->number_count; i++)
	{
		const DirectNode *other = &direct->nodes[direct->numbers[i]];
		int64_t		other_digits;
		int			other_scale;

		value_of(other, &other_digits, &other_scale);
		if (digits == other_digits && scale == other_scale &&
			(number->len != other->len || memcmp(number->text, other->text, number->len) != 0))
			return false;
	}
	direct->numbers[direct->number_count++] = (int) (number - direct->nodes);
	return true;
}

static bool
copy_digits(Reader *reader, int *digits)
{
	const char *start = reader->at;

	while (reader->at < reader->end && awsx_text_is_digit(*reader->at) && *digits <= DIGITS_MAX)
	{
		*reader->to++ = *reader->at++;
		++*digits;
	}
	return reader->at > start;
}

/* An exponent, or a superfluous zero, is met as a byte that cannot follow. */
static bool
read_number(Reader *reader)
{
	int			digits = 0;

	if (*reader->at == '-')
		*reader->to++ = *reader->at++;
	if (reader->at < reader->end && *reader->at == '0')
	{
		*reader->to++ = *reader->at++;
		digits++;
	}
	else if (!copy_digits(reader, &digits))
		return false;
	if (reader->at < reader->end && *reader->at == '.')
	{
		*reader->to++ = *reader->at++;
		if (!copy_digits(reader, &digits))
			return false;
	}
	return digits <= DIGITS_MAX;
}

static bool
read_word(Reader *reader, const char *word)
{
	size_t		len = strlen(word);

	if ((size_t) (reader->end - reader->at) < len || memcmp(reader->at, word, len) != 0)
		return false;
	memcpy(reader->to, word, len);
	reader->to += len;
	reader->at += len;
	return true;
}

static bool
read_array(Reader *reader)
{
	take(reader, '[');
	if (take(reader, ']'))
		return true;
	do
	{
		if (!read_value(reader, NULL, 0))
			return false;
	} while (take(reader, ','));
	return take(reader, ']');
}

/* Has an earlier member of the object the last one's name? */
static bool
has_twin(const Direct *direct, int first, int last)
{
	const DirectNode *new = &direct->nodes[last];

	for (int i = first; i < last; i = direct->nodes[i].next)
	{
		const DirectNode *node = &direct->nodes[i];

		if (node->name_len == new->name_len && memcmp(node->name, new->name, new->name_len) == 0)
			return true;
	}
	return false;
}

static bool
read_member(Reader *reader, int first)
{
	const char *name;
	size_t		len;
	int			node = reader->direct->count;

	(void) peek(reader);
	name = reader->to + 1;
	if (!read_string(reader))
		return false;
	len = (size_t) (reader->to - 1 - name);
	return take(reader, ':') && read_value(reader, name, len) && !has_twin(reader->direct, first, node);
}

static bool
read_object(Reader *reader)
{
	int			first = reader->direct->count;

	take(reader, '{');
	if (take(reader, '}'))
		return true;
	do
	{
		if (!read_member(reader, first))
			return false;
	} while (take(reader, ','));
	return take(reader, '}');
}

static bool
read_content(Reader *reader, DirectNode *node)
{
	char		c = peek(reader);

	node->kind = DIRECT_OTHER;
	switch (c)
	{
		case '"':
			node->kind = DIRECT_STRING;
			return read_string(reader);
		case '{':
			node->kind = DIRECT_OBJECT;
			return read_object(reader);
		case '[':
			return read_array(reader);
		case 't':
			return read_word(reader, "true");
		case 'f':
			return read_word(reader, "false");
		case 'n':
			return read_word(reader, "null");
		default:
			node->kind = DIRECT_NUMBER;
			return (c == '-' || awsx_text_is_digit(c)) && read_number(reader);
	}
}

static bool
read_value(Reader *reader, const char *name, size_t name_len)
{
	Direct	   *direct = reader->direct;
	DirectNode *node = &direct->nodes[direct->count];

	if (direct->count == DIRECT_NODES || ++reader->depth > DIRECT_DEPTH)
		return false;
	direct->count++;
	node->name = name;
	node->name_len = name_len;
	node->text = reader->to;
	if (!read_content(reader, node))
		return false;
	node->len = (size_t) (reader->to - node->text);
	node->next = direct->count;
	reader->depth--;
	return node->kind != DIRECT_NUMBER || note_number(direct, node);
}

static bool
make_room(Direct *direct, size_t len)
{
	char	   *grown;

	if (len <= direct->allocated)
		return true;
	grown = realloc(direct->compact, 2 * len);
	if (grown == NULL)
		return false;			/* the long way says so, if it must */
	direct->compact = grown;
	direct->allocated = 2 * len;
	return true;
}

bool
direct_read(Direct *direct, const char *text, size_t len, JsonObject *object)
{
	Reader		reader = {.direct = direct, .at = text, .end = text + len};

	if (!make_room(direct, len))
		return false;
	reader.to = direct->compact;
	direct->count = 0;
	direct->number_count = 0;
	if (peek(&reader) != '{')
		return false;
	object->offset = (size_t) (reader.at - text);
	if (!read_value(&reader, NULL, 0))
		return false;
	object->len = (size_t) (reader.at - text) - object->offset;
	(void) peek(&reader);
	return reader.at == reader.end;
}

/* The member of that name, or null. */
static const DirectNode *
member_of(const Direct *direct, const DirectNode *object, const char *name)
{
	size_t		len = strlen(name);

	if (object->kind != DIRECT_OBJECT)
		return NULL;
	for (const DirectNode *node = object + 1; node < &direct->nodes[object->next]; node = &direct->nodes[node->next])
	{
		if (node->name_len == len && memcmp(node->name, name, len) == 0)
			return node;
	}
	return NULL;
}

const DirectNode *
direct_follow(const Direct *direct, const DirectNode *from, char *const *names, int count)
{
	for (int i = 0; i < count && from != NULL; i++)
		from = member_of(direct, from, names[i]);
	return from;
}

/* Correctly rounded: both operands of the division are exact. */
static double
double_of(const DirectNode *number)
{
	static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
	int64_t		digits;
	int			scale;

	value_of(number, &digits, &scale);
	return (double) digits / powers[scale];
}

static jv
word_value(char first)
{
	return first == 't' ? jv_true() : first == 'f' ? jv_false() : jv_null();
}

static jv
value_at(const Direct *direct, const DirectNode *node)
{
	const DirectNode *end = &direct->nodes[node->next];
	jv			value;

	if (node->kind == DIRECT_STRING)
		return jv_string_sized(node->text + 1, (int) node->len - 2);
	if (node->kind == DIRECT_NUMBER)
		return jv_number(double_of(node));
	if (*node->text != '{' && *node->text != '[')
		return word_value(*node->text);
	value = *node->text == '{' ? jv_object() : jv_array();
	for (const DirectNode *inner = node + 1; inner < end; inner = &direct->nodes[inner->next])
	{
		if (inner->name != NULL)
			value = jv_object_set(value, jv_string_sized(inner->name, (int) inner->name_len), value_at(direct, inner));
		else
			value = jv_array_append(value, value_at(direct, inner));
	}
	return value;
}

jv
direct_value(const Direct *direct)
{
	return value_at(direct, direct->nodes);
}
