/*
 * sql_version.h
 *	  Do the library and the extension's SQL objects belong together?
 */
#ifndef PG_SQS_SQL_VERSION_H
#define PG_SQS_SQL_VERSION_H

#include "postgres.h"

/*
 * In a transaction, of a database where pg_sqs exists: what is wrong with the
 * version of its SQL objects, and what to do about it (both palloc'd).  False
 * when nothing is.
 */
extern bool sql_version_differs(char **problem, char **hint);

/* The same as an error. */
extern void sql_version_check(void);

#endif							/* PG_SQS_SQL_VERSION_H */
