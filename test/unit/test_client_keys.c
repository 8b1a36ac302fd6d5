/*
 * test_client_keys.c
 *	  The life of the client's keys: fetched once for all, renewed ahead of
 *	  their end, kept when their source is down.
 */
#include "client_world.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

static const Line fine = {.status = 200};
static const Line expired = {.status = 403, .body = "{\"__type\":\"ExpiredTokenException\",\"message\":\"old\"}"};

/* What AWS would say: when each token ends. */
static int64_t token_ends_ms[2000];
static int64_t aws_ahead_ms;	/* its clock before ours */
static int	refusals;

static const Line *
always_fine(const AwsxHttpCall *call)
{
	(void) call;
	return &fine;
}

static const Line *
by_token(const AwsxHttpCall *call)
{
	const char *token = awsx_headers_get(&call->request->headers, "X-Amz-Security-Token");
	int			number = token != NULL ? atoi(token + 5) : 0;

	if (number > 0 && token_ends_ms[number] > world.wall_ms + aws_ahead_ms)
		return &fine;
	refusals++;
	return &expired;
}

static void
open_with(Source source, Judge judge)
{
	open_world(NULL, AWSX_DIALECT_JSON);
	world.source = source;
	world.transport->judge = judge;
	refusals = 0;
}

/* One call, from its start to its end; the kind of its error. */
static AwsxErrorKind
one_call(void)
{
	End			end = {0};

	if (start(&end) == NULL)
		return AWSX_ERR_CREDENTIALS;
	drive_all();
	return end.count == 1 ? end.error.kind : AWSX_ERR_PROTOCOL;
}

static void
test_one_fetch(void)
{
	End			ends[16] = {0};
	int			answered = 0;

	open_with((Source) {.slow = true,.silent = true}, always_fine);
	for (int i = 0; i < 16; i++)
		ok(start(&ends[i]) != NULL, "call %d starts before there are keys", i);
	drive_still();
	is_int(world.source.starts, 1, "one fetch for sixteen calls");
	is_int(world.transport->attempts, 0, "and none of them is sent unsigned");
	is_int(awsx_client_timeout_ms(world.client), 7, "the client waits for the source's answer");
	world.source.silent = false;
	drive_still();
	for (int i = 0; i < 16; i++)
		answered += ends[i].count == 1 && ends[i].error.kind == AWSX_OK;
	is_int(answered, 16, "then all are signed, sent and answered");
	is_int(world.transport->attempts, 16, "once each");
	is_int(world.source.starts, 1, "with the keys of that fetch");
	is_int(world.notices[AWSX_NOTICE_CREDENTIALS], 1, "told in one line");
	is_str(world.notice, "AWS credentials from the test obtained", "which names the source");
	close_world();
}

static void
test_background(void)
{
	End			in_flight = {0};

	open_with((Source) {.lifetime_ms = HOUR}, always_fine);
	ok(one_call() == AWSX_OK, "the first keys");
	is_str(world.notice, "AWS credentials from the test obtained, valid until 2026-01-02 04:04:05 UTC", "and their end");
	world.source.slow = world.source.silent = true;
	pass(HOUR - 14 * MINUTE);
	ok(one_call() == AWSX_OK && world.source.starts == 1, "14 minutes before the end nothing happens");
	pass(MINUTE);
	for (int i = 0; i < 5; i++)
	{
		ok(one_call() == AWSX_OK, "13 minutes before it a call is not held up");
		is_str(world.transport->last_token, "token1", "and signed with the old keys");
	}
	is_int(world.source.starts, 2, "while one fetch is under way");
	world.transport->silent = true;
	start(&in_flight);
	world.source.silent = false;
	drive_still();
	is_int(world.transport->attempts, 8, "the end of the fetch does not touch a call in flight");
	world.transport->silent = false;
	drive_still();
	ok(in_flight.count == 1 && in_flight.error.kind == AWSX_OK, "which is answered in its time");
	ok(one_call() == AWSX_OK, "when that has ended");
	is_str(world.transport->last_token, "token2", "the new keys sign");
	is_str(world.notice, "AWS credentials from the test renewed, valid until 2026-01-02 04:51:05 UTC", "which is told");
	is_int(world.notices[AWSX_NOTICE_CREDENTIALS], 2, "in one line more");
	close_world();

	open_with((Source) {.lifetime_ms = 3 * MINUTE}, always_fine);
	one_call();
	pass(2 * MINUTE);
	one_call();
	is_int(world.source.starts, 1, "keys of three minutes: not yet after two");
	pass(7 * SECOND);
	one_call();
	is_int(world.source.starts, 2, "but soon after, a third of their life before the end");
	close_world();
}

