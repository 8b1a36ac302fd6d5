/*
 * test_service.c
 *	  Where a service lives: AWS's own endpoints against what botocore finds
 *	  (test/vectors/endpoints), and who may say otherwise, in which order.
 */
#include "tap.h"

#include <stdlib.h>
#include <unistd.h>

#include "service.h"

static void
clear_environment(void)
{
	static const char *const names[] = {
		"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS",
		"AWS_ENDPOINT_URL_REDSHIFT_DATA", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_FIPS_ENDPOINT",
		"AWS_USE_DUALSTACK_ENDPOINT", "AWS_STS_REGIONAL_ENDPOINTS"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
}

/* One line of the vectors: does it come out here? */
static bool
vector_holds(const char *line)
{
	char		name[32];
	char		region[64];
	char		variant[32];
	char		signing[64];
	char		expected[256];
	AwsxServicePlace place = {.region = region};
	AwsxService service;
	AwsxError	error;
	bool		found;

	if (sscanf(line, "%31s %63s %31s %63s %255s", name, region, variant, signing, expected) != 5)
		return false;
	place.fips = strncmp(variant, "fips", 4) == 0;
	place.dual_stack = strstr(variant, "dualstack") != NULL;
	place.legacy_sts = strcmp(variant, "legacy") == 0;
	awsx_error_clear(&error);
	found = awsx_service_fill(&service, name, AWSX_DIALECT_JSON, &place, &error);
	if (strcmp(expected, "refused") == 0)
		return !found && error.kind == AWSX_ERR_CONFIG;
	return found && strcmp(service.endpoint, expected) == 0 && strcmp(service.region, signing) == 0 &&
		!service.path_style;
}

static void
test_vectors(void)
{
	const char *vectors = getenv("VECTORS");
	char		path[4096];
	char		line[512];
	int			lines = 0;
	int			wrong = 0;
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/endpoints", vectors ? vectors : "test/vectors");
	file = fopen(path, "r");
	if (!ok(file != NULL, "the vectors are there (set VECTORS to their folder)"))
		return;
	for (; fgets(line, sizeof(line), file) != NULL; lines++)
	{
		if (vector_holds(line))
			continue;
		wrong++;
		printf("# differs: %s", line);
	}
	fclose(file);
	ok(lines >= 867, "every service in every region and variant");
	is_int(wrong, 0, "lives where botocore says");
}

static AwsxService
found(const char *name, const AwsxServiceOptions *options)
{
	AwsxService service;
	AwsxError	error;

	awsx_error_clear(&error);
	if (!ok(awsx_service_init(&service, name, AWSX_DIALECT_JSON, options, &error), "%s is found", name))
		printf("# %s\n", error.message);
	return service;
}

static void
is_refused(const char *name, const AwsxServiceOptions *options, const char *says)
{
	AwsxService service;
	AwsxError	error;

	awsx_error_clear(&error);
	if (!ok(!awsx_service_init(&service, name, AWSX_DIALECT_JSON, options, &error) &&
			error.kind == AWSX_ERR_CONFIG && strstr(error.message, says) != NULL, "refused: %s", says))
		printf("# got: %s\n", error.message);
}

static void
test_regions(void)
{
	static const char *const bad[] = {"EU", "eu west", "eu/../x", "eu.evil.example", "\xC3\xA9", "a\n",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	const AwsxServiceOptions env = {.use_environment = true};
	AwsxService service;

	is_refused("sqs", &env, "no AWS region is configured");
	is_refused("sqs", NULL, "no AWS region is configured");
	setenv("AWS_DEFAULT_REGION", "us-east-2", 1);
	is_str(found("sqs", &env).region, "us-east-2", "the region of AWS_DEFAULT_REGION");
	setenv("AWS_REGION", "us-west-2", 1);
	is_str(found("sqs", &env).region, "us-west-2", "behind AWS_REGION");
	is_refused("sqs", &(AwsxServiceOptions) {0}, "no AWS region is configured");
	service = found("sqs", &(AwsxServiceOptions) {.use_environment = true, .region = "eu-west-1"});
	is_str(service.region, "eu-west-1", "and both behind the option");
	service = found("sqs", &(AwsxServiceOptions) {.use_environment = true, .fallback_region = "eu-west-1"});
	is_str(service.region, "us-west-2", "a fallback is behind them");
	service = found("sqs", &(AwsxServiceOptions) {.fallback_region = "eu-west-1"});
	is_str(service.region, "eu-west-1", "and stands in where nobody names one");
	setenv("AWS_REGION", "", 1);
	is_str(found("sqs", &env).region, "us-east-2", "an empty variable is none");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_refused("sqs", &(AwsxServiceOptions) {.region = bad[i]}, "is not one");
	clear_environment();
}

static void
test_endpoints(void)
{
	const AwsxServiceOptions env = {.use_environment = true, .region = "us-west-2"};
	const AwsxServiceOptions given = {.use_environment = true, .region = "us-west-2", .endpoint = "https://arg.example/"};

	setenv("AWS_ENDPOINT_URL", "https://all.example", 1);
	is_str(found("sqs", &env).endpoint, "https://all.example", "AWS_ENDPOINT_URL");
	ok(found("sqs", &env).path_style, "is another server than AWS's");
	setenv("AWS_ENDPOINT_URL_REDSHIFT_DATA", "https://rd.example", 1);
	is_str(found("redshift-data", &env).endpoint, "https://rd.example", "the service's own variable wins");
	is_str(found("sqs", &env).endpoint, "https://all.example", "for that service");
	is_str(found("redshift-data", &given).endpoint, "https://arg.example", "the option wins, without its slash");
	is_str(found("redshift-data", &(AwsxServiceOptions) {.region = "us-west-2"}).endpoint,
		   "https://redshift-data.us-west-2.amazonaws.com", "the environment does not always count");
	setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "TRUE", 1);
	is_str(found("redshift-data", &env).endpoint, "https://redshift-data.us-west-2.amazonaws.com", "variables can be switched off");
	is_str(found("sqs", &given).endpoint, "https://arg.example", "options cannot");
	clear_environment();
	ok(!found("s3", &(AwsxServiceOptions) {.region = "us-west-2", .endpoint = "https://s3.us-west-2.amazonaws.com"}).path_style,
	   "AWS's own endpoint in full is still AWS's");
}

static void
test_variants(void)
{
	AwsxServiceOptions env = {.use_environment = true, .region = "eu-west-1"};

	setenv("AWS_USE_FIPS_ENDPOINT", "True", 1);
	is_str(found("sqs", &env).endpoint, "https://sqs-fips.eu-west-1.amazonaws.com", "FIPS by the environment");
	is_str(found("sqs", &(AwsxServiceOptions) {.region = "eu-west-1"}).endpoint, "https://sqs.eu-west-1.amazonaws.com", "where it counts");
	setenv("AWS_USE_DUALSTACK_ENDPOINT", "true", 1);
	is_str(found("s3", &env).endpoint, "https://s3-fips.dualstack.eu-west-1.amazonaws.com", "dual stack too");
	setenv("AWS_ENDPOINT_URL", "https://all.example", 1);
	is_refused("sqs", &env, "FIPS and the endpoint https://all.example are both configured");
	setenv("AWS_USE_FIPS_ENDPOINT", "false", 1);
	is_refused("sqs", &env, "dual stack and the endpoint https://all.example are both configured");
	setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
	is_str(found("sqs", &env).endpoint, "https://sqs.eu-west-1.api.aws", "unless the endpoint is ignored");
	setenv("AWS_USE_FIPS_ENDPOINT", "yes", 1);
	is_refused("sqs", &env, "AWS_USE_FIPS_ENDPOINT is \"yes\": set it to true or false");
	clear_environment();
	is_refused("sqs", &(AwsxServiceOptions) {.region = "eu-west-1", .fips = true, .endpoint = "https://a.example"}, "FIPS and the endpoint");
	env = (AwsxServiceOptions) {.region = "eu-west-1", .fips = true, .dual_stack = true};
	is_str(found("sqs", &env).endpoint, "https://sqs-fips.eu-west-1.api.aws", "both by the options");
	env = (AwsxServiceOptions) {.use_environment = true, .region = "eu-west-1"};
	setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy", 1);
	is_str(found("sts", &env).endpoint, "https://sts.amazonaws.com", "STS in the old way");
	is_str(found("sts", &env).region, "us-east-1", "is signed for its one region");
	is_str(found("sqs", &env).endpoint, "https://sqs.eu-west-1.amazonaws.com", "and concerns STS only");
	setenv("AWS_STS_REGIONAL_ENDPOINTS", "global", 1);
	is_refused("sts", &env, "AWS_STS_REGIONAL_ENDPOINTS is \"global\": set it to regional or legacy");
	clear_environment();
}

static AwsxProfiles *
read_profiles(const char *text)
{
	char		path[64];
	AwsxProfileFiles files = {.config = path, .credentials = "/dev/null", .profile = "work"};
	AwsxProfiles *profiles;
	AwsxError	error;
	FILE	   *file;

	snprintf(path, sizeof(path), "/tmp/test_service.%d", (int) getpid());
	file = fopen(path, "w");
	fputs(text, file);
	fclose(file);
	awsx_error_clear(&error);
	profiles = awsx_profiles_read(&files, &error);
	if (!ok(profiles != NULL, "the profile is read"))
		printf("# %s\n", error.message);
	unlink(path);
	return profiles;
}

/* The profile comes after the environment, setting by setting. */
static void
test_profile(void)
{
	AwsxProfiles *profiles = read_profiles("[default]\nregion = us-east-1\n"
										   "[profile work]\nregion = eu-north-1\nendpoint_url = https://profile.example\nservices = mine\n"
										   "[services mine]\nredshift_data =\n  endpoint_url = https://rd.example\n");
	AwsxServiceOptions options = {.use_environment = true, .profiles = profiles};

	is_str(found("sqs", &options).region, "eu-north-1", "the profile's region");
	is_str(found("sqs", &options).endpoint, "https://profile.example", "the profile's endpoint");
	is_str(found("redshift-data", &options).endpoint, "https://rd.example", "that of its services section wins");
	setenv("AWS_ENDPOINT_URL", "https://all.example", 1);
	setenv("AWS_DEFAULT_REGION", "us-east-2", 1);
	is_str(found("redshift-data", &options).endpoint, "https://all.example", "the environment's wins over both");
	is_str(found("sqs", &options).region, "us-east-2", "and so does its region");
	options.use_environment = false;
	is_str(found("sqs", &options).region, "eu-north-1", "where it counts");
	is_str(found("sqs", &options).endpoint, "https://profile.example", "which is asked for");
	options.use_environment = true;
	setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
	is_str(found("redshift-data", &options).endpoint, "https://redshift-data.us-east-2.amazonaws.com", "all four can be switched off");
	clear_environment();
	awsx_profiles_free(profiles);
}

static void
test_profile_switches(void)
{
	AwsxProfiles *profiles = read_profiles("[profile work]\nregion = eu-west-1\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\n"
										   "sts_regional_endpoints = legacy\nignore_configured_endpoint_urls = true\nendpoint_url = https://profile.example\n");
	AwsxServiceOptions options = {.use_environment = true, .profiles = profiles};

	is_str(found("sqs", &options).endpoint, "https://sqs-fips.eu-west-1.api.aws", "FIPS and dual stack by the profile, its endpoint ignored");
	setenv("AWS_USE_FIPS_ENDPOINT", "false", 1);
	setenv("AWS_USE_DUALSTACK_ENDPOINT", "false", 1);
	is_str(found("sqs", &options).endpoint, "https://sqs.eu-west-1.amazonaws.com", "the environment says otherwise");
	is_str(found("sts", &options).endpoint, "https://sts.amazonaws.com", "STS in the old way");
	setenv("AWS_STS_REGIONAL_ENDPOINTS", "regional", 1);
	is_str(found("sts", &options).endpoint, "https://sts.eu-west-1.amazonaws.com", "unless the environment knows better");
	clear_environment();
	awsx_profiles_free(profiles);
	profiles = read_profiles("[profile work]\nregion = eu-west-1\nuse_fips_endpoint = on\n");
	is_refused("sqs", &(AwsxServiceOptions) {.profiles = profiles}, "use_fips_endpoint is \"on\": set it to true or false");
	awsx_profiles_free(profiles);
}

static void
test_plain_and_raw(void)
{
	AwsxServiceOptions plain = {.region = "eu-west-1", .endpoint = "http://minio.example:9000"};
	AwsxService service;
	AwsxError	error;

	is_refused("s3", &plain, "http");
	plain.allow_plain = true;
	ok(found("s3", &plain).allow_plain, "plain http elsewhere must be asked for");
	is_str(found("sqs", &(AwsxServiceOptions) {.region = "eu-west-1", .endpoint = "http://localhost:9324/"}).endpoint,
		   "http://localhost:9324", "but not on loopback");
	is_refused("a-name-that-is-longer-than-31-bytes", &plain, "too long");
	ok(awsx_service_init(&service, "", AWSX_DIALECT_RAW, &(AwsxServiceOptions) {.endpoint = "http://127.0.0.1:9001"}, &error) &&
	   service.path_style, "a raw service needs no region");
	ok(!awsx_service_init(&service, "x", AWSX_DIALECT_RAW, NULL, &error), "but an endpoint");
}

int
main(void)
{
	clear_environment();
	test_vectors();
	test_regions();
	test_endpoints();
	test_variants();
	test_profile();
	test_profile_switches();
	test_plain_and_raw();
	return tap_done();
}
