/*
 * client_call.c
 *	  One call, from its start to its report.
 *
 *	  start -> UNSIGNED -> IN_FLIGHT -> ANSWERED -> REPORTED (callback, freed)
 *				   ^  |					 |	^
 *				   |  +--- no keys ------)--+
 *				   |					 v
 *				   +----------------- WAITING (for its next attempt's time)
 *
 * UNSIGNED lasts only while there are no keys to sign with and a fetch is
 * under way; a fetch that fails is an answer to all that wait for it.
 *
 * The transport's report only moves a call to ANSWERED.  What follows from
 * the answer is decided by awsx_client_drive, one call at a time, each taken
 * from the list anew: so a callback may start calls and cancel any, and may
 * even drive.  While its callback runs, a call belongs to the client.
 *
 * Each attempt asks for credentials and signs again, since both age; path,
 * query and body stay as they are, so an id in them that makes a retry safe
 * (ReceiveRequestAttemptId, MessageDeduplicationId) repeats by itself.
 *
 * The calls that a provider makes to fetch keys are never signed with the
 * keys that it is to fetch: such a call would wait for itself.
 */
#include "client_call.h"

#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "http_check.h"

/*----------
 * The list of calls
 *----------
 */

static void
link_call(AwsxCall *call)
{
	AwsxClient *client = call->client;

	call->prev = client->last;
	if (client->last != NULL)
		client->last->next = call;
	else
		client->first = call;
	client->last = call;
}

static void
unlink_call(AwsxCall *call)
{
	AwsxClient *client = call->client;

	if (call->prev != NULL)
		call->prev->next = call->next;
	else
		client->first = call->next;
	if (call->next != NULL)
		call->next->prev = call->prev;
	else
		client->last = call->prev;
	call->next = call->prev = NULL;
}

static void
free_call(AwsxCall *call)
{
	awsx_http_request_free(&call->request);
	awsx_http_response_free(&call->http.response);
	free(call);
}

/*----------
 * One attempt
 *----------
 */

/* READY: signed with *keys. */
static bool
sign_with(AwsxCall *call, const AwsxCredentials *keys, AwsxError *error)
{
	AwsxClient *client = call->client;
	AwsxSigv4	signer = {
		.credentials = keys,
		.region = call->service.region,
		.service = call->service.name,
		.request = &call->request,
		.kept = &client->signing_key
	};

	call->signed_skew_ms = awsx_skew_get(&client->skew, call->service.endpoint);
	signer.when_ms = client->clock->wall_ms(client->clock->arg) + call->signed_skew_ms;
	return awsx_sigv4_sign(&signer, error);
}

static AwsxKeys
sign(AwsxCall *call, AwsxError *error)
{
	const AwsxCredentials *keys = call->service.credentials;
	AwsxKeys	state = AWSX_KEYS_READY;

	call->generation = 0;
	if (keys == NULL && call->inner)
	{
		awsx_error_set(error, AWSX_ERR_CONFIG,
					   "a provider of credentials made a call that needs what it is to fetch");
		return AWSX_KEYS_FAILED;
	}
	if (keys == NULL)
		state = awsx_credentials_cache_get(call->client->credentials, &keys, &call->generation,
										   error);
	if (state == AWSX_KEYS_READY && !sign_with(call, keys, error))
		state = AWSX_KEYS_FAILED;
	return state;
}

static void
on_http_done(AwsxHttpCall *http)
{
	AwsxCall   *call = http->arg;

	call->state = AWSX_CALL_ANSWERED;
}

/* Sign and send; the call is IN_FLIGHT, or UNSIGNED, when that succeeds. */
static bool
begin_attempt(AwsxCall *call, AwsxError *error)
{
	AwsxTransport *transport = call->client->transport;
	bool		fresh = call->http.fresh_connection;
	AwsxKeys	keys = AWSX_KEYS_READY;

	awsx_http_response_free(&call->http.response);
	call->http = (AwsxHttpCall) {
		.request = &call->request,
		.fresh_connection = fresh,
		.done = on_http_done,
		.arg = call
	};
	if (call->service.dialect != AWSX_DIALECT_RAW && !call->service.anonymous)
		keys = sign(call, error);
	call->state = AWSX_CALL_UNSIGNED;
	if (keys != AWSX_KEYS_READY)
		return keys == AWSX_KEYS_COMING;
	if (!transport->start(transport, &call->http, error))
		return false;
	call->state = AWSX_CALL_IN_FLIGHT;
	return true;
}

