/*
 * test_sqs_answer.c
 *	  What is read from SQS's answers, sound and malformed.
 */
#include "answer.h"
#include "sqs.h"
#include "tap.h"

#define M1 "\"MessageId\":\"id-1\",\"ReceiptHandle\":\"AQEB+/==\",\"MD5OfBody\":\"ae7be26cdaa742ca148068d5ac90eaca\",\"Body\":\"m1\""

static AwsxSqsMessages *
receive(const char *json, AwsxError *error)
{
	AwsxHttpResponse answer = make_answer(json, strlen(json));
	AwsxSqsMessages *messages;

	awsx_error_clear(error);
	messages = awsx_sqs_receive_answer(&answer, error);
	awsx_http_response_free(&answer);	/* nothing may point into it */
	return messages;
}

static void
is_no_receive(const char *json, AwsxErrorKind kind, const char *words)
{
	AwsxError	error;
	AwsxSqsMessages *messages = receive(json, &error);

	ok(messages == NULL && error.kind == kind && strstr(error.message, words) != NULL, "refused: %.60s", json);
	if (messages == NULL)
		printf("#      got: %s\n", error.message);
	awsx_sqs_messages_free(messages);
}

static void
is_empty_receive(const char *json)
{
	AwsxError	error;
	AwsxSqsMessages *messages = receive(json, &error);

	ok(messages != NULL && messages->count == 0, "empty: \"%s\"", json);
	awsx_sqs_messages_free(messages);
}

static void
test_full_message(void)
{
	AwsxError	error;
	AwsxSqsMessages *messages = receive(
										"{\"Messages\":[{" M1 ",\"Attributes\":{\"SenderId\":\"AIDAEXAMPLE\",\"SentTimestamp\":\"1795352046141\""
										",\"ApproximateReceiveCount\":\"2\",\"MessageGroupId\":\"g\",\"MessageDeduplicationId\":\"d1\""
										",\"SequenceNumber\":\"18849496460467696128\"}"
										",\"MD5OfMessageAttributes\":\"B3C9C7F3CA89E29E88D9F6B6F38ABB1D\",\"MessageAttributes\":{"
										"\"b\":{\"DataType\":\"Number\",\"StringValue\":\"7\"},\"a\":{\"DataType\":\"String\",\"StringValue\":\"x\"}"
										",\"c\":{\"DataType\":\"Binary\",\"BinaryValue\":\"AAEC\"}}},{" M1 "}]}", &error);
	const AwsxSqsMessage *m;
	int			binary = 0;

	if (!ok(messages != NULL, "a full message: %s", error.message))
		return;
	is_int(messages->count, 2, "two messages");
	m = &messages->items[0];
	is_str(m->message_id, "id-1", "message id");
	is_str(m->receipt_handle, "AQEB+/==", "receipt handle");
	is_str(m->body, "m1", "body");
	is_int((long long) m->body_len, 2, "body's length");
	is_str(m->group_id, "g", "group id");
	is_str(m->dedup_id, "d1", "deduplication id");
	is_str(m->sequence_number, "18849496460467696128", "sequence number of more than 64 bits' worth");
	is_int(m->sent_ms, 1795352046141LL, "time sent");
	is_int(m->receive_count, 2, "receive count");
	is_int(m->attribute_count, 3, "three attributes");
	for (int i = 0; i < m->attribute_count; i++)
	{
		if (strcmp(m->attributes[i].name, "c") == 0)
			binary += m->attributes[i].value_len == 3 && memcmp(m->attributes[i].value, "\0\1\2", 3) == 0;
	}
	is_int(binary, 1, "the binary one is decoded");
	m = &messages->items[1];
	is_str(m->group_id, "", "no group");
	is_str(m->dedup_id, "", "no deduplication id");
	is_str(m->sequence_number, "", "no sequence number");
	ok(m->sent_ms == 0 && m->receive_count == 0 && m->attribute_count == 0, "nothing else known");
	awsx_sqs_messages_free(messages);
}

