/*
 * lifecycle.h
 *	  A utility hook that stops a database's consumers before a command that
 *	  they would stand in the way of: DROP, RENAME and SET TABLESPACE of the
 *	  database, CREATE DATABASE ... TEMPLATE, DROP EXTENSION.  They start
 *	  again when the transaction ends, if there is still something to run.
 */
#ifndef PG_SQS_LIFECYCLE_H
#define PG_SQS_LIFECYCLE_H

/* _PG_init in the postmaster only. */
extern void lifecycle_install(void);

#endif							/* PG_SQS_LIFECYCLE_H */
