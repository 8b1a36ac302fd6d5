/*
 * lambda.c
 *		Functions and their invocations.
 *
 * A function has a queue of invocations and a list of idle runtimes, each a
 * pending "next".  Whenever both have a member, the first invocation is handed
 * to the runtime that has waited longest.  An invocation then runs until its
 * answer, or until its deadline: a runtime that died is noticed in no other
 * way.
 *
 *	QUEUED -> RUNNING -> OVER
 *	   ^         |
 *	   |         v  failed, an event, tries left: after 1, then 2 minutes
 *	   +----- RESTING
 *
 * The request id stays the same over all tries.  Functions come to be when
 * they are first named by a notification or by a runtime.
 */
#include "lambda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "service.h"

#define DEFAULT_TIMEOUT_MS	30000
#define TRIES_MAX			3
#define KEEP_OVER_MS		60000

static Table functions;
static Table invocations;		/* by request id */

Function *
lambda_function(const char *name, bool create)
{
	Function   *function = table_get(&functions, name, strlen(name));
	size_t		len = strlen(name);

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
	table_put(&functions, name, len, function);
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

static void
deadline_passed(Timer *timer)
{
	lambda_finish((Invocation *) timer, OUTCOME_TIMEOUT, NULL, NULL);
}

static void
start(Invocation *invocation)
{
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
		TAILQ_REMOVE(&function->queue, invocation, link);
		function->n_queued--;
		start(invocation);
		runtime->hand(runtime, invocation);
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
lambda_call(Function *function, const char *event, size_t len, void *caller,
			void (*finished) (Invocation *invocation, InvocationOutcome outcome,
							  const char *error_type, const Buf *body))
{
	Invocation *invocation = invocation_new(function, event, len);

	invocation->wanted_by_caller = true;
	invocation->caller = caller;
	invocation->finished = finished;
	enqueue(invocation);
	return invocation;
}

void
lambda_next(Function *function, Runtime *runtime)
{
	TAILQ_INSERT_TAIL(&function->idle, runtime, link);
	function->n_idle++;
	dispatch(function);
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
conclude(Invocation *invocation, bool failed)
{
	if (failed && !invocation->wanted_by_caller)
		journal_effect("lambda.discarded", "ssI", "function", invocation->function->name,
					   "request_id", invocation->id, "tries", (json_int_t) invocation->tries);
	invocation->state = INVOCATION_OVER;
	blob_drop(invocation->event);
	invocation->event = NULL;
	invocation->timer.fire = forget;
	timer_set(&invocation->timer, clock_now_ms() + KEEP_OVER_MS);
}

void
lambda_finish(Invocation *invocation, InvocationOutcome outcome, const char *error_type,
			  const Buf *body)
{
	static const char *const names[] = {"response", "error", "timeout"};
	bool		failed = outcome != OUTCOME_RESPONSE;

	timer_cancel(&invocation->timer);
	TAILQ_REMOVE(&invocation->function->running, invocation, link);
	invocation->function->n_running--;
	journal_effect("lambda.result", "sssIIs", "function", invocation->function->name,
				   "request_id", invocation->id, "outcome", names[outcome],
				   "ms", (json_int_t) (clock_now_ms() - invocation->handed_ms),
				   "bytes", (json_int_t) (body != NULL ? body->len : 0), "error_type", error_type);
	if (invocation->finished != NULL)
		invocation->finished(invocation, outcome, error_type, body);
	if (failed && !invocation->wanted_by_caller && invocation->tries < TRIES_MAX)
		rest(invocation);
	else
		conclude(invocation, failed);
}
