/*
 * client_double.h
 *	  A transport that answers from a script, one line an attempt, at the next
 *	  drive; or a judge of the test decides by looking at the request.
 */
#ifndef CLIENT_DOUBLE_H
#define CLIENT_DOUBLE_H

#include "tap.h"

#include <stdlib.h>

#include "client.h"

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
	Judge		source;			/* of the calls to the source of keys; null answer: silence */
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
	if (strcmp(call->request->endpoint, SOURCE_ENDPOINT) == 0)
		return d->source(call);
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

#endif							/* CLIENT_DOUBLE_H */
