/*
 * slots.h
 *	  The consumers' slots in shared memory, as scans and the launcher use
 *	  them.
 *
 * All functions take the lock themselves unless their name says otherwise.
 */
#ifndef PG_SQS_SLOTS_H
#define PG_SQS_SLOTS_H

#include "postgres.h"

#include "shmem.h"

/* Make a slot free; the shared area is being built, or the lock is held. */
extern void slot_init(ConsumerSlot *slot);

/* ---- scans ---- */

/* One consumer of a subscription that shall have a slot. */
typedef struct SlotWish
{
	int32		subscription;
	int			consumer;		/* from 1 */
	const char *name;
	bool		fenced;
	const char *reason;			/* of the fence */
	uint32		config_hash;	/* a worker that runs under another one restarts */
	bool		fence_is_news;	/* out: was not fenced before */
} SlotWish;

/*
 * Make the database's slots be what is wished for: fill, mark, retire.
 * Returns how many wishes found no free slot.
 */
extern int	slots_sync(Oid database, SlotWish *wishes, int count);

/* The database is gone, or nobody may connect to it. */
extern void slots_forget(Oid database);

/* Tell all workers of a database to stop, InvalidOid: of all.  The lock is held. */
extern void slots_stop_locked(Oid database);
extern void slots_stop_all(void);

/* ---- the launcher ---- */

/*
 * All background workers are ours and a scan needs one: have a consumer make
 * room, of that database if possible.  It starts again when there is room.
 */
extern bool slots_yield_one(Oid database);

/* What the launcher needs to start a worker. */
typedef struct SlotLaunch
{
	int			index;
	uint64		generation;
	int			consumer;
	char		name[NAMEDATALEN];
} SlotLaunch;

/* A new launcher knows no worker that has not attached. */
extern void slots_forget_launches(void);

/*
 * Choose a slot whose worker is due and mark it launching.  False when none
 * is; *wake is then brought down to the time when the next one is, if any.
 */
extern bool slots_claim(TimestampTz now, SlotLaunch *launch, TimestampTz *wake);

/* No worker could be had for it; try again at that time. */
extern void slot_no_worker(const SlotLaunch *launch, TimestampTz retry);

/*
 * The worker of this launch is gone.  Matters only if it never attached
 * (died early, or found a pause).
 */
extern void slot_launch_ended(int index, uint64 generation);

/*
 * What a consumer is called where the server lists its processes: the
 * subscription's name, with a number from the second one on.
 */
#define SLOT_TITLE_LEN (NAMEDATALEN + 32)
extern void slot_title(char title[SLOT_TITLE_LEN], const char *name, int consumer);

/*
 * A subscription shall have so many consumers: emit a WARNING with a hint
 * when the server's settings cannot be enough for them.
 */
extern void slots_warn_if_too_few(int consumers);

#endif							/* PG_SQS_SLOTS_H */
