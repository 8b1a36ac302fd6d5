/*
 * runtime.c
 *	  The loop of a Lambda custom runtime: next -> handler -> response | error.
 *
 * What an answer of the API means (any call): 2xx is well; 403 says that the
 * order of calls was broken and 500 that the API itself is broken: leave, a
 * new process starts clean.  To "response", 413 means that Lambda has already
 * recorded the failure, and after a resent one 400 or 403 that the first had
 * arrived: go on to the next invocation.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../aws/client.h"
#include "../aws/retry.h"
#include "json.h"
#include "log.h"
#include "runtime.h"

#define API_VERSION "/2018-06-01/runtime/"
#define CONNECT_TIMEOUT_MS 1000
#define POST_TIMEOUT_MS 10000
#define ATTEMPTS 4
#define EVENT_MAX_BYTES ((size_t) 8 << 20)	/* Lambda's limit is 6 MB */

typedef enum Outcome
{
	GO_ON,
	LEAVE
} Outcome;

struct Runtime
{
	AwsxClient *client;
	AwsxService service;
	char	   *endpoint;		/* http://host:port */
	char	   *base;			/* path up to and with API_VERSION */
};

/* One answer of the API. */
typedef struct Answer
{
	AwsxHttpResponse response;
	int			attempts;		/* how often the request was sent */
} Answer;

/* ---- requests ---- */

static char *
path_of(const Runtime *runtime, const char *format, const char *part)
{
	AwsxBuf		path;

	awsx_buf_init(&path, 0);
	awsx_buf_puts(&path, runtime->base);
	awsx_buf_puts(&path, format);
	if (part != NULL)
		awsx_buf_puts(&path, part);
	return awsx_buf_take(&path, NULL);
}

static void
nap(int ms)
{
	struct timespec rest = {ms / 1000, (long) (ms % 1000) * 1000000};

	nanosleep(&rest, NULL);
}

static bool
make_request(const Runtime *runtime, const char *method, const char *path, const char *body,
			 size_t body_len, const char *error_type, AwsxHttpRequest *request)
{
	awsx_http_request_init(request, method);
	request->endpoint = strdup(runtime->endpoint);
	request->path = strdup(path);
	request->connect_timeout_ms = CONNECT_TIMEOUT_MS;
	request->timeout_ms = body == NULL ? -1 : POST_TIMEOUT_MS;
	request->max_response = EVENT_MAX_BYTES;
	if (request->endpoint == NULL || request->path == NULL)
		return false;
	if (body == NULL)
		return true;
	request->body = malloc(body_len + 1);
	if (request->body == NULL)
		return false;
	memcpy(request->body, body, body_len);
	request->body_len = body_len;
	return awsx_headers_set(&request->headers, "Content-Type", "application/json") &&
		(error_type == NULL ||
		 awsx_headers_set(&request->headers, "Lambda-Runtime-Function-Error-Type", error_type));
}

/*
 * Call the API; body null means GET.  A call without any answer is repeated.
 * False: it never got one (logged).
 */
static bool
call(Runtime *runtime, const char *path, const char *body, size_t body_len,
	 const char *error_type, Answer *answer)
{
	AwsxError	error;

	for (answer->attempts = 1;; answer->attempts++)
	{
		AwsxHttpRequest request;

		awsx_error_clear(&error);
		if (!make_request(runtime, body == NULL ? "GET" : "POST", path, body, body_len,
						  error_type, &request))
		{
			awsx_http_request_free(&request);
			awsx_error_set(&error, AWSX_ERR_MEMORY, "out of memory");
		}
		else if (awsx_client_run(runtime->client, &runtime->service, &request,
								 &answer->response, &error))
			return true;
		if (answer->attempts == ATTEMPTS)
			break;
		log_error(LOG_WARN, "the Lambda runtime API gave no answer; trying again", &error);
		nap(awsx_backoff_ms(awsx_client_clock(runtime->client), answer->attempts, 50, 1000));
	}
	log_error(LOG_ERROR, "the Lambda runtime API cannot be reached", &error);
	return false;
}

static void
log_status(LogLevel level, const char *message, const char *call_name, int status)
{
	log_event(level, message,
			  LOG_FIELDS(LOG_TEXT("call", call_name), LOG_NUMBER("status", status)));
}

/* ---- answers of an invocation ---- */

