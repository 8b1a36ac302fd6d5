/*
 * applier.c
 *	  One set of messages through ledger, quarantine and routes.
 *
 * In this order, and in one transaction.  With the rights of the extension's
 * owner: the subscription is locked; what belongs to held groups is parked in
 * the quarantine; the ledger takes the keys of the rest and tells the new
 * messages from the known ones; what a route is to be left out of goes into
 * the quarantine; the crash guard's marks go.  Then, as the subscription's
 * owner, the routes write the new messages.  Never the other way round: what
 * the owner's code leaves behind must not meet the rights of the first part.
 *
 * Memory: an Applier lives in a context of its own until applier_free; the
 * context of a run is a child of it.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "applier.h"
#include "failure.h"
#include "quarantine.h"

#undef TEXTDOMAIN
#define TEXTDOMAIN FAILURE_DOMAIN

static void
add_route(Applier *applier, const SubscriptionRoute *configuration)
{
	ApplierRoute *route = &applier->routes[applier->route_count++];

	route->route = route_create(configuration);
	route->name = pstrdup(configuration->name);
	route->alone = configuration->on_error_route;
	route->stopped = configuration->stopped;
	if (route->alone)
		route->breaker = palloc0(sizeof(Breaker));
}

Applier *
applier_create(const Subscription *subscription)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "pg_sqs applier",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Applier    *applier = palloc0(sizeof(Applier));
	ListCell   *lc;

	applier->context = context;
	applier->run_context = AllocSetContextCreate(context, "pg_sqs run", ALLOCSET_DEFAULT_SIZES);
	applier->name = pstrdup(subscription->name);
	applier->subscription = subscription->id;
	applier->owner = subscription->owner;
	applier->policy = subscription->policy;
	applier->fifo = subscription->fifo;
	applier->ledger = ledger_create(subscription);
	applier->routes = palloc0(sizeof(ApplierRoute) * Max(list_length(subscription->routes), 1));
	foreach(lc, subscription->routes)
		add_route(applier, lfirst(lc));
	applier_reset_progress(applier);
	MemoryContextSwitchTo(old);
	return applier;
}

void
applier_free(Applier *applier)
{
	for (int i = 0; i < applier->route_count; i++)
		route_free(applier->routes[i].route);
	MemoryContextDelete(applier->context);
}

bool
applier_guard(Applier *applier, const Subscription *subscription, int consumer,
			  ApplyRefusal *refusal)
{
	MemoryContext old = MemoryContextSwitchTo(applier->context);

	memset(refusal, 0, sizeof(*refusal));
	applier->guard = guard_start(subscription, consumer, refusal);
	MemoryContextSwitchTo(old);
	return applier->guard != NULL;
}

void
applier_forgive(Applier *applier)
{
	breaker_forgive(&applier->breaker);
	for (int i = 0; i < applier->route_count; i++)
	{
		if (applier->routes[i].breaker != NULL)
			breaker_forgive(applier->routes[i].breaker);
	}
	applier->look_again = true;
}

void
applier_enter_bookkeeping(SessionBracket *bracket)
{
	session_enter_bookkeeping(bracket);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
applier_leave_bookkeeping(SessionBracket *bracket)
{
	SPI_finish();
	session_leave_bookkeeping(bracket);
}

/* ---- routes that are left out ---- */

void
applier_leave_out(ApplyMessage *message, int route, int sqlerrcode, const char *error)
{
	ApplyLeftOut *left_out = palloc0(sizeof(ApplyLeftOut));

	left_out->route = route;
	left_out->sqlerrcode = sqlerrcode;
	strlcpy(left_out->error, error, sizeof(left_out->error));
	message->left_out = lappend(message->left_out, left_out);
}

bool
applier_leaves_out(const Applier *applier, const ApplyMessage *message, int route)
{
	ListCell   *lc;

	if (applier->routes[route].stopped)
		return true;
	foreach(lc, message->left_out)
	{
		if (((ApplyLeftOut *) lfirst(lc))->route == route)
			return true;
	}
	return false;
}

