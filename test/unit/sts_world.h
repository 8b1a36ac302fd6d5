/*
 * sts_world.h
 *	  A client whose requests go to an STS in the test's own process, and a
 *	  fetch of credentials that is driven to its end.
 *
 * This STS notes every call in a line, "AssumeRole RoleArn=... signed AKID at
 * https://...", and gives out keys that are counted: ASIA1, ASIA2, ...  A GET
 * is somebody's who asks a container for its keys.
 */
#ifndef STS_WORLD_H
#define STS_WORLD_H

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "home.h"
#include "providers.h"

#define STS_OPEN 4

typedef struct Sts
{
	AwsxTransport base;
	AwsxHttpCall *open[STS_OPEN];
	int			open_count;
	int			cancelled;
} Sts;

static struct
{
	AwsxClient *client;
	Sts		   *sts;
	char		calls[4096];	/* a line each */
	char		region[64];		/* that it was signed for */
	int			issued;
	int			status;			/* 0: answer keys; else refuse with it and code */
	const char *code;
	bool		silent;
	bool		broken;			/* no answer at all */
	int64_t		skipped_ms;		/* by which both clocks are ahead */
	int64_t		wall_ms;		/* 0 = the machine's */
} sts;

/* The value of a form's field, decoded; "" without it. */
static void
sts_field(const char *form, const char *name, char *out, size_t size)
{
	char		start[64];
	const char *at;
	size_t		used = 0;

	snprintf(start, sizeof(start), "&%s=", name);
	at = strstr(form, start);
	for (at = at != NULL ? at + strlen(start) : ""; *at != '\0' && *at != '&' && used + 1 < size; used++)
	{
		unsigned	code = (unsigned char) *at;

		if (*at == '%' && sscanf(at + 1, "%2x", &code) == 1)
			at += 2;
		out[used] = (char) code;
		at++;
	}
	out[used] = '\0';
}

static void
sts_note(const char *text)
{
	size_t		used = strlen(sts.calls);

	snprintf(sts.calls + used, sizeof(sts.calls) - used, "%s", text);
}

static void
sts_note_fields(const char *form)
{
	static const char *const names[] = {"RoleArn", "RoleSessionName", "ExternalId", "DurationSeconds", "WebIdentityToken"};
	char		value[256];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		sts_field(form, names[i], value, sizeof(value));
		if (value[0] == '\0' || strncmp(value, "pg_sqs-", 7) == 0)
			continue;			/* a name that was made up is never the same */
		sts_note(" ");
		sts_note(names[i]);
		sts_note("=");
		sts_note(value);
	}
}

static void
sts_note_signer(const AwsxHttpRequest *request)
{
	const char *authorization = awsx_headers_get(&request->headers, "Authorization");
	const char *credential = authorization != NULL ? strstr(authorization, "Credential=") : NULL;
	char		key[64] = "";
	char		date[16];

	sts.region[0] = '\0';
	if (credential == NULL)
	{
		sts_note(" unsigned");
		return;
	}
	sscanf(credential, "Credential=%63[^/]/%15[^/]/%63[^/]", key, date, sts.region);
	sts_note(" signed ");
	sts_note(key);
	sts_note(awsx_headers_get(&request->headers, "X-Amz-Security-Token") != NULL ? " with a token" : "");
}

static void
sts_note_call(const AwsxHttpRequest *request)
{
	char		form[4096];
	char		action[64];

	if (strcmp(request->method, "GET") == 0)
	{
		sts_note("GET ");
		sts_note(request->endpoint);
		sts_note(request->path);
		sts_note("\n");
		return;
	}
	snprintf(form, sizeof(form), "&%.*s", (int) request->body_len, request->body != NULL ? request->body : "");
	sts_field(form, "Action", action, sizeof(action));
	sts_note(action);
	sts_note_fields(form);
	sts_note_signer(request);
	sts_note(" at ");
	sts_note(request->endpoint);
	sts_note("\n");
}

static bool
sts_start(AwsxTransport *self, AwsxHttpCall *call, AwsxError *error)
{
	Sts		   *s = (Sts *) self;

	(void) error;
	sts_note_call(call->request);
	awsx_http_response_init(&call->response, 0);
	s->open[s->open_count++] = call;
	return true;
}

static void
sts_cancel(AwsxTransport *self, AwsxHttpCall *call)
{
	Sts		   *s = (Sts *) self;

	for (int i = 0; i < s->open_count; i++)
	{
		if (s->open[i] == call)
		{
			memmove(&s->open[i], &s->open[i + 1], (size_t) (--s->open_count - i) * sizeof(s->open[0]));
			s->cancelled++;
		}
	}
}

