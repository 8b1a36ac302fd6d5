/*
 * test_client.c
 *	  The client: retries, credentials, clocks, and callbacks that start and
 *	  cancel.
 */
#include "client_world.h"

static void
test_success(void)
{
	static const Line script[] = {{.status = 200, .body = "{}"}};
	End			end = run_script(script, AWSX_DIALECT_JSON);

	ok(end.count == 1 && end.error.kind == AWSX_OK && end.status == 200, "a success is reported once");
	is_str(end.body, "{}", "with its body");
	ok(world.transport->last_signed, "it was signed");
	is_str(world.transport->last_date, "20260102T030405Z", "with our clock");
	is_int(world.transport->attempts, 1, "in one attempt");
	close_world();
}

static void
test_retries(void)
{
	static const Line twice[] = {
		{.status = 500, .body = "<html>oops</html>"}, {.status = 0, .kind = AWSX_ERR_TIMEOUT},
		{.status = 200, .body = "{}"}
	};
	static const Line thrice[] = {{.status = 503}, {.status = 503}, {.status = 503}};
	static const Line refused[] = {{.status = 400, .body = "{\"__type\":\"InvalidParameterValueException\"}"}};
	static const Line integrity[] = {{.status = 0, .kind = AWSX_ERR_PROTOCOL}};
	End			end = run_script(twice, AWSX_DIALECT_JSON);

	ok(end.count == 1 && end.error.kind == AWSX_OK, "two failures, then success");
	is_int(world.transport->attempts, 3, "three attempts");
	is_str(world.transport->last_body, "the-same-body", "the body repeats");
	is_int(world.credential_calls, 1, "with the same keys");
	is_int(world.monotonic_ms, 25 + 7 + 50 + 7, "with delays of 25 and 50 ms between");
	close_world();
	end = run_script(thrice, AWSX_DIALECT_JSON);
	ok(end.count == 1 && end.error.kind == AWSX_ERR_SERVICE && end.error.retryable, "three failures are reported");
	is_int(world.transport->attempts, 3, "after three attempts");
	close_world();
	end = run_script(refused, AWSX_DIALECT_JSON);
	ok(end.error.kind == AWSX_ERR_REQUEST && world.transport->attempts == 1, "a refusal is not repeated");
	close_world();
	end = run_script(integrity, AWSX_DIALECT_JSON);
	ok(end.error.kind == AWSX_ERR_PROTOCOL && world.transport->attempts == 1, "nor nonsense");
	close_world();
}

static void
test_throttling(void)
{
	static const Line script[] = {
		{.status = 400, .headers = "x-amz-retry-after: 2500",
		.body = "{\"__type\":\"com.amazon.coral.service#ThrottlingException\",\"message\":\"Rate exceeded\"}"},
		{.status = 429, .headers = "Retry-After: 1"},
		{.status = 200}
	};
	End			end = {0};

	open_world(script, AWSX_DIALECT_JSON);
	start(&end);
	awsx_client_drive(world.client);
	is_int(awsx_client_timeout_ms(world.client), 2500, "the answer's wish is the client's timeout");
	world.monotonic_ms += 2499;
	awsx_client_drive(world.client);
	is_int(world.transport->attempts, 1, "not a millisecond too early");
	world.monotonic_ms += 1;
	awsx_client_drive(world.client);
	is_int(world.transport->attempts, 2, "but then");
	drive_all();
	ok(end.count == 1 && end.error.kind == AWSX_OK, "and in the end a success");
	close_world();
}

static void
test_expired_token(void)
{
	static const Line once[] = {
		{.status = 403, .body = "{\"__type\":\"ExpiredTokenException\",\"message\":\"old\"}"},
		{.status = 200}
	};
	static const Line always[] = {
		{.status = 400, .body = "<Error><Code>ExpiredToken</Code><Message>old</Message></Error>"},
		{.status = 400, .body = "<Error><Code>ExpiredToken</Code><Message>old</Message></Error>"}
	};
	End			end = run_script(once, AWSX_DIALECT_JSON);

	ok(end.error.kind == AWSX_OK, "an expired token is cured by a new one");
	is_str(world.transport->last_token, "token2", "which was asked for");
	is_int(world.monotonic_ms, 7, "at once");
	close_world();
	end = run_script(always, AWSX_DIALECT_XML);
	ok(end.error.kind == AWSX_ERR_DENIED && world.transport->attempts == 2, "but only once");
	is_str(end.error.code, "ExpiredToken", "then it is said");
	close_world();
}

#define SKEWED_XML "<Error><Code>RequestTimeTooSkewed</Code><Message>m</Message></Error>"
#define SKEWED_JSON "{\"__type\":\"com.amazon.coral.service#InvalidSignatureException\",\"message\":\"Signature expired\"}"
#define ONE_O_CLOCK "Date: Fri, 02 Jan 2026 01:00:00 GMT"

