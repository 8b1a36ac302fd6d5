/*
 * object.c
 *	  One object: read, unpacked, split, enriched, and handed to the
 *	  deliverer.
 *
 * Bytes are pulled: the splitter asks for a slice, that is taken from what
 * was unpacked, that from what was read.  Memory is a range or three of the
 * source, a slice, and the records in the deliverer's window.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "object_work.h"

#define SLICE_BYTES ((size_t) 64 << 10)

/* ---- objects that cannot be read (on) ---- */

static bool
give_up(Object *object, ConfigPolicy policy, const char *code, const AwsxError *problem,
		AwsxError *error)
{
	const AwsxS3Event *event = object->event;
	char		reason[700];

	object->at_end = true;
	snprintf(reason, sizeof(reason), "cannot read s3://%.63s/%.200s: %s%s%.300s", event->bucket, event->key,
			 problem->code, *problem->code != '\0' ? ": " : "", problem->message);
	if (policy == CONFIG_REJECT)
		return object_submit_reject(object, object->place.records + 1, NULL, 0, code, reason, error);
	*error = *problem;
	snprintf(error->message, sizeof(error->message), "%.511s", reason);
	if (policy == CONFIG_FAIL)
		return false;
	log_error(LOG_WARN, "an object is skipped, as the configuration says", error);
	object->world->skipped++;
	return true;
}

static bool
give_up_reading(Object *object, const AwsxError *problem, AwsxError *error)
{
	const ConfigPolicies *policies = &object->world->config->policies;

	switch (source_failure(problem))
	{
		case SOURCE_MISSING:
			return give_up(object, policies->missing, "ObjectMissing", problem, error);
		case SOURCE_ARCHIVED:
			return give_up(object, policies->archived, "ObjectArchived", problem, error);
		case SOURCE_DENIED:
			return give_up(object, policies->denied, "AccessDenied", problem, error);
		case SOURCE_THROTTLED:
			return give_up(object, policies->throttled, "Throttled", problem, error);
		case SOURCE_FAULT:
			break;
	}
	return give_up(object, CONFIG_FAIL, "", problem, error);
}

static bool
give_up_unpacking(Object *object, AwsxError *error)
{
	AwsxError	problem;

	awsx_error_clear(&problem);
	awsx_error_set(&problem, AWSX_ERR_INTEGRITY, "%s", inflate_problem(object->inflate));
	return give_up(object, object->world->config->policies.corrupt, "CorruptGzip", &problem, error);
}

/* Larger than is allowed?  Known from the event, or from S3's first answer. */
static bool
is_too_large(const Object *object, int64_t size)
{
	return size > 0 && (uint64_t) size > object->world->config->max_object_bytes;
}

static bool
refuse_size(Object *object, int64_t size, AwsxError *error)
{
	AwsxError	problem;

	awsx_error_clear(&problem);
	awsx_error_set(&problem, AWSX_ERR_REQUEST,
				   "the object has %lld bytes, more than the %zu that are allowed (max_object_bytes)",
				   (long long) size, object->world->config->max_object_bytes);
	return give_up(object, CONFIG_REJECT, "ObjectTooLarge", &problem, error);
}

/* ---- reading ---- */

static void
note_about(Object *object)
{
	const AwsxS3Object *about = source_about(object->source);

	snprintf(object->version_id, sizeof(object->version_id), "%s", about->version_id);
	snprintf(object->etag, sizeof(object->etag), "%s", about->etag);
}

