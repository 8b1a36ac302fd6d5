/*
 * ingest.c
 *	  One invocation of s3_to_sqs: event -> objects -> messages or rejects.
 *
 * Objects are begun one after the other, those of one key from the oldest to
 * the newest; their records are under way together, so an object is done
 * some time after it was read.  An infrastructure fault fails the invocation:
 * Lambda gives the whole event again, and the fixed deduplication ids make
 * that harmless.  Where the event came through an event source mapping, each
 * message succeeds or fails for itself.
 *
 * When the invocation's end is near, what is under way is finished and what
 * is left is handed over to a later invocation.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/sqs.h"
#include "config_fetch.h"
#include "ingest_turn.h"
#include "log.h"
#include "metrics.h"
#include "places.h"
#include "reply.h"
#include "wiring.h"

/* ---- which objects ---- */

/* The console makes such an object for a folder. */
static bool
is_folder(const AwsxS3Event *event)
{
	return event->size == 0 && event->key[strlen(event->key) - 1] == '/';
}

/*
 * Is the object one of our own?  Enriching a reject would reject it again,
 * for ever.  Where their location is the whole bucket nothing in it can be
 * told apart: that is a fault of the configuration.
 */
static bool
check_own(const Turn *turn, const AwsxS3Event *event, bool *own, AwsxError *error)
{
	const Config *config = turn->ingest->config;
	const char *location = config_own_location(config, event->bucket, event->key);
	const char *prefix;

	*own = location != NULL;
	if (location == NULL)
		return true;
	prefix = strcmp(location, "reject") == 0 ? config->reject_prefix : config->receipts_prefix;
	if (*prefix == '\0')
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the %s location is the whole bucket \"%.63s\", which also sends events: "
							  "give it a prefix outside of the notification's filter", location, event->bucket);
	log_event(LOG_WARN, "an event of our own location is ignored: set a filter on the notification",
			  LOG_FIELDS(LOG_TEXT("location", location), LOG_TEXT("bucket", event->bucket),
						 LOG_TEXT("key", event->key)));
	return true;
}

static bool
prepare_task(Turn *turn, Task *task, const AwsxS3Event *event, AwsxError *error)
{
	bool		own = false;

	task->event = event;
	if (event->kind == AWSX_EVENT_CREATED && !check_own(turn, event, &own, error))
		return false;
	task->resumed = *event->resume != '\0';
	if (task->resumed && !handover_read(event->resume, &task->from, error))
		return false;
	if (event->kind == AWSX_EVENT_CREATED && !own && !is_folder(event))
		return true;
	task->state = TASK_IGNORED;
	if (event->kind == AWSX_EVENT_REMOVED)
		turn->removed++;
	turn->ignored++;
	return true;
}

/* ---- working ---- */

/* Did an older event of the same key fail? */
static bool
waits_for_older(const Turn *turn, const Task *task)
{
	for (const Task *older = turn->tasks; older < task; older++)
	{
		if (older->state == TASK_FAILED &&
			strcmp(older->event->key, task->event->key) == 0 &&
			strcmp(older->event->bucket, task->event->bucket) == 0)
			return true;
	}
	return false;
}

/* After a fault nothing that is not settled counts. */
static void
fail_open_tasks(Turn *turn)
{
	deliver_drop(turn->world.deliverer);
	for (int i = 0; i < turn->events->count; i++)
	{
		Task	   *task = &turn->tasks[i];

		if (task->state == TASK_BEGUN && !object_is_done(task->object))
			task->state = TASK_FAILED;
	}
}

static void
work_on(Turn *turn, Task *task)
{
	AwsxError	error;

	awsx_error_clear(&error);
	if (waits_for_older(turn, task))
	{
		task->state = TASK_FAILED;
		awsx_error_set(&error, AWSX_ERR_SERVICE, "an older state of the same key is not done");
		ingest_note_fault(turn, &error);
		return;
	}
	if (deadline_is_near(&turn->ingest->deadline))
	{
		task->state = TASK_LEFT;
		return;
	}
	task->state = TASK_BEGUN;
	task->object = object_create(&turn->world, task->event, task->resumed ? &task->from : NULL, &error);
	if (task->object == NULL)
		task->state = TASK_FAILED;
	else if (object_work(task->object, &error))
		return;
	ingest_note_fault(turn, &error);
	fail_open_tasks(turn);
}

/* The first fault ends an invocation that can only fail as a whole. */
static void
work_on_all(Turn *turn)
{
	AwsxError	error;

	for (int i = 0; i < turn->events->count; i++)
	{
		Task	   *task = &turn->tasks[i];

		if (turn->fault.kind != AWSX_OK && !ingest_has_messages(turn))
			return;
		if (task->state == TASK_WAITING)
			work_on(turn, task);
	}
	if (!deliver_finish(turn->world.deliverer, &error))
	{
		ingest_note_fault(turn, &error);
		fail_open_tasks(turn);
	}
}

/* ---- the invocation ---- */

static void
write_metrics(const Turn *turn, int64_t began_ms)
{
	const AwsxClock *clock = turn->ingest->deadline.clock;
	const Metric metrics[] = {
		{"Objects", "Count", turn->world.objects},
		{"Records", "Count", turn->world.records},
		{"Filtered", "Count", turn->world.filtered},
		{"Messages", "Count", turn->stats.sent},
		{"Duplicates", "Count", turn->stats.duplicates},
		{"Rejects", "Count", turn->world.rejected},
		{"Bytes", "Bytes", turn->world.bytes},
		{"Faults", "Count", turn->fault.kind != AWSX_OK},
		{"Duration", "Milliseconds", clock->monotonic_ms(clock->arg) - began_ms},
		{NULL, NULL, 0}
	};

	metrics_write(&turn->ingest->config->metrics, metrics, turn->invocation->request_id);
}

