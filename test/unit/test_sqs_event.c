/*
 * test_sqs_event.c
 *	  The event of an SQS event source mapping: as the service documents it,
 *	  one damaged record among others, and what is no such event.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "sweep.h"

#include "sqs_event.h"

#define ARN "arn:aws:sqs:eu-west-1:123456789012:q.fifo"
#define SYSTEM "\"attributes\":{\"ApproximateReceiveCount\":\"2\",\"SentTimestamp\":\"1573251510774\",\"SequenceNumber\":\"18849496460467696128\"," \
	"\"MessageGroupId\":\"g1\",\"SenderId\":\"AIDAEXAMPLE\",\"MessageDeduplicationId\":\"d1\",\"ApproximateFirstReceiveTimestamp\":\"1573251510774\"}"
#define SOURCE "\"eventSource\":\"aws:sqs\",\"eventSourceARN\":\"" ARN "\",\"awsRegion\":\"eu-west-1\""
#define WHOLE "{\"messageId\":\"m1\",\"receiptHandle\":\"h1\",\"body\":\"{\\\"a\\\":0.10}\"," SYSTEM "," \
	"\"messageAttributes\":{\"t\":{\"stringValue\":\"x\",\"stringListValues\":[],\"binaryListValues\":[],\"dataType\":\"String\"}," \
	"\"b\":{\"binaryValue\":\"AAH/\",\"dataType\":\"Binary.x\"},\"c\":{\"binaryValue\":\"AA==\",\"dataType\":\"Binary\"}}," \
	"\"md5OfBody\":\"78d2c4d3b8a2f6e3b0f0a8f0d3a1b7c9\"," SOURCE "}"
#define EVENT(records) "{\"Records\":[" records "]}"
#define GOOD "{\"messageId\":\"ok\",\"receiptHandle\":\"h\",\"body\":\"b\"," SYSTEM ",\"messageAttributes\":{}," \
	"\"md5OfBody\":\"92eb5ffee6ae2fec3ad71c777531578f\",\"md5OfMessageAttributes\":null," SOURCE "}"

static SqsEvent *
read_text(const char *text, AwsxError *error)
{
	return sqs_event_read(text, strlen(text), error);
}

static void
test_whole(void)
{
	AwsxError	error;
	SqsEvent   *event = read_text(EVENT("{\"messageId\":\"m1\",\"receiptHandle\":\"h1\",\"body\":\"{\\\"a\\\":0.10}\"," SYSTEM ","
										"\"messageAttributes\":{\"t\":{\"stringValue\":\"x\",\"stringListValues\":[],\"binaryListValues\":[],\"dataType\":\"String\"},"
										"\"b\":{\"binaryValue\":\"AAH/\",\"dataType\":\"Binary.x\"},\"c\":{\"binaryValue\":\"AA==\",\"dataType\":\"Binary\"}}," SOURCE "}," GOOD), &error);
	const AwsxSqsMessage *message;

	if (!ok(event != NULL && event->count == 2, "two records"))
		return;
	message = &event->records[0].message;
	is_str(event->records[0].problem, "", "no problem");
	is_str(event->records[1].problem, "", "... nor with a digest");
	is_str(event->queue_arn, ARN, "ARN");
	is_str(event->queue_url, "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo", "URL");
	is_str(event->records[0].id, "m1", "id");
	is_str(message->message_id, "m1", "the message's id");
	is_str(message->receipt_handle, "h1", "handle");
	is_str(message->body, "{\"a\":0.10}", "body");
	is_int((long long) message->body_len, 10, "its length");
	is_str(message->group_id, "g1", "group");
	is_str(message->dedup_id, "d1", "deduplication id");
	is_str(message->sequence_number, "18849496460467696128", "sequence number");
	is_int(message->sent_ms, 1573251510774, "sent at");
	is_int(message->receive_count, 2, "receive count");
	if (ok(message->attribute_count == 3, "three message attributes"))
	{
		is_str(message->attributes[0].name, "t", "a name");
		is_str(message->attributes[0].value, "x", "a text");
		is_str(message->attributes[1].type, "Binary.x", "a type");
		ok(message->attributes[1].value_len == 3 && memcmp(message->attributes[1].value, "\0\1\377", 3) == 0, "bytes");
		ok(message->attributes[2].value_len == 1 && message->attributes[2].value[0] == '\0', "... and of the next");
	}
	sqs_event_free(event);
	event = read_text("{\"Records\":[]}", &error);
	ok(event != NULL && event->count == 0 && *event->queue_arn == '\0', "no records");
	sqs_event_free(event);
	event = read_text(EVENT("{\"messageId\":\"m\",\"receiptHandle\":\"h\",\"body\":\"b\",\"attributes\":{\"SentTimestamp\":\"1\"},"
							"\"eventSource\":\"aws:sqs\",\"eventSourceARN\":\"arn:aws-cn:sqs:cn-north-1:123456789012:plain\"}"), &error);
	ok(event != NULL && event->records[0].problem[0] == '\0' && *event->records[0].message.group_id == '\0', "a standard queue");
	is_str(event != NULL ? event->queue_url : NULL, "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/plain", "... in another partition");
	sqs_event_free(event);
}

/* The damaged record is the second of three. */
static void
spoilt(const char *part, const char *record)
{
	AwsxError	error;
	SqsEvent   *event;
	char	   *text;

	if (asprintf(&text, "{\"Records\":[%s,%s,%s]}", GOOD, record, GOOD) < 0)
		return;
	event = read_text(text, &error);
	if (!ok(event != NULL && event->count == 3 && strstr(event->records[1].problem, part) != NULL &&
			strcmp(event->records[1].id, "bad") == 0 && event->records[0].problem[0] == '\0' &&
			event->records[2].problem[0] == '\0', "alone: %s", part))
		printf("# %s\n", event == NULL ? error.message : event->records[1].problem);
	sqs_event_free(event);
	free(text);
}

