/*
 * shmem.c
 *	  The shared area, and the notes about databases in it.
 *
 * A note is a message to the launcher ("look at this database again") or a
 * prohibition ("nobody may run there").  Notes are few and short-lived; when
 * all are taken, requests for scans are replaced by the request to scan
 * everything, so no request is ever lost.
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "guc.h"
#include "shmem.h"
#include "slots.h"

#define TRANCHE_NAME "pg_sqs"

SqsShared  *sqs_shared = NULL;

static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

static Size
shmem_size(void)
{
	return add_size(offsetof(SqsShared, slots),
					mul_size(sqs_max_consumers, sizeof(ConsumerSlot)));
}

static void
shmem_request(void)
{
	if (prev_shmem_request)
		prev_shmem_request();
	RequestAddinShmemSpace(shmem_size());
	RequestNamedLWLockTranche(TRANCHE_NAME, 1);
}

static void
shmem_startup(void)
{
	bool		found;

	if (prev_shmem_startup)
		prev_shmem_startup();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	sqs_shared = ShmemInitStruct("pg_sqs", shmem_size(), &found);
	if (!found)
	{
		memset(sqs_shared, 0, shmem_size());
		sqs_shared->lock = &(GetNamedLWLockTranche(TRANCHE_NAME))->lock;
		sqs_shared->slot_count = sqs_max_consumers;
		for (int i = 0; i < sqs_shared->slot_count; i++)
			slot_init(&sqs_shared->slots[i]);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
shmem_install(void)
{
	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = shmem_request;
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
}

void
shmem_wake_launcher(void)
{
	Assert(LWLockHeldByMe(sqs_shared->lock));
	if (sqs_shared->launcher_pid != 0)
		SetLatch(&sqs_shared->launcher_proc->procLatch);
}

static void
launcher_detach(int code, Datum arg)
{
	(void) code;
	(void) arg;
	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	sqs_shared->launcher_pid = 0;
	sqs_shared->launcher_proc = NULL;
	LWLockRelease(sqs_shared->lock);
}

bool
shmem_attach_launcher(void)
{
	bool		attached = false;

	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	if (sqs_shared->launcher_pid == 0)
	{
		sqs_shared->launcher_pid = MyProcPid;
		sqs_shared->launcher_proc = MyProc;
		sqs_shared->scan_all = true;
		attached = true;
	}
	LWLockRelease(sqs_shared->lock);
	if (attached)
		before_shmem_exit(launcher_detach, (Datum) 0);
	return attached;
}

static void
scanner_detach(int code, Datum arg)
{
	(void) code;
	(void) arg;
	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	sqs_shared->scanner_pid = 0;
	sqs_shared->scanner_database = InvalidOid;
	shmem_wake_launcher();
	LWLockRelease(sqs_shared->lock);
}

bool
shmem_attach_scanner(Oid database)
{
	bool		attached = false;

	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	if (sqs_shared->scanner_pid == 0 && !shmem_is_paused_locked(database))
	{
		sqs_shared->scanner_pid = MyProcPid;
		sqs_shared->scanner_database = database;
		attached = true;
	}
	LWLockRelease(sqs_shared->lock);
	if (attached)
		before_shmem_exit(scanner_detach, (Datum) 0);
	return attached;
}

void
shmem_scanner_done(void)
{
	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	sqs_shared->scanner_done = true;
	LWLockRelease(sqs_shared->lock);
}

/* The note of a database, or null.  The lock is held. */
static DatabaseNote *
find_note(Oid database)
{
	for (int i = 0; i < SQS_MAX_DATABASE_NOTES; i++)
	{
		if (sqs_shared->notes[i].database == database)
			return &sqs_shared->notes[i];
	}
	return NULL;
}

static void
free_note_if_empty(DatabaseNote *note)
{
	if (!note->scan && note->pauses == 0)
		note->database = InvalidOid;
}

/* A note for the database, new if need be; null when there is no room. */
static DatabaseNote *
make_note(Oid database)
{
	DatabaseNote *note = find_note(database);

	if (note == NULL)
	{
		note = find_note(InvalidOid);
		if (note != NULL)
		{
			note->database = database;
			note->scan = false;
			note->pauses = 0;
		}
	}
	return note;
}

/* Make room: what was asked for in single notes is covered by scan_all. */
static void
fold_scans(void)
{
	sqs_shared->scan_all = true;
	for (int i = 0; i < SQS_MAX_DATABASE_NOTES; i++)
	{
		sqs_shared->notes[i].scan = false;
		free_note_if_empty(&sqs_shared->notes[i]);
	}
}

void
shmem_note_scan(Oid database)
{
	DatabaseNote *note = NULL;

	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	if (OidIsValid(database))
		note = make_note(database);
	if (note != NULL)
		note->scan = true;
	else
		sqs_shared->scan_all = true;
	shmem_wake_launcher();
	LWLockRelease(sqs_shared->lock);
}

int
shmem_take_scans(Oid out[SQS_MAX_DATABASE_NOTES], bool *all)
{
	int			count = 0;

	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	*all = sqs_shared->scan_all;
	sqs_shared->scan_all = false;
	for (int i = 0; i < SQS_MAX_DATABASE_NOTES; i++)
	{
		DatabaseNote *note = &sqs_shared->notes[i];

		if (!OidIsValid(note->database) || !note->scan)
			continue;
		out[count++] = note->database;
		note->scan = false;
		free_note_if_empty(note);
	}
	LWLockRelease(sqs_shared->lock);
	return count;
}

bool
shmem_pause(Oid database)
{
	DatabaseNote *note;

	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	note = make_note(database);
	if (note == NULL)
	{
		fold_scans();
		note = make_note(database);
	}
	if (note != NULL)
	{
		note->pauses++;
		slots_stop_locked(database);
		if (sqs_shared->scanner_pid != 0 && sqs_shared->scanner_database == database)
			kill(sqs_shared->scanner_pid, SIGTERM);
	}
	LWLockRelease(sqs_shared->lock);
	return note != NULL;
}

void
shmem_unpause(Oid database)
{
	DatabaseNote *note;

	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	note = find_note(database);
	if (note != NULL && note->pauses > 0)
	{
		note->pauses--;
		note->scan = true;
	}
	shmem_wake_launcher();
	LWLockRelease(sqs_shared->lock);
}

bool
shmem_is_paused_locked(Oid database)
{
	DatabaseNote *note;

	Assert(LWLockHeldByMe(sqs_shared->lock));
	note = find_note(database);
	return note != NULL && note->pauses > 0;
}

bool
shmem_is_paused(Oid database)
{
	bool		paused;

	LWLockAcquire(sqs_shared->lock, LW_SHARED);
	paused = shmem_is_paused_locked(database);
	LWLockRelease(sqs_shared->lock);
	return paused;
}

bool
shmem_database_busy(Oid database)
{
	bool		busy;

	LWLockAcquire(sqs_shared->lock, LW_SHARED);
	busy = sqs_shared->scanner_pid != 0 && sqs_shared->scanner_database == database;
	for (int i = 0; !busy && i < sqs_shared->slot_count; i++)
	{
		ConsumerSlot *slot = &sqs_shared->slots[i];

		busy = slot->in_use && slot->database == database && slot->pid != 0;
	}
	LWLockRelease(sqs_shared->lock);
	return busy;
}
