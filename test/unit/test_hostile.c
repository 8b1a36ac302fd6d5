/*
 * test_hostile.c
 *	  Every reader of answers and events against broken input: each prefix of
 *	  a sound document, and mutations of it from a fixed seed.  A sanitizer or
 *	  valgrind sees what this program cannot; here it only must not crash, and
 *	  what a reader accepts must be whole.
 */
#include "answer.h"
#include "base64.h"
#include "envelope.h"
#include "s3.h"
#include "sqs.h"
#include "tap.h"

#define MUTATIONS 20000

/* Returns whether the bytes were accepted. */
typedef bool (*Reader) (const AwsxHttpResponse *answer);

static uint64_t seed;
static volatile size_t sum;		/* keeps the reads from being left out */

static const AwsxSqsAttribute sent_attributes[] = {{"Foo", "String", "Bar", 3}};
static const AwsxSqsSend sent[] = {
	{.body = "m1", .body_len = 2, .group_id = "g", .attributes = sent_attributes, .attribute_count = 1},
	{.body = "m1", .body_len = 2, .group_id = "g"}
};

/* xorshift64 */
static uint32_t
chance(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t) (seed >> 33) % below;
}

static void
touch(const char *bytes, size_t len)
{
	for (size_t i = 0; i <= len; i++)	/* with the NUL */
		sum += (unsigned char) bytes[i];
}

static bool
read_receive(const AwsxHttpResponse *answer)
{
	AwsxError	error;
	AwsxSqsMessages *messages = awsx_sqs_receive_answer(answer, &error);

	for (int i = 0; messages != NULL && i < messages->count; i++)
	{
		const AwsxSqsMessage *m = &messages->items[i];

		touch(m->body, m->body_len);
		sum += strlen(m->message_id) + strlen(m->receipt_handle) + strlen(m->group_id) +
			strlen(m->dedup_id) + strlen(m->sequence_number);
		for (int j = 0; j < m->attribute_count; j++)
		{
			sum += strlen(m->attributes[j].name) + strlen(m->attributes[j].type);
			touch(m->attributes[j].value, m->attributes[j].value_len);
		}
	}
	awsx_sqs_messages_free(messages);
	return messages != NULL;
}

static bool
read_send(const AwsxHttpResponse *answer)
{
	AwsxSqsOutcome outcomes[2];
	AwsxError	error;
	bool		done = awsx_sqs_send_batch_answer(answer, sent, 2, outcomes, &error);

	for (int i = 0; i < 2; i++)
		sum += strlen(outcomes[i].code) + strlen(outcomes[i].message) + strlen(outcomes[i].message_id) + strlen(outcomes[i].sequence_number);
	return done;
}

static bool
read_batch(const AwsxHttpResponse *answer)
{
	AwsxSqsOutcome outcomes[10];
	AwsxError	error;
	bool		done = awsx_sqs_batch_answer(answer, 10, outcomes, &error);

	for (int i = 0; i < 10; i++)
		sum += strlen(outcomes[i].code) + strlen(outcomes[i].message);
	return done;
}

static bool
read_attributes(const AwsxHttpResponse *answer)
{
	AwsxError	error;
	AwsxSqsAttributes *attributes = awsx_sqs_attributes_answer(answer, &error);

	for (int i = 0; attributes != NULL && i < attributes->count; i++)
		sum += strlen(attributes->names[i]) + strlen(attributes->values[i]);
	awsx_sqs_attributes_free(attributes);
	return attributes != NULL;
}

static bool
read_queue_url(const AwsxHttpResponse *answer)
{
	AwsxError	error;
	char	   *url = awsx_sqs_queue_url_answer(answer, &error);

	sum += url == NULL ? 0 : strlen(url);
	free(url);
	return url != NULL;
}

static bool
read_list(const AwsxHttpResponse *answer)
{
	AwsxError	error;
	AwsxS3Listing *listing = awsx_s3_list_answer(answer, &error);

	for (int i = 0; listing != NULL && i < listing->count; i++)
		sum += strlen(listing->entries[i].key) + strlen(listing->entries[i].etag) + strlen(listing->entries[i].last_modified);
	awsx_s3_listing_free(listing);
	return listing != NULL;
}

static bool
read_event(const AwsxHttpResponse *answer)
{
	AwsxError	error;
	AwsxS3Events *events = awsx_envelope_read(answer->body.len == 0 ? "" : answer->body.data, answer->body.len, &error);

	for (int i = 0; events != NULL && i < events->count; i++)
	{
		const AwsxS3Event *e = &events->items[i];

		sum += strlen(e->bucket) + strlen(e->key) + strlen(e->version_id) + strlen(e->etag) + strlen(e->sequencer) + strlen(e->region);
	}
	awsx_envelope_free(events);
	return events != NULL;
}

static bool
read_base64(const AwsxHttpResponse *answer)
{
	size_t		len = answer->body.len;
	size_t		out_len = 0;
	unsigned char *out = malloc(AWSX_BASE64_ROOM(len) + 1);
	bool		done = awsx_base64_decode(len == 0 ? "" : answer->body.data, len, out, &out_len);
	AwsxBuf		again;

	/* what is accepted comes back the same */
	awsx_buf_init(&again, 0);
	if (done && awsx_base64_encode(&again, out, out_len) &&
		(again.len != len || (len > 0 && memcmp(again.data, answer->body.data, len) != 0)))
		ok(false, "base64 of %.*s", (int) len, answer->body.data);
	awsx_buf_free(&again);
	free(out);
	return done;
}

