/*
 * test_client_refused.c
 *	  Keys that AWS refuses or that nobody gives: what becomes of the calls,
 *	  how often the source is asked, and who may be cancelled when.
 */
#include "client_world.h"

#include "client_call.h"

static const Line fine = {.status = 200};
static const Line expired = {.status = 403, .body = "{\"__type\":\"ExpiredTokenException\",\"message\":\"old\"}"};
static const Line busy = {.status = 503};

static int	refused_up_to;		/* tokens with this number and below */

static const Line *
by_number(const AwsxHttpCall *call)
{
	const char *token = awsx_headers_get(&call->request->headers, "X-Amz-Security-Token");

	return token != NULL && atoi(token + 5) > refused_up_to ? &fine : &expired;
}

static const Line *
always_fine(const AwsxHttpCall *call)
{
	(void) call;
	return &fine;
}

static const Line *
always_expired(const AwsxHttpCall *call)
{
	(void) call;
	return &expired;
}

static const Line *
always_busy(const AwsxHttpCall *call)
{
	(void) call;
	return &busy;
}

static void
open_with(Source source, Judge judge)
{
	open_world(NULL, AWSX_DIALECT_JSON);
	world.source = source;
	world.transport->judge = judge;
	refused_up_to = 0;
}

static AwsxError
one_call(void)
{
	End			end = {0};
	AwsxHttpRequest request;

	make_request(&request);
	if (awsx_client_start(world.client, &world.service, &request, on_done, &end, &end.error) != NULL)
		drive_all();
	return end.error;
}

static void
test_refused_together(void)
{
	End			ends[16] = {0};
	End			late = {0};
	int			answered = 0;

	open_with((Source) {.slow = true}, by_number);
	ok(one_call().kind == AWSX_OK, "keys are there");
	refused_up_to = 1;
	world.source.silent = true;
	for (int i = 0; i < 16; i++)
		start(&ends[i]);
	drive_still();
	is_int(world.transport->attempts, 17, "sixteen calls are refused");
	is_int(world.source.starts, 2, "which begins one fetch");
	start(&late);
	drive_still();
	is_int(world.transport->attempts, 17, "a call that comes later is not sent with the refused keys");
	world.source.silent = false;
	drive_still();
	for (int i = 0; i < 16; i++)
		answered += ends[i].count == 1 && ends[i].error.kind == AWSX_OK;
	is_int(answered, 16, "all go on with the new keys");
	is_int(late.count, 1, "the late one too");
	is_int(world.transport->attempts, 17 + 17, "each was sent once more");
	is_int(world.source.starts, 2, "and nothing else was fetched");
	close_world();
}

/* A call that was in flight when others got the keys renewed needs no fetch. */
static void
test_refused_late(void)
{
	End			first = {0};
	End			second = {0};

	open_with((Source) {0}, by_number);
	start(&first);
	world.transport->silent = true;
	start(&second);
	refused_up_to = 1;
	world.transport->silent = false;
	drive_all();
	ok(first.error.kind == AWSX_OK && second.error.kind == AWSX_OK, "both are cured");
	is_int(world.source.starts, 2, "by the fetch of the first");
	close_world();
}

static void
test_refused_again(void)
{
	AwsxError	error;

	open_with((Source) {.slow = true}, always_expired);
	error = one_call();
	ok(error.kind == AWSX_ERR_DENIED && strcmp(error.code, "ExpiredTokenException") == 0, "refused again: reported");
	is_int(world.transport->attempts, 2, "after the second attempt");
	close_world();

	open_with((Source) {.same = true}, always_expired);
	error = one_call();
	is_str(error.code, "ExpiredTokenException", "the source has nothing but these keys");
	is_int(world.transport->attempts, 1, "so they are not tried again");
	is_int(world.source.starts, 2, "though it was asked");
	for (int i = 0; i < 600; i++)
	{
		one_call();
		pass(1000);
	}
	is_int(world.transport->attempts, 601, "ten minutes of calls once a second");
	ok(world.source.starts <= 14, "ask it %d times only", world.source.starts);
	close_world();
}

