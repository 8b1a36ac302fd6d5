/*
 * parsers.c
 *	  Fuzzing of everything that reads bytes from outside, with libFuzzer.
 *
 * FUZZ_TARGET picks the parser; each must survive any bytes, leak nothing,
 * and keep the promises that are asserted here.  The input is copied to a
 * block of exactly its size, so that a read beyond it is seen.
 */
#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "base64.h"
#include "credentials.h"
#include "enrich.h"
#include "envelope.h"
#include "http_check.h"
#include "date.h"
#include "identities.h"
#include "identity.h"
#include "objects.h"
#include "s3.h"
#include "sqs.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

typedef void (*Target) (const char *bytes, size_t len);

static AwsxHttpResponse
answer_of(int status, const char *bytes, size_t len)
{
	AwsxHttpResponse answer;

	awsx_http_response_init(&answer, 0);
	answer.status = status;
	assert(awsx_buf_append(&answer.body, bytes, len));
	return answer;
}

static void
fuzz_receive(const char *bytes, size_t len)
{
	AwsxHttpResponse answer = answer_of(200, bytes, len);
	AwsxError	error = {0};
	AwsxSqsMessages *messages = awsx_sqs_receive_answer(&answer, &error);

	assert((messages == NULL) == (error.kind != AWSX_OK));
	for (int i = 0; messages != NULL && i < messages->count; i++)
		assert(strlen(messages->items[i].receipt_handle) > 0 && messages->items[i].group_id != NULL);
	awsx_sqs_messages_free(messages);
	awsx_http_response_free(&answer);
}

static void
fuzz_batch(const char *bytes, size_t len)
{
	AwsxHttpResponse answer = answer_of(200, bytes, len);
	AwsxSqsOutcome outcomes[AWSX_SQS_BATCH];
	AwsxError	error = {0};

	if (awsx_sqs_batch_answer(&answer, AWSX_SQS_BATCH, outcomes, &error))
	{
		for (int i = 0; i < AWSX_SQS_BATCH; i++)
			assert(outcomes[i].ok == (outcomes[i].code[0] == '\0'));
	}
	awsx_http_response_free(&answer);
}

static void
fuzz_attributes(const char *bytes, size_t len)
{
	AwsxHttpResponse answer = answer_of(200, bytes, len);
	AwsxError	error = {0};

	awsx_sqs_attributes_free(awsx_sqs_attributes_answer(&answer, &error));
	free(awsx_sqs_queue_url_answer(&answer, &error));
	awsx_http_response_free(&answer);
}

static void
fuzz_list(const char *bytes, size_t len)
{
	AwsxHttpResponse answer = answer_of(200, bytes, len);
	AwsxError	error = {0};
	AwsxS3Listing *listing = awsx_s3_list_answer(&answer, &error);

	assert((listing == NULL) == (error.kind != AWSX_OK));
	for (int i = 0; listing != NULL && i < listing->count; i++)
		assert(listing->entries[i].key[0] != '\0' && listing->entries[i].etag != NULL);
	awsx_s3_listing_free(listing);
	awsx_http_response_free(&answer);
}

static void
fuzz_envelope(const char *bytes, size_t len)
{
	AwsxError	error = {0};
	AwsxS3Events *events = awsx_envelope_read(bytes, len, &error);

	assert((events == NULL) == (error.kind != AWSX_OK));
	for (int i = 0; events != NULL && i < events->count; i++)
		assert(events->items[i].bucket[0] != '\0' && events->items[i].key[0] != '\0');
	awsx_envelope_free(events);
}

/* The first line becomes a header's value. */
static void
fuzz_error(const char *bytes, size_t len)
{
	static const char *const names[] = {"x-amzn-query-error", "x-amzn-ErrorType", "x-amzn-RequestId", "Retry-After", "x-amz-bucket-region"};
	const char *end = len > 0 ? memchr(bytes, '\n', len) : NULL;
	size_t		line = end != NULL ? (size_t) (end - bytes) + 1 : 0;
	AwsxHttpResponse answer = answer_of(len % 2 ? 400 : 503, bytes + line, len - line);
	char	   *value = strndup(bytes, line);
	AwsxError	error;

	value[strcspn(value, "\r\n")] = '\0';
	(void) awsx_headers_set(&answer.headers, names[len % 5], value);
	awsx_headers_set_line(&answer.headers, bytes, line);
	awsx_answer_classify(len % 3 ? AWSX_DIALECT_JSON : AWSX_DIALECT_XML, &answer, &error);
	assert(error.kind != AWSX_OK && strchr(error.message, '\n') == NULL);
	free(value);
	awsx_http_response_free(&answer);
}

