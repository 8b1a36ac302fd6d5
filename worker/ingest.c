/*
 * ingest.c
 *	  One invocation of s3_to_sqs: event -> objects -> messages or rejects.
 *
 * Objects are read one after the other.  Their records gather in a small
 * batch that is sent when it is full, and at the end; a record that cannot
 * be sent is written to the reject location on the spot.  The first
 * infrastructure fault ends the invocation: Lambda gives the whole event
 * again, and the fixed deduplication ids make that harmless.  All waiting is
 * bounded by the invocation's deadline.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/envelope.h"
#include "../aws/providers.h"
#include "config_fetch.h"
#include "deadline.h"
#include "deliver.h"
#include "enrich.h"
#include "ingest.h"
#include "log.h"
#include "reject.h"
#include "store.h"

#define BATCH_RECORDS 10
#define BATCH_BYTES ((size_t) 4 << 20)

struct Ingest
{
	const Config *config;
	Enricher   *enricher;
	AwsxClient *client;
	Store		store;
	AwsxService *sqs;			/* one an output */
	Deadline	deadline;		/* of the current invocation */
};

/* An object's record, from its GET until it is sent or rejected. */
typedef struct Item
{
	DeliverRecord record;
	const AwsxS3Event *event;
	StoreObject object;
	bool		was_read;
} Item;

/* The current invocation. */
typedef struct Turn
{
	Ingest	   *ingest;
	const RuntimeInvocation *invocation;
	Item	   *batch[BATCH_RECORDS];
	int			batch_count;
	size_t		batch_bytes;
	int64_t		objects;
	int64_t		records;
	int64_t		sent;
	int64_t		filtered;
	int64_t		rejected;
	int64_t		ignored;
} Turn;

/* ---- rejects ---- */

static bool
put_reject(Turn *turn, const Reject *reject, AwsxError *error)
{
	const Config *config = turn->ingest->config;
	AwsxBuf		key;
	AwsxBuf		document;
	bool		done;

	awsx_buf_init(&key, 0);
	awsx_buf_init(&document, 0);
	if (reject_key(reject, config->reject_prefix, &key) && reject_document(reject, &document))
		done = store_write(&turn->ingest->store, config->reject_bucket, key.data,
						   document.data, document.len, error);
	else
		done = awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while a reject was written");
	awsx_buf_free(&key);
	awsx_buf_free(&document);
	return done;
}

/* Write the item's record to the reject location, with code and reason. */
static bool
reject_item(Turn *turn, const Item *item, const char *code, const char *reason, AwsxError *error)
{
	const AwsxS3Event *event = item->event;
	const AwsxBuf *body = &item->object.answer.body;
	const AwsxClock *clock = turn->ingest->deadline.clock;
	Reject		reject = {
		.code = code,
		.reason = reason,
		.bucket = event->bucket,
		.key = event->key,
		.version_id = *event->version_id != '\0' ? event->version_id : item->object.about.version_id,
		.etag = *event->etag != '\0' ? event->etag : item->object.about.etag,
		.record = 1,
		.request_id = turn->invocation->request_id,
		.time_ms = clock->wall_ms(clock->arg),
		.body = body->data != NULL ? body->data : item->was_read ? "" : NULL,
		.body_len = body->len
	};

	log_event(LOG_WARN, "a record is rejected",
			  LOG_FIELDS(LOG_TEXT("code", code), LOG_TEXT("bucket", event->bucket),
						 LOG_TEXT("key", event->key), LOG_TEXT("versionId", reject.version_id),
						 LOG_NUMBER("record", reject.record)));
	if (turn->ingest->config->reject_bucket == NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "a record cannot be sent (%s), and there is no reject location to "
							  "keep it: set REJECT_URL, or \"reject\" in S3_TO_SQS_CONFIG", code);
	if (!put_reject(turn, &reject, error))
		return false;
	turn->rejected++;
	return true;
}

static bool
reject_refused(Turn *turn, const Item *item, AwsxError *error)
{
	const DeliverRecord *record = &item->record;
	char		reason[900];

	snprintf(reason, sizeof(reason),
			 "SQS refused a message of output \"%s\" (%d of the record's %d messages were sent before): %s: %s",
			 turn->ingest->config->outputs[record->refused_output].name,
			 record->sent, record->result.count, record->refused_code, record->refused_message);
	return reject_item(turn, item, "MessageRefused", reason, error);
}

/* ---- the batch ---- */

static void
free_item(Item *item)
{
	enrich_result_free(&item->record.result);
	store_object_free(&item->object);
	free(item);
}

static void
empty_batch(Turn *turn)
{
	for (int i = 0; i < turn->batch_count; i++)
		free_item(turn->batch[i]);
	turn->batch_count = 0;
	turn->batch_bytes = 0;
}

static bool
on_settled(void *arg, DeliverRecord *record, AwsxError *error)
{
	(void) arg;
	(void) record;
	(void) error;
	return true;
}

