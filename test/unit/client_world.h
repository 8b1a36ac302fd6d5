/*
 * client_world.h
 *	  A client over a transport of our own, in a world whose time stands
 *	  still until a test moves it.
 *
 * The double answers from a script, one line an attempt, at the next drive.
 */
#ifndef CLIENT_WORLD_H
#define CLIENT_WORLD_H

#include "tap.h"

#include <stdlib.h>

#include "client.h"
#include "service.h"

#define MAX_OPEN 16

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

typedef struct Double
{
	AwsxTransport base;
	const Line *script;
	int			attempts;
	AwsxHttpCall *open[MAX_OPEN];
	int			open_count;
	int			cancelled;
	bool		silent;			/* answer nothing */
	bool		refuse;			/* start fails */
	bool		last_fresh;
	char		last_date[32];
	char		last_token[64];
	char		last_body[64];
	bool		last_signed;
} Double;

typedef struct World
{
	Double	   *transport;
	AwsxClient *client;
	AwsxService service;
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
	d->attempts++;
	d->last_fresh = call->fresh_connection;
	d->last_signed = awsx_headers_get(headers, "Authorization") != NULL;
	copy(d->last_date, sizeof(d->last_date), awsx_headers_get(headers, "X-Amz-Date"));
	copy(d->last_token, sizeof(d->last_token), awsx_headers_get(headers, "X-Amz-Security-Token"));
	copy(d->last_body, sizeof(d->last_body), call->request->body);
	awsx_http_response_init(&call->response, 0);
	d->open[d->open_count++] = call;
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

static void
double_drive(AwsxTransport *self)
{
	Double	   *d = (Double *) self;
	int			count = d->silent ? 0 : d->open_count;

	while (count-- > 0)
	{
		AwsxHttpCall *call = d->open[0];

		double_remove(d, 0);
		double_answer(call, d->script++);
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

/* Each call gets another token, so that a test sees who asked again. */
static void
counting_start(AwsxCredentialsProvider *self, AwsxCredentialsFetch *fetch)
{
	AwsxCredentials keys;
	AwsxError	error;
	char		token[16];

	if (world.credential_calls < 0)
	{
		awsx_fetch_absent(fetch, "none in the test");
		return;
	}
	snprintf(token, sizeof(token), "token%d", ++world.credential_calls);
	if (awsx_credentials_set(&keys, "AKTEST", "secret", token, &error))
		awsx_fetch_found(fetch, self->name, &keys);
	else
		awsx_fetch_failed(fetch, &error);
}

static void
counting_forget(AwsxCredentialsProvider *self)
{
	(void) self;
}

static AwsxCredentialsProvider counting = {"counting", counting_start, counting_forget, counting_forget};

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
		.credentials = &counting,
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