/* The bytes in an allocation of their own size, so that a step too far shows. */
static bool
feed(Reader reader, const char *bytes, size_t len)
{
	AwsxHttpResponse answer = make_answer("", 0);
	bool		accepted;

	answer.body.data = malloc(len + 1);
	memcpy(answer.body.data, bytes, len);
	answer.body.data[len] = '\0';
	answer.body.len = len;
	answer.body.allocated = len + 1;
	accepted = reader(&answer);
	awsx_http_response_free(&answer);
	return accepted;
}

/* Up to four changes: a byte replaced, removed, doubled, or a piece moved. */
static size_t
mutate(char *bytes, size_t len)
{
	static const char odd[] = "\"\\{}[]<>&;:,%+=/0-9\0\xff\xc3u'#x";

	for (uint32_t n = chance(4) + 1; n > 0 && len > 1; n--)
	{
		uint32_t	at = chance((uint32_t) len);

		switch (chance(5))
		{
			case 0:
				bytes[at] = (char) chance(256);
				break;
			case 1:
				bytes[at] = odd[chance(sizeof(odd) - 1)];
				break;
			case 2:
				memmove(bytes + at, bytes + at + 1, len - at - 1);
				len--;
				break;
			case 3:
				bytes[at] ^= (char) (1 << chance(8));
				break;
			default:
				memmove(bytes + at, bytes + chance((uint32_t) len), len - at > 8 ? 1 + chance(4) : 1);
				len = len > at + 8 ? len : at + 1;
				break;
		}
	}
	return len;
}

static void
test_reader(const char *name, Reader reader, const char *document, bool empty_accepted)
{
	size_t		len = strlen(document);
	char	   *copy = calloc(1, len + 16);
	int			accepted = 0;

	if (!ok(feed(reader, document, len), "%s: the document itself", name))
		printf("# %s\n", document);
	for (size_t part = 0; part < len; part++)
		accepted += feed(reader, document, part);
	if (strcmp(name, "base64") != 0)
		is_int(accepted, empty_accepted, "no part of it is taken for the whole");
	accepted = 0;
	seed = 0x9e3779b97f4a7c15ULL;
	for (int i = 0; i < MUTATIONS; i++)
	{
		memcpy(copy, document, len + 1);
		accepted += feed(reader, copy, mutate(copy, len));
	}
	ok(accepted < MUTATIONS, "%s: %d mutations, %d of them accepted", name, MUTATIONS, accepted);
	free(copy);
}

int
main(void)
{
	test_reader("receive", read_receive,
				"{\"Messages\":[{\"MessageId\":\"id-1\",\"ReceiptHandle\":\"AQEB+/==\",\"MD5OfBody\":\"ae7be26cdaa742ca148068d5ac90eaca\",\"Body\":\"m1\""
				",\"Attributes\":{\"SentTimestamp\":\"1795352046141\",\"ApproximateReceiveCount\":\"2\",\"MessageGroupId\":\"g\",\"SequenceNumber\":\"18849496460467696128\"}"
				",\"MD5OfMessageAttributes\":\"b3c9c7f3ca89e29e88d9f6b6f38abb1d\",\"MessageAttributes\":{\"b\":{\"DataType\":\"Number\",\"StringValue\":\"7\"}"
				",\"a\":{\"DataType\":\"String\",\"StringValue\":\"x\"},\"c\":{\"DataType\":\"Binary\",\"BinaryValue\":\"AAEC\"}}}]}", true);
	test_reader("send", read_send,
				"{\"Successful\":[{\"Id\":\"0\",\"MessageId\":\"58a0\",\"MD5OfMessageBody\":\"ae7be26cdaa742ca148068d5ac90eaca\",\"MD5OfMessageAttributes\":\"ae7155c6026991b6d54b11589678bf9c\""
				",\"SequenceNumber\":\"188\"}],\"Failed\":[{\"Id\":\"1\",\"SenderFault\":true,\"Code\":\"InvalidParameterValue\",\"Message\":\"\\u00e9\"}]}", true);
	test_reader("batch", read_batch, "{\"Successful\":[{\"Id\":\"0\"},{\"Id\":\"9\"}],\"Failed\":[{\"Id\":\"1\",\"SenderFault\":false,\"Code\":\"InternalError\",\"Message\":\"x\"}]}", true);
	test_reader("attributes", read_attributes, "{\"Attributes\":{\"VisibilityTimeout\":\"30\",\"FifoQueue\":\"true\",\"Policy\":\"{\\\"a\\\":1}\"}}", true);
	test_reader("queue url", read_queue_url, "{\"QueueUrl\":\"https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo\"}", false);
	test_reader("list", read_list,
				"<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><!-- x --><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
				"<Contents><Key>a+b%2Bc/%C3%A9</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;d41d8&quot;</ETag><Size>5</Size><x/></Contents>"
				"<NextContinuationToken>1&amp;&#x2b;<![CDATA[x]]></NextContinuationToken></ListBucketResult>", false);
	test_reader("event", read_event,
				"{\"Records\":[{\"eventSource\":\"aws:s3\",\"eventVersion\":\"2.1\",\"awsRegion\":\"eu-west-1\",\"eventName\":\"ObjectCreated:Put\",\"s3\":{\"bucket\":{\"name\":\"bkt\"}"
				",\"object\":{\"key\":\"a+b%2Bc\",\"size\":5,\"eTag\":\"d41d8\",\"versionId\":\"v\",\"sequencer\":\"0055\"}}}"
				",{\"eventSource\":\"aws:sqs\",\"body\":\"{\\\"Type\\\":\\\"Notification\\\",\\\"Message\\\":\\\"{\\\\\\\"Event\\\\\\\":\\\\\\\"s3:TestEvent\\\\\\\"}\\\"}\"}]}", false);
	test_reader("base64", read_base64, "AAECAwQFBgcICQoLDA0ODw+/", true);
	return tap_done();
}
