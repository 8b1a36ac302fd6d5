/*
 * clock.h
 *		The lab's time, and whatever waits for a moment in it.
 */
#ifndef LAB_CLOCK_H
#define LAB_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "table.h"

#define CLOCK_NEVER		INT64_MAX

/* Embed it, zero-initialised; fire runs in the main loop, outside the heap. */
typedef struct Timer
{
	HeapNode	node;
	void		(*fire) (struct Timer *timer);
} Timer;

void		clock_init(bool stands_still);
bool		clock_stands_still(void);

/* Epoch milliseconds: the lab's, and the machine's (signatures are held against it). */
int64_t		clock_now_ms(void);
int64_t		clock_real_ms(void);
int64_t		clock_real_us(void);

/* Moves the lab's time forward; timers that became due fire at the next clock_run. */
void		clock_advance(int64_t ms);

void		timer_set(Timer *timer, int64_t due_ms);
void		timer_cancel(Timer *timer);

/* Fires all that is due; a timer set meanwhile for now fires too. */
void		clock_run(void);

/* Real milliseconds until the next timer is due; -1 when nothing will come by itself. */
int			clock_wait_ms(void);

#endif