static void
test_spoilt(void)
{
	AwsxError	error;
	SqsEvent   *event;

#define BAD(rest) "{\"messageId\":\"bad\",\"receiptHandle\":\"h\"," rest "," SOURCE "}"
	spoilt("no \"body\"", BAD(SYSTEM));
	spoilt("no \"body\"", BAD(SYSTEM ",\"body\":1"));
	spoilt("no \"body\"", BAD(SYSTEM ",\"body\":\"a\\u0000b\""));
	spoilt("md5OfBody", BAD(SYSTEM ",\"body\":\"c\",\"md5OfBody\":\"92eb5ffee6ae2fec3ad71c777531578f\""));
	spoilt("md5OfBody", BAD(SYSTEM ",\"body\":\"b\",\"md5OfBody\":7"));
	spoilt("\"attributes\"", BAD("\"body\":\"b\""));
	spoilt("\"attributes\"", BAD("\"body\":\"b\",\"attributes\":{\"MessageGroupId\":7}"));
	spoilt("\"attributes\"", BAD("\"body\":\"b\",\"attributes\":{\"SequenceNumber\":\"x\"}"));
	spoilt("\"attributes\"", BAD("\"body\":\"b\",\"attributes\":{\"SentTimestamp\":\"99999999999999999999\"}"));
	spoilt("\"attributes\"", BAD("\"body\":\"b\",\"attributes\":{\"ApproximateReceiveCount\":\"-1\"}"));
	spoilt("\"messageAttributes\"", BAD(SYSTEM ",\"body\":\"b\",\"messageAttributes\":[]"));
	spoilt("message attribute", BAD(SYSTEM ",\"body\":\"b\",\"messageAttributes\":{\"a\":{\"stringValue\":\"x\"}}"));
	spoilt("message attribute", BAD(SYSTEM ",\"body\":\"b\",\"messageAttributes\":{\"a\":{\"dataType\":\"String\"}}"));
	spoilt("message attribute", BAD(SYSTEM ",\"body\":\"b\",\"messageAttributes\":{\"a\":{\"dataType\":\"Binary\",\"binaryValue\":\"A\"}}"));
	spoilt("message attribute", BAD(SYSTEM ",\"body\":\"b\",\"messageAttributes\":{\"a\":1}"));
	spoilt("another queue", "{\"messageId\":\"bad\",\"body\":\"b\"," SYSTEM
		   ",\"eventSource\":\"aws:sqs\",\"eventSourceARN\":\"arn:aws:sqs:eu-west-1:123456789012:other\"}");
	spoilt("no queue", "{\"messageId\":\"bad\",\"body\":\"b\"," SYSTEM ",\"eventSource\":\"aws:sqs\"}");
	event = read_text(EVENT(BAD(SYSTEM ",\"body\":1")), &error);
	is_str(event != NULL ? event->records[0].message.group_id : NULL, "g1", "the group of a damaged one");
	sqs_event_free(event);
	event = read_text(EVENT("{\"messageId\":\"bad\",\"body\":\"b\"," SYSTEM ",\"eventSource\":\"aws:sqs\",\"eventSourceARN\":\"arn:aws:s3:::b\"}"), &error);
	ok(event != NULL && strstr(event->records[0].problem, "no queue") != NULL, "an ARN that is no queue's");
	sqs_event_free(event);
	event = read_text(EVENT("{\"messageId\":\"bad\",\"body\":\"b\"," SYSTEM ",\"eventSource\":\"aws:sqs\",\"eventSourceARN\":\"\"}"), &error);
	ok(event != NULL && strstr(event->records[0].problem, "no queue") != NULL, "an empty ARN");
	sqs_event_free(event);
}

