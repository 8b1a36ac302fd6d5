/*
 * test_client_errors.c
 *	  What the client makes of error answers of all shapes.
 */
#include "client_world.h"

/* One answer's error, without retries. */
static AwsxError
classify(AwsxDialect dialect, int status, const char *headers, const char *body)
{
	Line		line = {.status = status, .headers = headers, .body = body};
	Line		script[4] = {line, line, line, line};
	End			end = run_script(script, dialect);

	close_world();
	return end.error;
}

static void
test_json_errors(void)
{
	static const char *const types[] = {
		"QueueDoesNotExist", "com.amazonaws.sqs#QueueDoesNotExist",
		"com.amazonaws.sqs#QueueDoesNotExist:http://internal.amazon.com/coral/"
	};
	char		body[200];
	AwsxError	error;

	for (size_t i = 0; i < 3; i++)
	{
		snprintf(body, sizeof(body), "{\"__type\":\"%s\",\"message\":\"The specified queue does not exist.\"}", types[i]);
		error = classify(AWSX_DIALECT_JSON, 400, "x-amzn-RequestId: 669-54bb", body);
		ok(error.kind == AWSX_ERR_NOT_FOUND && error.http_status == 400, "form %zu of __type", i);
		is_str(error.code, "QueueDoesNotExist", "its code");
		is_str(error.message, "The specified queue does not exist.", "its message");
		is_str(error.request_id, "669-54bb", "its request id");
	}
	error = classify(AWSX_DIALECT_JSON, 400, "X-AMZN-QUERY-ERROR: AWS.SimpleQueueService.NonExistentQueue;Sender",
					 "{\"__type\":\"com.amazonaws.sqs#SomethingNew\",\"Message\":\"m\"}");
	ok(error.kind == AWSX_ERR_NOT_FOUND, "the query name is understood");
	is_str(error.code, "SomethingNew", "but the JSON name is reported");
	is_str(error.message, "m", "Message with a capital");
	error = classify(AWSX_DIALECT_JSON, 400, "x-amzn-query-error: com.amazonaws.sqs#QueueDoesNotExist", "{}");
	ok(error.kind == AWSX_ERR_REQUEST && error.code[0] == '\0', "a query error without ; is ignored");
	error = classify(AWSX_DIALECT_JSON, 400, "x-amzn-query-error: QueueDoesNotExist;Sender;x", "{}");
	ok(error.code[0] == '\0', "with two of them too");
	error = classify(AWSX_DIALECT_JSON, 400, "x-amzn-query-error: ;Sender", "{}");
	ok(error.code[0] == '\0', "with nothing before it too");
	error = classify(AWSX_DIALECT_JSON, 400, NULL, "{\"__type\":\"KMS.ThrottlingException\"}");
	ok(error.kind == AWSX_ERR_THROTTLED, "KMS throttles");
	error = classify(AWSX_DIALECT_JSON, 403, NULL, "{\"__type\":\"PurgeQueueInProgress\"}");
	ok(error.kind == AWSX_ERR_REQUEST && error.retry_after_ms == 60000, "a purge takes a minute");
	error = classify(AWSX_DIALECT_JSON, 403, NULL, "<ErrorResponse><Error><Code>InvalidClientTokenId</Code>"
					 "<Message>The &quot;token&quot; &amp; more</Message></Error><RequestId>r1</RequestId></ErrorResponse>");
	ok(error.kind == AWSX_ERR_DENIED, "XML answers a JSON request");
	is_str(error.message, "The \"token\" & more", "entities are decoded");
	is_str(error.request_id, "r1", "the id comes from the body");
}