static void
test_clock_skew(void)
{
	static const Line cured[] = {
		{.status = 403, .headers = ONE_O_CLOCK, .body = SKEWED_XML}, {.status = 200}, {.status = 200}
	};
	static const Line parallel[] = {
		{.status = 400, .headers = ONE_O_CLOCK, .body = SKEWED_JSON},
		{.status = 400, .headers = ONE_O_CLOCK, .body = SKEWED_JSON}, {.status = 200}, {.status = 200}
	};
	static const Line small[] = {
		{.status = 403, .headers = "Date: Fri, 02 Jan 2026 03:08:00 GMT", .body = SKEWED_XML}
	};
	static const Line dateless[] = {{.status = 403, .headers = "Date: yesterday", .body = SKEWED_XML}};
	static const Line stubborn[] = {
		{.status = 403, .headers = ONE_O_CLOCK, .body = SKEWED_XML},
		{.status = 403, .headers = "Date: Fri, 02 Jan 2026 12:00:00 GMT", .body = SKEWED_XML}
	};
	End			end = run_script(cured, AWSX_DIALECT_XML);
	End			second = {0};

	ok(end.error.kind == AWSX_OK && world.transport->attempts == 2, "a wrong clock is cured by the answer's Date");
	is_str(world.transport->last_date, "20260102T010000Z", "which signs");
	world.wall_ms += 10000;
	start(&end);
	drive_all();
	is_str(world.transport->last_date, "20260102T010010Z", "the next call too");
	close_world();

	memset(&end, 0, sizeof(end));
	open_world(parallel, AWSX_DIALECT_JSON);
	start(&end);
	start(&second);
	drive_all();
	ok(end.error.kind == AWSX_OK && second.error.kind == AWSX_OK, "two calls refused together are both cured");
	close_world();

	end = run_script(small, AWSX_DIALECT_XML);
	ok(end.error.kind == AWSX_ERR_DENIED && world.transport->attempts == 1, "four minutes are no skew");
	close_world();
	end = run_script(dateless, AWSX_DIALECT_XML);
	ok(end.error.kind == AWSX_ERR_DENIED && world.transport->attempts == 1, "nor is a Date that is none");
	close_world();
	end = run_script(stubborn, AWSX_DIALECT_XML);
	ok(end.error.kind == AWSX_ERR_DENIED && world.transport->attempts == 2, "and it is tried once");
	close_world();
}

static void
test_raw(void)
{
	static const Line any[] = {{.status = 500, .body = "x"}};
	static const Line broken[] = {{.status = 0, .kind = AWSX_ERR_TRANSPORT}};
	End			end = run_script(any, AWSX_DIALECT_RAW);

	ok(end.error.kind == AWSX_OK && end.status == 500, "raw: any status is an answer");
	ok(!world.transport->last_signed && world.credential_calls == 0, "and nothing is signed");
	close_world();
	end = run_script(broken, AWSX_DIALECT_RAW);
	ok(end.error.kind == AWSX_ERR_TRANSPORT && world.transport->attempts == 1, "a raw call is not repeated");
	close_world();
}

static void
test_dead_connection(void)
{
	static const Line once[] = {{.kind = AWSX_ERR_TRANSPORT, .reused = true}, {.status = 200}};
	static const Line twice[] = {
		{.kind = AWSX_ERR_TRANSPORT, .reused = true}, {.kind = AWSX_ERR_TRANSPORT},
		{.kind = AWSX_ERR_TRANSPORT}, {.kind = AWSX_ERR_TRANSPORT}
	};
	End			end = run_script(once, AWSX_DIALECT_JSON);

	ok(end.error.kind == AWSX_OK && world.monotonic_ms == 7, "a dead kept connection: again at once");
	ok(world.transport->last_fresh, "on a fresh one");
	close_world();
	end = run_script(once, AWSX_DIALECT_RAW);
	ok(end.error.kind == AWSX_OK, "a raw call too");
	close_world();
	end = run_script(twice, AWSX_DIALECT_JSON);
	ok(end.error.kind == AWSX_ERR_TRANSPORT && world.transport->attempts == 4, "it does not count as an attempt");
	close_world();
}

static bool
swallow(void *arg, const char *bytes, size_t len)
{
	(void) bytes;
	*(size_t *) arg += len;
	return true;
}

static void
test_sink(void)
{
	static const Line script[] = {{.kind = AWSX_ERR_TRANSPORT, .reused = true, .to_sink = "abc"}};
	AwsxHttpRequest request;
	AwsxError	error;
	End			end = {0};
	size_t		seen = 0;

	open_world(script, AWSX_DIALECT_XML);
	make_request(&request);
	request.sink = swallow;
	request.sink_arg = &seen;
	awsx_client_start(world.client, &world.service, &request, on_done, &end, &error);
	drive_all();
	ok(seen == 3 && end.error.kind == AWSX_ERR_TRANSPORT && world.transport->attempts == 1,
	   "what a sink has seen is not sent again");
	close_world();
}

