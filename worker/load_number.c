/*
 * load_number.c
 *	  Numbers as the text of a column, digit by digit.
 *
 * No value goes through a double.  A decimal with more digits than its
 * column's scale is rounded here, half away from zero as PostgreSQL does, and
 * never left to Redshift, whose INSERT rounds and whose COPY cuts off.
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/text.h"
#include "load_value_work.h"

/* Sign, digits around a point, exponent: slices of the text. */
typedef struct Literal
{
	bool		negative;
	LoadText	whole;
	LoadText	fraction;
	bool		has_point;
	bool		has_exponent;
	long long	exponent;		/* held within +-INT_MAX */
} Literal;

static LoadText
take_digits(const char **at, const char *end)
{
	LoadText	digits = {*at, 0};

	while (*at < end && awsx_text_is_digit(**at))
		(*at)++;
	digits.len = (size_t) (*at - digits.start);
	return digits;
}

static bool
take_sign(const char **at, const char *end)
{
	bool		negative = *at < end && **at == '-';

	if (*at < end && (**at == '-' || **at == '+'))
		(*at)++;
	return negative;
}

static bool
take_exponent(const char **at, const char *end, Literal *literal)
{
	bool		negative;
	LoadText	digits;

	(*at)++;
	negative = take_sign(at, end);
	digits = take_digits(at, end);
	for (size_t i = 0; i < digits.len && literal->exponent < INT_MAX; i++)
		literal->exponent = literal->exponent * 10 + (digits.start[i] - '0');
	if (literal->exponent > INT_MAX)
		literal->exponent = INT_MAX;
	if (negative)
		literal->exponent = -literal->exponent;
	literal->has_exponent = true;
	return digits.len > 0;
}

/* The number in the text, with white space around it; false: it is none. */
static bool
read_literal(LoadText text, Literal *literal)
{
	LoadText	number = load_trimmed(text);
	const char *at = number.start;
	const char *end = at + number.len;

	memset(literal, 0, sizeof(*literal));
	literal->negative = take_sign(&at, end);
	literal->whole = take_digits(&at, end);
	if (at < end && *at == '.')
	{
		at++;
		literal->has_point = true;
		literal->fraction = take_digits(&at, end);
	}
	if (literal->whole.len + literal->fraction.len == 0)
		return false;
	if (at < end && (*at == 'e' || *at == 'E') && !take_exponent(&at, end, literal))
		return false;
	return at == end;
}

/* ---- integers ---- */

static int64_t
greatest_of(const AwsxRedshiftType *type)
{
	if (type->kind == AWSX_REDSHIFT_SMALLINT)
		return INT16_MAX;
	return type->kind == AWSX_REDSHIFT_INTEGER ? INT32_MAX : INT64_MAX;
}

/* The digits' value; false: above max. */
static bool
digits_value(LoadText digits, uint64_t max, uint64_t *value)
{
	*value = 0;
	for (size_t i = 0; i < digits.len; i++)
	{
		uint64_t	digit = (uint64_t) (digits.start[i] - '0');

		if (*value > (max - digit) / 10)
			return false;
		*value = *value * 10 + digit;
	}
	return true;
}

bool
load_integer(const AwsxRedshiftType *type, LoadText text, AwsxBuf *out, LoadProblem *problem)
{
	int64_t		greatest = greatest_of(type);
	Literal		literal;
	uint64_t	value;

	if (!read_literal(text, &literal) || literal.has_point || literal.has_exponent)
		return load_refuse(problem, "InvalidValue", text, "is no integer: digits, after a sign if need be, without a point and an exponent");
	if (!digits_value(literal.whole, (uint64_t) greatest + literal.negative, &value))
		return load_refuse(problem, "OutOfRange", text, "is out of range: the column holds %lld to %lld",
						   (long long) -greatest - 1, (long long) greatest);
	return awsx_buf_printf(out, "%s%llu", literal.negative && value > 0 ? "-" : "", (unsigned long long) value);
}

/* ---- decimals ---- */

/* The literal's digits in a row, point and leading zeros left out. */
typedef struct Digits
{
	Literal		literal;
	long long	first;			/* place of the first that is not 0; -1: there is none */
	long long	point;			/* the value's point stands before the digit of this place */
} Digits;

static char
digit_at(const Digits *digits, long long place)
{
	long long	whole = (long long) digits->literal.whole.len;

	if (place < 0)
		return '0';
	if (place < whole)
		return digits->literal.whole.start[place];
	if (digits->literal.fraction.start != NULL && place - whole < (long long) digits->literal.fraction.len)
		return digits->literal.fraction.start[place - whole];
	return '0';
}

static void
line_up(Digits *digits)
{
	long long	count = (long long) digits->literal.whole.len + (long long) digits->literal.fraction.len;

	digits->point = (long long) digits->literal.whole.len + digits->literal.exponent;
	digits->first = 0;
	while (digits->first < count && digit_at(digits, digits->first) == '0')
		digits->first++;
	if (digits->first == count)
		digits->first = -1;
}