static void
test_bodies(void)
{
	AwsxError	error;
	AwsxSqsMessages *messages = receive("{\"Messages\":[{\"MessageId\":\"1\",\"ReceiptHandle\":\"h\",\"MD5OfBody\":\"70350f6027bce3713f6b76473084309b\",\"Body\":\"a\\u0000b\"}"
										",{\"MessageId\":\"2\",\"ReceiptHandle\":\"h\",\"MD5OfBody\":\"e1d93b406bde2d471ca5f0a5b814a013\",\"Body\":\"\xc3\xa9\\ud83d\\ude00\\n\\\"\\\\\"}"
										",{\"MessageId\":\"3\",\"ReceiptHandle\":\"h\",\"MD5OfBody\":\"3aede2ef29da95ef03f1afa2bed32cee\",\"Body\":\"{\\\"a\\\":1.10}\"}]}", &error);

	if (!ok(messages != NULL && messages->count == 3, "three bodies: %s", error.message))
		return;
	ok(messages->items[0].body_len == 3 && memcmp(messages->items[0].body, "a\0b", 4) == 0, "NUL is kept");
	is_str(messages->items[1].body, "\xc3\xa9\xf0\x9f\x98\x80\n\"\\", "escapes are resolved");
	is_str(messages->items[2].body, "{\"a\":1.10}", "a JSON body is not touched");
	awsx_sqs_messages_free(messages);
}

static void
test_eleven(int count, bool expected)
{
	AwsxBuf		json;
	AwsxError	error;
	AwsxSqsMessages *messages;

	awsx_buf_init(&json, 0);
	awsx_buf_puts(&json, "{\"Messages\":[{" M1 "}");
	for (int i = 1; i < count; i++)
		awsx_buf_puts(&json, ",{" M1 "}");
	awsx_buf_puts(&json, "]}");
	messages = receive(json.data, &error);
	ok((messages != NULL) == expected, "%d messages are %s", count, expected ? "read" : "no answer of SQS");
	if (messages != NULL)
		is_int(messages->count, count, "all of them");
	awsx_sqs_messages_free(messages);
	awsx_buf_free(&json);
}

