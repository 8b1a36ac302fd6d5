/*
 * statement.c
 *	  The fixed SQL of our bookkeeping, prepared once a process.
 *
 * A batch is small, so planning its five statements each time would cost more
 * than running them.  Plans are kept for the life of the process: they take
 * the subscription as an argument, and PostgreSQL makes them anew when a table
 * they use changes.
 */
#include "postgres.h"

#include "statement.h"

static void
prepare(Statement *statement)
{
	SPIPlanPtr	plan = SPI_prepare(statement->sql, statement->nargs, statement->types);

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", statement->sql,
			 SPI_result_code_string(SPI_result));
	SPI_keepplan(plan);
	statement->plan = plan;
}

void
statement_execute(Statement *statement, Datum *arguments, const char *nulls)
{
	int			code;

	if (statement->plan == NULL)
		prepare(statement);
	code = SPI_execute_plan(statement->plan, arguments, nulls, false, 0);
	if (code != statement->expected)
		elog(ERROR, "could not execute \"%s\": %s", statement->sql, SPI_result_code_string(code));
}

Datum
statement_value(int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, isnull);
}