/* Calls every twenty seconds, as a consumer's long polls; how many failed. */
static int
run_for(int64_t duration_ms, int64_t down_from_ms, int64_t down_until_ms)
{
	int			failed = 0;

	for (int64_t t = 0; t < duration_ms; t += 20 * SECOND)
	{
		int			before = world.credential_calls;

		world.source.down = t >= down_from_ms && t < down_until_ms;
		failed += one_call() != AWSX_OK;
		drive_still();
		if (world.credential_calls > before)
			token_ends_ms[world.credential_calls] = world.wall_ms + world.source.lifetime_ms;
		pass(20 * SECOND);
	}
	return failed;
}

/* The keys that the next fetch will bring are valid from the start. */
static void
forget_ends(void)
{
	for (int i = 0; i < 2000; i++)
		token_ends_ms[i] = INT64_MAX;
}

static void
test_ten_hours(void)
{
	int64_t		started_ms;

	open_with((Source) {.lifetime_ms = HOUR,.slow = true}, by_token);
	forget_ends();
	started_ms = awsx_clock_real()->monotonic_ms(NULL);
	is_int(run_for(10 * HOUR, -1, -1), 0, "ten hours with keys of an hour: no call fails");
	is_int(refusals, 0, "nor is one ever signed with keys that have ended");
	ok(world.source.starts >= 12 && world.source.starts <= 14, "%d fetches", world.source.starts);
	is_int(world.notices[AWSX_NOTICE_CREDENTIALS], world.source.starts, "one line each");
	is_int(world.notices[AWSX_NOTICE_CREDENTIALS_FAILING], 0, "and no other");
	ok(awsx_clock_real()->monotonic_ms(NULL) - started_ms < 30000, "(in less than half a minute)");
	close_world();
}

/* Our clock is wrong: keys end sooner, or later, than it says. */
static void
test_ten_hours_of_wrong_time(void)
{
	static const int minutes[] = {20, -20};

	for (int i = 0; i < 2; i++)
	{
		aws_ahead_ms = minutes[i] * MINUTE;
		open_with((Source) {.lifetime_ms = HOUR,.slow = true}, by_token);
		forget_ends();
		ok(run_for(10 * HOUR, -1, -1) == 0, "ten hours with a clock %d minutes off: no call fails", minutes[i]);
		ok(world.source.starts <= 16, "%d fetches, after %d refusals", world.source.starts, refusals);
		is_int(world.notices[AWSX_NOTICE_CREDENTIALS], world.source.starts, "one line each");
		close_world();
	}
	aws_ahead_ms = 0;
}

static void
test_outage(void)
{
	open_with((Source) {.lifetime_ms = HOUR,.slow = true}, by_token);
	forget_ends();
	is_int(run_for(90 * MINUTE, 45 * MINUTE, 55 * MINUTE), 0, "ten minutes without the source, before the end: no call fails");
	is_int(refusals, 0, "nor is one refused");
	is_int(world.notices[AWSX_NOTICE_CREDENTIALS_FAILING], 1, "one line says that it is down");
	is_int(world.notices[AWSX_NOTICE_CREDENTIALS], 2, "and one that it is back");
	ok(world.source.starts >= 8 && world.source.starts <= 30, "it was asked %d times", world.source.starts);
	is_str(world.transport->last_token, "token2", "and its keys are used");
	close_world();

	open_with((Source) {.lifetime_ms = HOUR}, always_fine);
	is_int(run_for(90 * MINUTE, 45 * MINUTE, 75 * MINUTE), 0, "beyond the end the old keys are still tried");
	is_int(world.notices[AWSX_NOTICE_CREDENTIALS_FAILING], 1, "also told once");
	is_str(world.transport->last_token, "token2", "and replaced when the source is back");
	ok(world.source.starts <= 70, "it was asked %d times in half an hour", world.source.starts);
	close_world();

	open_with((Source) {.lifetime_ms = HOUR}, always_fine);
	run_for(40 * MINUTE, -1, -1);
	world.source.down = true;
	pass(10 * MINUTE);
	one_call();
	ok(strncmp(world.notice, "AWS credentials from the test cannot be renewed, the old ones stay in use, "
			   "valid until 2026-01-02 04:04:05 UTC: down in the test", 100) == 0, "what the line says: %s", world.notice);
	close_world();
}

