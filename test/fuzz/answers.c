/*
 * answers.c
 *	  Fuzzing of what SQS answers to all but receiving, of what the Redshift
 *	  Data API answers, of S3's lists, and of errors of all kinds.
 */
#include "targets.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "http_check.h"
#include "redshift_data.h"
#include "s3.h"
#include "sqs.h"

AwsxHttpResponse
answer_of(int status, const char *bytes, size_t len)
{
	AwsxHttpResponse answer;

	awsx_http_response_init(&answer, 0);
	answer.status = status;
	assert(awsx_buf_append(&answer.body, bytes, len));
	return answer;
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
