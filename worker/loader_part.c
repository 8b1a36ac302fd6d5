/*
 * loader_part.c
 *	  One part of a batch in one transaction: statements, stage, token, end,
 *	  and what Redshift says of single rows.
 *
 * The conflicts and disputes are read after the commit and rejected then;
 * the ledger does not have them, so whoever comes after a crash in between
 * finds them again.  When they cannot be read, the whole part stays: what was
 * loaded comes again as duplicates.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load_sql.h"
#include "loader_work.h"
#include "transaction.h"

/* What is left of an invocation's time for removing the stage object. */
#define UNSTAGE_MS 500

/* What the transaction said of a row. */
typedef enum Verdict
{
	LOADED,
	CONFLICT,
	DISPUTE
} Verdict;

/* Statements and what they need. */
typedef struct Part
{
	LoadRow   **rows;
	int			count;
	char	   *key;			/* of the stage object; null = none */
	char	   *url;
	LoadStatements statements;
	Transaction transaction;
	TransactionResult result;
} Part;

/* ---- what became of each row ---- */

/* The verdict for the rows that a statement of the transaction returned. */
static bool
read_verdicts(const Part *part, int statement, Verdict verdict, unsigned char *verdicts,
			  AwsxError *error)
{
	const AwsxRedshiftDescription *description = &part->result.description;
	int64_t    *numbers = NULL;
	int			count = 0;
	bool		known = true;

	if (statement == 0 ||
		(statement <= description->part_count && description->parts[statement - 1].rows == 0))
		return true;
	if (!transaction_numbers(&part->transaction, part->result.id, statement, &numbers, &count, error))
		return false;
	for (int i = 0; i < count; i++)
	{
		known &= numbers[i] >= 0 && numbers[i] < part->count;
		if (known)
			verdicts[numbers[i]] = (unsigned char) verdict;
	}
	free(numbers);
	return known || awsx_error_set(error, AWSX_ERR_PROTOCOL,
								   "Redshift returned a row that was not in the transaction");
}

static void
settle_row(Load *load, LoadRow *row, Verdict verdict)
{
	if (verdict == LOADED)
	{
		load->states[loader_place(load, row)] = LOADER_LOADED;
		return;
	}
	snprintf(row->code, sizeof(row->code), "%s", verdict == CONFLICT ? "DedupConflict" : "VersionConflict");
	snprintf(row->reason, sizeof(row->reason), "%s", verdict == CONFLICT ?
			 "a message with the same deduplication key and other content was loaded before" :
			 "the target has a row of the same key and version with other values");
	loader_reject(load, row);
}

static bool
settle_rows(Load *load, const Part *part)
{
	unsigned char *verdicts = calloc((size_t) part->count, 1);
	bool		known;

	if (verdicts == NULL)
		return awsx_error_set(&load->last, AWSX_ERR_MEMORY, "out of memory for %d verdicts", part->count);
	known = read_verdicts(part, part->statements.conflicts, CONFLICT, verdicts, &load->last) &&
		read_verdicts(part, part->statements.disputes, DISPUTE, verdicts, &load->last);
	for (int i = 0; known && i < part->count; i++)
		settle_row(load, part->rows[i], (Verdict) verdicts[i]);
	free(verdicts);
	return known;
}

/* ---- counting ---- */

/* The rows that a statement returned or touched. */
static int64_t
rows_of(const Part *part, int statement)
{
	const AwsxRedshiftDescription *description = &part->result.description;

	if (statement == 0 || statement > description->part_count || description->parts[statement - 1].rows < 0)
		return 0;
	return description->parts[statement - 1].rows;
}

static void
count_rows(LoaderStats *stats, const Part *part)
{
	const LoadStatements *statements = &part->statements;
	int64_t		loaded = rows_of(part, statements->target);
	int64_t		duplicates = rows_of(part, statements->duplicates) - rows_of(part, statements->conflicts);
	int64_t		superseded = rows_of(part, statements->ledger) - loaded;

	stats->loaded += loaded;
	stats->duplicates += duplicates > 0 ? duplicates : 0;
	stats->superseded += superseded > 0 ? superseded : 0;
}

