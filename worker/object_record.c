/*
 * object_record.c
 *	  The records of an object: from their text to the deliverer, and what
 *	  becomes of them when they are settled.
 *
 * A record keeps its text until then, for the case that it must be written as
 * a reject.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "object_work.h"

/* A record on its way. */
typedef struct Item
{
	DeliverRecord record;		/* the first member: the deliverer knows no more */
	Object	   *object;
	int64_t		number;
	char	   *text;			/* null: there is none to show */
	size_t		len;
} Item;

/* ---- a record's end ---- */

/* The version that was read, as far as it is known. */
static const char *
version_of(const Object *object)
{
	if (*object->event->version_id != '\0')
		return object->event->version_id;
	return object->version_id;
}

static const char *
etag_of(const Object *object)
{
	return *object->event->etag != '\0' ? object->event->etag : object->etag;
}

static bool
reject_item(const Item *item, AwsxError *error)
{
	const Object *object = item->object;
	ObjectWorld *world = object->world;
	const AwsxClock *clock = world->deadline->clock;
	char		reason[900];
	Reject		reject = {
		.bucket = object->event->bucket,
		.key = object->event->key,
		.version_id = version_of(object),
		.etag = etag_of(object),
		.sequencer = object->event->sequencer,
		.record = (int) item->number,
		.request_id = world->request_id,
		.time_ms = clock->wall_ms(clock->arg),
		.body = item->text,
		.body_len = item->len
	};

	reject_describe(&reject, world->config, &item->record, reason, sizeof(reason));
	log_event(LOG_WARN, "a record is rejected",
			  LOG_FIELDS(LOG_TEXT("code", reject.code), LOG_TEXT("bucket", reject.bucket),
						 LOG_TEXT("key", reject.key), LOG_TEXT("versionId", reject.version_id),
						 LOG_NUMBER("record", item->number)));
	if (!reject_write(world->rejects, &reject, error))
		return false;
	world->rejected++;
	return true;
}

static bool
conclude(const Item *item, AwsxError *error)
{
	const DeliverRecord *record = &item->record;
	ObjectWorld *world = item->object->world;
	bool		done = true;

	if (record->result.code != NULL || record->refused)
		done = reject_item(item, error);
	else
		world->filtered += record->result.count == 0;
	return done && receipt_note(item->object->receipt, record, error);
}

/* After its last record. */
bool
object_close_if_done(Object *object, AwsxError *error)
{
	if (!object->at_end || object->cut || object->open > 0 || object->failed || object->done)
		return true;
	object->done = receipt_close(object->receipt, true, NULL, error);
	object->failed = !object->done;
	if (object->done)
		log_event(LOG_DEBUG, "an object is done",
				  LOG_FIELDS(LOG_TEXT("bucket", object->event->bucket),
							 LOG_TEXT("key", object->event->key),
							 LOG_NUMBER("records", object->records)));
	receipt_free(object->receipt);
	object->receipt = NULL;
	return object->done;
}

static void
free_item(Item *item)
{
	enrich_result_free(&item->record.result);
	free(item->text);
	free(item);
}

bool
object_settled(void *arg, DeliverRecord *record, AwsxError *error)
{
	Item	   *item = (Item *) record;
	Object	   *object = item->object;

	bool		done = true;

	(void) arg;
	object->open--;
	object->world->open--;
	object->world->settled++;
	object->failed |= record->dropped;
	/* after a fault the object fails as a whole, and is worked on again */
	if (!object->failed)
	{
		done = conclude(item, error);
		object->failed = !done;
	}
	free_item(item);
	return done && object_close_if_done(object, error);
}

/* ---- submitting ---- */

static Item *
make_item(Object *object, int64_t number, const char *text, size_t len, AwsxError *error)
{
	Item	   *item = calloc(1, sizeof(Item));

	if (item != NULL && text != NULL)
		item->text = malloc(len + 1);
	if (item == NULL || (text != NULL && item->text == NULL))
	{
		free(item);
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while a record was read");
		return NULL;
	}
	if (text != NULL)
	{
		memcpy(item->text, text, len);
		item->text[len] = '\0';
		item->len = len;
	}
	item->object = object;
	item->number = number;
	item->record.weight = sizeof(Item) + len;
	item->record.trace_header = object->world->trace_header;
	return item;
}

static bool
submit(Object *object, Item *item, AwsxError *error)
{
	const AwsxClock *clock = object->world->deadline->clock;

	if (object->world->began_ms == 0)
		object->world->began_ms = clock->wall_ms(clock->arg);
	object->open++;
	object->world->open++;
	object->records++;
	object->world->records++;
	return deliver_submit(object->world->deliverer, &item->record, error);
}

bool
object_submit_reject(Object *object, int64_t number, const char *text, size_t len, const char *code,
			  const char *reason, AwsxError *error)
{
	Item	   *item = make_item(object, number, text, len, error);

	if (item == NULL)
		return false;
	item->record.result.code = code;
	snprintf(item->record.result.reason, sizeof(item->record.result.reason), "%s", reason);
	return submit(object, item, error);
}

bool
object_submit(Object *object, const SplitRecord *record, AwsxError *error)
{
	const AwsxS3Event *event = object->event;
	EnrichSource source = {
		.bucket = event->bucket,
		.key = event->key,
		.version_id = event->version_id,
		.sequencer = event->sequencer,
		.record = (int) record->number
	};
	Item	   *item;

	if (record->code != NULL)
		return object_submit_reject(object, record->number, record->text, record->len, record->code,
							 record->reason, error);
	item = make_item(object, record->number, record->text, record->len, error);
	if (item == NULL)
		return false;
	if (enrich_record(object->world->enricher, &source, item->text, item->len,
					  &item->record.result, error))
		return submit(object, item, error);
	free_item(item);
	return false;
}
