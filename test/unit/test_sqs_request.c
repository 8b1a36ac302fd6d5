/*
 * test_sqs_request.c
 *	  The exact JSON of each SQS request, and what is refused before it is
 *	  sent.
 */
#include <stdlib.h>

#include "sqs.h"
#include "tap.h"

#define URL "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo"
#define HEAD "{\"QueueUrl\":\"" URL "\""

static const AwsxService service = {
	.dialect = AWSX_DIALECT_JSON,
	.name = "sqs",
	.region = "eu-west-1",
	.endpoint = "https://sqs.eu-west-1.amazonaws.com"
};

static void
is_request(bool made, AwsxHttpRequest *request, const char *action, const char *body)
{
	char		target[64];

	if (!ok(made, "%s: made", action))
		return;
	snprintf(target, sizeof(target), "AmazonSQS.%s", action);
	is_str(request->method, "POST", "POST");
	is_str(request->endpoint, service.endpoint, "to the endpoint");
	is_str(request->path, "/", "to its root");
	ok(request->query == NULL, "without a query");
	is_str(awsx_headers_get(&request->headers, "x-amz-target"), target, "target");
	is_str(awsx_headers_get(&request->headers, "content-type"), "application/x-amz-json-1.0", "content type");
	is_str(request->body, body, "body");
	is_int((long long) request->body_len, (long long) strlen(body), "length");
	awsx_http_request_free(request);
}

static void
is_refused(bool made, AwsxHttpRequest *request, const AwsxError *error, const char *words)
{
	ok(!made && error->kind == AWSX_ERR_CONFIG && strstr(error->message, words) != NULL, "refused: %s", words);
	if (!made)
		printf("#      got: %s\n", error->message);
	ok(request->body == NULL && request->path == NULL && request->endpoint == NULL, "and the request is empty");
	awsx_http_request_free(request);
}

static void
test_receive(void)
{
	AwsxHttpRequest request;
	AwsxError	error;
	AwsxSqsReceive receive = {.max_messages = 10, .wait_seconds = 20, .visibility_seconds = -1};

	is_request(awsx_sqs_receive_request(&service, URL, &receive, &request, &error), &request, "ReceiveMessage",
			   HEAD ",\"MaxNumberOfMessages\":10,\"WaitTimeSeconds\":20"
			   ",\"MessageSystemAttributeNames\":[\"All\"],\"MessageAttributeNames\":[\"All\"]}");
	receive = (AwsxSqsReceive) {.max_messages = 1, .wait_seconds = 0, .visibility_seconds = 0, .attempt_id = "a-1"};
	is_request(awsx_sqs_receive_request(&service, URL, &receive, &request, &error), &request, "ReceiveMessage",
			   HEAD ",\"MaxNumberOfMessages\":1,\"WaitTimeSeconds\":0,\"VisibilityTimeout\":0"
			   ",\"MessageSystemAttributeNames\":[\"All\"],\"MessageAttributeNames\":[\"All\"]"
			   ",\"ReceiveRequestAttemptId\":\"a-1\"}");

	receive.wait_seconds = 20;
	receive.max_messages = 10;
	ok(awsx_sqs_receive_request(&service, URL, &receive, &request, &error), "a long poll");
	ok(request.timeout_ms > 20000 && request.timeout_ms < 25000, "waits longer than SQS, and less than 25 s");
	ok(request.max_response >= (size_t) 10 * AWSX_SQS_MAX_BYTES * 6, "has room for ten messages of any size");
	awsx_http_request_free(&request);

	receive.attempt_id = "no spaces";
	is_refused(awsx_sqs_receive_request(&service, URL, &receive, &request, &error), &request, &error, "attempt id");
	receive.attempt_id = NULL;
	receive.max_messages = 11;
	is_refused(awsx_sqs_receive_request(&service, URL, &receive, &request, &error), &request, &error, "1 to 10 messages");
	receive.max_messages = 1;
	receive.wait_seconds = 21;
	is_refused(awsx_sqs_receive_request(&service, URL, &receive, &request, &error), &request, &error, "0 to 20 s");
	receive.wait_seconds = 1;
	receive.visibility_seconds = 43201;
	is_refused(awsx_sqs_receive_request(&service, URL, &receive, &request, &error), &request, &error, "0 to 43200 s");
}