/* What the status of a POST for an invocation means. */
static Outcome
judge_post(const Answer *answer, const char *name)
{
	int			status = answer->response.status;

	if (status >= 200 && status < 300)
		return GO_ON;
	if (answer->attempts > 1 && (status == 400 || status == 403))
	{
		log_status(LOG_INFO, "an answer sent again was already known", name, status);
		return GO_ON;
	}
	if (status == 403 || status >= 500)
	{
		log_status(LOG_FATAL, "the Lambda runtime API demands a fresh start", name, status);
		return LEAVE;
	}
	if (status == 413)
		log_status(LOG_ERROR, "the response is larger than Lambda allows", name, status);
	else
		log_status(LOG_ERROR, "the Lambda runtime API did not take the answer", name, status);
	return GO_ON;
}

static Outcome
post(Runtime *runtime, const char *request_id, const char *what, const char *body, size_t body_len,
	 const char *error_type)
{
	char		part[160];
	char	   *path;
	Answer		answer;
	bool		answered;
	Outcome		outcome;

	snprintf(part, sizeof(part), "%s/%s", request_id, what);
	path = path_of(runtime, "invocation/", part);
	answered = path != NULL && call(runtime, path, body, body_len, error_type, &answer);
	free(path);
	/* without an answer, "next" will tell whether the API is still there */
	if (!answered)
		return GO_ON;
	outcome = judge_post(&answer, what);
	awsx_http_response_free(&answer.response);
	return outcome;
}

