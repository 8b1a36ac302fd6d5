/*
 * client.c
 *	  The calls of a process over one transport: its event loop, and the
 *	  blocking form on top of it.
 *
 * The client owns transport, provider and calls.  What a call goes through
 * is its own matter; here it is only asked which one is next: those that
 * were answered before those whose next attempt is due.
 */
#include "client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "client_call.h"

static bool
wait_with_poll(void *arg, int fd, int timeout_ms)
{
	struct pollfd entry = {.fd = fd, .events = POLLIN};

	(void) arg;
	return poll(&entry, 1, timeout_ms) >= 0 || errno == EINTR;
}

AwsxClient *
awsx_client_create(const AwsxClientOptions *options, AwsxError *error)
{
	AwsxClient *client = calloc(1, sizeof(*client));

	if (client == NULL)
	{
		if (options->credentials != NULL)
			options->credentials->free(options->credentials);
		options->transport->free(options->transport);
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
		return NULL;
	}
	client->transport = options->transport;
	client->clock = options->clock != NULL ? options->clock : awsx_clock_real();
	client->wait = options->wait != NULL ? options->wait : wait_with_poll;
	client->wait_arg = options->wait_arg;
	client->on_notice = options->on_notice;
	client->notice_arg = options->notice_arg;
	awsx_retry_init(&client->retry, client->clock, options->max_attempts);
	client->inner_retry = client->retry;
	client->credentials = awsx_credentials_cache_create(client, options->credentials,
														awsx_calls_keys_changed, client);
	if (client->credentials == NULL)
	{
		client->transport->free(client->transport);
		free(client);
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
		return NULL;
	}
	return client;
}

void
awsx_client_free(AwsxClient *client)
{
	if (client == NULL)
		return;
	awsx_credentials_cache_free(client->credentials);	/* cancels its provider's calls itself */
	while (client->first != NULL)
		awsx_call_cancel(client->first);
	client->transport->free(client->transport);
	awsx_sigv4_key_wipe(&client->signing_key);
	free(client);
}

void
awsx_client_notify(AwsxClient *client, AwsxNotice notice, const char *format,...)
{
	char		message[1024];
	va_list		args;

	if (client->on_notice == NULL)
		return;
	va_start(args, format);
	if (vsnprintf(message, sizeof(message), format, args) < 0)
		message[0] = '\0';
	va_end(args);
	client->on_notice(client->notice_arg, notice, message);
}

void
awsx_client_enter_provider(AwsxClient *client)
{
	client->providers_entered++;
}

void
awsx_client_leave_provider(AwsxClient *client)
{
	client->providers_entered--;
}

void
awsx_client_forget_connections(AwsxClient *client)
{
	if (client->transport->forget != NULL)
		client->transport->forget(client->transport);
}

const AwsxClock *
awsx_client_clock(const AwsxClient *client)
{
	return client->clock;
}

int64_t
awsx_client_now_ms(const AwsxClient *client)
{
	return client->clock->monotonic_ms(client->clock->arg);
}

static AwsxCall *
find_answered(const AwsxClient *client)
{
	AwsxCall   *call = client->first;

	while (call != NULL && call->state != AWSX_CALL_ANSWERED)
		call = call->next;
	return call;
}

/* The waiting call whose time comes first, or null. */
static AwsxCall *
find_next_due(const AwsxClient *client)
{
	AwsxCall   *best = NULL;

	for (AwsxCall *call = client->first; call != NULL; call = call->next)
	{
		if (call->state == AWSX_CALL_WAITING && (best == NULL || call->due_ms < best->due_ms))
			best = call;
	}
	return best;
}

static AwsxCall *
find_due(const AwsxClient *client)
{
	AwsxCall   *next = find_next_due(client);

	return next != NULL && next->due_ms <= awsx_client_now_ms(client) ? next : NULL;
}

/*----------
 * The owner's event loop
 *----------
 */

int
awsx_client_fd(AwsxClient *client)
{
	return client->transport->fd(client->transport);
}

int
awsx_client_timeout_ms(AwsxClient *client)
{
	int			timeout_ms = client->transport->timeout_ms(client->transport);
	const AwsxCall *due = find_next_due(client);
	int			timer_ms = awsx_timer_next_ms(client);
	int64_t		left_ms;

	if (find_answered(client) != NULL)
		return 0;
	if (timer_ms >= 0 && (timeout_ms < 0 || timer_ms < timeout_ms))
		timeout_ms = timer_ms;
	if (due == NULL)
		return timeout_ms;
	left_ms = due->due_ms - awsx_client_now_ms(client);
	if (left_ms < 0)
		left_ms = 0;
	if (timeout_ms >= 0 && timeout_ms < left_ms)
		return timeout_ms;
	return left_ms < INT_MAX ? (int) left_ms : INT_MAX;
}

void
awsx_client_drive(AwsxClient *client)
{
	AwsxCall   *call;

	client->transport->drive(client->transport);
	awsx_client_enter_provider(client); /* only providers and their fetches have timers */
	awsx_timer_fire_due(client);
	awsx_client_leave_provider(client);
	for (;;)
	{
		if ((call = find_answered(client)) != NULL)
			awsx_call_settle(call);
		else if ((call = find_due(client)) != NULL)
			awsx_call_resume(call);
		else
			break;
	}
}

/*----------
 * The blocking form
 *----------
 */

typedef struct Run
{
	bool		finished;
	AwsxHttpResponse *answer;
	AwsxError  *error;
} Run;

static void
on_run_done(AwsxCall *call, const AwsxHttpResponse *answer, const AwsxError *error, void *arg)
{
	Run		   *run = arg;

	(void) answer;
	run->finished = true;
	if (run->error != NULL)
		*run->error = *error;
	if (error->kind != AWSX_OK)
		return;
	*run->answer = call->http.response;
	awsx_http_response_init(&call->http.response, 0);
}

bool
awsx_client_run(AwsxClient *client, const AwsxService *service, AwsxHttpRequest *request,
				AwsxHttpResponse *answer, AwsxError *error)
{
	AwsxError	own_error;
	Run			run = {false, answer, error != NULL ? error : &own_error};
	AwsxCall   *call;

	awsx_http_response_init(answer, 0);
	call = awsx_client_start(client, service, request, on_run_done, &run, run.error);
	if (call == NULL)
		return false;
	for (;;)
	{
		awsx_client_drive(client);
		if (run.finished)
			return run.error->kind == AWSX_OK;
		if (!client->wait(client->wait_arg, awsx_client_fd(client), awsx_client_timeout_ms(client)))
			break;
	}
	awsx_call_cancel(call);
	return awsx_error_set(run.error, AWSX_ERR_CANCELLED, "the call was cancelled");
}
