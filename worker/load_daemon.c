/*
 * load_daemon.c
 *	  sqs_to_redshift without Lambda.
 *
 * Messages that arrive are gathered, in the order of their arrival, until
 * there are enough of them, or bytes, or the first has waited long enough; then
 * they are loaded by COPY in one transaction.  Meanwhile the next are gathered,
 * and the leases of all that is in hand are kept: whenever the loader waits, the
 * daemon's own calls go on.
 *
 * After the load what is done is deleted.  What stays because of itself is
 * visible again after a pause that grows, and behind it its group.  What stays
 * because of Redshift, S3 or the network is kept in hand and loaded again
 * after a pause: to give it back would count against it, and send a queue's
 * worth of innocent messages to the dead-letter queue.
 *
 * In memory: what is gathered, and what is being loaded with its rows and the
 * object for COPY.  Polls are only started while the bodies of both are below
 * max_bytes.
 *
 * After SIGTERM nothing more is received or begun; a transaction under way
 * is waited for, up to a bound, and the rest given back.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/retry.h"
#include "load_daemon.h"
#include "load_gathered.h"
#include "load_hand.h"
#include "load_metrics.h"
#include "load_poll.h"
#include "load_scope.h"
#include "loader.h"
#include "log.h"
#include "stop.h"

#define SLICE_MS 250
#define BACKOFF_BASE_MS 1000
#define BACKOFF_CAP_MS 60000
#define STOP_MS 25000			/* that a transaction under way is waited for after a signal */
#define TIDY_MS 1000			/* for its object in the stage, where that was in vain */
#define GIVE_BACK_MS 3000

typedef struct LoadDaemon
{
	const char *queue_url;
	const LoadConfig *config;
	AwsxClient *client;
	const AwsxClock *clock;
	Deadline   *deadline;
	AwsxService service;		/* of the queue */
	LoadScope	scope;
	Loader	   *loader;
	LoadHand	hand;
	LoadPolls	polls;
	LoadGathered next;			/* being gathered */
	LoadGathered batch;			/* being loaded, or kept after an outage */
	int64_t		first_ms;		/* monotonic: when the first of next came */
	bool		loading;
	int			outages;		/* in a row */
	int64_t		not_before_ms;	/* of the next load, after an outage */
	int64_t		stop_ms;		/* when waiting for the transaction ends; 0 = no signal yet */
	bool		told_stop;
} LoadDaemon;

static int64_t
now_ms(const LoadDaemon *daemon)
{
	return daemon->clock->monotonic_ms(daemon->clock->arg);
}

/* ---- gathering ---- */

/* What there is no room for stays out of hand, and is visible again when its lease ends. */
static void
take(void *arg, AwsxSqsMessages *messages)
{
	LoadDaemon *daemon = arg;
	LoadParcel *parcel;

	if (!load_gathered_make_room(&daemon->next, messages->count))
	{
		awsx_sqs_messages_free(messages);
		return;
	}
	parcel = load_hand_take(&daemon->hand, messages);
	if (parcel == NULL)
		return;
	if (daemon->next.count == 0)
		daemon->first_ms = now_ms(daemon);
	load_gathered_add(&daemon->next, parcel);
}

static bool
is_full(const LoadDaemon *daemon)
{
	return daemon->batch.count + daemon->next.count + daemon->polls.per_call > daemon->config->poll.max_messages ||
		daemon->batch.bytes + daemon->next.bytes >= daemon->config->poll.max_bytes;
}

/* Could another poll bring more than there is room for? */
static bool
may_poll(const LoadDaemon *daemon)
{
	const LoadPoll *poll = &daemon->config->poll;
	int			room = poll->max_messages - daemon->next.count;

	/* after an outage its messages are loaded first */
	if (daemon->outages > 0)
		room -= daemon->batch.count;
	return stop_signal() == 0 && (daemon->polls.under_way + 1) * daemon->polls.per_call <= room &&
		daemon->batch.bytes + daemon->next.bytes < poll->max_bytes;
}

/* What there is to do beside loading. */
static void
work(LoadDaemon *daemon)
{
	while (may_poll(daemon) && load_polls_start(&daemon->polls))
		;
	load_hand_work(&daemon->hand, true);
}

