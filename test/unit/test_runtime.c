/*
 * test_runtime.c
 *	  The Lambda runtime loop over a transport that plays the runtime API: a
 *	  script of answers in, the calls that were made out.
 */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime.h"
#include "tap.h"

#define MAX_CALLS 32

/* One scripted answer; status 0 = the connection breaks. */
typedef struct Step
{
	int			status;
	const char *request_id;		/* header of "next"; null = none */
	const char *body;
} Step;

typedef struct Seen
{
	char		method[8];
	char		url[400];
	char		body[700];
	char		error_type[80];
	int			timeout_ms;
	int			connect_timeout_ms;
} Seen;

typedef struct Double
{
	AwsxTransport table;
	int			fd;				/* always readable */
	AwsxHttpCall *pending;
	const Step *script;
} Double;

static Seen seen[MAX_CALLS];
static int	seen_count;

static bool
double_start(AwsxTransport *self, AwsxHttpCall *call, AwsxError *error)
{
	const AwsxHttpRequest *request = call->request;
	const char *type = awsx_headers_get(&request->headers, "Lambda-Runtime-Function-Error-Type");
	Seen	   *s = &seen[seen_count < MAX_CALLS - 1 ? seen_count++ : seen_count];

	(void) error;
	snprintf(s->method, sizeof(s->method), "%s", request->method);
	snprintf(s->url, sizeof(s->url), "%s%s", request->endpoint, request->path);
	snprintf(s->body, sizeof(s->body), "%.*s", (int) request->body_len, request->body ? request->body : "");
	snprintf(s->error_type, sizeof(s->error_type), "%s", type ? type : "");
	s->timeout_ms = request->timeout_ms;
	s->connect_timeout_ms = request->connect_timeout_ms;
	awsx_http_response_init(&call->response, 0);
	((Double *) self)->pending = call;
	return true;
}

static void
double_cancel(AwsxTransport *self, AwsxHttpCall *call)
{
	(void) call;
	((Double *) self)->pending = NULL;
}

static void
double_drive(AwsxTransport *self)
{
	Double	   *d = (Double *) self;
	AwsxHttpCall *call = d->pending;
	const Step *step = d->script;

	if (call == NULL)
		return;
	d->pending = NULL;
	if (step->status == 0)
		awsx_error_set(&call->error, AWSX_ERR_TRANSPORT, "connection reset");
	else
	{
		awsx_error_clear(&call->error);
		call->response.status = step->status;
		if (step->request_id != NULL)
			awsx_headers_set(&call->response.headers, "lambda-runtime-aws-request-id", step->request_id);
		awsx_headers_set(&call->response.headers, "Lambda-Runtime-Trace-Id", "Root=1-2");
		awsx_headers_set(&call->response.headers, "Lambda-Runtime-Deadline-Ms", "1795360908184");
		awsx_buf_puts(&call->response.body, step->body != NULL ? step->body : "");
	}
	d->script++;
	call->done(call);
}

static int
double_fd(AwsxTransport *self)
{
	return ((Double *) self)->fd;
}

static int
double_timeout(AwsxTransport *self)
{
	return ((Double *) self)->pending != NULL ? 0 : -1;
}

static void
double_free(AwsxTransport *self)
{
	close(((Double *) self)->fd);
	free(self);
}

static Runtime *
create(const char *api, const Step *script, AwsxError *error)
{
	Double	   *d = calloc(1, sizeof(Double));
	RuntimeOptions options = {.api = api,.transport = &d->table};

	d->table = (AwsxTransport)
	{
		.start = double_start, .cancel = double_cancel, .drive = double_drive, .fd = double_fd,
		.timeout_ms = double_timeout, .free = double_free
	};
	d->fd = eventfd(1, 0);
	d->script = script;
	seen_count = 0;
	memset(seen, 0, sizeof(seen));
	awsx_error_clear(error);
	return runtime_create(&options, error);
}

/* What the handler does and saw. */
static const char *fail_with;
static bool leave;
static int	handled;
static char handled_event[64];
static char handled_trace[64];
static int64_t handled_deadline;

static void
handler(void *arg, const RuntimeInvocation *invocation, RuntimeReply *reply)
{
	(void) arg;
	handled++;
	snprintf(handled_event, sizeof(handled_event), "%.*s", (int) invocation->event_len, invocation->event);
	snprintf(handled_trace, sizeof(handled_trace), "%s", getenv("_X_AMZN_TRACE_ID") ? getenv("_X_AMZN_TRACE_ID") : "");
	handled_deadline = invocation->deadline_ms;
	reply->leave = leave;
	if (fail_with == NULL)
	{
		awsx_buf_puts(&reply->body, "{\"n\":1}");
		return;
	}
	reply->failed = true;
	snprintf(reply->error_type, sizeof(reply->error_type), "%s", fail_with);
	snprintf(reply->error_message, sizeof(reply->error_message), "it \"failed\"");
}