static bool
send_batch(Turn *turn, AwsxError *error)
{
	Ingest	   *ingest = turn->ingest;
	DeliverOptions options = {
		.client = ingest->client,
		.config = ingest->config,
		.services = ingest->sqs,
		.deadline = &ingest->deadline,
		.on_settled = on_settled
	};
	Deliverer  *deliverer = deliver_create(&options, error);
	bool		done = deliverer != NULL;

	for (int i = 0; i < turn->batch_count && done; i++)
	{
		turn->batch[i]->record.trace_header = turn->invocation->trace_id;
		done = deliver_submit(deliverer, &turn->batch[i]->record, error);
	}
	done = done && deliver_finish(deliverer, error);
	if (deliverer != NULL)
		turn->sent += deliver_take_stats(deliverer).sent;
	deliver_free(deliverer);
	for (int i = 0; i < turn->batch_count && done; i++)
	{
		if (turn->batch[i]->record.refused)
			done = reject_refused(turn, turn->batch[i], error);
	}
	empty_batch(turn);
	return done;
}

/* ---- objects ---- */

/*
 * Read the object.  True: its body is there, or its record has a reject code.
 * False: an infrastructure fault.
 */
static bool
read_object(Turn *turn, Item *item, AwsxError *error)
{
	const AwsxS3Event *event = item->event;
	EnrichResult *result = &item->record.result;
	StoreResult read = store_read(&turn->ingest->store, event->bucket, event->key,
								  event->version_id, event->size, &item->object, error);

	item->was_read = read == STORE_READ;
	if (read == STORE_READ || read == STORE_FAILED)
		return item->was_read;
	result->code = read == STORE_MISSING ? "ObjectMissing" : "ObjectTooLarge";
	snprintf(result->reason, sizeof(result->reason), "%s%s%s", error->code,
			 *error->code != '\0' ? ": " : "", error->message);
	return true;
}

/* Read and enrich; the item then has messages or a reject code. */
static bool
make_record(Turn *turn, Item *item, AwsxError *error)
{
	const AwsxS3Event *event = item->event;
	EnrichSource source = {
		.bucket = event->bucket,
		.key = event->key,
		.version_id = event->version_id,
		.sequencer = event->sequencer,
		.record = 1
	};
	const AwsxBuf *body = &item->object.answer.body;

	if (!read_object(turn, item, error))
		return false;
	if (item->record.result.code != NULL)
		return true;
	return enrich_record(turn->ingest->enricher, &source, body->data != NULL ? body->data : "",
						 body->len, &item->record.result, error);
}

static bool
handle_object(Turn *turn, const AwsxS3Event *event, AwsxError *error)
{
	Item	   *item = calloc(1, sizeof(Item));
	const EnrichResult *result;
	bool		done;

	if (item == NULL)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while an object was read");
	item->event = event;
	store_object_init(&item->object);
	result = &item->record.result;
	done = make_record(turn, item, error);
	turn->objects++;
	if (done && result->code != NULL)
		done = reject_item(turn, item, result->code, result->reason, error);
	else if (done)
	{
		turn->records++;
		turn->filtered += result->count == 0;
		turn->batch_bytes += item->object.answer.body.len + result->bytes;
		turn->batch[turn->batch_count++] = item;
		if (turn->batch_count == BATCH_RECORDS || turn->batch_bytes >= BATCH_BYTES)
			return send_batch(turn, error);
		return true;
	}
	free_item(item);
	return done;
}

/*
 * Is the object one of our own rejects?  Enriching it would reject it again,
 * for ever.  Where the reject location is the whole bucket nothing in it can
 * be told apart: that is a fault of the configuration.
 */
static bool
is_own_reject(const Config *config, const AwsxS3Event *event)
{
	return config->reject_bucket != NULL && strcmp(event->bucket, config->reject_bucket) == 0 &&
		strncmp(event->key, config->reject_prefix, strlen(config->reject_prefix)) == 0;
}

static bool
handle_event(Turn *turn, const AwsxS3Event *event, AwsxError *error)
{
	const Config *config = turn->ingest->config;

	if (event->kind != AWSX_EVENT_CREATED)
	{
		turn->ignored++;
		return true;
	}
	if (!is_own_reject(config, event))
		return handle_object(turn, event, error);
	if (*config->reject_prefix == '\0')
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the reject location is the whole bucket that sends events: "
							  "give it a prefix outside of the notification's filter");
	log_event(LOG_WARN,
			  "an object in the reject location is ignored; keep that location outside of the "
			  "notification's filter",
			  LOG_FIELDS(LOG_TEXT("bucket", event->bucket), LOG_TEXT("key", event->key)));
	turn->ignored++;
	return true;
}

/* ---- the invocation ---- */

