/*
 * load.h
 *	  Messages in, rows for the target out; or the reason why not.
 *	  Pure: no I/O, no clock, no environment.
 *
 * Each message becomes a row: what the ledger is to keep of it, and a text
 * for each column of the target.  What cannot be one is rejected with a
 * reason that the PostgreSQL extension would have, too.  Messages come in the
 * order of their queue; of one key and content twice in a batch the second is
 * a duplicate, of one key with other content a conflict.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "../aws/sqs.h"
#include "load_config.h"

typedef enum LoadFate
{
	LOAD_ROW,					/* to be loaded */
	LOAD_DUPLICATE,				/* of an earlier one in the batch: shares its fate */
	LOAD_REJECTED				/* can never be loaded: code and reason say why */
} LoadFate;

typedef struct LoadValue
{
	const char *text;			/* null = NULL; UTF-8, NUL-terminated */
	size_t		len;
} LoadValue;

typedef struct LoadRow
{
	const AwsxSqsMessage *message;
	LoadFate	fate;
	int			original;		/* of a duplicate, and of a conflict within the batch:
								 * place of the first; else -1 */
	const char *dedup_key;
	char		content_hash[65];	/* hex */
	const char *source;			/* s3://bucket/key?versionId=v#record, or "" */
	LoadValue  *values;			/* one a column of the target, when LOAD_ROW */
	size_t		bytes;			/* of all texts */
	char		code[48];		/* InvalidJson, ValueTooLong, DedupConflict, ... */
	char		reason[400];	/* a sentence with the column's name; may hold data */
} LoadRow;

typedef struct LoadBatch
{
	int			count;
	LoadRow    *rows;			/* in the order of the messages */
	void	   *memory;			/* what the rows' texts lie in */
} LoadBatch;

/*
 * Borrows config and messages until load_batch_free.  scope is config's or,
 * where that says to ask, the queue's.  Null and *error (MEMORY).
 */
extern LoadBatch *load_batch(const LoadConfig *config, LoadScope scope,
							 const AwsxSqsMessage *messages, int count, AwsxError *error);
extern void load_batch_free(LoadBatch *batch);	/* null allowed */

#endif							/* LOAD_H */
