/*
 * test_envelope.c
 *	  Event documents in their wrappings, and what is wrong with others.
 */
#include <stdlib.h>

#include "buf.h"
#include "envelope.h"
#include "tap.h"

#define KEY "a b+c/\xc3\xa9&=%2F.txt"

/* One line a document: the number of test events, then kind:bucket/key of each event. */
static void
describe(const AwsxS3Events *events, AwsxBuf *out)
{
	static const char *const kinds[] = {"created", "removed", "other"};

	awsx_buf_printf(out, "%d", events->test_events);
	for (int i = 0; i < events->count; i++)
		awsx_buf_printf(out, " %s:%s/%s", kinds[events->items[i].kind], events->items[i].bucket, events->items[i].key);
}

static AwsxBuf
read_vector(const char *name)
{
	const char *folder = getenv("VECTORS");
	char		path[1024];
	char		piece[4096];
	size_t		got;
	AwsxBuf		text;
	FILE	   *file;

	awsx_buf_init(&text, 0);
	snprintf(path, sizeof(path), "%s/events/%s.json", folder == NULL ? "test/vectors" : folder, name);
	file = fopen(path, "r");
	if (!ok(file != NULL, "open %s", path))
		exit(1);
	while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
		awsx_buf_append(&text, piece, got);
	fclose(file);
	return text;
}

/* Every part of the document from its beginning must be refused in peace. */
static int
count_accepted_parts(const AwsxBuf *text)
{
	int			accepted = 0;

	for (size_t len = 0; len < text->len; len++)
	{
		AwsxError	error;
		char	   *part = malloc(len + 1);
		AwsxS3Events *events;

		memcpy(part, text->data, len);
		events = awsx_envelope_read(part, len, &error);
		accepted += events != NULL && len < text->len - 1;	/* the last byte is a line break */
		awsx_envelope_free(events);
		free(part);
	}
	return accepted;
}

static void
is_vector(const char *name, const char *expected)
{
	AwsxBuf		text = read_vector(name);
	AwsxBuf		got;
	AwsxError	error;
	AwsxS3Events *events = awsx_envelope_read(text.data, text.len, &error);

	awsx_buf_init(&got, 0);
	if (ok(events != NULL, "%s: %s", name, events == NULL ? error.message : "read"))
	{
		describe(events, &got);
		is_str(got.data, expected, name);
	}
	is_int(count_accepted_parts(&text), 0, "no part of it is taken for the whole");
	awsx_envelope_free(events);
	awsx_buf_free(&got);
	awsx_buf_free(&text);
}

static void
test_members(void)
{
	AwsxBuf		text = read_vector("s3_put");
	AwsxError	error;
	AwsxS3Events *events = awsx_envelope_read(text.data, text.len, &error);

	is_int(events->count, 1, "one event");
	is_str(events->items[0].version_id, "096fKKXTRTtl3on89fVO.nfljtsv6qko", "version");
	is_str(events->items[0].etag, "d41d8cd98f00b204e9800998ecf8427e", "ETag");
	is_str(events->items[0].sequencer, "0055AED6DCD90281E5", "sequencer");
	is_str(events->items[0].region, "eu-west-1", "region");
	is_int(events->items[0].size, 5000000000LL, "size");
	awsx_envelope_free(events);
	awsx_buf_free(&text);

	text = read_vector("eventbridge_created");
	events = awsx_envelope_read(text.data, text.len, &error);
	is_str(events->items[0].version_id, "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", "EventBridge's version");
	is_str(events->items[0].etag, "b1946ac92492d2347c6235b4d2611184", "ETag");
	is_str(events->items[0].sequencer, "617f08299329d189", "sequencer");
	is_str(events->items[0].region, "eu-west-1", "region");
	is_int(events->items[0].size, 5, "size");
	awsx_envelope_free(events);
	awsx_buf_free(&text);

	text = read_vector("s3_several");
	events = awsx_envelope_read(text.data, text.len, &error);
	is_str(events->items[0].etag, "abc-2", "quotes around an ETag are dropped");
	is_int(events->items[1].size, -1, "no size");
	is_str(events->items[1].version_id, "", "no version");
	awsx_envelope_free(events);
	awsx_buf_free(&text);
}

