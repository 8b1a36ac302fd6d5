/*
 * numbers.c
 *	  The number literals of a record, found again by the double that jq made
 *	  of them.
 *
 * A literal is compared as sign, digits without outer zeros, and the power
 * of ten of the last digit; nothing is ever computed in binary except the
 * key of the table.
 */
#include <jv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numbers.h"

#define EXPONENT_MAX 1000000000
#define PLAIN_ZEROS 40			/* more of them beside the digits are said as an exponent */

/* A literal taken apart: value = digits * 10^scale, digits of the coefficient. */
typedef struct Decimal
{
	bool		negative;
	bool		extreme;
	const char *first;			/* first digit that is not zero; may cross a '.' */
	const char *last;			/* last digit that is not zero */
	int64_t		scale;			/* power of ten of *last */
	size_t		digits;			/* of the coefficient as written, zeros counted */
	size_t		significant;	/* from first to last; 0 for zero */
} Decimal;

/* The exponent's value; *extreme when its size is beyond reason. */
static int64_t
read_exponent(const char *p, const char *end, bool *extreme)
{
	bool		negative = *p == '-';
	int64_t		value = 0;

	if (*p == '-' || *p == '+')
		p++;
	for (; p < end && value <= EXPONENT_MAX; p++)
		value = value * 10 + (*p - '0');
	*extreme = value > EXPONENT_MAX;
	return negative ? -value : value;
}

static Decimal
take_apart(const char *text, size_t len)
{
	Decimal		d = {.negative = *text == '-'};
	const char *end = text + len;
	const char *p;
	int64_t		fraction = 0;	/* digits after the point so far */
	int64_t		last_fraction = 0;
	int64_t		trailing = 0;	/* whole digits after the last that is not zero */
	bool		point = false;
	int64_t		exponent = 0;

	for (p = text + d.negative; p < end && *p != 'e' && *p != 'E'; p++)
	{
		if (*p == '.')
		{
			point = true;
			continue;
		}
		d.digits++;
		fraction += point;
		if (d.first != NULL)
			d.significant++;
		if (*p != '0')
		{
			if (d.first == NULL)
			{
				d.first = p;
				d.significant = 1;
			}
			d.last = p;
			last_fraction = fraction;
			trailing = 0;
		}
		else
			trailing++;
	}
	if (p < end)
		exponent = read_exponent(p + 1, end, &d.extreme);
	if (d.first == NULL)
		return d;
	d.significant -= (size_t) trailing;
	d.scale = exponent - last_fraction;
	if (last_fraction == 0)
		d.scale += trailing - fraction; /* only whole zeros move the point */
	return d;
}

bool
numbers_equal(const char *a, size_t a_len, const char *b, size_t b_len)
{
	Decimal		x = take_apart(a, a_len);
	Decimal		y = take_apart(b, b_len);
	const char *p = x.first;
	const char *q = y.first;

	if (p == NULL || q == NULL)
		return p == q;
	if (x.negative != y.negative || x.significant != y.significant || x.scale != y.scale)
		return false;
	for (size_t i = 0; i < x.significant; i++, p++, q++)
	{
		p += *p == '.';
		q += *q == '.';
		if (*p != *q)
			return false;
	}
	return true;
}

/*
 * The double that jq makes of the literal.  With at most 17 digits and a
 * result well inside the range every jq rounds as strtod does; else ask jq
 * itself (1.7 rounds to 17 digits first, and their ways with overflow differ).
 */
static double
double_of(const char *text, size_t len, const Decimal *d)
{
	char		copy[64];
	jv			value;
	double		result;

	if (d->digits <= 17 && len < sizeof(copy))
	{
		memcpy(copy, text, len);
		copy[len] = '\0';
		result = strtod(copy, NULL);
		if (result == 0 ? d->first == NULL : fabs(result) > 1e-300 && fabs(result) < 1e300)
			return result;
	}
	value = jv_parse_sized(text, (int) len);
	result = jv_get_kind(value) == JV_KIND_NUMBER ? jv_number_value(value) : NAN;
	jv_free(value);
	return result;
}

