/*
 * launcher.c
 *	  One process per cluster that keeps the consumers of each enabled
 *	  subscription running.
 *
 * The launcher connects to no database.  What should run it learns from
 * scanners, short-lived workers that read one database each and fill the
 * slots; when something may run again the slots know.  So a turn is: have
 * scanned what must be scanned, start what is due, sleep until the next one
 * is due or someone sets the latch: a committed change of configuration, a
 * worker that came or went, a reload.
 *
 * The launcher keeps nothing that matters: after its own death the slots
 * stay, consumers go on, and the new launcher scans everything.  The handles
 * of workers it started only tell it of those that died before they could
 * attach.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "guc.h"
#include "launcher.h"
#include "scans.h"
#include "shmem.h"
#include "slots.h"

#define NO_WORKER_RETRY_MS 5000
#define LAUNCHER_RESTART_S 5

/* A worker this launcher asked for, by slot. */
typedef struct Launched
{
	BackgroundWorkerHandle *handle; /* null: none */
	uint64		generation;
} Launched;

static Launched *launched;
static bool no_worker_logged;
static bool was_enabled;

/* Of the current transaction of an ordinary backend. */
static bool rescan_pending;

void
launcher_register(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = LAUNCHER_RESTART_S;
	strlcpy(worker.bgw_library_name, "pg_sqs", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "sqs_launcher_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "pg_sqs launcher", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "pg_sqs launcher", sizeof(worker.bgw_type));
	RegisterBackgroundWorker(&worker);
}

static void
rescan_at_end(XactEvent event, void *arg)
{
	(void) arg;
	if (!rescan_pending)
		return;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			shmem_note_scan(MyDatabaseId);
			rescan_pending = false;
			break;
		case XACT_EVENT_ABORT:
			rescan_pending = false;
			break;
		default:
			break;
	}
}

void
launcher_rescan_at_commit(void)
{
	static bool registered = false;

	if (sqs_shared == NULL)
		return;
	if (!registered)
	{
		RegisterXactCallback(rescan_at_end, NULL);
		registered = true;
	}
	rescan_pending = true;
}

void
launcher_warn_if_not_preloaded(void)
{
	if (sqs_shared != NULL)
		return;
	ereport(WARNING,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("pg_sqs is not loaded by the server, so nothing will be consumed"),
			 errhint("Add pg_sqs to shared_preload_libraries and restart the server.")));
}

/* Ask the postmaster for a slot's consumer. */
static bool
start_consumer(const SlotLaunch *launch)
{
	BackgroundWorker worker;
	Launched   *mine = &launched[launch->index];
	char		title[SLOT_TITLE_LEN];
	MemoryContext old;
	bool		started;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = Int32GetDatum(launch->index);
	memcpy(worker.bgw_extra, &launch->generation, sizeof(launch->generation));
	strlcpy(worker.bgw_library_name, "pg_sqs", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "sqs_consumer_main", sizeof(worker.bgw_function_name));
	slot_title(title, launch->name, launch->consumer);
	strlcpy(worker.bgw_name, title, sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "pg_sqs consumer", sizeof(worker.bgw_type));

	if (mine->handle != NULL)
		pfree(mine->handle);
	mine->handle = NULL;
	mine->generation = launch->generation;
	old = MemoryContextSwitchTo(TopMemoryContext);
	started = RegisterDynamicBackgroundWorker(&worker, &mine->handle);
	MemoryContextSwitchTo(old);
	return started;
}

static void
log_no_worker(const SlotLaunch *launch)
{
	if (no_worker_logged)
		return;
	no_worker_logged = true;
	ereport(LOG,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("no background worker slot is free for pg_sqs subscription \"%s\"",
					launch->name),
			 errhint("Raise max_worker_processes and restart the server.")));
}

/* Start every consumer that is due. */
static void
launch_due(TimestampTz now, TimestampTz *wake)
{
	SlotLaunch	launch;
	bool		launched_one = false;
	bool		failed = false;

	while (slots_claim(now, &launch, wake))
	{
		if (start_consumer(&launch))
		{
			launched_one = true;
			continue;
		}
		failed = true;
		log_no_worker(&launch);
		slot_no_worker(&launch, TimestampTzPlusMilliseconds(now, NO_WORKER_RETRY_MS));
	}
	if (launched_one && !failed)
		no_worker_logged = false;
}

/* Notice workers that ended; those that never attached left no trace of it. */
static void
reap_launched(void)
{
	pid_t		pid;

	for (int i = 0; i < sqs_shared->slot_count; i++)
	{
		Launched   *one = &launched[i];

		if (one->handle == NULL ||
			GetBackgroundWorkerPid(one->handle, &pid) != BGWH_STOPPED)
			continue;
		slot_launch_ended(i, one->generation);
		pfree(one->handle);
		one->handle = NULL;
	}
}

static void
follow_enabled(void)
{
	if (was_enabled && !sqs_launcher_enabled)
	{
		ereport(LOG, (errmsg("pg_sqs stops all consumers, because pg_sqs.enabled is off")));
		slots_stop_all();
	}
	was_enabled = sqs_launcher_enabled;
}

static void
launcher_wait(TimestampTz wake)
{
	static uint32 wait_event = 0;
	int			events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;
	long		timeout = -1;

	if (wake != DT_NOEND)
	{
		events |= WL_TIMEOUT;
		timeout = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), wake);
	}
	(void) WaitLatch(MyLatch, events, timeout,
					 compat_wait_event(&wait_event, "PgSqsLauncherMain"));
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

static void
launcher_start(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	if (!shmem_attach_launcher())
		proc_exit(0);
	slots_forget_launches();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	launched = MemoryContextAllocZero(TopMemoryContext,
									  sizeof(Launched) * sqs_shared->slot_count);
	was_enabled = true;
	ereport(DEBUG1, (errmsg_internal("pg_sqs launcher started")));
}

void
sqs_launcher_main(Datum arg)
{
	MemoryContext turn;

	(void) arg;
	launcher_start();
	turn = AllocSetContextCreate(TopMemoryContext, "pg_sqs launcher turn",
								 ALLOCSET_DEFAULT_SIZES);
	for (;;)
	{
		TimestampTz now = GetCurrentTimestamp();
		TimestampTz wake = DT_NOEND;

		MemoryContextReset(turn);
		MemoryContextSwitchTo(turn);

		follow_enabled();
		reap_launched();
		if (sqs_launcher_enabled && scans_turn(now, &wake))
			launch_due(now, &wake);
		launcher_wait(wake);
	}
}
