/*
 * apply_attempt.c
 *	  A consumer's transactions: messages tried together, and bookkeeping.
 *
 * None of it raises an error: a failure is described, the transaction is gone,
 * and who asked decides.  While the crash guard is awake, what is tried is
 * marked before, in a transaction of its own.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "apply_run.h"
#include "subtransaction.h"

#define BATCH_TIMEOUT_MS (5 * 60 * 1000)	/* a whole batch */
#define PART_TIMEOUT_MS (30 * 1000) /* at least, for a part of one */

/* Turn the error being handled into a failure, and be outside of a transaction. */
static void
recover(Run *run, Failure *failure, TimestampTz start, int timeout_ms)
{
	ErrorData  *edata;

	MemoryContextSwitchTo(run->applier->run_context);
	edata = CopyErrorData();
	disable_timeout(STATEMENT_TIMEOUT, false);
	QueryCancelPending = false;
	FlushErrorState();
	run->culprit = applier_culprit(run->applier);	/* what it is looked up in goes with the transaction */
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(run->applier->run_context);

	failure_describe(failure, edata, run->applier->progress.column);
	failure->timed_out = edata->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		TimestampDifferenceExceeds(start, GetCurrentTimestamp(), timeout_ms);
	failure->cancelled = !failure->timed_out &&
		edata->sqlerrcode == ERRCODE_QUERY_CANCELED && edata->message_id != NULL &&
		strcmp(edata->message_id, "canceling statement due to user request") == 0;
	FreeErrorData(edata);
}

bool
apply_step(Run *run, RunStep step, void *arg, int timeout_ms, Failure *failure)
{
	TimestampTz start = GetCurrentTimestamp();
	volatile bool passed = false;

	applier_reset_progress(run->applier);
	PG_TRY();
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		enable_timeout_after(STATEMENT_TIMEOUT, timeout_ms);
		PushActiveSnapshot(GetTransactionSnapshot());	/* SPI asks for one */
		step(run, arg);
		disable_timeout(STATEMENT_TIMEOUT, false);
		passed = true;
	}
	PG_CATCH();
	{
		recover(run, failure, start, timeout_ms);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(run->applier->run_context);

	/* What user code may leave behind: advisory locks of the session, held cursors. */
	LockReleaseSession(USER_LOCKMETHOD);
	PortalHashTableDeleteAll();
	return passed;
}

/* Remember what must be durable before a message of the transaction is deleted. */
static void
raise_gate(Run *run, bool wrote, XLogRecPtr seen)
{
	XLogRecPtr	gate = wrote ? Max(seen, XactLastCommitEnd) : seen;

	run->result->gate = Max(run->result->gate, gate);
}

void
apply_commit_books(Run *run, SessionBracket *bracket)
{
	bool		wrote = TransactionIdIsValid(GetTopTransactionIdIfAny());

	applier_leave_bookkeeping(bracket);
	PopActiveSnapshot();
	CommitTransactionCommand();
	raise_gate(run, wrote, InvalidXLogRecPtr);
}

/* Messages that are tried together. */
typedef struct Attempt
{
	ApplyMessage **set;
	int			count;
} Attempt;

static void
apply_together(Run *run, void *arg)
{
	const Attempt *attempt = arg;
	SessionBracket bracket;
	XLogRecPtr	seen = InvalidXLogRecPtr;
	bool		wrote;

	applier_apply(run->applier, attempt->set, attempt->count, run->applier->run_context, &bracket);

	/*
	 * What made a message a duplicate, or let it wait in the quarantine, may
	 * have been committed by another process and not be flushed yet; all of it
	 * lies before this point.
	 */
	for (int i = 0; i < attempt->count; i++)
	{
		if (attempt->set[i]->outcome != APPLY_APPLIED)
			seen = GetXLogInsertEndRecPtr();
	}
	PopActiveSnapshot();
	wrote = TransactionIdIsValid(GetTopTransactionIdIfAny());
	session_commit_as_owner(&bracket);
	raise_gate(run, wrote, seen);
}