/* sqs.enable may have started some. */
static void
look_at_stopped_routes(Applier *applier)
{
	List	   *names = quarantine_stopped_routes(applier->subscription);

	for (int i = 0; i < applier->route_count; i++)
	{
		ListCell   *lc;

		applier->routes[i].stopped = false;
		foreach(lc, names)
			applier->routes[i].stopped |= strcmp(lfirst(lc), applier->routes[i].name) == 0;
	}
	applier->look_again = false;
}

/* What a message is not tried with goes into the quarantine before the others are. */
static void
part(Applier *applier, const ApplyMessage *message)
{
	ListCell   *lc;

	foreach(lc, message->left_out)
	{
		ApplyLeftOut *left_out = lfirst(lc);
		QuarantineEntry entry = {message, applier->routes[left_out->route].name,
		APPLY_REASON_DATA, left_out->sqlerrcode, left_out->error};

		quarantine_put(applier->subscription, &entry);
		applier->parted++;
	}
	for (int i = 0; i < applier->route_count; i++)
	{
		QuarantineEntry entry = {message, applier->routes[i].name,
		APPLY_REASON_ROUTE_STOPPED, 0, ""};

		if (!applier->routes[i].stopped)
			continue;
		quarantine_put(applier->subscription, &entry);
		applier->parted++;
	}
}

/* ---- bookkeeping ---- */

static void
identify(Applier *applier, ApplyMessage **set, int count, MemoryContext keys)
{
	applier->progress_set = set;
	for (int i = 0; i < count; i++)
	{
		applier->progress.position = i;
		ledger_identify(applier->ledger, set[i], keys);
	}
	applier->progress.position = -1;
}

/* A message that follows one in a held group, unless it is known already. */
static void
park(Applier *applier, ApplyMessage **parked, int count)
{
	ledger_recognize(applier->ledger, parked, count);
	for (int i = 0; i < count; i++)
	{
		QuarantineEntry entry = {parked[i], "", APPLY_REASON_PARKED, 0, ""};

		if (parked[i]->outcome == APPLY_DUPLICATE)
			continue;
		quarantine_put(applier->subscription, &entry);
		parked[i]->outcome = APPLY_QUARANTINED;
	}
}

/* Park what belongs to held groups and keep the rest; returns the rest's number. */
static int
park_held(Applier *applier, ApplyMessage **set, int count, ApplyMessage **rest)
{
	bool	   *held = palloc(sizeof(bool) * count);
	ApplyMessage **parked = palloc(sizeof(ApplyMessage *) * count);
	int			parked_count = 0;
	int			rest_count = 0;

	(void) quarantine_find_held(applier->subscription, set, count, held);
	for (int i = 0; i < count; i++)
	{
		if (held[i])
			parked[parked_count++] = set[i];
		else
			rest[rest_count++] = set[i];
	}
	if (parked_count > 0)
		park(applier, parked, parked_count);
	return rest_count;
}

/*
 * A message that waits in the quarantine and is delivered once more, because
 * its deletion got lost, goes on waiting: what followed it has been applied.
 * Sent again it is another message, and is tried.  Returns how many are left.
 */
static int
skip_waiting(Applier *applier, ApplyMessage **set, int count)
{
	bool	   *waiting = palloc(sizeof(bool) * count);
	int			left = 0;

	(void) quarantine_find_waiting(applier->subscription, set, count, waiting);
	for (int i = 0; i < count; i++)
	{
		if (waiting[i])
			set[i]->outcome = APPLY_DUPLICATE;
		else
			set[left++] = set[i];
	}
	return left;
}

/* All that needs elevated rights. Fills fresh with what the routes shall write. */
static int
keep_books(Applier *applier, ApplyMessage **set, int count, ApplyMessage **fresh)
{
	ApplyMessage **rest = palloc(sizeof(ApplyMessage *) * count);
	int			rest_count = count;
	int			fresh_count = 0;
	LedgerOutlook outlook;

	ledger_open(applier->ledger, &outlook);
	if (applier->look_again)
		look_at_stopped_routes(applier);
	if (outlook.held && !applier->releasing)
		rest_count = park_held(applier, set, count, rest);
	else
		memcpy(rest, set, sizeof(ApplyMessage *) * count);
	if (outlook.waiting && !applier->within && rest_count > 0)
		rest_count = skip_waiting(applier, rest, rest_count);
	applier->progress_set = rest;
	if (rest_count > 0)
		(void) ledger_record(applier->ledger, rest, rest_count, outlook.waiting,
							 &applier->progress.position);
	for (int i = 0; i < rest_count; i++)
	{
		if (rest[i]->outcome != APPLY_APPLIED)
			continue;
		fresh[fresh_count++] = rest[i];
		part(applier, rest[i]);
	}
	if (applier->guard != NULL)
		guard_unmark(applier->guard);
	return fresh_count;
}

