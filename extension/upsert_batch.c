/*
 * upsert_batch.c
 *	  The rows of one batch for a target with a key, before they are written.
 *
 * One statement cannot write two rows of one key (SQLSTATE 21000), and
 * versions that are superseded within the batch need not be written at all.
 * So for each key only the newest row stays.  Rows of equal version all
 * stay, to be written by one statement after the other: whether they agree
 * is for the target to say, in the same way as when they come in different
 * batches.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "port/pg_bitutils.h"
#include "utils/datum.h"

#include "failure.h"
#include "upsert_batch.h"

#undef TEXTDOMAIN
#define TEXTDOMAIN FAILURE_DOMAIN

UpsertBatch *
upsert_batch_create(const Upsert *upsert, const RecordShape *shape, TupleDesc desc, int rows)
{
	UpsertBatch *batch = palloc0(sizeof(UpsertBatch));
	uint32		size = pg_nextpower2_32(Max(rows, 8) * 2);

	batch->upsert = upsert;
	batch->shape = shape;
	batch->desc = desc;
	batch->rows = palloc_extended(sizeof(UpsertRow) * Max(rows, 1), MCXT_ALLOC_HUGE);
	batch->table = palloc0(sizeof(int) * size);
	batch->mask = size - 1;
	return batch;
}

/* A key or version column's value, copied. */
static Datum
identity_datum(const UpsertBatch *batch, const UpsertColumn *column, const RecordValues *values)
{
	int			i = column->position;

	if (!values->present[i] && column->has_default)
		return column->default_value;
	if (!values->present[i] || values->nulls[i])
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("the message has no value for the %s column \"%s\"",
						column == batch->upsert->version ? "version" : "key",
						batch->shape->columns[i].name),
				 errhint("Every message must name it, and not as null, unless the column has a constant default.")));
	return datumCopy(values->values[i], column->typbyval, column->typlen);
}

static uint32
key_hash(const Upsert *upsert, const Datum *identity)
{
	uint32		hash = 0;

	for (int i = 0; i < upsert->key_count; i++)
	{
		UpsertColumn *column = &upsert->key[i];

		hash = pg_rotate_left32(hash, 5);
		if (OidIsValid(column->hash.fn_oid))
			hash ^= DatumGetUInt32(FunctionCall1Coll(&column->hash, column->collation, identity[i]));
	}
	return hash * 0x9E3779B1u;
}

static bool
same_key(const Upsert *upsert, const UpsertRow *a, const UpsertRow *b)
{
	if (a->hash != b->hash)
		return false;
	for (int i = 0; i < upsert->key_count; i++)
	{
		UpsertColumn *column = &upsert->key[i];

		if (!DatumGetBool(FunctionCall2Coll(&column->equal, column->collation, a->identity[i],
											b->identity[i])))
			return false;
	}
	return true;
}

/* The place in the table of the row's key, whether there or not. */
static int *
find_place(const UpsertBatch *batch, const UpsertRow *row)
{
	uint32		at = (row->hash >> 7) & batch->mask;

	while (batch->table[at] != 0 &&
		   !same_key(batch->upsert, &batch->rows[batch->table[at] - 1], row))
		at = (at + 1) & batch->mask;
	return &batch->table[at];
}

static void
supersede(UpsertBatch *batch, UpsertRow *row)
{
	row->superseded = true;
	batch->superseded++;
}

/* How the row's version stands to another one's; without versions it is newer. */
static int
compare_versions(const Upsert *upsert, const UpsertRow *row, const UpsertRow *other)
{
	UpsertColumn *version = upsert->version;
	int			at = upsert->key_count;

	if (version == NULL)
		return 1;
	return DatumGetInt32(FunctionCall2Coll(&version->compare, version->collation,
										   row->identity[at], other->identity[at]));
}

/* Settle a new row with the newest one of its key so far. */
static void
settle(UpsertBatch *batch, UpsertRow *row)
{
	int		   *place = find_place(batch, row);
	int			before = *place - 1;
	int			order = before < 0 ? 1 : compare_versions(batch->upsert, row, &batch->rows[before]);

	if (order < 0)
	{
		supersede(batch, row);
		return;
	}
	if (order == 0)
		row->same = before;
	for (int i = before; order > 0 && i >= 0; i = batch->rows[i].same)
		supersede(batch, &batch->rows[i]);
	*place = row - batch->rows + 1;
}

/* All columns; what is not present is null. */
static HeapTuple
form_tuple(const UpsertBatch *batch, const RecordValues *values)
{
	bool	   *nulls = palloc(sizeof(bool) * batch->shape->count);
	HeapTuple	tuple;

	for (int i = 0; i < batch->shape->count; i++)
		nulls[i] = !values->present[i] || values->nulls[i];
	tuple = heap_form_tuple(batch->desc, values->values, nulls);
	pfree(nulls);
	return tuple;
}

void
upsert_batch_add(UpsertBatch *batch, const RecordValues *values, int position)
{
	const Upsert *upsert = batch->upsert;
	UpsertRow  *row = &batch->rows[batch->count];

	memset(row, 0, sizeof(*row));
	row->position = position;
	row->same = -1;
	row->identity = palloc(sizeof(Datum) * (upsert->key_count + 1));
	for (int i = 0; i < upsert->key_count; i++)
		row->identity[i] = identity_datum(batch, &upsert->key[i], values);
	if (upsert->version != NULL)
		row->identity[upsert->key_count] = identity_datum(batch, upsert->version, values);
	row->present = palloc(sizeof(bool) * batch->shape->count);
	memcpy(row->present, values->present, sizeof(bool) * batch->shape->count);
	row->tuple = form_tuple(batch, values);
	row->hash = key_hash(upsert, row->identity);
	batch->count++;
	settle(batch, row);
}
