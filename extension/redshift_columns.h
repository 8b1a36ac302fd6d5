/*
 * redshift_columns.h
 *	  A relation as the table of Redshift that its messages are loaded into as
 *	  well.
 */
#ifndef PG_SQS_REDSHIFT_COLUMNS_H
#define PG_SQS_REDSHIFT_COLUMNS_H

#include "postgres.h"

#include "redshift_table.h"

/* Strings are palloc'd and UTF-8. */
typedef struct RedshiftTarget
{
	AwsxRedshiftTable table;
	const char **key;
	int			key_count;
	const char *version;		/* null = none */
} RedshiftTarget;

/*
 * Describe the relation, which is locked for the transaction.  Notices tell
 * what is left out; raises 0A000 for a column that Redshift has no type for.
 */
extern void redshift_describe(Oid relation, RedshiftTarget *target);

#endif							/* PG_SQS_REDSHIFT_COLUMNS_H */
