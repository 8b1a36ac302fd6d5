/*
 * apply.c
 *	  A consumer's batch: transactions, and who is to blame when one fails.
 *
 * A batch is one transaction: ledger and routes, then what is deferred is
 * brought forward, so that nothing can fail later without being noticed
 * here, then the commit, all but the bookkeeping as the subscription's owner.
 *
 * When it fails for a reason that may lie in a message, it is tried again in
 * parts, each a transaction of its own, in the order of the messages: the
 * halves, or, where the message being read is known, what is before it, it,
 * and the halves of the rest.  Parts that pass stay committed.  A message
 * that fails alone is held against it, and what follows it in its group
 * waits, until all is tried and there is a verdict.  An outage is not
 * searched for culprits before it has lasted for some rounds; and when the
 * breaker trips, there is no use in going on.
 *
 * Messages of a group that failed lately are kept apart: tried last, and by
 * themselves.
 *
 * Where only one route refuses a message, and that is one for which the
 * others need not wait, the message is tried again without that route.
 */
#include "postgres.h"

#include "pgstat.h"
#include "utils/memutils.h"

#include "apply_run.h"

#define OUTAGE_ROUNDS 5			/* outages in a row before a culprit is looked for */
#define TIMEOUT_ROUNDS 1		/* the same for our own timeout */
#define FEW_APART 8				/* messages of a batch that are taken out of it one after the other */
#define MAX_SUSPECTS 20			/* messages failing before anything passed */

static uint64
message_hash(const ApplyMessage *message)
{
	return ring_hash(message->message_id, message->dedup_id);
}

bool
apply_is_convicted(const Applier *applier, const ApplyMessage *message)
{
	return ring_has(&applier->convicted, message_hash(message));
}

/* ---- who is to blame ---- */

/* What follows a failed message in its group waits. A standard queue has no groups. */
void
apply_hold_followers(Run *run, int position)
{
	const char *group = run->messages[position].group_id;

	for (int i = position + 1; i < run->count && group[0] != '\0'; i++)
	{
		if (run->messages[i].outcome == APPLY_PENDING &&
			strcmp(run->messages[i].group_id, group) == 0)
			run->messages[i].outcome = APPLY_HELD;
	}
}

void
apply_stop_with(Run *run, const Failure *failure)
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
		known = apply_is_convicted(run->applier, &run->messages[positions[i]]);
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

/* The route that alone refused a message tried alone, if the others need not wait for it; else -1. */
static int
route_to_blame(const Run *run)
{
	int			route = run->applier->progress_route;

	return route >= 0 && run->applier->routes[route].alone ? route : -1;
}

static bool run_range(Run *run, int low, int high);

/*
 * A route refuses a message that the others may take: try it again without.
 * False: stop here.
 */
static bool
go_without(Run *run, int position, int route, const Failure *failure)
{
	ApplierRoute *refusing = &run->applier->routes[route];
	Failure		trouble;

	if (!breaker_failed(refusing->breaker, failure->signature, message_hash(&run->messages[position])))
		applier_leave_out(&run->messages[position], route, failure->sqlerrcode, failure->error);
	else if (!verdict_stop_route(run, route, failure->sqlerrcode, failure->error, &trouble))
	{
		apply_stop_with(run, &trouble);
		return false;
	}
	return run_range(run, position, position + 1);
}

/* Nobody knows which route a constraint that was checked at the commit belongs to: try. */
static bool
went_without_some_route(Run *run, int position)
{
	ApplyMessage *message = &run->messages[position];
	Failure		failure;

	for (int r = 0; r < run->applier->route_count; r++)
	{
		List	   *before = list_copy(message->left_out);

		if (!run->applier->routes[r].alone || applier_leaves_out(run->applier, message, r))
			continue;
		applier_leave_out(message, r, message->sqlerrcode, message->error);
		if (apply_attempt(run, &position, 1, &failure))
		{
			if (breaker_failed(run->applier->routes[r].breaker, message->signature, message_hash(message)) &&
				!verdict_stop_route(run, r, message->sqlerrcode, message->error, &failure))
				apply_stop_with(run, &failure);
			return true;
		}
		message->left_out = before;
	}
	return false;
}

static void
note_failure(ApplyMessage *message, const Failure *failure, int route)
{
	message->sqlerrcode = failure->sqlerrcode;
	strlcpy(message->error, failure->error, sizeof(message->error));
	message->signature = failure->signature;
	message->failed_route = route;
}

/*
 * A message failed alone.  False when it is time to stop: nothing ever
 * passes, or too much fails alike.
 */
static bool
blame(Run *run, int position, const Failure *failure)
{
	ApplyMessage *message = &run->messages[position];
	Applier    *applier = run->applier;
	int			route = route_to_blame(run);
	bool		at_commit = applier->progress_route < 0 && applier->progress_set != NULL &&
		message->reason == APPLY_REASON_DATA && message->key != NULL;

	note_failure(message, failure, route);
	if (route >= 0 && failure->class == FAILURE_DATA)
		return go_without(run, position, route, failure);
	if (at_commit && failure->class == FAILURE_DATA && went_without_some_route(run, position))
		return true;
	note_failure(message, failure, route);
	message->outcome = APPLY_FAILED;
	run->apart++;
	ring_note(&applier->poisoned, ring_hash(message->group_id, ""));
	apply_hold_followers(run, position);
	if (message->reason == APPLY_REASON_CONFLICT)
		return true;
	if (failure->class == FAILURE_DATA || run->applied > 0 ||
		apply_is_convicted(applier, message))
	{
		if (route >= 0 ||
			!breaker_failed(&applier->breaker, failure->signature, message_hash(message)))
			return true;
		run->tripped = failure->signature;
		run->world = *failure;
		return false;
	}
	if (run->suspects++ == 0)
		run->world = *failure;
	return run->suspects < MAX_SUSPECTS;
}

