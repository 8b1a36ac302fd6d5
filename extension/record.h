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
	int		   *usual;			/* by a member's place in the body: its column the last time, or -1 */
	int			rescue;			/* position of the column for what no other takes, or -1 */
	bool		rescue_not_null;	/* ... which gets {} where there is nothing, not null */
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
 * inserted into them.  rescue names the column that takes the members for
 * which there is no column, or is null; raises ERRCODE_UNDEFINED_COLUMN when
 * there is none that can.
 */
extern RecordShape *record_shape(TupleDesc desc, const char *rescue, MemoryContext context);

/* The position of the column of that name, or -1. */
extern int	record_find(const RecordShape *shape, const char *name);

/* A body in the server's encoding, checked; palloc'd or the body itself. */
extern char *record_server_text(const char *body, Size len);

extern RecordValues *record_values(const RecordShape *shape);	/* palloc'd */

/*
 * Read the values out of a body (UTF-8, NUL-terminated).  Runs input
 * functions, that is user code: be the owner, have a snapshot.  *column is
 * the name of the column being read, or record_whole_body, and null before
 * and after, for error reports.  Results and litter go to the current memory context.
 *
 * A key is a column's name exactly, in case too; of a repeated key the last
 * value counts; keys without a column are ignored, or go to the rescue column
 * as the members of an object.  Raises ERRCODE class 22 for a body that is
 * not a JSON object, or of which no column takes anything, and what the input
 * functions raise.
 */
extern void record_read(RecordShape *shape, const char *body, Size len, RecordValues *values,
						const char **column);

#endif							/* PG_SQS_RECORD_H */
