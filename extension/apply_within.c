/*
 * apply_within.c
 *	  Applying messages inside the caller's transaction; any failure is the
 *	  caller's error.
 *
 * First all at once, in a subtransaction.  A statement that fails for a
 * whole set does not say which message was to blame, so then they are
 * taken one by one, and the error that comes names its message.  What a route
 * refuses for which the others need not wait is no failure: taken one by one,
 * such messages are tried without it, and it waits in the quarantine.
 *
 * Here bookkeeping follows what the owner's code did for the messages before,
 * in one transaction.  That code must leave nothing behind that could meet
 * the rights of bookkeeping: in a session that is not the owner's own it may
 * not (it runs security-restricted); in the owner's own what is left behind is
 * deferred to the commit, when the caller is himself again.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"

#include "applier.h"
#include "apply_within.h"
#include "failure.h"
#include "record.h"
#include "subtransaction.h"

/* What apply_in_transaction works on. */
typedef struct Within
{
	Applier    *applier;
	ApplyMessage *messages;
	ApplyMessage **set;			/* all of them */
	int			first;			/* the ones to apply now */
	int			count;
	MemoryContext keys;
} Within;

/* CONTEXT of errors raised to a caller: which message. */
static void
message_context(void *arg)
{
	const Within *within = arg;
	const ApplyMessage *culprit;
	const char *column = within->applier->progress.column;
	int			number = 0;

	if (within->count == 1)
		number = within->first + 1;
	else if ((culprit = applier_culprit(within->applier)) != NULL)
		number = (int) (culprit - within->messages) + 1;
	if (number > 0 && column != NULL && column != record_whole_body)
		errcontext("message %d, column \"%s\"", number, column);
	else if (number > 0)
		errcontext("message %d", number);
}

static void
apply_now(void *arg)
{
	const Within *within = arg;
	SessionBracket bracket;

	applier_apply(within->applier, within->set + within->first, within->count, within->keys,
				  &bracket);
	session_leave_owner(&bracket);
}

/* The route that refused the message, if the others need not wait for it; else -1. */
static int
refusing_route(const Applier *applier, const ErrorData *error)
{
	int			route = applier->progress_route;

	if (route < 0 || !applier->routes[route].alone ||
		failure_class(error->sqlerrcode) != FAILURE_DATA)
		return -1;
	return route;
}

/* One message, without the routes that refuse it; null, or the error it failed with. */
static ErrorData *
apply_single(Within *within)
{
	Applier    *applier = within->applier;
	int			parted = 0;

	for (;;)
	{
		ErrorData  *error = subtransaction_run(apply_now, within);
		Failure		failure;
		int			route;

		if (error == NULL)
			return NULL;
		route = refusing_route(applier, error);
		if (route < 0 || parted++ > applier->route_count)
			return error;
		failure_describe(&failure, error, applier->progress.column);
		applier_leave_out(within->set[within->first], route, failure.sqlerrcode, failure.error);
		FreeErrorData(error);
	}
}

/*
 * All at once in a subtransaction.  False when it failed, was undone, and
 * nothing is known about whose fault it is.
 */
static bool
applied_together(Within *within)
{
	ErrorData  *error = subtransaction_run(apply_now, within);

	if (error == NULL)
		return true;
	if (failure_class(error->sqlerrcode) == FAILURE_OUTAGE ||
		(within->applier->progress.position >= 0 && refusing_route(within->applier, error) < 0 &&
		 error->sqlerrcode != ERRCODE_CARDINALITY_VIOLATION))	/* nobody's fault: two of one key */
		ReThrowError(error);
	FreeErrorData(error);
	return false;
}

/* One after the other, so that the error that comes names its message. */
static void
apply_singly(Within *within, int count, ApplyResult *result)
{
	within->count = 1;
	for (int i = 0; i < count; i++)
	{
		ErrorData  *error;

		CHECK_FOR_INTERRUPTS();
		within->first = i;
		error = apply_single(within);
		if (error != NULL)
			ReThrowError(error);
		result->quarantined += within->applier->parted;
		result->superseded += within->applier->superseded;
	}
}

static const char *
caller_name(void)
{
	return GetUserNameFromId(GetUserId(), false);
}

void
apply_in_transaction(Applier *applier, ApplyMessage *messages, int count, ApplyResult *result)
{
	Within		within = {.applier = applier, .messages = messages, .count = count,
	.keys = CurrentMemoryContext};
	ErrorContextCallback callback = {.previous = error_context_stack};

	memset(result, 0, sizeof(*result));
	applier_reset_outcomes(messages, count);
	if (count == 0)
		return;
	applier->within = true;
	applier->ledger->settled_by = caller_name();
	within.set = palloc(sizeof(ApplyMessage *) * count);
	for (int i = 0; i < count; i++)
		within.set[i] = &messages[i];

	callback.callback = message_context;
	callback.arg = &within;
	error_context_stack = &callback;
	if (count > 1 && applied_together(&within))
	{
		result->quarantined += applier->parted;
		result->superseded += applier->superseded;
	}
	else
		apply_singly(&within, count, result);
	error_context_stack = callback.previous;
	applier_count_outcomes(messages, count, result);
	result->gate = InvalidXLogRecPtr;
}

bool
apply_one_within(Applier *applier, ApplyMessage *message, Failure *failure)
{
	ApplyMessage *set = message;
	Within		within = {.applier = applier, .messages = message, .set = &set, .count = 1,
	.keys = CurrentMemoryContext};
	ErrorData  *error;

	applier_reset_outcomes(message, 1);
	applier->within = true;
	applier->releasing = true;
	applier->ledger->settled_by = caller_name();
	error = apply_single(&within);
	if (error == NULL)
		return true;
	failure_describe(failure, error, applier->progress.column);
	if (failure->class == FAILURE_OUTAGE)
		ReThrowError(error);
	FreeErrorData(error);
	return false;
}
