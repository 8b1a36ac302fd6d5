/*
 * client_world.h
 *	  A client over a transport of our own, in a world whose time stands
 *	  still until a test moves it.
 *
 * The source of keys is the test's too: each fetch makes another token, at
 * once or by a call over the client.
 */
#ifndef CLIENT_WORLD_H
#define CLIENT_WORLD_H

#include "client_double.h"

#include "service.h"

/* Where keys come from; all zero: at once, others each time, without an end. */
typedef struct Source
{
	int64_t		lifetime_ms;	/* from the fetch on; 0 = they never end */
	bool		same;			/* the keys that it gave before */
	bool		down;			/* fails, */
	bool		retryable;		/* ... but may not for long */
	bool		slow;			/* makes a call first, */
	bool		silent;			/* ... which is not answered, */
	bool		breaks;			/* ... or with 500, */
	bool		needs_keys;		/* ... or which wants to be signed (a mistake) */
	int			starts;
	int			cancels;
	AwsxCall   *call;
	AwsxCredentialsFetch *fetch;
} Source;

typedef struct World
{
	Double	   *transport;
	AwsxClient *client;
	AwsxService service;
	Source		source;
	int			notices[3];
	char		notice[1024];	/* the last one */
	int			credential_calls;
	int64_t		monotonic_ms;
	int64_t		wall_ms;
} World;

static World world;

/* The end of a call, as the callback saw it. */
typedef struct End
{
	int			count;
	AwsxError	error;
	int			status;
	char		body[64];
	AwsxCall   *cancel;			/* to be cancelled in the callback */
	AwsxCall   *self;
	bool		start_another;
} End;

static int64_t
world_wall(void *arg)
{
	(void) arg;
	return world.wall_ms;
}

static int64_t
world_monotonic(void *arg)
{
	(void) arg;
	return world.monotonic_ms;
}

static double
world_jitter(void *arg)
{
	(void) arg;
	return 0.5;
}

static const AwsxClock world_clock = {world_wall, world_monotonic, world_jitter, NULL};

/* Each fetch gets another token, so that a test sees who asked again. */
static void
source_answer(AwsxCredentialsFetch *fetch)
{
	const Source *source = &world.source;
	AwsxCredentials keys;
	AwsxError	error;
	char		token[16];

	awsx_error_clear(&error);
	if (source->down)
	{
		awsx_error_set(&error, AWSX_ERR_CREDENTIALS, "down in the test");
		error.retryable = source->retryable;
		error.http_status = 400;
		snprintf(error.code, sizeof(error.code), "ExpiredTokenException");
		awsx_fetch_failed(fetch, &error);
		return;
	}
	if (!source->same || world.credential_calls == 0)
		world.credential_calls++;
	snprintf(token, sizeof(token), "token%d", world.credential_calls);
	if (!awsx_credentials_set(&keys, "AKTEST", "secretKeyOfTheSource", token, &error))
	{
		awsx_fetch_failed(fetch, &error);
		return;
	}
	if (source->lifetime_ms != 0)
		keys.expires_ms = world.wall_ms + source->lifetime_ms;
	awsx_fetch_found(fetch, "the test", &keys);
}

static void
on_source_done(AwsxCall *call, const AwsxHttpResponse *answer, const AwsxError *error, void *arg)
{
	(void) call;
	(void) answer;
	(void) arg;
	world.source.call = NULL;
	if (error->kind == AWSX_OK)
		source_answer(world.source.fetch);
	else
		awsx_fetch_failed(world.source.fetch, error);
}

static void
source_call(AwsxCredentialsFetch *fetch)
{
	AwsxService service = {.dialect = AWSX_DIALECT_XML,.name = "sts",.region = "eu-west-1",
	.endpoint = SOURCE_ENDPOINT,.anonymous = !world.source.needs_keys};
	AwsxHttpRequest request;
	AwsxError	error;

	awsx_error_clear(&error);
	awsx_http_request_init(&request, "GET");
	request.endpoint = strdup(SOURCE_ENDPOINT);
	request.path = strdup("/keys");
	world.source.fetch = fetch;
	world.source.call = awsx_client_start(fetch->client, &service, &request, on_source_done, NULL, &error);
	if (world.source.call == NULL)
		awsx_fetch_failed(fetch, &error);
}

/* What answers the source's own call. */
static const Line *
judge_source(const AwsxHttpCall *call)
{
	static const Line fine = {.status = 200};
	static const Line broken = {.status = 500};

	(void) call;
	if (world.source.silent)
		return NULL;
	return world.source.breaks ? &broken : &fine;
}

