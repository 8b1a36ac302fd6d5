/*
 * lambda_process.c
 *		The process of a function, once a test has told the lab which it is.
 *
 * Lambda keeps a process running only while it has work, and kills it at the
 * deadline; the lab does the same to the process it was told of:
 *
 *	runs -> frozen	it waits in "next" and there is no work: SIGSTOP
 *	frozen -> runs	an invocation is about to be handed over: SIGCONT; what it
 *					had open besides the connection it waits on is dead by then
 *	runs -> gone	SIGKILL at the deadline, or it ends by itself: its
 *					invocation fails with Runtime.ExitError
 *
 * A pidfd names the process, so that a signal never hits a later one with the
 * same id.  A lab that ends lets go of all whom it has stopped.
 */
#define _GNU_SOURCE
#include "lambda.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "journal.h"

static void
signal_process(const Function *function, int signal)
{
	syscall(SYS_pidfd_send_signal, function->pidfd, signal, NULL, 0);
}

static void
detach(Function *function)
{
	if (function->pid == 0)
		return;
	if (function->frozen)
		signal_process(function, SIGCONT);
	server_unwatch(function->pidfd);
	close(function->pidfd);
	function->pid = 0;
	function->frozen = false;
}

static void
detach_all(void)
{
	Function   *function;

	LIST_FOREACH(function, &functions, link)
		detach(function);
}

static void
journal(const char *event, const Function *function, const char *request_id)
{
	journal_effect(event, "sIs", "function", function->name, "pid", (json_int_t) function->pid, "request_id", request_id);
}

/* The watched pidfd became readable. */
static void
ended(void *arg)
{
	Function   *function = arg;
	Invocation *invocation;

	journal("lambda.exited", function, NULL);
	detach(function);
	if (!function->spoke)
		lambda_fail_init(function, "Runtime.ExitError", NULL);
	while ((invocation = TAILQ_FIRST(&function->running)) != NULL)
		lambda_fail(invocation, "Runtime.ExitError", "Runtime exited without providing a reason");
}

const char *
lambda_attach(Function *function, pid_t pid, bool freezes)
{
	static bool registered;
	bool		other = pid != function->pid;
	int			pidfd = other && pid > 1 && pid != getpid() ? (int) syscall(SYS_pidfd_open, pid, 0) : -1;

	if (other && pid != 0 && pidfd < 0)
		return "pid must be the id of a running process, or 0";
	if (other)
		detach(function);
	else if (!freezes)
		lambda_thaw(function, function->last_port);
	if (pidfd >= 0)
	{
		function->pid = pid;
		function->pidfd = pidfd;
		function->spoke = function->n_idle > 0 || function->n_running > 0;
		server_watch(pidfd, ended, function);
	}
	if (!registered)
		atexit(detach_all);
	registered = true;
	function->freezes = freezes;
	if (function->n_idle > 0)
		lambda_freeze(function);
	return NULL;
}

void
lambda_kill(Function *function, const char *request_id)
{
	if (function->pid == 0)
		return;
	journal("lambda.killed", function, request_id);
	signal_process(function, SIGKILL);
	detach(function);
}

void
lambda_freeze(Function *function)
{
	if (function->pid == 0 || !function->freezes || function->frozen || function->n_running > 0)
		return;
	signal_process(function, SIGSTOP);
	function->frozen = true;
	journal("lambda.frozen", function, NULL);
}

void
lambda_thaw(Function *function, int runtime_port)
{
	if (!function->frozen)
		return;
	server_drop_idle(runtime_port);
	signal_process(function, SIGCONT);
	function->frozen = false;
	journal("lambda.thawed", function, NULL);
}
