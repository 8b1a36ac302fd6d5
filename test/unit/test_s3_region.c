/*
 * test_s3_region.c
 *	  Buckets in other regions: where the second attempt goes and how it is
 *	  signed, what is remembered, and what is not followed.
 */
#include "client_world.h"
#include "s3.h"
#include "s3_region.h"

#define HERE "https://s3.eu-west-1.amazonaws.com"
#define MOVED(region) {301, "x-amz-bucket-region: " region, "<Error><Code>PermanentRedirect</Code><Message>m</Message><Endpoint>evil.example</Endpoint></Error>", 0, false, NULL}
#define FINE {200, NULL, "", 0, false, NULL}
#define NO_KEY {404, NULL, "<Error><Code>NoSuchKey</Code><Message>m</Message></Error>", 0, false, NULL}

static AwsxService s3;

static void
open_s3(const Line *script, const char *endpoint)
{
	AwsxServiceOptions options = {.region = "eu-west-1",.endpoint = endpoint};
	AwsxError	error;

	open_world(script, AWSX_DIALECT_XML);
	awsx_s3_regions_forget();
	if (!awsx_s3_service(&s3, &options, &error))
		printf("# %s\n", error.message);
}

/* Is the attempt under way addressed to the endpoint and path, and signed for the region? */
static void
goes_to(const char *endpoint, const char *path, const char *region)
{
	const AwsxHttpRequest *request = world.transport->open_count == 1 ? world.transport->open[0]->request : NULL;
	const char *authorization = request == NULL ? NULL : awsx_headers_get(&request->headers, "Authorization");
	char		scope[100];

	snprintf(scope, sizeof(scope), "/20260102/%s/s3/aws4_request", region);
	is_str(request != NULL ? request->endpoint : NULL, endpoint, "to the endpoint");
	is_str(request != NULL ? request->path : NULL, path, "... and the path");
	ok(authorization != NULL && strstr(authorization, scope) != NULL, "... signed for %s", region);
}

static void
begin_get(const char *bucket, End *end)
{
	AwsxS3Get	get = {.bucket = bucket,.key = "k",.range_start = -1,.range_end = -1};
	AwsxHttpRequest request;
	AwsxError	error;

	memset(end, 0, sizeof(*end));
	if (!ok(awsx_s3_get_request(&s3, &get, &request, &error) &&
			awsx_client_start(world.client, &s3, &request, on_done, end, &error) != NULL, "GET from %s", bucket))
		printf("# %s\n", error.message);
}

/* One attempt is answered; the next, if any, is under way. */
static void
answer_one(void)
{
	awsx_client_drive(world.client);
}

static void
test_redirect(const Line *first, const char *name)
{
	Line		script[] = {*first, FINE};
	End			end;

	open_s3(script, NULL);
	begin_get("bkt", &end);
	goes_to("https://bkt.s3.eu-west-1.amazonaws.com", "/k", "eu-west-1");
	answer_one();
	goes_to("https://bkt.s3.us-west-2.amazonaws.com", "/k", "us-west-2");
	drive_all();
	ok(end.count == 1 && end.error.kind == AWSX_OK && world.transport->attempts == 2, "redirected: %s", name);
	close_world();
}

