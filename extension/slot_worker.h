/*
 * slot_worker.h
 *	  A consumer's own slot in shared memory.
 *
 * All functions take the lock themselves unless their name says otherwise.
 */
#ifndef PG_SQS_SLOT_WORKER_H
#define PG_SQS_SLOT_WORKER_H

#include "postgres.h"

#include "shmem.h"

/* The slot, if it still is of that generation, else null. */
extern ConsumerSlot *slot_find_locked(int index, uint64 generation);

extern void slot_set_state_locked(ConsumerSlot *slot, ConsumerState state);

/* The hint may be null. */
extern void slot_set_error_locked(ConsumerSlot *slot, int sqlerrcode, const char *message,
								  const char *hint);

/* One more start that did not last: put off the next one. */
extern void slot_count_failure_locked(ConsumerSlot *slot, TimestampTz now);

/* What a slot's worker shall run. */
typedef struct SlotTask
{
	Oid			database;
	int32		subscription;
	int			consumer;		/* which of the subscription's, from 1 */
	uint32		version;		/* of the configuration; see slot_order */
} SlotTask;

/*
 * Become the slot's worker, until exit.  False when slot and generation do
 * not hold any more, the database is paused or someone else is there.
 * Before connecting to the database.
 */
extern bool slot_attach(int index, uint64 generation, SlotTask *task);

/* The slot this process attached to. */
extern ConsumerSlot *slot_mine;

typedef enum SlotOrder
{
	SLOT_GO_ON,
	SLOT_RETRY,					/* go on, and put nothing off; said once */
	SLOT_STOP,					/* exit at once */
	SLOT_RECONFIGURE			/* finish what is under way and exit */
} SlotOrder;

extern SlotOrder slot_order(uint32 version);

/*
 * Enter a state.  The message (null: none, last_error stays as history)
 * becomes last_error.  True when state or SQLSTATE are not what they were:
 * that is when to log.
 */
extern bool slot_report(ConsumerState state, int sqlerrcode, const char *message, const char *hint);

/* An error that changes no state, such as one blocked message. */
extern void slot_note_error(int sqlerrcode, const char *message, const char *hint);

extern void slot_note_commit(int64 lag_ms);

/* The worker itself changed its configuration: the next scan finds it unchanged. */
extern void slot_set_config_hash(uint32 hash);

/* Leave behind, and find, the polls that may hold an answer nobody heard. */
extern void slot_put_attempts(const OpenAttempt attempts[SQS_MAX_POLLS]);
extern void slot_get_attempts(OpenAttempt attempts[SQS_MAX_POLLS]);

/* How this process is about to end; see ConsumerEnd. */
extern void slot_set_end(ConsumerEnd end);

#endif							/* PG_SQS_SLOT_WORKER_H */