static void
test_xml_errors(void)
{
	AwsxError	error;

	error = classify(AWSX_DIALECT_XML, 404, "x-amz-request-id: 444", "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code>"
					 "<Message>The specified key does not exist.</Message><RequestId>555</RequestId></Error>");
	ok(error.kind == AWSX_ERR_NOT_FOUND && !error.retryable, "NoSuchKey");
	is_str(error.request_id, "444", "the header's id wins");
	error = classify(AWSX_DIALECT_XML, 503, NULL, "<Error><Code>SlowDown</Code></Error>");
	ok(error.kind == AWSX_ERR_THROTTLED, "SlowDown");
	is_str(error.message, "the service answered SlowDown", "a code without a message");
	error = classify(AWSX_DIALECT_XML, 503, NULL, NULL);
	ok(error.kind == AWSX_ERR_THROTTLED, "503 for a HEAD");
	error = classify(AWSX_DIALECT_XML, 400, NULL, "<Error><Code>RequestTimeout</Code></Error>");
	ok(error.kind == AWSX_ERR_SERVICE && error.retryable, "RequestTimeout is retryable in spite of its 400");
	error = classify(AWSX_DIALECT_XML, 301, "x-amz-bucket-region: eu-central-1", NULL);
	ok(error.kind == AWSX_ERR_REQUEST && strstr(error.message, "eu-central-1") != NULL, "a bucket elsewhere says where");
	is_str(error.region, "eu-central-1", "also apart from the words");
	error = classify(AWSX_DIALECT_XML, 400, "x-amz-bucket-region: eu-central-1", NULL);
	is_str(error.region, "eu-central-1", "a HEAD may say it with 400");
	error = classify(AWSX_DIALECT_XML, 403, "x-amz-bucket-region: eu-central-1", NULL);
	is_str(error.region, "", "an answer of the right region names it too");
	error = classify(AWSX_DIALECT_XML, 400, "x-amz-bucket-region: eu-central-1", "<Error><Code>ExpiredToken</Code></Error>");
	ok(error.region[0] == '\0' && error.kind == AWSX_ERR_DENIED, "whatever it says there");
	error = classify(AWSX_DIALECT_XML, 400, NULL, "<Error><Code>AuthorizationHeaderMalformed</Code><Message>m</Message>"
					 "<Region>us-east-2</Region></Error>");
	ok(strstr(error.message, "us-east-2") != NULL, "from the body too");
}

/* The shapes that the XML services and the emulators of the JSON ones have. */
static void
test_xml_shapes(void)
{
	static const char *const shapes[] = {
		"<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>"
		"<Code>ExpiredTokenException</Code><Message>old</Message></Error><RequestId>r-1</RequestId></ErrorResponse>",
		"<Response><Errors><Error><Code>ExpiredTokenException</Code><Message>old</Message></Error></Errors>"
		"<RequestID>r-1</RequestID></Response>",
		"<ErrorResponse>\n  <Errors>\n    <Error>\n      <Code>ExpiredTokenException</Code>\n      <Message>old</Message>"
		"\n    </Error>\n  </Errors>\n  <RequestID>r-1</RequestID>\n</ErrorResponse>",
		"<Error><Code>ExpiredTokenException</Code><Message><![CDATA[old]]></Message><Details><Code>Other</Code></Details>"
		"<RequestId>r-1</RequestId></Error>"
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
	{
		AwsxError	error = classify(i % 2 == 0 ? AWSX_DIALECT_JSON : AWSX_DIALECT_XML, 403, NULL, shapes[i]);

		ok(error.kind == AWSX_ERR_DENIED && error.http_status == 403, "shape %zu of an XML error", i);
		is_str(error.code, "ExpiredTokenException", "its code");
		is_str(error.message, "old", "its message");
		is_str(error.request_id, "r-1", "its request id");
	}
}

/* The names of one error, as AWS and the emulators give them. */
static void
test_names(void)
{
	static const struct
	{
		const char *type;
		AwsxErrorKind kind;
		bool		retryable;
	}			names[] = {
		{"InvalidParameterValue", AWSX_ERR_REQUEST, false},
		{"com.amazon.coral.service#InvalidParameterValueException", AWSX_ERR_REQUEST, false},
		{"AWS.SimpleQueueService.NonExistentQueue", AWSX_ERR_NOT_FOUND, false},
		{"RequestThrottled", AWSX_ERR_THROTTLED, true},
		{"com.amazonaws.sqs#RequestThrottled", AWSX_ERR_THROTTLED, true},
		{"ProvisionedThroughputExceededException", AWSX_ERR_THROTTLED, true},
		{"RequestTimeoutException", AWSX_ERR_SERVICE, true},
		{"InternalFailure", AWSX_ERR_SERVICE, true},
		{"IDPCommunicationError", AWSX_ERR_SERVICE, true},
		{"IDPRejectedClaim", AWSX_ERR_DENIED, false},
		{"InvalidIdentityToken", AWSX_ERR_DENIED, false},
		{"AccessDeniedException", AWSX_ERR_DENIED, false},
		{"KmsDisabled", AWSX_ERR_DENIED, false},
		{"AWS.SimpleQueueService.QueueDeletedRecently", AWSX_ERR_REQUEST, false},
	};
	char		body[200];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		AwsxError	error;

		snprintf(body, sizeof(body), "{\"__type\":\"%s\",\"message\":\"m\"}", names[i].type);
		error = classify(AWSX_DIALECT_JSON, 400, NULL, body);
		ok(error.kind == names[i].kind && error.retryable == names[i].retryable, "%s", names[i].type);
	}
}

