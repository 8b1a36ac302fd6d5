/*
 * apply.c
 *	  A consumer's batch: transactions, and who is to blame when one fails.
 *
 * A batch is one transaction: ledger and routes, then what is deferred is
 * brought forward, so that nothing can fail later without being noticed
 * here, then the commit, all but the ledger as the subscription's owner.
 *
 * When it fails for a reason that may lie in a message, it is tried again in
 * parts, each a transaction of its own, in the order of the messages: the
 * halves, or, where the message being read is known, what is before it, it,
 * and the halves of the rest.  Parts that pass stay committed.  A message
 * that fails alone is the culprit if others pass; what follows it in its
 * group is held back.  If nothing passes, failures whose SQLSTATE speaks of
 * definitions or outages are the world's: their messages go back to pending.
 * An outage is not searched for culprits before it has lasted for some
 * rounds.  A culprit that looked like the world is remembered, since it will
 * be received again, perhaps alone.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/lock.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "applier.h"
#include "failure.h"

#define BATCH_TIMEOUT_MS (5 * 60 * 1000)	/* a whole batch */
#define PART_TIMEOUT_MS (30 * 1000) /* at least, for a part of one */
#define OUTAGE_ROUNDS 5			/* outages in a row before a culprit is looked for */
#define TIMEOUT_ROUNDS 1		/* the same for our own timeout */
#define MAX_SUSPECTS 20			/* messages failing before anything passed */

/* One call of apply_run. */
typedef struct Run
{
	Applier    *applier;
	ApplyMessage *messages;
	int			count;
	ApplyResult *result;
	bool		forced;			/* look for culprits of an outage, too */
	int			applied;
	int			suspects;		/* failed alone, perhaps through the world's fault */
	Failure		world;			/* of the first suspect */
} Run;

static uint64
message_hash(const ApplyMessage *message)
{
	const unsigned char *id = (const unsigned char *) message->message_id;
	const unsigned char *key = (const unsigned char *) message->dedup_id;
	uint64		hash = hash_bytes_extended(id, strlen(message->message_id), 0);

	return hash_bytes_extended(key, strlen(message->dedup_id), hash) | 1;
}

static bool
is_convicted(const Applier *applier, const ApplyMessage *message)
{
	uint64		hash = message_hash(message);

	for (int i = 0; i < APPLIER_CONVICTED; i++)
	{
		if (applier->convicted[i] == hash)
			return true;
	}
	return false;
}

static void
convict(Applier *applier, const ApplyMessage *message)
{
	if (is_convicted(applier, message))
		return;
	applier->convicted[applier->next_convicted] = message_hash(message);
	applier->next_convicted = (applier->next_convicted + 1) % APPLIER_CONVICTED;
}

/* In a transaction of its own; raises whatever fails. */
static void
apply_transaction(Run *run, ApplyMessage **set, int count, int timeout_ms)
{
	SessionBracket bracket;
	XLogRecPtr	gate = InvalidXLogRecPtr;
	bool		wrote;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	enable_timeout_after(STATEMENT_TIMEOUT, timeout_ms);
	PushActiveSnapshot(GetTransactionSnapshot());	/* SPI asks for one */

	/*
	 * What made a message a duplicate may have been committed by another
	 * process and not be flushed yet; all of it lies before this point.
	 */
	if (applier_apply(run->applier, set, count, false, &bracket) > 0)
		gate = GetXLogInsertEndRecPtr();
	PopActiveSnapshot();
	wrote = TransactionIdIsValid(GetTopTransactionIdIfAny());
	session_commit_as_owner(&bracket);
	disable_timeout(STATEMENT_TIMEOUT, false);
	if (wrote)
		gate = Max(gate, XactLastCommitEnd);
	run->result->gate = Max(run->result->gate, gate);
}

/* Turn the error being handled into a failure, and be outside of a transaction. */
static void
recover(Run *run, Failure *failure, TimestampTz start, int timeout_ms)
{
	RouteProgress *progress = &run->applier->progress;
	ErrorData  *edata;

	MemoryContextSwitchTo(run->applier->run_context);
	edata = CopyErrorData();
	disable_timeout(STATEMENT_TIMEOUT, false);
	QueryCancelPending = false;
	FlushErrorState();
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(run->applier->run_context);

	failure_describe(failure, edata, progress->column);
	failure->culprit = progress->position;
	failure->timed_out = edata->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		TimestampDifferenceExceeds(start, GetCurrentTimestamp(), timeout_ms);
	failure->cancelled = !failure->timed_out &&
		edata->sqlerrcode == ERRCODE_QUERY_CANCELED && edata->message_id != NULL &&
		strcmp(edata->message_id, "canceling statement due to user request") == 0;
	FreeErrorData(edata);
}

