/*
 * credentials_process.c
 *	  The provider of what a command prints (credential_process).
 *
 *	  start: spawn -> look at pipe and process, again and again -> done
 *
 * The client's descriptor cannot watch a pipe, so the provider looks at it
 * whenever a timer fires: soon at first, then every 50 ms.  Nobody waits for
 * the command but the fetch, which mostly runs ahead of need.
 *
 * The command's output holds keys: it goes into one block of memory, which is
 * wiped, and into no message.  What it writes to standard error is not read,
 * because commands are known to print keys there, too.
 */
#include "providers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "client.h"
#include "credentials_json.h"
#include "timer.h"

#define OUTPUT_MAX ((size_t) 65536)
#define TIMEOUT_MS 60000
#define FIRST_LOOK_MS 4
#define LOOK_MS 50
#define WITHOUT_END_MS INT64_C(3600000)

typedef struct ProcessProvider
{
	AwsxCredentialsProvider base;
	char	   *command;
	AwsxCredentialsFetch *fetch;	/* null = none is under way */
	AwsxChild	child;
	AwsxTimer	timer;
	int			delay_ms;		/* until the next look */
	int64_t		deadline_ms;
	char	   *output;			/* OUTPUT_MAX bytes while a fetch is under way */
	size_t		used;
	bool		closed;			/* the command has closed its output */
} ProcessProvider;

/* End what is under way; the fetch is the caller's to end. */
static AwsxCredentialsFetch *
take_fetch(ProcessProvider *provider)
{
	AwsxCredentialsFetch *fetch = provider->fetch;

	provider->fetch = NULL;
	awsx_timer_stop(&provider->timer);
	awsx_child_kill(&provider->child);
	if (provider->output != NULL)
		explicit_bzero(provider->output, OUTPUT_MAX);
	free(provider->output);
	provider->output = NULL;
	return fetch;
}

static void
fail(ProcessProvider *provider, AwsxErrorKind kind, const char *problem)
{
	AwsxError	error;

	awsx_error_set(&error, kind, "%s", problem);
	awsx_fetch_failed(take_fetch(provider), &error);
}

/* False: more came than credentials can be. */
static bool
read_output(ProcessProvider *provider)
{
	while (!provider->closed && provider->used < OUTPUT_MAX)
	{
		ssize_t		got = read(provider->child.output, provider->output + provider->used,
							   OUTPUT_MAX - provider->used);

		if (got > 0)
			provider->used += (size_t) got;
		else if (got == 0)
			provider->closed = true;
		else if (errno != EINTR)
			break;				/* nothing now */
	}
	return provider->used < OUTPUT_MAX;
}

/* The command has ended. */
static void
judge(ProcessProvider *provider)
{
	const AwsxClock *clock = awsx_client_clock(provider->fetch->client);
	int			status = provider->child.status;
	AwsxCredentials keys = {0};
	AwsxError	error;

	awsx_error_clear(&error);
	if (WIFSIGNALED(status))
		awsx_error_set(&error, AWSX_ERR_CREDENTIALS, "the credential_process was ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) == 126 || WEXITSTATUS(status) == 127)
		awsx_error_set(&error, AWSX_ERR_CREDENTIALS,
					   "the shell cannot find or run the credential_process (status %d): give its full path, and check that this user may run it",
					   WEXITSTATUS(status));
	else if (WEXITSTATUS(status) != 0)
		awsx_error_set(&error, AWSX_ERR_CREDENTIALS,
					   "the credential_process ended with status %d; run it as this user to see why", WEXITSTATUS(status));
	else if (!awsx_credentials_json(provider->output, provider->used, "SessionToken", &keys, &error))
		awsx_error_retell(&error, error.kind, "the credential_process printed something else than credentials: %s", error.message);
	if (error.kind != AWSX_OK)
	{
		awsx_fetch_failed(take_fetch(provider), &error);
		return;
	}
	if (keys.expires_ms == 0)
		keys.expires_ms = clock->wall_ms(clock->arg) + WITHOUT_END_MS;
	awsx_fetch_found(take_fetch(provider), provider->base.name, &keys);
}

static int64_t
now_ms(const ProcessProvider *provider)
{
	const AwsxClock *clock = awsx_client_clock(provider->fetch->client);

	return clock->monotonic_ms(clock->arg);
}

/*
 * What is in the pipe when the command ends is all: a process that it left
 * behind may keep the pipe open for ever.
 */
static void
look(AwsxTimer *timer)
{
	ProcessProvider *provider = timer->arg;
	bool		ended = awsx_child_ended(&provider->child);

	if (!read_output(provider))
		fail(provider, AWSX_ERR_CREDENTIALS, "the credential_process printed more than 65535 bytes, which cannot be credentials");
	else if (ended)
		judge(provider);
	else if (now_ms(provider) >= provider->deadline_ms)
		fail(provider, AWSX_ERR_TIMEOUT, "the credential_process had not ended after 60 seconds and was killed");
	else
	{
		awsx_timer_start(timer, provider->fetch->client, provider->delay_ms);
		provider->delay_ms = provider->delay_ms * 2 < LOOK_MS ? provider->delay_ms * 2 : LOOK_MS;
	}
}

static void
process_start(AwsxCredentialsProvider *self, AwsxCredentialsFetch *fetch)
{
	ProcessProvider *provider = (ProcessProvider *) self;
	AwsxError	error;

	awsx_error_clear(&error);
	provider->fetch = fetch;
	if (!awsx_child_ended(&provider->child))
	{
		fail(provider, AWSX_ERR_CREDENTIALS, "the last credential_process was killed but has not ended yet");
		return;
	}
	provider->used = 0;
	provider->closed = false;
	provider->output = malloc(OUTPUT_MAX);
	if (provider->output == NULL)
		awsx_error_set(&error, AWSX_ERR_MEMORY, "out of memory");
	if (provider->output == NULL || !awsx_child_start(&provider->child, provider->command, &error))
	{
		awsx_fetch_failed(take_fetch(provider), &error);
		return;
	}
	provider->deadline_ms = now_ms(provider) + TIMEOUT_MS;
	provider->delay_ms = FIRST_LOOK_MS;
	awsx_timer_start(&provider->timer, fetch->client, FIRST_LOOK_MS);
}

static void
process_cancel(AwsxCredentialsProvider *self)
{
	ProcessProvider *provider = (ProcessProvider *) self;

	if (provider->fetch != NULL)
		(void) take_fetch(provider);
}

static void
process_free(AwsxCredentialsProvider *self)
{
	ProcessProvider *provider = (ProcessProvider *) self;

	process_cancel(self);
	explicit_bzero(provider->command, strlen(provider->command));	/* some hold a password */
	free(provider->command);
	free(provider);
}

AwsxCredentialsProvider *
awsx_credentials_process(const char *command, AwsxError *error)
{
	ProcessProvider *provider = calloc(1, sizeof(*provider));

	if (provider != NULL)
		provider->command = strdup(command);
	if (provider == NULL || provider->command == NULL)
	{
		free(provider);
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
		return NULL;
	}
	provider->base.name = "credential_process";
	provider->base.start = process_start;
	provider->base.cancel = process_cancel;
	provider->base.free = process_free;
	provider->child.output = -1;
	provider->timer.fire = look;
	provider->timer.arg = provider;
	return &provider->base;
}
