/*
 * lambda_api.c
 *		The Lambda runtime API, and Invoke.
 *
 * /runtime/<function>/2018-06-01/runtime/... is the runtime API of that
 * function, unsigned; without the prefix it is that of the function named
 * "function".  One process is told from another by its connection, since the
 * API carries no other mark: a "next" on a connection whose invocation still
 * runs breaks the state machine, as does a second answer, or an init error on
 * the connection that asked last for work, or while others of the function do.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "auth.h"
#include "lambda.h"
#include "service.h"

#define RESPONSE_MAX		(6 * 1024 * 1024 + 100)
#define TOO_LARGE			"Response payload size exceeded maximum allowed payload size (6291556 bytes)."
#define ERROR_TYPE_HEADER	"Lambda-Runtime-Function-Error-Type"
#define SYNC_EVENT_MAX		(6 * 1024 * 1024)
#define ASYNC_EVENT_MAX		(1024 * 1024)

/* The request taken apart; `next` is used while it is parked. */
typedef struct LambdaCall
{
	Runtime		runtime;
	char		function_name[FUNCTION_NAME_MAX + 1];
	char		id[64];			/* of the invocation, or "" */
	Function   *function;
	Invocation *invocation;		/* of a synchronous Invoke */
} LambdaCall;

void
lambda_refuse(Exchange *x, int status, const char *code, const char *message)
{
	router_note_error(x, code);
	http_add_header(x, "x-amzn-ErrorType", "%s", code);
	http_answer_json(x, status, "application/json",
					 json_pack("{s:s,s:s,s:s}", "errorType", code, "errorMessage", message, "Message", message));
}

static void
accepted(Exchange *x)
{
	http_answer_json(x, 202, "application/json", json_pack("{s:s}", "status", "OK"));
}

/* What a path says after the function's name: an action, and an invocation's id. */
static const char *
runtime_action(const char *method, const char *rest, char *id)
{
	bool		post = strcmp(method, "POST") == 0;
	int			end = 0;

	if (strcmp(rest, "invocation/next") == 0 && strcmp(method, "GET") == 0)
		return "next";
	if (strcmp(rest, "init/error") == 0 && post)
		return "init_error";
	if (sscanf(rest, "invocation/%63[^/]%n", id, &end) != 1 || !post)
		return NULL;
	if (strcmp(rest + end, "/response") == 0)
		return "response";
	return strcmp(rest + end, "/error") == 0 ? "error" : NULL;
}

static void
identify(Exchange *x)
{
	LambdaCall *call = mem_zalloc(sizeof(LambdaCall));
	int			end = 0;

	x->resource_kind = "function";
	x->call = call;
	x->call_free = free;
	call->runtime.x = x;
	strcpy(call->function_name, "function");
	if (sscanf(x->path, "/2015-03-31/functions/%140[^/]/invocations%n", call->function_name, &end) == 1 && end > 0)
		x->action = x->path[end] == '\0' && strcmp(x->method, "POST") == 0 ? "Invoke" : NULL;
	else if ((sscanf(x->path, "/2018-06-01/runtime/%n", &end), end > 0) ||
			 (sscanf(x->path, "/runtime/%140[^/]/2018-06-01/runtime/%n", call->function_name, &end), end > 0))
		x->action = runtime_action(x->method, x->path + end, call->id);
	if (utf8_valid(call->function_name))
		snprintf(x->resource, sizeof(x->resource), "%s", call->function_name);
	if (x->action == NULL)
		lambda_refuse(x, 404, "NotFound", "There is only POST /2015-03-31/functions/FUNCTION/invocations, and the "
					  "runtime API at /runtime/FUNCTION/2018-06-01/runtime/...");
}

static bool
authorise(Exchange *x)
{
	return strcmp(x->action, "Invoke") != 0 || auth_require(x);
}