/* Try some messages together; when false they are pending again. */
static bool
attempt(Run *run, const int *positions, int count, Failure *failure)
{
	ApplyMessage **set = palloc(sizeof(ApplyMessage *) * count);
	int			timeout_ms = Max((int64) BATCH_TIMEOUT_MS * count / run->count, PART_TIMEOUT_MS);
	TimestampTz start = GetCurrentTimestamp();
	volatile bool passed = false;

	for (int i = 0; i < count; i++)
		set[i] = &run->messages[positions[i]];
	applier_reset_progress(run->applier);
	PG_TRY();
	{
		apply_transaction(run, set, count, timeout_ms);
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
	for (int i = 0; i < count; i++)
	{
		if (!passed)
			set[i]->outcome = APPLY_PENDING;
		else if (set[i]->outcome == APPLY_APPLIED)
			run->applied++;
	}
	pfree(set);
	return passed;
}

/* What follows a failed message in its group waits. A standard queue has no groups. */
static void
hold_followers(Run *run, int position)
{
	const char *group = run->messages[position].group_id;

	for (int i = position + 1; i < run->count && group[0] != '\0'; i++)
	{
		if (run->messages[i].outcome == APPLY_PENDING &&
			strcmp(run->messages[i].group_id, group) == 0)
			run->messages[i].outcome = APPLY_HELD;
	}
}

static void
stop_with(Run *run, const Failure *failure)
{
	ApplyResult *result = run->result;

	result->outage = true;
	result->broken = failure->class == FAILURE_DEFINITION;
	result->sqlerrcode = failure->sqlerrcode;
	strlcpy(result->error, failure->error, sizeof(result->error));
	strlcpy(result->hint, failure->hint, sizeof(result->hint));
}

/* Is this an outage to be waited for, rather than to be looked into? */
static bool
must_wait(Run *run, const Failure *failure, const int *positions, int count)
{
	bool		known = false;

	if (failure->class != FAILURE_OUTAGE)
		return false;
	if (failure->cancelled)
		return true;
	for (int i = 0; i < count && !known; i++)
		known = is_convicted(run->applier, &run->messages[positions[i]]);
	if (run->forced || known)
		run->forced = true;
	else
	{
		run->applier->outages++;
		run->forced = count > 1 &&
			run->applier->outages > (failure->timed_out ? TIMEOUT_ROUNDS : OUTAGE_ROUNDS);
	}
	return !run->forced;
}

/* A message failed alone.  False when it is time to stop: nothing ever passes. */
static bool
blame(Run *run, int position, const Failure *failure)
{
	ApplyMessage *message = &run->messages[position];

	message->outcome = APPLY_FAILED;
	message->sqlerrcode = failure->sqlerrcode;
	strlcpy(message->error, failure->error, sizeof(message->error));
	hold_followers(run, position);
	if (failure->class == FAILURE_DATA || run->applied > 0 || is_convicted(run->applier, message))
		return true;
	if (run->suspects++ == 0)
		run->world = *failure;
	return run->suspects < MAX_SUSPECTS;
}

static bool run_range(Run *run, int low, int high);

/*
 * Apply in parts what failed together: positions[0..count) of the range that ends
 * at high.  The rest behind a known culprit is halved at once, lest many
 * culprits cost the square of their number.
 */
static bool
run_parts(Run *run, const int *positions, int count, int high, int culprit)
{
	int			low = positions[0];

	if (culprit >= 0)
	{
		int			rest = positions[culprit] + 1;
		int			middle = rest + (high - rest) / 2;

		return run_range(run, low, positions[culprit]) &&
			run_range(run, positions[culprit], rest) &&
			run_range(run, rest, middle) &&
			run_range(run, middle, high);
	}
	return run_range(run, low, positions[count / 2]) &&
		run_range(run, positions[count / 2], high);
}

/* Apply what is pending in [low, high).  False: stop here. */
static bool
run_range(Run *run, int low, int high)
{
	int		   *positions = palloc(sizeof(int) * Max(high - low, 1));
	int			count = 0;
	bool		go_on = true;
	Failure		failure;

	for (int i = low; i < high; i++)
	{
		if (run->messages[i].outcome == APPLY_PENDING)
			positions[count++] = i;
	}
	if (count > 0 && !attempt(run, positions, count, &failure))
	{
		if (must_wait(run, &failure, positions, count))
		{
			stop_with(run, &failure);
			go_on = false;
		}
		else if (count == 1)
			go_on = blame(run, positions[0], &failure);
		else
			go_on = run_parts(run, positions, count, high, failure.culprit);
	}
	pfree(positions);
	return go_on;
}

/* Nothing passed: failures that speak of the world are no message's fault. */
static void
acquit(Run *run)
{
	for (int i = 0; i < run->count; i++)
	{
		ApplyMessage *message = &run->messages[i];

		if (message->outcome == APPLY_HELD ||
			(message->outcome == APPLY_FAILED &&
			 failure_class(message->sqlerrcode) != FAILURE_DATA &&
			 !is_convicted(run->applier, message)))
		{
			message->outcome = APPLY_PENDING;
			message->sqlerrcode = 0;
			message->error[0] = '\0';
		}
	}
	for (int i = 0; i < run->count; i++)
	{
		if (run->messages[i].outcome == APPLY_FAILED)
			hold_followers(run, i);
	}
	if (!run->result->outage)
		stop_with(run, &run->world);
}

/* Something passed: what failed is to blame for it, whatever its SQLSTATE. */
static void
convict_culprits(const Run *run)
{
	for (int i = 0; i < run->count; i++)
	{
		if (run->messages[i].outcome == APPLY_FAILED &&
			failure_class(run->messages[i].sqlerrcode) != FAILURE_DATA)
			convict(run->applier, &run->messages[i]);
	}
}

void
apply_run(Applier *applier, ApplyMessage *messages, int count, ApplyResult *result)
{
	MemoryContext old = MemoryContextSwitchTo(applier->run_context);
	Run			run = {.applier = applier, .messages = messages, .count = count, .result = result};

	Assert(!IsTransactionState());
	memset(result, 0, sizeof(*result));
	applier_reset_outcomes(messages, count);
	(void) run_range(&run, 0, count);
	if (run.applied > 0)
		convict_culprits(&run);
	else if (run.suspects > 0)
		acquit(&run);
	if (!result->outage)
		applier->outages = 0;
	applier_count_outcomes(messages, count, result);
	pgstat_report_stat(false);
	MemoryContextSwitchTo(old);
	MemoryContextReset(applier->run_context);
}
