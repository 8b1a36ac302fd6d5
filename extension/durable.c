/*
 * durable.c
 *	  The gate between a commit and the deletion of its messages.
 *
 * Batches commit asynchronously; that is fast, and safe because a message is
 * deleted only when its commit record is durable.  On this server that means
 * flushed.  With synchronous replication it also means that the standbys
 * have said so, at the level that a commit of this session would have waited
 * for.  SyncRepWaitForLSN would wait, cannot be told apart from a cancelled
 * wait and keeps the process from everything else, so what it waits for is
 * read instead: the positions that the WAL senders publish.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/lwlock.h"

#include "durable.h"
#include "session.h"

bool
durable_is_flushed(XLogRecPtr lsn)
{
	return GetFlushRecPtr(NULL) >= lsn;
}

void
durable_flush(XLogRecPtr lsn)
{
	Assert(!IsTransactionState());
	if (!durable_is_flushed(lsn))
		XLogFlush(lsn);
}

/* Which of the standbys' positions counts; -1 when none does. */
static int
replication_mode(void)
{
	if (max_wal_senders == 0 || SyncRepStandbyNames == NULL || SyncRepStandbyNames[0] == '\0')
		return -1;
	switch (session_original_synchronous_commit())
	{
		case SYNCHRONOUS_COMMIT_REMOTE_WRITE:
			return SYNC_REP_WAIT_WRITE;
		case SYNCHRONOUS_COMMIT_REMOTE_FLUSH:
			return SYNC_REP_WAIT_FLUSH;
		case SYNCHRONOUS_COMMIT_REMOTE_APPLY:
			return SYNC_REP_WAIT_APPLY;
		default:
			return -1;
	}
}

XLogRecPtr
durable_up_to(void)
{
	XLogRecPtr	result = GetFlushRecPtr(NULL);
	int			mode = replication_mode();

	if (mode >= 0)
	{
		LWLockAcquire(SyncRepLock, LW_SHARED);
		result = Min(result, WalSndCtl->lsn[mode]);
		LWLockRelease(SyncRepLock);
	}
	return result;
}
