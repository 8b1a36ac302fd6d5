/*
 * child.h
 *	  A child process whose output somebody reads without waiting for it;
 *	  inside aws/ only.
 */
#ifndef AWSX_CHILD_H
#define AWSX_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

typedef struct AwsxChild
{
	pid_t		pid;			/* 0 = there is none */
	int			output;			/* what it writes, does not block; -1 = closed */
	int			status;			/* of its end, as waitpid gives it */
} AwsxChild;

/*
 * Start a command with /bin/sh, as the leader of a process group of its own.
 * It inherits the environment, but no descriptor, signal mask or handler;
 * input and standard error are /dev/null.  False and *error (CREDENTIALS).
 */
extern bool awsx_child_start(AwsxChild *child, const char *command, AwsxError *error);

/*
 * Has it ended?  If so it is buried: pid is 0 and status set (0, too, where
 * the host process lets nobody ask for the status of its children).
 */
extern bool awsx_child_ended(AwsxChild *child);

/*
 * Kill it and all of its group, and close the output; allowed when there is
 * none.  A process that does not even die of SIGKILL is asked for again by
 * awsx_child_ended: then pid stays.
 */
extern void awsx_child_kill(AwsxChild *child);

#endif							/* AWSX_CHILD_H */
