/*
 * slot_worker.c
 *	  A slot and its worker: taking it, reporting in it, leaving it.
 *
 * What decides when the next worker may start is written here: one that
 * leaves puts the earliest time of the next start into the slot, counted from
 * how it ended and how long it had lived.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/timestamp.h"

#include "slot_worker.h"
#include "slots.h"

/* Restart back-off: 1 s, doubling to 60 s; a minute of health forgives. */
#define RESTART_BASE_MS 1000
#define RESTART_CAP_MS 60000
#define HEALTHY_MS 60000
#define REFUSED_RETRY_MS 60000

ConsumerSlot *slot_mine = NULL;

void
slot_set_state_locked(ConsumerSlot *slot, ConsumerState state)
{
	Assert(LWLockHeldByMe(sqs_shared->lock));
	if (slot->state != state || slot->state_since == 0)
		slot->state_since = GetCurrentTimestamp();
	slot->state = state;
}

/* Text that may come from outside: cut at a whole character, valid in this encoding. */
static void
copy_text(char *to, Size size, const char *from)
{
	int			len = (int) strnlen(from, INT_MAX - 1);
	bool		valid = pg_verify_mbstr(GetDatabaseEncoding(), from, len, true);

	len = valid ? pg_mbcliplen(from, len, size - 1) : Min(len, (int) size - 1);
	for (int i = 0; i < len; i++)
		to[i] = !valid && IS_HIGHBIT_SET(from[i]) ? '?' : from[i];
	to[len] = '\0';
}

void
slot_set_error_locked(ConsumerSlot *slot, int sqlerrcode, const char *message, const char *hint)
{
	Assert(LWLockHeldByMe(sqs_shared->lock));
	slot->last_error_at = GetCurrentTimestamp();
	strlcpy(slot->last_error_sqlstate, unpack_sql_state(sqlerrcode),
			sizeof(slot->last_error_sqlstate));
	copy_text(slot->last_error, sizeof(slot->last_error), message);
	copy_text(slot->last_error_hint, sizeof(slot->last_error_hint), hint ? hint : "");
}

ConsumerSlot *
slot_find_locked(int index, uint64 generation)
{
	ConsumerSlot *slot;

	if (index < 0 || index >= sqs_shared->slot_count)
		return NULL;
	slot = &sqs_shared->slots[index];
	return slot->in_use && slot->generation == generation ? slot : NULL;
}

void
slot_count_failure_locked(ConsumerSlot *slot, TimestampTz now)
{
	int64		delay_ms = RESTART_CAP_MS;

	if (slot->failures < 6)
		delay_ms = Min(RESTART_CAP_MS, (int64) RESTART_BASE_MS << slot->failures);
	slot->failures++;
	slot->next_start = TimestampTzPlusMilliseconds(now, delay_ms);
}

static void
plan_restart_locked(ConsumerSlot *slot)
{
	TimestampTz now = GetCurrentTimestamp();

	if (slot->stop_requested || slot->end == CONSUMER_END_RECONFIGURE)
	{
		slot->failures = 0;
		slot->next_start = 0;
	}
	else if (slot->end == CONSUMER_END_REFUSED)
		slot->next_start = TimestampTzPlusMilliseconds(now, REFUSED_RETRY_MS);
	else
	{
		if (TimestampDifferenceExceeds(slot->started_at, now, HEALTHY_MS))
			slot->failures = 0;
		slot_count_failure_locked(slot, now);
	}
	if (slot->fenced || slot->end == CONSUMER_END_REFUSED)
		return;					/* the state says why */
	slot_set_state_locked(slot, slot->stop_requested ? CONSUMER_STOPPED : CONSUMER_STARTING);
}

static void
slot_detach(int code, Datum arg)
{
	ConsumerSlot *slot = slot_mine;

	(void) code;
	(void) arg;
	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	slot->pid = 0;
	slot->proc = NULL;
	if (slot->retired)
		slot_init(slot);
	else
		plan_restart_locked(slot);
	slot->stop_requested = false;
	shmem_wake_launcher();
	LWLockRelease(sqs_shared->lock);
}

bool
slot_attach(int index, uint64 generation, SlotTask *task)
{
	ConsumerSlot *slot;

	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	slot = slot_find_locked(index, generation);
	if (slot != NULL && slot->launching && !slot->retired && !slot->fenced && slot->pid == 0 &&
		!shmem_is_paused_locked(slot->database))
	{
		slot->pid = MyProcPid;
		slot->proc = MyProc;
		slot->launching = false;
		slot->stop_requested = false;
		slot->retry_requested = false;
		slot->end = CONSUMER_END_UNEXPECTED;
		slot->started_at = GetCurrentTimestamp();
		task->database = slot->database;
		task->subscription = slot->subscription;
		task->consumer = slot->consumer;
		task->version = slot->config_version;
		slot_mine = slot;
	}
	LWLockRelease(sqs_shared->lock);
	if (slot_mine != NULL)
		before_shmem_exit(slot_detach, (Datum) 0);
	return slot_mine != NULL;
}

SlotOrder
slot_order(uint32 version)
{
	SlotOrder	order = SLOT_GO_ON;

	LWLockAcquire(sqs_shared->lock, LW_SHARED);
	if (slot_mine->stop_requested)
		order = SLOT_STOP;
	else if (slot_mine->config_version != version)
		order = SLOT_RECONFIGURE;
	else if (slot_mine->retry_requested)
		order = SLOT_RETRY;
	LWLockRelease(sqs_shared->lock);

	if (order == SLOT_RETRY)
	{
		LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
		slot_mine->retry_requested = false;
		LWLockRelease(sqs_shared->lock);
	}
	return order;
}

bool
slot_report(ConsumerState state, int sqlerrcode, const char *message, const char *hint)
{
	bool		news;

	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	news = slot_mine->state != state ||
		(message != NULL &&
		 strcmp(slot_mine->last_error_sqlstate, unpack_sql_state(sqlerrcode)) != 0);
	slot_set_state_locked(slot_mine, state);
	if (message != NULL)
		slot_set_error_locked(slot_mine, sqlerrcode, message, hint);
	LWLockRelease(sqs_shared->lock);
	return news;
}

void
slot_note_error(int sqlerrcode, const char *message, const char *hint)
{
	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	slot_set_error_locked(slot_mine, sqlerrcode, message, hint);
	LWLockRelease(sqs_shared->lock);
}

void
slot_note_commit(int64 lag_ms)
{
	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	slot_mine->last_commit = GetCurrentTimestamp();
	slot_mine->lag_ms = lag_ms;
	LWLockRelease(sqs_shared->lock);
}

void
slot_set_end(ConsumerEnd end)
{
	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	slot_mine->end = end;
	LWLockRelease(sqs_shared->lock);
}

void
slot_set_config_hash(uint32 hash)
{
	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	slot_mine->config_hash = hash;
	LWLockRelease(sqs_shared->lock);
}

void
slot_put_attempts(const OpenAttempt attempts[SQS_MAX_POLLS])
{
	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	memcpy(slot_mine->attempts, attempts, sizeof(slot_mine->attempts));
	LWLockRelease(sqs_shared->lock);
}

void
slot_get_attempts(OpenAttempt attempts[SQS_MAX_POLLS])
{
	LWLockAcquire(sqs_shared->lock, LW_SHARED);
	memcpy(attempts, slot_mine->attempts, sizeof(slot_mine->attempts));
	LWLockRelease(sqs_shared->lock);
}