/* Bytes that the caller has seen cannot be taken back for another attempt. */
static bool
count_sunk(void *arg, const char *bytes, size_t len)
{
	AwsxCall   *call = arg;

	call->sunk = true;
	return call->sink(call->sink_arg, bytes, len);
}

static void
adopt_request(AwsxCall *call, AwsxHttpRequest *request)
{
	call->request = *request;
	memset(request, 0, sizeof(*request));
	if (call->request.sink != NULL)
	{
		call->sink = call->request.sink;
		call->sink_arg = call->request.sink_arg;
		call->request.sink = count_sunk;
		call->request.sink_arg = call;
	}
}

static void
wait_until(AwsxCall *call, int delay_ms)
{
	call->state = AWSX_CALL_WAITING;
	call->due_ms = awsx_client_now_ms(call->client) + delay_ms;
}

static AwsxRetry *
retry_of(const AwsxCall *call)
{
	return call->inner ? &call->client->inner_retry : &call->client->retry;
}

/* A first attempt that could not be made is repeated like one that failed. */
static bool
begin_call(AwsxCall *call, AwsxError *error)
{
	int			delay_ms;

	if (call->service.redirect != NULL)
		(void) call->service.redirect(&call->service, &call->request, NULL, NULL);
	if (!awsx_http_request_check(&call->request, call->request.allow_plain, error))
		return false;
	if (begin_attempt(call, error))
		return true;
	if (call->service.dialect == AWSX_DIALECT_RAW)
		return false;
	delay_ms = awsx_retry_delay_ms(retry_of(call), call->attempt, error, &call->retry_cost);
	if (delay_ms < 0)
		return false;
	call->attempt++;
	wait_until(call, delay_ms);
	return true;
}

AwsxCall *
awsx_client_start(AwsxClient *client, const AwsxService *service, AwsxHttpRequest *request,
				  AwsxCallDone done, void *arg, AwsxError *error)
{
	AwsxCall   *call = calloc(1, sizeof(*call));
	AwsxError	own_error;

	awsx_error_clear(&own_error);
	if (call == NULL)
	{
		awsx_http_request_free(request);
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
		return NULL;
	}
	call->client = client;
	call->service = *service;
	call->done = done;
	call->arg = arg;
	call->attempt = 1;
	call->inner = client->providers_entered > 0;
	adopt_request(call, request);
	call->request.allow_plain = service->allow_plain;
	if (!begin_call(call, &own_error))
	{
		free_call(call);
		if (error != NULL)
			*error = own_error;
		return NULL;
	}
	link_call(call);
	return call;
}

void
awsx_call_cancel(AwsxCall *call)
{
	AwsxTransport *transport = call->client->transport;

	if (call->state == AWSX_CALL_REPORTED)
		return;					/* from its own callback: freed after that */
	if (call->state == AWSX_CALL_IN_FLIGHT)
		transport->cancel(transport, &call->http);
	unlink_call(call);
	free_call(call);
}

void
awsx_calls_keys_changed(void *client, const AwsxError *error)
{
	awsx_sigv4_key_wipe(&((AwsxClient *) client)->signing_key);
	for (AwsxCall *call = ((AwsxClient *) client)->first; call != NULL; call = call->next)
	{
		if (call->state != AWSX_CALL_UNSIGNED)
			continue;
		call->http.error = *error;
		if (error->kind == AWSX_OK)
			wait_until(call, 0);
		else
			call->state = AWSX_CALL_ANSWERED;
	}
}

/*----------
 * After an attempt
 *----------
 */

static void
report(AwsxCall *call, const AwsxError *error)
{
	AwsxClient *client = call->client;
	AwsxError	copy = *error;	/* it may be the call's own */

	unlink_call(call);
	call->state = AWSX_CALL_REPORTED;
	if (call->inner)
		awsx_client_enter_provider(client);
	call->done(call, &call->http.response, &copy, call->arg);
	if (call->inner)
		awsx_client_leave_provider(client);
	free_call(call);
}

/* Set a flag that was clear. */
static bool
once(bool *flag)
{
	bool		first = !*flag;

	*flag = true;
	return first;
}

