/*
 * lambda.c
 *		Functions and their invocations.
 *
 * A function has a queue of invocations and a list of idle runtimes, each a
 * pending "next".  Whenever both have a member, the first invocation is handed
 * to the runtime that has waited longest; a runtime that finds no invocation is
 * offered to the function's event sources.  An invocation then runs until its
 * answer, until its deadline, or until the function's process ends, if the lab
 * was told of one.
 *
 *	QUEUED -> RUNNING -> OVER
 *	   ^         |
 *	   |         v  failed, an event, tries left: after 1, then 2 minutes
 *	   +----- RESTING
 *
 * The request id stays the same over all tries.  Functions come to be when
 * they are first named by a notification, a runtime or a control call.
 */
#include "lambda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "service.h"

#define DEFAULT_TIMEOUT_MS	30000
#define TIMED_OUT			"Sandbox.Timedout"
#define TRIES_MAX			3
#define KEEP_OVER_MS		60000

struct Functions functions = LIST_HEAD_INITIALIZER(functions);
static Table invocations;		/* by request id */

Function *
lambda_function(const char *name, bool create)
{
	Function   *function = LIST_FIRST(&functions);
	size_t		len = strlen(name);

	while (function != NULL && strcmp(function->name, name) != 0)
		function = LIST_NEXT(function, link);
	if (function != NULL || !create || len == 0 || len > FUNCTION_NAME_MAX ||
		strspn(name, ALPHANUMERIC "-_") != len)
		return function;
	function = mem_zalloc(sizeof(Function));
	snprintf(function->name, sizeof(function->name), "%s", name);
	snprintf(function->arn, sizeof(function->arn), "arn:aws:lambda:%s:%s:function:%s",
			 cloud.region, cloud.account, name);
	function->timeout_ms = DEFAULT_TIMEOUT_MS;
	TAILQ_INIT(&function->queue);
	TAILQ_INIT(&function->running);
	TAILQ_INIT(&function->idle);
	TAILQ_INIT(&function->sources);
	LIST_INSERT_HEAD(&functions, function, link);
	return function;
}

Function *
lambda_function_of_arn(const char *arn)
{
	char		prefix[128];
	int			len = snprintf(prefix, sizeof(prefix), "arn:aws:lambda:%s:%s:function:",
							   cloud.region, cloud.account);

	if (strncmp(arn, prefix, (size_t) len) != 0)
		return NULL;
	return lambda_function(arn + len, true);
}

const char *
lambda_configure(Function *function, const json_t *settings)
{
	double		seconds = (double) function->timeout_ms / 1000;
	int			pid = function->pid;
	int			freeze = function->freezes;
	const char *wrong;

	if (json_unpack((json_t *) settings, "{s?F,s?i,s?b!}", "timeout_seconds", &seconds,
					"pid", &pid, "freeze", &freeze) != 0)
		return "members are timeout_seconds (a number), pid (an integer) and freeze (a boolean)";
	if (!(seconds > 0 && seconds <= 900))
		return "timeout_seconds must be more than 0 and at most 900";
	wrong = lambda_attach(function, pid, freeze);
	if (wrong == NULL)
		function->timeout_ms = (int64_t) (seconds * 1000);
	return wrong;
}

json_t *
lambda_describe(const Function *function)
{
	return json_pack("{s:s,s:s,s:I,s:i,s:i,s:i,s:i,s:i,s:b,s:b}", "function", function->name, "arn", function->arn,
					 "timeout_ms", (json_int_t) function->timeout_ms, "idle", function->n_idle,
					 "queued", function->n_queued, "running", function->n_running, "resting", function->n_resting,
					 "pid", (int) function->pid, "freeze", function->freezes, "frozen", function->frozen);
}

static void
deadline_passed(Timer *timer)
{
	Invocation *invocation = (Invocation *) timer;
	Function   *function = invocation->function;
	char		message[64];

	snprintf(message, sizeof(message), "Task timed out after %.2f seconds", (double) function->timeout_ms / 1000);
	lambda_kill(function, invocation->id);
	lambda_fail(invocation, TIMED_OUT, message);
}

/* Takes an invocation out of the queue: from now on it runs. */
static void
start(Invocation *invocation, int peer_port)
{
	TAILQ_REMOVE(&invocation->function->queue, invocation, link);
	invocation->function->n_queued--;
	invocation->peer_port = peer_port;
	invocation->state = INVOCATION_RUNNING;
	invocation->tries++;
	invocation->handed_ms = clock_now_ms();
	invocation->deadline_ms = invocation->handed_ms + invocation->function->timeout_ms;
	invocation->timer.fire = deadline_passed;
	timer_set(&invocation->timer, invocation->deadline_ms);
	TAILQ_INSERT_TAIL(&invocation->function->running, invocation, link);
	invocation->function->n_running++;
	journal_effect("lambda.invoke", "ssII", "function", invocation->function->name,
				   "request_id", invocation->id, "bytes", (json_int_t) invocation->event->len,
				   "try", (json_int_t) invocation->tries);
}

static void
dispatch(Function *function)
{
	Invocation *invocation;
	Runtime    *runtime;

	while ((invocation = TAILQ_FIRST(&function->queue)) != NULL && (runtime = TAILQ_FIRST(&function->idle)) != NULL)
	{
		lambda_forget_runtime(function, runtime);
		lambda_thaw(function, runtime->x->peer_port);
		start(invocation, runtime->x->peer_port);
		lambda_hand_over(runtime, invocation);
	}
}