/* Run the script to its end; every script ends with an answer that ends the loop. */
static int
run(const Step *script)
{
	AwsxError	error;
	Runtime    *runtime = create("127.0.0.1:9001", script, &error);
	int			status = runtime_run(runtime, handler, NULL);

	runtime_free(runtime);
	return status;
}

static bool
called(int index, const char *method, const char *part)
{
	bool		same = index < seen_count && strcmp(seen[index].method, method) == 0 &&
		strstr(seen[index].url, part) != NULL;

	if (!same)
		printf("# call %d: %s %s\n", index, seen[index].method, seen[index].url);
	return same;
}

#define NEXT "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next"
#define END {403, NULL, NULL}

static void
test_success(void)
{
	static const Step script[] = {
		{200, "id-1", "{\"e\":1}"}, {202, NULL, NULL}, {200, "id-2", ""}, {202, NULL, NULL}, END
	};

	handled = 0;
	ok(run(script) != 0, "the loop ends with a status that is not 0");
	is_int(seen_count, 5, "next, response, next, response, next");
	is_str(seen[0].url, NEXT, "next");
	is_str(seen[0].method, "GET", "... is a GET");
	is_int(seen[0].timeout_ms, -1, "... without a time limit");
	ok(seen[0].connect_timeout_ms > 0 && seen[0].connect_timeout_ms <= 3000, "... but a bounded connect");
	is_str(seen[1].url, "http://127.0.0.1:9001/2018-06-01/runtime/invocation/id-1/response", "response");
	is_str(seen[1].body, "{\"n\":1}", "the handler's answer");
	ok(seen[1].timeout_ms > 0, "a response has a time limit");
	is_int(handled, 2, "the handler ran twice");
	is_str(handled_event, "", "an empty event is none to stumble over");
	is_str(handled_trace, "Root=1-2", "_X_AMZN_TRACE_ID");
	ok(handled_deadline == 1795360908184, "the deadline");
	ok(called(3, "POST", "/id-2/response"), "the second answer");
}

static void
test_failure(void)
{
	static const Step script[] = {{200, "id-1", "{}"}, {202, NULL, NULL}, END};

	fail_with = "Function.Throttled";
	run(script);
	ok(called(1, "POST", "/invocation/id-1/error"), "error");
	is_str(seen[1].error_type, "Function.Throttled", "the error type's header");
	is_str(seen[1].body, "{\"errorMessage\":\"it \\\"failed\\\"\",\"errorType\":\"Function.Throttled\",\"stackTrace\":[]}",
		   "the error's body");
	fail_with = "nonsense";
	run(script);
	is_str(seen[1].error_type, "Function.Unknown", "a type that Lambda would not record is replaced");
	fail_with = NULL;
	leave = true;
	run(script);
	is_int(seen_count, 2, "a handler that wants to leave: answered, then out");
	leave = false;
}

static void
test_api_answers(void)
{
	static const Step too_large[] = {{200, "a", "{}"}, {413, NULL, NULL}, END};
	static const Step bad_id[] = {{200, "a", "{}"}, {400, NULL, NULL}, END};
	static const Step forbidden[] = {{200, "a", "{}"}, {403, NULL, NULL}, END};
	static const Step broken[] = {{200, "a", "{}"}, {500, NULL, NULL}, END};
	static const Step next_500[] = {{500, NULL, NULL}, END};

	run(too_large);
	is_int(seen_count, 3, "413: not posted again, on to the next");
	run(bad_id);
	is_int(seen_count, 3, "400: logged, on to the next");
	run(forbidden);
	is_int(seen_count, 2, "403 to a response: leave");
	run(broken);
	is_int(seen_count, 2, "500 to a response: leave");
	run(next_500);
	is_int(seen_count, 1, "500 to next: leave");
}