void
lambda_hand_over(Runtime *runtime, Invocation *invocation)
{
	Exchange   *x = runtime->x;

	http_add_header(x, "Content-Type", "application/json");
	http_add_header(x, "Lambda-Runtime-Aws-Request-Id", "%s", invocation->id);
	http_add_header(x, "Lambda-Runtime-Deadline-Ms", "%lld", (long long) invocation->deadline_ms);
	http_add_header(x, "Lambda-Runtime-Invoked-Function-Arn", "%s", invocation->function->arn);
	http_add_header(x, "Lambda-Runtime-Trace-Id", "%s", invocation->trace);
	http_answer_blob(x, 200, invocation->event, 0, invocation->event->len);
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
		lambda_refuse(x, 403, "InvalidStateTransition", "Transition from Running to Ready is not allowed.");
		return;
	}
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
	bool		over = invocation != NULL && invocation->state == INVOCATION_OVER;
	char		type[128];

	if (invocation == NULL || invocation->state == INVOCATION_QUEUED || invocation->state == INVOCATION_RESTING ||
		(over && lambda_is_busy(call->function, x->peer_port)))
	{
		lambda_refuse(x, 400, "InvalidRequestID", "Invalid request ID");
		return;
	}
	if (over)
	{
		lambda_refuse(x, 403, "InvalidStateTransition", "The invocation was answered before.");
		return;
	}
	if (!is_error && x->body.len > RESPONSE_MAX)
	{
		lambda_fail(invocation, "Function.ResponseSizeTooLarge", TOO_LARGE);
		lambda_refuse(x, 413, "RequestEntityTooLarge", TOO_LARGE);
		return;
	}
	clean_error_type(http_header(x, ERROR_TYPE_HEADER), type, sizeof(type));
	lambda_finish(invocation, is_error ? type : NULL, &x->body);
	accepted(x);
}

static void
run_init_error(Exchange *x, LambdaCall *call)
{
	char		type[128];

	if (call->function->n_idle > 0 || call->function->n_running > 0 || call->function->last_port == x->peer_port)
	{
		lambda_refuse(x, 403, "InvalidStateTransition", "init/error is only allowed before the first next.");
		return;
	}
	clean_error_type(http_header(x, ERROR_TYPE_HEADER), type, sizeof(type));
	router_note_error(x, type);
	lambda_fail_init(call->function, type, &x->body);
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
invoke_finished(Invocation *invocation, const char *error_type, const Buf *body)
{
	LambdaCall *call = invocation->caller;
	Buf			out = {0};

	if (call == NULL)
		return;
	call->invocation = NULL;
	http_add_header(call->runtime.x, "x-amzn-RequestId", "%s", invocation->id);
	http_add_header(call->runtime.x, "X-Amz-Executed-Version", "$LATEST");
	if (error_type != NULL)
		http_add_header(call->runtime.x, "X-Amz-Function-Error", "Unhandled");
	buf_add(&out, body->data, body->len);
	http_answer(call->runtime.x, 200, "application/json", &out);
}

static void
run_invoke(Exchange *x, LambdaCall *call)
{
	const char *type = http_header(x, "X-Amz-Invocation-Type");
	bool		async = type != NULL && strcmp(type, "Event") == 0;
	const char *event = x->body.len > 0 ? x->body.data : "{}";
	size_t		len = strlen(event);
	json_t	   *json = json_loads(event, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);

	if (x->body.len > (async ? ASYNC_EVENT_MAX : SYNC_EVENT_MAX))
		lambda_refuse(x, 413, "RequestTooLargeException", "The event is larger than an invocation takes.");
	else if (type != NULL && !async && strcmp(type, "RequestResponse") != 0)
		lambda_refuse(x, 400, "InvalidParameterValueException", "The lab's invocation types are Event and RequestResponse.");
	else if (json == NULL || len < x->body.len)
		lambda_refuse(x, 400, "InvalidRequestContentException", "Could not parse request body into json.");
	else if (async)
	{
		http_add_header(x, "x-amzn-RequestId", "%s", lambda_send_event(call->function, event, len));
		http_answer(x, 202, NULL, NULL);
	}
	else
	{
		http_park(x, caller_gone, call);
		call->invocation = lambda_call(call->function, event, len, invoke_finished, call);
	}
	json_decref(json);
}

static void
handle(Exchange *x)
{
	LambdaCall *call = x->call;
	bool		invoke = strcmp(x->action, "Invoke") == 0;

	call->function = lambda_function(call->function_name, !invoke);
	if (call->function == NULL)
		lambda_refuse(x, 404, "ResourceNotFoundException", "Function not found");
	else if (invoke)
		run_invoke(x, call);
	else if (strcmp(x->action, "next") == 0)
		run_next(x, call);
	else if (strcmp(x->action, "init_error") == 0)
		run_init_error(x, call);
	else
		run_answer(x, call, strcmp(x->action, "error") == 0);
}

const Service lambda_service = {"lambda", identify, authorise, handle, lambda_refuse};