static void
test_redirects(void)
{
	static const Line lines[] = {
		MOVED("us-west-2"),
		{301, "x-amz-bucket-region: us-west-2", NULL, 0, false, NULL},
		{400, "x-amz-bucket-region: us-west-2", NULL, 0, false, NULL},
		{307, "x-amz-bucket-region: us-west-2\nLocation: https://evil.example/k", NULL, 0, false, NULL},
		{301, NULL, "<Error><Code>PermanentRedirect</Code><Region>us-west-2</Region></Error>", 0, false, NULL},
		{400, NULL, "<Error><Code>AuthorizationHeaderMalformed</Code><Message>m</Message><Region>us-west-2</Region></Error>", 0, false, NULL},
		{400, "x-amz-bucket-region: us-west-2", "<Error><Code>IllegalLocationConstraintException</Code></Error>", 0, false, NULL}
	};
	static const char *const names[] = {"PermanentRedirect", "HEAD's 301", "HEAD's 400", "307, not to its Location",
	"a region in the body", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		test_redirect(&lines[i], names[i]);
}

/* The answer is reported as it is. */
static void
is_not_followed(const char *bucket, const char *endpoint, const Line *answer, const char *words, const char *name)
{
	Line		script[] = {*answer, FINE, FINE};
	End			end;

	open_s3(script, endpoint);
	begin_get(bucket, &end);
	drive_all();
	ok(end.count == 1 && end.error.kind != AWSX_OK && world.transport->attempts == 1 && strstr(end.error.message, words) != NULL,
	   "not followed: %s: %s", name, end.error.message);
	close_world();
}

static void
test_refused(void)
{
	static const Line same = MOVED("eu-west-1");
	static const Line china = MOVED("cn-north-1");
	static const Line government = MOVED("us-gov-west-1");
	static const Line odd = MOVED("us-west-2.evil.example");
	static const Line slash = MOVED("evil/");
	static const Line none = {301, "Location: https://evil.example/", "<Error><Code>PermanentRedirect</Code><Endpoint>evil.example</Endpoint></Error>", 0, false, NULL};
	static const Line other = {400, "x-amz-bucket-region: us-west-2", "<Error><Code>InvalidArgument</Code><Message>words</Message></Error>", 0, false, NULL};
	static const Line denied = {403, "x-amz-bucket-region: us-west-2", "<Error><Code>AccessDenied</Code><Message>words</Message></Error>", 0, false, NULL};

	is_not_followed("bkt", NULL, &same, "eu-west-1", "to where we are");
	is_not_followed("bkt", NULL, &china, "another partition", "into another partition");
	is_not_followed("bkt", NULL, &government, "another partition", "also one with the same suffix");
	is_not_followed("bkt", NULL, &odd, "is not one", "no region");
	is_not_followed("my.bucket", "http://127.0.0.1:9000", &slash, "is not one", "nor this");
	is_not_followed("bkt", NULL, &none, "PermanentRedirect", "no region at all");
	is_not_followed("bkt", NULL, &other, "words", "another error");
	is_not_followed("bkt", NULL, &denied, "words", "a refusal");
}

static void
test_loop(void)
{
	static const Line script[] = {MOVED("us-west-2"), MOVED("eu-central-1"), FINE, FINE};
	End			end;

	open_s3(script, NULL);
	begin_get("bkt", &end);
	drive_all();
	ok(end.error.kind == AWSX_ERR_REQUEST && world.transport->attempts == 2 &&
	   strstr(end.error.message, "eu-central-1") != NULL, "a second redirect is an error: %s", end.error.message);
	begin_get("bkt", &end);
	goes_to("https://bkt.s3.eu-west-1.amazonaws.com", "/k", "eu-west-1");
	drive_all();
	ok(end.error.kind == AWSX_OK, "and what it said is not remembered");
	close_world();
}

static void
test_memory_of_regions(void)
{
	static const Line script[] = {MOVED("us-west-2"), FINE, FINE, FINE, MOVED("ap-south-1"), NO_KEY, FINE,
	MOVED("eu-west-1"), FINE, FINE};
	End			end;

	open_s3(script, NULL);
	begin_get("bkt", &end);
	drive_all();
	begin_get("bkt", &end);
	goes_to("https://bkt.s3.us-west-2.amazonaws.com", "/k", "us-west-2");
	drive_all();
	is_int(end.error.kind, AWSX_OK, "the next one goes right at once");
	begin_get("bkt2", &end);
	goes_to("https://bkt2.s3.eu-west-1.amazonaws.com", "/k", "eu-west-1");
	drive_all();

	/* moved again: there it is only proved by a success */
	begin_get("bkt", &end);
	answer_one();
	goes_to("https://bkt.s3.ap-south-1.amazonaws.com", "/k", "ap-south-1");
	drive_all();
	is_int(end.error.kind, AWSX_ERR_NOT_FOUND, "moved, but the key is not there");
	begin_get("bkt", &end);
	goes_to("https://bkt.s3.eu-west-1.amazonaws.com", "/k", "eu-west-1");
	drive_all();
	close_world();
}

static void
test_way_back(void)
{
	static const Line script[] = {MOVED("us-west-2"), FINE, MOVED("eu-west-1"), FINE, FINE};
	End			end;

	open_s3(script, NULL);
	begin_get("bkt", &end);
	drive_all();
	begin_get("bkt", &end);
	goes_to("https://bkt.s3.us-west-2.amazonaws.com", "/k", "us-west-2");
	answer_one();
	goes_to("https://bkt.s3.eu-west-1.amazonaws.com", "/k", "eu-west-1");
	drive_all();
	is_int(end.error.kind, AWSX_OK, "the bucket came back");
	begin_get("bkt", &end);
	goes_to("https://bkt.s3.eu-west-1.amazonaws.com", "/k", "eu-west-1");
	drive_all();
	is_int(world.transport->attempts, 5, "five attempts in all");
	close_world();
}

/* Twenty buckets elsewhere: the first ones are forgotten, none is mistaken. */
static void
test_many(void)
{
	Line		script[60];
	End			end;
	int			wrong = 0;

	for (int i = 0; i < 20; i++)
	{
		script[2 * i] = (Line) MOVED("us-west-2");
		script[2 * i + 1] = (Line) FINE;
	}
	for (int i = 40; i < 60; i++)
		script[i] = (Line) FINE;
	open_s3(script, NULL);
	for (int i = 0; i < 40; i++)
	{
		AwsxS3Get	get = {.key = "k",.range_start = -1,.range_end = -1};
		AwsxHttpRequest request;
		AwsxError	error;
		char		bucket[16];
		char		expected[80];

		snprintf(bucket, sizeof(bucket), "bkt%d", i % 20);
		get.bucket = bucket;
		memset(&end, 0, sizeof(end));
		awsx_s3_get_request(&s3, &get, &request, &error);
		awsx_client_start(world.client, &s3, &request, on_done, &end, &error);
		snprintf(expected, sizeof(expected), "https://%s.s3.%s.amazonaws.com", bucket, i < 24 ? "eu-west-1" : "us-west-2");
		wrong += world.transport->open_count != 1 || strcmp(world.transport->open[0]->request->endpoint, expected) != 0;
		drive_all();
		wrong += end.error.kind != AWSX_OK;
	}
	is_int(wrong, 0, "sixteen are remembered, the last ones");
	close_world();
}

/* In the path of the region's endpoint, and at an endpoint that was configured. */
static void
test_places(void)
{
	static const Line script[] = {MOVED("us-west-2"), FINE, FINE};
	End			end;

	open_s3(script, NULL);
	begin_get("my.bucket", &end);
	goes_to(HERE, "/my.bucket/k", "eu-west-1");
	answer_one();
	goes_to("https://s3.us-west-2.amazonaws.com", "/my.bucket/k", "us-west-2");
	drive_all();
	begin_get("my.bucket", &end);
	goes_to("https://s3.us-west-2.amazonaws.com", "/my.bucket/k", "us-west-2");
	drive_all();
	close_world();

	open_s3(script, "http://127.0.0.1:9000");
	begin_get("bkt", &end);
	goes_to("http://127.0.0.1:9000", "/bkt/k", "eu-west-1");
	answer_one();
	goes_to("http://127.0.0.1:9000", "/bkt/k", "us-west-2");
	drive_all();
	begin_get("bkt", &end);
	goes_to("http://127.0.0.1:9000", "/bkt/k", "us-west-2");
	drive_all();
	is_int(end.error.kind, AWSX_OK, "a configured endpoint stays");
	close_world();

	open_s3(script, "https://vpce-1a.s3.eu-west-1.vpce.amazonaws.com");
	begin_get("bkt", &end);
	answer_one();
	goes_to("https://vpce-1a.s3.eu-west-1.vpce.amazonaws.com", "/bkt/k", "us-west-2");
	drive_all();
	begin_get("bkt", &end);
	goes_to("https://vpce-1a.s3.eu-west-1.vpce.amazonaws.com", "/bkt/k", "us-west-2");
	drive_all();
	is_int(end.error.kind, AWSX_OK, "also one with a region in its name");
	close_world();
}

/* FIPS, dual stack and partition stay what they were. */
static void
keeps_kind(const AwsxServiceOptions *options, const char *region, const char *before, const char *after)
{
	char		header[100];
	Line		script[] = {{301, header, "", 0, false, NULL}, FINE, FINE};
	AwsxError	error;
	End			end;

	snprintf(header, sizeof(header), "x-amz-bucket-region: %s", region);
	open_s3(script, NULL);
	ok(awsx_s3_service(&s3, options, &error), "a service in %s", options->region);
	begin_get("bkt", &end);
	goes_to(before, "/k", options->region);
	answer_one();
	goes_to(after, "/k", region);
	drive_all();
	begin_get("bkt", &end);
	goes_to(after, "/k", region);
	drive_all();
	is_int(end.error.kind, AWSX_OK, "found");
	close_world();
}

static void
test_kinds(void)
{
	AwsxServiceOptions fips = {.region = "us-east-1",.fips = true};
	AwsxServiceOptions dual_stack = {.region = "us-east-1",.dual_stack = true};
	AwsxServiceOptions both = {.region = "us-gov-west-1",.fips = true,.dual_stack = true};
	AwsxServiceOptions china = {.region = "cn-north-1"};

	keeps_kind(&fips, "us-west-2", "https://bkt.s3-fips.us-east-1.amazonaws.com", "https://bkt.s3-fips.us-west-2.amazonaws.com");
	keeps_kind(&dual_stack, "eu-west-1", "https://bkt.s3.dualstack.us-east-1.amazonaws.com", "https://bkt.s3.dualstack.eu-west-1.amazonaws.com");
	keeps_kind(&both, "us-gov-east-1", "https://bkt.s3-fips.dualstack.us-gov-west-1.amazonaws.com", "https://bkt.s3-fips.dualstack.us-gov-east-1.amazonaws.com");
	keeps_kind(&china, "cn-northwest-1", "https://bkt.s3.cn-north-1.amazonaws.com.cn", "https://bkt.s3.cn-northwest-1.amazonaws.com.cn");
}

/* A bucket whose name is the region's, or looks like the host. */
static void
test_confusing_names(void)
{
	static const Line script[] = {MOVED("us-west-2"), FINE};
	End			end;

	open_s3(script, NULL);
	begin_get("eu-west-1", &end);
	goes_to("https://eu-west-1.s3.eu-west-1.amazonaws.com", "/k", "eu-west-1");
	answer_one();
	goes_to("https://eu-west-1.s3.us-west-2.amazonaws.com", "/k", "us-west-2");
	drive_all();
	is_int(end.error.kind, AWSX_OK, "only the region's own label changes");
	close_world();
}

#define SUMMED(body) {200, "x-amz-checksum-crc32: y/Q5Jg==", body, 0, true, NULL}

/* Bytes that were changed on the way are read once more, over another connection. */
static void
test_integrity(void)
{
	static const Line once[] = {SUMMED("123456780"), SUMMED("123456789")};
	static const Line twice[] = {SUMMED("123456780"), SUMMED("123456780"), SUMMED("123456789")};
	static const Line empty[] = {SUMMED(""), SUMMED(""), SUMMED("123456789")};
	End			end;

	open_s3(once, NULL);
	begin_get("bkt", &end);
	drive_all();
	ok(end.error.kind == AWSX_OK && world.transport->attempts == 2 && world.transport->last_fresh, "read again over a new connection");
	is_str(end.body, "123456789", "the right bytes");
	close_world();
	open_s3(twice, NULL);
	begin_get("bkt", &end);
	drive_all();
	ok(end.error.kind == AWSX_ERR_INTEGRITY && world.transport->attempts == 2, "not a third time: %s", end.error.message);
	close_world();
	open_s3(empty, NULL);
	begin_get("bkt", &end);
	drive_all();
	ok(end.error.kind == AWSX_ERR_INTEGRITY, "nothing instead of something");
	close_world();
}

/* The answer to a PUT repeats the checksum of what was sent, and has no bytes. */
static void
test_put_answer(void)
{
	static const Line script[] = {SUMMED(""), SUMMED("")};
	AwsxS3Put	put = {.bucket = "bkt",.key = "k",.body = "123456789",.body_len = 9};
	AwsxHttpRequest request;
	AwsxError	error;
	End			end = {0};

	open_s3(script, NULL);
	awsx_s3_put_request(&s3, &put, &request, &error);
	is_str(awsx_headers_get(&request.headers, "x-amz-checksum-crc32"), "y/Q5Jg==", "PUT sends the checksum");
	awsx_client_start(world.client, &s3, &request, on_done, &end, &error);
	drive_all();
	ok(end.error.kind == AWSX_OK && world.transport->attempts == 1, "whose answer is a success");
	close_world();
}

/* S3 says that the body came to it damaged, or that it is busy with the key. */
static void
test_put_again(void)
{
	static const struct
	{
		Line		line;
		AwsxErrorKind kind;
		int			attempts;
	}			answers[] = {
		{{400, NULL, "<Error><Code>BadDigest</Code><Message>m</Message></Error>", 0, false, NULL}, AWSX_ERR_INTEGRITY, 2},
		{{400, NULL, "<Error><Code>XAmzContentSHA256Mismatch</Code></Error>", 0, false, NULL}, AWSX_ERR_INTEGRITY, 2},
		{{409, NULL, "<Error><Code>ConditionalRequestConflict</Code></Error>", 0, false, NULL}, AWSX_ERR_SERVICE, 3},
		{{409, NULL, "<Error><Code>OperationAborted</Code></Error>", 0, false, NULL}, AWSX_ERR_SERVICE, 3},
		{{400, NULL, "<Error><Code>IncompleteBody</Code></Error>", 0, false, NULL}, AWSX_ERR_SERVICE, 3},
		{{307, NULL, "<Error><Code>TemporaryRedirect</Code></Error>", 0, false, NULL}, AWSX_ERR_SERVICE, 3},
		{{412, NULL, "<Error><Code>PreconditionFailed</Code></Error>", 0, false, NULL}, AWSX_ERR_REQUEST, 1}
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
	{
		Line		script[] = {answers[i].line, answers[i].line, answers[i].line, answers[i].line};
		AwsxS3Put	put = {.bucket = "bkt",.key = "k",.body = "b",.body_len = 1,.only_new = true};
		AwsxHttpRequest request;
		AwsxError	error;
		End			end = {0};

		open_s3(script, NULL);
		awsx_s3_put_request(&s3, &put, &request, &error);
		awsx_client_start(world.client, &s3, &request, on_done, &end, &error);
		drive_all();
		ok(end.error.kind == answers[i].kind && world.transport->attempts == answers[i].attempts,
		   "%s: %d attempts", end.error.code, world.transport->attempts);
		close_world();
	}
}

int
main(void)
{
	test_redirects();
	test_refused();
	test_loop();
	test_memory_of_regions();
	test_way_back();
	test_many();
	test_places();
	test_kinds();
	test_confusing_names();
	test_integrity();
	test_put_answer();
	test_put_again();
	return tap_done();
}
