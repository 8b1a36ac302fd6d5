/*
 * test_sqs_url.c
 *	  Which queue URLs are accepted, whom they make us call, and with which
 *	  region.
 */
#include <stdlib.h>

#include "sqs.h"
#include "tap.h"

typedef struct UrlCase
{
	const char *url;
	const char *region;			/* argument */
	const char *endpoint;		/* argument */
	const char *expected_endpoint;	/* null: refused */
	const char *expected;		/* the region, or words of the error */
} UrlCase;

#define PATH "/123456789012/orders.fifo"

static const UrlCase cases[] = {
	/* AWS's own hosts */
	{"https://sqs.eu-west-1.amazonaws.com" PATH, NULL, NULL, "https://sqs.eu-west-1.amazonaws.com", "eu-west-1"},
	{"https://SQS.EU-West-1.AmazonAWS.com" PATH, NULL, NULL, "https://sqs.eu-west-1.amazonaws.com", "eu-west-1"},
	{"https://sqs.eu-west-1.amazonaws.com:443" PATH, NULL, "", "https://sqs.eu-west-1.amazonaws.com", "eu-west-1"},
	{"https://sqs-fips.us-east-2.amazonaws.com" PATH, NULL, NULL, "https://sqs-fips.us-east-2.amazonaws.com", "us-east-2"},
	{"https://sqs.us-gov-west-1.amazonaws.com" PATH, NULL, NULL, "https://sqs.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
	{"https://sqs.cn-north-1.amazonaws.com.cn" PATH, NULL, NULL, "https://sqs.cn-north-1.amazonaws.com.cn", "cn-north-1"},
	{"https://sqs.eusc-de-east-1.amazonaws.eu" PATH, NULL, NULL, "https://sqs.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"},
	{"https://sqs.us-isob-east-1.sc2s.sgov.gov" PATH, NULL, NULL, "https://sqs.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"},
	{"https://sqs.ap-southeast-2.api.aws" PATH, NULL, NULL, "https://sqs.ap-southeast-2.api.aws", "ap-southeast-2"},
	{"https://queue.amazonaws.com" PATH, NULL, NULL, "https://queue.amazonaws.com", "us-east-1"},
	{"https://eu-west-1.queue.amazonaws.com" PATH, NULL, NULL, "https://eu-west-1.queue.amazonaws.com", "eu-west-1"},
	{"https://vpce-0a1b-c2d3.sqs.eu-west-1.vpce.amazonaws.com" PATH, NULL, NULL, "https://vpce-0a1b-c2d3.sqs.eu-west-1.vpce.amazonaws.com", "eu-west-1"},
	{"https://vpce-0a1b-c2d3-eu-west-1a.sqs.eu-west-1.vpce.amazonaws.com" PATH, NULL, NULL, "https://vpce-0a1b-c2d3-eu-west-1a.sqs.eu-west-1.vpce.amazonaws.com", "eu-west-1"},
	{"https://sqs.eu-west-1.amazonaws.com/123456789012/plain", NULL, NULL, "https://sqs.eu-west-1.amazonaws.com", "eu-west-1"},

	{"https://vpce-0a1b.sqs-fips.us-east-1.vpce.amazonaws.com" PATH, NULL, NULL, "https://vpce-0a1b.sqs-fips.us-east-1.vpce.amazonaws.com", "us-east-1"},
	{"https://cn-north-1.queue.amazonaws.com.cn" PATH, NULL, NULL, "https://cn-north-1.queue.amazonaws.com.cn", "cn-north-1"},

	/* the argument wins over the host's region */
	{"https://sqs.eu-west-1.amazonaws.com" PATH, "us-west-2", NULL, "https://sqs.eu-west-1.amazonaws.com", "us-west-2"},

	/* an endpoint is called instead of any host */
	{"https://sqs.eu-west-1.amazonaws.com" PATH, NULL, "https://proxy.corp.example", "https://proxy.corp.example", "eu-west-1"},
	{"http://127.0.0.1:4100/000000000000/q.fifo", "us-east-1", "http://127.0.0.1:4100", "http://127.0.0.1:4100", "us-east-1"},
	{"http://elsewhere.example/queue/q", "us-east-1", "http://localhost:9324", "http://localhost:9324", "us-east-1"},
	{"http://sqs.us-east-1.localhost:4566/000000000000/q", "us-east-1", "http://localhost:4566", "http://localhost:4566", "us-east-1"},

	/* hosts that anybody can have */
	{"https://evil.example" PATH, "eu-west-1", NULL, NULL, "\"evil.example\" is not one of AWS's SQS hosts; for another service set an endpoint"},
	{"https://sqs.eu-west-1.amazonaws.com.evil.example" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://evilsqs.eu-west-1.amazonaws.com" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://sqs.eu-west-1.evilamazonaws.com" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://sqs.eu-west-1.amazonaws.com.cn" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://sqs.cn-north-1.amazonaws.com" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://vpce-0a1b.eu-west-1.queue.amazonaws.com" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://vpce-0a1b.sqs.eu-west-1.amazonaws.com" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://sqs.eu-west-1.evil.api.aws" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://sqs.s3.amazonaws.com" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://sqs.s3-us-west-2.amazonaws.com" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://sqs.s3-website-us-east-1.amazonaws.com" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://sqs.execute-api.eu-west-1.amazonaws.com" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://sqs.bucket-name-1.amazonaws.com" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://sqs.eu-west-1a.amazonaws.com" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://sqs.eu-west-.amazonaws.com" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://sqs.eu-1.amazonaws.com" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://sqs.eu-a-b-c-1.amazonaws.com" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://sqs.compute-1.amazonaws.com" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://sqs.eu-west-1.amazonaws.com." PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://vpce-svc-0a1b.eu-west-1.vpce.amazonaws.com" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://vpce-0a1b.execute-api.eu-west-1.vpce.amazonaws.com" PATH, NULL, NULL, NULL, "not one of AWS's SQS hosts"},
	{"https://169.254.169.254" PATH, "eu-west-1", NULL, NULL, "not one of AWS's SQS hosts"},
	{"http://127.0.0.1:4100/000000000000/q", "us-east-1", NULL, NULL, "not one of AWS's SQS hosts"},
	{"http://localhost/000000000000/q", "us-east-1", NULL, NULL, "not one of AWS's SQS hosts"},

	/* AWS, but not as it is */
	{"http://sqs.eu-west-1.amazonaws.com" PATH, NULL, NULL, NULL, "https only"},
	{"https://sqs.eu-west-1.amazonaws.com:8443" PATH, NULL, NULL, NULL, "port other than 443"},
	{"https://sqs.eu-west-1.amazonaws.com/12345/orders.fifo", NULL, NULL, NULL, "account that is not 12 digits"},

	/* not a queue's URL */
	{NULL, NULL, NULL, NULL, "is empty"},
	{"", NULL, NULL, NULL, "is empty"},
	{"orders.fifo", NULL, NULL, NULL, "does not begin with https://"},
	{"arn:aws:sqs:eu-west-1:123456789012:orders.fifo", NULL, NULL, NULL, "does not begin with https://"},
	{"ftp://sqs.eu-west-1.amazonaws.com" PATH, NULL, NULL, NULL, "does not begin with https://"},
	{"https://", NULL, NULL, NULL, "has no host"},
	{"https:///123456789012/q", NULL, NULL, NULL, "has no host"},
	{"https://sqs.eu-west-1.amazonaws.com", NULL, NULL, NULL, "has no path"},
	{"https://sqs.eu-west-1.amazonaws.com/", NULL, NULL, NULL, "lacks the account or the queue's name"},
	{"https://sqs.eu-west-1.amazonaws.com/orders.fifo", NULL, NULL, NULL, "lacks the account or the queue's name"},
	{"https://sqs.eu-west-1.amazonaws.com//orders.fifo", NULL, NULL, NULL, "lacks the account or the queue's name"},
	{"https://sqs.eu-west-1.amazonaws.com/123456789012/", NULL, NULL, NULL, "does not end in a queue's name"},
	{"https://sqs.eu-west-1.amazonaws.com/123456789012/.fifo", NULL, NULL, NULL, "does not end in a queue's name"},
	{"https://sqs.eu-west-1.amazonaws.com/123456789012/a/b", NULL, NULL, NULL, "does not end in a queue's name"},
	{"https://sqs.eu-west-1.amazonaws.com/123456789012/a b", NULL, NULL, NULL, "does not end in a queue's name"},
	{"https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo.fifo", NULL, NULL, NULL, "does not end in a queue's name"},
	{"https://sqs.eu-west-1.amazonaws.com/123456789012/"
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" "b", NULL, NULL, NULL, "does not end in a queue's name"},
	{"https://sqs.eu-west-1.amazonaws.com" PATH "?Action=Purge", NULL, NULL, NULL, "query or fragment"},
	{"https://sqs.eu-west-1.amazonaws.com" PATH "#x", NULL, NULL, NULL, "query or fragment"},
	{"https://user:pass@sqs.eu-west-1.amazonaws.com" PATH, NULL, NULL, NULL, "user name or password"},
	{"https://sqs.eu-west-1.amazonaws.com@evil.example" PATH, NULL, NULL, NULL, "user name or password"},
	{"https://sqs.eu-west-1.amazonaws.com:443@evil.example" PATH, NULL, NULL, NULL, "user name or password"},
	{"https://sqs.eu-west-1.amazonaws.com:x" PATH, NULL, NULL, NULL, "port that is not a number"},
	{"https://sqs.eu-west-1.amazonaws.com:" PATH, NULL, NULL, NULL, "port that is not a number"},
	{"https://sqs.eu-west-1.amazonaws.com\r\nX: y" PATH, NULL, NULL, NULL, "character in its host"},
	{"https://sqs.eu-west-1.amazonaws.com\\.evil.example" PATH, NULL, NULL, NULL, "character in its host"},
	{"https://[::1]" PATH, NULL, NULL, NULL, "character in its host"},
	{"https://sqs.eu-west-1.amazonaws.com/12345678901\xc3\xa9/q", NULL, NULL, NULL, "odd character"},
};

static void
test_case(const UrlCase *c)
{
	AwsxService service;
	AwsxError	error;
	const char *url = c->url == NULL ? "(null)" : c->url;
	bool		done;

	awsx_error_clear(&error);
	done = awsx_sqs_service(&service, c->url, &(AwsxServiceOptions) {.region = c->region, .endpoint = c->endpoint}, &error);
	if (c->expected_endpoint != NULL)
	{
		ok(done && strcmp(service.endpoint, c->expected_endpoint) == 0 &&
		   strcmp(service.region, c->expected) == 0, "accepted: %s", url);
		if (!done)
			printf("#      got: %s\n", error.message);
		return;
	}
	ok(!done && error.kind == AWSX_ERR_CONFIG && strstr(error.message, c->expected) != NULL,
	   "refused: %.40s (%s)", strpbrk(url, "\r\n") != NULL ? "a line break" : url, c->expected);
	if (!done)
		printf("#      got: %s\n", error.message);
}

static void
test_environment(void)
{
	AwsxService service;
	AwsxError	error;

	setenv("AWS_REGION", "sa-east-1", 1);
	ok(awsx_sqs_service(&service, "https://sqs.eu-west-1.amazonaws.com" PATH, &(AwsxServiceOptions) {.use_environment = true}, &error),
	   "an AWS URL with an environment");
	is_str(service.region, "eu-west-1", "the host's region wins over the environment's");
	setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:4100", 1);
	ok(awsx_sqs_service(&service, "http://127.0.0.1:4100/000000000000/q", &(AwsxServiceOptions) {.use_environment = true}, &error),
	   "loopback with the environment's endpoint");
	is_str(service.endpoint, "http://127.0.0.1:4100", "the environment's endpoint is called");
	is_str(service.region, "sa-east-1", "the environment's region signs");
	ok(!awsx_sqs_service(&service, "http://127.0.0.1:4100/000000000000/q", &(AwsxServiceOptions) {.region = "eu-west-1"}, &error),
	   "the environment does not count where it must not");
	ok(awsx_sqs_service(&service, "https://sqs.eu-west-1.amazonaws.com" PATH, NULL, &error),
	   "nor does its endpoint");
	is_str(service.endpoint, "https://sqs.eu-west-1.amazonaws.com", "nor is it called");
	unsetenv("AWS_REGION");
	ok(awsx_sqs_service(&service, "https://sqs.eu-west-1.amazonaws.com" PATH,
						&(AwsxServiceOptions) {.use_environment = true, .fallback_region = "us-west-2"}, &error),
	   "an endpoint and no region");
	is_str(service.region, "eu-west-1", "the host's region wins over a fallback");
	setenv("AWS_REGION", "sa-east-1", 1);
	ok(awsx_sqs_service(&service, "https://sqs.eu-west-1.amazonaws.com" PATH, &(AwsxServiceOptions) {.use_environment = true}, &error),
	   "an endpoint and the environment's region");
	is_str(service.region, "sa-east-1", "which wins over the host's where that is not called");
	unsetenv("AWS_ENDPOINT_URL_SQS");
	unsetenv("AWS_REGION");
	ok(!awsx_sqs_service(&service, "http://127.0.0.1:4100/000000000000/q", &(AwsxServiceOptions) {.endpoint = "http://127.0.0.1:4100"}, &error),
	   "no region anywhere is refused");
	ok(strstr(error.message, "region") != NULL, "and the error speaks of it: %s", error.message);
}

static void
test_variants(void)
{
	static const char *const url = "https://sqs.eu-west-1.amazonaws.com" PATH;
	static const char *const vpce = "https://vpce-0a1b.sqs.eu-west-1.vpce.amazonaws.com" PATH;
	AwsxService service;
	AwsxError	error;
	char		region[64];

	ok(awsx_sqs_service(&service, url, &(AwsxServiceOptions) {.fips = true}, &error), "FIPS for a queue of the usual host");
	is_str(service.endpoint, "https://sqs-fips.eu-west-1.amazonaws.com", "calls the region's FIPS host");
	ok(awsx_sqs_service(&service, url, &(AwsxServiceOptions) {.fips = true, .dual_stack = true, .region = "us-east-2"}, &error),
	   "with dual stack and a region");
	is_str(service.endpoint, "https://sqs-fips.us-east-2.api.aws", "it is that region's");
	ok(!awsx_sqs_service(&service, vpce, &(AwsxServiceOptions) {.fips = true}, &error) && strstr(error.message, "VPC endpoint") != NULL,
	   "a VPC endpoint is not left for another");
	ok(!awsx_sqs_service(&service, "https://evil.example" PATH, &(AwsxServiceOptions) {.fips = true, .region = "eu-west-1"}, &error),
	   "FIPS does not make a host AWS's");
	ok(!awsx_sqs_service(&service, url, &(AwsxServiceOptions) {.fips = true, .endpoint = "https://a.example"}, &error) &&
	   strstr(error.message, "both configured") != NULL, "nor goes with an endpoint");
	ok(awsx_sqs_region(url, region, sizeof(region)) && strcmp(region, "eu-west-1") == 0, "the region in a queue's URL");
	ok(awsx_sqs_region(vpce, region, sizeof(region)) && strcmp(region, "eu-west-1") == 0, "and in that of a VPC endpoint");
	ok(!awsx_sqs_region("http://127.0.0.1:4100/000000000000/q", region, sizeof(region)), "but not in any");
	ok(!awsx_sqs_region(NULL, region, sizeof(region)), "and none is in none");
}

int
main(void)
{
	unsetenv("AWS_ENDPOINT_URL");
	unsetenv("AWS_ENDPOINT_URL_SQS");
	unsetenv("AWS_REGION");
	unsetenv("AWS_DEFAULT_REGION");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		test_case(&cases[i]);
	test_environment();
	test_variants();
	ok(awsx_sqs_is_fifo("https://h/1/q.fifo"), "q.fifo is a FIFO queue");
	ok(!awsx_sqs_is_fifo("https://h/1/q"), "q is none");
	ok(!awsx_sqs_is_fifo("https://h/1/q.fifo.x"), "q.fifo.x is none");
	ok(!awsx_sqs_is_fifo(NULL), "no URL is none");
	return tap_done();
}
