/*
 * faults.c
 *		Scripted misbehaviour of the services.
 *
 * A fault names requests (service, action, resource; each optional), lets
 * `skip` of them pass and then fires `times` times.  Faults are tried in the
 * order they were added; the first that matches a request decides about it,
 * also when it only counts it as skipped.  All of them can kill a process
 * before they do what they do.
 *
 * A fault stays allocated after it has fired out, because exchanges that it
 * concerns point to it; faults_clear only takes it out of force.
 */
#include "faults.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "clock.h"
#include "journal.h"
#include "service.h"

typedef enum Deed
{
	DO_PASS,
	DO_ERROR,
	DO_DROP_BEFORE,
	DO_DROP_AFTER,
	DO_DELAY,
	DO_HANG,
	DO_FAIL_ENTRIES				/* by those who handle batches */
} Deed;

static const char *const deed_names[] = {
	"pass", "error", "drop_before", "drop_after", "delay_ms", "hang", "fail_entries"
};

#define N_DEEDS		(sizeof(deed_names) / sizeof(deed_names[0]))

typedef struct Fault
{
	struct Fault *next;
	json_t	   *script;			/* owns all texts below */
	const char *service;
	const char *action;
	const char *resource;
	Deed		deed;
	json_int_t	skip;
	json_int_t	times;			/* -1: without end */
	json_int_t	seen;
	json_int_t	fired;
	json_int_t	ms;
	pid_t		kill_pid;
	int			status;
	const char *code;
	const char *message;
	bool		in_force;
} Fault;

typedef struct Delay
{
	Timer		timer;
	Exchange   *x;
} Delay;

static Fault *faults;

static void
delay_over(Timer *timer)
{
	Delay	   *delay = (Delay *) timer;
	Exchange   *x = delay->x;

	free(delay);
	x->gone = NULL;
	x->service->handle(x);
}

static void
delay_gone(Exchange *x)
{
	Delay	   *delay = x->waiter;

	timer_cancel(&delay->timer);
	free(delay);
}

static void
delay(Exchange *x, int64_t ms)
{
	Delay	   *delay = mem_zalloc(sizeof(Delay));

	delay->x = x;
	delay->timer.fire = delay_over;
	timer_set(&delay->timer, clock_now_ms() + ms);
	http_park(x, delay_gone, delay);
}

/* Does what the script says; true when that is or will be the answer. */
static bool
fire(const Fault *fault, Exchange *x)
{
	switch (fault->deed)
	{
		case DO_ERROR:
			x->service->refuse(x, fault->status, fault->code, fault->message);
			return true;
		case DO_DROP_BEFORE:
			http_cut(x);
			return true;
		case DO_DELAY:
			delay(x, fault->ms);
			return true;
		case DO_HANG:
			http_park(x, NULL, NULL);
			return true;
		case DO_DROP_AFTER:
			x->drop_answer = true;
			return false;
		case DO_FAIL_ENTRIES:
			x->fault = fault;
			return false;
		case DO_PASS:
			break;
	}
	return false;
}

/* Reads the members of fault->script; NULL, or what is wrong. */
static const char *
read_script(Fault *fault)
{
	const char *deed = "pass";
	int			pid = 0;

	if (json_unpack(fault->script, "{s?s,s?s,s?s,s?s,s?s,s?s,s?I,s?I,s?I,s?i,s?i}", "service", &fault->service,
					"action", &fault->action, "resource", &fault->resource, "do", &deed,
					"code", &fault->code, "message", &fault->message, "skip", &fault->skip,
					"times", &fault->times, "ms", &fault->ms, "status", &fault->status, "kill", &pid) != 0)
		return "a member has the wrong type";
	fault->kill_pid = pid;
	while (fault->deed < N_DEEDS && strcmp(deed_names[fault->deed], deed) != 0)
		fault->deed++;
	if (fault->deed == N_DEEDS)
		return "\"do\" must be error, drop_before, drop_after, delay_ms, hang, fail_entries or pass";
	if (fault->status < 200 || fault->status > 599)
		return "\"status\" must be between 200 and 599";
	if (pid < 0 || pid == 1)
		return "\"kill\" must be the id of a process";
	if (fault->ms < 0)
		return "\"ms\" must not be negative";
	return NULL;
}

const char *
faults_add(const json_t *script)
{
	Fault	   *fault = mem_zalloc(sizeof(Fault));
	Fault	  **last = &faults;
	const char *wrong;

	*fault = (Fault) {
		.script = json_deep_copy(script),
			.times = 1,
			.status = 500,
			.code = "InternalError",
			.message = "We encountered an internal error. Please try again.",
			.in_force = true
	};
	wrong = read_script(fault);
	if (wrong != NULL)
	{
		json_decref(fault->script);
		free(fault);
		return wrong;
	}
	while (*last != NULL)
		last = &(*last)->next;
	*last = fault;
	return NULL;
}

void
faults_clear(void)
{
	for (Fault *fault = faults; fault != NULL; fault = fault->next)
		fault->in_force = false;
}

json_t *
faults_list(void)
{
	json_t	   *list = json_array();

	for (const Fault *fault = faults; fault != NULL; fault = fault->next)
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

bool
faults_apply(Exchange *x)
{
	Fault	   *fault = faults;

	if (strcmp(x->service->name, "control") == 0)
		return false;
	while (fault != NULL && !matches(fault, x))
		fault = fault->next;
	if (fault == NULL || fault->seen++ < fault->skip)
		return false;
	fault->fired++;
	if (fault->kill_pid > 0)
		kill(fault->kill_pid, SIGKILL);
	journal_effect("fault", "ssssI", "service", x->service->name,
				   "action", x->action, "resource", x->resource, "do", deed_names[fault->deed],
				   "killed", (json_int_t) fault->kill_pid);
	return fire(fault, x);
}

bool
faults_fail_entry(const Exchange *x, size_t index, const char **code, const char **message)
{
	json_t	   *entries = x->fault != NULL ? json_object_get(x->fault->script, "entries") : NULL;
	json_t	   *entry;
	size_t		i;

	json_array_foreach(entries, i, entry)
	{
		if (json_integer_value(entry) == (json_int_t) index)
		{
			*code = x->fault->code;
			*message = x->fault->message;
			return true;
		}
	}
	return false;
}