/* More bytes from S3 for the unpacker, or the end of them. */
static bool
read_more(Object *object, AwsxError *error)
{
	const char *bytes = NULL;
	size_t		len = 0;
	AwsxError	problem;
	SourceStep	step = source_next(object->source, &bytes, &len, &problem);

	if (step == SOURCE_FAILED)
		return give_up_reading(object, &problem, error);
	if (is_too_large(object, source_about(object->source)->total))
		return refuse_size(object, source_about(object->source)->total, error);
	note_about(object);
	object->world->bytes += (int64_t) len;
	if (object->inflate == NULL)
	{
		object->bytes = bytes;
		object->len = len;
		if (step == SOURCE_END)
			split_finish(object->split);
	}
	else if (step == SOURCE_END)
		inflate_finish(object->inflate);
	else
		inflate_push(object->inflate, bytes, len);
	return true;
}

/* Bytes that an earlier invocation has worked on already are left out. */
static void
skip_known(Object *object)
{
	int64_t		known = object->from != NULL && object->from->packed ? object->from->place.offset : 0;
	int64_t		left = known - object->passed;

	object->passed += (int64_t) object->len;
	if (left <= 0)
		return;
	if (left > (int64_t) object->len)
		left = (int64_t) object->len;
	object->bytes += left;
	object->len -= (size_t) left;
}

/* Fill bytes, or finish the splitter, or find that there is no going on. */
static bool
unpack_more(Object *object, AwsxError *error)
{
	if (object->inflate == NULL)
		return read_more(object, error);
	switch (inflate_next(object->inflate, &object->bytes, &object->len))
	{
		case INFLATE_BYTES:
			skip_known(object);
			return true;
		case INFLATE_MORE:
			return read_more(object, error);
		case INFLATE_END:
			split_finish(object->split);
			return true;
		case INFLATE_CORRUPT:
			return give_up_unpacking(object, error);
		case INFLATE_NO_MEMORY:
			break;
	}
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while an object was unpacked");
}

/* Give the splitter a slice. */
static bool
feed(Object *object, AwsxError *error)
{
	size_t		n;

	if (object->len == 0)
		return unpack_more(object, error);
	n = object->len < SLICE_BYTES ? object->len : SLICE_BYTES;
	if (!split_push(object->split, object->bytes, n))
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while an object was split");
	object->bytes += n;
	object->len -= n;
	return true;
}

/*
 * Must the rest be left?  Also when what is under way would need half of the
 * time that is left, as fast as records were settled so far: a slow queue
 * must not make an invocation fail that could stop in time.
 */
static bool
must_stop(const ObjectWorld *world)
{
	const Deadline *deadline = world->deadline;
	int64_t		now;
	int64_t		spent;
	int64_t		left;

	if (deadline_is_near(deadline))
		return true;
	if (deadline->at_ms == 0 || world->settled == 0 || world->open == 0)
		return false;
	now = deadline->clock->wall_ms(deadline->clock->arg);
	spent = now - world->began_ms;
	left = deadline->at_ms - DEADLINE_RESERVE_MS - now;
	/* in the first half there is time, and the first records tell little */
	return spent > left && 2 * spent * world->open / world->settled > left;
}

/* One step towards the object's end. */
static bool
step_on(Object *object, AwsxError *error)
{
	SplitRecord record;
	SplitStep	step = split_next(object->split, &record);

	if (step != SPLIT_END && must_stop(object->world))
	{
		object->cut = true;
		return true;
	}
	switch (step)
	{
		case SPLIT_RECORD:
			if (!object_submit(object, &record, error))
				return false;
			object->place = split_place(object->split);
			return true;
		case SPLIT_MORE:
			return feed(object, error);
		case SPLIT_END:
			object->at_end = true;
			return true;
		case SPLIT_NO_MEMORY:
			break;
	}
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while an object was split");
}

/* What reading needs; the object itself waits for its records. */
static void
free_parts(Object *object)
{
	split_free(object->split);
	inflate_free(object->inflate);
	source_free(object->source);
	object->split = NULL;
	object->inflate = NULL;
	object->source = NULL;
}

