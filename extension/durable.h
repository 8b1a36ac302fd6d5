/*
 * durable.h
 *	  Can a crash, or a failover the server promises to survive, still undo
 *	  what was written up to here?
 */
#ifndef PG_SQS_DURABLE_H
#define PG_SQS_DURABLE_H

#include "postgres.h"

#include "access/xlogdefs.h"

/* Is the log flushed on this server up to lsn? */
extern bool durable_is_flushed(XLogRecPtr lsn);

/* Flush it; one fsync unless someone else did it.  Outside a transaction. */
extern void durable_flush(XLogRecPtr lsn);

/*
 * Up to where everything is flushed here and, where synchronous replication
 * is configured and the session's own synchronous_commit asks for it,
 * confirmed by the standbys.  Never waits.
 */
extern XLogRecPtr durable_up_to(void);

#endif							/* PG_SQS_DURABLE_H */
