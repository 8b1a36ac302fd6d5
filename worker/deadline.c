/*
 * deadline.c
 *	  How long the current invocation may still wait.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <time.h>

#include "deadline.h"

#define ANSWER_RESERVE_MS 1000
#define REQUEST_TIMEOUT_MS 30000

int
deadline_left_ms(const Deadline *deadline)
{
	int64_t		left = REQUEST_TIMEOUT_MS;

	if (deadline->at_ms > 0)
		left = deadline->at_ms - ANSWER_RESERVE_MS - deadline->clock->wall_ms(deadline->clock->arg);
	if (left <= 0)
		return 0;
	return left < REQUEST_TIMEOUT_MS ? (int) left : REQUEST_TIMEOUT_MS;
}

bool
deadline_wait(void *arg, int fd, int timeout_ms)
{
	struct pollfd watched = {.fd = fd,.events = POLLIN};
	int			left = deadline_left_ms(arg);

	if (left == 0)
		return false;
	if (timeout_ms < 0 || timeout_ms > left)
		timeout_ms = left;
	return poll(&watched, 1, timeout_ms) >= 0 || errno == EINTR;
}

bool
deadline_sleep(const Deadline *deadline, int ms)
{
	struct timespec rest = {ms / 1000, (long) (ms % 1000) * 1000000};

	if (deadline_left_ms(deadline) <= ms)
		return false;
	nanosleep(&rest, NULL);
	return true;
}
