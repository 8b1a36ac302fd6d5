/*
 * apply_within.c
 *	  Applying messages inside the caller's transaction; any failure is the
 *	  caller's error.
 *
 * First all at once, in a subtransaction.  A statement that fails for a
 * whole set does not say which message was to blame, so then they are
 * taken one by one, and the error that comes names its message.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/resowner.h"

#include "applier.h"
#include "failure.h"
#include "record.h"

/* CONTEXT of errors raised to a caller: which message. */
static void
message_context(void *arg)
{
	const RouteProgress *progress = arg;

	if (progress->position >= 0 && progress->column != NULL &&
		progress->column != record_whole_body)
		errcontext("message %d, column \"%s\"", progress->position + 1, progress->column);
	else if (progress->position >= 0)
		errcontext("message %d", progress->position + 1);
}

/* What apply_in_transaction works on. */
typedef struct Within
{
	Applier    *applier;
	ApplyMessage **set;
	int			count;
	bool		restricted;
} Within;

static void
apply_within(const Within *within, int first, int count)
{
	SessionBracket bracket;

	(void) applier_apply(within->applier, within->set + first, count, within->restricted, &bracket);
	session_leave_owner(&bracket);
}

/*
 * All at once in a subtransaction.  False when it failed, was undone, and
 * nothing is known about whose fault it is.
 */
static bool
apply_together(const Within *within)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool passed = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		apply_within(within, 0, within->count);
		ReleaseCurrentSubTransaction();
		passed = true;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (within->applier->progress.position >= 0 ||
			failure_class(edata->sqlerrcode) == FAILURE_OUTAGE)
			ReThrowError(edata);
		FreeErrorData(edata);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return passed;
}

/*
 * One after the other, so that the error that comes names its message.  The
 * ledger and the routes then see sets of one; the position is put right for
 * the context of the error.
 */
static void
apply_singly(const Within *within)
{
	RouteProgress *progress = &within->applier->progress;
	ErrorContextCallback callback = {.previous = error_context_stack};
	RouteProgress single = {.position = -1};

	callback.callback = message_context;
	callback.arg = &single;
	error_context_stack = &callback;
	for (int i = 0; i < within->count; i++)
	{
		single.position = i;
		apply_within(within, i, 1);
		progress->position = -1;
	}
	error_context_stack = callback.previous;
}

void
apply_in_transaction(Applier *applier, ApplyMessage *messages, int count, ApplyResult *result)
{
	Within		within = {.applier = applier, .count = count};
	ErrorContextCallback callback = {.previous = error_context_stack};

	memset(result, 0, sizeof(*result));
	applier_reset_outcomes(messages, count);
	if (count == 0)
		return;
	within.restricted = GetSessionUserId() != applier->owner || GetUserId() != applier->owner ||
		InSecurityRestrictedOperation();
	within.set = palloc(sizeof(ApplyMessage *) * count);
	for (int i = 0; i < count; i++)
		within.set[i] = &messages[i];

	callback.callback = message_context;
	callback.arg = &applier->progress;
	error_context_stack = &callback;
	if (count == 1 || !apply_together(&within))
	{
		error_context_stack = callback.previous;
		apply_singly(&within);
	}
	error_context_stack = callback.previous;
	applier_count_outcomes(messages, count, result);
	result->gate = InvalidXLogRecPtr;
}
