/*
 * statement.h
 *	  The fixed SQL of our bookkeeping, prepared once a process.
 */
#ifndef PG_SQS_STATEMENT_H
#define PG_SQS_STATEMENT_H

#include "postgres.h"

#include "executor/spi.h"

#define STATEMENT_MAX_ARGS 20

/* Static; only plan changes. */
typedef struct Statement
{
	const char *sql;
	int			expected;		/* SPI_OK_... */
	int			nargs;
	Oid			types[STATEMENT_MAX_ARGS];
	SPIPlanPtr	plan;			/* null until first used, then kept */
} Statement;

/*
 * Execute it, prepared before if need be.  SPI is connected, and the process
 * is between session_enter_bookkeeping and session_leave_bookkeeping.  nulls
 * as for SPI_execute_plan, may be null.  Raises what the statement raises.
 */
extern void statement_execute(Statement *statement, Datum *arguments, const char *nulls);

/* The value of a column, from 1, in row 0 of what was just read. */
extern Datum statement_value(int column, bool *isnull);

#endif							/* PG_SQS_STATEMENT_H */
