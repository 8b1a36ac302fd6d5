/*
 * deliver.c
 *	  Sends the messages of a stream of records, and checks every outcome.
 *
 * Here: the window.  A record is queued by message, and stays in the list of
 * what is not settled until it is the first of it and has no open message.
 * Whoever waits takes the same step over and over: start calls, settle, wait
 * for the client, drive it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deliver_work.h"
#include "log.h"

#define DRIVE_EVERY 8			/* records; between them answers are looked for */
#define PATIENCE_MS 300000		/* without a deadline: how long nothing may be accepted */

/* No queue has a smaller maximum than this. */
#define SMALLEST_MAXIMUM 1024

int64_t
deliver_now_ms(const Deliverer *deliverer)
{
	const AwsxClock *clock = awsx_client_clock(deliverer->options.client);

	return clock->monotonic_ms(clock->arg);
}

Deliverer *
deliver_create(const DeliverOptions *options, AwsxError *error)
{
	Deliverer  *deliverer = calloc(1, sizeof(Deliverer));

	if (deliverer != NULL)
		deliverer->lines = calloc((size_t) options->config->output_count, sizeof(DeliverLine));
	if (deliverer == NULL || deliverer->lines == NULL)
	{
		free(deliverer);
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while sending was set up");
		return NULL;
	}
	deliverer->options = *options;
	for (int i = 0; i < DELIVER_CALLS; i++)
		deliverer->calls[i].deliverer = deliverer;
	return deliverer;
}

void
deliver_free(Deliverer *deliverer)
{
	if (deliverer == NULL)
		return;
	deliver_drop(deliverer);
	free(deliverer->lines);
	free(deliverer);
}

/* ---- limits ---- */

static size_t
ask_max_message(Deliverer *deliverer, int output)
{
	const DeliverOptions *options = &deliverer->options;
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxSqsAttributes *attributes = NULL;
	AwsxError	error;
	const char *value = NULL;
	long		size;

	awsx_error_clear(&error);
	if (awsx_sqs_attributes_request(&options->services[output], options->config->outputs[output].queue_url,
									&request, &error))
	{
		request.timeout_ms = deadline_left_ms(options->deadline);
		if (request.timeout_ms <= 0)
			request.timeout_ms = 1;
		if (awsx_client_run(options->client, &options->services[output], &request, &answer, &error))
		{
			attributes = awsx_sqs_attributes_answer(&answer, &error);
			awsx_http_response_free(&answer);
		}
	}
	if (attributes != NULL)
		value = awsx_sqs_attribute(attributes, "MaximumMessageSize");
	size = value != NULL ? strtol(value, NULL, 10) : 0;
	awsx_sqs_attributes_free(attributes);
	if (size >= SMALLEST_MAXIMUM && size <= AWSX_SQS_MAX_BYTES)
		return (size_t) size;
	log_error(LOG_WARN, "the queue does not tell its MaximumMessageSize; 1 MiB is taken for it (sqs:GetQueueAttributes lets it)",
			  &error);
	return AWSX_SQS_MAX_BYTES;
}

size_t
deliver_max_message(Deliverer *deliverer, int output)
{
	DeliverLine *line = &deliverer->lines[output];

	if (line->max_message == 0)
		line->max_message = ask_max_message(deliverer, output);
	return line->max_message;
}

/* A message that its queue will not take: the record is refused before anything of it is sent. */
static void
check_sizes(Deliverer *deliverer, DeliverRecord *record)
{
	char		reason[200];

	for (int i = 0; i < record->result.count && !record->refused; i++)
	{
		size_t		size = record->messages[i].size;
		int			output = record->result.messages[i].output;

		if (size <= SMALLEST_MAXIMUM || size <= deliver_max_message(deliverer, output))
			continue;
		snprintf(reason, sizeof(reason),
				 "body and attributes are %zu bytes, but the queue takes %zu at most (MaximumMessageSize)",
				 size, deliver_max_message(deliverer, output));
		deliver_refuse(deliverer, record, output, "MessageTooLong", reason);
	}
}

/* ---- the window ---- */

static size_t
bytes_of(const DeliverRecord *record)
{
	return sizeof(DeliverRecord) + record->weight + record->result.bytes +
		(size_t) record->result.count * (sizeof(EnrichMessage) + sizeof(DeliverMessage));
}

static void
enter_window(Deliverer *deliverer, DeliverRecord *record)
{
	record->next = NULL;
	if (deliverer->last != NULL)
		deliverer->last->next = record;
	else
		deliverer->first = record;
	deliverer->last = record;
	deliverer->record_count++;
	deliverer->record_bytes += bytes_of(record);
}

/* Give the first record back. */
static bool
leave_window(Deliverer *deliverer, AwsxError *error)
{
	DeliverRecord *record = deliverer->first;
	DeliverMessage *messages = record->messages;
	bool		done;

	deliverer->first = record->next;
	if (deliverer->first == NULL)
		deliverer->last = NULL;
	deliverer->record_count--;
	deliverer->record_bytes -= bytes_of(record);
	done = deliverer->options.on_settled(deliverer->options.arg, record, error);
	free(messages);
	return done;
}

static bool
window_full(const Deliverer *deliverer)
{
	return deliverer->record_count >= DELIVER_WINDOW ||
		(deliverer->record_bytes >= DELIVER_WINDOW_BYTES && deliverer->record_count > 1);
}