/* Let what is under way go on, for so long at most. */
static void
drive(LoadDaemon *daemon, int64_t most_ms)
{
	struct pollfd watched = {.fd = awsx_client_fd(daemon->client),.events = POLLIN};
	int			timeout_ms = awsx_client_timeout_ms(daemon->client);

	if (timeout_ms < 0 || timeout_ms > SLICE_MS)
		timeout_ms = SLICE_MS;
	if (timeout_ms > most_ms)
		timeout_ms = most_ms > 0 ? (int) most_ms : 0;
	if (poll(&watched, 1, timeout_ms) < 0 && errno != EINTR)
		stop_nap(SLICE_MS);
	awsx_client_drive(daemon->client);
}

/* ---- while a batch is loaded ---- */

/*
 * The loader's question.  When the time after a signal is over it is answered
 * with no once, which ends the transaction's wait, and then with yes for a
 * moment, in which the loader tidies up.
 */
static bool
go_on(void *arg)
{
	LoadDaemon *daemon = arg;
	int64_t		now = now_ms(daemon);

	if (stop_signal() != 0 && daemon->stop_ms == 0)
	{
		daemon->stop_ms = now + STOP_MS;
		daemon->deadline->near_ms = 1;	/* no further transaction */
		load_polls_stop(&daemon->polls);
	}
	work(daemon);
	if (!daemon->loading)
		return daemon->stop_ms == 0;
	if (daemon->stop_ms == 0 || now < daemon->stop_ms)
		return true;
	if (!daemon->told_stop)
	{
		daemon->told_stop = true;
		return false;
	}
	return now < daemon->stop_ms + TIDY_MS;
}

/*
 * The loader's rest between two looks at its transaction.  The daemon's own
 * calls go on: with many messages in hand their leases are many.
 */
static bool
rest_at_work(const Deadline *deadline, int ms)
{
	LoadDaemon *daemon = deadline->go_on_arg;
	int64_t		end_ms = now_ms(daemon) + ms;

	for (int64_t now = end_ms - ms; now < end_ms; now = now_ms(daemon))
	{
		if (!go_on(daemon))
			return false;
		drive(daemon, end_ms - now);
	}
	return true;
}

/* ---- after a load ---- */

static void
tell(LoadDaemon *daemon, bool all, int64_t began_ms, const AwsxError *error)
{
	LoadOutcome outcome = {
		.messages = daemon->batch.count,
		.faulty = !all,
		.milliseconds = now_ms(daemon) - began_ms,
		.stats = loader_take_stats(daemon->loader)
	};

	outcome.left = (int) outcome.stats.left;
	load_metrics_tell(daemon->config, "a batch is done", &outcome, NULL);
	if (!all)
		log_error(daemon->outages > 0 ? LOG_ERROR : LOG_WARN, daemon->outages > 0 ?
				  "messages could not be loaded; they are kept and tried again" :
				  "messages could not be loaded; they are given back to the queue", error);
}