static void
test_send(void)
{
	static const AwsxSqsAttribute attributes[] = {
		{"b", "Number", "7", 1}, {"a", "String.x", "\xc3\xa9\"", 3}, {"c", "Binary", "\0\1\2", 3}, {"d", "Binary.z", "\xff", 1}
	};
	AwsxSqsSend entries[2] = {
		{.body = "{\"a\":1.10,\"t\":\"x\\u0001\"}\n\t\xf0\x9f\x98\x80", .body_len = 30, .group_id = "g1",
			.dedup_id = "d!\"\\1", .attributes = attributes, .attribute_count = 4, .trace_header = "Root=1-2-3"},
		{.body = "m", .body_len = 1, .group_id = "g2"}
	};
	AwsxHttpRequest request;
	AwsxError	error;

	entries[0].body_len = strlen(entries[0].body);
	is_request(awsx_sqs_send_batch_request(&service, URL, entries, 2, &request, &error), &request, "SendMessageBatch",
			   HEAD ",\"Entries\":["
			   "{\"Id\":\"0\",\"MessageBody\":\"{\\\"a\\\":1.10,\\\"t\\\":\\\"x\\\\u0001\\\"}\\n\\t\xf0\x9f\x98\x80\""
			   ",\"MessageGroupId\":\"g1\",\"MessageDeduplicationId\":\"d!\\\"\\\\1\""
			   ",\"MessageAttributes\":{\"b\":{\"DataType\":\"Number\",\"StringValue\":\"7\"}"
			   ",\"a\":{\"DataType\":\"String.x\",\"StringValue\":\"\xc3\xa9\\\"\"}"
			   ",\"c\":{\"DataType\":\"Binary\",\"BinaryValue\":\"AAEC\"}"
			   ",\"d\":{\"DataType\":\"Binary.z\",\"BinaryValue\":\"/w==\"}}"
			   ",\"MessageSystemAttributes\":{\"AWSTraceHeader\":{\"DataType\":\"String\",\"StringValue\":\"Root=1-2-3\"}}}"
			   ",{\"Id\":\"1\",\"MessageBody\":\"m\",\"MessageGroupId\":\"g2\"}]}");
	is_int((long long) awsx_sqs_send_size(&entries[0]),
		   (long long) entries[0].body_len + (1 + 6 + 1) + (1 + 8 + 3) + (1 + 6 + 3) + (1 + 8 + 1), "size counts attributes");

	is_refused(awsx_sqs_send_batch_request(&service, URL, entries, 0, &request, &error), &request, &error, "1 to 10 entries");
	is_refused(awsx_sqs_send_batch_request(&service, URL, entries, 11, &request, &error), &request, &error, "1 to 10 entries");
	entries[1].group_id = NULL;
	is_refused(awsx_sqs_send_batch_request(&service, URL, entries, 2, &request, &error), &request, &error,
			   "entry 1 of the batch has no group id");
	entries[1].group_id = "a b";
	is_refused(awsx_sqs_send_batch_request(&service, URL, entries, 2, &request, &error), &request, &error,
			   "entry 1 of the batch: the message's group id");
}

static void
test_send_total(void)
{
	char	   *body = malloc(AWSX_SQS_MAX_BYTES + 1);
	AwsxSqsSend entries[2];
	AwsxHttpRequest request;
	AwsxError	error;

	memset(body, 'x', AWSX_SQS_MAX_BYTES + 1);
	for (int i = 0; i < 2; i++)
		entries[i] = (AwsxSqsSend) {.body = body, .body_len = AWSX_SQS_MAX_BYTES / 2, .group_id = "g"};
	ok(awsx_sqs_send_batch_request(&service, URL, entries, 2, &request, &error), "a batch of exactly 1 MiB");
	awsx_http_request_free(&request);
	entries[1].body_len++;
	is_refused(awsx_sqs_send_batch_request(&service, URL, entries, 2, &request, &error), &request, &error,
			   "the batch is 1048577 bytes");
	entries[0].body_len = AWSX_SQS_MAX_BYTES;
	ok(awsx_sqs_send_check(&entries[0], &error), "a message of exactly 1 MiB");
	entries[0].body_len++;
	ok(!awsx_sqs_send_check(&entries[0], &error) && strstr(error.message, "1048577 bytes") != NULL, "but not of one byte more");
	free(body);
}

static void
is_body(const char *body, size_t len, bool expected, const char *name)
{
	AwsxSqsSend send = {.body = body, .body_len = len};
	AwsxError	error;

	ok(awsx_sqs_send_check(&send, &error) == expected, "body: %s is %s", name, expected ? "taken" : "refused");
}

