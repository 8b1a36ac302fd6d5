/*
 * sigmask.h
 *	  A bracket in which no signal handler of the host process runs, neither
 *	  on this thread nor on one that a library makes inside.
 */
#ifndef AWSX_SIGMASK_H
#define AWSX_SIGMASK_H

#include <signal.h>

/* Block all signals but those of a crash. */
extern void awsx_sigmask_block(sigset_t *saved);

/* Back to the saved mask; a SIGPIPE of the bracket is dropped; errno is kept. */
extern void awsx_sigmask_restore(const sigset_t *saved);

#endif							/* AWSX_SIGMASK_H */