/* A process that was frozen wakes up with keys that have ended meanwhile. */
static void
test_ended_unseen(void)
{
	End			end = {0};

	open_with((Source) {.lifetime_ms = HOUR}, always_fine);
	one_call();
	pass(10 * HOUR);
	world.source.slow = world.source.silent = true;
	start(&end);
	drive_still();
	is_int(world.transport->attempts, 1, "a call waits rather than be signed with what has ended");
	world.source.silent = false;
	drive_still();
	is_int(end.count, 1, "until there are new keys");
	is_str(world.transport->last_token, "token2", "which sign");
	pass(10 * HOUR);
	world.source.down = true;
	ok(one_call() == AWSX_OK, "when there are none the old ones sign");
	is_str(world.transport->last_token, "token2", "for lack of better ones");
	world.source.silent = true;
	pass(10 * SECOND);
	ok(one_call() == AWSX_OK && world.source.starts == 4, "and no further call is held up by a source that is down");
	close_world();
}

static void
test_served_ended(void)
{
	int			starts;

	open_with((Source) {.lifetime_ms = -HOUR}, always_fine);
	ok(one_call() == AWSX_OK, "keys that come with their end in the past are used");
	ok(one_call() == AWSX_OK && world.source.starts == 1, "and not asked for again at once");
	world.source.same = true;
	world.source.slow = world.source.silent = true;
	pass(5 * SECOND);
	ok(one_call() == AWSX_OK && world.source.starts == 2, "but soon, without a delay");
	world.source.silent = false;
	drive_still();
	starts = world.source.starts;
	run_for(HOUR, -1, -1);
	ok(world.source.starts - starts >= 12 && world.source.starts - starts <= 40,
	   "then every few minutes: %d times in an hour", world.source.starts - starts);
	is_int(world.notices[AWSX_NOTICE_CREDENTIALS], 1, "one line for one pair of keys");
	close_world();
}

/* As instance metadata does: the same keys, until shortly before their end. */
static void
test_same_until_late(void)
{
	int64_t		end_ms;

	open_with((Source) {.lifetime_ms = HOUR}, by_token);
	forget_ends();
	one_call();
	end_ms = world.wall_ms + HOUR;
	token_ends_ms[1] = end_ms;
	world.source.same = true;
	while (world.wall_ms < end_ms - MINUTE)
	{
		world.source.lifetime_ms = end_ms - world.wall_ms;
		one_call();
		pass(20 * SECOND);
	}
	ok(world.source.starts >= 6 && world.source.starts <= 20, "the same keys came %d times", world.source.starts);
	is_int(world.notices[AWSX_NOTICE_CREDENTIALS], 1, "without a word");
	world.source.same = false;
	world.source.lifetime_ms = HOUR;
	is_int(run_for(10 * MINUTE, -1, -1), 0, "others, a minute before the end, are noticed in time");
	is_int(refusals, 0, "no call is refused");
	is_str(world.transport->last_token, "token2", "they sign");
	close_world();
}

static void
test_endless(void)
{
	open_with((Source) {.same = true}, always_fine);
	run_for(10 * MINUTE, -1, -1);
	is_int(world.source.starts, 10, "keys without an end are looked at every minute");
	is_int(world.notices[AWSX_NOTICE_CREDENTIALS], 1, "the same ones are no news");
	world.source.same = false;
	world.source.slow = world.source.silent = true;
	ok(one_call() == AWSX_OK && world.source.starts == 11, "nobody waits for that");
	is_str(world.transport->last_token, "token1", "the old ones sign");
	world.source.silent = false;
	drive_still();
	one_call();
	is_str(world.transport->last_token, "token2", "until others have come");
	is_int(world.notices[AWSX_NOTICE_CREDENTIALS], 2, "which is told");
	world.source.down = true;
	run_for(10 * MINUTE, 0, HOUR);
	is_int(world.notices[AWSX_NOTICE_CREDENTIALS_FAILING], 1, "a file that is gone is told once");
	world.source.same = true;
	is_int(run_for(2 * MINUTE, -1, -1), 0, "and the keys stay");
	is_int(world.notices[AWSX_NOTICE_CREDENTIALS], 3, "its return is told, though the keys are the same");
	close_world();
}

int
main(void)
{
	test_one_fetch();
	test_background();
	test_ten_hours();
	test_ten_hours_of_wrong_time();
	test_outage();
	test_ended_unseen();
	test_served_ended();
	test_same_until_late();
	test_endless();
	return tap_done();
}
