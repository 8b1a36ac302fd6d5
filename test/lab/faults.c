/*
 * faults.c
 *		Scripted misbehaviour of the services.
 *
 * A fault names requests (service, action, resource; each optional), lets
 * `skip` of them pass and then fires `times` times, or on each with some
 * probability.  Faults are tried in the order they were added; the first that
 * matches a request decides about it, also when it lets it pass.  A fault can
 * kill a process and run a command before it does what it does; the request
 * waits for the command, the lab does not.
 *
 * A fault stays allocated after it has fired out, because exchanges that it
 * concerns point to it; faults_clear only takes it out of force.
 */
#define _GNU_SOURCE

#include "faults.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal.h"
#include "service.h"

typedef enum Deed
{
	PASS, ERROR, THROTTLE, HTML, DROP_BEFORE, DROP_AFTER, DELAY_MS, LATE_MS, HANG, FAIL_ENTRIES, DUPLICATE, IGNORE,
	EXPIRED_HANDLE, N_DEEDS
} Deed;

static const char *const deed_names[N_DEEDS] = {
	"pass", "error", "throttle", "html", "drop_before", "drop_after", "delay_ms", "late_ms", "hang", "fail_entries",
	"duplicate", "ignore", "expired_handle"
};

typedef struct Fault
{
	STAILQ_ENTRY(Fault) link;
	json_t	   *script;			/* owns all texts below */
	const char *service;
	const char *action;
	const char *resource;
	const char *command;
	Deed		deed;
	json_int_t	skip;
	json_int_t	times;			/* -1: without end */
	json_int_t	seen;
	json_int_t	fired;
	json_int_t	ms;
	double		probability;
	uint64_t	random;
	int			kill_pid;
	int			status;
	const char *code;
	const char *message;
	json_t	   *entries;
	bool		in_force;
} Fault;

/* A command under way, and the request that waits for it, if it still does. */
typedef struct Run
{
	LIST_ENTRY(Run) link;
	pid_t		pid;
	const Fault *fault;
	Exchange   *x;
} Run;

static STAILQ_HEAD(, Fault) faults = STAILQ_HEAD_INITIALIZER(faults);
static LIST_HEAD(, Run) runs = LIST_HEAD_INITIALIZER(runs);

static void
throttle(Exchange *x)
{
	const char *service = x->service->name;

	if (strcmp(service, "s3") == 0)
		x->service->refuse(x, 503, "SlowDown", "Please reduce your request rate.");
	else if (strcmp(service, "sqs") == 0 || strcmp(service, "redshift-data") == 0)
		x->service->refuse(x, 400, "ThrottlingException", "Rate exceeded");
	else if (strcmp(service, "sts") == 0)
		x->service->refuse(x, 400, "Throttling", "Rate exceeded");
	else
		x->service->refuse(x, 429, "TooManyRequestsException", "Rate Exceeded.");
}

/* What a load balancer says when it finds no service behind it. */
static void
answer_html(Exchange *x)
{
	Buf			body = {0};

	buf_adds(&body, "<html><head><title>503 Service Temporarily Unavailable</title></head>"
			 "<body><center><h1>503 Service Temporarily Unavailable</h1></center></body></html>\r\n");
	router_note_error(x, "html");
	http_answer(x, 503, "text/html", &body);
}

static void
handle(Exchange *x)
{
	x->service->handle(x);
}

/* Does what the script says; true when that is or will be the answer. */
static bool
fire(const Fault *fault, Exchange *x)
{
	x->fault = fault;
	x->drop_answer = fault->deed == DROP_AFTER;
	x->late_ms = fault->deed == LATE_MS ? fault->ms : 0;
	switch (fault->deed)
	{
		case ERROR:
			x->service->refuse(x, fault->status, fault->code, fault->message);
			return true;
		case THROTTLE:
			throttle(x);
			return true;
		case HTML:
			answer_html(x);
			return true;
		case DROP_BEFORE:
			http_cut(x);
			return true;
		case DELAY_MS:
			http_delay(x, fault->ms, handle);
			return true;
		case HANG:
			http_park(x, NULL, NULL);
			return true;
		default:
			return false;		/* for the service, or after it */
	}
}

static void
run_gone(Exchange *x)
{
	((Run *) x->waiter)->x = NULL;
}

static void
run_ended(Run *run, int status)
{
	Exchange   *x = run->x;
	const Fault *fault = run->fault;

	LIST_REMOVE(run, link);
	free(run);
	journal_effect("fault.ran", "sI", "run", fault->command,
				   "status", (json_int_t) (WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)));
	if (x == NULL)
		return;
	http_park(x, NULL, NULL);
	if (!fire(fault, x))
		handle(x);
}

/* With the lab's stderr, and nothing else that is the lab's. */
static void
start_run(const Fault *fault, Exchange *x)
{
	Run		   *run = mem_zalloc(sizeof(Run));
	sigset_t	none;

	*run = (Run) {.fault = fault, .x = x, .pid = fork()};
	if (run->pid == 0)
	{
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGPIPE, SIG_DFL);
		close(STDIN_FILENO);
		open("/dev/null", O_RDONLY);
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", fault->command, (char *) NULL);
		_exit(127);
	}
	LIST_INSERT_HEAD(&runs, run, link);
	http_park(x, run_gone, run);
	if (run->pid < 0)
		run_ended(run, W_EXITCODE(127, 0));
}

void
faults_reap(void)
{
	int			status;
	pid_t		pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
	{
		Run		   *run = LIST_FIRST(&runs);

		while (run != NULL && run->pid != pid)
			run = LIST_NEXT(run, link);
		if (run != NULL)
			run_ended(run, status);
	}
}

