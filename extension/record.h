/*
 * record.h
 *	  From a JSON object to the columns of a relation.
 */
#ifndef PG_SQS_RECORD_H
#define PG_SQS_RECORD_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "fmgr.h"

typedef enum RecordColumnKind
{
	RECORD_TEXT,				/* through the type's input function */
	RECORD_JSON,				/* json or jsonb: the slice of the body */
	RECORD_NESTED				/* array or composite: member by member */
} RecordColumnKind;

typedef struct RecordColumn
{
	char	   *name;
	Oid			type;
	int32		typmod;
	Oid			collation;
	RecordColumnKind kind;
	FmgrInfo	input;
	Oid			input_param;
} RecordColumn;

/* The columns a message can fill, and how to find one by name. */
typedef struct RecordShape
{
	int			count;
	RecordColumn *columns;		/* sorted by name */
	MemoryContext context;
} RecordShape;

/* Stands for a column's name while the body as a whole is being read. */
extern const char record_whole_body[];

/* One message's values, by the positions of RecordShape.columns. */
typedef struct RecordValues
{
	bool	   *present;
	bool	   *nulls;
	Datum	   *values;
} RecordValues;

/*
 * Describe a relation's columns, in the given context.  Generated columns
 * and identity columns GENERATED ALWAYS are left out, since nothing may be
 * inserted into them.
 */
extern RecordShape *record_shape(TupleDesc desc, MemoryContext context);

extern RecordValues *record_values(const RecordShape *shape);	/* palloc'd */

/*
 * Read the values out of a body (UTF-8, NUL-terminated).  Runs input
 * functions, that is user code: be the owner, have a snapshot.  *column is
 * the name of the column being read, or record_whole_body, and null before
 * and after, for error reports.  Results and litter go to the current memory context.
 *
 * A key is a column's name exactly, in case too; of a repeated key the last
 * value counts; keys without a column are ignored.  Raises ERRCODE class 22
 * for a body that is not a JSON object, or has no key that is a column, and
 * what the input functions raise.
 */
extern void record_read(RecordShape *shape, const char *body, Size len, RecordValues *values,
						const char **column);

#endif							/* PG_SQS_RECORD_H */
