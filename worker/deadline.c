/*
 * deadline.c
 *	  How long the current invocation may still wait.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <time.h>

#include "deadline.h"

#define REQUEST_TIMEOUT_MS 30000
#define SLICE_MS 500
#define NEAR_LEAST_MS 1000
#define NEAR_MOST_MS 20000

void
deadline_begin(Deadline *deadline, int64_t at_ms)
{
	int64_t		near = (at_ms - deadline->clock->wall_ms(deadline->clock->arg)) / 4;

	if (near < NEAR_LEAST_MS)
		near = NEAR_LEAST_MS;
	if (near > NEAR_MOST_MS)
		near = NEAR_MOST_MS;
	deadline->at_ms = at_ms;
	deadline->near_ms = at_ms > 0 ? at_ms - DEADLINE_RESERVE_MS - near : 0;
}

bool
deadline_is_near(const Deadline *deadline)
{
	return deadline->near_ms > 0 && deadline->clock->wall_ms(deadline->clock->arg) >= deadline->near_ms;
}

int
deadline_left_ms(const Deadline *deadline)
{
	int64_t		left = REQUEST_TIMEOUT_MS;

	if (deadline->go_on != NULL && !deadline->go_on(deadline->go_on_arg))
		return 0;
	if (deadline->at_ms > 0)
		left = deadline->at_ms - DEADLINE_RESERVE_MS - deadline->clock->wall_ms(deadline->clock->arg);
	if (left <= 0)
		return 0;
	return left < REQUEST_TIMEOUT_MS ? (int) left : REQUEST_TIMEOUT_MS;
}

bool
deadline_wait(void *arg, int fd, int timeout_ms)
{
	struct pollfd watched = {.fd = fd,.events = POLLIN};
	const Deadline *deadline = arg;
	int			left = deadline_left_ms(deadline);

	if (left == 0)
		return false;
	if (timeout_ms < 0 || timeout_ms > left)
		timeout_ms = left;
	if (deadline->go_on != NULL && timeout_ms > SLICE_MS)
		timeout_ms = SLICE_MS;
	return poll(&watched, 1, timeout_ms) >= 0 || errno == EINTR;
}

bool
deadline_sleep(const Deadline *deadline, int ms)
{
	if (deadline_left_ms(deadline) <= ms)
		return false;
	while (ms > 0)
	{
		int			slice = deadline->go_on != NULL && ms > SLICE_MS ? SLICE_MS : ms;
		struct timespec rest = {slice / 1000, (long) (slice % 1000) * 1000000};

		nanosleep(&rest, NULL);
		ms -= slice;
		if (ms > 0 && deadline_left_ms(deadline) == 0)
			return false;
	}
	return true;
}