/* The error type that Lambda records. */
static const char *
error_type_of(AwsxErrorKind kind)
{
	static const char *const types[] = {
		[AWSX_OK] = "Function.Unknown",
		[AWSX_ERR_MEMORY] = "Function.OutOfMemory",
		[AWSX_ERR_CONFIG] = "Function.Configuration",
		[AWSX_ERR_CREDENTIALS] = "Function.Credentials",
		[AWSX_ERR_TRANSPORT] = "Function.Network",
		[AWSX_ERR_TIMEOUT] = "Function.Timeout",
		[AWSX_ERR_CANCELLED] = "Function.Deadline",
		[AWSX_ERR_THROTTLED] = "Function.Throttled",
		[AWSX_ERR_SERVICE] = "Function.ServiceFault",
		[AWSX_ERR_DENIED] = "Function.AccessDenied",
		[AWSX_ERR_NOT_FOUND] = "Function.NotFound",
		[AWSX_ERR_REQUEST] = "Function.Refused",
		[AWSX_ERR_PROTOCOL] = "Function.Protocol",
		[AWSX_ERR_INTEGRITY] = "Function.Integrity"
	};

	if ((size_t) kind >= sizeof(types) / sizeof(types[0]) || types[kind] == NULL)
		return types[AWSX_OK];
	return types[kind];
}

static void
fail_invocation(RuntimeReply *reply, const char *type, const AwsxError *error)
{
	reply->failed = true;
	snprintf(reply->error_type, sizeof(reply->error_type), "%s", type);
	snprintf(reply->error_message, sizeof(reply->error_message), "%s%.440s",
			 error->kind == AWSX_ERR_CANCELLED ? "the function's timeout came too near: " : "",
			 error->message);

	/* the environment never gets new keys, only a new process does */
	reply->leave = strncmp(error->code, "ExpiredToken", 12) == 0;
	log_error(LOG_ERROR, "the invocation fails, Lambda will repeat it", error);
}

static void
answer_invocation(const Turn *turn, int test_events, RuntimeReply *reply)
{
	awsx_buf_printf(&reply->body,
					"{\"objects\":%lld,\"records\":%lld,\"sent\":%lld,\"filtered\":%lld,"
					"\"rejected\":%lld,\"test_events\":%d,\"ignored\":%lld}",
					(long long) turn->objects, (long long) turn->records, (long long) turn->sent,
					(long long) turn->filtered, (long long) turn->rejected, test_events,
					(long long) turn->ignored);
	log_event(LOG_INFO, "the invocation is done",
			  LOG_FIELDS(LOG_NUMBER("objects", turn->objects), LOG_NUMBER("records", turn->records),
						 LOG_NUMBER("sent", turn->sent), LOG_NUMBER("filtered", turn->filtered),
						 LOG_NUMBER("rejected", turn->rejected),
						 LOG_NUMBER("testEvents", test_events),
						 LOG_NUMBER("ignored", turn->ignored)));
}

void
ingest_handle(void *arg, const RuntimeInvocation *invocation, RuntimeReply *reply)
{
	Ingest	   *ingest = arg;
	Turn		turn = {.ingest = ingest,.invocation = invocation};
	AwsxError	error;
	AwsxS3Events *events;
	bool		done = true;

	ingest->deadline.at_ms = invocation->deadline_ms;
	awsx_error_clear(&error);
	events = awsx_envelope_read(invocation->event, invocation->event_len, &error);
	if (events == NULL)
	{
		fail_invocation(reply, error.kind == AWSX_ERR_REQUEST ? "Function.BadEvent" :
						error_type_of(error.kind), &error);
		return;
	}
	for (int i = 0; i < events->count && done; i++)
		done = handle_event(&turn, &events->items[i], &error);
	done = done && send_batch(&turn, &error);
	empty_batch(&turn);
	if (done)
		answer_invocation(&turn, events->test_events, reply);
	else
		fail_invocation(reply, error_type_of(error.kind), &error);
	awsx_envelope_free(events);
}

/* ---- setting up ---- */

static bool
find_services(Ingest *ingest, AwsxError *error)
{
	static const AwsxServiceOptions options = {.use_environment = true};
	const Config *config = ingest->config;

	ingest->sqs = calloc((size_t) config->output_count, sizeof(AwsxService));
	if (ingest->sqs == NULL)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while services were set up");
	for (int i = 0; i < config->output_count; i++)
	{
		if (!awsx_sqs_service(&ingest->sqs[i], config->outputs[i].queue_url, &options, error))
			return false;
	}
	ingest->store = (Store) {
		.client = ingest->client,
		.deadline = &ingest->deadline,
		.max_bytes = config->max_object_bytes
	};
	return awsx_s3_service(&ingest->store.service, &options, error);
}

static AwsxClient *
create_client(Ingest *ingest, AwsxTransport *transport, AwsxError *error)
{
	AwsxClientOptions options = {
		.transport = transport,
		.credentials = awsx_credentials_env(error),
		.wait = deadline_wait,
		.wait_arg = &ingest->deadline
	};

	if (options.credentials != NULL)
		return awsx_client_create(&options, error);
	transport->free(transport);
	return NULL;
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
	ingest->client = create_client(ingest, transport, error);
	if (ingest->client != NULL && find_services(ingest, error) &&
		config_fetch(config, ingest->client, &ingest->store.service, error))
		ingest->enricher = enrich_create(config, error);
	if (ingest->enricher != NULL)
		return ingest;
	ingest_free(ingest);
	return NULL;
}

void
ingest_free(Ingest *ingest)
{
	if (ingest == NULL)
		return;
	awsx_client_free(ingest->client);
	enrich_free(ingest->enricher);
	free(ingest->sqs);
	free(ingest);
}
