/*
 * answers.c
 *	  Fuzzing of what SQS answers to all but receiving, of what the Redshift
 *	  Data API answers, of S3's lists, and of errors of all kinds.
 */
#include "targets.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "http_check.h"
#include "redshift_data.h"
#include "s3.h"
#include "sqs.h"
#include "sqs_elements.h"

AwsxHttpResponse
answer_of(int status, const char *bytes, size_t len)
{
	AwsxHttpResponse answer;

	awsx_http_response_init(&answer, 0);
	answer.status = status;
	assert(awsx_buf_append(&answer.body, bytes, len));
	return answer;
}

static void
assert_member(const json_t *object, const char *name, const char *text)
{
	const json_t *member = json_object_get(object, name);

	assert((text == NULL) == (member == NULL));
	assert(text == NULL || strcmp(json_string_value(member), text) == 0);
}

/* What the quick reader takes, jansson reads alike. */
static void
compare_elements(const char *bytes, size_t len)
{
	AwsxSqsElement elements[AWSX_SQS_ELEMENTS];
	char	   *text = malloc(len > 0 ? len : 1);
	json_t	   *root = json_loadb(bytes, len, JSON_ALLOW_NUL, NULL);
	size_t		at[2] = {0, 0};
	int			count;

	memcpy(text, bytes, len);
	count = awsx_sqs_elements_read(text, len, elements);
	for (int i = 0; i < count; i++)
	{
		bool		failed = elements[i].failed;
		const json_t *object = json_array_get(json_object_get(root, failed ? "Failed" : "Successful"), at[failed]++);

		assert(json_is_object(object));
		assert_member(object, "Id", elements[i].id);
		assert_member(object, "MessageId", elements[i].message_id);
		assert_member(object, "SequenceNumber", elements[i].sequence_number);
		assert_member(object, "MD5OfMessageBody", elements[i].md5_of_body);
		assert_member(object, "MD5OfMessageAttributes", elements[i].md5_of_attributes);
		assert_member(object, "Code", elements[i].code);
		assert_member(object, "Message", elements[i].message);
		assert(elements[i].sender_fault == json_is_true(json_object_get(object, "SenderFault")));
	}
	assert(count < 0 || json_array_size(json_object_get(root, "Failed")) == at[true]);
	assert(count < 0 || json_array_size(json_object_get(root, "Successful")) == at[false]);
	json_decref(root);
	free(text);
}

void
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
	compare_elements(bytes, len);
}

void
fuzz_attributes(const char *bytes, size_t len)
{
	AwsxHttpResponse answer = answer_of(200, bytes, len);
	AwsxError	error = {0};

	awsx_sqs_attributes_free(awsx_sqs_attributes_answer(&answer, &error));
	free(awsx_sqs_queue_url_answer(&answer, &error));
	awsx_http_response_free(&answer);
}

void
fuzz_statement(const char *bytes, size_t len)
{
	AwsxHttpResponse answer = answer_of(200, bytes, len);
	AwsxRedshiftDescription description;
	AwsxRedshiftRows *rows;
	char		id[AWSX_REDSHIFT_ID];
	AwsxError	error = {0};

	assert(awsx_redshift_submit_answer(&answer, id, &error) == (id[0] != '\0'));
	awsx_error_clear(&error);
	if (awsx_redshift_describe_answer(&answer, &description, &error))
	{
		assert(description.part_count <= AWSX_REDSHIFT_BATCH && strlen(description.error) < sizeof(description.error));
		assert(strchr(description.error, '\n') == NULL);
	}
	else
		assert(error.kind != AWSX_OK);
	awsx_error_clear(&error);
	rows = awsx_redshift_result_answer(&answer, &error);
	assert((rows == NULL) == (error.kind != AWSX_OK));
	for (int i = 0; rows != NULL && i < rows->row_count * rows->column_count; i++)
		assert(rows->values[i] == NULL || strlen(rows->values[i]) < len + 64);
	awsx_redshift_rows_free(rows);
	awsx_http_response_free(&answer);
}

void
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

/* The first line becomes a header's value. */
void
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
