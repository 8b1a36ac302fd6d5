/*
 * lambda_api.c
 *		The Lambda runtime API, and Invoke.
 *
 * /runtime/<function>/2018-06-01/runtime/... is the runtime API of that
 * function, unsigned; without the prefix it is that of the function named
 * "function".  One process is told from another by its connection, since the
 * API carries no other mark: a "next" on a connection whose invocation still
 * runs breaks the state machine, as does a second answer, or an init error
 * while the function has idle or running processes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "auth.h"
#include "lambda.h"
#include "service.h"

#define RUNTIME_VERSION		"/2018-06-01/runtime/"
#define INVOKE_PREFIX		"/2015-03-31/functions/"
#define RESPONSE_MAX		(6 * 1024 * 1024 + 100)
#define SYNC_EVENT_MAX		(6 * 1024 * 1024)
#define ASYNC_EVENT_MAX		(1024 * 1024)
#define TOLERANCE_MS		(5 * 60 * 1000)

/* The request taken apart; `next` is used while it is parked. */
typedef struct LambdaCall
{
	Runtime		runtime;		/* first: see hand_over */
	Exchange   *x;
	char	   *function_name;
	char	   *id;				/* of the invocation, may be NULL */
	Function   *function;
	Invocation *invocation;		/* of a synchronous Invoke */
} LambdaCall;

static void
answer_json(Exchange *x, int status, json_t *body)
{
	char	   *text = json_dumps(body, JSON_COMPACT);
	Buf			out = {0};

	json_decref(body);
	buf_adds(&out, text != NULL ? text : "{}");
	free(text);
	http_answer(x, status, "application/json", &out);
}

/* The runtime API's shape; Invoke's differs in the header only. */
static void
refuse(Exchange *x, int status, const char *code, const char *message)
{
	router_note_error(x, code);
	http_add_header(x, "x-amzn-ErrorType", code);
	answer_json(x, status, json_pack("{s:s,s:s,s:s}", "errorType", code, "errorMessage", message,
									 "Message", message));
}

static void
accepted(Exchange *x)
{
	answer_json(x, 202, json_pack("{s:s}", "status", "OK"));
}

static void
set_action(Exchange *x, const char *action)
{
	snprintf(x->action, sizeof(x->action), "%s", action);
}

/* "invocation/next", "invocation/ID/response", "invocation/ID/error", "init/error" */
static void
identify_runtime(Exchange *x, LambdaCall *call, const char *rest)
{
	size_t		len;
	bool		post = strcmp(x->method, "POST") == 0;

	if (strcmp(rest, "invocation/next") == 0 && strcmp(x->method, "GET") == 0)
		set_action(x, "next");
	else if (strcmp(rest, "init/error") == 0 && post)
		set_action(x, "init_error");
	else if (strncmp(rest, "invocation/", 11) == 0 && post)
	{
		rest += 11;
		len = strcspn(rest, "/");
		call->id = mem_strndup(rest, len);
		if (strcmp(rest + len, "/response") == 0)
			set_action(x, "response");
		else if (strcmp(rest + len, "/error") == 0)
			set_action(x, "error");
	}
	if (x->action[0] == '\0')
		refuse(x, 404, "NotFound", "The runtime API has no such path.");
}

static void
call_free(void *arg)
{
	LambdaCall *call = arg;

	free(call->function_name);
	free(call->id);
	free(call);
}