static void
enqueue(Invocation *invocation)
{
	Function   *function = invocation->function;

	invocation->state = INVOCATION_QUEUED;
	TAILQ_INSERT_TAIL(&function->queue, invocation, link);
	function->n_queued++;
	dispatch(function);
}

static Invocation *
invocation_new(Function *function, const char *event, size_t len)
{
	Invocation *invocation = mem_zalloc(sizeof(Invocation));

	random_uuid(invocation->id);
	snprintf(invocation->trace, sizeof(invocation->trace), "Root=1-%08llx-%08llx%016llx;Parent=%016llx;Sampled=0",
			 (unsigned long long) (clock_now_ms() / 1000), (unsigned long long) (random_u64() >> 32),
			 (unsigned long long) random_u64(), (unsigned long long) random_u64());
	invocation->function = function;
	invocation->event = blob_new(event, len);
	table_put(&invocations, invocation->id, strlen(invocation->id), invocation);
	return invocation;
}

const char *
lambda_send_event(Function *function, const char *event, size_t len)
{
	Invocation *invocation = invocation_new(function, event, len);

	journal_effect("lambda.queued", "ssI", "function", function->name,
				   "request_id", invocation->id, "bytes", (json_int_t) len);
	enqueue(invocation);
	return invocation->id;
}

Invocation *
lambda_call(Function *function, const char *event, size_t len, InvocationEnd finished, void *caller)
{
	Invocation *invocation = invocation_new(function, event, len);

	invocation->finished = finished;
	invocation->caller = caller;
	enqueue(invocation);
	return invocation;
}

void
lambda_next(Function *function, Runtime *runtime)
{
	Source	   *source;

	TAILQ_INSERT_TAIL(&function->idle, runtime, link);
	function->n_idle++;
	function->last_port = runtime->x->peer_port;
	function->spoke = true;
	dispatch(function);
	TAILQ_FOREACH(source, &function->sources, link)
		source->offer(source);
	lambda_freeze(function);
}

void
lambda_forget_runtime(Function *function, Runtime *runtime)
{
	TAILQ_REMOVE(&function->idle, runtime, link);
	function->n_idle--;
}

Invocation *
lambda_find(const Function *function, const char *id)
{
	Invocation *invocation = table_get(&invocations, id, strlen(id));

	return invocation != NULL && invocation->function == function ? invocation : NULL;
}

bool
lambda_is_busy(const Function *function, int peer_port)
{
	const Invocation *invocation;

	TAILQ_FOREACH(invocation, &function->running, link)
	{
		if (invocation->peer_port == peer_port)
			return true;
	}
	return false;
}

static void
forget(Timer *timer)
{
	Invocation *invocation = (Invocation *) timer;

	table_remove(&invocations, invocation->id, strlen(invocation->id));
	free(invocation);
}

static void
try_again(Timer *timer)
{
	Invocation *invocation = (Invocation *) timer;

	invocation->function->n_resting--;
	enqueue(invocation);
}

static void
rest(Invocation *invocation)
{
	int			seconds = 60 * invocation->tries;

	invocation->state = INVOCATION_RESTING;
	invocation->function->n_resting++;
	invocation->timer.fire = try_again;
	timer_set(&invocation->timer, clock_now_ms() + seconds * 1000);
	journal_effect("lambda.retry", "ssII", "function", invocation->function->name,
				   "request_id", invocation->id, "seconds", (json_int_t) seconds,
				   "try", (json_int_t) invocation->tries + 1);
}

static void
conclude(Invocation *invocation)
{
	invocation->state = INVOCATION_OVER;
	blob_drop(invocation->event);
	invocation->timer.fire = forget;
	timer_set(&invocation->timer, clock_now_ms() + KEEP_OVER_MS);
}

void
lambda_finish(Invocation *invocation, const char *error_type, const Buf *body)
{
	Function   *function = invocation->function;
	bool		failed = error_type != NULL;

	timer_cancel(&invocation->timer);
	TAILQ_REMOVE(&function->running, invocation, link);
	function->n_running--;
	journal_effect("lambda.result", "sssIIs", "function", function->name, "request_id", invocation->id,
				   "outcome", !failed ? "response" : strcmp(error_type, TIMED_OUT) == 0 ? "timeout" : "error",
				   "ms", (json_int_t) (clock_now_ms() - invocation->handed_ms),
				   "bytes", (json_int_t) body->len, "error_type", error_type);
	if (invocation->finished != NULL)
		invocation->finished(invocation, error_type, body);
	else if (failed && invocation->tries < TRIES_MAX)
	{
		rest(invocation);
		return;
	}
	else if (failed)
		journal_effect("lambda.discarded", "ssI", "function", function->name,
					   "request_id", invocation->id, "tries", (json_int_t) invocation->tries);
	conclude(invocation);
}

void
lambda_fail(Invocation *invocation, const char *error_type, const char *message)
{
	Buf			body = {0};

	buf_addf(&body, "{\"errorType\":\"%s\",\"errorMessage\":\"RequestId: %s Error: %s\"}",
			 error_type, invocation->id, message);
	lambda_finish(invocation, error_type, &body);
	buf_free(&body);
}

void
lambda_fail_init(Function *function, const char *error_type, const Buf *body)
{
	Invocation *invocation = TAILQ_FIRST(&function->queue);

	function->spoke = true;
	if (invocation == NULL)
		return;
	start(invocation, 0);
	if (body != NULL)
		lambda_finish(invocation, error_type, body);
	else
		lambda_fail(invocation, error_type, "Runtime exited without providing a reason");
}
