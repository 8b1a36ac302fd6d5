/*
 * options.h
 *	  The command line of s3_to_sqs.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

#include "backfill.h"

typedef enum OptionsAction
{
	OPTIONS_SERVE,				/* no option: a Lambda function */
	OPTIONS_HELP,
	OPTIONS_VERSION,
	OPTIONS_EXPLAIN,
	OPTIONS_REJECTS,
	OPTIONS_POLL,
	OPTIONS_BACKFILL
} OptionsAction;

typedef struct Options
{
	OptionsAction action;
	const char *operand;		/* file, URL of rejects, or queue */
	BackfillOptions backfill;	/* its dry_run is also that of the rejects */
} Options;

extern const char options_help[];

/* False: message says what is wrong. The strings are argv's. */
extern bool options_read(Options *options, int argc, char **argv, char *message, size_t size);

#endif							/* OPTIONS_H */