/* ---- parts ---- */

/*
 * Apply in parts what failed together: positions[0..count) of the range that ends
 * at high.  The rest behind a known culprit, or a suspect, is halved at once
 * where there are many, lest they cost the square of their number, or the stack.
 */
static bool
run_parts(Run *run, const int *positions, int count, int high, int culprit)
{
	int			low = positions[0];

	if (culprit >= 0)
	{
		int			rest = positions[culprit] + 1;
		int			middle = run->apart < FEW_APART ? high : rest + (high - rest) / 2;

		return run_range(run, low, positions[culprit]) &&
			run_range(run, positions[culprit], rest) &&
			run_range(run, rest, middle) &&
			run_range(run, middle, high);
	}
	return run_range(run, low, positions[count / 2]) &&
		run_range(run, positions[count / 2], high);
}

/* The first of them that the guard wants to be tried alone, or -1. */
static int
find_suspect(const Run *run, const int *positions, int count)
{
	const Guard *guard = run->applier->guard;

	if (guard == NULL || !guard_has_suspects(guard))
		return -1;
	for (int i = 0; i < count; i++)
	{
		if (guard_suspects(guard, &run->messages[positions[i]]))
			return i;
	}
	return -1;
}

/* The one that was being read when they failed, or -1. */
static int
find_culprit(const Run *run, const int *positions, int count)
{
	for (int i = 0; i < count && run->culprit != NULL; i++)
	{
		if (run->culprit == &run->messages[positions[i]])
			return i;
	}
	return -1;
}

/* Apply what is pending in [low, high).  False: stop here. */
static bool
run_range(Run *run, int low, int high)
{
	int		   *positions = palloc(sizeof(int) * Max(high - low, 1));
	int			count = 0;
	int			suspect;
	bool		go_on = true;
	Failure		failure;

	for (int i = low; i < high; i++)
	{
		if (run->messages[i].outcome == APPLY_PENDING)
			positions[count++] = i;
	}
	suspect = find_suspect(run, positions, count);
	if (count > 1 && suspect >= 0)
	{
		run->apart++;
		go_on = run_parts(run, positions, count, high, suspect);
	}
	else if (count > 0 && !apply_attempt(run, positions, count, &failure))
	{
		if (must_wait(run, &failure, positions, count))
		{
			apply_stop_with(run, &failure);
			go_on = false;
		}
		else if (count == 1)
			go_on = blame(run, positions[0], &failure);
		else
			go_on = run_parts(run, positions, count, high, find_culprit(run, positions, count));
	}
	pfree(positions);
	return go_on;
}

/* ---- the run ---- */

/*
 * Groups that were poisoned lately are tried when the others are done, so that
 * these are one transaction as ever.  (Groups do not wait for each other.)
 */
static void
run_all(Run *run)
{
	const Ring *poisoned = &run->applier->poisoned;
	bool	   *apart = palloc0(sizeof(bool) * run->count);
	bool		go_on;

	for (int i = 0; i < run->count && poisoned->count > 0; i++)
	{
		ApplyMessage *message = &run->messages[i];

		apart[i] = message->outcome == APPLY_PENDING && message->group_id[0] != '\0' &&
			ring_has(poisoned, ring_hash(message->group_id, ""));
		if (apart[i])
			message->outcome = APPLY_HELD;
	}
	go_on = run_range(run, 0, run->count);
	for (int i = 0; i < run->count; i++)
	{
		if (apart[i])
			run->messages[i].outcome = APPLY_PENDING;
	}
	if (go_on && poisoned->count > 0)
		(void) run_range(run, 0, run->count);
	pfree(apart);
}

/* Something passed: what failed is to blame for it, whatever its SQLSTATE. */
static void
convict_culprits(const Run *run)
{
	for (int i = 0; i < run->count && run->applied > 0; i++)
	{
		if (run->messages[i].outcome == APPLY_FAILED && run->messages[i].failed_route < 0 &&
			failure_class(run->messages[i].sqlerrcode) != FAILURE_DATA)
			ring_note(&run->applier->convicted, message_hash(&run->messages[i]));
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
	run.route_passed = palloc0(sizeof(bool) * Max(applier->route_count, 1));
	if (apply_prepare_guard(&run))
	{
		do
		{
			run_all(&run);
			convict_culprits(&run);
		} while (verdict(&run));
	}
	if (!result->outage)
		applier->outages = 0;
	applier_count_outcomes(messages, count, result);
	pgstat_report_stat(false);
	apply_relax_guard(&run);
	MemoryContextSwitchTo(old);
	MemoryContextReset(applier->run_context);
}
