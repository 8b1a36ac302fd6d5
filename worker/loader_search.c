/*
 * loader_search.c
 *	  Loads rows in one transaction where that is possible, and finds by
 *	  halves what makes it impossible.
 *
 * The first half ends before the second begins, so what is tried later never
 * overtakes what is behind it in its group.  Where the first half passed, the
 * culprit is in the second, which is not tried as a whole any more.
 *
 * A row that is refused alone is the culprit.  But where many were refused
 * one after another and none loaded in between, in this batch or in those
 * before, the target may have changed under us: these stay suspects, until
 * any other row is loaded.
 */
#include "loader_work.h"

/* The rest waits for the next load, so that this one ends. */
#define MOST_TRANSACTIONS 200

static void
stop(Load *load)
{
	load->stopped = true;
}

/* Leave out what is blocked by now. */
static int
compact(const Load *load, LoadRow **rows, int count)
{
	int			kept = 0;

	for (int i = 0; i < count; i++)
	{
		if (!loader_is_blocked(load, loader_place(load, rows[i])))
			rows[kept++] = rows[i];
	}
	return kept;
}

/* May another transaction begin? */
static bool
may_begin(Load *load)
{
	if (load->transactions == 0)
		return true;
	if (deadline_is_near(load->loader->deadline))
		return awsx_error_set(load->error, AWSX_ERR_CANCELLED,
							  "no time is left for another transaction; the rest is tried again");
	if (load->transactions >= MOST_TRANSACTIONS)
		return awsx_error_set(load->error, AWSX_ERR_REQUEST,
							  "%d transactions did not find all messages that Redshift refuses; the rest is tried again",
							  load->transactions);
	return true;
}

static void
suspect(Load *load, LoadRow *row)
{
	load->suspects[load->suspect_count++] = row;
	loader_block(load, row);
	if (load->suspect_count == LOADER_ALIKE)
		stop(load);
}

/* A row that was refused alone. */
static void
accuse(Load *load, LoadRow *row)
{
	Loader	   *loader = load->loader;

	if (!load->committed && loader->alike >= LOADER_ALIKE)
	{
		suspect(load, row);
		return;
	}
	loader->alike++;
	loader_reject(load, row);
}

/* It cannot be loaded without a stage. */
static void
leave_large(Load *load, const LoadRow *row)
{
	awsx_error_set(load->error, AWSX_ERR_CONFIG,
				   "message %.80s is too large for SQL: set \"stage\" in SQS_TO_REDSHIFT_CONFIG to a place in S3, to load it by COPY",
				   row->message->message_id);
	loader_block(load, row);
}

/* True: all were loaded, in one transaction. */
static bool
search(Load *load, LoadRow **rows, int count, bool known_bad)
{
	LoaderPart	end = LOADER_PART_DATA;
	bool		passed;

	count = compact(load, rows, count);
	if (count == 0 || load->stopped)
		return count == 0;
	if (!known_bad || count == 1)
	{
		if (!may_begin(load))
		{
			stop(load);
			return false;
		}
		end = loader_part(load, rows, count);
	}
	if (end == LOADER_PART_DONE)
		return true;
	if (end == LOADER_PART_STOPPED)
		stop(load);
	else if (count > 1)
	{
		passed = search(load, rows, count / 2, false);
		search(load, rows + count / 2, count - count / 2, passed && end == LOADER_PART_DATA);
	}
	else if (end == LOADER_PART_DATA)
		accuse(load, rows[0]);
	else
		leave_large(load, rows[0]);
	return false;
}

/* Others passed: then it was their own fault.  Or nothing did. */
static void
judge_suspects(Load *load)
{
	if (load->suspect_count == 0)
		return;
	for (int i = 0; load->committed && i < load->suspect_count; i++)
		loader_reject(load, load->suspects[i]);
	if (!load->committed)
	{
		load->loader->outage = true;
		awsx_error_retell(&load->last, AWSX_ERR_REQUEST,
						  "the last %d messages were all refused, and none was loaded in between; the target may "
						  "have changed, see \"sqs_to_redshift check\": %s",
						  load->loader->alike + load->suspect_count, load->last.message);
		*load->error = load->last;
	}
	load->suspect_count = 0;
}

void
loader_search(Load *load, LoadRow **rows, int count)
{
	search(load, rows, count, false);
	judge_suspects(load);
}
