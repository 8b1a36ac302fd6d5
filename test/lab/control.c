/*
 * control.c
 *		/_lab/...: the tests' hand on the lab.
 *
 * Unsigned, JSON in and out, never subject to faults.  README.md names the
 * calls and their members.  A call that changes something takes an object, and
 * answers as the GET of the same path does.
 */
#include <string.h>

#include <jansson.h>

#include "clock.h"
#include "faults.h"
#include "journal.h"
#include "lambda.h"
#include "metadata.h"
#include "redshift.h"
#include "s3.h"
#include "service.h"
#include "sqs.h"

typedef struct Command
{
	const char *method;
	const char *path;			/* ends in "/" when a name follows */
	const char *action;

	/* The answer, a new reference; or NULL and what is wrong.  `in` is NULL for a GET and a DELETE. */
	json_t	   *(*run) (const char *name, const json_t *in, const char **wrong);

	/* Instead of run: answers by itself. */
	void		(*answer) (Exchange *x, const char *name);
} Command;

static void
refuse(Exchange *x, int status, const char *code, const char *message)
{
	router_note_error(x, code);
	http_answer_json(x, status, "application/json", json_pack("{s:s,s:s}", "error", code, "message", message));
}

static json_t *
get_clock(const char *name, const json_t *in, const char **wrong)
{
	(void) name;
	(void) in;
	(void) wrong;
	return json_pack("{s:I,s:I,s:b,s:f}", "now_ms", (json_int_t) clock_now_ms(), "real_ms", (json_int_t) clock_real_ms(),
					 "virtual", clock_stands_still(), "skew_seconds", (double) cloud.skew_ms / 1000);
}

static json_t *
move_clock(const char *name, const json_t *in, const char **wrong)
{
	double		seconds = 0;
	double		skew = (double) cloud.skew_ms / 1000;

	*wrong = "advance_seconds must be a number from 0 to 1000000000, skew_seconds one from -1000000000 to that";
	if (json_unpack_ex((json_t *) in, NULL, JSON_STRICT, "{s?F,s?F}", "advance_seconds", &seconds, "skew_seconds", &skew) != 0 ||
		seconds < 0 || seconds > 1e9 || skew < -1e9 || skew > 1e9)
		return NULL;
	clock_advance((int64_t) (seconds * 1000));
	cloud.skew_ms = (int64_t) (skew * 1000);
	journal_effect("clock", "ff", "advance_seconds", seconds, "skew_seconds", skew);
	clock_run();				/* what was due has happened when the answer arrives */
	return get_clock(name, in, wrong);
}

static json_t *
get_faults(const char *name, const json_t *in, const char **wrong)
{
	(void) name;
	(void) in;
	(void) wrong;
	return json_pack("{s:o}", "faults", faults_list());
}

static json_t *
add_fault(const char *name, const json_t *in, const char **wrong)
{
	*wrong = faults_add(in);
	return *wrong == NULL ? get_faults(name, in, wrong) : NULL;
}

static json_t *
clear_faults(const char *name, const json_t *in, const char **wrong)
{
	faults_clear();
	return get_faults(name, in, wrong);
}

static json_t *
get_stats(const char *name, const json_t *in, const char **wrong)
{
	return json_pack("{s:o,s:I,s:o,s:o}", "counts", journal_counts(), "waiting_polls", (json_int_t) sqs_waiting_polls(),
					 "queues", sqs_queue_names(), "clock", get_clock(name, in, wrong));
}

static json_t *
describe_message(const FifoMessage *message, int64_t now)
{
	const char *state = !fifo_is_hidden(message) ? "visible" : message->delayed ? "delayed" : "in_flight";

	return json_pack("{s:s,s:s,s:s,s:s,s:s%,s:s,s:i,s:I,s:O*}",
					 "message_id", message->id, "group", message->group_id, "dedup", message->dedup_id,
					 "sequence", message->sequence, "body", message->body, message->body_len,
					 "state", state, "receive_count", (int) message->receive_count,
					 "hidden_ms", (json_int_t) (fifo_is_hidden(message) ? message->hidden.key - now : 0),
					 "attributes", message->attributes);
}

