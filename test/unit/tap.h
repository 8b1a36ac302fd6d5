/*
 * tap.h
 *	  A test program's few words: ok, is_str, is_int, and a closing plan, in
 *	  the Test Anything Protocol.
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int	tap_count;
static int	tap_failures;

__attribute__((format(printf, 2, 3)))
static inline bool
ok(bool condition, const char *name,...)
{
	va_list		args;

	printf("%sok %d - ", condition ? "" : "not ", ++tap_count);
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	if (!condition)
		tap_failures++;
	return condition;
}

static inline bool
is_str(const char *got, const char *expected, const char *name)
{
	bool		same = got != NULL && expected != NULL ? strcmp(got, expected) == 0 : got == expected;

	ok(same, "%s", name);
	if (!same)
		printf("#      got: %s\n# expected: %s\n", got ? got : "(null)", expected ? expected : "(null)");
	return same;
}

static inline bool
is_int(long long got, long long expected, const char *name)
{
	ok(got == expected, "%s", name);
	if (got != expected)
		printf("#      got: %lld\n# expected: %lld\n", got, expected);
	return got == expected;
}

/* The value for main to return. */
static inline int
tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failures == 0 ? 0 : 1;
}

#endif							/* TAP_H */