static void
refused(const char *part, const char *text)
{
	AwsxError	error;
	SqsEvent   *event = read_text(text, &error);

	if (!ok(event == NULL && error.kind == AWSX_ERR_REQUEST && strstr(error.message, part) != NULL, "%s", part))
		printf("# %s\n", event != NULL ? "accepted" : error.message);
	sqs_event_free(event);
}

static void
test_refused(void)
{
	refused("not JSON (byte", "{\"Records\":[");
	refused("not JSON", "");
	refused("expected \"Records\"", "{}");
	refused("expected \"Records\"", "[]");
	refused("expected \"Records\"", "{\"Records\":{}}");
	refused("record 1 has no \"eventSource\" \"aws:sqs\"", "{\"Records\":[{\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\"}]}");
	refused("record 2 has no \"eventSource\"", "{\"Records\":[" GOOD ",7]}");
	refused("record 2 has no \"messageId\"", "{\"Records\":[" GOOD ",{\"body\":\"b\"," SYSTEM "," SOURCE "}]}");
	refused("record 1 has no \"messageId\"", "{\"Records\":[{\"messageId\":\"\",\"body\":\"b\"," SYSTEM "," SOURCE "}]}");
	refused("record 1 has no \"messageId\"", "{\"Records\":[{\"messageId\":\"a\\u0000\",\"body\":\"b\"," SYSTEM "," SOURCE "}]}");
}

static void
test_arns(void)
{
	static const char *const wrong[] = {
		"", "arn:aws:sqs:eu-west-1:123456789012:", "arn:aws:sqs:eu-west-1:12345678901:q", "arn:aws:sqs::123456789012:q",
		"arn:aws:sqs:eu/west:123456789012:q", "arn:aws:sqs:eu-west-1:123456789012:q/x", "arn:aws:sqs:eu-west-1:123456789012",
		"arn:aws:sns:eu-west-1:123456789012:q", "arn:xyz:sqs:eu-west-1:123456789012:q", "arn:aws", NULL
	};
	char		url[256];

	for (const char *const *arn = wrong; *arn != NULL; arn++)
		ok(!awsx_sqs_arn_url(*arn, url, sizeof(url)), "no queue's ARN: %s", *arn);
	ok(!awsx_sqs_arn_url(ARN, url, 20), "an URL that does not fit");
}

/* Every beginning of an event is read or refused, and nothing is read behind it. */
static void
test_truncated(void)
{
	size_t		len = strlen(EVENT(WHOLE));
	int			accepted = 0;

	for (size_t i = 0; i < len; i++)
	{
		char	   *part = malloc(i + 1);
		AwsxError	error;
		SqsEvent   *event;

		memcpy(part, EVENT(WHOLE), i);
		event = sqs_event_read(part, i, &error);
		accepted += event != NULL;
		sqs_event_free(event);
		free(part);
	}
	is_int(accepted, 0, "no beginning of an event is one");
}

static bool
read_event(AwsxError *error)
{
	SqsEvent   *event = read_text(EVENT(WHOLE "," GOOD), error);
	bool		done = event != NULL && event->count == 2 && event->records[0].message.attribute_count == 3;

	sqs_event_free(event);
	return done;
}

int
main(void)
{
	test_whole();
	test_spoilt();
	test_refused();
	test_arns();
	test_truncated();
	sweep("an event", read_event);
	return tap_done();
}