static json_t *
get_queue(const char *name, const json_t *in, const char **wrong)
{
	SqsQueue   *queue = sqs_find(name);
	json_t	   *messages;
	const FifoMessage *message;

	(void) in;
	if (queue == NULL)
	{
		*wrong = "there is no such queue";
		return NULL;
	}
	messages = json_array();
	fifo_expire(queue->fifo, clock_now_ms());
	TAILQ_FOREACH(message, &queue->fifo->messages, in_queue)
		json_array_append_new(messages, describe_message(message, clock_now_ms()));
	return json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:o}", "queue", queue->name, "url", queue->url,
					 "messages_count", (json_int_t) queue->fifo->by_serial.count,
					 "in_flight", (json_int_t) fifo_in_flight(queue->fifo),
					 "delayed", (json_int_t) queue->fifo->n_delayed,
					 "waiting_polls", (json_int_t) queue->n_waiters, "messages", messages);
}

static json_t *
get_function(const char *name, const json_t *in, const char **wrong)
{
	Function   *function = lambda_function(name, in != NULL);

	*wrong = function == NULL ? "there is no such function" : in != NULL ? lambda_configure(function, in) : NULL;
	return *wrong == NULL ? lambda_describe(function) : NULL;
}

static json_t *
get_credentials(const char *name, const json_t *in, const char **wrong)
{
	(void) name;
	*wrong = in != NULL ? metadata_configure(in) : NULL;
	return *wrong == NULL ? metadata_describe() : NULL;
}

static const Command commands[] = {
	{"GET", "/_lab/clock", "get_clock", get_clock, NULL},
	{"POST", "/_lab/clock", "move_clock", move_clock, NULL},
	{"GET", "/_lab/faults", "get_faults", get_faults, NULL},
	{"POST", "/_lab/faults", "add_fault", add_fault, NULL},
	{"DELETE", "/_lab/faults", "clear_faults", clear_faults, NULL},
	{"GET", "/_lab/stats", "get_stats", get_stats, NULL},
	{"GET", "/_lab/queues/", "get_queue", get_queue, NULL},
	{"GET", "/_lab/prefill/", "get_prefill", sqs_prefill, NULL},
	{"PUT", "/_lab/prefill/", "prefill", sqs_prefill, NULL},
	{"GET", "/_lab/functions/", "get_function", get_function, NULL},
	{"PUT", "/_lab/functions/", "set_function", get_function, NULL},
	{"GET", "/_lab/credentials", "get_credentials", get_credentials, NULL},
	{"PUT", "/_lab/credentials", "set_credentials", get_credentials, NULL},
	{"GET", "/_lab/redshift", "get_redshift", redshift_control, NULL},
	{"PUT", "/_lab/redshift", "set_redshift", redshift_control, NULL},
	{"PUT", "/_lab/eventbridge/", "set_eventbridge", NULL, s3_set_eventbridge},
	{"PUT", "/_lab/objects/", "put_object", NULL, s3_put_synthetic},
};

static void
identify(Exchange *x)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
	{
		const Command *command = &commands[i];
		size_t		len = strlen(command->path);

		if (strcmp(command->method, x->method) == 0 && strncmp(command->path, x->path, len) == 0 &&
			(x->path[len] == '\0') != (command->path[len - 1] == '/'))
		{
			x->action = command->action;
			x->call = (void *) command;
			return;
		}
	}
	refuse(x, 404, "no_such_call", "the lab has no such control call; see test/lab/README.md");
}

static void
handle(Exchange *x)
{
	const Command *command = x->call;
	const char *name = x->path + strlen(command->path);
	bool		takes_object = command->method[0] == 'P';
	const char *wrong = "a JSON object is expected";
	json_t	   *in = takes_object ? json_loadb(x->body.data, x->body.len, 0, NULL) : NULL;
	json_t	   *out;

	if (command->answer != NULL)
		command->answer(x, name);
	else if ((takes_object && !json_is_object(in)) || (out = command->run(name, in, &wrong)) == NULL)
		refuse(x, strncmp(wrong, "there is no", 11) == 0 ? 404 : 400, "bad_request", wrong);
	else
		http_answer_json(x, 200, "application/json", out);
	json_decref(in);
}

const Service control_service = {"control", identify, NULL, handle, refuse};
