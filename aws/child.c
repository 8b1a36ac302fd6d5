/*
 * child.c
 *	  A child process whose output somebody reads without waiting for it.
 *
 * The host may be a PostgreSQL process, so everything of it must stay out of
 * the child: posix_spawn gives the default action to every signal, an empty
 * mask and only three descriptors, before the shell runs.  It forks as
 * vfork(2) does, without a copy of the page tables, however much memory is
 * shared.  A group of its own keeps the host's signals to its group away
 * from the child, and lets what the shell started be killed with it.
 *
 * Only waitpid for this very pid is used, and no handler: the host has its
 * own children and its own idea of SIGCHLD.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE				/* pipe2, closefrom */
#endif
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 34)
#define HAVE_CLOSEFROM
#endif
#endif
#ifndef HAVE_CLOSEFROM
#include <dirent.h>
#include <stdlib.h>
#endif

#define DYING_MS 200

extern char **environ;

/* All descriptors but the three that were arranged. */
static int
close_others(posix_spawn_file_actions_t *actions)
{
#ifdef HAVE_CLOSEFROM
	return posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
#else
	DIR		   *open_ones = opendir("/proc/self/fd");
	const struct dirent *entry;
	int			result = open_ones == NULL ? errno : 0;

	while (result == 0 && (entry = readdir(open_ones)) != NULL)
	{
		int			fd = atoi(entry->d_name);

		if (fd > STDERR_FILENO)
			result = posix_spawn_file_actions_addclose(actions, fd);
	}
	if (open_ones != NULL)
		closedir(open_ones);
	return result;
#endif
}

/* The output first: it may have the number that another one gets. */
static int
arrange_descriptors(posix_spawn_file_actions_t *actions, int output)
{
	int			result = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);

	if (result == 0)
		result = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (result == 0)
		result = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	return result != 0 ? result : close_others(actions);
}

static int
arrange_signals(posix_spawnattr_t *attributes)
{
	sigset_t	all;
	sigset_t	none;
	int			result;

	sigfillset(&all);
	sigemptyset(&none);
	result = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	if (result == 0)
		result = posix_spawnattr_setsigdefault(attributes, &all);
	if (result == 0)
		result = posix_spawnattr_setsigmask(attributes, &none);
	return result != 0 ? result : posix_spawnattr_setpgroup(attributes, 0);
}

/* An errno, or 0. */
static int
spawn(pid_t *pid, const char *command, int output)
{
	char	   *const arguments[] = {"sh", "-c", (char *) command, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int			result = posix_spawn_file_actions_init(&actions);

	if (result != 0)
		return result;
	result = posix_spawnattr_init(&attributes);
	if (result == 0)
	{
		result = arrange_descriptors(&actions, output);
		if (result == 0)
			result = arrange_signals(&attributes);
		if (result == 0)
			result = posix_spawn(pid, "/bin/sh", &actions, &attributes, arguments, environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return result;
}

bool
awsx_child_start(AwsxChild *child, const char *command, AwsxError *error)
{
	int			ends[2];
	int			result;

	child->pid = 0;
	child->output = -1;
	child->status = 0;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return awsx_error_set(error, AWSX_ERR_CREDENTIALS, "cannot make a pipe: %s", strerror(errno));
	result = fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 ? spawn(&child->pid, command, ends[1]) : errno;
	(void) close(ends[1]);
	if (result == 0)
	{
		child->output = ends[0];
		return true;
	}
	(void) close(ends[0]);
	child->pid = 0;
	return awsx_error_set(error, AWSX_ERR_CREDENTIALS, "cannot run /bin/sh: %s", strerror(result));
}

bool
awsx_child_ended(AwsxChild *child)
{
	int			status = 0;
	pid_t		pid;

	if (child->pid == 0)
		return true;
	pid = waitpid(child->pid, &status, WNOHANG);
	if (pid == 0 || (pid < 0 && errno == EINTR))
		return false;
	child->status = pid > 0 ? status : 0;
	child->pid = 0;
	return true;
}

/* SIGKILL works at once, but for a process that waits for a broken disk. */
void
awsx_child_kill(AwsxChild *child)
{
	struct timespec a_millisecond = {0, 1000000};

	if (child->output >= 0)
		(void) close(child->output);
	child->output = -1;
	if (awsx_child_ended(child))
		return;
	(void) kill(-child->pid, SIGKILL);
	for (int i = 0; i < DYING_MS && !awsx_child_ended(child); i++)
		(void) nanosleep(&a_millisecond, NULL);
}
