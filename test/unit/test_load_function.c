/*
 * test_load_function.c
 *	  The Lambda function around the loader, which is a double here: what it
 *	  is given of an event, and what the answer says of each message; and the
 *	  command line.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "load_function.h"
#include "load_options.h"
#include "load_scope.h"
#include "loader.h"
#include "log.h"
#include "tap.h"

#define ARN "arn:aws:sqs:eu-west-1:123456789012:q.fifo"
#define TABLE "\"table\":\"t\",\"columns\":[{\"name\":\"a\",\"type\":\"int\"}]"

/* ---- the doubles ---- */

struct Loader
{
	int			calls;
	char		given[512];		/* ids, behind each other */
	char		request_id[64];
	LoadScope	scope;
	bool		staged;
	const char *refuses;		/* ids it does not load */
	bool		fails;			/* ... and says that this is a fault */
	const char *code;
};

static Loader double_of;
static int	forgotten;			/* how often connections were */
static int	asked;				/* how often the queue's scope was */
static char asked_url[256];
static bool scope_fails;

Loader *
loader_create(const LoaderOptions *options, AwsxError *error)
{
	(void) options;
	(void) error;
	return &double_of;
}

void
loader_free(Loader *loader)
{
	(void) loader;
}

void
loader_set_request_id(Loader *loader, const char *request_id)
{
	snprintf(loader->request_id, sizeof(loader->request_id), "%s", request_id);
}

bool
loader_load(Loader *loader, LoadScope scope, const AwsxSqsMessage *messages, int count,
			bool always_stage, bool *done, AwsxError *error)
{
	loader->calls++;
	loader->scope = scope;
	loader->staged = always_stage;
	for (int i = 0; i < count; i++)
	{
		size_t		len = strlen(loader->given);

		snprintf(loader->given + len, sizeof(loader->given) - len, "%s ", messages[i].message_id);
		done[i] = strstr(loader->refuses, messages[i].message_id) == NULL;
	}
	if (!loader->fails)
		return true;
	awsx_error_set(error, AWSX_ERR_DENIED, "no");
	snprintf(error->code, sizeof(error->code), "%s", loader->code);
	return false;
}

LoaderStats
loader_take_stats(Loader *loader)
{
	(void) loader;
	return (LoaderStats) {.loaded = 1};
}

bool
loader_met_outage(const Loader *loader)
{
	return loader->fails;
}

bool
load_scope_ask(AwsxClient *client, const AwsxService *queue, const char *queue_url, const Deadline *deadline,
			   LoadScope *scope, AwsxError *error)
{
	(void) client;
	(void) queue;
	(void) deadline;
	asked++;
	snprintf(asked_url, sizeof(asked_url), "%s", queue_url);
	if (scope_fails)
		return awsx_error_set(error, AWSX_ERR_THROTTLED, "slow down");
	*scope = LOAD_SCOPE_GROUP;
	return true;
}

/* There are none, but they might die while the process is frozen. */
void
awsx_client_forget_connections(AwsxClient *client)
{
	(void) client;
	forgotten++;
}

/* ---- events ---- */

/* A record of the queue; body null: none, so that it is damaged. */
static void
put_record(AwsxBuf *event, const char *id, const char *group, bool whole)
{
	awsx_buf_printf(event, "%s{\"messageId\":\"%s\",\"receiptHandle\":\"h\",%s\"attributes\":{\"MessageGroupId\":\"%s\"},"
					"\"eventSource\":\"aws:sqs\",\"eventSourceARN\":\"" ARN "\"}",
					event->len > 12 ? "," : "", id, whole ? "\"body\":\"{}\"," : "", group);
}

/* "a1 a2 b1!": ids, of which the first letter is the group; '!' is damage. */
static void
put_event(AwsxBuf *event, const char *ids)
{
	awsx_buf_puts(event, "{\"Records\":[");
	while (*ids != '\0')
	{
		size_t		len = strcspn(ids, " !");
		char		id[16];
		char		group[2] = {ids[0] == '-' ? '\0' : ids[0], '\0'};

		snprintf(id, sizeof(id), "%.*s", (int) len, ids);
		ids += len;
		put_record(event, id, group, *ids != '!');
		ids += strspn(ids, " !");
	}
	awsx_buf_puts(event, "]}");
}

