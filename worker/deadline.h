/*
 * deadline.h
 *	  How long the current invocation may still wait.
 *
 * A second before Lambda would kill the process the waiting ends, so that the
 * invocation can be answered with an error of its own.
 */
#ifndef DEADLINE_H
#define DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "../aws/clock.h"

#define DEADLINE_RESERVE_MS 1000	/* for the answer */

typedef struct Deadline
{
	const AwsxClock *clock;
	int64_t		at_ms;			/* Unix epoch, milliseconds; 0 = none */
	int64_t		near_ms;		/* set by deadline_begin */

	/* Asked twice a second while waiting: false ends it; null = always true. */
	bool		(*go_on) (void *arg);
	void	   *go_on_arg;
} Deadline;

/*
 * An invocation begins that ends at that time.  In the last quarter of its
 * time before the waiting ends, but for at least a second and at most 20, the
 * end is near: what is under way is finished, nothing more is begun.
 */
extern void deadline_begin(Deadline *deadline, int64_t at_ms);
extern bool deadline_is_near(const Deadline *deadline);

/* Milliseconds that one request may take now, at most 30 s; 0 = the time is over. */
extern int	deadline_left_ms(const Deadline *deadline);

/* An AwsxWait; arg is the Deadline.  False when the time is over. */
extern bool deadline_wait(void *arg, int fd, int timeout_ms);

/* False, at once, when the time would be over before. */
extern bool deadline_sleep(const Deadline *deadline, int ms);

#endif							/* DEADLINE_H */
