/*
 * date.c
 *	  Dates in answers, without strptime(3), which reads month names in the
 *	  host process's language.
 */
#include "date.h"

#include <stddef.h>
#include <string.h>

#include "text.h"

/* Digits at a place as a number, or -1. */
static int
digits(const char *text, int count)
{
	int			number = 0;

	for (int i = 0; i < count; i++)
	{
		if (!awsx_text_is_digit(text[i]))
			return -1;
		number = number * 10 + (text[i] - '0');
	}
	return number;
}

/* 1..12, or 0. */
static int
month_number(const char *text)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
	{
		if (strncmp(text, names + 3 * (size_t) i, 3) == 0)
			return i + 1;
	}
	return 0;
}

/* Days since 1970-01-01; a year that begins in March puts leap days last. */
static int64_t
days_since_epoch(int year, int month, int day)
{
	int64_t		y = month > 2 ? year : year - 1;
	int64_t		day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return 365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

/* A date and a time of day, each part from digits() and so -1 when it has none. */
typedef struct Moment
{
	int			year;
	int			month;
	int			day;
	int			hour;
	int			minute;
	int			second;			/* 60 in a leap second */
} Moment;

static int
days_in_month(int year, int month)
{
	bool		leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (month == 2)
		return leap ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static bool
moment_ms(const Moment *m, int64_t *ms)
{
	if (m->year < 1970 || m->month < 1 || m->month > 12 || m->day < 1 ||
		m->day > days_in_month(m->year, m->month) || m->hour < 0 || m->hour > 23 ||
		m->minute < 0 || m->minute > 59 || m->second < 0 || m->second > 60)
		return false;
	*ms = (days_since_epoch(m->year, m->month, m->day) * 86400 + m->hour * 3600 +
		   m->minute * 60 + m->second) * 1000;
	return true;
}

bool
awsx_http_date_ms(const char *text, int64_t *ms)
{
	Moment		m;

	if (text == NULL || strlen(text) != 29 || strncmp(text + 3, ", ", 2) != 0 ||
		text[7] != ' ' || text[11] != ' ' || text[16] != ' ' || text[19] != ':' ||
		text[22] != ':' || strcmp(text + 25, " GMT") != 0)
		return false;
	m = (Moment) {
		.year = digits(text + 12, 4), .month = month_number(text + 8), .day = digits(text + 5, 2),
		.hour = digits(text + 17, 2), .minute = digits(text + 20, 2), .second = digits(text + 23, 2)
	};
	return moment_ms(&m, ms);
}

/* Take ".123456" from *at, if it is there, as milliseconds; what is finer is cut. */
static bool
skip_fraction(const char **at, int64_t *ms)
{
	int			scale = 100;

	*ms = 0;
	if (**at != '.')
		return true;
	(*at)++;
	if (!awsx_text_is_digit(**at))
		return false;
	for (; awsx_text_is_digit(**at); (*at)++, scale /= 10)
		*ms += (int64_t) scale * (**at - '0');
	return true;
}

/* "Z", "+01:00" or "+0100", and nothing after it, as milliseconds east of UTC. */
static bool
zone_ms(const char *text, int64_t *ms)
{
	const char *minutes = text + 3;
	int			hour;
	int			minute;

	*ms = 0;
	if (strcmp(text, "Z") == 0)
		return true;
	if ((text[0] != '+' && text[0] != '-') || strlen(text) < 5)
		return false;
	if (*minutes == ':')
		minutes++;
	hour = digits(text + 1, 2);
	minute = strlen(minutes) == 2 ? digits(minutes, 2) : -1;
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59)
		return false;
	*ms = (int64_t) (hour * 60 + minute) * (text[0] == '-' ? -60000 : 60000);
	return true;
}

bool
awsx_iso_date_ms(const char *text, int64_t *ms)
{
	const char *at;
	int64_t		fraction;
	int64_t		zone;
	Moment		m;

	if (text == NULL || strlen(text) < 20 || text[4] != '-' || text[7] != '-' ||
		text[10] != 'T' || text[13] != ':' || text[16] != ':')
		return false;
	m = (Moment) {
		.year = digits(text, 4), .month = digits(text + 5, 2), .day = digits(text + 8, 2),
		.hour = digits(text + 11, 2), .minute = digits(text + 14, 2), .second = digits(text + 17, 2)
	};
	at = text + 19;
	if (!moment_ms(&m, ms) || !skip_fraction(&at, &fraction) || !zone_ms(at, &zone))
		return false;
	*ms += fraction - zone;
	return true;
}
