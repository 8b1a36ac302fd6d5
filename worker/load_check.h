/*
 * load_check.h
 *	  The commands of sqs_to_redshift that look after its tables: what makes
 *	  them, whether they are as the configuration says, and forgetting what is
 *	  old.
 *
 * Each prints its answer to standard output and what went wrong to standard
 * error, and returns the status to exit with.
 */
#ifndef LOAD_CHECK_H
#define LOAD_CHECK_H

#include "../aws/client.h"
#include "../aws/service.h"
#include "deadline.h"
#include "load_config.h"

#define LOAD_CHECK_SAME 0
#define LOAD_CHECK_FAULT 1
#define LOAD_CHECK_DIFFERS 3

/* What a command that asks Redshift works with.  Borrowed. */
typedef struct LoadCheckWorld
{
	const LoadConfig *config;
	AwsxClient *client;
	const AwsxServiceOptions *services;
	const Deadline *deadline;
} LoadCheckWorld;

/* ddl: the CREATE TABLEs of ledger and target. */
extern int	load_check_ddl(const LoadConfig *config);

/* check: what differs, a line each; LOAD_CHECK_DIFFERS when anything does. */
extern int	load_check_tables(const LoadCheckWorld *world);

/* prune: remove from the ledger what is older than its retention. */
extern int	load_check_prune(const LoadCheckWorld *world);

#endif							/* LOAD_CHECK_H */