static void
test_broken_wire(void)
{
	static const Step lost[] = {{200, "a", "{}"}, {0, NULL, NULL}, {202, NULL, NULL}, END};
	static const Step known[] = {{200, "a", "{}"}, {0, NULL, NULL}, {403, NULL, NULL}, END};
	static const Step known_400[] = {{200, "a", "{}"}, {0, NULL, NULL}, {400, NULL, NULL}, END};
	static const Step next_lost[] = {{0, NULL, NULL}, {200, "a", "{}"}, {202, NULL, NULL}, END};
	static const Step gone[] = {{0, NULL, NULL}, {0, NULL, NULL}, {0, NULL, NULL}, {0, NULL, NULL}, END};
	static const Step post_gone[] = {{200, "a", "{}"}, {0, NULL, NULL}, {0, NULL, NULL}, {0, NULL, NULL},
	{0, NULL, NULL}, END};

	handled = 0;
	run(lost);
	ok(seen_count == 4 && called(2, "POST", "/a/response") && handled == 1,
	   "a response without an answer is posted again, the handler is not run again");
	run(known);
	is_int(seen_count, 4, "... 403 then means that it had arrived");
	run(known_400);
	is_int(seen_count, 4, "... and so does 400");
	run(next_lost);
	ok(seen_count == 4 && called(1, "GET", "/next"), "next without an answer is repeated");
	ok(run(gone) != 0 && seen_count == 4, "four times, then the process ends");
	run(post_gone);
	ok(seen_count == 6 && called(5, "GET", "/next"), "a response that cannot be posted: next decides");
}

static void
test_hostile_ids(void)
{
	static const char *const ids[] = {"", "a/b", "a b", "..", "a?b", "a%2e", "\xC3\xA9", NULL};
	static const Step none[] = {{200, NULL, "{}"}, END};
	char		long_id[200];

	handled = 0;
	for (int i = 0; ids[i] != NULL; i++)
	{
		Step		script[] = {{200, ids[i], "{}"}, END};

		run(script);
		ok(seen_count == 1 && handled == 0, "request id \"%s\" never gets into a URL", ids[i]);
	}
	run(none);
	ok(seen_count == 1 && handled == 0, "no request id");
	memset(long_id, 'a', 199);
	long_id[199] = '\0';
	{
		Step		script[] = {{200, long_id, "{}"}, END};

		run(script);
		ok(seen_count == 1 && handled == 0, "a request id of 199 bytes");
	}
}

static void
test_addresses(void)
{
	static const char *const bad[] = {
		"", "/x", "a b:1", "user@host:1", "127.0.0.1:99999", "127.0.0.1:1/\"", "127.0.0.1:1\r\nX: y", NULL
	};
	static const Step end[] = {END};
	AwsxError	error;
	Runtime    *runtime;

	for (int i = 0; bad[i] != NULL; i++)
	{
		runtime = create(bad[i], end, &error);
		ok(runtime == NULL && error.kind == AWSX_ERR_CONFIG, "refused as an address: \"%s\"", bad[i][0] == '1' && strchr(bad[i], '\r') ? "(line break)" : bad[i]);
		runtime_free(runtime);
	}
	runtime = create("127.0.0.1:9001/runtime/fn/", end, &error);
	runtime_run(runtime, handler, NULL);
	is_str(seen[0].url, "http://127.0.0.1:9001/runtime/fn/2018-06-01/runtime/invocation/next", "an address with a path");
	runtime_free(runtime);
}

static void
test_init_error(void)
{
	static const Step script[] = {{202, NULL, NULL}, END};
	AwsxError	error;
	Runtime    *runtime = create("127.0.0.1:9001", script, &error);

	runtime_init_error(runtime, "Runtime.Configuration", "QUEUE_URL is \"wrong\"");
	is_int(seen_count, 1, "one call");
	is_str(seen[0].url, "http://127.0.0.1:9001/2018-06-01/runtime/init/error", "init/error");
	is_str(seen[0].error_type, "Runtime.Configuration", "its header");
	is_str(seen[0].body, "{\"errorMessage\":\"QUEUE_URL is \\\"wrong\\\"\",\"errorType\":\"Runtime.Configuration\",\"stackTrace\":[]}",
		   "its body");
	runtime_free(runtime);
}

static void
test_error_types(void)
{
	ok(runtime_error_type_ok("Function.AccessDenied") && runtime_error_type_ok("Runtime.Ab"), "types that Lambda records");
	ok(!runtime_error_type_ok("Function.A") && !runtime_error_type_ok("Function.abc") &&
	   !runtime_error_type_ok("Other.Abc") && !runtime_error_type_ok("Function.Ab1") &&
	   !runtime_error_type_ok("Function."), "and those that it does not");
}

int
main(void)
{
	test_success();
	test_failure();
	test_api_answers();
	test_broken_wire();
	test_hostile_ids();
	test_addresses();
	test_init_error();
	test_error_types();
	return tap_done();
}
