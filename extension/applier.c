/*
 * applier.c
 *	  One set of messages through ledger and routes.
 *
 * In this order, and in one transaction: the ledger takes the keys and tells
 * the new messages from the known ones, with the rights of the ledger's
 * owner; then the routes write the new ones, as the subscription's owner.
 * Never the other way round: what the owner's code leaves behind must not
 * meet the ledger's rights.
 *
 * Memory: an Applier lives in a context of its own until applier_free; the
 * context of a run is a child of it.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "applier.h"
#include "failure.h"

#undef TEXTDOMAIN
#define TEXTDOMAIN FAILURE_DOMAIN

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
	applier->owner = subscription->owner;
	applier->ledger = ledger_create(subscription);
	applier->routes = palloc(sizeof(Route *) * Max(list_length(subscription->routes), 1));
	foreach(lc, subscription->routes)
		applier->routes[applier->route_count++] = route_create(lfirst(lc));
	MemoryContextSwitchTo(old);
	return applier;
}

void
applier_free(Applier *applier)
{
	for (int i = 0; i < applier->route_count; i++)
		route_free(applier->routes[i]);
	ledger_free(applier->ledger);
	MemoryContextDelete(applier->context);
}

int
applier_apply(Applier *applier, ApplyMessage **set, int count, bool restricted,
			  SessionBracket *bracket)
{
	ApplyMessage **fresh = palloc(sizeof(ApplyMessage *) * count);
	int			fresh_count = 0;
	int			duplicates;

	applier_reset_progress(applier);
	if (applier->route_count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("subscription \"%s\" has no route", applier->name),
				 errhint("Messages would be lost: name a target with sqs.alter_subscription(..., target => ...).")));
	duplicates = ledger_record(applier->ledger, set, count, &applier->progress.position);
	for (int i = 0; i < count; i++)
	{
		if (set[i]->outcome == APPLY_APPLIED)
			fresh[fresh_count++] = set[i];
	}
	session_enter_owner(bracket, applier->owner, restricted);
	for (int i = 0; i < applier->route_count && fresh_count > 0; i++)
		(void) route_run(applier->routes[i], fresh, fresh_count, &applier->progress);
	return duplicates;
}

void
applier_reset_progress(Applier *applier)
{
	applier->progress.position = -1;
	applier->progress.column = NULL;
}

void
applier_count_outcomes(const ApplyMessage *messages, int count, ApplyResult *result)
{
	for (int i = 0; i < count; i++)
	{
		result->applied += messages[i].outcome == APPLY_APPLIED;
		result->duplicates += messages[i].outcome == APPLY_DUPLICATE;
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
	}
}