static void
identify(Exchange *x)
{
	LambdaCall *call = mem_zalloc(sizeof(LambdaCall));
	const char *path = x->path;
	size_t		len;

	x->resource_kind = "function";
	x->call = call;
	x->call_free = call_free;
	call->x = x;
	if (strncmp(path, INVOKE_PREFIX, strlen(INVOKE_PREFIX)) == 0)
	{
		path += strlen(INVOKE_PREFIX);
		len = strcspn(path, "/");
		call->function_name = mem_strndup(path, len);
		if (strcmp(path + len, "/invocations") == 0 && strcmp(x->method, "POST") == 0)
			set_action(x, "Invoke");
		else
			refuse(x, 404, "ResourceNotFoundException", "The lab knows only POST .../invocations here.");
	}
	else
	{
		path += strncmp(path, "/runtime/", 9) == 0 ? 9 : 0;
		len = path == x->path ? 0 : strcspn(path, "/");
		call->function_name = path == x->path ? mem_strdup("function") : mem_strndup(path, len);
		if (strncmp(path + len, RUNTIME_VERSION, strlen(RUNTIME_VERSION)) == 0)
			identify_runtime(x, call, path + len + strlen(RUNTIME_VERSION));
		else
			refuse(x, 404, "NotFound", "The runtime API is at /runtime/FUNCTION" RUNTIME_VERSION "...");
	}
	if (utf8_valid(call->function_name, strlen(call->function_name)))
		snprintf(x->resource, sizeof(x->resource), "%.200s", call->function_name);
}

static bool
authorise(Exchange *x)
{
	AuthReport	report;
	char		hash[SHA256_HEX];
	bool		unknown;

	if (strcmp(x->action, "Invoke") != 0)
		return true;
	sha256_hex(x->body.data, x->body.len, hash);
	auth_verify(x, "lambda", hash, TOLERANCE_MS, &report);
	if (report.verdict == AUTH_OK)
		return true;
	unknown = report.verdict == AUTH_UNKNOWN_KEY;
	refuse(x, 403, unknown ? "UnrecognizedClientException" : report.verdict == AUTH_MISSING ?
		   "MissingAuthenticationTokenException" : "InvalidSignatureException", report.text);
	auth_report_free(&report);
	return false;
}

static void
send_event(Exchange *x, Invocation *invocation)
{
	char		number[32];

	invocation->peer_port = x->peer_port;
	snprintf(number, sizeof(number), "%lld", (long long) invocation->deadline_ms);
	http_add_header(x, "Content-Type", "application/json");
	http_add_header(x, "Lambda-Runtime-Aws-Request-Id", invocation->id);
	http_add_header(x, "Lambda-Runtime-Deadline-Ms", number);
	http_add_header(x, "Lambda-Runtime-Invoked-Function-Arn", invocation->function->arn);
	http_add_header(x, "Lambda-Runtime-Trace-Id", invocation->trace);
	http_answer_blob(x, 200, invocation->event, 0, invocation->event->len);
}

static void
hand_over(Runtime *runtime, Invocation *invocation)
{
	send_event(((LambdaCall *) runtime)->x, invocation);
}

static void
runtime_gone(Exchange *x)
{
	LambdaCall *call = x->call;

	lambda_forget_runtime(call->function, &call->runtime);
}

static void
run_next(Exchange *x, LambdaCall *call)
{
	if (lambda_is_busy(call->function, x->peer_port))
	{
		refuse(x, 403, "InvalidStateTransition", "Transition from Running to Ready is not allowed.");
		return;
	}
	call->runtime.hand = hand_over;
	http_park(x, runtime_gone, call);
	lambda_next(call->function, &call->runtime);
}