/* Queue the record's messages.  False: out of memory, in part or wholly. */
static bool
queue_messages(Deliverer *deliverer, DeliverRecord *record)
{
	int			count = record->result.count;

	/* should memory end it has an open message that never gets a fate */
	record->open = count;
	if (count == 0)
		return true;
	record->messages = calloc((size_t) count, sizeof(DeliverMessage));
	if (record->messages == NULL)
		return false;
	for (int i = 0; i < count; i++)
	{
		AwsxSqsSend send = enrich_send(&record->result.messages[i], NULL);

		record->messages[i] = (DeliverMessage) {
			.record = record,.message = &record->result.messages[i],.size = awsx_sqs_send_size(&send)
		};
	}
	check_sizes(deliverer, record);
	for (int i = 0; i < count && !record->refused; i++)
	{
		if (!deliver_queue_add(deliverer, &record->messages[i]))
			return false;
	}
	return true;
}

/* SQS refuses a call for a trace header with odd characters; a message is worth more. */
static bool
trace_header_ok(const char *text)
{
	if (text == NULL || *text == '\0')
		return false;
	while (*text >= ' ' && *text <= '~')
		text++;
	return *text == '\0';
}

/* ---- waiting ---- */

static bool
give_fault(const Deliverer *deliverer, AwsxError *error)
{
	*error = deliverer->error;
	return false;
}

/* Give back what is settled.  A fault of the callback's is the deliverer's, too. */
static bool
settle_first(Deliverer *deliverer, AwsxError *error)
{
	AwsxError	problem;

	awsx_error_clear(&problem);
	while (!deliverer->failed && deliverer->first != NULL && deliverer->first->open == 0)
	{
		if (!leave_window(deliverer, &problem))
			deliver_fail(deliverer, -1, &problem);
	}
	return !deliverer->failed || give_fault(deliverer, error);
}

/* Is it of no use to wait any longer? */
static bool
out_of_time(Deliverer *deliverer)
{
	AwsxError	error;

	if (deadline_left_ms(deliverer->options.deadline) > 0 &&
		(deliverer->options.deadline->at_ms > 0 ||
		 deliver_now_ms(deliverer) - deliverer->progress_ms < PATIENCE_MS))
		return false;
	awsx_error_clear(&error);
	awsx_error_set(&error, AWSX_ERR_CANCELLED, "the time is over before all messages were sent%s%.300s",
				   deliverer->error.kind != AWSX_OK ? "; the last of what went wrong: " : "",
				   deliverer->error.message);
	deliver_fail(deliverer, -1, &error);
	return true;
}

/* Milliseconds until something is due: of the client's, or of what rests. */
static int
timeout_of(Deliverer *deliverer)
{
	int			timeout_ms = awsx_client_timeout_ms(deliverer->options.client);
	int64_t		now_ms = deliver_now_ms(deliverer);

	for (int i = 0; i < deliverer->options.config->output_count; i++)
	{
		int64_t		due_ms = deliver_queue_due_ms(&deliverer->lines[i], deliverer->looked_ms);
		int64_t		left_ms = due_ms > now_ms ? due_ms - now_ms : 0;

		if (due_ms >= 0 && (timeout_ms < 0 || left_ms < timeout_ms))
			timeout_ms = (int) left_ms;
	}
	return timeout_ms;
}

static void
wait_and_drive(Deliverer *deliverer)
{
	AwsxClient *client = deliverer->options.client;
	Deadline	deadline = *deliverer->options.deadline;

	deadline_wait(&deadline, awsx_client_fd(client), timeout_of(deliverer));
	awsx_client_drive(client);
	deliverer->submitted = 0;
}

/* Until no more than so many records are left, and the window has room. */
static bool
work_until(Deliverer *deliverer, int left, bool last, AwsxError *error)
{
	for (;;)
	{
		if (!settle_first(deliverer, error))
			return false;
		if (deliverer->record_count <= left && !window_full(deliverer))
			return true;
		deliver_start_calls(deliverer, true, last);
		if (deliverer->failed || out_of_time(deliverer))
			return give_fault(deliverer, error);
		wait_and_drive(deliverer);
	}
}

bool
deliver_submit(Deliverer *deliverer, DeliverRecord *record, AwsxError *error)
{
	AwsxError	problem;

	record->open = 1;
	record->messages = NULL;
	if (!trace_header_ok(record->trace_header))
		record->trace_header = NULL;
	if (deliverer->record_count == 0)
		deliverer->progress_ms = deliver_now_ms(deliverer);
	enter_window(deliverer, record);
	if (deliverer->failed)
		return give_fault(deliverer, error);
	if (!queue_messages(deliverer, record))
	{
		awsx_error_clear(&problem);
		awsx_error_set(&problem, AWSX_ERR_MEMORY, "out of memory while messages were sent");
		deliver_fail(deliverer, -1, &problem);
		return give_fault(deliverer, error);
	}
	deliver_start_calls(deliverer, false, false);
	if (++deliverer->submitted >= DRIVE_EVERY && deliverer->under_way > 0)
	{
		awsx_client_drive(deliverer->options.client);
		deliverer->submitted = 0;
	}
	return work_until(deliverer, DELIVER_WINDOW, false, error);
}

bool
deliver_finish(Deliverer *deliverer, AwsxError *error)
{
	return work_until(deliverer, 0, true, error);
}

void
deliver_drop(Deliverer *deliverer)
{
	AwsxError	ignored;

	deliver_cancel_calls(deliverer);
	deliver_queue_clear(deliverer);
	while (deliverer->first != NULL)
	{
		deliverer->first->dropped = true;
		awsx_error_clear(&ignored);
		leave_window(deliverer, &ignored);
	}
	deliverer->failed = false;
	awsx_error_clear(&deliverer->error);
}

bool
deliver_was_sent(const DeliverRecord *record, int n)
{
	return record->messages != NULL && record->messages[n].state == DELIVER_SENT;
}

DeliverStats
deliver_take_stats(Deliverer *deliverer)
{
	DeliverStats stats = deliverer->stats;

	deliverer->stats = (DeliverStats) {0};
	return stats;
}