/* A refused signature, and a Date that says that our clock is to blame. */
static bool
learn_skew(AwsxCall *call)
{
	AwsxClient *client = call->client;
	const char *endpoint = call->service.endpoint;
	const char *date = awsx_headers_get(&call->http.response.headers, "Date");
	int64_t		before_ms = awsx_skew_get(&client->skew, endpoint);
	int64_t		after_ms;
	char		difference[128];

	if (!awsx_skew_learn(&client->skew, endpoint, date,
						 client->clock->wall_ms(client->clock->arg), call->signed_skew_ms))
		return false;
	after_ms = awsx_skew_get(&client->skew, endpoint);
	if (!awsx_skew_differs(before_ms, after_ms))
		return true;			/* another call has told it already */
	awsx_skew_describe(after_ms, difference, sizeof(difference));
	awsx_client_notify(client, AWSX_NOTICE_CLOCK, "%s %s", endpoint, difference);
	return true;
}

/*
 * Failures that a changed attempt may cure at once: a kept connection that
 * the peer had closed, bytes that were changed on the way, a bucket in
 * another region, a wrong clock, an expired token.  Each is tried once and
 * does not count as a retry.
 */
static bool
curable(AwsxCall *call, AwsxError *error)
{
	AwsxService *service = &call->service;

	if (error->kind == AWSX_ERR_TRANSPORT && call->http.reused_connection)
	{
		call->http.fresh_connection = true;
		return once(&call->retried_fresh);
	}
	if (error->kind == AWSX_ERR_INTEGRITY)
	{
		call->http.fresh_connection = true;
		return once(&call->retried_integrity);
	}
	if (service->dialect == AWSX_DIALECT_RAW || call->http.response.status == 0)
		return false;			/* not an answer of this service */
	if (error->region[0] != '\0' && service->redirect != NULL &&
		strcmp(error->region, service->region) != 0 && once(&call->redirected))
		return service->redirect(service, &call->request, error->region, error) &&
			awsx_http_request_check(&call->request, call->request.allow_plain, error);
	if (awsx_answer_is_clock_skew(error) && !call->retried_skew && learn_skew(call))
		return once(&call->retried_skew);
	if (call->generation == 0 || !awsx_answer_is_expired_token(error))
		return false;
	if (once(&call->retried_token) &&
		awsx_credentials_cache_reject(call->client->credentials, call->generation))
		return true;
	awsx_credentials_cache_explain(call->client->credentials, error);
	return false;
}

/* Milliseconds until the next attempt, or -1 for none. */
static int
next_attempt_ms(AwsxCall *call, AwsxError *error)
{
	int			delay_ms;

	if (call->sunk)
		return -1;
	if (curable(call, error))
		return 0;
	if (error->kind == AWSX_ERR_INTEGRITY)
		return -1;				/* the same again: more often will not help */
	if (call->service.dialect == AWSX_DIALECT_RAW)
		return -1;				/* its owner knows what may be repeated */
	delay_ms = awsx_retry_delay_ms(retry_of(call), call->attempt, error, &call->retry_cost);
	if (delay_ms >= 0)
		call->attempt++;
	return delay_ms;
}

/*
 * There is no next attempt.  The caller of a long poll starts another one
 * whatever comes of this: what may pass is reported after the delay that a
 * retry would have had, so that an empty bucket of tokens slows it down
 * instead of making it spin.
 */
static void
give_up(AwsxCall *call, const AwsxError *error)
{
	if (!call->request.long_poll || !error->retryable)
	{
		report(call, error);
		return;
	}
	call->http.error = *error;
	call->ending = true;
	wait_until(call, awsx_retry_pause_ms(retry_of(call), call->attempt, error));
}

void
awsx_call_settle(AwsxCall *call)
{
	AwsxError	error = call->http.error;
	int			delay_ms;

	if (error.kind == AWSX_OK)
		awsx_answer_classify(call->service.dialect, &call->http.response, &error);
	if (error.kind == AWSX_OK && call->service.accept != NULL)
		(void) call->service.accept(&call->service, &call->request, &call->http.response, &error);
	if (error.kind == AWSX_OK)
	{
		awsx_retry_success(retry_of(call), call->retry_cost);
		report(call, &error);
		return;
	}
	delay_ms = next_attempt_ms(call, &error);
	if (delay_ms < 0)
		give_up(call, &error);
	else
		wait_until(call, delay_ms);
}

void
awsx_call_resume(AwsxCall *call)
{
	AwsxError	error;

	awsx_error_clear(&error);
	if (call->ending)
	{
		report(call, &call->http.error);
		return;
	}
	if (begin_attempt(call, &error))
		return;
	call->http.error = error;
	call->state = AWSX_CALL_ANSWERED;
}
