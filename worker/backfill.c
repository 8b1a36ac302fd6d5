/*
 * backfill.c
 *	  Send what is already in a bucket.
 *
 * The bucket is listed twice: first to know how much there is, then page by
 * page to work on it.  Each object is given to the function's own handler as
 * the S3 notification that it would have caused.  Keys come in the order of
 * their bytes, so "all up to this key" says how far a run is.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/date.h"
#include "../aws/retry.h"
#include "../aws/s3.h"
#include "backfill.h"
#include "backfill_state.h"
#include "json.h"
#include "log.h"
#include "progress.h"
#include "stop.h"

#define ATTEMPTS 4
#define SAVE_EVERY_MS 500

typedef struct Backfill
{
	const BackfillOptions *options;
	const Config *config;
	AwsxClient *client;
	const AwsxServiceOptions *service;
	Ingest	   *ingest;
	const AwsxClock *clock;
	AwsxService s3;
	char	   *bucket;
	char	   *prefix;
	BackfillTask task;
	BackfillState state;
	Progress	progress;
	int64_t		wanted;			/* objects of the whole run */
	int64_t		wanted_bytes;
	int64_t		tried;			/* objects of this process */
	int64_t		began_ms;
	int64_t		saved_ms;
	int			status;			/* of the run, once it is decided */
	char		run[40];		/* begins the request ids of this run */
} Backfill;

static bool
fail(Backfill *run, int status, const AwsxError *error)
{
	progress_end(&run->progress);
	fprintf(stderr, "s3_to_sqs: %s\n", error->message);
	run->status = status;
	return false;
}

/* ---- one object ---- */

/* The notification that S3 would have sent. */
static bool
make_event(const Backfill *run, const AwsxS3Entry *entry, AwsxBuf *event)
{
	AwsxBuf		key;

	awsx_buf_init(&key, 0);
	awsx_buf_uri(&key, entry->key, strlen(entry->key), true);
	awsx_buf_puts(event, "{\"Records\":[{\"eventVersion\":\"2.1\",\"eventSource\":\"aws:s3\"");
	json_put_member(event, "eventTime", entry->last_modified);
	json_put_member(event, "eventName", "ObjectCreated:Put");
	awsx_buf_puts(event, ",\"s3\":{\"bucket\":{");
	json_put_member(event, "name", run->bucket);
	awsx_buf_puts(event, "},\"object\":{");
	json_put_member(event, "key", key.failed ? "" : key.data);
	awsx_buf_printf(event, ",\"size\":%lld}}}]}", (long long) entry->size);
	event->failed |= key.failed;
	awsx_buf_free(&key);
	return !event->failed;
}

static int64_t
member(const json_t *root, const char *name)
{
	return json_integer_value(json_object_get(root, name));
}

/* Add what the handler's answer says. */
static void
count_answer(BackfillState *state, const RuntimeReply *reply)
{
	json_t	   *root = json_loadb(reply->body.data, reply->body.len, 0, NULL);

	state->records += member(root, "records");
	state->messages += member(root, "sent");
	state->filtered += member(root, "filtered");
	state->rejected += member(root, "rejected");
	json_decref(root);
}

/* Would the same failure come again at once? */
static bool
is_lasting(const char *error_type)
{
	static const char *const types[] =
	{"Function.AccessDenied", "Function.Configuration", "Function.Credentials", "Function.NotFound",
	"Function.OutOfMemory", NULL};

	for (const char *const *type = types; *type != NULL; type++)
	{
		if (strcmp(error_type, *type) == 0)
			return true;
	}
	return false;
}

/* One try.  True: done, and counted. */
static bool
try_object(Backfill *run, const AwsxBuf *event, RuntimeReply *reply)
{
	char		request_id[80];
	RuntimeInvocation invocation = {
		.request_id = request_id,
		.trace_id = "",
		.function_arn = "",
		.event = event->data,
		.event_len = event->len
	};

	snprintf(request_id, sizeof(request_id), "%s-%lld", run->run, (long long) ++run->tried);
	memset(reply, 0, sizeof(*reply));
	awsx_buf_init(&reply->body, 0);
	log_set_request_id(request_id);
	ingest_handle(run->ingest, &invocation, reply);
	log_set_request_id(NULL);
	if (!reply->failed)
		count_answer(&run->state, reply);
	awsx_buf_free(&reply->body);
	return !reply->failed;
}