/* Reads the members of fault->script; NULL, or what is wrong. */
static const char *
read_script(Fault *fault)
{
	static json_error_t error;
	const char *deed = "pass";
	double		probability = -1;

	if (json_unpack_ex(fault->script, &error, JSON_STRICT,
					   "{s?s,s?s,s?s,s?s,s?s,s?s,s?s,s?I,s?I,s?I,s?i,s?i,s?F,s?I,s?o}", "service", &fault->service,
					   "action", &fault->action, "resource", &fault->resource, "do", &deed, "code", &fault->code,
					   "message", &fault->message, "run", &fault->command, "skip", &fault->skip, "times", &fault->times,
					   "ms", &fault->ms, "status", &fault->status, "kill", &fault->kill_pid, "probability", &probability,
					   "seed", &fault->random, "entries", &fault->entries) != 0)
		return error.text;
	while (fault->deed < N_DEEDS && strcmp(deed_names[fault->deed], deed) != 0)
		fault->deed++;
	if (fault->deed == N_DEEDS)
		return "\"do\" must be error, throttle, html, drop_before, drop_after, delay_ms, late_ms, hang, fail_entries, "
			"duplicate, ignore, expired_handle or pass";
	if (fault->status < 200 || fault->status > 599)
		return "\"status\" must be between 200 and 599";
	if (fault->kill_pid < 0 || fault->kill_pid == 1)
		return "\"kill\" must be the id of a process";
	if (fault->ms < 0 || fault->skip < 0)
		return "\"ms\" and \"skip\" must not be negative";
	if (probability > 1 || (probability < 0 && json_object_get(fault->script, "probability") != NULL))
		return "\"probability\" must be between 0 and 1";
	if (fault->command != NULL && !cloud.allow_run)
		return "\"run\" needs a lab that was started with --allow-run";
	fault->probability = probability < 0 ? 1 : probability;
	if (fault->times == 0)
		fault->times = probability < 0 ? 1 : -1;
	return NULL;
}

const char *
faults_add(const json_t *script)
{
	Fault	   *fault = mem_zalloc(sizeof(Fault));
	const char *wrong;

	fault->script = json_deep_copy(script);
	fault->status = 500;
	fault->code = "InternalError";
	fault->message = "We encountered an internal error. Please try again.";
	fault->in_force = true;
	wrong = read_script(fault);
	if (wrong != NULL)
	{
		json_decref(fault->script);
		free(fault);
		return wrong;
	}
	STAILQ_INSERT_TAIL(&faults, fault, link);
	return NULL;
}

void
faults_clear(void)
{
	Fault	   *fault;

	STAILQ_FOREACH(fault, &faults, link)
		fault->in_force = false;
}

json_t *
faults_list(void)
{
	json_t	   *list = json_array();
	const Fault *fault;

	STAILQ_FOREACH(fault, &faults, link)
	{
		if (fault->in_force)
			json_array_append_new(list, json_pack("{s:O,s:I,s:I}", "fault", fault->script,
												  "seen", fault->seen, "fired", fault->fired));
	}
	return list;
}

static bool
matches(const Fault *fault, const Exchange *x)
{
	return fault->in_force && (fault->times < 0 || fault->fired < fault->times) &&
		(fault->service == NULL || strcmp(fault->service, x->service->name) == 0) &&
		(fault->action == NULL || (x->action != NULL && strcmp(fault->action, x->action) == 0)) &&
		(fault->resource == NULL || strcmp(fault->resource, x->resource) == 0);
}

/* Is it this one's turn?  A step of Knuth's MMIX generator a request, so a seed always picks the same ones. */
static bool
strikes(Fault *fault)
{
	if (fault->seen++ < fault->skip)
		return false;
	fault->random = fault->random * 6364136223846793005u + 1442695040888963407u;
	return (double) (fault->random >> 11) < fault->probability * 0x1p53;
}

bool
faults_apply(Exchange *x)
{
	Fault	   *fault = STAILQ_FIRST(&faults);

	if (strcmp(x->service->name, "control") == 0)
		return false;
	while (fault != NULL && !matches(fault, x))
		fault = STAILQ_NEXT(fault, link);
	if (fault == NULL || !strikes(fault))
		return false;
	fault->fired++;
	if (fault->kill_pid > 0)
		kill(fault->kill_pid, SIGKILL);
	journal_effect("fault", "ssssI", "service", x->service->name,
				   "action", x->action, "resource", x->resource, "do", deed_names[fault->deed],
				   "killed", (json_int_t) fault->kill_pid);
	if (fault->command == NULL)
		return fire(fault, x);
	start_run(fault, x);
	return true;
}

bool
faults_fail_entry(const Exchange *x, size_t index, const char **code, const char **message)
{
	const Fault *fault = x->fault;
	json_t	   *entry;
	size_t		i;

	json_array_foreach(fault != NULL ? fault->entries : NULL, i, entry)
	{
		if (json_integer_value(entry) == (json_int_t) index)
		{
			*code = fault->code;
			*message = fault->message;
			return true;
		}
	}
	return false;
}

FaultEffect
faults_effect(const Exchange *x)
{
	switch (x->fault != NULL ? x->fault->deed : PASS)
	{
		case DUPLICATE:
			return FAULT_EFFECT_DUPLICATE;
		case IGNORE:
			return FAULT_EFFECT_IGNORE;
		case EXPIRED_HANDLE:
			return FAULT_EFFECT_EXPIRED;
		default:
			return FAULT_EFFECT_NONE;
	}
}
