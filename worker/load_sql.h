/*
 * load_sql.h
 *	  The statements of the transaction that loads rows; see
 *	  docs/architecture/redshift.md.  Pure.
 *
 * Kept inside the documented grammar of Redshift, which is narrower than
 * PostgreSQL's.
 */
#ifndef LOAD_SQL_H
#define LOAD_SQL_H

#include <stdbool.h>

#include "../aws/buf.h"
#include "../aws/error.h"
#include "../aws/redshift_data.h"
#include "load.h"

#define LOAD_SQL_BYTES 90000	/* of a statement with values: below the API's 100 KB */
#define LOAD_SQL_VALUE 65535	/* of one value's literal in it, quotes doubled: a VARCHAR's limit */

typedef struct LoadStatements
{
	int			count;
	char	   *sql[AWSX_REDSHIFT_BATCH];

	/* Places from 1, as the Data API counts; 0 = there is none. */
	int			conflicts;		/* its result: n of rows whose content differs */
	int			duplicates;		/* its rows: those deleted from the stage, conflicts included */
	int			disputes;		/* its result: n of rows refused by key and version; the
								 * ledger does not get them, so that they are found again
								 * by who comes after a crash */
	int			ledger;			/* its rows: messages applied or superseded */
	int			target;			/* its rows: written */
} LoadStatements;

/* Would these rows fit into a statement? */
extern bool load_sql_fits(const LoadConfig *config, const LoadRow *const *rows, int count);

/*
 * rows are LOAD_ROWs in order; n of the i-th is i.  stage_url null: with
 * their values; else loaded from that object by COPY.  False and *error
 * (MEMORY; REQUEST: it does not fit).
 */
extern bool load_sql(const LoadConfig *config, const LoadRow *const *rows, int count,
					 const char *stage_url, LoadStatements *out, AwsxError *error);
extern void load_sql_free(LoadStatements *statements);

/* Append the object for COPY: a line of JSON a row. */
extern bool load_stage(const LoadConfig *config, const LoadRow *const *rows, int count, AwsxBuf *out);

/* The statement that forgets what is older than the ledger's retention; malloc'd. */
extern char *load_sql_prune(const LoadConfig *config);

#endif							/* LOAD_SQL_H */