static LoadFunction *function;
static Deadline deadline;

static void
invoke(const char *event, RuntimeReply *reply)
{
	RuntimeInvocation invocation = {.request_id = "r-1",.trace_id = "",.function_arn = "",.event = event,.event_len = strlen(event)};

	memset(reply, 0, sizeof(*reply));
	awsx_buf_init(&reply->body, 0);
	double_of.calls = 0;
	double_of.given[0] = '\0';
	load_function_handle(function, &invocation, reply);
}

/* Of these messages the loader is given some, and the answer names others. */
static void
answers(const char *ids, const char *refuses, const char *given, const char *left)
{
	RuntimeReply reply;
	AwsxBuf		event;
	AwsxBuf		expected;

	awsx_buf_init(&event, 0);
	awsx_buf_init(&expected, 0);
	put_event(&event, ids);
	double_of.refuses = refuses;
	forgotten = 0;
	invoke(event.data, &reply);
	awsx_buf_puts(&expected, "{\"batchItemFailures\":[");
	while (*left != '\0')
	{
		size_t		len = strcspn(left, " ");

		awsx_buf_printf(&expected, "%s{\"itemIdentifier\":\"%.*s\"}", expected.data[expected.len - 1] == '[' ? "" : ",", (int) len, left);
		left += len;
		left += strspn(left, " ");
	}
	awsx_buf_puts(&expected, "]}");
	is_str(double_of.given, given, ids);
	ok(!reply.failed, "... is answered");
	is_str(reply.body.data, expected.data, "... exactly");
	is_int(forgotten, 1, "... and no connection is kept for the next time");
	awsx_buf_free(&event);
	awsx_buf_free(&expected);
	awsx_buf_free(&reply.body);
}

static void
fails(const char *event, const char *type)
{
	RuntimeReply reply;

	invoke(event, &reply);
	ok(reply.failed, "%.30s: fails", event);
	is_str(reply.error_type, type, "... as");
	is_int(double_of.calls, 0, "... and nothing is loaded");
	awsx_buf_free(&reply.body);
}

static void
set_up(const char *json)
{
	static LoadConfig *config;
	static const AwsxServiceOptions services = {.region = "eu-west-1"};
	AwsxError	error;

	load_function_free(function);
	load_config_free(config);
	config = load_config_read("test", json, strlen(json), &error);
	deadline = (Deadline) {.clock = awsx_clock_real()};
	function = load_function_create(config, NULL, &services, &deadline, &error);
	ok(config != NULL && function != NULL, "set up");
}

static void
test_answers(void)
{
	set_up("{" TABLE ",\"dedup_scope\":\"queue\",\"metrics\":false}");
	answers("a1 a2 b1", "", "a1 a2 b1 ", "");
	answers("a1 a2 b1", "a2", "a1 a2 b1 ", "a2");
	answers("a1 b1 a2 b2 a3", "a2", "a1 b1 a2 b2 a3 ", "a2 a3");
	answers("a1 b1 a2", "a1 b1 a2", "a1 b1 a2 ", "a1 b1 a2");
	answers("a1! b1 a2 b2", "", "b1 b2 ", "a1 a2");
	answers("a1 b1! a2 b2 a3", "a2", "a1 a2 a3 ", "b1 a2 b2 a3");
	answers("a1!", "", "", "a1");
	answers("-1 -2! -3", "", "-1 -3 ", "-2");
	answers("", "", "", "");
	is_int(double_of.scope, LOAD_SCOPE_QUEUE, "the configuration's scope");
	ok(!double_of.staged, "what is small goes as SQL");
	is_str(double_of.request_id, "r-1", "rejects know the invocation");
	is_int(asked, 0, "the queue was not asked");
}

