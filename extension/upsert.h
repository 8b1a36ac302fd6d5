/*
 * upsert.h
 *	  A target with a key: which of two rows of one key stays.
 */
#ifndef PG_SQS_UPSERT_H
#define PG_SQS_UPSERT_H

#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"

#include "record.h"

/* One of the columns that identify or order rows. */
typedef struct UpsertColumn
{
	int			position;		/* in the shape */
	int16		typlen;
	bool		typbyval;
	Oid			collation;
	FmgrInfo	equal;
	FmgrInfo	hash;			/* fn_oid invalid: the type has none */
	FmgrInfo	compare;		/* of the version */
	bool		has_default;	/* a constant, for messages that lack it */
	Datum		default_value;
} UpsertColumn;

/* What becomes of a column that the message does not have. */
typedef enum UpsertAbsent
{
	UPSERT_DEFAULT,				/* its default, which may differ from time to time */
	UPSERT_CONSTANT,			/* its default, always the same one, or null */
	UPSERT_KEEP					/* what the row has: the default makes an identity */
} UpsertAbsent;

typedef struct Upsert
{
	int			key_count;
	UpsertColumn *key;
	UpsertColumn *version;		/* null = none: what comes last stays */
	char	   *older;			/* operators, qualified */
	char	   *same;
	UpsertAbsent *absent;		/* by positions of the shape's columns */
	bool	   *has_equality;
	bool	   *is_key;
} Upsert;

/*
 * In the current memory context.  Evaluates immutable functions in defaults,
 * that is user code: be the owner.  Raises ERRCODE_UNDEFINED_COLUMN when a
 * column is not there, or cannot be filled, and ERRCODE_DATATYPE_MISMATCH
 * when values of the version's type have no order.
 */
extern Upsert *upsert_describe(Relation target, const RecordShape *shape, List *key,
							   const char *version);

/*
 * The end of an INSERT INTO ... AS t: what happens to a row whose key is
 * there.  conflict and superseded are expressions: what is evaluated, and
 * taken as the answer, for a row of equal version with other content, and
 * for one that is not newer.
 */
extern void upsert_append_sql(StringInfo sql, const Upsert *upsert, const RecordShape *shape,
							  const bool *present, const char *conflict, const char *superseded);

#endif							/* PG_SQS_UPSERT_H */
