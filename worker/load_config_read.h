/*
 * load_config_read.h
 *	  The parts of a configuration of sqs_to_redshift while it is read.
 */
#ifndef LOAD_CONFIG_READ_H
#define LOAD_CONFIG_READ_H

#include "document.h"
#include "load_config.h"

/* What the tables' strings lie in, beside the document itself. */
typedef struct LoadConfigMemory
{
	json_t	   *root;
	AwsxRedshiftColumn *columns;
	int			column_count;
	char	  **defaults;		/* one a column, null where it has none */
	const char **sortkeys;
	char		schema[AWSX_REDSHIFT_MAX_NAME + 1];
	char		name[AWSX_REDSHIFT_MAX_NAME + 1];
	char		ledger_schema[AWSX_REDSHIFT_MAX_NAME + 1];
	char		ledger_name[AWSX_REDSHIFT_MAX_NAME + 1];
} LoadConfigMemory;

/* One document being read. */
typedef struct LoadConfigReader
{
	LoadConfig *config;
	LoadConfigMemory *memory;
	const char *where;			/* the document's name */
	json_t	   *root;
	AwsxError  *error;
} LoadConfigReader;

/* Target and ledger, with all that names one of their columns. */
extern bool load_config_read_tables(LoadConfigReader *reader);

#endif							/* LOAD_CONFIG_READ_H */