/* What is in hand is loaded again after a pause. */
static void
pause_loading(LoadDaemon *daemon)
{
	daemon->outages++;
	daemon->not_before_ms = now_ms(daemon) +
		awsx_backoff_ms(daemon->clock, daemon->outages, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
}

/* ---- the loop ---- */

static bool
is_due(const LoadDaemon *daemon)
{
	int64_t		now = now_ms(daemon);

	if (daemon->outages > 0)
		return now >= daemon->not_before_ms;
	return daemon->next.count > 0 &&
		(is_full(daemon) || now - daemon->first_ms >= (int64_t) daemon->config->poll.max_age_seconds * 1000);
}

static void
load(LoadDaemon *daemon)
{
	int64_t		began_ms = now_ms(daemon);
	AwsxError	error;
	bool	   *done = NULL;
	bool		all;

	/* what was gathered comes behind what an outage has left */
	if (load_gathered_move(&daemon->batch, &daemon->next))
		done = calloc((size_t) daemon->batch.count, sizeof(*done));
	if (done == NULL)
	{
		log_event(LOG_ERROR, "out of memory for a batch; trying again", NULL);
		pause_loading(daemon);
		return;
	}
	daemon->loading = true;
	all = loader_load(daemon->loader, daemon->scope, daemon->batch.messages, daemon->batch.count, true,
					  done, &error);
	daemon->loading = false;
	if (!all && loader_met_outage(daemon->loader))
		pause_loading(daemon);
	else
		daemon->outages = 0;
	tell(daemon, all, began_ms, &error);
	load_gathered_settle(&daemon->batch, &daemon->hand, done, daemon->outages > 0);
	free(done);
}

static void
serve(LoadDaemon *daemon)
{
	while (stop_signal() == 0)
	{
		work(daemon);
		if (is_due(daemon))
			load(daemon);
		else
			drive(daemon, SLICE_MS);
	}
}

/* After a signal: what is done is deleted, the rest visible again at once. */
static void
tidy(LoadDaemon *daemon)
{
	int64_t		end_ms = now_ms(daemon) + GIVE_BACK_MS;

	load_polls_stop(&daemon->polls);
	load_hand_return_all(&daemon->hand);
	while (!load_hand_is_idle(&daemon->hand) && now_ms(daemon) < end_ms)
	{
		load_hand_work(&daemon->hand, false);
		drive(daemon, end_ms - now_ms(daemon));
	}
}

/* Ask the queue until it answers. */
static bool
find_scope(LoadDaemon *daemon, AwsxError *error)
{
	daemon->scope = daemon->config->dedup_scope;
	for (int failures = 1; daemon->scope == LOAD_SCOPE_ASK; failures++)
	{
		if (load_scope_ask(daemon->client, &daemon->service, daemon->queue_url, daemon->deadline,
						   &daemon->scope, error))
			break;
		log_error(failures == 1 ? LOG_WARN : LOG_ERROR,
				  "the queue could not be asked for its deduplication scope; trying again", error);
		if (!stop_nap(awsx_backoff_ms(daemon->clock, failures, BACKOFF_BASE_MS, BACKOFF_CAP_MS)))
			return false;
	}
	return true;
}

static bool
start(LoadDaemon *daemon, const AwsxServiceOptions *services, AwsxError *error)
{
	const LoadPoll *poll = &daemon->config->poll;
	LoaderOptions options = {
		.config = daemon->config,
		.client = daemon->client,
		.services = services,
		.deadline = daemon->deadline,
		.rest = rest_at_work
	};

	awsx_error_clear(error);
	if (daemon->config->stage_bucket == NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "\"stage\" is missing in SQS_TO_REDSHIFT_CONFIG: the daemon loads by COPY from there");
	if (!awsx_sqs_service(&daemon->service, daemon->queue_url, services, error))
		return false;
	daemon->loader = loader_create(&options, error);
	if (daemon->loader == NULL)
		return false;
	load_hand_init(&daemon->hand, daemon->client, &daemon->service, daemon->queue_url, poll->visibility_seconds);
	load_polls_init(&daemon->polls, daemon->client, &daemon->service, daemon->queue_url,
					poll->visibility_seconds,
					poll->max_messages < AWSX_SQS_BATCH ? poll->max_messages : AWSX_SQS_BATCH,
					poll->receives, take, daemon);
	return true;
}

static void
daemon_free(LoadDaemon *daemon)
{
	daemon->deadline->go_on = NULL;
	daemon->deadline->go_on_arg = NULL;
	load_hand_free(&daemon->hand);
	loader_free(daemon->loader);
	load_gathered_free(&daemon->next);
	load_gathered_free(&daemon->batch);
	free(daemon);
}

int
load_daemon_run(const char *queue_url, const LoadConfig *config, AwsxClient *client,
				const AwsxServiceOptions *services, Deadline *deadline)
{
	LoadDaemon *daemon = calloc(1, sizeof(*daemon));
	AwsxError	error;

	if (daemon == NULL)
	{
		log_event(LOG_FATAL, "out of memory", NULL);
		return 1;
	}
	daemon->queue_url = queue_url;
	daemon->config = config;
	daemon->client = client;
	daemon->clock = awsx_client_clock(client);
	daemon->deadline = deadline;
	if (!start(daemon, services, &error))
	{
		log_error(LOG_FATAL, "the queue cannot be served", &error);
		daemon_free(daemon);
		return 1;
	}
	deadline->go_on = go_on;
	deadline->go_on_arg = daemon;
	log_event(LOG_INFO, "serving the queue", LOG_FIELDS(LOG_TEXT("queue", queue_url)));
	if (find_scope(daemon, &error))
		serve(daemon);
	tidy(daemon);
	daemon_free(daemon);
	log_event(LOG_INFO, "stopped by a signal", NULL);
	return 0;
}
