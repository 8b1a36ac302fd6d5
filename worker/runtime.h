/*
 * runtime.h
 *	  The loop of a Lambda custom runtime: next -> handler -> response | error.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 *
 * The loop has its own client, because its calls differ from AWS's: not
 * signed, "next" without any time limit (the process is frozen meanwhile),
 * and a lost answer to "response" must not be taken for a failure.
 */
#ifndef RUNTIME_H
#define RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#include "../aws/buf.h"
#include "../aws/clock.h"
#include "../aws/http.h"

typedef struct Runtime Runtime;

typedef struct RuntimeInvocation
{
	const char *request_id;		/* checked: [A-Za-z0-9_-]{1,128} */
	const char *trace_id;		/* "" = none */
	const char *function_arn;	/* "" = none */
	int64_t		deadline_ms;	/* Unix epoch, milliseconds; 0 = not given */
	const char *event;			/* never null */
	size_t		event_len;
} RuntimeInvocation;

/* Filled by the handler. */
typedef struct RuntimeReply
{
	bool		failed;
	AwsxBuf		body;			/* the response's JSON, when not failed */
	char		error_type[64]; /* Function.X, when failed */
	char		error_message[512];
	bool		leave;			/* end the process after the answer (stale credentials) */
} RuntimeReply;

typedef void (*RuntimeHandler) (void *arg, const RuntimeInvocation *invocation,
								RuntimeReply *reply);

typedef struct RuntimeOptions
{
	const char *api;			/* AWS_LAMBDA_RUNTIME_API: host:port[/path] */
	AwsxTransport *transport;	/* taken over */
	const AwsxClock *clock;		/* null = the machine's */
} RuntimeOptions;

/* Null and *error (AWSX_ERR_CONFIG for a bad address, AWSX_ERR_MEMORY). */
extern Runtime *runtime_create(const RuntimeOptions *options, AwsxError *error);
extern void runtime_free(Runtime *runtime); /* null allowed */

/*
 * Serve invocations until the runtime API says that there is no going on
 * (403, 500), cannot be reached, or the handler wants to leave.  Returns the
 * exit status, never 0: Lambda starts a process anew that has ended.
 */
extern int	runtime_run(Runtime *runtime, RuntimeHandler handler, void *arg);

/* Report that the function cannot start; the caller then exits with non-zero. */
extern void runtime_init_error(Runtime *runtime, const char *type, const char *message);

/* Is the type of the form that Lambda records, (Runtime|Function).[A-Z][a-zA-Z]+? */
extern bool runtime_error_type_ok(const char *type);

#endif							/* RUNTIME_H */