static void
test_fault(void)
{
	RuntimeReply reply;
	AwsxBuf		event;

	awsx_buf_init(&event, 0);
	put_event(&event, "a1 b1");
	double_of.refuses = "b1";
	double_of.fails = true;
	double_of.code = "";
	answers("a1 b1", "b1", "a1 b1 ", "b1");
	double_of.code = "ExpiredTokenException";
	invoke(event.data, &reply);
	ok(!reply.failed && reply.leave, "with expired keys the process leaves, and says first what was loaded");
	awsx_buf_free(&reply.body);
	double_of.fails = false;
	invoke(event.data, &reply);
	ok(!reply.leave, "... not otherwise");
	awsx_buf_free(&reply.body);
	awsx_buf_free(&event);
}

static void
test_refused(void)
{
	AwsxBuf		event;

	fails("{}", "Function.BadEvent");
	fails("no", "Function.BadEvent");
	fails("{\"Records\":[{\"eventSource\":\"aws:s3\"}]}", "Function.BadEvent");
	fails("{\"Records\":[{\"eventSource\":\"aws:sqs\",\"eventSourceARN\":\"" ARN "\",\"body\":\"{}\"}]}", "Function.BadEvent");
	set_up("{" TABLE ",\"metrics\":false}");
	scope_fails = true;
	awsx_buf_init(&event, 0);
	put_event(&event, "a1");
	fails(event.data, "Function.Throttled");
	scope_fails = false;
	awsx_buf_free(&event);
}

static void
test_scope(void)
{
	set_up("{" TABLE ",\"metrics\":false}");
	asked = 0;
	answers("a1", "", "a1 ", "");
	is_int(double_of.scope, LOAD_SCOPE_GROUP, "the queue's scope");
	is_str(asked_url, "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo", "... which is asked by its URL");
	answers("a2", "", "a2 ", "");
	is_int(asked, 1, "... once");
}

/* ---- the command line ---- */

static void
means(LoadAction action, const char *operand, int argc, const char *first, const char *second)
{
	char	   *argv[] = {(char *) "sqs_to_redshift", (char *) first, (char *) second, NULL};
	LoadOptions options;
	char		message[256];
	bool		done = load_options_read(&options, argc, argv, message, sizeof(message));

	ok(done && options.action == action, "%s", argc > 1 ? first : "nothing");
	is_str(done ? options.operand : "refused", operand, "... operand");
}

static void
is_refused(const char *part, int argc, const char *first, const char *second, const char *third)
{
	char	   *argv[] = {(char *) "sqs_to_redshift", (char *) first, (char *) second, (char *) third, NULL};
	LoadOptions options;
	char		message[256] = "";

	ok(!load_options_read(&options, argc, argv, message, sizeof(message)) && strstr(message, part) != NULL, "%s", part);
	if (strstr(message, part) == NULL)
		printf("# %s\n", message);
}

static void
test_options(void)
{
	means(LOAD_SERVE, NULL, 1, NULL, NULL);
	means(LOAD_HELP, NULL, 2, "--help", NULL);
	means(LOAD_VERSION, NULL, 2, "--version", NULL);
	means(LOAD_POLL, "http://q", 3, "--poll", "http://q");
	means(LOAD_EXPLAIN, "f", 3, "--explain", "f");
	means(LOAD_DDL, "f", 3, "ddl", "f");
	means(LOAD_CHECK, NULL, 2, "check", NULL);
	means(LOAD_PRUNE, "f", 3, "prune", "f");
	is_refused("\"--hepl\" is unknown", 2, "--hepl", NULL, NULL);
	is_refused("--poll needs one thing more", 2, "--poll", NULL, NULL);
	is_refused("\"x\" is one thing too many", 4, "ddl", "f", "x");
	is_refused("\"f\" is one thing too many", 3, "--help", "f", NULL);
	is_refused("\"--x\" is no name of a file or queue", 3, "ddl", "--x", NULL);
	is_refused("\"\" is no name of a file or queue", 3, "--explain", "", NULL);
}

int
main(void)
{
	log_set_level("FATAL");
	test_answers();
	test_fault();
	test_refused();
	test_scope();
	test_options();
	return tap_done();
}