bool
object_work(Object *object, AwsxError *error)
{
	bool		done = true;

	awsx_error_clear(error);
	object->world->objects++;
	if (is_too_large(object, object->event->size))
		done = refuse_size(object, object->event->size, error);
	while (done && !object->at_end && !object->cut)
		done = step_on(object, error);
	object->packed = object->inflate != NULL && inflate_is_packed(object->inflate);
	free_parts(object);
	done = done && object_close_if_done(object, error);
	object->failed |= !done;
	return done;
}

bool
object_is_cut(const Object *object)
{
	return object->cut;
}

bool
object_is_done(const Object *object)
{
	return object->done;
}

bool
object_leave(Object *object, Handover *next, AwsxError *error)
{
	if (object->failed || object->open > 0)
		return awsx_error_set(error, AWSX_ERR_SERVICE, "records of the object are not settled");
	memset(next, 0, sizeof(*next));
	next->place = object->place;
	next->packed = object->packed || (object->from != NULL && object->from->packed);
	next->hops = (object->from != NULL ? object->from->hops : 0) + 1;
	next->idle = object->records > 0 ? 0 : (object->from != NULL ? object->from->idle : 0) + 1;
	snprintf(next->version_id, sizeof(next->version_id), "%s",
			 *object->event->version_id != '\0' ? object->event->version_id : object->version_id);
	snprintf(next->etag, sizeof(next->etag), "%s", object->etag);
	if (next->idle >= HANDOVER_MAX_IDLE)
		return awsx_error_set(error, AWSX_ERR_TIMEOUT,
							  "%d invocations in a row ended before one record of s3://%.63s/%.200s was worked on: "
							  "raise the function's timeout or memory", next->idle,
							  object->event->bucket, object->event->key);
	return receipt_close(object->receipt, false, &next->part, error);
}

/* ---- setting up ---- */

static bool
open_parts(Object *object, AwsxError *error)
{
	const ObjectWorld *world = object->world;
	const AwsxS3Event *event = object->event;
	const Handover *from = object->from;
	bool		amid_plain = from != NULL && !from->packed && from->place.offset > 0;
	SourceOptions source = {
		.client = world->store->client,
		.service = &world->store->service,
		.deadline = world->deadline,
		.bucket = event->bucket,
		.key = event->key,
		.version_id = from != NULL && *from->version_id != '\0' ? from->version_id : event->version_id,
		.etag = from != NULL ? from->etag : "",
		.size = event->size,
		.start = amid_plain ? from->place.offset : 0
	};
	ReceiptObject receipt = {
		.bucket = event->bucket,
		.key = event->key,
		.version_id = event->version_id,
		.sequencer = event->sequencer,
		.event_time_ms = event->time_ms,
		.request_id = world->request_id,
		.first_record = from != NULL ? from->place.records + 1 : 1,
		.first_part = from != NULL ? from->part : 1
	};

	object->split = split_create(world->config->max_record_bytes, from != NULL ? &from->place : NULL);
	if (!amid_plain)
		object->inflate = inflate_create();
	if (object->split == NULL || (object->inflate == NULL && !amid_plain))
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while an object was opened");
	object->source = source_create(&source, error);
	if (object->source == NULL)
		return false;
	object->receipt = receipt_open(world->config, world->store, &receipt, error);
	return object->receipt != NULL;
}

Object *
object_create(ObjectWorld *world, const AwsxS3Event *event, const Handover *from, AwsxError *error)
{
	Object	   *object = calloc(1, sizeof(Object));

	if (object == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while an object was opened");
		return NULL;
	}
	object->world = world;
	object->event = event;
	object->from = from;
	if (from != NULL)
	{
		object->place = from->place;
		snprintf(object->version_id, sizeof(object->version_id), "%s", from->version_id);
		snprintf(object->etag, sizeof(object->etag), "%s", from->etag);
	}
	if (open_parts(object, error))
		return object;
	object_free(object);
	return NULL;
}

void
object_free(Object *object)
{
	if (object == NULL)
		return;
	receipt_free(object->receipt);
	free_parts(object);
	free(object);
}