static void
is_refused(const char *json, const char *words)
{
	AwsxError	error;
	AwsxS3Events *events;

	awsx_error_clear(&error);
	events = awsx_envelope_read(json, strlen(json), &error);
	ok(events == NULL && error.kind == AWSX_ERR_REQUEST && strstr(error.message, words) != NULL, "refused: %s", json);
	if (events == NULL)
		printf("#      got: %s\n", error.message);
	awsx_envelope_free(events);
}

#define RECORD(rest) "{\"Records\":[{\"eventSource\":\"aws:s3\"," rest "}]}"
#define CREATED(bucket, object) RECORD("\"eventName\":\"ObjectCreated:Put\",\"s3\":{\"bucket\":" bucket ",\"object\":" object "}")

static void
test_refusals(void)
{
	AwsxError	error;

	ok(awsx_envelope_read("", 0, &error) == NULL, "nothing is no event");
	is_refused("secret", "is not JSON (byte 6 of 6)");
	is_refused("[]", "expected an S3 notification");
	is_refused("{}", "expected an S3 notification");
	is_refused("{\"Records\":{}}", "expected an S3 notification");
	is_refused("{\"source\":\"aws.ec2\"}", "expected an S3 notification");
	is_refused("{\"Type\":\"SubscriptionConfirmation\",\"Message\":\"x\"}", "expected an S3 notification");
	is_refused("{\"Records\":[1]}", "comes from none of");
	is_refused("{\"Records\":[{\"eventSource\":\"aws:dynamodb\"}]}", "comes from none of");
	is_refused("{\"Records\":[{\"eventSource\":\"aws:sqs\"}]}", "without a text inside");
	is_refused("{\"Records\":[{\"eventSource\":\"aws:sqs\",\"body\":\"hello\"}]}", "of what its envelope holds");
	is_refused("{\"Records\":[{\"eventSource\":\"aws:sqs\",\"body\":\"{}\"}]}", "expected an S3 notification");
	is_refused("{\"Records\":[{\"EventSource\":\"aws:sns\",\"Sns\":1}]}", "without a text inside");
	is_refused("{\"Type\":\"Notification\"}", "without a text inside");
	is_refused("{\"source\":\"aws.s3\"}", "names no bucket");
	is_refused(RECORD("\"x\":1"), "has no eventName");
	is_refused(RECORD("\"eventName\":\"ObjectCreated:Put\",\"eventVersion\":\"3.0\""), "eventVersion");
	is_refused(CREATED("{}", "{\"key\":\"k\"}"), "names no bucket");
	is_refused(CREATED("{\"name\":\"\"}", "{\"key\":\"k\"}"), "names no bucket");
	is_refused(CREATED("{\"name\":\"b\"}", "{}"), "names no object key");
	is_refused(CREATED("{\"name\":\"b\"}", "{\"key\":\"\"}"), "names no object key");
	is_refused(CREATED("{\"name\":\"b\"}", "{\"key\":5}"), "names no object key");
	is_refused(CREATED("{\"name\":\"b\"}", "{\"key\":\"%4\"}"), "form-urlencoded");
	is_refused(CREATED("{\"name\":\"b\"}", "{\"key\":\"%zz\"}"), "form-urlencoded");
	is_refused(CREATED("{\"name\":\"b\"}", "{\"key\":\"a%00b\"}"), "form-urlencoded");
	is_refused(CREATED("{\"name\":\"b\"}", "{\"key\":\"a\\u0000b\"}"), "NUL");
	is_refused(CREATED("{\"name\":\"b\"}", "{\"key\":\"k\",\"size\":-1}"), "size");
	is_refused(CREATED("{\"name\":\"b\"}", "{\"key\":\"k\",\"size\":1.5}"), "size");
	is_refused(CREATED("{\"name\":\"b\"}", "{\"key\":\"k\",\"size\":99999999999999999999}"), "not JSON");
	is_refused(CREATED("{\"name\":\"b\"}", "{\"key\":\"k\",\"versionId\":7}"), "plain string");
	is_refused("{\"source\":\"aws.s3\",\"detail\":{\"bucket\":{\"name\":\"b\"},\"object\":{\"key\":\"a\\u0000\"}}}", "NUL");
}

