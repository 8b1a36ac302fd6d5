/*
 * deliver_call.c
 *	  The batches under way: what goes into one, and what its answer means.
 *
 * Three kinds of bad news.  A transient one (throttling, 5xx, no answer, an
 * entry that is put off) sends the messages back to the heads of their groups
 * for a while, without end: the deadline ends it.  A refusal of one message's
 * content is its record's fate; where a whole call is refused its messages
 * are tried one by one to find the culprit.  Anything else is a fault.
 */
#include <stdio.h>
#include <string.h>

#include "../aws/retry.h"
#include "deliver_work.h"
#include "log.h"

#define BACKOFF_BASE_MS 100
#define BACKOFF_CAP_MS 5000

/* Bodies under way are in memory twice more: in the request, and in libcurl's hands. */
#define UNDER_WAY_BYTES ((size_t) 3 << 20)

/* ---- an answer's meaning ---- */

/* The query protocol's names have a prefix. */
static const char *
bare_code(const char *code)
{
	const char *dot = strrchr(code, '.');

	return dot != NULL ? dot + 1 : code;
}

static bool
is_one_of(const char *code, const char *const *known)
{
	for (; *known != NULL; known++)
	{
		if (strcmp(bare_code(code), *known) == 0)
			return true;
	}
	return false;
}

/*
 * Does an entry's code speak of the message's content?  Any other refusal (a
 * key that cannot be used, a queue that is no FIFO queue) would meet every
 * message alike and is an outage.
 */
static bool
content_refused(const char *code)
{
	static const char *const codes[] =
	{"InvalidMessageContents", "InvalidParameterValue", "MessageTooLong", NULL};

	return is_one_of(code, codes);
}

/* Likewise of a call with one message. */
static bool
only_message_refused(const char *code)
{
	static const char *const codes[] = {"InvalidMessageContents", "BatchRequestTooLong", NULL};

	return is_one_of(code, codes);
}

/* Throttling is put down to the sender in some answers. */
static bool
entry_throttled(const char *code)
{
	static const char *const codes[] =
	{"ThrottlingException", "RequestThrottled", "Throttling", "TooManyRequestsException", NULL};

	return is_one_of(code, codes);
}

static bool
transient(const AwsxError *error)
{
	return error->retryable || error->kind == AWSX_ERR_THROTTLED || error->kind == AWSX_ERR_SERVICE ||
		error->kind == AWSX_ERR_TRANSPORT || error->kind == AWSX_ERR_TIMEOUT ||
		error->kind == AWSX_ERR_PROTOCOL || error->kind == AWSX_ERR_INTEGRITY;
}

/* ---- the fate of messages ---- */

static void
settle(Deliverer *deliverer, DeliverMessage *message, DeliverState state)
{
	message->state = state;
	message->record->open--;
	deliver_queue_done(deliverer, message);
}

/* A duplicate is answered with the id of the message that was there. */
static bool
seen_before(Deliverer *deliverer, const char *message_id)
{
	uint64_t	hash = UINT64_C(0xCBF29CE484222325);
	uint64_t   *slot;

	if (*message_id == '\0')
		return false;
	for (; *message_id != '\0'; message_id++)
		hash = (hash ^ (unsigned char) *message_id) * UINT64_C(0x100000001B3);
	slot = &deliverer->seen[(hash ^ hash >> 32) % DELIVER_SEEN];
	if (*slot == hash)
		return true;
	*slot = hash;
	return false;
}

static void
accept(Deliverer *deliverer, DeliverMessage *message, const AwsxSqsOutcome *outcome)
{
	DeliverLine *line = &deliverer->lines[message->message->output];

	message->record->sent++;
	deliverer->stats.sent++;
	deliverer->stats.bytes += (int64_t) message->size;
	deliverer->stats.duplicates += seen_before(deliverer, outcome->message_id);
	deliverer->progress_ms = deliver_now_ms(deliverer);
	if (!deliverer->failed)
		deliverer->error.kind = AWSX_OK;
	line->failures = 0;
	line->not_before_ms = 0;
	settle(deliverer, message, DELIVER_SENT);
}

void
deliver_refuse(Deliverer *deliverer, DeliverRecord *record, int output, const char *code,
			   const char *reason)
{
	for (int i = 0; i < record->result.count; i++)
	{
		DeliverMessage *message = &record->messages[i];

		if (message->state != DELIVER_WAITING)
			continue;
		message->state = DELIVER_GONE;
		record->open--;
		if (message->group != NULL)
			deliver_queue_remove(deliverer, message);
	}
	if (record->refused)
		return;
	record->refused = true;
	record->refused_output = output;
	snprintf(record->refused_code, sizeof(record->refused_code), "%s", code);
	snprintf(record->refused_message, sizeof(record->refused_message), "%s", reason);
}

