/*
 * sigmask.c
 *	  Blocking signals around calls into a library.
 *
 * New threads inherit the mask of the moment they are made, and a signal for
 * the process goes to any thread that does not block it.  A library's
 * resolver thread that does not block them would run the host's handlers.
 */
#include "sigmask.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

void
awsx_sigmask_block(sigset_t *saved)
{
	static const int of_a_crash[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
	sigset_t	blocked;

	sigfillset(&blocked);
	for (size_t i = 0; i < sizeof(of_a_crash) / sizeof(of_a_crash[0]); i++)
		sigdelset(&blocked, of_a_crash[i]);
	(void) pthread_sigmask(SIG_BLOCK, &blocked, saved);
}

/*
 * A write to a connection that the peer closed may raise SIGPIPE (older
 * TLS back ends write without MSG_NOSIGNAL).  The write's own error says
 * enough; left pending, the signal would end a host that does not ignore it.
 */
void
awsx_sigmask_restore(const sigset_t *saved)
{
	static const struct timespec at_once = {0, 0};
	int			saved_errno = errno;
	sigset_t	broken_pipe;

	if (sigismember(saved, SIGPIPE) == 0)
	{
		sigemptyset(&broken_pipe);
		sigaddset(&broken_pipe, SIGPIPE);
		(void) sigtimedwait(&broken_pipe, NULL, &at_once);
	}
	(void) pthread_sigmask(SIG_SETMASK, saved, NULL);
	errno = saved_errno;
}