static bool
prepare(Turn *turn, AwsxError *error)
{
	Ingest	   *ingest = turn->ingest;

	turn->tasks = calloc((size_t) turn->events->count + 1, sizeof(Task));
	if (turn->tasks == NULL || !awsx_envelope_order(turn->events))
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while an event was read");
	for (int i = 0; i < turn->events->count; i++)
	{
		Task	   *task = &turn->tasks[i];

		if (prepare_task(turn, task, &turn->events->items[i], error))
			continue;
		if (!ingest_has_messages(turn))
			return false;
		task->state = TASK_FAILED;
		ingest_note_fault(turn, error);
	}
	turn->world = (ObjectWorld) {
		.config = ingest->config,
		.enricher = ingest->enricher,
		.store = &ingest->store,
		.rejects = &ingest->rejects,
		.deadline = &ingest->deadline,
		.request_id = turn->invocation->request_id,
		.trace_header = *turn->invocation->trace_id != '\0' ? turn->invocation->trace_id : NULL,
		.deliverer = ingest->deliverer
	};
	return true;
}

static void
end_turn(Turn *turn)
{
	deliver_drop(turn->ingest->deliverer);
	for (int i = 0; i < turn->events->count && turn->tasks != NULL; i++)
		object_free(turn->tasks[i].object);
	free(turn->tasks);
	awsx_envelope_free(turn->events);
}

void
ingest_handle(void *arg, const RuntimeInvocation *invocation, RuntimeReply *reply)
{
	Ingest	   *ingest = arg;
	const AwsxClock *clock = ingest->deadline.clock;
	int64_t		began_ms = clock->monotonic_ms(clock->arg);
	Turn		turn = {.ingest = ingest,.invocation = invocation};
	AwsxError	error;

	deadline_begin(&ingest->deadline, invocation->deadline_ms);
	awsx_error_clear(&error);
	turn.events = awsx_envelope_read(invocation->event, invocation->event_len, &error);
	if (turn.events == NULL)
	{
		reply_fail(reply, error.kind == AWSX_ERR_REQUEST ? "Function.BadEvent" :
				   reply_error_type(error.kind), &error);
		return;
	}
	if (prepare(&turn, &error))
	{
		work_on_all(&turn);
		ingest_hand_over(&turn);
		turn.stats = deliver_take_stats(turn.world.deliverer);
	}
	else
		ingest_note_fault(&turn, &error);
	if (turn.fault.kind == AWSX_OK || (ingest_has_messages(&turn) && turn.world.deliverer != NULL))
		ingest_answer(&turn, reply);
	else
		reply_fail(reply, reply_error_type(turn.fault.kind), &turn.fault);
	write_metrics(&turn, began_ms);
	end_turn(&turn);
	awsx_client_forget_connections(ingest->client);
}

/* ---- setting up ---- */

static bool
find_services(Ingest *ingest, const AwsxServiceOptions *options, AwsxError *error)
{
	const Config *config = ingest->config;

	ingest->sqs = calloc((size_t) config->output_count, sizeof(AwsxService));
	if (ingest->sqs == NULL)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while services were set up");
	for (int i = 0; i < config->output_count; i++)
	{
		if (!awsx_sqs_service(&ingest->sqs[i], config->outputs[i].queue_url, options, error))
			return false;
	}
	if (config->handover_queue_url != NULL &&
		!awsx_sqs_service(&ingest->handover, config->handover_queue_url, options, error))
		return false;
	ingest->store = (Store) {
		.client = ingest->client,
		.deadline = &ingest->deadline,
		.max_bytes = config->max_object_bytes
	};
	return awsx_s3_service(&ingest->store.service, options, error) &&
		reject_place_init(&ingest->rejects, config, &ingest->store, options, error);
}

static bool
find_places(Ingest *ingest, AwsxError *error)
{
	Places		places;
	bool		done = places_find(&places, ingest->client, ingest->config->outputs[0].queue_url, error) &&
		find_services(ingest, &places.options, error);

	places_free(&places);
	return done;
}

/* It outlives an invocation, for what it learns of the queues. */
static Deliverer *
create_deliverer(Ingest *ingest, AwsxError *error)
{
	DeliverOptions options = {
		.client = ingest->client,
		.config = ingest->config,
		.services = ingest->sqs,
		.deadline = &ingest->deadline,
		.on_settled = object_settled
	};

	return deliver_create(&options, error);
}

Ingest *
ingest_create(Config *config, AwsxTransport *transport, AwsxError *error)
{
	Ingest	   *ingest = calloc(1, sizeof(Ingest));

	if (ingest == NULL)
	{
		transport->free(transport);
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while the function was set up");
		return NULL;
	}
	ingest->config = config;
	ingest->deadline.clock = awsx_clock_real();
	ingest->client = wiring_client(transport, deadline_wait, &ingest->deadline, error);
	if (ingest->client != NULL && find_places(ingest, error) &&
		config_fetch(config, ingest->client, &ingest->store.service, error))
		ingest->enricher = enrich_create(config, error);
	if (ingest->enricher != NULL)
		ingest->deliverer = create_deliverer(ingest, error);
	if (ingest->deliverer != NULL)
		return ingest;
	ingest_free(ingest);
	return NULL;
}

void
ingest_watch(Ingest *ingest, bool (*go_on) (void *arg), void *arg)
{
	ingest->deadline.go_on = go_on;
	ingest->deadline.go_on_arg = arg;
}

void
ingest_free(Ingest *ingest)
{
	if (ingest == NULL)
		return;
	deliver_free(ingest->deliverer);
	awsx_client_free(ingest->client);
	enrich_free(ingest->enricher);
	free(ingest->sqs);
	free(ingest);
}