static void
refuse(Deliverer *deliverer, DeliverMessage *message, const char *code, const char *reason)
{
	int			output = message->message->output;

	settle(deliverer, message, DELIVER_GONE);
	deliver_refuse(deliverer, message->record, output, code, reason);
}

/* A sibling may have been refused meanwhile: then this one is not sent any more. */
static void
put_off(Deliverer *deliverer, DeliverMessage *message, int64_t not_before_ms)
{
	if (message->record->refused)
	{
		settle(deliverer, message, DELIVER_GONE);
		return;
	}
	deliverer->stats.put_off++;
	deliver_queue_put_off(deliverer, message, not_before_ms);
}

void
deliver_fail(Deliverer *deliverer, int output, const AwsxError *error)
{
	char		reason[400];

	if (deliverer->failed)
		return;
	snprintf(reason, sizeof(reason), "%.399s", error->message);
	deliverer->failed = true;
	deliverer->error = *error;
	if (output >= 0)
		snprintf(deliverer->error.message, sizeof(deliverer->error.message), "output \"%.64s\": %s",
				 deliverer->options.config->outputs[output].name, reason);
}

/* ---- answers ---- */

static int64_t
after_failures(const Deliverer *deliverer, int failures)
{
	return deliver_now_ms(deliverer) +
		awsx_backoff_ms(awsx_client_clock(deliverer->options.client), failures, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
}

/*
 * What is got over is told once, until something was taken again; it is the
 * reason that is given when it is not got over.
 */
static void
note_trouble(Deliverer *deliverer, const char *message, const AwsxError *error)
{
	if (deliverer->failed)
		return;
	if (strcmp(deliverer->error.code, error->code) != 0 || deliverer->error.kind != error->kind)
		log_error(LOG_WARN, message, error);
	else if (log_enabled(LOG_DEBUG))
		log_error(LOG_DEBUG, message, error);
	deliverer->error = *error;
}

/* The entry was not taken, and the message goes back, or the record is done for, or all is. */
static void
settle_failed(Deliverer *deliverer, DeliverMessage *message, const AwsxSqsOutcome *outcome)
{
	AwsxError	error;
	bool		passing = !outcome->sender_fault || entry_throttled(outcome->code);

	if (!passing && content_refused(outcome->code))
	{
		refuse(deliverer, message, outcome->code, outcome->message);
		return;
	}
	awsx_error_clear(&error);
	awsx_error_set(&error, passing ? AWSX_ERR_SERVICE : AWSX_ERR_REQUEST,
				   "SQS did not take a message: %s: %s", outcome->code, outcome->message);
	snprintf(error.code, sizeof(error.code), "%s", outcome->code);
	if (passing)
		note_trouble(deliverer, "a message was put off and is sent again", &error);
	else
		deliver_fail(deliverer, message->message->output, &error);
	put_off(deliverer, message, after_failures(deliverer, message->group->failures + 1));
}

static void
settle_answer(DeliverCall *call, const AwsxSqsOutcome *outcomes)
{
	for (int i = 0; i < call->count; i++)
	{
		if (outcomes[i].ok)
			accept(call->deliverer, call->messages[i], &outcomes[i]);
	}
	for (int i = 0; i < call->count; i++)
	{
		if (!outcomes[i].ok)
			settle_failed(call->deliverer, call->messages[i], &outcomes[i]);
	}
}

/* All of the call's messages go back; the whole line rests when the fault is everybody's. */
static void
put_all_off(DeliverCall *call, bool line_rests)
{
	Deliverer  *deliverer = call->deliverer;
	DeliverLine *line = &deliverer->lines[call->output];
	int64_t		now_ms = deliver_now_ms(deliverer);

	if (line_rests && line->not_before_ms <= now_ms)
		line->not_before_ms = after_failures(deliverer, ++line->failures);
	for (int i = 0; i < call->count; i++)
		put_off(deliverer, call->messages[i], now_ms);
}

static void
settle_refusal(DeliverCall *call, const AwsxError *error)
{
	Deliverer  *deliverer = call->deliverer;

	if (transient(error))
	{
		note_trouble(deliverer, "a batch was not taken and is sent again", error);
		put_all_off(call, true);
	}
	else if (error->kind == AWSX_ERR_REQUEST && call->count > 1)
	{
		for (int i = 0; i < call->count; i++)
			call->messages[i]->alone = true;
		put_all_off(call, false);
	}
	else if (error->kind == AWSX_ERR_REQUEST && only_message_refused(error->code))
		refuse(deliverer, call->messages[0], error->code, error->message);
	else
	{
		deliver_fail(deliverer, call->output, error);
		put_all_off(call, false);
	}
}

static void
end_call(DeliverCall *call)
{
	call->call = NULL;
	call->deliverer->under_way--;
	call->deliverer->under_way_bytes -= call->bytes;
	call->deliverer->lines[call->output].calls--;
}

static void
on_done(AwsxCall *aws_call, const AwsxHttpResponse *answer, const AwsxError *error, void *arg)
{
	DeliverCall *call = arg;
	AwsxSqsOutcome outcomes[AWSX_SQS_BATCH];
	AwsxError	problem;

	(void) aws_call;
	awsx_error_clear(&problem);
	end_call(call);
	if (error->kind != AWSX_OK)
		settle_refusal(call, error);
	else if (awsx_sqs_send_batch_answer(answer, call->entries, call->count, outcomes, &problem))
		settle_answer(call, outcomes);
	else
		settle_refusal(call, &problem);
}

/* ---- starting ---- */

/*
 * The messages of the line's next call.  *full: there is no use in waiting
 * for more of them.
 */
static void
pick(const Deliverer *deliverer, int output, DeliverCall *call, bool *full)
{
	const DeliverLine *line = &deliverer->lines[output];

	call->output = output;
	call->count = 0;
	call->bytes = 0;
	*full = false;
	for (DeliverGroup *group = line->ready.first; group != NULL && !*full; group = group->next)
	{
		DeliverMessage *message = group->first;

		if (call->count > 0 && (message->alone || call->bytes + message->size > AWSX_SQS_MAX_BYTES))
		{
			*full = true;
			return;
		}
		call->messages[call->count++] = message;
		call->bytes += message->size;
		*full = message->alone || call->count == AWSX_SQS_BATCH;
	}
}

static void
start(DeliverCall *call)
{
	Deliverer  *deliverer = call->deliverer;
	const DeliverOptions *options = &deliverer->options;
	const AwsxService *service = &options->services[call->output];
	AwsxHttpRequest request;
	AwsxError	error;

	awsx_error_clear(&error);
	for (int i = 0; i < call->count; i++)
		call->entries[i] = enrich_send(call->messages[i]->message, call->messages[i]->record->trace_header);
	if (!awsx_sqs_send_batch_request(service, options->config->outputs[call->output].queue_url,
									 call->entries, call->count, &request, &error))
	{
		deliver_fail(deliverer, call->output, &error);
		return;
	}
	request.timeout_ms = deadline_left_ms(options->deadline);
	if (request.timeout_ms <= 0)
		request.timeout_ms = 1;
	for (int i = 0; i < call->count; i++)
		deliver_queue_take(deliverer, call->messages[i]);
	deliverer->under_way++;
	deliverer->under_way_bytes += call->bytes;
	deliverer->lines[call->output].calls++;
	deliverer->stats.calls++;
	call->call = awsx_client_start(options->client, service, &request, on_done, call, &error);
	if (call->call != NULL)
		return;
	end_call(call);
	deliver_fail(deliverer, call->output, &error);
	put_all_off(call, false);
}

static DeliverCall *
free_call(Deliverer *deliverer)
{
	for (int i = 0; i < DELIVER_CALLS; i++)
	{
		if (deliverer->calls[i].call == NULL)
			return &deliverer->calls[i];
	}
	return NULL;
}

/*
 * Start calls for one output.  A batch that is not full is worth its price
 * only when nothing is under way that could fill it, or nothing is left that could.
 */
static void
start_line(Deliverer *deliverer, int output, int64_t now_ms, bool flush, bool last)
{
	DeliverLine *line = &deliverer->lines[output];

	deliver_queue_wake(line, now_ms);
	while (line->ready.count > 0 && line->not_before_ms <= now_ms && !deliverer->failed)
	{
		DeliverCall *call = free_call(deliverer);
		bool		full;

		if (call == NULL)
			return;
		pick(deliverer, output, call, &full);
		if (!full && !(flush && line->calls == 0) && !(last && line->waiting == line->ready.count))
			return;
		if (deliverer->under_way > 0 && deliverer->under_way_bytes + call->bytes > UNDER_WAY_BYTES)
			return;
		start(call);
	}
}

void
deliver_start_calls(Deliverer *deliverer, bool flush, bool last)
{
	int			count = deliverer->options.config->output_count;

	deliverer->looked_ms = deliver_now_ms(deliverer);
	for (int i = 0; i < count; i++)
		start_line(deliverer, (deliverer->turn + i) % count, deliverer->looked_ms, flush, last);
	deliverer->turn = (deliverer->turn + 1) % count;
}

void
deliver_cancel_calls(Deliverer *deliverer)
{
	for (int i = 0; i < DELIVER_CALLS; i++)
	{
		if (deliverer->calls[i].call != NULL)
		{
			awsx_call_cancel(deliverer->calls[i].call);
			end_call(&deliverer->calls[i]);
		}
	}
}