static void
test_source_fails(void)
{
	End			ends[4] = {0};
	AwsxError	error;

	open_with((Source) {.slow = true,.down = true}, always_fine);
	for (int i = 0; i < 4; i++)
		start(&ends[i]);
	drive_still();
	for (int i = 0; i < 4; i++)
		ok(ends[i].count == 1 && ends[i].error.kind == AWSX_ERR_CREDENTIALS, "call %d gets the source's error", i);
	is_str(ends[0].error.message, "down in the test", "in its words");
	is_int(world.source.starts, 1, "of one fetch");
	is_int(world.transport->attempts, 0, "nothing was sent");
	is_str(one_call().message, "down in the test", "a call right after it gets the same");
	is_int(world.source.starts, 1, "without another fetch");
	pass(1000);
	world.source.down = false;
	ok(one_call().kind == AWSX_OK, "a second later the source is asked again");
	is_int(world.notices[AWSX_NOTICE_CREDENTIALS_FAILING], 0, "the calls have told it: no line");
	close_world();

	open_with((Source) {.slow = true,.down = true,.retryable = true}, always_fine);
	start(&ends[0]);
	drive_still();
	is_int(ends[0].count, 1, "a failure that may pass is not reported");
	ok(awsx_client_timeout_ms(world.client) >= 500, "but waited out: %d ms", awsx_client_timeout_ms(world.client));
	pass(500);
	world.source.down = false;
	drive_all();
	ok(ends[0].count == 2 && ends[0].error.kind == AWSX_OK, "until the source answers");
	close_world();

	open_with((Source) {.down = true,.retryable = true}, always_fine);
	error = one_call();
	ok(error.kind == AWSX_ERR_CREDENTIALS, "it is reported after the third attempt");
	is_int(world.source.starts, 3, "which is as often as the source was asked");
	ok(world.monotonic_ms >= 1500, "over %lld ms", (long long) world.monotonic_ms);
	close_world();
}

/* A provider that never ends must not hold calls for ever. */
static void
test_endless_fetch(void)
{
	End			end = {0};

	open_with((Source) {.slow = true,.silent = true}, always_fine);
	start(&end);
	drive_still();
	pass(119999);
	drive_still();
	is_int(awsx_client_timeout_ms(world.client), 1, "the client's timeout knows the limit of a fetch");
	is_int(end.count, 0, "until then a call waits");
	pass(1);
	drive_still();
	ok(end.count == 1 && end.error.kind == AWSX_ERR_TIMEOUT, "then it gets an error");
	is_str(end.error.message, "the test gave no AWS credentials within 120 s", "that says so");
	ok(world.source.cancels == 1 && world.source.call == NULL, "and the fetch is cancelled");
	world.source.silent = false;
	pass(1000);
	ok(one_call().kind == AWSX_OK, "the next one may do better");
	pass(130000);
	drive_still();
	is_int(world.source.cancels, 1, "and has no limit left");
	close_world();
}

static void
on_restart(AwsxCall *call, const AwsxHttpResponse *answer, const AwsxError *error, void *arg)
{
	End			unused = {0};

	(void) call;
	(void) answer;
	(void) error;
	++*(int *) arg;
	if (start(&unused) != NULL)
		ok(false, "a call that is started by the failure of another must fail as well");
}

static void
test_failure_begets_none(void)
{
	AwsxHttpRequest request;
	AwsxError	error;
	int			count = 0;

	open_with((Source) {.slow = true,.down = true}, always_fine);
	make_request(&request);
	awsx_client_start(world.client, &world.service, &request, on_restart, &count, &error);
	drive_still();
	ok(count == 1 && world.source.starts == 1, "a failed fetch is not begun again by who waited for it");
	close_world();
}

/* The keys are refused, and the source has just failed: asked once, then not. */
static void
test_refused_while_down(void)
{
	AwsxError	error;

	open_with((Source) {.slow = true}, by_number);
	one_call();
	refused_up_to = 1;
	world.source.down = true;
	error = one_call();
	is_str(error.message, "down in the test", "the source's error says more than AWS's");
	is_int(world.notices[AWSX_NOTICE_CREDENTIALS_FAILING], 1, "and is told");
	error = one_call();
	is_str(error.code, "ExpiredTokenException", "until it is asked again AWS's must do");
	is_int(world.source.starts, 2, "since it is not asked at once");
	pass(1000);
	world.source.down = false;
	ok(one_call().kind == AWSX_OK, "later it answers, and the call goes through");
	close_world();
}