bool
runtime_error_type_ok(const char *type)
{
	const char *name;

	if (strncmp(type, "Runtime.", 8) != 0 && strncmp(type, "Function.", 9) != 0)
		return false;
	name = strchr(type, '.') + 1;
	return *name >= 'A' && *name <= 'Z' && name[1] != '\0' &&
		name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

static bool
error_body(AwsxBuf *body, const char *type, const char *message)
{
	awsx_buf_init(body, 0);
	awsx_buf_putc(body, '{');
	json_put_member(body, "errorMessage", message);
	json_put_member(body, "errorType", type);
	return awsx_buf_puts(body, ",\"stackTrace\":[]}");
}

static Outcome
post_error(Runtime *runtime, const char *request_id, const char *type, const char *message)
{
	AwsxBuf		body;
	Outcome		outcome = LEAVE;

	if (!runtime_error_type_ok(type))
		type = "Function.Unknown";
	if (error_body(&body, type, message))
		outcome = post(runtime, request_id, "error", body.data, body.len, type);
	awsx_buf_free(&body);
	return outcome;
}

static Outcome
post_reply(Runtime *runtime, const char *request_id, const RuntimeReply *reply)
{
	if (reply->failed)
		return post_error(runtime, request_id, reply->error_type, reply->error_message);
	if (reply->body.failed)
		return post_error(runtime, request_id, "Function.OutOfMemory",
						  "out of memory while the response was written");
	return post(runtime, request_id, "response", reply->body.len > 0 ? reply->body.data : "null",
				reply->body.len > 0 ? reply->body.len : 4, NULL);
}

/* ---- an invocation ---- */

/* The id becomes part of a URL and of log lines. */
static bool
request_id_ok(const char *id)
{
	size_t		len = id != NULL ? strlen(id) : 0;

	return len >= 1 && len <= 128 &&
		strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == len;
}

static const char *
header_or_empty(const AwsxHttpResponse *response, const char *name)
{
	const char *value = awsx_headers_get(&response->headers, name);

	return value != NULL ? value : "";
}

static int64_t
read_deadline(const char *text)
{
	char	   *end;
	long long	value = strtoll(text, &end, 10);

	return *text == '\0' || *end != '\0' || value < 0 ? 0 : value;
}

/* The AWS tools of other languages look for it in the environment. */
static void
export_trace_id(const char *trace_id)
{
	if (*trace_id != '\0')
		setenv("_X_AMZN_TRACE_ID", trace_id, 1);
	else
		unsetenv("_X_AMZN_TRACE_ID");
}

static Outcome
serve(Runtime *runtime, const AwsxHttpResponse *response, RuntimeHandler handler, void *arg)
{
	RuntimeInvocation invocation = {
		.request_id = awsx_headers_get(&response->headers, "Lambda-Runtime-Aws-Request-Id"),
		.trace_id = header_or_empty(response, "Lambda-Runtime-Trace-Id"),
		.function_arn = header_or_empty(response, "Lambda-Runtime-Invoked-Function-Arn"),
		.deadline_ms = read_deadline(header_or_empty(response, "Lambda-Runtime-Deadline-Ms")),
		.event = response->body.data != NULL ? response->body.data : "",
		.event_len = response->body.len
	};
	RuntimeReply reply = {0};
	Outcome		outcome;

	if (!request_id_ok(invocation.request_id))
	{
		log_event(LOG_FATAL, "the invocation has no usable request id, so it cannot be answered", NULL);
		return LEAVE;
	}
	log_set_request_id(invocation.request_id);
	log_set_trace_id(invocation.trace_id);
	export_trace_id(invocation.trace_id);
	awsx_buf_init(&reply.body, 0);
	handler(arg, &invocation, &reply);
	outcome = post_reply(runtime, invocation.request_id, &reply);
	awsx_buf_free(&reply.body);
	log_set_request_id(NULL);
	log_set_trace_id(NULL);
	return reply.leave ? LEAVE : outcome;
}

int
runtime_run(Runtime *runtime, RuntimeHandler handler, void *arg)
{
	char	   *path = path_of(runtime, "invocation/next", NULL);
	Answer		answer;
	Outcome		outcome = path != NULL ? GO_ON : LEAVE;

	while (outcome == GO_ON && call(runtime, path, NULL, 0, NULL, &answer))
	{
		if (answer.response.status == 200)
			outcome = serve(runtime, &answer.response, handler, arg);
		else
		{
			log_status(LOG_FATAL, "the Lambda runtime API gives no invocation", "next",
					   answer.response.status);
			outcome = LEAVE;
		}
		awsx_http_response_free(&answer.response);
	}
	free(path);
	return 1;
}

void
runtime_init_error(Runtime *runtime, const char *type, const char *message)
{
	char	   *path = path_of(runtime, "init/error", NULL);
	AwsxBuf		body;
	Answer		answer;

	if (error_body(&body, type, message) && path != NULL &&
		call(runtime, path, body.data, body.len, type, &answer))
	{
		if (answer.response.status < 200 || answer.response.status >= 300)
			log_status(LOG_WARN, "the Lambda runtime API did not take the report", "init/error",
					   answer.response.status);
		awsx_http_response_free(&answer.response);
	}
	awsx_buf_free(&body);
	free(path);
}

/* ---- setting up ---- */

/* "host:port[/path]" becomes endpoint and base. */
static bool
set_address(Runtime *runtime, const char *api, AwsxError *error)
{
	size_t		host_len = strcspn(api, "/");
	AwsxBuf		text;
	AwsxError	problem;

	awsx_buf_init(&text, 1024);
	awsx_buf_puts(&text, "http://");
	awsx_buf_append(&text, api, host_len);
	runtime->endpoint = awsx_buf_take(&text, NULL);
	awsx_buf_init(&text, 1024);
	awsx_buf_puts(&text, api + host_len);
	while (text.len > 0 && text.data[text.len - 1] == '/')
		text.data[--text.len] = '\0';
	awsx_buf_puts(&text, API_VERSION);
	runtime->base = awsx_buf_take(&text, NULL);
	if (runtime->endpoint == NULL || runtime->base == NULL)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory, or AWS_LAMBDA_RUNTIME_API is too long");
	if (host_len == 0 || !awsx_endpoint_check(runtime->endpoint, true, &problem) ||
		api[strspn(api, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~:/[]")] != '\0')
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "AWS_LAMBDA_RUNTIME_API must be host:port, as Lambda sets it");
	return true;
}

Runtime *
runtime_create(const RuntimeOptions *options, AwsxError *error)
{
	Runtime    *runtime = calloc(1, sizeof(Runtime));
	AwsxClientOptions client = {
		.transport = options->transport,
		.clock = options->clock,
		.max_attempts = 1
	};

	if (runtime == NULL)
	{
		options->transport->free(options->transport);
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while the runtime was set up");
		return NULL;
	}
	runtime->service.dialect = AWSX_DIALECT_RAW;
	runtime->service.allow_plain = true;	/* Lambda speaks no TLS */
	snprintf(runtime->service.name, sizeof(runtime->service.name), "lambda-runtime");
	runtime->client = awsx_client_create(&client, error);
	if (runtime->client != NULL && set_address(runtime, options->api, error))
	{
		snprintf(runtime->service.endpoint, sizeof(runtime->service.endpoint), "%s",
				 runtime->endpoint);
		return runtime;
	}
	runtime_free(runtime);
	return NULL;
}

void
runtime_free(Runtime *runtime)
{
	if (runtime == NULL)
		return;
	awsx_client_free(runtime->client);
	free(runtime->endpoint);
	free(runtime->base);
	free(runtime);
}
