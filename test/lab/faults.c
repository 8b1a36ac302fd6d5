/*
 * faults.c
 *		Scripted misbehaviour of the services.
 *
 * A fault names requests (service, action, resource; each optional), lets
 * `skip` of them pass and then fires `times` times.  Faults are tried in the
 * order they were added; the first that matches a request decides about it,
 * also when it only counts it as skipped.  What a fault does is one row in the
 * table `deeds`; all of them can kill a process first.
 *
 * A fault stays allocated after it has fired out, because exchanges that it
 * concerns point to it; faults_clear only takes it out of force.
 */
#include "faults.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "clock.h"
#include "journal.h"
#include "service.h"

typedef struct Deed Deed;

typedef struct Fault
{
	struct Fault *next;
	json_t	   *script;			/* owns all texts below */
	const char *service;
	const char *action;
	const char *resource;
	const Deed *deed;
	json_int_t	skip;
	json_int_t	times;			/* -1: without end */
	json_int_t	seen;
	json_int_t	fired;
	json_int_t	ms;
	json_int_t	kill_pid;
	int			status;
	const char *code;
	const char *message;
	bool		in_force;
} Fault;

struct Deed
{
	const char *name;
	bool		(*fire) (Exchange *x, const Fault *fault);	/* as faults_apply */
};

typedef struct Delay
{
	Timer		timer;
	Exchange   *x;
} Delay;

static Fault *faults;

static bool
do_pass(Exchange *x, const Fault *fault)
{
	x->fault = fault;
	return false;
}

static bool
do_error(Exchange *x, const Fault *fault)
{
	x->service->refuse(x, fault->status, fault->code, fault->message);
	return true;
}

static bool
do_drop_before(Exchange *x, const Fault *fault)
{
	(void) fault;
	http_cut(x);
	return true;
}

static bool
do_drop_after(Exchange *x, const Fault *fault)
{
	(void) fault;
	x->drop_answer = true;
	return false;
}

static bool
do_hang(Exchange *x, const Fault *fault)
{
	(void) fault;
	http_park(x, NULL, NULL);
	return true;
}

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

static bool
do_delay(Exchange *x, const Fault *fault)
{
	Delay	   *delay = mem_zalloc(sizeof(Delay));

	delay->x = x;
	delay->timer.fire = delay_over;
	timer_set(&delay->timer, clock_now_ms() + fault->ms);
	http_park(x, delay_gone, delay);
	return true;
}

static const Deed deeds[] = {
	{"error", do_error},
	{"drop_before", do_drop_before},
	{"drop_after", do_drop_after},
	{"delay_ms", do_delay},
	{"hang", do_hang},
	{"fail_entries", do_pass},
	{"pass", do_pass},
};

static const Deed *
find_deed(const char *name)
{
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
	{
		if (strcmp(deeds[i].name, name) == 0)
			return &deeds[i];
	}
	return NULL;
}

static json_int_t
get_int(const json_t *script, const char *name, json_int_t otherwise)
{
	const json_t *value = json_object_get(script, name);

	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static const char *
get_text(const json_t *script, const char *name, const char *otherwise)
{
	const char *value = json_string_value(json_object_get(script, name));

	return value != NULL ? value : otherwise;
}

static const char *
check_script(const json_t *script, const Deed *deed)
{
	json_int_t	status = get_int(script, "status", 500);
	json_int_t	pid = get_int(script, "kill", 0);

	if (deed == NULL)
		return "\"do\" must be error, drop_before, drop_after, delay_ms, hang, fail_entries or pass";
	if (status < 200 || status > 599)
		return "\"status\" must be between 200 and 599";
	if (pid < 0 || pid == 1 || pid > INT32_MAX)
		return "\"kill\" must be the id of a process";
	if (get_int(script, "ms", 0) < 0)
		return "\"ms\" must not be negative";
	return NULL;
}

bool
faults_add(const json_t *script, char *reason, size_t reason_size)
{
	const Deed *deed = find_deed(get_text(script, "do", "pass"));
	const char *wrong = check_script(script, deed);
	Fault	   *fault;
	Fault	  **last = &faults;

	if (wrong != NULL)
	{
		snprintf(reason, reason_size, "%s", wrong);
		return false;
	}
	fault = mem_zalloc(sizeof(Fault));
	fault->script = json_deep_copy(script);
	script = fault->script;
	fault->service = get_text(script, "service", NULL);
	fault->action = get_text(script, "action", NULL);
	fault->resource = get_text(script, "resource", NULL);
	fault->deed = deed;
	fault->skip = get_int(script, "skip", 0);
	fault->times = get_int(script, "times", 1);
	fault->ms = get_int(script, "ms", 0);
	fault->kill_pid = get_int(script, "kill", 0);
	fault->status = (int) get_int(script, "status", 500);
	fault->code = get_text(script, "code", "InternalError");
	fault->message = get_text(script, "message", "We encountered an internal error. Please try again.");
	fault->in_force = true;
	while (*last != NULL)
		last = &(*last)->next;
	*last = fault;
	return true;
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
		(fault->action == NULL || strcmp(fault->action, x->action) == 0) &&
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
		kill((pid_t) fault->kill_pid, SIGKILL);
	journal_effect("fault", "ssssI", "service", x->service->name,
				   "action", x->action, "resource", x->resource, "do", fault->deed->name,
				   "killed", fault->kill_pid);
	return fault->deed->fire(x, fault);
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
