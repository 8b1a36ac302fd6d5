/*
 * scans.c
 *	  Which databases must be read, and by when: the launcher's list of
 *	  scans, one running at a time.
 *
 * Requests (a change was committed, a database appeared, everything at
 * start) are kept in the launcher's memory until a scanner has reached its
 * end, each with its own back-off, so that one broken database keeps nobody
 * else waiting.  Databases that are templates, refuse connections or are
 * gone are not scanned; their slots are freed.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "scans.h"
#include "shmem.h"
#include "slots.h"

#define RETRY_BASE_MS 1000
#define RETRY_CAP_MS 60000
#define NO_WORKER_RETRY_MS 5000
#define ROOM_MS 1000			/* for so long a consumer is expected to make room */
#define ROOM_POLL_MS 50

typedef struct ScanRequest
{
	Oid			database;
	int			failures;
	TimestampTz due;
} ScanRequest;

/* The launcher's: requests in TopMemoryContext, and the one under way. */
static List *requests = NIL;
static BackgroundWorkerHandle *scanner_handle;
static ScanRequest scanner_request;
static bool no_worker_logged;
static TimestampTz room_until;	/* a consumer makes room for the scanner */

/* The databases that can be scanned, in the current context. */
static List *
scannable_databases(void)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *result = NIL;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext old;

		if (form->datistemplate || !form->datallowconn || form->datconnlimit < -1)
			continue;
		old = MemoryContextSwitchTo(context);
		result = lappend_oid(result, form->oid);
		MemoryContextSwitchTo(old);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return result;
}

/* Ask for a scan of a database, at once; a request that waits comes forward. */
static void
request_scan(Oid database)
{
	MemoryContext old;
	ScanRequest *request;
	ListCell   *cell;

	foreach(cell, requests)
	{
		request = lfirst(cell);
		if (request->database == database)
		{
			request->failures = 0;
			request->due = 0;
			return;
		}
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	request = palloc0(sizeof(ScanRequest));
	request->database = database;
	requests = lappend(requests, request);
	MemoryContextSwitchTo(old);
}

/* Slots of databases that went away without a note. */
static void
forget_missing_databases(List *databases)
{
	for (int i = 0; i < sqs_shared->slot_count; i++)
	{
		Oid			database = InvalidOid;

		LWLockAcquire(sqs_shared->lock, LW_SHARED);
		if (sqs_shared->slots[i].in_use && !sqs_shared->slots[i].retired)
			database = sqs_shared->slots[i].database;
		LWLockRelease(sqs_shared->lock);
		if (OidIsValid(database) && !list_member_oid(databases, database))
			slots_forget(database);
	}
}

/* Move what others noted into the list of requests. */
static void
take_requests(void)
{
	Oid			noted[SQS_MAX_DATABASE_NOTES];
	bool		all;
	int			count = shmem_take_scans(noted, &all);
	List	   *databases;
	ListCell   *cell;

	if (count == 0 && !all)
		return;
	databases = scannable_databases();
	forget_missing_databases(databases);
	foreach(cell, databases)
	{
		bool		wanted = all;

		for (int i = 0; !wanted && i < count; i++)
			wanted = noted[i] == lfirst_oid(cell);
		if (wanted)
			request_scan(lfirst_oid(cell));
	}
}

/* How did the scanner fare?  A failed scan is requested again, later. */
static void
reap_scanner(TimestampTz now)
{
	pid_t		pid;
	bool		done;
	MemoryContext old;
	ScanRequest *again;

	if (scanner_handle == NULL ||
		GetBackgroundWorkerPid(scanner_handle, &pid) != BGWH_STOPPED)
		return;
	pfree(scanner_handle);
	scanner_handle = NULL;

	LWLockAcquire(sqs_shared->lock, LW_SHARED);
	done = sqs_shared->scanner_done;
	LWLockRelease(sqs_shared->lock);
	if (done)
		return;

	old = MemoryContextSwitchTo(TopMemoryContext);
	again = palloc(sizeof(ScanRequest));
	*again = scanner_request;
	again->due = TimestampTzPlusMilliseconds(now, Min(RETRY_CAP_MS,
													  RETRY_BASE_MS << Min(again->failures, 6)));
	again->failures++;
	requests = lappend(requests, again);
	MemoryContextSwitchTo(old);

	/* It may have failed because the database is gone. */
	if (!list_member_oid(scannable_databases(), again->database))
	{
		slots_forget(again->database);
		requests = list_delete_ptr(requests, again);
		pfree(again);
	}
}

static bool
start_scanner(Oid database)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	strlcpy(worker.bgw_library_name, "pg_sqs", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "sqs_scanner_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "pg_sqs scanner", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "pg_sqs scanner", sizeof(worker.bgw_type));

	LWLockAcquire(sqs_shared->lock, LW_EXCLUSIVE);
	sqs_shared->scanner_done = false;
	LWLockRelease(sqs_shared->lock);
	return RegisterDynamicBackgroundWorker(&worker, &scanner_handle);
}

static void
log_no_worker(void)
{
	if (no_worker_logged)
		return;
	no_worker_logged = true;
	ereport(LOG,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("no background worker slot is free for pg_sqs to read its subscriptions"),
			 errhint("Raise max_worker_processes and restart the server.")));
}

/*
 * No worker slot is free for the scan.  Were all of them taken by our own
 * consumers it could wait for ever, and with it the change that would stop
 * one of them; so one makes room, every few seconds at most.
 */
static void
make_room(ScanRequest *request, TimestampTz now, TimestampTz *wake)
{
	int			delay_ms = NO_WORKER_RETRY_MS;

	if (TimestampDifferenceExceeds(room_until, now, NO_WORKER_RETRY_MS) &&
		slots_yield_one(request->database))
		room_until = TimestampTzPlusMilliseconds(now, ROOM_MS);
	if (now < room_until)
		delay_ms = ROOM_POLL_MS;
	else
		log_no_worker();
	request->due = TimestampTzPlusMilliseconds(now, delay_ms);
	*wake = Min(*wake, request->due);
}

/* Start a scanner for this request; it stays in the list when none can be had. */
static void
serve_request(ScanRequest *request, TimestampTz now, TimestampTz *wake)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	bool		started = start_scanner(request->database);

	MemoryContextSwitchTo(old);
	if (!started)
	{
		make_room(request, now, wake);
		return;
	}
	no_worker_logged = false;
	room_until = 0;
	scanner_request = *request;
	requests = list_delete_ptr(requests, request);
	pfree(request);
}

bool
scans_turn(TimestampTz now, TimestampTz *wake)
{
	ScanRequest *next = NULL;
	ListCell   *cell;

	take_requests();
	reap_scanner(now);
	if (scanner_handle != NULL)
		return true;			/* its end sets our latch */
	foreach(cell, requests)
	{
		ScanRequest *request = lfirst(cell);

		if (shmem_is_paused(request->database))
			continue;			/* the end of the pause sets our latch */
		if (request->due > now)
			*wake = Min(*wake, request->due);
		else if (next == NULL)
			next = request;
	}
	if (next != NULL)
		serve_request(next, now, wake);
	if (now < room_until)
		*wake = Min(*wake, room_until);
	return now >= room_until;
}