static void
sts_answer(AwsxHttpCall *call)
{
	AwsxBuf    *body = &call->response.body;

	awsx_error_clear(&call->error);
	if (sts.broken)
	{
		awsx_error_set(&call->error, AWSX_ERR_TRANSPORT, "connection refused, says the test");
		return;
	}
	call->response.status = sts.status != 0 ? sts.status : 200;
	if (sts.status != 0)
		awsx_buf_printf(body, "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>as the test wants</Message>"
						"</Error><RequestId>r-1</RequestId></ErrorResponse>", sts.code);
	else if (strcmp(call->request->method, "GET") == 0)
		awsx_buf_puts(body, "{\"AccessKeyId\":\"AKCONTAINER\",\"SecretAccessKey\":\"containerSecret\",\"Token\":\"containerToken\","
					  "\"Expiration\":\"2099-01-02T04:04:05Z\"}");
	else
		awsx_buf_printf(body, "<R><AResult><Credentials><AccessKeyId>ASIA%d</AccessKeyId><SecretAccessKey>temporarySecret</SecretAccessKey>"
						"<SessionToken>temporaryToken</SessionToken><Expiration>2026-01-02T04:04:05.5Z</Expiration></Credentials></AResult></R>",
						++sts.issued);
}

static void
sts_drive(AwsxTransport *self)
{
	Sts		   *s = (Sts *) self;

	for (int count = sts.silent ? 0 : s->open_count; count > 0; count--)
	{
		AwsxHttpCall *call = s->open[0];

		memmove(&s->open[0], &s->open[1], (size_t) (--s->open_count) * sizeof(s->open[0]));
		sts_answer(call);
		call->done(call);
	}
}

static int
sts_fd(AwsxTransport *self)
{
	(void) self;
	return -1;
}

static int
sts_timeout(AwsxTransport *self)
{
	return ((Sts *) self)->open_count > 0 && !sts.silent ? 0 : -1;
}

static void
sts_free(AwsxTransport *self)
{
	free(self);
}

static int64_t
sts_wall(void *arg)
{
	const AwsxClock *real = awsx_clock_real();

	(void) arg;
	return sts.wall_ms != 0 ? sts.wall_ms : real->wall_ms(real->arg) + sts.skipped_ms;
}

static int64_t
sts_monotonic(void *arg)
{
	const AwsxClock *real = awsx_clock_real();

	(void) arg;
	return real->monotonic_ms(real->arg) + sts.skipped_ms;
}

static double
sts_jitter(void *arg)
{
	(void) arg;
	return 0.01;
}

static const AwsxClock sts_clock = {sts_wall, sts_monotonic, sts_jitter, NULL};

static bool
sts_open(AwsxError *error)
{
	AwsxClientOptions options = {.clock = &sts_clock,.max_attempts = 3};

	memset(&sts, 0, sizeof(sts));
	sts.sts = calloc(1, sizeof(Sts));
	sts.sts->base = (AwsxTransport) {
		.start = sts_start,.cancel = sts_cancel,.drive = sts_drive,.fd = sts_fd,.timeout_ms = sts_timeout,.free = sts_free
	};
	options.transport = &sts.sts->base;
	sts.client = awsx_client_create(&options, error);
	return sts.client != NULL;
}

static void
sts_close(void)
{
	awsx_client_free(sts.client);
	sts.client = NULL;
}

/*----------
 * A fetch
 *----------
 */

typedef struct Got
{
	AwsxCredentialsFetch fetch;
	bool		done;
	char		source[200];
} Got;

static void
got_done(AwsxCredentialsFetch *fetch)
{
	Got		   *got = fetch->arg;

	got->done = true;
	snprintf(got->source, sizeof(got->source), "%s", fetch->source != NULL ? fetch->source : "");
}

static void
got_start(Got *got, AwsxCredentialsProvider *provider)
{
	memset(got, 0, sizeof(*got));
	got->fetch = (AwsxCredentialsFetch) {.client = sts.client,.done = got_done,.arg = got};
	provider->start(provider, &got->fetch);
}

/* Drive until it is done, or nothing is left to happen, or so much time has passed. */
static void
got_wait(Got *got, int limit_ms)
{
	int64_t		end_ms = sts_monotonic(NULL) + limit_ms;

	while (!got->done && sts_monotonic(NULL) < end_ms)
	{
		int			timeout_ms;

		awsx_client_drive(sts.client);
		timeout_ms = awsx_client_timeout_ms(sts.client);
		if (got->done || timeout_ms < 0)
			return;
		poll(NULL, 0, timeout_ms < 100 ? timeout_ms : 100);
	}
}

/* True when keys came. */
static bool
got_fetch(Got *got, AwsxCredentialsProvider *provider)
{
	got_start(got, provider);
	got_wait(got, 20000);
	return got->done && got->fetch.error.kind == AWSX_OK;
}

#endif							/* STS_WORLD_H */