static uint64_t
bits_of(double value)
{
	uint64_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

void
numbers_init(Numbers *numbers, const char *text)
{
	memset(numbers, 0, sizeof(*numbers));
	numbers->text = text;
}

void
numbers_free(Numbers *numbers)
{
	free(numbers->slots);
	memset(numbers, 0, sizeof(*numbers));
}

/* Of a member's name; never 0.  Where two names meet by chance nothing but a zero is at stake. */
static uint64_t
name_hash(const char *name, size_t len)
{
	uint64_t	hash = UINT64_C(0xCBF29CE484222325);

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char) name[i]) * UINT64_C(0x100000001B3);
	return hash | 1;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * The hash of the member's name that stands before a literal; 0 when it is an
 * array's element, or the name has escapes and would have to be decoded.
 */
static uint64_t
name_before(const char *text, size_t offset)
{
	size_t		end;
	size_t		start;

	while (offset > 0 && is_space(text[offset - 1]))
		offset--;
	if (offset == 0 || text[--offset] != ':')
		return 0;
	while (offset > 0 && is_space(text[offset - 1]))
		offset--;
	if (offset == 0 || text[--offset] != '"')
		return 0;
	end = start = offset;
	while (start > 0 && text[start - 1] != '"')
	{
		if (text[--start] == '\\')
			return 0;
	}
	return start == 0 || (start > 1 && text[start - 2] == '\\') ? 0 : name_hash(text + start, end - start);
}

/* All bits of the input reach the low ones: a small number's double has only zeros there. */
static uint64_t
mix(uint64_t bits)
{
	bits = (bits ^ bits >> 32) * UINT64_C(0x9E3779B97F4A7C15);
	return bits ^ bits >> 32;
}

/* The slot of these bits and this name, or the free one where they belong. */
static NumberEntry *
slot_of(NumberEntry *slots, size_t allocated, uint64_t bits, uint64_t name)
{
	size_t		i = (size_t) mix(bits ^ mix(name)) & (allocated - 1);

	while (slots[i].len > 0 && (slots[i].bits != bits || slots[i].name != name))
		i = (i + 1) & (allocated - 1);
	return &slots[i];
}

/* Keep at most half of the slots in use after two more. */
static bool
make_room(Numbers *numbers)
{
	size_t		allocated = numbers->allocated == 0 ? 64 : numbers->allocated * 2;
	NumberEntry *slots;

	if ((numbers->count + 2) * 2 <= numbers->allocated)
		return true;
	slots = calloc(allocated, sizeof(NumberEntry));
	if (slots == NULL)
		return false;
	for (size_t i = 0; i < numbers->allocated; i++)
	{
		const NumberEntry *entry = &numbers->slots[i];

		if (entry->len > 0)
			*slot_of(slots, allocated, entry->bits, entry->name) = *entry;
	}
	free(numbers->slots);
	numbers->slots = slots;
	numbers->allocated = allocated;
	return true;
}

static bool
refuse(Numbers *numbers, NumbersProblem problem, size_t offset, size_t other)
{
	numbers->problem = problem;
	numbers->problem_offset = offset;
	numbers->other_offset = other;
	return false;
}

/* Note the literal in its slot, unless one with as many digits is there. */
static void
note(Numbers *numbers, const NumberEntry *entry, size_t digits)
{
	NumberEntry *slot = slot_of(numbers->slots, numbers->allocated, entry->bits, entry->name);

	if (slot->len == 0)
		numbers->count++;
	else if (digits <= take_apart(numbers->text + slot->offset, slot->len).digits)
		return;
	*slot = *entry;
}

