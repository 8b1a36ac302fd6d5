/*
 * batch_relation.h
 *	  The relation "batch": messages as a statement sees them.
 */
#ifndef PG_SQS_BATCH_RELATION_H
#define PG_SQS_BATCH_RELATION_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "utils/tuplestore.h"

#include "route.h"

#define BATCH_RELATION "batch"
#define BATCH_PLANNED_ROWS 100	/* what the planner is told of a batch's size */

/* Its columns, for routes by statement; lives as long as the process. */
extern TupleDesc batch_relation_desc(void);

/*
 * The messages as rows of batch_relation_desc(), in their order.  Raises
 * 22P02 or 22P05 for a body that jsonb cannot hold; *progress then tells
 * which.  In the current memory context.
 */
extern Tuplestorestate *batch_relation_fill(ApplyMessage **messages, int count,
											RouteProgress *progress);

/*
 * Offer the connected SPI a tuplestore as the relation "batch", until
 * SPI_finish or SPI_unregister_relation(BATCH_RELATION).
 */
extern void batch_relation_register(TupleDesc desc, Tuplestorestate *store, double rows);

/* ... an empty one, for a statement to be parsed or planned. */
extern void batch_relation_register_empty(TupleDesc desc);

#endif							/* PG_SQS_BATCH_RELATION_H */