/* ---- routes ---- */

static void
run_route(Applier *applier, int number, ApplyMessage **fresh, int count)
{
	ApplyMessage **set = palloc(sizeof(ApplyMessage *) * Max(count, 1));
	int			n = 0;

	for (int i = 0; i < count; i++)
	{
		if (!applier_leaves_out(applier, fresh[i], number))
			set[n++] = fresh[i];
	}
	if (n == 0)
		return;
	applier->progress_set = set;
	applier->progress_route = number;
	applier->superseded += route_run(applier->routes[number].route, set, n, &applier->progress);
	applier->progress_route = -1;
}

void
applier_apply(Applier *applier, ApplyMessage **set, int count, MemoryContext keys,
			  SessionBracket *bracket)
{
	ApplyMessage **fresh = palloc(sizeof(ApplyMessage *) * count);
	int			fresh_count;
	bool		restricted = applier->within &&
		(GetSessionUserId() != applier->owner || GetUserId() != applier->owner ||
		 InSecurityRestrictedOperation());

	applier_reset_progress(applier);
	if (applier->route_count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("subscription \"%s\" has no route", applier->name),
				 errhint("Messages would be lost: name a target with sqs.alter_subscription(..., target => ...).")));
	identify(applier, set, count, keys);
	applier_enter_bookkeeping(bracket);
	fresh_count = keep_books(applier, set, count, fresh);
	applier_leave_bookkeeping(bracket);

	session_enter_owner(bracket, applier->owner, restricted);
	for (int i = 0; i < applier->route_count && fresh_count > 0; i++)
		run_route(applier, i, fresh, fresh_count);
}

void
applier_apply_route(Applier *applier, ApplyMessage *message, int route, SessionBracket *bracket)
{
	bool		restricted = GetSessionUserId() != applier->owner ||
		GetUserId() != applier->owner || InSecurityRestrictedOperation();

	applier_reset_progress(applier);
	session_enter_owner(bracket, applier->owner, restricted);
	run_route(applier, route, &message, 1);
}

/* ---- progress and outcomes ---- */

void
applier_reset_progress(Applier *applier)
{
	applier->progress.position = -1;
	applier->progress.column = NULL;
	applier->progress_set = NULL;
	applier->progress_route = -1;
	applier->parted = 0;
	applier->superseded = 0;
}

ApplyMessage *
applier_culprit(const Applier *applier)
{
	if (applier->progress_set == NULL || applier->progress.position < 0)
		return NULL;
	return applier->progress_set[applier->progress.position];
}

void
applier_count_outcomes(const ApplyMessage *messages, int count, ApplyResult *result)
{
	for (int i = 0; i < count; i++)
	{
		result->applied += messages[i].outcome == APPLY_APPLIED;
		result->duplicates += messages[i].outcome == APPLY_DUPLICATE;
		result->quarantined += messages[i].outcome == APPLY_QUARANTINED;
		result->failed += messages[i].outcome == APPLY_FAILED;
		result->held += messages[i].outcome == APPLY_HELD;
	}
}

void
applier_reset_outcomes(ApplyMessage *messages, int count)
{
	for (int i = 0; i < count; i++)
	{
		messages[i].outcome = APPLY_PENDING;
		messages[i].sqlerrcode = 0;
		messages[i].error[0] = '\0';
		messages[i].key = NULL;
		messages[i].reason = APPLY_REASON_DATA;
		messages[i].signature = 0;
		messages[i].failed_route = -1;
		messages[i].left_out = NIL;
	}
}