static void
is_decoded(const char *text, const char *expected)
{
	char	   *got = awsx_form_decode(text, strlen(text));

	is_str(got, expected, text);
	free(got);
}

static void
test_decode(void)
{
	is_decoded("a+b%2Bc%2F%C3%A9%26%3D%252F.txt", KEY);
	is_decoded("a+b%2Bc/%c3%a9%26%3D%252F.txt", KEY);
	is_decoded("", "");
	is_decoded("a%40b", "a@b");
	is_decoded("%", NULL);
	is_decoded("%4", NULL);
	is_decoded("%4g", NULL);
	is_decoded("a%00", NULL);
	is_decoded("a%%41", NULL);
	ok(awsx_form_decode("a\0b", 3) == NULL, "NUL is refused");
}

#define CREATED_EVENT(key, sequencer) "{\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\"," \
	"\"s3\":{\"bucket\":{\"name\":\"b\"},\"object\":{\"key\":\"" key "\",\"sequencer\":\"" sequencer "\"}}}"
#define MESSAGE(id, body) "{\"eventSource\":\"aws:sqs\",\"messageId\":\"" id "\",\"body\":\"" body "\"}"
#define QUOTED_EVENT(key) "{\\\"Records\\\":[{\\\"eventSource\\\":\\\"aws:s3\\\",\\\"eventName\\\":\\\"ObjectCreated:Put\\\"," \
	"\\\"s3\\\":{\\\"bucket\\\":{\\\"name\\\":\\\"b\\\"},\\\"object\\\":{\\\"key\\\":\\\"" key "\\\"}}}"

/* A message that is bad spoils neither the one before nor the one behind. */
static void
test_messages(void)
{
	static const char text[] = "{\"Records\":["
		MESSAGE("m1", QUOTED_EVENT("one") "]}") ","
		MESSAGE("m2", QUOTED_EVENT("two") ",{\\\"eventSource\\\":\\\"aws:s3\\\"}]}") ","
		MESSAGE("m3", "hello") ","
		MESSAGE("m4", QUOTED_EVENT("four") "," "{\\\"eventSource\\\":\\\"aws:s3\\\",\\\"eventName\\\":\\\"ObjectRemoved:Delete\\\","
				"\\\"s3\\\":{\\\"bucket\\\":{\\\"name\\\":\\\"b\\\"},\\\"object\\\":{\\\"key\\\":\\\"gone\\\"}}}]}")
		"]}";
	AwsxError	error;
	AwsxS3Events *events;
	AwsxBuf		got;

	awsx_error_clear(&error);
	awsx_buf_init(&got, 0);
	events = awsx_envelope_read(text, strlen(text), &error);
	if (!ok(events != NULL, "messages of an event source mapping: %s", error.message))
		return;
	describe(events, &got);
	is_str(got.data, "0 created:b/one created:b/four removed:b/gone", "the good ones give their events, a bad one none");
	is_int(events->message_count, 4, "all are counted");
	ok(!events->messages[0].bad && events->messages[1].bad && events->messages[2].bad && !events->messages[3].bad,
	   "the bad ones are marked");
	is_str(events->messages[2].id, "m3", "with their ids");
	ok(strstr(events->messages[2].problem, "is not JSON") != NULL, "and why: %s", events->messages[2].problem);
	ok(events->items[0].message == 0 && events->items[1].message == 3 && events->items[2].message == 3,
	   "each event knows its message");
	awsx_envelope_free(events);
	awsx_buf_free(&got);
}

static void
test_order(void)
{
	static const char text[] = "{\"Records\":["
		CREATED_EVENT("a", "0A5") "," CREATED_EVENT("b", "03") "," CREATED_EVENT("a", "0A") ","
		CREATED_EVENT("c", "") "," CREATED_EVENT("a", "0A4") "," CREATED_EVENT("b", "02") "]}";
	AwsxError	error;
	AwsxS3Events *events = awsx_envelope_read(text, strlen(text), &error);
	AwsxBuf		got;

	awsx_buf_init(&got, 0);
	ok(events != NULL && awsx_envelope_order(events), "events are ordered");
	for (int i = 0; i < events->count; i++)
		awsx_buf_printf(&got, " %s%s", events->items[i].key, events->items[i].sequencer);
	is_str(got.data, " a0A b02 a0A4 c a0A5 b03", "the events of a key by their sequencers, in the places they have");
	awsx_envelope_free(events);
	awsx_buf_free(&got);
}

