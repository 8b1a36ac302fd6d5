/*
 * shmem.h
 *	  What the processes of pg_sqs share: one slot for each consumer, the
 *	  databases that wait for a scan or must be left alone, and the one
 *	  scanner.
 *
 * Lock rules
 *	  SqsShared->lock (LWLock) protects every plain field of every slot and of
 *	  the header.  It is held for copies and comparisons only: never across an
 *	  allocation that may fail, an error, a wait or another lock.  The
 *	  counters are atomics that only their consumer writes and anyone reads
 *	  without the lock.  Nothing here points to memory of a process, except
 *	  proc, which is valid while pid is set and the lock is held.
 *
 * A slot's life
 *	  A scan fills a free slot for an enabled subscription (in_use, generation
 *	  + 1), the launcher starts a worker for it (launching), and a later scan
 *	  frees it when the subscription is gone or disabled, after its worker has
 *	  gone (retired until then).  The worker is told slot and generation; it
 *	  attaches (sets pid) only if both still hold, else it exits, and detaches
 *	  at exit whatever the reason.
 *
 * A pause
 *	  While a note has pauses > 0 nobody attaches for that database, and
 *	  attaching comes before connecting: so when no attached process is left,
 *	  none is or gets connected to the database until the pause ends.
 */
#ifndef PG_SQS_SHMEM_H
#define PG_SQS_SHMEM_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/lwlock.h"
#include "storage/proc.h"

/* What sqs.status shows as the state of a consumer. */
typedef enum ConsumerState
{
	CONSUMER_STARTING,
	CONSUMER_RUNNING,
	CONSUMER_BACKOFF,			/* an outage: waits and tries again by itself */
	CONSUMER_ERROR,				/* needs a person: the reason is in last_error */
	CONSUMER_FENCED,			/* a copy of another database: does not poll */
	CONSUMER_WAITING,			/* no free background worker slot */
	CONSUMER_STOPPED			/* pg_sqs.enabled is off, or its database is paused */
} ConsumerState;

/* Why a consumer ended, as far as it could say so itself. */
typedef enum ConsumerEnd
{
	CONSUMER_END_UNEXPECTED,	/* an error, a signal: restart with back-off */
	CONSUMER_END_RECONFIGURE,	/* its configuration changed: restart at once */
	CONSUMER_END_REFUSED		/* needs a person: try again rarely */
} ConsumerEnd;

/* Since the slot was filled; each has one writer, the consumer. */
typedef struct ConsumerCounters
{
	pg_atomic_uint64 received;	/* messages, redeliveries included */
	pg_atomic_uint64 applied;	/* messages whose effect was committed */
	pg_atomic_uint64 duplicates;	/* messages the ledger knew */
	pg_atomic_uint64 superseded;	/* rows a newer version of which was there */
	pg_atomic_uint64 quarantined;	/* messages, or routes of them, put into the quarantine */
	pg_atomic_uint64 blocked;	/* times a message failed and was left in its queue */
	pg_atomic_uint64 retried;	/* batches tried again after an outage */
	pg_atomic_uint64 deleted;	/* messages deleted from the queue */
	pg_atomic_uint64 api_calls; /* answers and failures of SQS calls */
	pg_atomic_uint64 api_errors;
} ConsumerCounters;

#define SQS_ERROR_LEN 512
#define SQS_HINT_LEN 256

/*
 * A ReceiveMessage call that may have been answered without anybody hearing
 * it: the one who comes after its consumer can ask for the same answer again.
 */
#define SQS_ATTEMPT_ID_LEN 37
#define SQS_MAX_POLLS 32		/* of one consumer */

typedef struct OpenAttempt
{
	char		id[SQS_ATTEMPT_ID_LEN]; /* ReceiveRequestAttemptId; "" = free */
	TimestampTz since;			/* when it was used first */
} OpenAttempt;

