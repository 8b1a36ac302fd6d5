/*
 * test_places.c
 *	  Where the function's services are, when nobody names a region.
 */
#include "fetch_world.h"

#include "places.h"
#include "sqs.h"

#define EMULATOR "http://127.0.0.1:4100/000000000000/q.fifo"

static const Line instance[] = {{.status = 200, .body = "tok"}, {.status = 200, .body = "eu-north-1"}};
static const Line nobody[] = {{.status = 0, .kind = AWSX_ERR_TIMEOUT}};

/* The region of a service that is looked for so; "" when there is none. */
static const char *
region_of(const Line *script, const char *queue_url)
{
	static AwsxService service;
	Places		places;
	AwsxError	error;

	awsx_error_clear(&error);
	open_fetch_world(script);
	if (!ok(places_find(&places, world.client, queue_url, &error), "the places are found"))
		printf("# %s\n", error.message);
	if (!awsx_service_init(&service, "s3", AWSX_DIALECT_XML, &places.options, &error))
		service.region[0] = '\0';
	places_free(&places);
	close_world();
	return service.region;
}

static void
test_regions(void)
{
	is_str(region_of(instance, EMULATOR), "eu-north-1", "the instance's region");
	ok(strstr(fetch_log, "/latest/meta-data/placement/region") != NULL, "was asked for");
	is_str(region_of(instance, "https://sqs.eu-west-2.amazonaws.com/123456789012/q.fifo"), "eu-west-2", "the queue's region");
	is_str(fetch_log, "", "needs nobody else");
	is_str(region_of(nobody, EMULATOR), "", "no region anywhere");
	setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001", 1);
	is_str(region_of(instance, EMULATOR), "", "nor in Lambda");
	is_str(fetch_log, "", "where no instance is asked");
	unsetenv("AWS_LAMBDA_RUNTIME_API");
	setenv("AWS_REGION", "us-east-2", 1);
	is_str(region_of(instance, EMULATOR), "us-east-2", "the environment's region");
	is_str(fetch_log, "", "needs nobody either");
	unsetenv("AWS_REGION");
}

/* What nobody configured does not stand against a queue's own URL. */
static void
test_other_queue(void)
{
	Places		places;
	AwsxService service;
	AwsxError	error;

	open_fetch_world(instance);
	ok(places_find(&places, world.client, EMULATOR, &error) &&
	   awsx_sqs_service(&service, "https://sqs.eu-west-2.amazonaws.com/123456789012/q.fifo", &places.options, &error),
	   "a queue of another region than the instance's");
	is_str(service.region, "eu-west-2", "is signed for in its own");
	places_free(&places);
	close_world();
}

static void
test_files(void)
{
	Places		places;
	AwsxError	error;

	open_fetch_world(instance);
	setenv("AWS_CONFIG_FILE", "/nonexistent/config", 1);
	ok(!places_find(&places, world.client, EMULATOR, &error) && strstr(error.message, "/nonexistent/config") != NULL,
	   "a file that somebody named must be there");
	setenv("AWS_CONFIG_FILE", "/dev/null", 1);
	setenv("AWS_USE_FIPS_ENDPOINT", "maybe", 1);
	ok(!places_find(&places, world.client, EMULATOR, &error) && strstr(error.message, "AWS_USE_FIPS_ENDPOINT") != NULL,
	   "a switch must be one");
	unsetenv("AWS_USE_FIPS_ENDPOINT");
	close_world();
}

int
main(void)
{
	static const char *const names[] = {
		"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3",
		"AWS_ENDPOINT_URL_SQS", "AWS_LAMBDA_RUNTIME_API", "AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	setenv("AWS_CONFIG_FILE", "/dev/null", 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
	test_regions();
	test_other_queue();
	test_files();
	return tap_done();
}