static void
test_times(void)
{
	static const char s3[] = RECORD("\"eventName\":\"ObjectCreated:Put\",\"eventTime\":\"1970-01-01T00:00:01.500Z\","
									"\"resume\":{\"a\": 1},\"s3\":{\"bucket\":{\"name\":\"b\"},\"object\":{\"key\":\"k\"}}");
	static const char bridge[] = "{\"source\":\"aws.s3\",\"time\":\"1970-01-01T00:00:02Z\","
		"\"detail\":{\"bucket\":{\"name\":\"b\"},\"object\":{\"key\":\"k\"}}}";
	AwsxError	error;
	AwsxS3Events *events = awsx_envelope_read(s3, strlen(s3), &error);

	is_int(events->items[0].time_ms, 1500, "the time of an S3 event");
	is_str(events->items[0].resume, "{\"a\":1}", "and our own member");
	is_int(events->items[0].message, -1, "it came in no message");
	awsx_envelope_free(events);
	events = awsx_envelope_read(bridge, strlen(bridge), &error);
	is_int(events->items[0].time_ms, 2000, "the time of an EventBridge event");
	is_str(events->items[0].resume, "", "which has no such member");
	awsx_envelope_free(events);
}

static int
sign(int n)
{
	return n < 0 ? -1 : n > 0;
}

static void
test_sequencer(void)
{
	is_int(sign(awsx_sequencer_compare("0055AED6DCD90281E5", "0055AED6DCD90281E5A0")), -1, "the longer one is later");
	is_int(sign(awsx_sequencer_compare("0055AED6DCD90281E5A0", "0055AED6DCD90281E5")), 1, "and the shorter one earlier");
	is_int(sign(awsx_sequencer_compare("0055AED6DCD90281E5", "0055AED6DCD90281E500")), 0, "zeros behind do not count");
	is_int(sign(awsx_sequencer_compare("0055aed6", "0055AED6")), 0, "nor does case");
	is_int(sign(awsx_sequencer_compare("0056", "0055AED6DCD90281E5")), 1, "the first difference decides");
	is_int(sign(awsx_sequencer_compare("9", "A")), -1, "digits come before letters");
	is_int(sign(awsx_sequencer_compare("", "0")), 0, "none is zero");
}

int
main(void)
{
	AwsxBuf		text;
	AwsxError	error;
	AwsxS3Events *events;

	is_vector("s3_put", "0 created:bkt/" KEY);
	is_vector("s3_several", "0 created:bkt/one.json removed:bkt/two.json other:bkt/three.json");
	is_vector("s3_test", "1");
	is_vector("eventbridge_created", "0 created:bkt/" KEY);
	is_vector("eventbridge_deleted", "0 removed:bkt/" KEY);
	is_vector("sqs_s3", "1 created:bkt/" KEY);
	is_vector("sns_s3", "0 created:bkt/" KEY);
	is_vector("lambda_sns_s3", "0 created:bkt/" KEY);
	is_vector("sqs_sns_s3", "0 created:bkt/" KEY);
	is_vector("sqs_sns_eventbridge", "0 created:bkt/" KEY);
	is_vector("depth_5", "0 created:bkt/" KEY);

	text = read_vector("depth_6");
	events = awsx_envelope_read(text.data, text.len, &error);
	ok(events == NULL && strstr(error.message, "more than 5 layers") != NULL, "six layers are refused");
	awsx_envelope_free(events);
	awsx_buf_free(&text);

	events = awsx_envelope_read("{\"Records\":[]}", 14, &error);
	ok(events != NULL && events->count == 0, "no records are no events");
	awsx_envelope_free(events);
	test_members();
	test_refusals();
	test_decode();
	test_sequencer();
	test_messages();
	test_order();
	test_times();
	return tap_done();
}