bool
numbers_add(void *arg, size_t offset, size_t len)
{
	Numbers    *numbers = arg;
	const char *literal = numbers->text + offset;
	Decimal		d = take_apart(literal, len);
	NumberEntry entry = {.offset = offset, .len = len};
	const NumberEntry *slot;

	if (d.extreme)
		return refuse(numbers, NUMBERS_EXTREME, offset, offset);
	if (!make_room(numbers))
		return refuse(numbers, NUMBERS_MEMORY, offset, offset);
	entry.bits = bits_of(double_of(literal, len, &d));
	slot = slot_of(numbers->slots, numbers->allocated, entry.bits, 0);
	if (slot->len > 0 && !numbers_equal(literal, len, numbers->text + slot->offset, slot->len))
		return refuse(numbers, NUMBERS_AMBIGUOUS, offset, slot->offset);
	note(numbers, &entry, d.digits);
	entry.name = name_before(numbers->text, offset);
	if (entry.name != 0)
		note(numbers, &entry, d.digits);
	return true;
}

/* The record's literal for a number that leaves under this name, or null. */
static const NumberEntry *
literal_of(const Numbers *numbers, uint64_t bits, const char *name, size_t name_len)
{
	const NumberEntry *slot;

	if (numbers->count == 0)
		return NULL;
	if (name != NULL)
	{
		slot = slot_of(numbers->slots, numbers->allocated, bits, name_hash(name, name_len));
		if (slot->len > 0)
			return slot;
	}
	slot = slot_of(numbers->slots, numbers->allocated, bits, 0);
	return slot->len > 0 ? slot : NULL;
}

bool
numbers_put(const Numbers *numbers, double value, const char *name, size_t name_len, AwsxBuf *buf)
{
	const NumberEntry *literal = literal_of(numbers, bits_of(value), name, name_len);
	char		digits[40];

	if (literal != NULL)
		return awsx_buf_append(buf, numbers->text + literal->offset, literal->len);
	if (!isfinite(value))
		return false;
	for (int precision = 15; precision <= 17; precision++)
	{
		snprintf(digits, sizeof(digits), "%.*g", precision, value);
		if (strtod(digits, NULL) == value)
			break;
	}
	return awsx_buf_puts(buf, digits);
}

static void
put_zeros(AwsxBuf *buf, int64_t count)
{
	while (count-- > 0)
		awsx_buf_putc(buf, '0');
}

/* The significant digits, with the point before the last "fraction" of them; 0: no point. */
static void
put_digits(const Decimal *d, int64_t fraction, AwsxBuf *buf)
{
	int64_t		left = (int64_t) d->significant;

	for (const char *p = d->first; left > 0; p++)
	{
		if (*p == '.')
			continue;
		if (left-- == fraction)
			awsx_buf_putc(buf, '.');
		awsx_buf_putc(buf, *p);
	}
}

static void
put_plain(const Decimal *d, AwsxBuf *buf)
{
	int64_t		digits = (int64_t) d->significant;

	if (d->first == NULL)
	{
		awsx_buf_putc(buf, '0');
		return;
	}
	if (d->negative)
		awsx_buf_putc(buf, '-');
	if (d->scale > PLAIN_ZEROS || d->scale < -digits - PLAIN_ZEROS)
	{
		put_digits(d, 0, buf);
		awsx_buf_printf(buf, "e%lld", (long long) d->scale);
		return;
	}
	if (d->scale <= -digits)
	{
		awsx_buf_puts(buf, "0.");
		put_zeros(buf, -digits - d->scale);
	}
	put_digits(d, d->scale < 0 && d->scale > -digits ? -d->scale : 0, buf);
	put_zeros(buf, d->scale);
}

void
numbers_put_plain(const char *literal, size_t len, AwsxBuf *buf)
{
	Decimal		d = take_apart(literal, len);

	put_plain(&d, buf);
}

bool
numbers_put_value(const Numbers *numbers, double value, AwsxBuf *buf)
{
	AwsxBuf		literal;
	bool		done;

	awsx_buf_init(&literal, 0);
	done = numbers_put(numbers, value, NULL, 0, &literal);
	if (done)
		numbers_put_plain(literal.data, literal.len, buf);
	else if (literal.failed)
		buf->failed = true;
	awsx_buf_free(&literal);
	return done && !buf->failed;
}
