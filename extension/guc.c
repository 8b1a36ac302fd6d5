/*
 * guc.c
 *	  The settings of pg_sqs.
 *
 * What sizes shared memory or says which machine this is cannot change while
 * the server runs.  A backend that loads the library without a preload may
 * no longer define settings of that kind; it takes them as the configuration
 * file has them, one level lower, which no session can set either.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "guc.h"

int			sqs_max_consumers = 16;
char	   *sqs_node_id = NULL;
bool		sqs_launcher_enabled = true;

void
guc_define(void)
{
	GucContext	fixed = process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP;

	DefineCustomIntVariable("pg_sqs.max_consumers",
							"Sets the maximum number of consumers that run at once, of all subscriptions in all databases.",
							"Each also needs one of max_worker_processes.",
							&sqs_max_consumers, 16, 1, 1024, fixed, 0,
							NULL, NULL, NULL);
	DefineCustomStringVariable("pg_sqs.node_id",
							   "Names this server, so that a copy of it does not consume its queues.",
							   "Keep it outside of the data directory. Empty: the timeline is compared instead.",
							   &sqs_node_id, "", fixed, 0,
							   NULL, NULL, NULL);
	DefineCustomBoolVariable("pg_sqs.enabled",
							 "Runs the consumers of all subscriptions.",
							 NULL,
							 &sqs_launcher_enabled, true, PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
	MarkGUCPrefixReserved("pg_sqs");
}
