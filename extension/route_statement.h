/*
 * route_statement.h
 *	  What running and checking a route's statement share.  Private to the
 *	  route files.
 */
#ifndef PG_SQS_ROUTE_STATEMENT_H
#define PG_SQS_ROUTE_STATEMENT_H

#include "postgres.h"

#include "executor/spi.h"

/* Set the route's search_path (null = none) for the current GUC nest level. */
extern void route_statement_set_path(const char *search_path);

/*
 * Prepare the statement over the relation "batch"; SPI is connected.  Errors
 * carry the position in the statement.  The plan is not kept.
 */
extern SPIPlanPtr route_statement_prepare(const char *statement);

/*
 * Does the query write?  Raises an error unless the relations that it writes
 * to are such as targets are.
 */
extern bool route_statement_writes(Query *query);

#endif							/* PG_SQS_ROUTE_STATEMENT_H */
