/*
 * stop.c
 *	  SIGTERM and SIGINT, as a question that is asked between steps and while
 *	  waiting.
 *
 * A signal may come between the question and the wait, so no wait is longer
 * than a slice.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "stop.h"

#define SLICE_MS 200

static volatile sig_atomic_t caught;
static bool overruled;

static void
note(int signal_number)
{
	caught = signal_number;
}

void
stop_catch(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = note;
	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

int
stop_signal(void)
{
	return caught;
}

bool
stop_nap(int ms)
{
	while (caught == 0 && ms > 0)
	{
		int			slice = ms < SLICE_MS ? ms : SLICE_MS;

		poll(NULL, 0, slice);
		ms -= slice;
	}
	return caught == 0;
}

bool
stop_wait(void *arg, int fd, int timeout_ms)
{
	struct pollfd watched = {.fd = fd,.events = POLLIN};

	(void) arg;
	if (caught != 0 && !overruled)
		return false;
	/* the caller looks for what there is to do and comes back */
	if (timeout_ms < 0 || timeout_ms > SLICE_MS)
		timeout_ms = SLICE_MS;
	return (poll(&watched, 1, timeout_ms) >= 0 || errno == EINTR) && (caught == 0 || overruled);
}

void
stop_overrule(void)
{
	overruled = true;
}
