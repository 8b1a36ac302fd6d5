/*
 * loader.c
 *	  One batch of messages, from their bodies to what their queue may forget.
 *
 *	  rejects by value, written -> round { rows -> transactions -> verdicts } -> done
 *
 * What is rejected because of its own value is so in whatever batch it comes,
 * and is written first.  What conflicts with another message of the batch is
 * a conflict only when that one was loaded, so it waits for the round's end;
 * and because nothing overtakes in a group, what comes behind it waits for
 * another round, which there seldom is.
 *
 * A group is blocked once one of its messages is known to stay.  What of it
 * was loaded before that was known comes again, and is a duplicate then.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "load_reject.h"
#include "loader_work.h"
#include "log.h"

/* ---- the loader ---- */

static bool
find_services(Loader *loader, const AwsxServiceOptions *services, AwsxError *error)
{
	if (!awsx_redshift_service(&loader->redshift, services, error))
		return false;
	if (loader->config->stage_bucket == NULL && loader->config->reject_bucket == NULL)
		return true;
	loader->store.client = loader->client;
	loader->store.deadline = loader->deadline;
	return awsx_s3_service(&loader->store.service, services, error);
}

Loader *
loader_create(const LoaderOptions *options, AwsxError *error)
{
	Loader	   *loader = calloc(1, sizeof(*loader));

	if (loader == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
		return NULL;
	}
	loader->config = options->config;
	loader->client = options->client;
	loader->deadline = options->deadline;
	loader->rest = options->rest;
	loader_set_request_id(loader, options->request_id);
	if (find_services(loader, options->services, error))
		return loader;
	loader_free(loader);
	return NULL;
}

void
loader_free(Loader *loader)
{
	if (loader == NULL)
		return;
	free(loader->request_id);
	free(loader);
}

/* An id that there is no memory for is none: it only helps to find a line of the log. */
void
loader_set_request_id(Loader *loader, const char *request_id)
{
	free(loader->request_id);
	loader->request_id = request_id != NULL ? strdup(request_id) : NULL;
}

bool
loader_met_outage(const Loader *loader)
{
	return loader->outage;
}

LoaderStats
loader_take_stats(Loader *loader)
{
	LoaderStats stats = loader->stats;

	memset(&loader->stats, 0, sizeof(loader->stats));
	return stats;
}

/* ---- what cannot be loaded ---- */

void
loader_block(Load *load, const LoadRow *row)
{
	int			place = loader_place(load, row);
	int		   *first = &load->blocked[load->groups[place]];

	if (place < *first)
		*first = place;
}

static void
leave_reject(Load *load, const LoadRow *row)
{
	const char *why = load->config->reject_bucket == NULL ?
		"there is no reject location to keep it: set \"reject\" in SQS_TO_REDSHIFT_CONFIG" :
		"\"on_reject\" leaves it for the queue's dead-letter queue";

	awsx_error_set(load->error, AWSX_ERR_REQUEST, "message %.80s can never be loaded (%s), and %s",
				   row->message->message_id, row->code, why);
	loader_block(load, row);
}

void
loader_reject(Load *load, const LoadRow *row)
{
	Loader	   *loader = load->loader;
	const AwsxClock *clock = loader->deadline->clock;
	LoadReject	reject = {
		.config = load->config,
		.row = row,
		.code = row->code,
		.reason = row->reason,
		.request_id = loader->request_id,
		.time_ms = clock->wall_ms(clock->arg)
	};

	if (load->config->reject_bucket == NULL || load->config->fail_rejects)
	{
		leave_reject(load, row);
		return;
	}
	if (!load_reject_write(&loader->store, &reject, &load->last))
	{
		*load->error = load->last;
		loader->outage = true;
		loader_block(load, row);
		return;
	}
	log_event(LOG_WARN, "a message is rejected",
			  LOG_FIELDS(LOG_TEXT("code", row->code), LOG_TEXT("messageId", row->message->message_id),
						 LOG_TEXT("subscription", load->config->subscription)));
	loader->stats.rejected++;
	load->states[loader_place(load, row)] = LOADER_REJECTED;
}

/* A conflict with another message of the batch. */
static bool
waits_for_another(const LoadRow *row)
{
	return row->fate == LOAD_REJECTED && row->original >= 0;
}

/* Those that are known without Redshift. */
static void
reject_known(Load *load)
{
	bool		stay = load->config->reject_bucket == NULL || load->config->fail_rejects;

	for (int i = 0; i < load->batch->count; i++)
	{
		const LoadRow *row = &load->batch->rows[i];

		if (row->fate == LOAD_REJECTED && !loader_is_blocked(load, i) && (stay || !waits_for_another(row)))
			loader_reject(load, row);
	}
}