typedef struct ConsumerSlot
{
	bool		in_use;
	uint64		generation;		/* raised when the slot is filled */
	Oid			database;
	int32		subscription;	/* sqs.subscription.id */
	int			consumer;		/* which of its consumers, from 1 */
	char		name[NAMEDATALEN];	/* the subscription's, for logs */
	bool		fenced;			/* as of the last scan: starts no worker */
	bool		retired;		/* to be freed when its worker has gone */
	bool		launching;		/* a worker was asked for and has not attached yet */
	pid_t		pid;			/* 0: no worker attached */
	PGPROC	   *proc;			/* of the worker; to set its latch */
	bool		stop_requested; /* the worker shall exit */
	bool		retry_requested;	/* ... shall try again at once what it puts off */
	uint32		config_hash;	/* of the configuration the last scan saw */
	uint32		config_version; /* raised to make the worker read its row again */
	ConsumerEnd end;			/* what the worker said last */
	int			failures;		/* starts in a row that did not last */
	TimestampTz next_start;		/* not before; 0 = at once */
	TimestampTz started_at;
	OpenAttempt attempts[SQS_MAX_POLLS];	/* of the worker, or left behind by the last one */

	ConsumerState state;
	TimestampTz state_since;
	TimestampTz last_commit;	/* 0 = none yet */
	int64		lag_ms;			/* from SQS's SentTimestamp to commit, last batch's oldest; -1 = none yet */
	TimestampTz last_error_at;	/* 0 = none */
	char		last_error_sqlstate[6];
	char		last_error[SQS_ERROR_LEN];
	char		last_error_hint[SQS_HINT_LEN];
	TimestampTz stats_since;
	ConsumerCounters counters;
} ConsumerSlot;

/* A database whose subscriptions shall be scanned, or must not run. */
typedef struct DatabaseNote
{
	Oid			database;		/* InvalidOid: free */
	bool		scan;			/* its configuration may have changed */
	int			pauses;			/* > 0: no consumer may run there now */
} DatabaseNote;

#define SQS_MAX_DATABASE_NOTES 64

typedef struct SqsShared
{
	LWLock	   *lock;
	pid_t		launcher_pid;	/* 0: not running */
	PGPROC	   *launcher_proc;
	pid_t		scanner_pid;	/* 0: none attached */
	Oid			scanner_database;
	bool		scanner_done;	/* the last scanner reached its end */
	bool		scan_all;		/* every database: at start, or when notes ran out */
	DatabaseNote notes[SQS_MAX_DATABASE_NOTES];
	int			slot_count;
	ConsumerSlot slots[FLEXIBLE_ARRAY_MEMBER];
} SqsShared;

/* Null when pg_sqs is not in shared_preload_libraries. */
extern SqsShared *sqs_shared;

/* Called by _PG_init in the postmaster: installs the two hooks. */
extern void shmem_install(void);

/* Set the launcher's latch, if there is a launcher.  The lock is held. */
extern void shmem_wake_launcher(void);

/*
 * Register the launcher, undone at exit.  False when there is one already.
 * A new launcher starts with a scan of everything.
 */
extern bool shmem_attach_launcher(void);

/*
 * Register the scanner of a database, undone at exit.  False when the
 * database is paused or another scanner is there.
 */
extern bool shmem_attach_scanner(Oid database);

/* The scanner says that it has seen everything. */
extern void shmem_scanner_done(void);

/* Ask for a scan of one database, InvalidOid for all of them. */
extern void shmem_note_scan(Oid database);

/*
 * The launcher takes the notes: databases to be scanned go to out, the
 * number of them is returned, *all tells that every database is meant.
 */
extern int	shmem_take_scans(Oid out[SQS_MAX_DATABASE_NOTES], bool *all);

/*
 * Begin a pause and tell those who run there to stop.  False, and nothing
 * happened, when there are too many pauses.
 */
extern bool shmem_pause(Oid database);

/* End a pause; what is left of the database will be scanned. */
extern void shmem_unpause(Oid database);

/* Is a pause in force?  The first form wants the lock held. */
extern bool shmem_is_paused_locked(Oid database);
extern bool shmem_is_paused(Oid database);

/* Is a consumer or a scanner attached for this database? */
extern bool shmem_database_busy(Oid database);

#endif							/* PG_SQS_SHMEM_H */
