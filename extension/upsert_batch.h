/*
 * upsert_batch.h
 *	  The rows of one batch for a target with a key, before they are written.
 */
#ifndef PG_SQS_UPSERT_BATCH_H
#define PG_SQS_UPSERT_BATCH_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"

#include "upsert.h"

typedef struct UpsertRow
{
	int			position;		/* of its message */
	bool	   *present;
	HeapTuple	tuple;			/* of all columns of the shape */
	Datum	   *identity;		/* key columns, then the version */
	uint32		hash;
	int			same;			/* the row before it of the same key and version, or -1 */
	bool		superseded;		/* not to be written */
} UpsertRow;

typedef struct UpsertBatch
{
	const Upsert *upsert;
	const RecordShape *shape;
	TupleDesc	desc;			/* of all columns of the shape */
	UpsertRow  *rows;
	int			count;
	int			superseded;		/* how many of them */
	int		   *table;			/* hash table: a row's index + 1, or 0 */
	uint32		mask;
} UpsertBatch;

/* For at most so many rows; in the current memory context, as all that follows. */
extern UpsertBatch *upsert_batch_create(const Upsert *upsert, const RecordShape *shape,
										TupleDesc desc, int rows);

/*
 * Add a message's row; those of its key that it supersedes are marked, or it
 * is.  Of rows with equal key and version the first ones stay, linked by
 * same: they must be written one after the other.  Raises 23502 when a key or
 * version column is null, or missing and without a constant default.
 */
extern void upsert_batch_add(UpsertBatch *batch, const RecordValues *values, int position);

#endif							/* PG_SQS_UPSERT_BATCH_H */
