/*
 * slots.c
 *	  All the slots, one a consumer: which there are, and which of them wants
 *	  a worker.
 *
 * A scan makes a database's slots be what its subscriptions ask for.  The
 * launcher asks which slot is due; when that is, the last worker has left
 * behind in the slot.
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timestamp.h"

#include "guc.h"
#include "slot_worker.h"
#include "slots.h"

#define OUR_OTHER_WORKERS 2		/* the launcher, and a scanner now and then */

void
slot_init(ConsumerSlot *slot)
{
	uint64		generation = slot->generation;
	ConsumerCounters *counters = &slot->counters;
	pg_atomic_uint64 *all[] = {
		&counters->received, &counters->applied, &counters->duplicates, &counters->superseded,
		&counters->quarantined, &counters->blocked, &counters->retried, &counters->deleted,
		&counters->api_calls, &counters->api_errors
	};

	memset(slot, 0, sizeof(ConsumerSlot));
	slot->generation = generation;
	slot->lag_ms = -1;
	for (int i = 0; i < (int) lengthof(all); i++)
		pg_atomic_init_u64(all[i], 0);
}

/* Have the worker exit: quietly if it waits, by SIGTERM if it works. */
static void
stop_worker_locked(ConsumerSlot *slot)
{
	Assert(LWLockHeldByMe(sqs_shared->lock));
	slot->launching = false;
	if (slot->pid == 0)
		return;
	slot->stop_requested = true;
	kill(slot->pid, SIGTERM);
}

static void
retire_locked(ConsumerSlot *slot)
{
	stop_worker_locked(slot);
	if (slot->pid == 0)
		slot_init(slot);
	else
		slot->retired = true;
}

static ConsumerSlot *
find_slot_locked(Oid database, const SlotWish *wish)
{
	for (int i = 0; i < sqs_shared->slot_count; i++)
	{
		ConsumerSlot *slot = &sqs_shared->slots[i];

		if (slot->in_use && !slot->retired && slot->database == database &&
			slot->subscription == wish->subscription && slot->consumer == wish->consumer)
			return slot;
	}
	return NULL;
}

static ConsumerSlot *
fill_slot_locked(Oid database, const SlotWish *wish)
{
	for (int i = 0; i < sqs_shared->slot_count; i++)
	{
		ConsumerSlot *slot = &sqs_shared->slots[i];

		if (slot->in_use)
			continue;
		slot_init(slot);
		slot->in_use = true;
		slot->generation++;
		slot->database = database;
		slot->subscription = wish->subscription;
		slot->consumer = wish->consumer;
		slot->stats_since = GetCurrentTimestamp();
		slot_set_state_locked(slot, CONSUMER_STARTING);
		return slot;
	}
	return NULL;
}

/* A slot becomes, or stays, fenced. */
static void
fence_locked(ConsumerSlot *slot, SlotWish *wish)
{
	wish->fence_is_news = !slot->fenced;
	slot->fenced = true;
	stop_worker_locked(slot);
	slot_set_state_locked(slot, CONSUMER_FENCED);
	if (wish->fence_is_news)
		slot_set_error_locked(slot, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
						 wish->reason ? wish->reason : "the subscription is fenced",
						 "If this server shall consume the queue, run sqs.enable() for the subscription.");
}

/* Bring a slot up to date with what a scan saw. */
static void
refresh_locked(ConsumerSlot *slot, SlotWish *wish)
{
	bool		changed = slot->config_hash != wish->config_hash;

	strlcpy(slot->name, wish->name, sizeof(slot->name));
	slot->config_hash = wish->config_hash;
	if (wish->fenced)
	{
		fence_locked(slot, wish);
		return;
	}
	if (slot->fenced)
	{
		slot->fenced = false;
		slot_set_state_locked(slot, CONSUMER_STARTING);
	}
	if (slot->pid == 0)
	{
		/* Someone has just changed something: do not wait for the back-off. */
		slot->failures = 0;
		slot->next_start = 0;
	}
	else
	{
		if (changed)
			slot->config_version++;
		slot->retry_requested = true;
		SetLatch(&slot->proc->procLatch);
	}
}

static bool
is_wished(const ConsumerSlot *slot, const SlotWish *wishes, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (wishes[i].subscription == slot->subscription && wishes[i].consumer == slot->consumer)
			return true;
	}
	return false;
}

