/*
 * client_call.c
 *	  One call, from its start to its report.
 *
 *	  start -> IN_FLIGHT -> ANSWERED -> REPORTED (callback, freed)
 *				   ^			|
 *				   |			v
 *				   +------ WAITING (for its next attempt's time)
 *
 * The transport's report only moves a call to ANSWERED.  What follows from
 * the answer is decided by awsx_client_drive, one call at a time, each taken
 * from the list anew: so a callback may start calls and cancel any, and may
 * even drive.  While its callback runs, a call belongs to the client.
 *
 * Each attempt asks for credentials and signs again, since both age; path,
 * query and body stay as they are, so an id in them that makes a retry safe
 * (ReceiveRequestAttemptId, MessageDeduplicationId) repeats by itself.
 */
#include "client_call.h"

#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "http_check.h"
#include "sigv4.h"

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

static void
on_fetched(AwsxCredentialsFetch *fetch)
{
	*(bool *) fetch->arg = true;
}

static bool
fetch_credentials(AwsxClient *client, AwsxCredentials *credentials, AwsxError *error)
{
	bool		fetched = false;
	AwsxCredentialsFetch fetch = {.client = client,.done = on_fetched,.arg = &fetched};

	client->credentials->start(client->credentials, &fetch);
	if (!fetched)
	{
		client->credentials->cancel(client->credentials);
		return awsx_error_set(error, AWSX_ERR_CREDENTIALS, "credentials take long");
	}
	if (fetch.error.kind != AWSX_OK)
		*error = fetch.error;
	*credentials = fetch.credentials;
	return fetch.error.kind == AWSX_OK;
}

static bool
sign(AwsxCall *call, AwsxError *error)
{
	AwsxClient *client = call->client;
	AwsxCredentials credentials = {0};
	AwsxSigv4	signer = {
		.credentials = &credentials,
		.region = call->service.region,
		.service = call->service.name,
		.request = &call->request
	};
	bool		signed_ok;

	if (client->credentials == NULL)
		return awsx_error_set(error, AWSX_ERR_CREDENTIALS, "no AWS credentials are configured");
	if (!fetch_credentials(client, &credentials, error))
		return false;
	call->signed_skew_ms = awsx_skew_get(&client->skew, call->service.endpoint);
	signer.when_ms = client->clock->wall_ms(client->clock->arg) + call->signed_skew_ms;
	signed_ok = awsx_sigv4_sign(&signer, error);
	awsx_credentials_clear(&credentials);
	return signed_ok;
}

static void
on_http_done(AwsxHttpCall *http)
{
	AwsxCall   *call = http->arg;

	call->state = AWSX_CALL_ANSWERED;
}

/* Sign and send; the call is IN_FLIGHT when that succeeds. */
static bool
begin_attempt(AwsxCall *call, AwsxError *error)
{
	AwsxTransport *transport = call->client->transport;
	bool		fresh = call->http.fresh_connection;

	if (call->service.dialect != AWSX_DIALECT_RAW && !sign(call, error))
		return false;
	awsx_http_response_free(&call->http.response);
	call->http = (AwsxHttpCall) {
		.request = &call->request,
		.fresh_connection = fresh,
		.done = on_http_done,
		.arg = call
	};
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

AwsxCall *
awsx_client_start(AwsxClient *client, const AwsxService *service, AwsxHttpRequest *request,
				  AwsxCallDone done, void *arg, AwsxError *error)
{
	AwsxCall   *call = calloc(1, sizeof(*call));

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
	adopt_request(call, request);
	if (!awsx_http_request_check(&call->request, service->dialect == AWSX_DIALECT_RAW, error) ||
		!begin_attempt(call, error))
	{
		free_call(call);
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

/*----------
 * After an attempt
 *----------
 */

static void
report(AwsxCall *call, const AwsxError *error)
{
	unlink_call(call);
	call->state = AWSX_CALL_REPORTED;
	call->done(call, &call->http.response, error, call->arg);
	free_call(call);
}

static void
wait_until(AwsxCall *call, int delay_ms)
{
	call->state = AWSX_CALL_WAITING;
	call->due_ms = awsx_client_now_ms(call->client) + delay_ms;
}

/* Set a flag that was clear. */
static bool
once(bool *flag)
{
	bool		first = !*flag;

	*flag = true;
	return first;
}

/*
 * Failures that a changed attempt may cure at once: a kept connection that
 * the peer had closed, an expired token, a wrong clock.  Each is tried once
 * and does not count as a retry.
 */
static bool
curable(AwsxCall *call, const AwsxError *error)
{
	AwsxClient *client = call->client;
	const char *date = awsx_headers_get(&call->http.response.headers, "Date");

	if (error->kind == AWSX_ERR_TRANSPORT && call->http.reused_connection)
	{
		call->http.fresh_connection = true;
		return once(&call->retried_fresh);
	}
	if (call->service.dialect == AWSX_DIALECT_RAW || error->http_status == 0)
		return false;
	if (awsx_answer_is_clock_skew(error) && !call->retried_skew &&
		awsx_skew_learn(&client->skew, call->service.endpoint, date,
						client->clock->wall_ms(client->clock->arg), call->signed_skew_ms))
		return once(&call->retried_skew);
	return awsx_answer_is_expired_token(error) && once(&call->retried_token);
}

/* Milliseconds until the next attempt, or -1 for none. */
static int
next_attempt_ms(AwsxCall *call, const AwsxError *error)
{
	if (call->sunk)
		return -1;
	if (curable(call, error))
		return 0;
	if (call->service.dialect == AWSX_DIALECT_RAW)
		return -1;				/* its owner knows what may be repeated */
	return awsx_retry_delay_ms(&call->client->retry, call->attempt++, error);
}

void
awsx_call_settle(AwsxCall *call)
{
	AwsxError	error = call->http.error;
	int			delay_ms;

	if (error.kind == AWSX_OK)
		awsx_answer_classify(call->service.dialect, &call->http.response, &error);
	if (error.kind == AWSX_OK)
	{
		awsx_retry_success(&call->client->retry, call->attempt);
		report(call, &error);
		return;
	}
	delay_ms = next_attempt_ms(call, &error);
	if (delay_ms < 0)
		report(call, &error);
	else
		wait_until(call, delay_ms);
}

void
awsx_call_resume(AwsxCall *call)
{
	AwsxError	error;

	awsx_error_clear(&error);
	if (!begin_attempt(call, &error))
		report(call, &error);
}
