/*
 * clock.c
 *		The lab's time, and whatever waits for a moment in it.
 *
 * Lab time is the wall clock plus an offset, or, when it stands still, the
 * moment of the start plus the offset.  Only clock_advance changes the offset,
 * and only forwards.  Everything that waits (long polls, deadlines, retries,
 * delayed answers) is a Timer in one heap, so that moving the clock moves all.
 */
#include "clock.h"

#include <time.h>

static int64_t offset_ms;
static int64_t frozen_at_ms;	/* 0: the clock runs */
static Heap timers;

void
clock_init(bool stands_still)
{
	frozen_at_ms = stands_still ? clock_real_ms() : 0;
}

bool
clock_stands_still(void)
{
	return frozen_at_ms != 0;
}

int64_t
clock_real_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
clock_real_ms(void)
{
	return clock_real_us() / 1000;
}

int64_t
clock_now_ms(void)
{
	return (frozen_at_ms != 0 ? frozen_at_ms : clock_real_ms()) + offset_ms;
}

void
clock_advance(int64_t ms)
{
	offset_ms += ms;
}

void
timer_set(Timer *timer, int64_t due_ms)
{
	heap_set(&timers, &timer->node, due_ms);
}

void
timer_cancel(Timer *timer)
{
	heap_remove(&timers, &timer->node);
}

void
clock_run(void)
{
	HeapNode   *first;

	while ((first = heap_first(&timers)) != NULL && first->key <= clock_now_ms())
	{
		Timer	   *timer = (Timer *) first;	/* node is its first member */

		heap_remove(&timers, first);
		timer->fire(timer);
	}
}

int
clock_wait_ms(void)
{
	HeapNode   *first = heap_first(&timers);
	int64_t		wait;

	if (first == NULL)
		return -1;
	wait = first->key - clock_now_ms();
	if (wait <= 0)
		return 0;
	if (clock_stands_still())
		return -1;
	return wait < 3600000 ? (int) wait : 3600000;
}