/* After a round; true when one was settled. */
static bool
reject_conflicts(Load *load)
{
	bool		progress = false;

	for (int i = 0; i < load->batch->count; i++)
	{
		const LoadRow *row = &load->batch->rows[i];

		if (!waits_for_another(row) || load->states[i] != LOADER_WAITS || loader_is_blocked(load, i))
			continue;
		if (load->states[row->original] == LOADER_LOADED)
			loader_reject(load, row);
		else if (load->states[row->original] == LOADER_REJECTED || loader_is_blocked(load, row->original))
		{
			/* alone it may be loaded yet */
			awsx_error_set(load->error, AWSX_ERR_REQUEST,
						   "message %.80s has the deduplication id of one that was not loaded, and is tried again without that one",
						   row->message->message_id);
			loader_block(load, row);
		}
		else
			continue;
		progress = true;
	}
	return progress;
}

/* ---- rounds ---- */

/* The rows that may be loaded now. */
static int
gather(Load *load)
{
	int			count = 0;

	memset(load->held, 0, (size_t) load->batch->count * sizeof(*load->held));
	for (int i = 0; i < load->batch->count; i++)
	{
		LoadRow    *row = &load->batch->rows[i];

		if (load->states[i] != LOADER_WAITS || loader_is_blocked(load, i) || load->held[load->groups[i]])
			continue;
		if (row->fate == LOAD_ROW)
			load->rows[count++] = row;
		else if (waits_for_another(row))
			load->held[load->groups[i]] = true;
	}
	return count;
}

static void
run_rounds(Load *load)
{
	bool		progress = true;

	while (progress && !load->stopped)
	{
		int			count = gather(load);

		if (count > 0)
			loader_search(load, load->rows, count);
		progress = reject_conflicts(load) || count > 0;
	}
}

/* ---- the end ---- */

static bool
is_settled(const Load *load, int place)
{
	const LoadRow *row = &load->batch->rows[place];

	if (row->fate == LOAD_DUPLICATE)
		place = row->original;
	return load->states[place] != LOADER_WAITS;
}

/* True: all are. */
static bool
tell_done(Load *load, bool *done)
{
	LoaderStats *stats = &load->loader->stats;
	bool		all = true;

	memset(load->held, 0, (size_t) load->batch->count * sizeof(*load->held));
	for (int i = 0; i < load->batch->count; i++)
	{
		const LoadRow *row = &load->batch->rows[i];

		done[i] = is_settled(load, i) && !load->held[load->groups[i]];
		load->held[load->groups[i]] |= !done[i];
		stats->left += !done[i];
		stats->duplicates += done[i] && row->fate == LOAD_DUPLICATE;
		all &= done[i];
	}
	return all;
}

static bool
load_init(Load *load, const AwsxSqsMessage *messages, int count)
{
	size_t		room = count > 0 ? (size_t) count : 1;

	load->states = calloc(room, sizeof(*load->states));
	load->groups = calloc(room, sizeof(*load->groups));
	load->blocked = calloc(room, sizeof(*load->blocked));
	load->held = calloc(room, sizeof(*load->held));
	load->rows = calloc(room, sizeof(*load->rows));
	for (int i = 0; load->blocked != NULL && i < count; i++)
		load->blocked[i] = INT_MAX;
	if (load->states != NULL && load->groups != NULL && load->blocked != NULL && load->held != NULL &&
		load->rows != NULL && loader_groups(messages, count, load->groups))
		return true;
	return awsx_error_set(load->error, AWSX_ERR_MEMORY, "out of memory for a batch of %d messages", count);
}

static void
load_end(Load *load)
{
	load_batch_free(load->batch);
	free(load->states);
	free(load->groups);
	free(load->blocked);
	free(load->held);
	free(load->rows);
}

bool
loader_load(Loader *loader, LoadScope scope, const AwsxSqsMessage *messages, int count,
			bool always_stage, bool *done, AwsxError *error)
{
	Load		load = {
		.loader = loader,
		.config = loader->config,
		.always_stage = always_stage,
		.error = error
	};
	bool		all = false;

	awsx_error_clear(error);
	memset(done, 0, (size_t) count * sizeof(*done));
	loader->outage = false;
	if (load_init(&load, messages, count) &&
		(load.batch = load_batch(loader->config, scope, messages, count, error)) != NULL)
	{
		reject_known(&load);
		run_rounds(&load);
		all = tell_done(&load, done);
	}
	else
	{
		loader->outage = true;
		loader->stats.left += count;
	}
	loader->outage |= load.stopped;
	load_end(&load);
	if (all)
		awsx_error_clear(error);
	return all;
}