/* ---- the transaction ---- */

static LoaderPart
stopped(Load *load, const char *what)
{
	AwsxError  *last = &load->last;

	if (what != NULL)
		awsx_error_retell(last, last->kind, "%s: %s", what, last->message);
	*load->error = *last;
	return LOADER_PART_STOPPED;
}

/* Of one row: what it is rejected with. */
static LoaderPart
refused_data(Load *load, const Part *part)
{
	LoadRow    *row = part->rows[0];
	const char *words = part->result.description.error;

	if (part->count == 1)
	{
		snprintf(row->code, sizeof(row->code), "SqlError");
		snprintf(row->reason, sizeof(row->reason), "Redshift refuses the row: %.370s",
				 *words != '\0' ? words : load->last.message);
	}
	return LOADER_PART_DATA;
}

static LoaderPart
run_transaction(Load *load, Part *part)
{
	char		base[65];

	if (!loader_digest(load, (const char *const *) part->statements.sql, part->statements.count, base))
	{
		awsx_error_set(&load->last, AWSX_ERR_MEMORY, "out of memory for a transaction's token");
		return stopped(load, NULL);
	}
	load->transactions++;
	load->loader->stats.transactions++;
	switch (transaction_run(&part->transaction, base, (const char *const *) part->statements.sql,
							part->statements.count, &part->result, &load->last))
	{
		case TRANSACTION_DONE:
			load->committed = true;
			load->loader->alike = 0;
			count_rows(&load->loader->stats, part);
			return settle_rows(load, part) ? LOADER_PART_DONE :
				stopped(load, "the transaction is committed, but what it said of single messages cannot be read");
		case TRANSACTION_DATA:
			return refused_data(load, part);
		case TRANSACTION_REFUSED:
			return stopped(load, "Redshift refuses the transaction; \"sqs_to_redshift check\" compares the "
						   "tables with the configuration, and the role needs its privileges");
		case TRANSACTION_FAILED:
			break;
	}
	return stopped(load, "the transaction failed and the messages stay in the queue, to be tried again");
}

static LoaderPart
make_and_run(Load *load, Part *part)
{
	if (!load_sql(load->config, (const LoadRow *const *) part->rows, part->count, part->url,
				  &part->statements, &load->last))
		return stopped(load, NULL);
	return run_transaction(load, part);
}

/*
 * Was the transaction left running?  It may read the object yet, and then
 * what it loads is found by whoever gets the messages next.
 */
static bool
still_runs(const Part *part, LoaderPart end)
{
	return end == LOADER_PART_STOPPED && part->result.id[0] != '\0' &&
		part->result.description.status == AWSX_REDSHIFT_RUNNING;
}

LoaderPart
loader_part(Load *load, LoadRow **rows, int count)
{
	Loader	   *loader = load->loader;
	Deadline	deadline = *loader->deadline;
	Part		part = {
		.rows = rows,
		.count = count,
		.transaction = {
			.client = loader->client,
			.service = loader->redshift,
			.place = &load->config->place,
			.deadline = &deadline,
			.rest = loader->rest
		}
	};
	LoaderPart	end;
	bool		staged;

	if (deadline.at_ms > 0)
		deadline.at_ms -= UNSTAGE_MS;
	if (load->always_stage || !load_sql_fits(load->config, (const LoadRow *const *) rows, count))
	{
		if (load->config->stage_bucket == NULL)
			return LOADER_PART_TOO_LARGE;
		staged = loader_stage(load, rows, count, &part.key, &part.url);
		end = staged ? make_and_run(load, &part) : stopped(load, "the rows cannot be staged");
		/* what failed may have been written all the same */
		if (part.key != NULL && part.url != NULL && !still_runs(&part, end))
			loader_unstage(load, part.key);
	}
	else
		end = make_and_run(load, &part);
	load_sql_free(&part.statements);
	free(part.key);
	free(part.url);
	return end;
}
