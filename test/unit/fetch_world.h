/*
 * fetch_world.h
 *	  A provider of credentials that makes calls, in the client's world: every
 *	  request is written down, as one line.
 */
#ifndef FETCH_WORLD_H
#define FETCH_WORLD_H

#include "client_world.h"
#include "providers.h"

typedef struct FetchEnd
{
	int			count;			/* how often done was called */
	AwsxCredentials keys;
	AwsxError	error;
	bool		absent;
	const char *source;
} FetchEnd;

static char fetch_log[4096];	/* "METHOD url header=value\n" for each attempt */
static int	fetch_timeout_ms;	/* of the last one */

/* The headers that matter to metadata services. */
static bool
write_down(AwsxTransport *self, AwsxHttpCall *call, AwsxError *error)
{
	static const char *const names[] = {
		"Authorization", "x-aws-ec2-metadata-token", "x-aws-ec2-metadata-token-ttl-seconds"
	};
	const AwsxHttpRequest *request = call->request;
	size_t		len = strlen(fetch_log);
	bool		started;

	len += (size_t) snprintf(fetch_log + len, sizeof(fetch_log) - len, "%s %s%s%s%s", request->method, request->endpoint,
							 request->path, request->query ? "?" : "", request->query ? request->query : "");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		const char *value = awsx_headers_get(&request->headers, names[i]);

		if (value != NULL)
			len += (size_t) snprintf(fetch_log + len, sizeof(fetch_log) - len, " %s=%s", names[i], value);
	}
	snprintf(fetch_log + len, sizeof(fetch_log) - len, "\n");
	fetch_timeout_ms = request->timeout_ms;
	started = double_start(self, call, error);
	memset(((Double *) self)->last_scope, 0, sizeof(((Double *) self)->last_scope));	/* a token is no scope */
	return started;
}

static void
open_fetch_world(const Line *script)
{
	open_world(script, AWSX_DIALECT_JSON);
	if (world.client != NULL)	/* else the transport is gone, too */
		world.transport->base.start = write_down;
	fetch_log[0] = '\0';
}

static inline void
on_fetch_done(AwsxCredentialsFetch *fetch)
{
	FetchEnd   *end = fetch->arg;

	end->count++;
	end->keys = fetch->credentials;
	end->error = fetch->error;
	end->absent = fetch->absent;
	end->source = fetch->source;
}

/* One fetch to its end; the caller clears the keys. */
static inline FetchEnd
fetch_all(AwsxCredentialsProvider *provider)
{
	FetchEnd	end = {0};
	AwsxCredentialsFetch fetch = {.client = world.client, .done = on_fetch_done, .arg = &end};

	fetch_log[0] = '\0';
	provider->start(provider, &fetch);
	drive_all();
	return end;
}

/* Begin a fetch, let steps answers come, and give it up: is it quiet then? */
static inline void
cancel_after(AwsxCredentialsProvider *provider, int steps, const char *name)
{
	FetchEnd	end = {0};
	AwsxCredentialsFetch fetch = {.client = world.client, .done = on_fetch_done, .arg = &end};
	int			before = world.transport->cancelled;

	provider->start(provider, &fetch);
	for (int i = 0; i < steps; i++)
		awsx_client_drive(world.client);
	ok(world.transport->open_count == 1 && end.count == 0, "%s is under way", name);
	provider->cancel(provider);
	is_int(world.transport->cancelled, before + 1, "and given up");
	drive_all();
	ok(end.count == 0 && world.transport->open_count == 0, "nothing is reported then");
	provider->cancel(provider);
}

#endif							/* FETCH_WORLD_H */
