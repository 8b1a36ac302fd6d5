/*
 * load_time.c
 *	  Dates and times as the text of a column.
 *
 * Read is what ISO 8601 and PostgreSQL have in common; what a session's
 * settings or a table of time zones would have a say in is refused.  As in
 * PostgreSQL, with TimeZone UTC: without an offset it is UTC; a TIMESTAMP and
 * a DATE take what the clock on the wall showed and leave the offset out;
 * 24:00:00 and a leap second's begin are the moment after them.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/text.h"
#include "load_value_work.h"

#define DAY_SECONDS 86400
#define SECOND_MICROS INT64_C(1000000)
#define DAY_MICROS (DAY_SECONDS * SECOND_MICROS)
#define LONGEST 64				/* bytes: PostgreSQL ends at 128, a fraction has meaning for less */

typedef struct Clock
{
	int			year;
	int			month;
	int			day;
	int			hour;
	int			minute;
	int			second;
	int			micros;			/* 1000000 when rounded up */
	int			offset;			/* seconds east of UTC */
} Clock;

typedef struct Cursor
{
	const char *at;
	const char *end;
} Cursor;

static char
peek(const Cursor *cursor)
{
	return cursor->at < cursor->end ? *cursor->at : '\0';
}

static bool
take(Cursor *cursor, char c)
{
	if (peek(cursor) != c)
		return false;
	cursor->at++;
	return true;
}

static size_t
digits_ahead(const Cursor *cursor)
{
	const char *at = cursor->at;

	while (at < cursor->end && awsx_text_is_digit(*at))
		at++;
	return (size_t) (at - cursor->at);
}

/* So many digits. */
static int
take_number(Cursor *cursor, size_t count)
{
	int			value = 0;

	while (count-- > 0)
		value = value * 10 + (*cursor->at++ - '0');
	return value;
}

/* One or two digits; false: there are none, or more. */
static bool
take_short(Cursor *cursor, int *value)
{
	size_t		count = digits_ahead(cursor);

	if (count < 1 || count > 2)
		return false;
	*value = take_number(cursor, count);
	return true;
}

/* 2026-01-31, 2026-1-31 or 20260131 */
static bool
take_date(Cursor *cursor, Clock *clock)
{
	size_t		count = digits_ahead(cursor);

	if (count != 4 && count != 8)
		return false;
	clock->year = take_number(cursor, 4);
	if (count == 4)
		return take(cursor, '-') && take_short(cursor, &clock->month) &&
			take(cursor, '-') && take_short(cursor, &clock->day);
	clock->month = take_number(cursor, 2);
	clock->day = take_number(cursor, 2);
	return true;
}

/*
 * .123456789 behind the seconds.  Rounded with PostgreSQL's own arithmetic
 * (ParseFractionalSecond), or the two databases would have different
 * microseconds; what stands in the first six digits is exact in it.
 */
static bool
take_fraction(Cursor *cursor, Clock *clock)
{
	char		text[LONGEST + 1];
	size_t		count;

	if (!take(cursor, '.'))
		return true;
	count = digits_ahead(cursor);
	if (count == 0)
		return false;
	text[0] = '.';
	memcpy(text + 1, cursor->at, count);
	text[count + 1] = '\0';
	cursor->at += count;
	clock->micros = (int) rint(strtod(text, NULL) * 1000000);
	return true;
}

/* 23:59, 23:59:58.123456, 2359 or 235958.123456 */
static bool
take_time(Cursor *cursor, Clock *clock)
{
	size_t		count = digits_ahead(cursor);

	if (count == 4 || count == 6)
	{
		clock->hour = take_number(cursor, 2);
		clock->minute = take_number(cursor, 2);
		if (count == 4)
			return true;
		clock->second = take_number(cursor, 2);
		return take_fraction(cursor, clock);
	}
	if (!take_short(cursor, &clock->hour) || !take(cursor, ':') || !take_short(cursor, &clock->minute))
		return false;
	if (!take(cursor, ':'))
		return true;
	return take_short(cursor, &clock->second) && take_fraction(cursor, clock);
}

/* +1, +01, +0130, +01:30 or +01:30:15, behind the sign */
static bool
take_offset(Cursor *cursor, int *offset)
{
	size_t		count = digits_ahead(cursor);
	int			hours;
	int			minutes = 0;
	int			seconds = 0;

	if (count < 1 || count > 4)
		return false;
	hours = take_number(cursor, count);
	if (count > 2)
	{
		minutes = hours % 100;
		hours /= 100;
	}
	else if (take(cursor, ':'))
	{
		if (!take_short(cursor, &minutes) || (take(cursor, ':') && !take_short(cursor, &seconds)))
			return false;
	}
	*offset = hours * 3600 + minutes * 60 + seconds;
	return hours <= 15 && minutes < 60 && seconds < 60;
}

static bool
take_word(Cursor *cursor, const char *word)
{
	size_t		len = strlen(word);

	if ((size_t) (cursor->end - cursor->at) != len)
		return false;
	for (size_t i = 0; i < len; i++)
	{
		if (awsx_text_upper(cursor->at[i]) != word[i])
			return false;
	}
	cursor->at += len;
	return true;
}

static void
skip_space(Cursor *cursor)
{
	while (peek(cursor) == ' ')
		cursor->at++;
}