static void
test_odd_errors(void)
{
	AwsxError	error;
	char		deep[4096];

	error = classify(AWSX_DIALECT_JSON, 500, NULL, "<html><body>Internal</body></html>");
	ok(error.kind == AWSX_ERR_SERVICE && error.retryable && error.code[0] == '\0', "HTML 500");
	ok(strstr(error.message, "HTML") != NULL, "its message says so");
	error = classify(AWSX_DIALECT_JSON, 400, NULL, "");
	ok(error.kind == AWSX_ERR_REQUEST && strstr(error.message, "empty body") != NULL, "an empty body");
	error = classify(AWSX_DIALECT_JSON, 403, NULL, "{\"__type\":");
	ok(error.kind == AWSX_ERR_DENIED, "JSON cut short: the status decides");
	error = classify(AWSX_DIALECT_JSON, 404, NULL, "{\"__type\":7,\"message\":[]}");
	ok(error.kind == AWSX_ERR_NOT_FOUND, "JSON of other types");
	error = classify(AWSX_DIALECT_JSON, 400, NULL, "{\"__type\":\"a b\\u00e9\",\"message\":\"x\\u0001\\u2028y\"}");
	ok(error.code[0] == '\0', "a code that is none");
	error = classify(AWSX_DIALECT_XML, 400, NULL, "<Error><Code>Unclosed");
	ok(error.kind == AWSX_ERR_REQUEST && error.code[0] == '\0', "XML cut short");
	error = classify(AWSX_DIALECT_XML, 400, NULL, "<Error><Code><b>x</b></Code><Message>&#x41;&lt;</Message></Error>");
	ok(error.code[0] == '\0', "elements inside the code");
	is_str(error.message, "A<", "characters by number");
	error = classify(AWSX_DIALECT_XML, 400, NULL, "<Error><Code>SlowDown</Code><Message>&bogus;&</Message></Error>");
	ok(error.kind == AWSX_ERR_THROTTLED, "an entity that nobody knows spoils only what follows");
	error = classify(AWSX_DIALECT_XML, 403, NULL, "<html><Code>SlowDown</Code><p>Go away</p></html>");
	ok(error.kind == AWSX_ERR_DENIED && error.code[0] == '\0', "a code is one only inside of an Error");
	memset(deep, '[', sizeof(deep) - 1);
	deep[0] = '{';
	deep[sizeof(deep) - 1] = '\0';
	error = classify(AWSX_DIALECT_JSON, 400, NULL, deep);
	ok(error.kind == AWSX_ERR_REQUEST, "JSON without an end to its depth");
	error = classify(AWSX_DIALECT_JSON, 700, NULL, NULL);
	ok(error.kind == AWSX_ERR_PROTOCOL, "a status that does not exist");
	error = classify(AWSX_DIALECT_JSON, 500, "Retry-After: 99999999999999999999", NULL);
	is_int(error.retry_after_ms, 30000, "an absurd delay is bounded");
	error = classify(AWSX_DIALECT_JSON, 500, "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT", NULL);
	is_int(error.retry_after_ms, 0, "a date for a delay is ignored");
}

static void
test_secrets(void)
{
	AwsxError	error;

	error = classify(AWSX_DIALECT_JSON, 403, NULL,
					 "{\"__type\":\"InvalidSignatureException\",\"message\":\"The signature does not match.\\n\\n"
					 "The Canonical String should have been\\n'POST\\nx-amz-security-token:SECRETTOKEN'\"}");
	is_str(error.message, "The signature does not match.", "the canonical string is cut off");
	error = classify(AWSX_DIALECT_JSON, 403, NULL,
					 "{\"__type\":\"IncompleteSignature\",\"message\":\"Not a valid pair in Authorization header: 'SECRETSIG'\"}");
	ok(strstr(error.message, "SECRETSIG") == NULL, "the Authorization header is cut off");
	error = classify(AWSX_DIALECT_JSON, 400, NULL,
					 "{\"__type\":\"ReceiptHandleIsInvalid\",\"message\":\"Value AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
					 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA  is invalid. Expired.\"}");
	is_str(error.message, "Value AAAAAAAAAAAAAAAAAAAA...  is invalid. Expired.", "a handle is shortened");
}

int
main(void)
{
	test_json_errors();
	test_xml_errors();
	test_xml_shapes();
	test_names();
	test_odd_errors();
	test_secrets();
	return tap_done();
}