int
slots_sync(Oid database, SlotWish *wishes, int count)
{
	int			homeless = 0;

	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < sqs_shared->slot_count; i++)
	{
		ConsumerSlot *slot = &sqs_shared->slots[i];

		if (slot->in_use && !slot->retired && slot->database == database &&
			!is_wished(slot, wishes, count))
			retire_locked(slot);
	}
	for (int i = 0; i < count; i++)
	{
		ConsumerSlot *slot = find_slot_locked(database, &wishes[i]);

		wishes[i].fence_is_news = false;
		if (slot == NULL)
			slot = fill_slot_locked(database, &wishes[i]);
		if (slot != NULL)
			refresh_locked(slot, &wishes[i]);
		else
			homeless++;
	}
	shmem_wake_launcher();
	LWLockRelease(sqs_shared->lock);
	return homeless;
}

void
slots_forget(Oid database)
{
	(void) slots_sync(database, NULL, 0);
}

void
slots_stop_locked(Oid database)
{
	for (int i = 0; i < sqs_shared->slot_count; i++)
	{
		ConsumerSlot *slot = &sqs_shared->slots[i];

		if (!slot->in_use || (OidIsValid(database) && slot->database != database))
			continue;
		stop_worker_locked(slot);
		if (slot->pid == 0 && !slot->fenced)
			slot_set_state_locked(slot, CONSUMER_STOPPED);
	}
}

void
slots_stop_all(void)
{
	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	slots_stop_locked(InvalidOid);
	LWLockRelease(sqs_shared->lock);
}

bool
slots_yield_one(Oid database)
{
	ConsumerSlot *chosen = NULL;

	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < sqs_shared->slot_count; i++)
	{
		ConsumerSlot *slot = &sqs_shared->slots[i];

		if (slot->in_use && slot->pid != 0 && (chosen == NULL || slot->database == database))
			chosen = slot;
	}
	if (chosen != NULL)
		stop_worker_locked(chosen);
	LWLockRelease(sqs_shared->lock);
	return chosen != NULL;
}

void
slots_forget_launches(void)
{
	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < sqs_shared->slot_count; i++)
		sqs_shared->slots[i].launching = false;
	LWLockRelease(sqs_shared->lock);
}

static bool
startable_locked(const ConsumerSlot *slot)
{
	return slot->in_use && !slot->retired && !slot->fenced && !slot->launching &&
		slot->pid == 0 && !shmem_is_paused_locked(slot->database);
}

bool
slots_claim(TimestampTz now, SlotLaunch *launch, TimestampTz *wake)
{
	bool		found = false;

	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; !found && i < sqs_shared->slot_count; i++)
	{
		ConsumerSlot *slot = &sqs_shared->slots[i];

		if (!startable_locked(slot))
			continue;
		if (slot->next_start > now)
		{
			*wake = Min(*wake, slot->next_start);
			continue;
		}
		slot->launching = true;
		launch->index = i;
		launch->generation = slot->generation;
		launch->consumer = slot->consumer;
		strlcpy(launch->name, slot->name, sizeof(launch->name));
		found = true;
	}
	LWLockRelease(sqs_shared->lock);
	return found;
}

void
slot_no_worker(const SlotLaunch *launch, TimestampTz retry)
{
	ConsumerSlot *slot;

	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	slot = slot_find_locked(launch->index, launch->generation);
	if (slot != NULL)
	{
		slot->launching = false;
		slot->next_start = retry;
		slot_set_state_locked(slot, CONSUMER_WAITING);
		slot_set_error_locked(slot, ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
						 "no background worker slot is free",
						 "Raise max_worker_processes and restart the server.");
	}
	LWLockRelease(sqs_shared->lock);
}

void
slot_launch_ended(int index, uint64 generation)
{
	ConsumerSlot *slot;

	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	slot = slot_find_locked(index, generation);
	if (slot != NULL && slot->launching)
	{
		slot->launching = false;
		if (!shmem_is_paused_locked(slot->database))
			slot_count_failure_locked(slot, GetCurrentTimestamp());
	}
	LWLockRelease(sqs_shared->lock);
}

void
slot_title(char title[SLOT_TITLE_LEN], const char *name, int consumer)
{
	if (consumer > 1)
		snprintf(title, SLOT_TITLE_LEN, "pg_sqs consumer %s %d", name, consumer);
	else
		snprintf(title, SLOT_TITLE_LEN, "pg_sqs consumer %s", name);
}

void
slots_warn_if_too_few(int consumers)
{
	if (sqs_shared == NULL)
		return;
	if (consumers > sqs_max_consumers)
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("%d consumers cannot run: pg_sqs.max_consumers is %d, for all subscriptions together",
						consumers, sqs_max_consumers),
				 errhint("Raise pg_sqs.max_consumers and restart the server.")));
	else if (consumers + OUR_OTHER_WORKERS > max_worker_processes)
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("%d consumers cannot run: max_worker_processes is %d", consumers,
						max_worker_processes),
				 errhint("Set max_worker_processes to at least %d (a worker a consumer, two for pg_sqs itself, and what others need) and restart the server.",
						 consumers + OUR_OTHER_WORKERS)));
}
