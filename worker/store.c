/*
 * store.c
 *	  Objects in S3: read one whole, write a small one.
 */
#include <stdio.h>
#include <string.h>

#include "store.h"

/* Put what was tried before the reason. */
static bool
explain(AwsxError *error, const char *what, const char *bucket, const char *key)
{
	char		reason[200];

	snprintf(reason, sizeof(reason), "%.199s", error->message);
	snprintf(error->message, sizeof(error->message), "%s s3://%.63s/%.200s: %s",
			 what, bucket, key, reason);
	return false;
}

void
store_object_init(StoreObject *object)
{
	memset(object, 0, sizeof(*object));
	awsx_http_response_init(&object->answer, 0);
}

void
store_object_free(StoreObject *object)
{
	awsx_http_response_free(&object->answer);
}

static bool
run(const Store *store, AwsxHttpRequest *request, AwsxHttpResponse *answer, AwsxError *error)
{
	request->timeout_ms = deadline_left_ms(store->deadline);
	if (request->timeout_ms > 0)
		return awsx_client_run(store->client, &store->service, request, answer, error);
	awsx_http_request_free(request);
	return awsx_error_set(error, AWSX_ERR_CANCELLED, "the invocation's time is over");
}

static bool
is_missing(const AwsxError *error)
{
	static const char *const codes[] =
	{"NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "InvalidObjectState", "KeyTooLongError", NULL};

	for (const char *const *code = codes; *code != NULL; code++)
	{
		if (strcmp(error->code, *code) == 0)
			return true;
	}
	return false;
}

/* What HEAD says of the size; -1 when it says nothing. */
static int64_t
size_of(const Store *store, const AwsxS3Get *get)
{
	AwsxHttpRequest request;
	AwsxHttpResponse answer = {0};
	AwsxS3Object about;
	AwsxError	error;
	int64_t		size = -1;

	awsx_error_clear(&error);
	if (!awsx_s3_head_request(&store->service, get, &request, &error) ||
		!run(store, &request, &answer, &error))
		return -1;
	if (awsx_s3_object_answer(&answer, &about, &error))
		size = about.size;
	awsx_http_response_free(&answer);
	return size;
}

static StoreResult
too_large(const Store *store, int64_t size, AwsxError *error)
{
	awsx_error_set(error, AWSX_ERR_REQUEST,
				   "the object has %lld bytes, more than the %zu that are allowed (max_object_bytes)",
				   (long long) size, store->max_bytes);
	return STORE_TOO_LARGE;
}

/* Is a failed GET the object's own fault? */
static StoreResult
judge_failure(const Store *store, const AwsxS3Get *get, AwsxError *error)
{
	int64_t		size;

	if (is_missing(error))
		return STORE_MISSING;
	/* a body over the cap is the transport's protocol error */
	if (error->kind == AWSX_ERR_PROTOCOL)
	{
		size = size_of(store, get);
		if (size > (int64_t) store->max_bytes)
			return too_large(store, size, error);
	}
	explain(error, "cannot read", get->bucket, get->key);
	return STORE_FAILED;
}

StoreResult
store_read(const Store *store, const char *bucket, const char *key, const char *version_id,
		   int64_t known_size, StoreObject *object, AwsxError *error)
{
	AwsxS3Get	get = {
		.bucket = bucket,
		.key = key,
		.version_id = version_id,
		.range_start = -1,
		.range_end = -1,
		.max_bytes = store->max_bytes
	};
	AwsxHttpRequest request;
	AwsxHttpResponse answer;

	awsx_error_clear(error);
	if (known_size > (int64_t) store->max_bytes)
		return too_large(store, known_size, error);
	if (!awsx_s3_get_request(&store->service, &get, &request, error))
	{
		explain(error, "cannot ask for", bucket, key);
		return STORE_FAILED;
	}
	if (!run(store, &request, &answer, error))
		return judge_failure(store, &get, error);
	object->answer = answer;
	if (awsx_s3_object_answer(&object->answer, &object->about, error))
		return STORE_READ;
	explain(error, "cannot read", bucket, key);
	return STORE_FAILED;
}

bool
store_write(const Store *store, const char *bucket, const char *key,
			const char *document, size_t len, AwsxError *error)
{
	AwsxS3Put	put = {
		.bucket = bucket,
		.key = key,
		.body = document,
		.body_len = len,
		.content_type = "application/json"
	};
	AwsxHttpRequest request;
	AwsxHttpResponse answer;

	awsx_error_clear(error);
	if (!awsx_s3_put_request(&store->service, &put, &request, error) ||
		!run(store, &request, &answer, error))
		return explain(error, "cannot write", bucket, key);
	awsx_http_response_free(&answer);
	return true;
}