static bool
send_object(Backfill *run, const AwsxS3Entry *entry)
{
	AwsxBuf		event;
	AwsxError	error;
	RuntimeReply reply;
	bool		done;

	awsx_error_clear(&error);
	awsx_buf_init(&event, 0);
	if (!make_event(run, entry, &event))
	{
		awsx_buf_free(&event);
		awsx_error_set(&error, AWSX_ERR_MEMORY, "out of memory");
		return fail(run, BACKFILL_FAULT, &error);
	}
	done = try_object(run, &event, &reply);
	for (int attempt = 1; !done && attempt < ATTEMPTS && !is_lasting(reply.error_type); attempt++)
	{
		if (!stop_nap(awsx_backoff_ms(run->clock, attempt, 500, 10000)))
			break;
		done = try_object(run, &event, &reply);
	}
	awsx_buf_free(&event);
	if (done || stop_signal() != 0)
		return done;
	awsx_error_set(&error, AWSX_ERR_SERVICE, "s3://%.63s/%.200s: %s", run->bucket, entry->key,
				   reply.error_message);
	return fail(run, BACKFILL_FAULT, &error);
}

/* ---- what to send, and when ---- */

/* Is the object one of those that were asked for? */
static bool
is_wanted(const Backfill *run, const AwsxS3Entry *entry)
{
	const BackfillOptions *options = run->options;
	int64_t		modified;

	if (config_own_location(run->config, run->bucket, entry->key) != NULL)
		return false;
	if (options->since_ms == 0 && options->until_ms == 0)
		return true;
	/* without a time that can be read it is rather sent twice than not at all */
	if (!awsx_iso_date_ms(entry->last_modified, &modified))
		return true;
	return modified >= options->since_ms && (options->until_ms == 0 || modified < options->until_ms);
}

static bool
wait_for_turn(Backfill *run)
{
	double		due = run->options->rate > 0 ? (double) run->tried * 1000 / run->options->rate : 0;
	int64_t		wait = run->began_ms + (int64_t) due - run->clock->monotonic_ms(run->clock->arg);

	return stop_nap(wait > 0 ? (int) (wait < 3600000 ? wait : 3600000) : 0);
}

static bool
save(Backfill *run, bool at_once)
{
	int64_t		now = run->clock->monotonic_ms(run->clock->arg);
	AwsxError	error;

	if (run->options->resume_file == NULL || (!at_once && now - run->saved_ms < SAVE_EVERY_MS))
		return true;
	run->saved_ms = now;
	awsx_error_clear(&error);
	return backfill_state_write(&run->state, &run->task, run->options->resume_file, &error) ||
		fail(run, BACKFILL_USAGE, &error);
}

static bool
note_done(Backfill *run, const AwsxS3Entry *entry)
{
	BackfillState *state = &run->state;
	char		details[96];

	state->objects++;
	awsx_buf_reset(&state->last_key);
	awsx_buf_puts(&state->last_key, entry->key);
	snprintf(details, sizeof(details), "%lld messages, %lld rejected", (long long) state->messages,
			 (long long) state->rejected);
	progress_show(&run->progress, state->objects, details);
	return save(run, false);
}

/* An AwsxS3Entry's visitor; false ends the listing. */
typedef bool (*Visit) (Backfill *run, const AwsxS3Entry *entry);

static bool
visit_count(Backfill *run, const AwsxS3Entry *entry)
{
	run->wanted++;
	run->wanted_bytes += entry->size;
	return stop_signal() == 0;
}

static bool
visit_print(Backfill *run, const AwsxS3Entry *entry)
{
	printf("%s %12lld  s3://%s/%s\n", entry->last_modified, (long long) entry->size, run->bucket,
		   entry->key);
	return visit_count(run, entry);
}

static bool
visit_send(Backfill *run, const AwsxS3Entry *entry)
{
	return wait_for_turn(run) && send_object(run, entry) && note_done(run, entry) &&
		stop_signal() == 0;
}

/* ---- the listing ---- */

static AwsxS3Listing *
list_page(Backfill *run, const char *continuation, AwsxError *error)
{
	AwsxS3List	list = {
		.bucket = run->bucket,
		.prefix = run->prefix,
		.start_after = run->state.last_key.data,
		.continuation = continuation
	};
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxS3Listing *page;

	if (!awsx_s3_list_request(&run->s3, &list, &request, error) ||
		!awsx_client_run(run->client, &run->s3, &request, &answer, error))
		return NULL;
	page = awsx_s3_list_answer(&answer, error);
	awsx_http_response_free(&answer);
	return page;
}