/* Which routes have proved that they can write? */
static void
note_routes(Run *run, const Attempt *attempt)
{
	Applier    *applier = run->applier;

	for (int r = 0; r < applier->route_count; r++)
	{
		int			passed = 0;

		for (int i = 0; i < attempt->count; i++)
			passed += attempt->set[i]->outcome == APPLY_APPLIED &&
				!applier_leaves_out(applier, attempt->set[i], r);
		run->route_passed[r] |= passed > 0;
		if (applier->routes[r].breaker != NULL)
			breaker_passed(applier->routes[r].breaker, passed);
	}
}

static void
note_outcomes(Run *run, const Attempt *attempt, bool passed)
{
	int			applied = 0;

	for (int i = 0; i < attempt->count; i++)
	{
		if (!passed)
			attempt->set[i]->outcome = APPLY_PENDING;
		else if (attempt->set[i]->outcome == APPLY_APPLIED)
		{
			applied++;
			if (run->applier->poisoned.count > 0)
				ring_forget(&run->applier->poisoned, ring_hash(attempt->set[i]->group_id, ""));
		}
	}
	if (applied == 0)
		return;
	run->applied += applied;
	run->result->quarantined += run->applier->parted;
	run->result->superseded += run->applier->superseded;
	breaker_passed(&run->applier->breaker, applied);
	note_routes(run, attempt);
}

/* The guard wants to know before; where that fails, the world does. */
static bool
mark(Run *run, const Attempt *attempt, Failure *failure)
{
	Guard	   *guard = run->applier->guard;
	bool		wanted;
	TimestampTz start = GetCurrentTimestamp();
	volatile bool marked = true;

	if (guard == NULL)
		return true;
	wanted = guard_is_awake(guard);
	for (int i = 0; i < attempt->count && !wanted; i++)
		wanted = guard_suspects(guard, attempt->set[i]);
	if (!wanted)
		return true;
	PG_TRY();
	{
		guard_mark(guard, attempt->set, attempt->count);
	}
	PG_CATCH();
	{
		applier_reset_progress(run->applier);
		recover(run, failure, start, BATCH_TIMEOUT_MS);
		marked = false;
	}
	PG_END_TRY();
	return marked;
}

bool
apply_attempt(Run *run, const int *positions, int count, Failure *failure)
{
	Attempt		attempt = {palloc(sizeof(ApplyMessage *) * count), count};
	int			timeout_ms = Max((int64) BATCH_TIMEOUT_MS * count / run->count, PART_TIMEOUT_MS);
	bool		passed;

	for (int i = 0; i < count; i++)
	{
		attempt.set[i] = &run->messages[positions[i]];
		attempt.set[i]->reason = APPLY_REASON_DATA;
	}
	passed = mark(run, &attempt, failure) &&
		apply_step(run, apply_together, &attempt, timeout_ms, failure);
	if (run->applier->guard != NULL)
		guard_survived(run->applier->guard, passed);
	note_outcomes(run, &attempt, passed);
	pfree(attempt.set);
	return passed;
}

/* ---- the guard ---- */

typedef struct Identification
{
	const Applier *applier;
	ApplyMessage *message;
} Identification;

static void
identify_one(void *arg)
{
	const Identification *one = arg;

	ledger_identify(one->applier->ledger, one->message, one->applier->run_context);
}

/* What the guard knows messages by; one that has no key fails for that, later. */
static void
identify_all(Run *run, void *arg)
{
	(void) arg;
	for (int i = 0; i < run->count; i++)
	{
		Identification one = {run->applier, &run->messages[i]};
		ErrorData  *error = subtransaction_run(identify_one, &one);

		if (error != NULL)
			FreeErrorData(error);
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
}

bool
apply_prepare_guard(Run *run)
{
	const Guard *guard = run->applier->guard;
	Failure		failure;

	if (guard == NULL || !(guard_is_awake(guard) || guard_has_suspects(guard)) ||
		apply_step(run, identify_all, NULL, BATCH_TIMEOUT_MS, &failure))
		return true;
	apply_stop_with(run, &failure);
	return false;
}

void
apply_relax_guard(Run *run)
{
	Failure		failure;
	TimestampTz start = GetCurrentTimestamp();

	if (run->applier->guard == NULL)
		return;
	PG_TRY();
	{
		guard_relax(run->applier->guard);
	}
	PG_CATCH();
	{
		/* The next marks replace these. */
		recover(run, &failure, start, BATCH_TIMEOUT_MS);
	}
	PG_END_TRY();
}