static void
test_bodies(void)
{
	is_body("", 0, false, "nothing");
	is_body("x", 1, true, "one character");
	is_body("\t\n\r ", 4, true, "tab, LF, CR and space");
	is_body("a\0b", 3, false, "NUL");
	is_body("a\x01", 2, false, "U+0001");
	is_body("\x1f", 1, false, "U+001F");
	is_body("\x7f", 1, true, "U+007F");
	is_body("\xc2\x80", 2, true, "U+0080");
	is_body("\xed\x9f\xbf", 3, true, "U+D7FF");
	is_body("\xed\xa0\x80", 3, false, "a surrogate");
	is_body("\xee\x80\x80", 3, true, "U+E000");
	is_body("\xef\xbf\xbd", 3, true, "U+FFFD");
	is_body("\xef\xbf\xbe", 3, false, "U+FFFE");
	is_body("\xef\xbf\xbf", 3, false, "U+FFFF");
	is_body("\xf0\x9f\x98\x80", 4, true, "U+1F600");
	is_body("\xf4\x8f\xbf\xbf", 4, true, "U+10FFFF");
	is_body("\xf4\x90\x80\x80", 4, false, "U+110000");
	is_body("\xc0\x80", 2, false, "an overlong NUL");
	is_body("\xc3", 1, false, "half a character");
	is_body("\xff", 1, false, "the byte FF");
	is_body("\x80", 1, false, "a stray continuation");
}

static void
is_attribute(const char *name, const char *type, const char *value, size_t len, bool expected, const char *what)
{
	AwsxSqsAttribute attribute = {name, type, value, len};
	AwsxSqsSend send = {.body = "m", .body_len = 1, .attributes = &attribute, .attribute_count = 1};
	AwsxError	error;

	ok(awsx_sqs_send_check(&send, &error) == expected, "attribute: %s is %s", what, expected ? "taken" : "refused");
}

static void
test_attributes(void)
{
	static const char *const numbers[] = {"0", "-1", "+1.5", ".5", "5.", "1e10", "1.25E-7", NULL};
	static const char *const no_numbers[] = {"x", "-", ".", "1e", "1e+", "1.2.3", " 1", "1 ", "0x1", "NaN", NULL};
	char		name[258];
	AwsxSqsAttribute many[11];
	AwsxSqsSend send = {.body = "m", .body_len = 1, .attributes = many, .attribute_count = 11};
	AwsxError	error;

	for (int i = 0; numbers[i] != NULL; i++)
		is_attribute("n", "Number", numbers[i], strlen(numbers[i]), true, numbers[i]);
	for (int i = 0; no_numbers[i] != NULL; i++)
		is_attribute("n", "Number", no_numbers[i], strlen(no_numbers[i]), false, no_numbers[i]);
	is_attribute("a.b-c_D9", "String", "x", 1, true, "a.b-c_D9");
	is_attribute("", "String", "x", 1, false, "an empty name");
	is_attribute(".a", "String", "x", 1, false, "a leading dot");
	is_attribute("a.", "String", "x", 1, false, "a trailing dot");
	is_attribute("a..b", "String", "x", 1, false, "two dots");
	is_attribute("aWs.x", "String", "x", 1, false, "aWs.x");
	is_attribute("Amazon.x", "String", "x", 1, false, "Amazon.x");
	is_attribute("a b", "String", "x", 1, false, "a space");
	is_attribute("\xc3\xa9", "String", "x", 1, false, "a letter with an accent");
	is_attribute("a", "Text", "x", 1, false, "type Text");
	is_attribute("a", "Strings", "x", 1, false, "type Strings");
	is_attribute("a", "String.json", "x", 1, true, "type String.json");
	is_attribute("a", "String", "", 0, false, "an empty value");
	is_attribute("a", "String", "a\0b", 3, false, "NUL in a String");
	is_attribute("a", "Binary", "a\0b", 3, true, "NUL in a Binary");
	memset(name, 'n', sizeof(name));
	name[257] = '\0';
	is_attribute(name, "String", "x", 1, false, "a name of 257");
	name[256] = '\0';
	is_attribute(name, "String", "x", 1, true, "a name of 256");

	for (int i = 0; i < 11; i++)
		many[i] = (AwsxSqsAttribute) {&"a\0b\0c\0d\0e\0f\0g\0h\0i\0j\0k"[2 * i], "String", "v", 1};
	ok(!awsx_sqs_send_check(&send, &error), "eleven attributes are refused");
	send.attribute_count = 10;
	ok(awsx_sqs_send_check(&send, &error), "ten are taken");
	many[9].name = "a";
	ok(!awsx_sqs_send_check(&send, &error) && strstr(error.message, "earlier") != NULL, "but not two of one name");
}