/* What the document may hold beside what is read, and what makes it no document. */
static void
test_json(void)
{
	static const char *const sound[] = {
		"0", "-0", "1.5", "10e3", "1E+2", "-1.25e-7", "99999999999999999999999", "1e999", "true", "false", "null", "\"\"", "[]", "{}",
		"[[],{},[1,{\"a\":[null]}],\"]}\"]", "{\"a\":{\"b\":[{}]},\"c\":[ ] , \"a\" : 1}", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"", "\"\\uD83D\\uDE00\"", "\"\xf0\x9f\x98\x80\""
	};
	static const char *const odd[] = {
		"", "01", "1.", ".5", "1e", "1e+", "-", "+1", "--1", "0x1", "NaN", "tru", "truefalse", "nul", "True", "'a'", "\"a", "\"\\", "\"\\u00\"", "\"\\x\"", "\"\n\"", "\"\\ud83d\"",
		"\"\\ud83dx\"", "\"\\ude00\"", "\"\\ud83d\\u0041\"", "\"\\ud83d\\ue000\"", "\"\x80\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "[", "[1", "[1,", "[,1]", "[1,]", "[1 2]", "[}", "{",
		"{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "{1:1}", "{\"a\\u0000\":1}", "{]", "]", "}", "1}}", "1]", "1,2"
	};
	char		json[512];

	for (size_t i = 0; i < sizeof(sound) / sizeof(sound[0]); i++)
	{
		snprintf(json, sizeof(json), " { \"x\" : %s ,\r\n\t\"Messages\":[ ] } ", sound[i]);
		is_empty_receive(json);
	}
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
	{
		snprintf(json, sizeof(json), "{\"x\":%s", odd[i]);
		is_no_receive(json, AWSX_ERR_PROTOCOL, "not JSON");
		snprintf(json, sizeof(json), "{\"Messages\":[{" M1 ",\"x\":%s}]}", odd[i]);
		is_no_receive(json, AWSX_ERR_PROTOCOL, "not JSON");
	}
	is_no_receive("{} x", AWSX_ERR_PROTOCOL, "not JSON (byte 4 of 4)");
	is_no_receive("{\"Messages\":[{\"MessageId\":\"1\"", AWSX_ERR_PROTOCOL, "not JSON (byte 30 of 29)");
}

/* As deep as jansson goes, and not deeper. */
static void
test_depth(int depth, bool sound)
{
	AwsxBuf		json;
	AwsxError	error;
	AwsxSqsMessages *messages;

	awsx_buf_init(&json, 0);
	awsx_buf_puts(&json, "{\"x\":");
	for (int i = 0; i < depth; i++)
		awsx_buf_puts(&json, i % 2 ? "[" : "{\"y\":");
	awsx_buf_puts(&json, "1");
	for (int i = depth - 1; i >= 0; i--)
		awsx_buf_puts(&json, i % 2 ? "]" : "}");
	awsx_buf_puts(&json, "}");
	messages = receive(json.data, &error);
	ok((messages != NULL) == sound, "%d values within each other are %s", depth + 2, sound ? "read" : "refused");
	awsx_sqs_messages_free(messages);
	awsx_buf_free(&json);
}

static void
test_twice(void)
{
	test_depth(2046, true);
	test_depth(2047, false);
	is_no_receive("{\"Messages\":[{" M1 "}],\"Messages\":[]}", AWSX_ERR_PROTOCOL, "\"Messages\" in the answer of SQS stands there twice");
	is_no_receive("{\"Messages\":[{" M1 ",\"Body\":\"m1\"}]}", AWSX_ERR_PROTOCOL, "\"Body\"");
	is_no_receive("{\"Messages\":[{" M1 ",\"Attributes\":null,\"Attributes\":{}}]}", AWSX_ERR_PROTOCOL, "twice");
	is_no_receive("{\"Messages\":[{" M1 ",\"Attributes\":{\"MessageGroupId\":\"g\",\"MessageGroupId\":\"h\"}}]}", AWSX_ERR_PROTOCOL, "\"MessageGroupId\"");
	is_no_receive("{\"Messages\":[{" M1 ",\"MessageAttributes\":{\"a\":{\"DataType\":\"String\",\"StringValue\":\"x\"},\"\\u0061\":{\"DataType\":\"String\",\"StringValue\":\"x\"}}}]}",
				  AWSX_ERR_PROTOCOL, "has a name twice");
	is_no_receive("{\"Messages\":[{" M1 ",\"MessageAttributes\":{\"a\":{\"DataType\":\"String\",\"DataType\":\"String\",\"StringValue\":\"x\"}}}]}",
				  AWSX_ERR_PROTOCOL, "\"DataType\"");
}

/* Names may be spelled with escapes; attributes are as many as SQS could ever send. */
static void
test_attributes(int count, bool sound)
{
	AwsxBuf		json;
	AwsxError	error;
	AwsxSqsMessages *messages;

	awsx_buf_init(&json, 0);
	awsx_buf_puts(&json, "{\"\\u004dessages\":[{" M1 ",\"MessageAttributes\":{");
	for (int i = 0; i < count; i++)
		awsx_buf_printf(&json, "%s\"a%d\":{\"DataType\":\"String\",\"Other\":[1],\"StringValue\":\"v%d\"}", i > 0 ? "," : "", i, i);
	awsx_buf_puts(&json, "}}]}");
	messages = receive(json.data, &error);
	if (ok((messages != NULL) == sound, "%d attributes are %s", count, sound ? "read" : "refused") && sound)
	{
		is_int(messages->items[0].attribute_count, count, "all of them");
		is_str(messages->items[0].attributes[count - 1].name, count == 100 ? "a99" : "a16", "in their order");
		is_str(messages->items[0].attributes[0].value, "v0", "with their values");
	}
	awsx_sqs_messages_free(messages);
	awsx_buf_free(&json);
}

static void
test_receive(void)
{
	test_attributes(17, true);
	test_attributes(100, true);
	test_attributes(101, false);
	is_empty_receive("");
	is_empty_receive("{}");
	is_empty_receive("{\"Messages\":[]}");
	is_empty_receive("{\"Messages\":null}");
	is_empty_receive("{\"Other\":1}");
	test_full_message();
	test_bodies();
	test_eleven(10, true);
	test_eleven(11, false);
	is_no_receive("<html>secret</html>", AWSX_ERR_PROTOCOL, "not JSON (byte 1 of 19)");
	is_no_receive("[]", AWSX_ERR_PROTOCOL, "not a JSON object");
	is_no_receive("{\"Messages\":{}}", AWSX_ERR_PROTOCOL, "not an array");
	is_no_receive("{\"Messages\":[1]}", AWSX_ERR_PROTOCOL, "is not an object");
	test_json();
	test_twice();
	is_no_receive("{\"Messages\":[{}]}", AWSX_ERR_PROTOCOL, "no MessageId");
	is_no_receive("{\"Messages\":[{\"MessageId\":\"1\"}]}", AWSX_ERR_PROTOCOL, "no ReceiptHandle");
	is_no_receive("{\"Messages\":[{\"MessageId\":\"a\\u0000\",\"ReceiptHandle\":\"h\"}]}", AWSX_ERR_PROTOCOL, "no MessageId");
	is_no_receive("{\"Messages\":[{\"MessageId\":\"1\",\"ReceiptHandle\":\"h\",\"Body\":5,\"MD5OfBody\":\"x\"}]}", AWSX_ERR_PROTOCOL, "no Body");
	is_no_receive("{\"Messages\":[{\"MessageId\":\"1\",\"ReceiptHandle\":\"h\",\"Body\":\"m1\"}]}", AWSX_ERR_PROTOCOL, "no MD5OfBody");
	is_no_receive("{\"Messages\":[{\"MessageId\":\"1\",\"ReceiptHandle\":\"h\",\"Body\":\"m2\",\"MD5OfBody\":\"ae7be26cdaa742ca148068d5ac90eaca\"}]}",
				  AWSX_ERR_INTEGRITY, "message 1");
	is_no_receive("{\"Messages\":[{" M1 ",\"Attributes\":[]}]}", AWSX_ERR_PROTOCOL, "\"Attributes\"");
	is_no_receive("{\"Messages\":[{" M1 ",\"Attributes\":{\"SequenceNumber\":\"12x\"}}]}", AWSX_ERR_PROTOCOL, "SequenceNumber");
	is_no_receive("{\"Messages\":[{" M1 ",\"MessageAttributes\":{\"a\":1}}]}", AWSX_ERR_PROTOCOL, "without DataType");
	is_no_receive("{\"Messages\":[{" M1 ",\"MessageAttributes\":{\"a\":{\"DataType\":\"String\"}}}]}", AWSX_ERR_PROTOCOL, "without a value");
	is_no_receive("{\"Messages\":[{" M1 ",\"MessageAttributes\":{\"a\":{\"DataType\":\"Binary\",\"BinaryValue\":\"AAE\"}}}]}", AWSX_ERR_PROTOCOL, "not base64");
	is_no_receive("{\"Messages\":[{" M1 ",\"MessageAttributes\":{\"a\":{\"DataType\":\"Binary\",\"BinaryValue\":\"AB==\"}}}]}", AWSX_ERR_PROTOCOL, "not base64");
	is_no_receive("{\"Messages\":[{" M1 ",\"MD5OfMessageAttributes\":\"00\",\"MessageAttributes\":{\"a\":{\"DataType\":\"String\",\"StringValue\":\"x\"}}}]}",
				  AWSX_ERR_INTEGRITY, "attributes");
	is_no_receive("{\"Messages\":[{" M1 ",\"MD5OfMessageAttributes\":\"b3c9c7f3ca89e29e88d9f6b6f38abb1d\"}]}", AWSX_ERR_INTEGRITY, "attributes");
}

static void
test_odd_numbers(void)
{
	AwsxError	error;
	AwsxSqsMessages *messages = receive("{\"Messages\":[{" M1 ",\"Attributes\":{\"SentTimestamp\":\"9999999999999999999999\",\"ApproximateReceiveCount\":\"99999999999\"}}"
										",{" M1 ",\"Attributes\":{\"SentTimestamp\":\"-1\",\"ApproximateReceiveCount\":7}}]}", &error);

	if (!ok(messages != NULL, "odd numbers are read"))
		return;
	ok(messages->items[0].sent_ms == 0 && messages->items[0].receive_count == INT32_MAX, "too large: unknown, or the largest");
	ok(messages->items[1].sent_ms == 0 && messages->items[1].receive_count == 0, "none: unknown");
	awsx_sqs_messages_free(messages);
}

/* "ok", or the code and whose fault it is, for each entry. */
static void
is_outcomes(const char *json, const AwsxSqsSend *entries, int count, const char *expected)
{
	AwsxHttpResponse answer = make_answer(json, strlen(json));
	AwsxSqsOutcome outcomes[AWSX_SQS_BATCH];
	AwsxError	error;
	AwsxBuf		text;
	bool		done = entries == NULL ? awsx_sqs_batch_answer(&answer, count, outcomes, &error) :
		awsx_sqs_send_batch_answer(&answer, entries, count, outcomes, &error);

	awsx_buf_init(&text, 0);
	awsx_buf_puts(&text, done ? "" : "error:");
	for (int i = 0; i < count; i++)
		awsx_buf_printf(&text, "%s%s%s", i > 0 ? " " : "", outcomes[i].ok ? "ok" : outcomes[i].code,
						outcomes[i].sender_fault ? "!" : "");
	is_str(text.data, expected, json);
	awsx_buf_free(&text);
	awsx_http_response_free(&answer);
}

static void
test_batch(void)
{
	is_outcomes("", NULL, 2, "Missing Missing");
	is_outcomes("{}", NULL, 1, "Missing");
	is_outcomes("x", NULL, 1, "error:Missing");
	is_outcomes("{\"Successful\":{}}", NULL, 1, "error:Missing");
	is_outcomes("{\"Successful\":[{\"Id\":\"0\"}],\"Failed\":5}", NULL, 1, "error:Missing");
	is_outcomes("{\"Successful\":[{\"Id\":\"0\"},{\"Id\":\"1\"}]}", NULL, 2, "ok ok");
	is_outcomes("{\"Successful\":[{\"Id\":\"1\"}],\"Failed\":[]}", NULL, 2, "Missing ok");
	is_outcomes("{\"Failed\":[{\"Id\":\"1\",\"Code\":\"ReceiptHandleIsInvalid\",\"SenderFault\":true,\"Message\":\"x\"}],\"Successful\":[{\"Id\":\"0\"}]}", NULL, 2,
				"ok ReceiptHandleIsInvalid!");
	is_outcomes("{\"Failed\":[{\"Id\":\"0\",\"Code\":\"InternalError\",\"SenderFault\":false}],\"Successful\":null}", NULL, 1, "InternalError");
	is_outcomes("{\"Failed\":[{\"Id\":\"0\"}]}", NULL, 1, "Unknown");
	is_outcomes("{\"Failed\":[{\"Id\":\"0\",\"Code\":7,\"SenderFault\":\"true\"}]}", NULL, 1, "Unknown");
	is_outcomes("{\"Successful\":[{\"Id\":\"0\"}],\"Failed\":[{\"Id\":\"0\",\"Code\":\"X\"}]}", NULL, 1, "X");
	is_outcomes("{\"Successful\":[{\"Id\":\"0\"},{\"Id\":\"0\"},{\"Id\":\"7\"},{\"Id\":\"-1\"},{\"Id\":\"10\"},{\"Id\":\"\"},{\"Id\":1},{},3,null]}", NULL, 2, "ok Missing");
	is_outcomes("{\"Successful\":[{\"Id\":\"00\"},{\"Id\":\"0\\u0000\"}]}", NULL, 1, "Missing");
	is_outcomes("{\"Successful\":[{\"Id\":\"9\"}]}", NULL, 10,
				"Missing Missing Missing Missing Missing Missing Missing Missing Missing ok");
}

static void
test_long_text(void)
{
	AwsxBuf		json;
	AwsxHttpResponse answer;
	AwsxSqsOutcome outcome;
	AwsxError	error;

	awsx_buf_init(&json, 0);
	awsx_buf_puts(&json, "{\"Failed\":[{\"Id\":\"0\",\"Code\":\"X\",\"Message\":\"a\\nbc");
	for (int i = 0; i < 200; i++)
		awsx_buf_puts(&json, "\xe2\x82\xac");
	awsx_buf_puts(&json, "\"}]}");
	answer = make_answer(json.data, json.len);
	ok(awsx_sqs_batch_answer(&answer, 1, &outcome, &error), "a long message");
	is_int((long long) strlen(outcome.message), 4 + 83 * 3, "is cut between characters");
	ok(strncmp(outcome.message, "a b", 3) == 0, "and is one line");
	ok(!awsx_sqs_batch_answer(&answer, 0, &outcome, &error) && !awsx_sqs_batch_answer(&answer, 11, &outcome, &error), "counts are checked");
	awsx_http_response_free(&answer);
	awsx_buf_free(&json);
}

static void
test_send(void)
{
	static const AwsxSqsAttribute attributes[] = {{"Foo", "String", "Bar", 3}};
	static const AwsxSqsSend entries[] = {
		{.body = "m1", .body_len = 2, .group_id = "g"},
		{.body = "m1", .body_len = 2, .group_id = "g", .attributes = attributes, .attribute_count = 1}
	};
	const char *json = "{\"Successful\":[{\"Id\":\"0\",\"MessageId\":\"58a0\",\"MD5OfMessageBody\":\"ae7be26cdaa742ca148068d5ac90eaca\",\"SequenceNumber\":\"188\"}]}";
	AwsxHttpResponse answer = make_answer(json, strlen(json));
	AwsxSqsOutcome outcome;
	AwsxError	error;

	ok(awsx_sqs_send_batch_answer(&answer, entries, 1, &outcome, &error) && outcome.ok, "a message sent");
	is_str(outcome.message_id, "58a0", "its id");
	is_str(outcome.sequence_number, "188", "its sequence number");
	is_str(outcome.code, "", "no code");
	awsx_http_response_free(&answer);
	is_outcomes("{\"Successful\":[{\"Id\":\"0\",\"MD5OfMessageBody\":\"be7be26cdaa742ca148068d5ac90eaca\"}]}", entries, 1, "IntegrityError");
	is_outcomes("{\"Successful\":[{\"Id\":\"0\",\"MessageId\":\"x\"}]}", entries, 1, "IntegrityError");
	is_outcomes("{\"Successful\":[{\"Id\":\"0\",\"MD5OfMessageBody\":\"ae7be26cdaa742ca148068d5ac90eaca\"},{\"Id\":\"0\"}]}", entries, 1, "IntegrityError");
	is_outcomes("{\"Successful\":[{\"Id\":\"0\"},{\"Id\":\"0\",\"MD5OfMessageBody\":\"ae7be26cdaa742ca148068d5ac90eaca\"}]}", entries, 1, "IntegrityError");
	is_outcomes("{\"Successful\":[{\"Id\":\"1\",\"MD5OfMessageBody\":\"AE7BE26CDAA742CA148068D5AC90EACA\",\"MD5OfMessageAttributes\":\"ae7155c6026991b6d54b11589678bf9c\"}]}",
				entries, 2, "Missing ok");
	is_outcomes("{\"Successful\":[{\"Id\":\"1\",\"MD5OfMessageBody\":\"ae7be26cdaa742ca148068d5ac90eaca\",\"MD5OfMessageAttributes\":\"ae7155c6026991b6d54b11589678bf9d\"}]}",
				entries, 2, "Missing IntegrityError");
	is_outcomes("{\"Successful\":[{\"Id\":\"1\",\"MD5OfMessageBody\":\"ae7be26cdaa742ca148068d5ac90eaca\"}]}", entries, 2, "Missing ok");
}

static AwsxSqsAttributes *
attributes_of(const char *json)
{
	AwsxHttpResponse answer = make_answer(json, strlen(json));
	AwsxError	error;
	AwsxSqsAttributes *attributes = awsx_sqs_attributes_answer(&answer, &error);

	awsx_http_response_free(&answer);
	return attributes;
}

static char *
url_of(const char *json)
{
	AwsxHttpResponse answer = make_answer(json, strlen(json));
	AwsxError	error;
	char	   *url = awsx_sqs_queue_url_answer(&answer, &error);

	awsx_http_response_free(&answer);
	return url;
}

static void
test_queue(void)
{
	AwsxSqsAttributes *attributes = attributes_of("{\"Attributes\":{\"VisibilityTimeout\":\"30\",\"FifoQueue\":\"true\",\"Policy\":\"\"}}");
	char	   *url;

	if (ok(attributes != NULL && attributes->count == 3, "three attributes"))
	{
		is_str(awsx_sqs_attribute(attributes, "VisibilityTimeout"), "30", "one");
		is_str(awsx_sqs_attribute(attributes, "FifoQueue"), "true", "another");
		is_str(awsx_sqs_attribute(attributes, "Policy"), "", "an empty one");
		ok(awsx_sqs_attribute(attributes, "Other") == NULL, "none");
	}
	awsx_sqs_attributes_free(attributes);
	attributes = attributes_of("");
	ok(attributes != NULL && attributes->count == 0, "no attributes");
	awsx_sqs_attributes_free(attributes);
	ok(attributes_of("{\"Attributes\":[]}") == NULL, "an array of attributes is refused");
	ok(attributes_of("{\"Attributes\":{\"a\":1}}") == NULL, "a number too");
	ok(attributes_of("{\"Attributes\":{\"a\":\"x\\u0000\"}}") == NULL, "and NUL");

	url = url_of("{\"QueueUrl\":\"https://h/1/q\"}");
	is_str(url, "https://h/1/q", "a queue URL");
	free(url);
	ok(url_of("{}") == NULL && url_of("{\"QueueUrl\":\"\"}") == NULL && url_of("{\"QueueUrl\":1}") == NULL, "no queue URL");
}

int
main(void)
{
	test_receive();
	test_odd_numbers();
	test_batch();
	test_long_text();
	test_send();
	test_queue();
	return tap_done();
}
