/*
 * test_client_again.c
 *	  What makes the client try again, or wait: a bucket elsewhere, a wrong
 *	  clock, a long poll that fails.
 */
#define _GNU_SOURCE
#include "client_world.h"

#include <time.h>

#include "client_call.h"

/*----------
 * Another region
 *----------
 */

static int	redirects;
static const char *redirect_to;

/* What S3's does: endpoint and region change, the rest stays. */
static bool
turn_round(AwsxService *service, AwsxHttpRequest *request, const char *region, AwsxError *error)
{
	if (region == NULL)
		return false;			/* asked before the first attempt: nothing is known */
	redirects++;
	if (redirect_to == NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "not to %s", region);
	snprintf(service->region, sizeof(service->region), "%s", region);
	free(request->endpoint);
	request->endpoint = strdup(redirect_to);
	return true;
}

static End
run_redirected(const Line *script, const char *to)
{
	End			end = {0};

	open_world(script, AWSX_DIALECT_XML);
	world.service.redirect = turn_round;
	redirects = 0;
	redirect_to = to;
	start(&end);
	drive_all();
	return end;
}

static void
test_redirect(void)
{
	static const Line there[] = {{.status = 301, .headers = "x-amz-bucket-region: eu-central-1"}, {.status = 200}};
	static const Line malformed[] = {
		{.status = 400, .body = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>us-east-2</Region></Error>"},
		{.status = 200}
	};
	static const Line to_and_fro[] = {
		{.status = 301, .headers = "x-amz-bucket-region: eu-central-1"},
		{.status = 301, .headers = "x-amz-bucket-region: us-east-1"}
	};
	static const Line here[] = {{.status = 301, .headers = "x-amz-bucket-region: eu-west-1"}};
	static const Line denied[] = {{.status = 403, .headers = "x-amz-bucket-region: eu-central-1"}};
	End			end = run_redirected(there, "https://other.example");

	ok(end.error.kind == AWSX_OK && redirects == 1, "a bucket elsewhere: sent there");
	ok(strstr(world.transport->last_scope, "/eu-central-1/") != NULL, "signed for its region");
	is_int(world.monotonic_ms, 7, "at once");
	close_world();
	end = run_redirected(malformed, "https://other.example");
	ok(end.error.kind == AWSX_OK && redirects == 1, "a region that the body names");
	close_world();
	end = run_redirected(to_and_fro, "https://other.example");
	ok(end.error.kind == AWSX_ERR_REQUEST && redirects == 1, "once a call");
	is_str(end.error.region, "us-east-1", "then it is reported, with the region");
	close_world();
	end = run_redirected(there, NULL);
	ok(end.error.kind == AWSX_ERR_CONFIG && world.transport->attempts == 1, "a redirect that cannot be followed");
	close_world();
	end = run_redirected(there, "http://other.example");
	ok(end.error.kind == AWSX_ERR_CONFIG && world.transport->attempts == 1, "or must not be: it is checked as any request");
	close_world();
	end = run_redirected(here, "https://other.example");
	ok(end.error.kind == AWSX_ERR_REQUEST && redirects == 0, "the region that was signed for is none to go to");
	close_world();
	end = run_redirected(denied, "https://other.example");
	ok(end.error.kind == AWSX_ERR_DENIED && redirects == 0, "nor does a refusal send anybody anywhere");
	close_world();
	end = run_script(there, AWSX_DIALECT_XML);
	ok(end.error.kind == AWSX_ERR_REQUEST && world.transport->attempts == 1, "without a redirect it is an error");
	close_world();
}

/*----------
 * A wrong clock
 *----------
 */

#define REFUSED "{\"__type\":\"com.amazon.coral.service#InvalidSignatureException\",\"message\":\"Signature expired\"}"

/* A service that accepts signatures within five minutes of its own time. */
static int64_t service_ahead_ms;
static int	refusals;

static const Line *
by_date(const AwsxHttpCall *call)
{
	static const Line fine = {.status = 200};
	static char date[64];
	static Line refused = {.status = 403, .headers = date, .body = REFUSED};
	time_t		now = (time_t) ((world.wall_ms + service_ahead_ms) / 1000);
	struct tm	parts = {0};
	time_t		signed_at;

	strptime(awsx_headers_get(&call->request->headers, "X-Amz-Date"), "%Y%m%dT%H%M%SZ", &parts);
	signed_at = timegm(&parts);
	if (labs((long) (signed_at - now)) < 300)
		return &fine;
	refusals++;
	gmtime_r(&now, &parts);
	strftime(date, sizeof(date), "Date: %a, %d %b %Y %H:%M:%S GMT", &parts);
	return &refused;
}

static bool
one_call(void)
{
	End			end = {0};

	start(&end);
	drive_all();
	return end.error.kind == AWSX_OK && end.count == 1;
}

static void
test_skew(void)
{
	static const int minutes[] = {20, -20, 6, 60 * 24};

	for (size_t i = 0; i < sizeof(minutes) / sizeof(minutes[0]); i++)
	{
		int			failed = 0;

		open_world(NULL, AWSX_DIALECT_JSON);
		world.transport->judge = by_date;
		world.source.same = true;
		service_ahead_ms = minutes[i] * INT64_C(60000);
		refusals = 0;
		for (int n = 0; n < 50; n++)
		{
			failed += !one_call();
			pass(20000);
		}
		ok(failed == 0 && refusals == 1, "a clock %d minutes off costs one refusal", minutes[i]);
		is_int(world.notices[AWSX_NOTICE_CLOCK], 1, "and one line");
		if (minutes[i] == 20)
			is_str(world.notice, "https://sqs.example has a clock 1200 s ahead of ours: requests are signed with its time",
				   "which says it");
		if (minutes[i] == -20)
			is_str(world.notice, "https://sqs.example has a clock 1200 s behind ours: requests are signed with its time",
				   "the other way too");
		service_ahead_ms = 2000;	/* our clock was set right, nearly */
		ok(one_call() && one_call() && refusals == 2, "when our clock is set that is learned as well");
		is_int(world.notices[AWSX_NOTICE_CLOCK], 2, "and told");
		is_str(world.notice, "https://sqs.example has the time that our clock has again", "in its words");
		close_world();
	}
}

static void
test_skew_together(void)
{
	End			ends[8] = {0};
	int			fine = 0;

	open_world(NULL, AWSX_DIALECT_JSON);
	world.transport->judge = by_date;
	service_ahead_ms = 1200000;
	refusals = 0;
	for (int i = 0; i < 8; i++)
		start(&ends[i]);
	drive_all();
	for (int i = 0; i < 8; i++)
		fine += ends[i].error.kind == AWSX_OK;
	ok(fine == 8 && refusals == 8, "eight calls refused together are cured together");
	is_int(world.notices[AWSX_NOTICE_CLOCK], 1, "with one line");
	close_world();
}

/* A signature that is refused though the clocks agree is wrong. */
static void
test_wrong_signature(void)
{
	static const Line script[] = {
		{.status = 403, .headers = "Date: Fri, 02 Jan 2026 03:08:00 GMT",
		.body = "<Error><Code>SignatureDoesNotMatch</Code><Message>m</Message></Error>"}
	};
	End			end = run_script(script, AWSX_DIALECT_XML);

	ok(end.error.kind == AWSX_ERR_DENIED && world.transport->attempts == 1, "it is not repeated");
	is_int(world.notices[AWSX_NOTICE_CLOCK], 0, "and no clock is blamed");
	close_world();
}

/*----------
 * Long polls
 *----------
 */

static const Line *
always_busy(const AwsxHttpCall *call)
{
	static const Line busy = {.status = 500};

	(void) call;
	return &busy;
}

static const Line *
always_refused(const AwsxHttpCall *call)
{
	static const Line refused = {.status = 400};

	(void) call;
	return &refused;
}

static int	polls_left;
static int	polls_failed;

/* The worst caller: it polls again from the callback, whatever came. */
static void
poll_again(AwsxCall *call, const AwsxHttpResponse *answer, const AwsxError *error, void *arg)
{
	AwsxHttpRequest request;
	AwsxError	unused;

	(void) answer;
	polls_failed += call != NULL && error->kind != AWSX_OK;
	if (polls_left-- == 0)
		return;
	make_request(&request);
	request.long_poll = *(bool *) arg;
	awsx_client_start(world.client, &world.service, &request, poll_again, arg, &unused);
}

/* How long many failing polls took, with an empty bucket most of the time. */
static int64_t
poll_many(bool long_poll, Judge judge)
{
	open_world(NULL, AWSX_DIALECT_JSON);
	world.transport->judge = judge;
	polls_left = 200;
	polls_failed = 0;
	poll_again(NULL, NULL, NULL, &long_poll);
	for (int i = 0; i < 2000; i++)
	{
		awsx_client_drive(world.client);
		if (world.transport->open_count == 0 && awsx_client_timeout_ms(world.client) > 0)
			pass(awsx_client_timeout_ms(world.client));
	}
	close_world();
	return world.monotonic_ms;
}

static void
test_long_poll(void)
{
	int64_t		plain_ms = poll_many(false, always_busy);
	int64_t		long_ms;

	ok(polls_failed == 200 && plain_ms < 25 * 200, "two hundred plain calls fail within %lld ms", (long long) plain_ms);
	long_ms = poll_many(true, always_busy);
	ok(polls_failed == 200 && long_ms >= 25 * 200, "as many long polls take %lld ms: each failure is waited out", (long long) long_ms);
	long_ms = poll_many(true, always_refused);
	is_int(long_ms, 0, "a refusal is for the caller to pace: it knows that nothing will change soon");
}

static void
test_long_poll_waiting(void)
{
	static const Line script[] = {{.status = 503, .headers = "x-amz-retry-after: 4000"}};
	AwsxHttpRequest request;
	AwsxError	error;
	AwsxCall   *call;
	End			end = {0};

	for (int round = 0; round < 2; round++)
	{
		open_world(script, AWSX_DIALECT_JSON);
		world.client->retry.tokens = 0;
		make_request(&request);
		request.long_poll = true;
		call = awsx_client_start(world.client, &world.service, &request, on_done, &end, &error);
		awsx_client_drive(world.client);
		ok(end.count == 0 && awsx_client_timeout_ms(world.client) == 4000, "a poll that has failed waits as it was asked to");
		if (round == 0)
			awsx_call_cancel(call);
		pass(4000);
		awsx_client_drive(world.client);
		is_int(end.count, round, round == 0 ? "it may be cancelled meanwhile" : "then it is reported");
		close_world();
	}
	ok(end.error.kind == AWSX_ERR_SERVICE && end.status == 503, "with its error and its answer");
}

int
main(void)
{
	test_redirect();
	test_skew();
	test_skew_together();
	test_wrong_signature();
	test_long_poll();
	test_long_poll_waiting();
	return tap_done();
}
