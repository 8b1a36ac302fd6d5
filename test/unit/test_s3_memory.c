/*
 * test_s3_memory.c
 *	  Every allocation fails once while a bucket is looked for in another
 *	  region, and while what is known of it is used.
 */
#define _GNU_SOURCE
#include "sweep.h"

#include "client_world.h"
#include "s3.h"
#include "s3_region.h"

#define BODY "x-amz-checksum-sha256: FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=", "123456789"
#define MOVED "x-amz-bucket-region: us-west-2", "<Error><Code>PermanentRedirect</Code></Error>"

/* GET of an object; true when it came from the place. */
static bool
get(const char *bucket, AwsxError *error)
{
	AwsxS3Get	wanted = {.bucket = bucket,.key = "k",.range_start = -1,.range_end = -1};
	AwsxServiceOptions options = {.region = "eu-west-1"};
	AwsxService service;
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	bool		done = awsx_s3_service(&service, &options, error) &&
		awsx_s3_get_request(&service, &wanted, &request, error) &&
		awsx_client_run(world.client, &service, &request, &answer, error);

	if (!done)
		return false;
	done = answer.body.len == 9;
	awsx_http_response_free(&answer);
	return done;
}

/*
 * Two GETs: one that is redirected, one that goes there at once.  Where
 * memory is short for going there at once, it goes the long way.
 */
static bool
twice(const char *bucket, AwsxError *error)
{
	static const Line script[] = {
		{301, MOVED, 0, false, NULL}, {200, BODY, 0, false, NULL}, {200, BODY, 0, false, NULL}, {200, BODY, 0, false, NULL}
	};
	bool		done;

	open_world(script, AWSX_DIALECT_XML);
	awsx_s3_regions_forget();
	if (world.client == NULL)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "no client");
	done = get(bucket, error) && get(bucket, error);
	close_world();
	return done;
}

static bool
redirected(AwsxError *error)
{
	return twice("bkt", error);
}

static bool
redirected_in_path(AwsxError *error)
{
	return twice("my.bucket", error);
}

/* The first time the bytes are others. */
static bool
read_again(AwsxError *error)
{
	static const Line script[] = {
		{200, "x-amz-checksum-crc32: y/Q5Jg==", "123456780", 0, false, NULL},
		{200, "x-amz-checksum-crc32: y/Q5Jg==", "123456789", 0, false, NULL},
		{200, "x-amz-checksum-crc32: y/Q5Jg==", "123456789", 0, false, NULL}
	};
	bool		done;

	open_world(script, AWSX_DIALECT_XML);
	awsx_s3_regions_forget();
	if (world.client == NULL)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "no client");
	done = get("bkt", error);
	close_world();
	return done;
}

int
main(void)
{
	sweep("redirected", redirected);
	sweep("redirected in the path", redirected_in_path);
	sweep("read again", read_again);
	return tap_done();
}
