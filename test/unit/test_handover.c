/*
 * test_handover.c
 *	  What is left of an object, as a message: written, read as an event, and
 *	  refused when anybody else wrote it.
 */
#include <stdlib.h>

#include "envelope.h"
#include "handover.h"
#include "tap.h"

static const AwsxS3Event event = {
	.kind = AWSX_EVENT_CREATED,
	.bucket = (char *) "bkt",
	.key = (char *) "a b+c/\xc3\xa9\xff\"%41.txt",
	.version_id = (char *) "v1",
	.etag = (char *) "abc",
	.sequencer = (char *) "00A5",
	.region = (char *) "eu-west-1",
	.size = 5000000000LL,
	.time_ms = 1772877600123LL,
	.resume = (char *) ""
};

/* The message as the next invocation sees it. */
static AwsxS3Events *
read_back(const Handover *from)
{
	AwsxBuf		body;
	AwsxError	error;
	AwsxS3Events *events;

	awsx_buf_init(&body, 0);
	awsx_error_clear(&error);
	ok(handover_write(&event, from, &body), "it is written");
	events = awsx_envelope_read(body.data, body.len, &error);
	if (!ok(events != NULL && events->count == 1, "and read as an event: %s", error.message))
		exit(1);
	awsx_buf_free(&body);
	return events;
}

static void
test_event(void)
{
	AwsxS3Events *events = read_back(NULL);
	const AwsxS3Event *got = &events->items[0];

	is_int(got->kind, AWSX_EVENT_CREATED, "of a created object");
	is_str(got->bucket, event.bucket, "bucket");
	is_str(got->key, event.key, "key, byte for byte");
	is_str(got->version_id, event.version_id, "version");
	is_str(got->etag, event.etag, "ETag");
	is_str(got->sequencer, event.sequencer, "sequencer");
	is_str(got->region, event.region, "region");
	is_int(got->size, event.size, "size");
	is_int(got->time_ms, event.time_ms, "time");
	is_str(got->resume, "", "an object that was not begun has nothing to resume");
	awsx_envelope_free(events);
}

static void
test_place(void)
{
	Handover	from = {
		.place = {.offset = 4999999999LL,.records = 123456789,.state = SPLIT_MAX_STATE,.strict_until = 17},
		.packed = true,.part = 12,.hops = 3,.idle = 1,.version_id = "v\"2",.etag = "def"
	};
	Handover	got;
	AwsxError	error;
	AwsxS3Events *events = read_back(&from);

	awsx_error_clear(&error);
	ok(handover_read(events->items[0].resume, &got, &error), "the place is read: %s", error.message);
	ok(got.place.offset == from.place.offset && got.place.records == from.place.records &&
	   got.place.state == from.place.state && got.place.strict_until == from.place.strict_until,
	   "it is the same place");
	ok(got.packed && got.part == 12 && got.hops == 3 && got.idle == 1, "with the same numbers");
	is_str(got.version_id, from.version_id, "the same version");
	is_str(got.etag, from.etag, "and ETag");
	awsx_envelope_free(events);
}

static void
test_refusals(void)
{
	static const char *const texts[] = {
		"", "1", "[]", "{}", "null", "\"x\"",
		"{\"offset\":-1,\"records\":0,\"state\":0,\"strict_until\":0,\"part\":1,\"hops\":0,\"idle\":0,\"version_id\":\"\",\"etag\":\"\"}",
		"{\"offset\":1,\"records\":99999999999,\"state\":0,\"strict_until\":0,\"part\":1,\"hops\":0,\"idle\":0,\"version_id\":\"\",\"etag\":\"\"}",
		"{\"offset\":1,\"records\":1,\"state\":64,\"strict_until\":0,\"part\":1,\"hops\":0,\"idle\":0,\"version_id\":\"\",\"etag\":\"\"}",
		"{\"offset\":1,\"records\":1,\"state\":0,\"strict_until\":0,\"part\":0,\"hops\":0,\"idle\":0,\"version_id\":\"\",\"etag\":\"\"}",
		"{\"offset\":1,\"records\":1,\"state\":0,\"strict_until\":0,\"part\":1,\"hops\":0,\"idle\":0,\"version_id\":1,\"etag\":\"\"}",
		"{\"offset\":1,\"records\":1,\"state\":0,\"strict_until\":0,\"part\":1,\"hops\":0,\"idle\":0,\"version_id\":\"\",\"etag\":\"a\\u0000b\"}",
		"{\"offset\":1.0,\"records\":1,\"state\":0,\"strict_until\":0,\"part\":1,\"hops\":0,\"idle\":0,\"version_id\":\"\",\"etag\":\"\"}"
	};
	AwsxError	error;
	Handover	got;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		awsx_error_clear(&error);
		ok(!handover_read(texts[i], &got, &error) && error.kind == AWSX_ERR_REQUEST, "refused: %s", texts[i]);
	}
}

int
main(void)
{
	test_event();
	test_place();
	test_refusals();
	return tap_done();
}