static void
test_callbacks(void)
{
	static const Line good[] = {
		{.status = 200}, {.status = 200}, {.status = 200}, {.status = 200}, {.status = 200}
	};
	static const Line mixed[] = {{.status = 200}, {.status = 503}, {.status = 200}};
	End			first = {0};
	End			second = {0};

	open_world(good, AWSX_DIALECT_JSON);
	start(&first);
	first.cancel = start(&second);
	drive_all();
	ok(first.count == 1 && second.count == 0, "a callback cancels a call that was answered with it");
	memset(&first, 0, sizeof(first));
	first.cancel = start(&first);
	drive_all();
	is_int(first.count, 1, "a callback may cancel its own call");
	memset(&first, 0, sizeof(first));
	first.start_another = true;
	start(&first);
	drive_all();
	is_int(first.count, 2, "a callback starts another call");
	close_world();

	memset(&first, 0, sizeof(first));
	open_world(mixed, AWSX_DIALECT_JSON);
	start(&first);
	first.cancel = start(&second);
	world.transport->silent = true;
	awsx_client_drive(world.client);
	is_int(first.count + second.count, 0, "silence reports nothing");
	world.transport->silent = false;
	drive_all();
	ok(first.count == 1 && second.count == 0, "a callback cancels a call that is to be repeated");
	close_world();

	memset(&first, 0, sizeof(first));
	open_world(good, AWSX_DIALECT_JSON);
	start(&first);
	start(&second);
	close_world();
	is_int(first.count + second.count, 0, "freeing the client cancels without a word");
}

static void
test_cancel_in_each_state(void)
{
	static const Line script[] = {{.status = 503}};
	AwsxCall   *call;
	End			end = {0};

	open_world(script, AWSX_DIALECT_JSON);
	call = start(&end);
	awsx_call_cancel(call);
	is_int(world.transport->cancelled, 1, "a call in flight is cancelled at the transport");
	call = start(&end);
	awsx_client_drive(world.client);
	ok(awsx_client_timeout_ms(world.client) >= 0, "a call waits for its next attempt");
	awsx_call_cancel(call);
	is_int(awsx_client_timeout_ms(world.client), -1, "and is cancelled there");
	is_int(end.count, 0, "neither was reported");
	close_world();
}

static void
test_start_failures(void)
{
	static const Line script[] = {{.status = 503}};
	AwsxHttpRequest request;
	AwsxError	error;
	End			end = {0};

	open_world(script, AWSX_DIALECT_JSON);
	make_request(&request);
	request.path[0] = 'x';
	ok(awsx_client_start(world.client, &world.service, &request, on_done, &end, &error) == NULL &&
	   error.kind == AWSX_ERR_CONFIG, "a bad path is refused");
	ok(request.path == NULL, "the request was taken over all the same");
	make_request(&request);
	free(request.endpoint);
	request.endpoint = strdup("http://example.com");
	ok(awsx_client_start(world.client, &world.service, &request, on_done, &end, &error) == NULL, "plain http to elsewhere");
	world.credential_calls = -1;
	make_request(&request);
	ok(awsx_client_start(world.client, &world.service, &request, on_done, &end, &error) == NULL &&
	   error.kind == AWSX_ERR_CREDENTIALS, "no credentials at the start");
	world.credential_calls = 0;
	world.monotonic_ms += 1000;
	world.transport->refuse = true;
	ok(start(&end) == NULL, "the transport refuses");
	close_world();
}

static void
test_run(void)
{
	static const Line script[] = {{.status = 500}, {.status = 200, .body = "done"}, {.status = 404, .body = "{}"}};
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxError	error;

	open_world(script, AWSX_DIALECT_JSON);
	make_request(&request);
	ok(awsx_client_run(world.client, &world.service, &request, &answer, &error), "run to a success");
	is_str(answer.body.data, "done", "the answer is the caller's");
	awsx_http_response_free(&answer);
	make_request(&request);
	ok(!awsx_client_run(world.client, &world.service, &request, &answer, NULL), "run to an error");
	ok(answer.body.data == NULL, "with nothing to free");
	world.transport->silent = true;
	stop_waiting = true;
	make_request(&request);
	ok(!awsx_client_run(world.client, &world.service, &request, &answer, &error) &&
	   error.kind == AWSX_ERR_CANCELLED, "run until the hook says stop");
	is_int(world.transport->cancelled, 1, "the transport was told");
	close_world();
}

int
main(void)
{
	test_success();
	test_retries();
	test_throttling();
	test_expired_token();
	test_clock_skew();
	test_raw();
	test_dead_connection();
	test_sink();
	test_callbacks();
	test_cancel_in_each_state();
	test_start_failures();
	test_run();
	awsx_client_free(NULL);
	return tap_done();
}