/* One more in the last place of digits that have room before them. */
static void
round_up(char *unscaled, int *count)
{
	int			i = *count - 1;

	while (i >= 0 && unscaled[i] == '9')
		unscaled[i--] = '0';
	if (i >= 0)
	{
		unscaled[i]++;
		return;
	}
	memmove(unscaled + 1, unscaled, *count);
	unscaled[0] = '1';
	(*count)++;
}

/*
 * The value times ten to the scale, rounded, as digits without leading zeros;
 * none for 0.  False: more than the precision.
 */
static bool
scaled_digits(const Digits *digits, const AwsxRedshiftType *type, char *unscaled, int *count)
{
	long long	end = digits->point + type->scale;

	*count = 0;
	if (digits->first < 0 || end < digits->first)
		return true;
	if (end - digits->first > type->precision)
		return false;
	while (digits->first + *count < end)
	{
		unscaled[*count] = digit_at(digits, digits->first + *count);
		(*count)++;
	}
	if (digit_at(digits, end) >= '5')
		round_up(unscaled, count);
	return *count <= type->precision;
}

/* Digits with the point where it belongs, and as many behind it as the scale says. */
static bool
put_decimal(AwsxBuf *out, bool negative, const char *unscaled, int count, int scale)
{
	if (negative && count > 0)
		awsx_buf_putc(out, '-');
	if (count <= scale)
		awsx_buf_putc(out, '0');
	else
		awsx_buf_append(out, unscaled, (size_t) (count - scale));
	if (scale == 0)
		return !out->failed;
	awsx_buf_putc(out, '.');
	for (int i = count; i < scale; i++)
		awsx_buf_putc(out, '0');
	if (count > scale)
		return awsx_buf_append(out, unscaled + count - scale, (size_t) scale);
	return awsx_buf_append(out, unscaled, (size_t) count);
}

bool
load_decimal(const AwsxRedshiftType *type, LoadText text, AwsxBuf *out, LoadProblem *problem)
{
	char		unscaled[AWSX_REDSHIFT_MAX_PRECISION + 2];
	Digits		digits = {0};
	int			count;

	if (!read_literal(text, &digits.literal))
		return load_refuse(problem, "InvalidValue", text, "is no decimal number");
	line_up(&digits);
	/* PostgreSQL's own limit, which holds for 0 as well */
	if (digits.literal.exponent >= INT_MAX / 2 || digits.literal.exponent <= -(INT_MAX / 2) ||
		!scaled_digits(&digits, type, unscaled, &count))
		return load_refuse(problem, "OutOfRange", text, "is out of range: DECIMAL(%d,%d) holds %d digits before the point",
						   type->precision, type->scale, type->precision - type->scale);
	return put_decimal(out, digits.literal.negative, unscaled, count, type->scale);
}

bool
load_number_is_exact(LoadText literal)
{
	Digits		digits = {0};
	long long	last;
	long long	whole;
	long long	scale;

	if (!read_literal(literal, &digits.literal))
		return false;
	line_up(&digits);
	if (digits.first < 0)
		return digits.literal.fraction.len <= AWSX_REDSHIFT_MAX_SCALE;
	last = (long long) digits.literal.whole.len + (long long) digits.literal.fraction.len - 1;
	while (digit_at(&digits, last) == '0')
		last--;
	whole = digits.point > digits.first ? digits.point - digits.first : 0;
	scale = last + 1 > digits.point ? last + 1 - digits.point : 0;
	return scale <= AWSX_REDSHIFT_MAX_SCALE && whole + scale <= AWSX_REDSHIFT_MAX_PRECISION;
}

/* ---- floats ---- */

/*
 * Too large, or so small that nothing would be left?  The double is only
 * asked for that.  False as well where memory ends, with *failed.
 */
static bool
float_fits(const AwsxRedshiftType *type, LoadText number, bool *failed)
{
	char	   *copy = strndup(number.start, number.len);
	double		value;

	*failed = copy == NULL;
	if (copy == NULL)
		return false;
	errno = 0;
	value = type->kind == AWSX_REDSHIFT_REAL ? strtof(copy, NULL) : strtod(copy, NULL);
	free(copy);
	return errno != ERANGE || (value != 0 && isfinite(value));
}

bool
load_float(const AwsxRedshiftType *type, LoadText text, AwsxBuf *out, LoadProblem *problem)
{
	LoadText	number = load_trimmed(text);
	Literal		literal;
	bool		failed;

	if (!read_literal(text, &literal))
		return load_refuse(problem, "InvalidValue", text, "is no number");
	if (!float_fits(type, number, &failed))
	{
		if (!failed)
			return load_refuse(problem, "OutOfRange", text, "is out of range for %s",
							   type->kind == AWSX_REDSHIFT_REAL ? "REAL" : "DOUBLE PRECISION");
		out->failed = true;
		problem->code = NULL;
		return false;
	}
	if (number.start[0] == '+')
		return awsx_buf_append(out, number.start + 1, number.len - 1);
	return awsx_buf_append(out, number.start, number.len);
}
