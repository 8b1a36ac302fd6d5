/*
 * sweep.h
 *	  Every allocation of an operation fails once: no crash, no leak, and
 *	  never a wrong result taken for a right one.
 *
 * An operation is run again and again; in its n-th run the n-th allocation
 * fails, until a run asks for fewer.  It returns true only when its result
 * is the right one.
 */
#ifndef SWEEP_H
#define SWEEP_H

#include "failing_memory.h"

#include <time.h>

#include "error.h"
#include "tap.h"

typedef bool (*Operation) (AwsxError *error);

static void
sweep(const char *name, Operation operation)
{
	AwsxError	error;
	long		live;
	long		leaked = 0;
	long		mute = 0;
	long		n = 0;

	memory_fail_at = 0;
	tzset();					/* what libc keeps of it is not left by a failure */
	awsx_error_clear(&error);
	ok(operation(&error) && operation(&error), "%s: as it should be", name);
	live = memory_live;
	do
	{
		bool		done;

		memory_asked = 0;
		memory_fail_at = ++n;
		awsx_error_clear(&error);
		done = operation(&error);
		memory_fail_at = 0;
		if (memory_live != live && leaked++ < 3)
			printf("# allocation %ld: %ld blocks are left\n", n, memory_live - live);
		live = memory_live;
		if (memory_asked >= n && !done && error.kind == AWSX_OK && mute++ < 3)
			printf("# allocation %ld: failed without an error\n", n);
		if (memory_asked < n && !ok(done, "%s: ... nor after the last failure", name))
			printf("# %s\n", error.message);
	} while (memory_asked >= n && n < 100000);
	ok(leaked == 0 && mute == 0, "%s: %ld allocations failed, one a run", name, n - 1);
}

/* Keys must not stay in memory that is given back, also when it only grows. */
static inline void
leaves_no_secret(const char *name, const char *secret, Operation operation)
{
	AwsxError	error;

	memory_fail_at = 0;
	memory_secret = secret;
	memory_unwiped = 0;
	ok(operation(&error), "%s: as it should be", name);
	memory_secret = NULL;
	is_int(memory_unwiped, 0, "... and nothing secret is left behind");
}

#endif							/* SWEEP_H */
