/*
 * apply_verdict.c
 *	  All messages of a batch were tried: what becomes of those that failed?
 *
 * A message that failed alone is the culprit if others passed, or if its
 * SQLSTATE speaks of data.  If nothing passed, failures that speak of
 * definitions or outages are the world's: their messages go back to pending;
 * and so do those that failed alike when that tripped the breaker.
 *
 * Where a route alone refused messages, the same question is asked of the
 * route: has it written anything?  Then they are tried again without it.  If
 * not, and the definition is broken, the route is stopped, for all.
 *
 * Culprits go into the quarantine, all in one transaction of bookkeeping that
 * is committed before anything that follows them is tried; or stay in the
 * queue, if that is the policy.
 */
#include "postgres.h"

#include "executor/spi.h"

#include "apply_run.h"
#include "quarantine.h"

#define BOOKS_TIMEOUT_MS (60 * 1000)

/* ---- going back to pending ---- */

static void
acquit(ApplyMessage *message)
{
	message->outcome = APPLY_PENDING;
	message->sqlerrcode = 0;
	message->error[0] = '\0';
	message->failed_route = -1;
}

/* Who waits behind whom, now that some do not fail any longer. */
static void
hold_again(Run *run)
{
	for (int i = 0; i < run->count; i++)
	{
		if (run->messages[i].outcome == APPLY_HELD)
			run->messages[i].outcome = APPLY_PENDING;
	}
	for (int i = 0; i < run->count; i++)
	{
		if (run->messages[i].outcome == APPLY_FAILED)
			apply_hold_followers(run, i);
	}
}

/* Nothing passed: failures that speak of the world are no message's fault. */
static void
acquit_of_world(Run *run)
{
	for (int i = 0; i < run->count; i++)
	{
		ApplyMessage *message = &run->messages[i];

		if (message->outcome == APPLY_FAILED && message->reason == APPLY_REASON_DATA &&
			failure_class(message->sqlerrcode) != FAILURE_DATA &&
			!apply_is_convicted(run->applier, message))
			acquit(message);
	}
	hold_again(run);
	if (!run->result->outage)
		apply_stop_with(run, &run->world);
}

/* The breaker tripped: neither the last nor those like it are to blame. */
static void
acquit_alike(Run *run)
{
	ApplyResult *result = run->result;

	for (int i = 0; i < run->count; i++)
	{
		if (run->messages[i].outcome == APPLY_FAILED &&
			run->messages[i].signature == run->tripped)
			acquit(&run->messages[i]);
	}
	hold_again(run);
	apply_stop_with(run, &run->world);
	result->broken = true;
	snprintf(result->error, sizeof(result->error),
			 "too many messages fail alike to be at fault: %s", run->world.error);
	strlcpy(result->hint,
			"Mend the target, or what fills the queue; then run sqs.enable. The messages wait in the queue.",
			sizeof(result->hint));
}

/* ---- routes ---- */

typedef struct StoppedRoute
{
	const ApplierRoute *route;
	int			sqlerrcode;
	const char *error;
} StoppedRoute;

static void
stop_route(Run *run, void *arg)
{
	const StoppedRoute *stopped = arg;
	LedgerOutlook outlook;
	SessionBracket bracket;

	applier_enter_bookkeeping(&bracket);
	ledger_open(run->applier->ledger, &outlook);
	quarantine_stop_route(run->applier->subscription, stopped->route->name,
						  stopped->sqlerrcode, stopped->error);
	apply_commit_books(run, &bracket);
}

bool
verdict_stop_route(Run *run, int route, int sqlerrcode, const char *error, Failure *failure)
{
	StoppedRoute stopped = {&run->applier->routes[route], sqlerrcode, error};

	if (!apply_step(run, stop_route, &stopped, BOOKS_TIMEOUT_MS, failure))
		return false;
	run->applier->routes[route].stopped = true;
	ereport(LOG,
			(errcode(sqlerrcode),
			 errmsg("pg_sqs subscription \"%s\" goes on without its route \"%s\": %s",
					run->applier->name, stopped.route->name, error),
			 errhint("Its messages wait in the quarantine: mend it, then run sqs.enable and sqs.retry.")));
	return true;
}