static void
source_start(AwsxCredentialsProvider *self, AwsxCredentialsFetch *fetch)
{
	(void) self;
	world.source.starts++;
	if (world.credential_calls < 0)
		awsx_fetch_absent(fetch, "none in the test");
	else if (world.source.slow)
		source_call(fetch);
	else
		source_answer(fetch);
}

static void
source_cancel(AwsxCredentialsProvider *self)
{
	(void) self;
	world.source.cancels++;
	if (world.source.call != NULL)
		awsx_call_cancel(world.source.call);
	world.source.call = NULL;
}

static void
source_free(AwsxCredentialsProvider *self)
{
	(void) self;
}

static AwsxCredentialsProvider source_provider = {"the test", source_start, source_cancel, source_free};

static void
note_notice(void *arg, AwsxNotice notice, const char *message)
{
	(void) arg;
	world.notices[notice]++;
	copy(world.notice, sizeof(world.notice), message);
}

/* The wait hook: time passes as asked; false when told so by arg. */
static bool
pass_time(void *arg, int fd, int timeout_ms)
{
	(void) fd;
	if (*(bool *) arg)
		return false;
	world.monotonic_ms += timeout_ms > 0 ? timeout_ms : 0;
	return true;
}

static bool stop_waiting;

static void
open_world(const Line *script, AwsxDialect dialect)
{
	AwsxClientOptions options = {
		.credentials = &source_provider,
		.on_notice = note_notice,
		.clock = &world_clock,
		.wait = pass_time,
		.wait_arg = &stop_waiting
	};
	AwsxError	error;

	memset(&world, 0, sizeof(world));
	stop_waiting = false;
	world.wall_ms = INT64_C(1767323045000);	/* 2026-01-02T03:04:05Z */
	world.transport = calloc(1, sizeof(Double));
	world.transport->base = (AwsxTransport) {
		.start = double_start, .cancel = double_cancel, .drive = double_drive, .fd = double_fd,
		.timeout_ms = double_timeout, .free = double_free
	};
	world.transport->script = script;
	world.transport->source = judge_source;
	options.transport = &world.transport->base;
	world.client = awsx_client_create(&options, &error);
	awsx_service_init(&world.service, "sqs", dialect,
					  &(AwsxServiceOptions) {.region = "eu-west-1", .endpoint = "https://sqs.example"}, &error);
}

static void
close_world(void)
{
	awsx_client_free(world.client);
}

static void
make_request(AwsxHttpRequest *request)
{
	awsx_http_request_init(request, "POST");
	request->endpoint = strdup("https://sqs.example");
	request->path = strdup("/");
	request->body = strdup("the-same-body");
	request->body_len = strlen(request->body);
}

static inline AwsxCall *start(End *end);

static inline void
on_done(AwsxCall *call, const AwsxHttpResponse *answer, const AwsxError *error, void *arg)
{
	End		   *end = arg;

	(void) call;
	end->count++;
	end->error = *error;
	end->status = answer->status;
	copy(end->body, sizeof(end->body), answer->body.data);
	if (end->cancel != NULL)
		awsx_call_cancel(end->cancel);
	if (end->start_another)
	{
		end->start_another = false;
		start(end);
	}
}

static inline AwsxCall *
start(End *end)
{
	AwsxHttpRequest request;
	AwsxError	error;

	make_request(&request);
	return awsx_client_start(world.client, &world.service, &request, on_done, end, &error);
}

/* Drive until nothing is left to do, moving time along. */
static inline void
drive_all(void)
{
	int			timeout_ms;

	for (int i = 0; i < 100; i++)
	{
		awsx_client_drive(world.client);
		timeout_ms = awsx_client_timeout_ms(world.client);
		if (timeout_ms < 0)
			return;
		world.monotonic_ms += timeout_ms;
	}
}

/* Drive until nothing moves, time standing still. */
static inline void
drive_still(void)
{
	for (int i = 0; i < 20; i++)
		awsx_client_drive(world.client);
}

/* Both clocks go on. */
static inline void
pass(int64_t ms)
{
	world.monotonic_ms += ms;
	world.wall_ms += ms;
}

static inline End
run_script(const Line *script, AwsxDialect dialect)
{
	End			end = {0};

	open_world(script, dialect);
	if (start(&end) == NULL)
		ok(false, "started");
	drive_all();
	return end;
}

#endif							/* CLIENT_WORLD_H */
