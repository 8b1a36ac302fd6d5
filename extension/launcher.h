/*
 * launcher.h
 *	  The process that keeps the consumers of each enabled subscription of
 *	  the cluster running, and what others may ask of it.
 */
#ifndef PG_SQS_LAUNCHER_H
#define PG_SQS_LAUNCHER_H

#include "postgres.h"

/* Register the launcher; _PG_init in the postmaster only. */
extern void launcher_register(void);

/*
 * The configuration of the current database changes in this transaction:
 * when it commits, have the launcher read it again.  Nothing happens on
 * rollback.  Without preload it does nothing.
 */
extern void launcher_rescan_at_commit(void);

/* Emit a WARNING with a hint when pg_sqs is not preloaded, so nothing will consume. */
extern void launcher_warn_if_not_preloaded(void);

/* Background worker entry points (found by name). */
extern PGDLLEXPORT void sqs_launcher_main(Datum arg);
extern PGDLLEXPORT void sqs_scanner_main(Datum arg);	/* scans one database, exits */
extern PGDLLEXPORT void sqs_consumer_main(Datum arg);

#endif							/* PG_SQS_LAUNCHER_H */