/* A record through a program that changes nothing: rejected, or sent as valid JSON. */
static void
fuzz_record(const char *bytes, size_t len)
{
	static ConfigOutput output = {.name = (char *) "o",.queue_url = (char *) "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo",
	.program = (char *) ".",.group = (char *) ".id",.dedup = (char *) ".id"};
	static Enricher *enricher;
	Config		config = {.output_count = 1,.outputs = &output};
	EnrichSource source = {.bucket = "b",.key = "k",.record = 1};
	EnrichResult result;
	AwsxError	error = {0};

	if (enricher == NULL)
		enricher = enrich_create(&config, &error);
	assert(enrich_record(enricher, &source, bytes, len, &result, &error));
	assert((result.code == NULL) == (result.count == 1));
	if (result.count == 1)
	{
		const EnrichMessage *message = &result.messages[0];
		json_error_t problem;
		json_t	   *body = json_loadb(message->body, message->body_len, JSON_ALLOW_NUL | JSON_DECODE_ANY, &problem);

		/* what jansson cannot hold is still JSON */
		assert(body != NULL || json_error_code(&problem) == json_error_numeric_overflow ||
			   json_error_code(&problem) == json_error_null_byte_in_key);
		assert(awsx_id_valid(message->group_id, strlen(message->group_id)));
		json_decref(body);
	}
	enrich_result_free(&result);
}

static void
fuzz_text(const char *bytes, size_t len)
{
	char	   *text = strndup(bytes, len);
	unsigned char *decoded = malloc(AWSX_BASE64_ROOM(len) + 1);
	size_t		decoded_len;
	AwsxCredentials keys;
	AwsxService service;
	AwsxError	error = {0};
	int64_t		ms;

	if (awsx_sqs_service(&service, text, NULL, &error))
		assert(strncmp(service.endpoint, "https://", 8) == 0 && strstr(service.endpoint, "aws") != NULL);
	if (awsx_endpoint_check(text, false, &error))
		assert(strncmp(text, "https://", 8) == 0 || strstr(text, "localhost") || strstr(text, "127.") ||
			   strcasestr(text, "localhost") || strchr(text, '['));
	if (awsx_credentials_set(&keys, text, text, text, &error))
		awsx_credentials_clear(&keys);
	(void) awsx_http_date_ms(text, &ms);
	free(awsx_form_decode(bytes, len));
	if (awsx_base64_decode(bytes, len, decoded, &decoded_len))
	{
		AwsxBuf		again;

		awsx_buf_init(&again, 0);
		awsx_base64_encode(&again, decoded, decoded_len);
		assert(again.len == len && (len == 0 || memcmp(again.data, bytes, len) == 0));
		awsx_buf_free(&again);
	}
	free(decoded);
	free(text);
}

static const struct
{
	const char *name;
	Target		target;
}			targets[] = {
	{"receive", fuzz_receive}, {"batch", fuzz_batch}, {"attributes", fuzz_attributes}, {"list", fuzz_list},
	{"envelope", fuzz_envelope}, {"error", fuzz_error}, {"record", fuzz_record}, {"text", fuzz_text},
	{"object", fuzz_object}, {"ini", fuzz_ini}, {"sts", fuzz_sts}
};

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static Target target;
	const char *wanted = getenv("FUZZ_TARGET");
	char	   *exact = malloc(len > 0 ? len : 1);

	for (size_t i = 0; target == NULL && i < sizeof(targets) / sizeof(targets[0]); i++)
	{
		if (wanted != NULL && strcmp(wanted, targets[i].name) == 0)
			target = targets[i].target;
	}
	if (target == NULL)
	{
		fputs("FUZZ_TARGET must be receive, batch, attributes, list, envelope, error, record, text or object\n", stderr);
		exit(2);
	}
	memcpy(exact, bytes, len);
	target(exact, len);
	free(exact);
	return 0;
}