/* One message that a route alone refused.  True: try it again. */
static bool
judge_route(Run *run, ApplyMessage *message)
{
	int			route = message->failed_route;
	int			sqlerrcode = message->sqlerrcode;
	bool		definition = failure_class(sqlerrcode) == FAILURE_DEFINITION;
	char		error[sizeof(message->error)];
	Failure		failure;

	strlcpy(error, message->error, sizeof(error));
	acquit(message);
	if (run->route_passed[route])
		applier_leave_out(message, route, sqlerrcode, error);
	else if (definition && !run->applier->routes[route].stopped &&
			 !verdict_stop_route(run, route, sqlerrcode, error, &failure))
	{
		apply_stop_with(run, &failure);
		return false;
	}
	return run->route_passed[route] || run->applier->routes[route].stopped;
}

/* True: some can be tried again. */
static bool
judge_routes(Run *run)
{
	bool		again = false;
	bool		outage = false;

	for (int i = 0; i < run->count; i++)
	{
		ApplyMessage *message = &run->messages[i];

		if (message->outcome != APPLY_FAILED || message->failed_route < 0)
			continue;
		if (judge_route(run, message))
			again = true;
		else
			outage = true;
	}
	if (!again && !outage)
		return false;
	hold_again(run);
	if (outage && !run->result->outage)
		apply_stop_with(run, &run->world);
	return again && !run->result->outage;
}

/* ---- the quarantine ---- */

static bool
has_culprits(const Run *run)
{
	for (int i = 0; i < run->count; i++)
	{
		if (run->messages[i].outcome == APPLY_FAILED)
			return true;
	}
	return false;
}

static void
put(Run *run, ApplyMessage *message, ApplyReason reason)
{
	bool		parked = reason == APPLY_REASON_PARKED;
	QuarantineEntry entry = {message, "", reason, parked ? 0 : message->sqlerrcode,
	parked ? "" : message->error};

	ledger_identify_anyway(run->applier->ledger, message, run->applier->run_context);
	quarantine_put(run->applier->subscription, &entry);
}

/* Does the policy keep its whole group? */
static bool
keeps_group(const Run *run, const ApplyMessage *message)
{
	return run->applier->policy == POLICY_QUARANTINE_GROUP && message->group_id[0] != '\0';
}

static void
put_culprits(Run *run, void *arg)
{
	LedgerOutlook outlook;
	SessionBracket bracket;

	(void) arg;
	applier_enter_bookkeeping(&bracket);
	ledger_open(run->applier->ledger, &outlook);
	for (int i = 0; i < run->count; i++)
	{
		ApplyMessage *message = &run->messages[i];

		if (message->outcome == APPLY_FAILED)
		{
			put(run, message, message->reason);
			if (keeps_group(run, message))
				quarantine_hold_group(run->applier->subscription, message->group_id);
		}
		else if (message->outcome == APPLY_HELD && keeps_group(run, message))
			put(run, message, APPLY_REASON_PARKED);
	}
	apply_commit_books(run, &bracket);
}

/* True: what followed them can be tried. */
static bool
quarantine_culprits(Run *run)
{
	Failure		failure;
	bool		followed = false;
	bool		done = apply_step(run, put_culprits, NULL, BOOKS_TIMEOUT_MS, &failure);

	for (int i = 0; i < run->count; i++)
	{
		ApplyMessage *message = &run->messages[i];

		if (message->outcome == APPLY_HELD && done && keeps_group(run, message))
			message->outcome = APPLY_QUARANTINED;
		else if (message->outcome == APPLY_HELD)
		{
			message->outcome = APPLY_PENDING;
			followed = true;
		}
		else if (message->outcome == APPLY_FAILED && done)
			message->outcome = APPLY_QUARANTINED;
		else if (message->outcome == APPLY_FAILED)
			acquit(message);
	}
	if (!done)
		apply_stop_with(run, &failure);
	return followed && !run->result->outage;
}

bool
verdict(Run *run)
{
	if (run->tripped != 0)
		acquit_alike(run);
	if (judge_routes(run))
	{
		run->suspects = 0;
		for (int i = 0; i < run->count; i++)
			run->suspects += run->messages[i].outcome == APPLY_FAILED &&
				failure_class(run->messages[i].sqlerrcode) != FAILURE_DATA;
		return true;
	}
	if (run->applied == 0 && run->suspects > 0)
		acquit_of_world(run);
	if (run->applier->policy != POLICY_BLOCK && has_culprits(run))
		return quarantine_culprits(run);
	return false;
}
