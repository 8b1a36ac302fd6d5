/*
 * load_options.h
 *	  The command line of sqs_to_redshift.
 */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum LoadAction
{
	LOAD_SERVE,					/* nothing said: a Lambda function */
	LOAD_HELP,
	LOAD_VERSION,
	LOAD_POLL,
	LOAD_EXPLAIN,
	LOAD_DDL,
	LOAD_CHECK,
	LOAD_PRUNE
} LoadAction;

typedef struct LoadOptions
{
	LoadAction	action;
	const char *operand;		/* queue, file of messages, or configuration (null: as the environment says) */
} LoadOptions;

extern const char load_options_help[];

/* False: message says what is wrong.  The strings are argv's. */
extern bool load_options_read(LoadOptions *options, int argc, char **argv, char *message, size_t size);

#endif							/* LOAD_OPTIONS_H */
