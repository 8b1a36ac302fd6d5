/*
 * control.c
 *		/_lab/...: the tests' hand on the lab.
 *
 * Unsigned, JSON in and out, never subject to faults.  README.md names the
 * calls and their members.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "clock.h"
#include "faults.h"
#include "journal.h"
#include "lambda.h"
#include "service.h"
#include "sqs.h"

static void
answer_json(Exchange *x, int status, json_t *body)
{
	http_answer_json(x, status, "application/json", body);
}

static void
refuse(Exchange *x, int status, const char *code, const char *message)
{
	router_note_error(x, code);
	answer_json(x, status, json_pack("{s:s,s:s}", "error", code, "message", message));
}

/* The request's body, or NULL after having answered. */
static json_t *
read_object(Exchange *x)
{
	json_error_t error;
	json_t	   *in = json_loadb(x->body.data, x->body.len, 0, &error);

	if (json_is_object(in))
		return in;
	refuse(x, 400, "bad_request", in == NULL ? error.text : "a JSON object is expected");
	json_decref(in);
	return NULL;
}

static json_t *
clock_state(void)
{
	return json_pack("{s:I,s:I,s:b}", "now_ms", (json_int_t) clock_now_ms(),
					 "real_ms", (json_int_t) clock_real_ms(), "virtual", clock_stands_still());
}

static void
get_clock(Exchange *x, const char *name)
{
	(void) name;
	answer_json(x, 200, clock_state());
}

static void
move_clock(Exchange *x, const char *name)
{
	json_t	   *in = read_object(x);
	json_t	   *seconds = json_object_get(in, "advance_seconds");
	double		value = json_number_value(seconds);

	(void) name;
	if (in == NULL)
		return;
	if (!json_is_number(seconds) || value < 0 || value > 1e9)
		refuse(x, 400, "bad_request", "advance_seconds must be a number from 0 to 1000000000");
	else
	{
		clock_advance((int64_t) (value * 1000));
		journal_effect("clock", "f", "advance_seconds", value);
		clock_run();			/* what was due has happened when the answer arrives */
		answer_json(x, 200, clock_state());
	}
	json_decref(in);
}

static void
get_faults(Exchange *x, const char *name)
{
	(void) name;
	answer_json(x, 200, json_pack("{s:o}", "faults", faults_list()));
}

static void
add_fault(Exchange *x, const char *name)
{
	json_t	   *in = read_object(x);
	const char *wrong = in != NULL ? faults_add(in) : NULL;

	if (in == NULL)
		return;
	json_decref(in);
	if (wrong != NULL)
		refuse(x, 400, "bad_request", wrong);
	else
		get_faults(x, name);
}

static void
clear_faults(Exchange *x, const char *name)
{
	faults_clear();
	get_faults(x, name);
}

static void
get_stats(Exchange *x, const char *name)
{
	(void) name;
	answer_json(x, 200, json_pack("{s:o,s:I,s:o,s:o}", "counts", journal_counts(),
								  "waiting_polls", (json_int_t) sqs_waiting_polls(),
								  "queues", sqs_queue_names(), "clock", clock_state()));
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

static void
get_queue(Exchange *x, const char *name)
{
	SqsQueue   *queue = sqs_find(name);
	int64_t		now = clock_now_ms();
	json_t	   *messages;
	const FifoMessage *message;

	if (queue == NULL)
	{
		refuse(x, 404, "no_such_queue", "there is no such queue");
		return;
	}
	messages = json_array();
	fifo_expire(queue->fifo, now);
	TAILQ_FOREACH(message, &queue->fifo->messages, in_queue)
		json_array_append_new(messages, describe_message(message, now));
	answer_json(x, 200, json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:o}", "queue", queue->name, "url", queue->url,
								  "messages_count", (json_int_t) queue->fifo->by_serial.count,
								  "in_flight", (json_int_t) fifo_in_flight(queue->fifo),
								  "delayed", (json_int_t) queue->fifo->n_delayed,
								  "waiting_polls", (json_int_t) queue->n_waiters,
								  "messages", messages));
}

static void
get_function(Exchange *x, const char *name)
{
	Function   *function = lambda_function(name, false);

	if (function == NULL)
		refuse(x, 404, "no_such_function", "there is no such function");
	else
		answer_json(x, 200, json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I}", "function", function->name,
									  "arn", function->arn, "timeout_ms", (json_int_t) function->timeout_ms,
									  "idle", (json_int_t) function->n_idle,
									  "queued", (json_int_t) function->n_queued,
									  "running", (json_int_t) function->n_running,
									  "resting", (json_int_t) function->n_resting));
}

static void
set_function(Exchange *x, const char *name)
{
	json_t	   *in = read_object(x);
	double		seconds = json_number_value(json_object_get(in, "timeout_seconds"));
	Function   *function = in != NULL ? lambda_function(name, true) : NULL;

	if (in == NULL)
		return;
	json_decref(in);
	if (function == NULL || seconds <= 0 || seconds > 900)
		refuse(x, 400, "bad_request", "a function name and timeout_seconds from 0 to 900 are expected");
	else
	{
		function->timeout_ms = (int64_t) (seconds * 1000);
		get_function(x, name);
	}
}

typedef struct Command
{
	const char *method;
	const char *path;			/* ends in "/" when a name follows */
	const char *action;
	void		(*run) (Exchange *x, const char *name);
} Command;

static const Command commands[] = {
	{"GET", "/_lab/clock", "get_clock", get_clock},
	{"POST", "/_lab/clock", "move_clock", move_clock},
	{"GET", "/_lab/faults", "get_faults", get_faults},
	{"POST", "/_lab/faults", "add_fault", add_fault},
	{"DELETE", "/_lab/faults", "clear_faults", clear_faults},
	{"GET", "/_lab/stats", "get_stats", get_stats},
	{"GET", "/_lab/queues/", "get_queue", get_queue},
	{"GET", "/_lab/functions/", "get_function", get_function},
	{"PUT", "/_lab/functions/", "set_function", set_function},
};

static const Command *
find_command(const Exchange *x)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
	{
		const Command *command = &commands[i];
		size_t		len = strlen(command->path);

		if (strcmp(command->method, x->method) == 0 && strncmp(command->path, x->path, len) == 0 &&
			(x->path[len] == '\0') != (command->path[len - 1] == '/'))
			return command;
	}
	return NULL;
}

static void
identify(Exchange *x)
{
	const Command *command = find_command(x);

	if (command != NULL)
		x->action = command->action;
	else
		refuse(x, 404, "no_such_call", "the lab has no such control call; see test/lab/README.md");
}

static void
handle(Exchange *x)
{
	const Command *command = find_command(x);

	command->run(x, x->path + strlen(command->path));
}

const Service control_service = {"control", identify, NULL, handle, refuse};
