/*
 * client_world.h
 *	  A client over a transport of our own, in a world whose time stands
 *	  still until a test moves it.
 *
 * The double answers from a script, one line an attempt, at the next drive;
 * or a judge of the test decides by looking at the request.  The source of
 * keys is the test's too: each fetch makes another token, at once or by a
 * call over the client.
 */
#ifndef CLIENT_WORLD_H
#define CLIENT_WORLD_H

#include "tap.h"

#include <stdlib.h>

#include "client.h"
#include "service.h"

#define MAX_OPEN 40
#define SOURCE_ENDPOINT "http://127.0.0.1:9"

/* What the double answers to one attempt. */
typedef struct Line
{
	int			status;			/* 0: fails with kind */
	const char *headers;		/* "Name: value\n..." or null */
	const char *body;
	AwsxErrorKind kind;
	bool		reused;
	const char *to_sink;		/* delivered to the request's sink before the end */
} Line;

typedef const Line *(*Judge) (const AwsxHttpCall *call);

typedef struct Double
{
	AwsxTransport base;
	const Line *script;
	Judge		judge;			/* instead of the script */
	int			attempts;
	AwsxHttpCall *open[MAX_OPEN];
	int			open_count;
	int			cancelled;
	bool		silent;			/* answer nothing */
	bool		refuse;			/* start fails */
	bool		last_fresh;
	char		last_date[32];
	char		last_token[64];
	char		last_scope[256];	/* the Authorization header */
	char		last_body[64];
	bool		last_signed;
} Double;

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

static void
copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text ? text : "");
}

static bool
double_start(AwsxTransport *self, AwsxHttpCall *call, AwsxError *error)
{
	Double	   *d = (Double *) self;
	const AwsxHeaders *headers = &call->request->headers;

	if (d->refuse)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "refused by the test");
	if (d->open_count == MAX_OPEN)
		abort();
	awsx_http_response_init(&call->response, 0);
	d->open[d->open_count++] = call;
	if (strcmp(call->request->endpoint, SOURCE_ENDPOINT) == 0)
		return true;
	d->attempts++;
	d->last_fresh = call->fresh_connection;
	d->last_signed = awsx_headers_get(headers, "Authorization") != NULL;
	copy(d->last_scope, sizeof(d->last_scope), awsx_headers_get(headers, "Authorization"));
	copy(d->last_date, sizeof(d->last_date), awsx_headers_get(headers, "X-Amz-Date"));
	copy(d->last_token, sizeof(d->last_token), awsx_headers_get(headers, "X-Amz-Security-Token"));
	copy(d->last_body, sizeof(d->last_body), call->request->body);
	return true;
}

static void
double_remove(Double *d, int i)
{
	memmove(&d->open[i], &d->open[i + 1], (size_t) (--d->open_count - i) * sizeof(d->open[0]));
}

static void
double_cancel(AwsxTransport *self, AwsxHttpCall *call)
{
	Double	   *d = (Double *) self;

	for (int i = 0; i < d->open_count; i++)
	{
		if (d->open[i] == call)
		{
			double_remove(d, i);
			d->cancelled++;
		}
	}
}

static void
set_headers(AwsxHeaders *headers, const char *text)
{
	char	   *lines = strdup(text);
	char	   *next = lines;
	char	   *line;

	while ((line = strsep(&next, "\n")) != NULL)
	{
		char	   *colon = strstr(line, ": ");

		if (colon == NULL)
			continue;
		*colon = '\0';
		awsx_headers_set(headers, line, colon + 2);
	}
	free(lines);
}

static void
double_answer(AwsxHttpCall *call, const Line *line)
{
	call->reused_connection = line->reused;
	awsx_error_clear(&call->error);
	if (line->to_sink != NULL)
		call->request->sink(call->request->sink_arg, line->to_sink, strlen(line->to_sink));
	if (line->status == 0)
		awsx_error_set(&call->error, line->kind, "failed by the test");
	call->response.status = line->status;
	if (line->headers != NULL)
		set_headers(&call->response.headers, line->headers);
	if (line->body != NULL)
		awsx_buf_puts(&call->response.body, line->body);
	call->done(call);
}

/* What to answer now, or null. */
static const Line *
double_line(Double *d, const AwsxHttpCall *call)
{
	static const Line source_line = {.status = 200};
	static const Line broken_line = {.status = 500};

	if (strcmp(call->request->endpoint, SOURCE_ENDPOINT) == 0 && world.source.silent)
		return NULL;
	if (strcmp(call->request->endpoint, SOURCE_ENDPOINT) == 0)
		return world.source.breaks ? &broken_line : &source_line;
	if (d->silent)
		return NULL;
	return d->judge != NULL ? d->judge(call) : d->script++;
}

static void
double_drive(AwsxTransport *self)
{
	Double	   *d = (Double *) self;
	int			count = d->open_count;
	int			kept = 0;

	while (count-- > 0)
	{
		AwsxHttpCall *call = d->open[kept];
		const Line *line = double_line(d, call);

		if (line == NULL)
		{
			kept++;
			continue;
		}
		double_remove(d, kept);
		double_answer(call, line);
	}
}

static int
double_fd(AwsxTransport *self)
{
	(void) self;
	return -1;
}

static int
double_timeout(AwsxTransport *self)
{
	return ((Double *) self)->open_count > 0 ? 7 : -1;
}

static void
double_free(AwsxTransport *self)
{
	free(self);
}

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
