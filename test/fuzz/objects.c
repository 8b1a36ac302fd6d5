/*
 * objects.c
 *	  Fuzzing of what S3 says of an object: length, range, checksum, and the
 *	  region of a bucket that is elsewhere.
 */
#include "targets.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "http_check.h"
#include "s3.h"
#include "s3_region.h"

/* What was taken for right is right also in pieces. */
static void
check_taken(const AwsxHttpResponse *answer, const AwsxS3Object *object)
{
	AwsxS3Get	get = {.bucket = "b",.key = "k",.range_start = object->range_start,.range_end = -1};
	AwsxS3Digest digest;
	AwsxError	error;

	assert(object->size >= -1 && object->total >= -1);
	assert(object->range_start < 0 || object->total < 0 || object->range_start < object->total);
	assert(answer->body.len == 0 || object->size == (int64_t) answer->body.len);
	if (awsx_s3_range_check(&get, object, &error) && object->range_start >= 0 && object->total >= 0)
		assert(object->range_start + object->size == object->total);
	if (answer->body.len == 0)
		return;
	assert(awsx_s3_digest_init(&digest, &object->checksum, &error));
	for (size_t at = 0; at < answer->body.len; at += 3)
		awsx_s3_digest_update(&digest, answer->body.data + at, answer->body.len - at < 3 ? answer->body.len - at : 3);
	assert(awsx_s3_digest_check(&digest, &error));
	awsx_s3_digest_free(&digest);
}

/* Wherever an answer sends a request, it stays with AWS, in its partition. */
static void
check_redirect(const char *region)
{
	AwsxS3Get	get = {.bucket = "b-kt",.key = "k",.range_start = -1,.range_end = -1};
	AwsxServiceOptions options = {.region = "eu-west-1"};
	AwsxService service;
	AwsxHttpRequest request;
	AwsxError	error;

	assert(awsx_s3_service(&service, &options, &error) && awsx_s3_get_request(&service, &get, &request, &error));
	if (awsx_s3_redirect(&service, &request, region, &error))
	{
		const char *host = request.endpoint + strlen("https://b-kt.s3.");

		assert(strncmp(request.endpoint, "https://b-kt.s3.", strlen("https://b-kt.s3.")) == 0);
		assert(strcmp(host + strcspn(host, "."), ".amazonaws.com") == 0);
		assert(strcmp(service.region, region) == 0 && awsx_http_request_check(&request, false, &error));
	}
	awsx_http_request_free(&request);
}

void
fuzz_object(const char *bytes, size_t len)
{
	AwsxHttpResponse answer;
	AwsxS3Object object;
	AwsxError	error = {0};
	const char *at = bytes;
	const char *end;

	awsx_http_response_init(&answer, 0);
	answer.status = len % 2 == 0 ? 200 : 206;
	while (at < bytes + len && (end = memchr(at, '\n', (size_t) (bytes + len - at))) != NULL && end > at)
	{
		assert(awsx_headers_set_line(&answer.headers, at, (size_t) (end - at)));
		at = end + 1;
	}
	if (at < bytes + len && *at == '\n')
		at++;
	assert(awsx_buf_append(&answer.body, at, (size_t) (bytes + len - at)));
	if (awsx_s3_object_answer(&answer, &object, &error))
		check_taken(&answer, &object);
	else
		assert(error.kind != AWSX_OK);
	if (awsx_headers_get(&answer.headers, "x-amz-bucket-region") != NULL)
		check_redirect(awsx_headers_get(&answer.headers, "x-amz-bucket-region"));
	awsx_http_response_free(&answer);
}