/* Visit every wanted object behind the state's last key. */
static bool
walk(Backfill *run, Visit visit)
{
	char	   *continuation = NULL;
	bool		going = true;

	do
	{
		AwsxError	error;
		AwsxS3Listing *page;

		awsx_error_clear(&error);
		page = list_page(run, continuation, &error);
		if (page == NULL)
		{
			free(continuation);
			return stop_signal() == 0 && fail(run, BACKFILL_FAULT, &error);
		}
		for (int i = 0; i < page->count && going; i++)
			going = !is_wanted(run, &page->entries[i]) || visit(run, &page->entries[i]);
		free(continuation);
		continuation = page->continuation;
		page->continuation = NULL;
		awsx_s3_listing_free(page);
	} while (going && continuation != NULL);
	free(continuation);
	return going;
}

/* ---- the run ---- */

static bool
go_on(void *arg)
{
	(void) arg;
	return stop_signal() == 0;
}

/* "s3://bucket[/prefix]" */
static bool
split_url(Backfill *run, AwsxError *error)
{
	const char *url = run->options->url;
	const char *bucket = url + 5;
	size_t		len = strncmp(url, "s3://", 5) == 0 ? strcspn(bucket, "/") : 0;

	if (len < 3 || len > 63)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "\"%.200s\" must have the form s3://bucket/prefix", url);
	run->bucket = strndup(bucket, len);
	run->prefix = strdup(bucket[len] == '/' ? bucket + len + 1 : "");
	return (run->bucket != NULL && run->prefix != NULL) ||
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
}

static bool
prepare(Backfill *run)
{
	const BackfillOptions *options = run->options;
	AwsxError	error;
	char		when[25];

	awsx_error_clear(&error);
	run->task = (BackfillTask) {options->url, options->since_ms, options->until_ms};
	if (!split_url(run, &error) || !awsx_s3_service(&run->s3, run->service, &error) ||
		(options->resume_file != NULL &&
		 !backfill_state_read(&run->state, &run->task, options->resume_file, &error)))
		return fail(run, BACKFILL_USAGE, &error);
	log_time(run->clock->wall_ms(run->clock->arg), when);
	snprintf(run->run, sizeof(run->run), "backfill-%.4s%.2s%.2s-%.2s%.2s%.2s-%.3s", when, when + 5,
			 when + 8, when + 11, when + 14, when + 17, when + 20);
	return true;
}

static void
print_summary(const Backfill *run)
{
	const BackfillState *state = &run->state;

	if (run->options->dry_run)
	{
		printf("%lld objects of %lld bytes would be read; nothing was sent\n",
			   (long long) run->wanted, (long long) run->wanted_bytes);
		return;
	}
	printf("%lld objects, %lld records: %lld messages sent, %lld records filtered, %lld rejected%s\n",
		   (long long) state->objects, (long long) state->records, (long long) state->messages,
		   (long long) state->filtered, (long long) state->rejected,
		   run->status == BACKFILL_DONE || run->status == BACKFILL_REJECTS ? "" : "; not finished");
	if (run->status != BACKFILL_DONE && run->status != BACKFILL_REJECTS)
		fprintf(stderr, "s3_to_sqs: run it again to go on%s; what was sent is not doubled\n",
				run->options->resume_file != NULL ? "" : " (with --resume FILE from where it was)");
}

static void
send_all(Backfill *run)
{
	bool		whole = walk(run, visit_count);

	run->wanted += run->state.objects;
	progress_begin(&run->progress, run->clock, "objects", run->wanted, run->state.objects);
	run->began_ms = run->clock->monotonic_ms(run->clock->arg);
	whole = whole && walk(run, visit_send);
	progress_end(&run->progress);
	if (run->status == BACKFILL_DONE && !whole)
		run->status = BACKFILL_STOPPED;
	else if (run->status == BACKFILL_DONE && run->state.rejected > 0)
		run->status = BACKFILL_REJECTS;
	save(run, true);
}

int
backfill_run(const BackfillOptions *options, const Config *config, AwsxClient *client,
			 const AwsxServiceOptions *service, Ingest *ingest)
{
	Backfill	run = {.options = options,.config = config,.client = client,.service = service,.ingest = ingest};

	run.clock = awsx_client_clock(client);
	if (ingest != NULL)
		ingest_watch(ingest, go_on, NULL);
	backfill_state_init(&run.state);
	if (prepare(&run))
	{
		if (!options->dry_run)
			send_all(&run);
		else if (!walk(&run, visit_print) && run.status == BACKFILL_DONE)
			run.status = BACKFILL_STOPPED;
		if (run.status != BACKFILL_USAGE)
			print_summary(&run);
	}
	backfill_state_free(&run.state);
	free(run.bucket);
	free(run.prefix);
	return run.status;
}