static void
test_cancel(void)
{
	End			ends[3] = {0};
	AwsxCall   *calls[3];

	open_with((Source) {.slow = true,.silent = true}, always_fine);
	for (int i = 0; i < 3; i++)
		calls[i] = start(&ends[i]);
	awsx_call_cancel(calls[1]);
	world.source.silent = false;
	drive_all();
	ok(ends[0].count == 1 && ends[1].count == 0 && ends[2].count == 1, "a call that waits for keys is cancelled alone");
	close_world();

	memset(ends, 0, sizeof(ends));
	open_with((Source) {.slow = true,.down = true}, always_fine);
	start(&ends[0]);
	ends[0].cancel = start(&ends[1]);
	drive_all();
	ok(ends[0].count == 1 && ends[1].count == 0, "also by one that was told of the same failure");
	close_world();

	memset(ends, 0, sizeof(ends));
	open_with((Source) {.slow = true,.silent = true}, always_fine);
	for (int i = 0; i < 3; i++)
		awsx_call_cancel(start(&ends[i]));
	world.source.silent = false;
	drive_still();
	ok(world.credential_calls == 1 && world.source.starts == 1, "the fetch goes on when nobody waits any more");
	close_world();

	open_with((Source) {.slow = true,.silent = true}, always_fine);
	start(&ends[0]);
	drive_still();
	close_world();
	ok(world.source.cancels == 1 && world.source.call == NULL, "a client that is freed cancels its fetch");
	is_int(ends[0].count, 0, "and its calls without a word");
}

/* Hours of a broken source must not use up what other calls may retry with. */
static void
test_tokens_of_its_own(void)
{
	open_with((Source) {.lifetime_ms = 600000,.slow = true}, always_fine);
	one_call();
	world.source.breaks = true;
	for (int i = 0; i < 3600; i++)
	{
		one_call();
		pass(1000);
	}
	is_int(world.notices[AWSX_NOTICE_CREDENTIALS_FAILING], 1, "a source that breaks is told once");
	is_int(world.client->retry.tokens, 500, "its retries cost the other calls nothing");
	ok(world.client->inner_retry.tokens < 100, "but have a bucket of their own");
	world.source.breaks = false;
	pass(60000);
	ok(one_call().kind == AWSX_OK && world.notices[AWSX_NOTICE_CREDENTIALS] == 2, "it is found when it is back");
	close_world();
}

static void
test_own_keys(void)
{
	AwsxCredentials keys = {(char *) "AKOTHER", (char *) "other", (char *) "token-of-its-own", 0};
	AwsxError	error;

	open_with((Source) {0}, always_fine);
	world.service.credentials = &keys;
	ok(one_call().kind == AWSX_OK, "a service with keys of its own");
	is_str(world.transport->last_token, "token-of-its-own", "is signed with them");
	is_int(world.source.starts, 0, "and the client's are not asked for");
	world.transport->judge = always_expired;
	error = one_call();
	ok(error.kind == AWSX_ERR_DENIED && world.transport->attempts == 2 && world.source.starts == 0,
	   "nor when those have expired");
	close_world();

	open_with((Source) {0}, always_fine);
	world.service.dialect = AWSX_DIALECT_XML;
	world.service.anonymous = true;
	ok(one_call().kind == AWSX_OK && !world.transport->last_signed, "an anonymous service is not signed");
	world.transport->judge = always_expired;
	ok(one_call().kind == AWSX_ERR_DENIED && world.source.starts == 0, "what it answers does not touch the client's keys");
	world.transport->judge = always_busy;
	world.transport->attempts = 0;
	ok(one_call().kind == AWSX_ERR_THROTTLED && world.transport->attempts == 3, "but is repeated as others are");
	close_world();
}

static void
test_providers_mistake(void)
{
	AwsxError	error;

	open_with((Source) {.slow = true,.needs_keys = true}, always_fine);
	error = one_call();
	ok(error.kind == AWSX_ERR_CONFIG, "a provider that wants its call signed with what it fetches");
	is_int(world.source.starts, 1, "gets an error instead of waiting for itself");
	close_world();
}

static void
test_no_provider(void)
{
	AwsxClientOptions options = {.clock = &world_clock};
	AwsxHttpRequest request;
	AwsxError	error;
	End			end = {0};

	open_with((Source) {0}, always_fine);
	awsx_client_free(world.client);
	world.transport = calloc(1, sizeof(Double));
	world.transport->base = (AwsxTransport) {
		.start = double_start,.cancel = double_cancel,.drive = double_drive,.fd = double_fd,
		.timeout_ms = double_timeout,.free = double_free
	};
	options.transport = &world.transport->base;
	world.client = awsx_client_create(&options, &error);
	make_request(&request);
	ok(awsx_client_start(world.client, &world.service, &request, on_done, &end, &error) == NULL &&
	   error.kind == AWSX_ERR_CREDENTIALS, "a client without a provider signs nothing");
	close_world();
}

int
main(void)
{
	test_refused_together();
	test_refused_late();
	test_refused_again();
	test_source_fails();
	test_endless_fetch();
	test_failure_begets_none();
	test_refused_while_down();
	test_cancel();
	test_tokens_of_its_own();
	test_own_keys();
	test_providers_mistake();
	test_no_provider();
	return tap_done();
}