static void
test_handles(void)
{
	const char *handles[] = {"AQEB+/==", "h\"2"};
	int			seconds[] = {0, 43200};
	AwsxHttpRequest request;
	AwsxError	error;

	is_request(awsx_sqs_delete_batch_request(&service, URL, handles, 2, &request, &error), &request, "DeleteMessageBatch",
			   HEAD ",\"Entries\":[{\"Id\":\"0\",\"ReceiptHandle\":\"AQEB+/==\"},{\"Id\":\"1\",\"ReceiptHandle\":\"h\\\"2\"}]}");
	is_request(awsx_sqs_visibility_batch_request(&service, URL, handles, seconds, 2, &request, &error), &request,
			   "ChangeMessageVisibilityBatch",
			   HEAD ",\"Entries\":[{\"Id\":\"0\",\"ReceiptHandle\":\"AQEB+/==\",\"VisibilityTimeout\":0}"
			   ",{\"Id\":\"1\",\"ReceiptHandle\":\"h\\\"2\",\"VisibilityTimeout\":43200}]}");
	seconds[1] = 43201;
	is_refused(awsx_sqs_visibility_batch_request(&service, URL, handles, seconds, 2, &request, &error), &request, &error, "43201");
	handles[1] = "";
	is_refused(awsx_sqs_delete_batch_request(&service, URL, handles, 2, &request, &error), &request, &error,
			   "entry 1 of the DeleteMessageBatch call");
	is_refused(awsx_sqs_delete_batch_request(&service, URL, handles, 11, &request, &error), &request, &error, "not 11");
	is_request(awsx_sqs_attributes_request(&service, URL, &request, &error), &request, "GetQueueAttributes",
			   HEAD ",\"AttributeNames\":[\"All\"]}");
	is_request(awsx_sqs_queue_url_request(&service, "q.fifo", &request, &error), &request, "GetQueueUrl",
			   "{\"QueueName\":\"q.fifo\"}");
	is_refused(awsx_sqs_queue_url_request(&service, "a/b", &request, &error), &request, &error, "queue's name");
}

static void
is_md5(const AwsxSqsAttribute *attributes, int count, const char *expected, const char *name)
{
	char		md5[33];

	ok(awsx_sqs_attributes_md5(attributes, count, md5), "%s", name);
	is_str(md5, expected, name);
}

/* All but the last two were computed by AWS. */
static void
test_md5(void)
{
	static const AwsxSqsAttribute foobar[] = {{"MyAttribute", "String", "foobar", 6}};
	static const AwsxSqsAttribute bar[] = {{"Foo", "String", "Bar", 3}};
	static const AwsxSqsAttribute there[] = {{"Hello", "String", "There", 5}};
	static const AwsxSqsAttribute three[] = {
		{"Help.Me", "String", "Me", 2}, {"Hello", "String", "There", 5}, {"General", "String", "Kenobi", 6}
	};
	static const AwsxSqsAttribute book[] = {
		{"WeeksOn", "Number", "6", 1}, {"Author", "String", "John Grisham", 12}, {"Title", "String", "The Whistler", 12}
	};
	static const AwsxSqsAttribute trace[] = {
		{"attr1", "Binary", "traceparent\x1e" "00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01", 67}
	};
	static const AwsxSqsAttribute mixed[] = {{"b", "Number", "7", 1}, {"a", "String", "x", 1}, {"c", "Binary", "\0\1\2", 3}};

	is_md5(foobar, 1, "adb59cd4678ea5a855436b949cd07ab6", "MD5 of one String");
	is_md5(bar, 1, "ae7155c6026991b6d54b11589678bf9c", "MD5 of another");
	is_md5(there, 1, "a311262e065454b75da111d535b8dacd", "MD5 of a third");
	is_md5(three, 3, "4c360f3fdafd970e05fae2f149d997f5", "MD5 of three, sorted");
	is_md5(book, 3, "d25a6aea97eb8f585bfa92d314504a92", "MD5 with a Number");
	is_md5(trace, 1, "8cbe4db156db8a94db8b801b7addb984", "MD5 of a Binary");
	is_md5(mixed, 3, "b3c9c7f3ca89e29e88d9f6b6f38abb1d", "MD5 of all three types");
	is_md5(NULL, 0, "d41d8cd98f00b204e9800998ecf8427e", "MD5 of none");
}

int
main(void)
{
	test_receive();
	test_send();
	test_send_total();
	test_bodies();
	test_attributes();
	test_handles();
	test_md5();
	return tap_done();
}
