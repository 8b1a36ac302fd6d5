/*
 * test_client_memory.c
 *	  The client with its keys, while each allocation fails once, and what
 *	  keys leave behind in memory.
 */
#define _GNU_SOURCE
#include "sweep.h"

#include "client_world.h"

#define HOUR INT64_C(3600000)

static const Line fine = {.status = 200, .body = "{}"};
static const Line expired = {.status = 403, .body = "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>old</Message></Error></ErrorResponse>"};

static int	refused_up_to;

static const Line *
by_number(const AwsxHttpCall *call)
{
	const char *token = awsx_headers_get(&call->request->headers, "X-Amz-Security-Token");

	return token == NULL || atoi(token + 5) > refused_up_to ? &fine : &expired;
}

static bool
opened(Source source, AwsxError *error)
{
	open_world(NULL, AWSX_DIALECT_JSON);
	refused_up_to = 0;
	if (world.client == NULL)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "no client");
	world.source = source;
	world.transport->judge = by_number;
	return true;
}

static bool
one_call(AwsxError *error)
{
	AwsxHttpRequest request;
	End			end = {0};

	make_request(&request);
	if (awsx_client_start(world.client, &world.service, &request, on_done, &end, error) == NULL)
		return false;
	drive_all();
	*error = end.error;
	return end.count == 1 && end.error.kind == AWSX_OK;
}

/* First keys, a renewal in the background, a refusal that is cured. */
static bool
life(AwsxError *error)
{
	bool		done;

	if (!opened((Source) {.lifetime_ms = HOUR,.slow = true}, error))
		return false;
	done = one_call(error);
	pass(HOUR - 600000);
	if (done)
		done = one_call(error);
	drive_still();
	if (done)
		done = one_call(error);
	refused_up_to = 2;
	if (done)
		done = one_call(error);
	if (done && memory_fail_at == 0 && strcmp(world.transport->last_token, "token3") != 0)
		done = ok(false, "life: a wrong result (%s)", world.transport->last_token);
	close_world();
	return done;
}

/* Three wait for keys; one is cancelled, and the client is freed under the others. */
static bool
cancelled(AwsxError *error)
{
	AwsxCall   *calls[3];
	End			ends[3] = {0};
	bool		done = true;

	if (!opened((Source) {.slow = true,.silent = true}, error))
		return false;
	for (int i = 0; i < 3; i++)
	{
		AwsxHttpRequest request;

		make_request(&request);
		calls[i] = awsx_client_start(world.client, &world.service, &request, on_done, &ends[i], error);
		done = done && calls[i] != NULL;
	}
	drive_still();
	if (calls[1] != NULL)
		awsx_call_cancel(calls[1]);
	close_world();
	return done;
}

/* The source fails twice and then answers. */
static bool
outage(AwsxError *error)
{
	AwsxError	unused;
	bool		done;

	if (!opened((Source) {.slow = true,.down = true}, error))
		return false;
	one_call(&unused);
	pass(2000);
	one_call(&unused);
	world.source.down = false;
	pass(4000);
	done = one_call(error);
	close_world();
	return done;
}

static bool
error_answer(AwsxError *error)
{
	bool		done;

	if (!opened((Source) {.same = true}, error))
		return false;
	refused_up_to = 1;
	one_call(error);
	done = strcmp(error->code, "ExpiredToken") == 0 && strcmp(error->message, "old") == 0;
	if (done)
		awsx_error_clear(error);
	close_world();
	return done;
}

int
main(void)
{
#ifdef __SANITIZE_ADDRESS__
	printf("1..0 # SKIP the address sanitizer has an allocator of its own\n");
	return 0;
#endif
	sweep("life of keys", life);
	sweep("cancelled", cancelled);
	sweep("outage", outage);
	sweep("error answer", error_answer);
	leaves_no_secret("replaced keys, secret", "secretKeyOfTheSource", life);
	leaves_no_secret("replaced keys, token", "token1", life);
	leaves_no_secret("renewed keys, token", "token2", life);
	leaves_no_secret("cancelled, secret", "secretKeyOfTheSource", cancelled);
	return tap_done();
}