/* Whatever stands behind the time, to the end. */
static bool
take_zone(Cursor *cursor, Clock *clock)
{
	skip_space(cursor);
	if (cursor->at == cursor->end || take_word(cursor, "Z") || take_word(cursor, "UTC") || take_word(cursor, "GMT"))
		return true;
	if (take(cursor, '+'))
		return take_offset(cursor, &clock->offset) && cursor->at == cursor->end;
	if (!take(cursor, '-') || !take_offset(cursor, &clock->offset))
		return false;
	clock->offset = -clock->offset;
	return cursor->at == cursor->end;
}

static bool
read_clock(LoadText text, Clock *clock)
{
	LoadText	trimmed = load_trimmed(text);
	Cursor		cursor = {trimmed.start, trimmed.start + trimmed.len};

	memset(clock, 0, sizeof(*clock));
	if (trimmed.len > LONGEST || !take_date(&cursor, clock))
		return false;
	if (cursor.at == cursor.end)
		return true;
	if (peek(&cursor) == ' ')
		skip_space(&cursor);
	else if (!take(&cursor, 'T') && !take(&cursor, 't'))
		return false;
	return take_time(&cursor, clock) && take_zone(&cursor, clock);
}

/* ---- the calendar ---- */

static bool
is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int
month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && is_leap(year));
}

static bool
exists(const Clock *clock)
{
	if (clock->year < 1 || clock->month < 1 || clock->month > 12 || clock->day < 1 ||
		clock->day > month_days(clock->year, clock->month))
		return false;
	if (clock->hour == 24)
		return clock->minute == 0 && clock->second == 0 && clock->micros == 0;
	if (clock->second == 60 && clock->micros > 0)
		return false;
	return clock->hour < 24 && clock->minute < 60 && clock->second <= 60;
}

/* Days before the first of January of a year, from year 1 on. */
static int64_t
days_before_year(int64_t year)
{
	int64_t		past = year - 1;

	return past * 365 + past / 4 - past / 100 + past / 400;
}

static int64_t
day_number(int year, int month, int day)
{
	int64_t		days = days_before_year(year);

	for (int m = 1; m < month; m++)
		days += month_days(year, m);
	return days + day - 1;
}

/* The microseconds of a moment since the year 1. */
static int64_t
micros_of(const Clock *clock)
{
	return day_number(clock->year, clock->month, clock->day) * DAY_MICROS +
		(clock->hour * 3600 + clock->minute * 60 + clock->second - clock->offset) * SECOND_MICROS + clock->micros;
}

/* False: outside of the years 1 to 9999. */
static bool
clock_of(int64_t micros, Clock *clock)
{
	int64_t		days = micros / DAY_MICROS;
	int64_t		rest = micros % DAY_MICROS;

	if (micros < 0 || days >= days_before_year(10000))
		return false;
	clock->year = (int) (days / 366) + 1;
	while (days_before_year(clock->year + 1) <= days)
		clock->year++;
	days -= days_before_year(clock->year);
	clock->month = 1;
	while (days >= month_days(clock->year, clock->month))
		days -= month_days(clock->year, clock->month++);
	clock->day = (int) days + 1;
	clock->micros = (int) (rest % SECOND_MICROS);
	rest /= SECOND_MICROS;
	clock->hour = (int) (rest / 3600);
	clock->minute = (int) (rest / 60 % 60);
	clock->second = (int) (rest % 60);
	return true;
}

static bool
put_clock(AwsxBuf *out, const Clock *clock, bool with_zone)
{
	awsx_buf_printf(out, "%04d-%02d-%02d %02d:%02d:%02d", clock->year, clock->month, clock->day,
					clock->hour, clock->minute, clock->second);
	if (clock->micros > 0)
	{
		awsx_buf_printf(out, ".%06d", clock->micros);
		while (!out->failed && out->data[out->len - 1] == '0')
			out->data[--out->len] = '\0';
	}
	return awsx_buf_puts(out, with_zone ? "+00" : "");
}

static bool
refuse(const AwsxRedshiftType *type, LoadJsonKind kind, LoadText text, LoadProblem *problem)
{
	const char *spelling = type->kind == AWSX_REDSHIFT_DATE ? "2026-01-31" : "2026-01-31T23:59:58.123456+01:00";

	if (kind == LOAD_JSON_NUMBER)
		return load_refuse(problem, "InvalidValue", text, "is a number; an epoch says neither its unit nor that it is one: send ISO 8601 text such as %s",
						   spelling);
	return load_refuse(problem, "InvalidValue", text, "is not a %s in ISO 8601, such as %s",
					   type->kind == AWSX_REDSHIFT_DATE ? "date" : "time", spelling);
}

bool
load_time(const AwsxRedshiftType *type, LoadJsonKind kind, LoadText text, AwsxBuf *out, LoadProblem *problem)
{
	Clock		clock;

	if (!read_clock(text, &clock))
		return refuse(type, kind, text, problem);
	if (!exists(&clock))
		return load_refuse(problem, "OutOfRange", text, "does not exist on the calendar or the clock");
	if (type->kind == AWSX_REDSHIFT_DATE)
		return awsx_buf_printf(out, "%04d-%02d-%02d", clock.year, clock.month, clock.day);
	if (type->kind == AWSX_REDSHIFT_TIMESTAMP)
		clock.offset = 0;
	if (!clock_of(micros_of(&clock), &clock))
		return load_refuse(problem, "OutOfRange", text, "is outside of the years 1 to 9999");
	return put_clock(out, &clock, type->kind == AWSX_REDSHIFT_TIMESTAMPTZ);
}