/* (Runtime|Function).Xyz, or the Unknown of its kind. */
static void
clean_error_type(const char *sent, char *out, size_t size)
{
	const char *name = sent != NULL ? strchr(sent, '.') : NULL;
	bool		runtime = sent == NULL || strncmp(sent, "Function.", 9) != 0;

	if (name != NULL && name[1] >= 'A' && name[1] <= 'Z' && name[2] != '\0' && strlen(name) < 100 &&
		strspn(name + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(name + 1) &&
		(!runtime || strncmp(sent, "Runtime.", 8) == 0))
		snprintf(out, size, "%s", sent);
	else
		snprintf(out, size, "%s", runtime ? "Runtime.Unknown" : "Function.Unknown");
}

static void
run_answer(Exchange *x, LambdaCall *call, bool is_error)
{
	Invocation *invocation = lambda_find(call->function, call->id);
	char		type[128];

	if (invocation == NULL || invocation->state == INVOCATION_QUEUED ||
		invocation->state == INVOCATION_RESTING)
		refuse(x, 400, "InvalidRequestID", "Invalid request ID");
	else if (invocation->state == INVOCATION_OVER)
		refuse(x, 403, "InvalidStateTransition", "The invocation was answered before.");
	else if (!is_error && x->body.len > RESPONSE_MAX)
	{
		lambda_finish(invocation, OUTCOME_ERROR, "Function.ResponseSizeTooLarge", NULL);
		refuse(x, 413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size (6291556 bytes).");
	}
	else if (is_error)
	{
		clean_error_type(http_header(x, "Lambda-Runtime-Function-Error-Type"), type, sizeof(type));
		lambda_finish(invocation, OUTCOME_ERROR, type, &x->body);
		accepted(x);
	}
	else
	{
		lambda_finish(invocation, OUTCOME_RESPONSE, NULL, &x->body);
		accepted(x);
	}
}

static void
run_init_error(Exchange *x, LambdaCall *call)
{
	char		type[128];

	if (call->function->n_idle > 0 || call->function->n_running > 0)
	{
		refuse(x, 403, "InvalidStateTransition", "init/error is only allowed before the first next.");
		return;
	}
	clean_error_type(http_header(x, "Lambda-Runtime-Function-Error-Type"), type, sizeof(type));
	router_note_error(x, type);
	accepted(x);
}

static void
caller_gone(Exchange *x)
{
	LambdaCall *call = x->call;

	if (call->invocation != NULL)
		call->invocation->caller = NULL;
}

/* Answers a synchronous Invoke. */
static void
invoke_finished(Invocation *invocation, InvocationOutcome outcome, const char *error_type,
				const Buf *body)
{
	LambdaCall *call = invocation->caller;
	Buf			out = {0};

	if (call == NULL)
		return;
	call->invocation = NULL;
	http_add_header(call->x, "x-amzn-RequestId", invocation->id);
	http_add_header(call->x, "X-Amz-Executed-Version", "$LATEST");
	if (outcome != OUTCOME_RESPONSE)
		http_add_header(call->x, "X-Amz-Function-Error", "Unhandled");
	if (outcome == OUTCOME_TIMEOUT)
		buf_addf(&out, "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\"RequestId: %s Error: Task "
				 "timed out after %.2f seconds\"}", invocation->id,
				 (double) invocation->function->timeout_ms / 1000);
	else if (body != NULL)
		buf_add(&out, body->data, body->len);
	else
		buf_addf(&out, "{\"errorType\":\"%s\",\"errorMessage\":\"\"}", error_type);
	http_answer(call->x, 200, "application/json", &out);
}

static void
run_invoke(Exchange *x, LambdaCall *call)
{
	const char *type = http_header(x, "X-Amz-Invocation-Type");
	bool		async = type != NULL && strcmp(type, "Event") == 0;
	const char *event = x->body.len > 0 ? x->body.data : "{}";
	size_t		len = x->body.len > 0 ? x->body.len : 2;

	if (len > (async ? ASYNC_EVENT_MAX : SYNC_EVENT_MAX))
		refuse(x, 413, "RequestTooLargeException", "The event is larger than an invocation takes.");
	else if (async)
	{
		http_add_header(x, "x-amzn-RequestId", lambda_send_event(call->function, event, len));
		http_answer(x, 202, NULL, NULL);
	}
	else
	{
		http_park(x, caller_gone, call);
		call->invocation = lambda_call(call->function, event, len, call, invoke_finished);
	}
}

static void
handle(Exchange *x)
{
	LambdaCall *call = x->call;
	bool		invoke = strcmp(x->action, "Invoke") == 0;

	call->function = lambda_function(call->function_name, !invoke);
	if (call->function == NULL)
		refuse(x, 404, "ResourceNotFoundException", "Function not found");
	else if (invoke)
		run_invoke(x, call);
	else if (strcmp(x->action, "next") == 0)
		run_next(x, call);
	else if (strcmp(x->action, "init_error") == 0)
		run_init_error(x, call);
	else
		run_answer(x, call, strcmp(x->action, "error") == 0);
}

const Service lambda_service = {"lambda", identify, authorise, handle, refuse};
