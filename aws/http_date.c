/*
 * http_date.c
 *	  The date in an HTTP header, without strptime(3), which reads month
 *	  names in the host process's language.
 */
#include "http_date.h"

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

bool
awsx_http_date_ms(const char *text, int64_t *ms)
{
	int			day;
	int			month;
	int			year;
	int			hour;
	int			minute;
	int			second;

	if (text == NULL || strlen(text) != 29 || strncmp(text + 3, ", ", 2) != 0 ||
		text[7] != ' ' || text[11] != ' ' || text[16] != ' ' || text[19] != ':' ||
		text[22] != ':' || strcmp(text + 25, " GMT") != 0)
		return false;
	day = digits(text + 5, 2);
	month = month_number(text + 8);
	year = digits(text + 12, 4);
	hour = digits(text + 17, 2);
	minute = digits(text + 20, 2);
	second = digits(text + 23, 2);
	if (day < 1 || day > 31 || month == 0 || year < 1970 || hour < 0 || hour > 23 ||
		minute < 0 || minute > 59 || second < 0 || second > 60)
		return false;
	*ms = (days_since_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) * 1000;
	return true;
}
