/*
 * deliver.c
 *	  Sends the messages of a few records, and checks every outcome.
 *
 * For each output: a list of pending messages in order; each round takes the
 * first pending message of every group, up to a batch, and removes what was
 * accepted or refused for good.  A round without progress waits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/retry.h"
#include "deliver.h"
#include "log.h"

#define MAX_STALLED_ROUNDS 6
#define BACKOFF_BASE_MS 100
#define BACKOFF_CAP_MS 5000

typedef struct Pending
{
	DeliverRecord *record;
	const EnrichMessage *message;
	AwsxSqsSend send;
	bool		done;
} Pending;

/* The pending messages of one output. */
typedef struct Line
{
	const DeliverBatch *deliverer;
	int			output;
	int			count;
	int			left;			/* not done yet */
	Pending    *items;
	bool		one_by_one;		/* a whole batch was refused: find the culprit */
	int64_t    *sent;
} Line;

static bool
fill_line(Line *line, DeliverRecord *const *records, int count, const char *trace_header,
		  AwsxError *error)
{
	int			total = 0;

	for (int i = 0; i < count; i++)
		total += records[i]->refused ? 0 : records[i]->result.count;
	line->items = calloc((size_t) total + 1, sizeof(Pending));
	if (line->items == NULL)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while messages were sent");
	for (int i = 0; i < count; i++)
	{
		for (int m = 0; m < records[i]->result.count && !records[i]->refused; m++)
		{
			const EnrichMessage *message = &records[i]->result.messages[m];

			if (message->output == line->output)
				line->items[line->count++] =
					(Pending) {records[i], message, enrich_send(message, trace_header), false};
		}
	}
	line->left = line->count;
	return true;
}

static bool
group_in_batch(const Line *line, const int *picked, int n, const char *group_id)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(line->items[picked[i]].message->group_id, group_id) == 0)
			return true;
	}
	return false;
}

/*
 * The next batch: indexes into items.  A message that does not fit any more
 * ends the batch, or a later one of its group could slip past it.
 */
static int
pick(const Line *line, int picked[AWSX_SQS_BATCH])
{
	size_t		bytes = 0;
	int			limit = line->one_by_one ? 1 : AWSX_SQS_BATCH;
	int			n = 0;

	for (int i = 0; i < line->count && n < limit; i++)
	{
		const Pending *item = &line->items[i];

		if (item->done || group_in_batch(line, picked, n, item->message->group_id))
			continue;
		bytes += awsx_sqs_send_size(&item->send);
		if (n > 0 && bytes > AWSX_SQS_MAX_BYTES)
			break;
		picked[n++] = i;
	}
	return n;
}

/*
 * Does the code speak of the message's content?  Any other refusal (a key
 * that cannot be used, a queue that is no FIFO queue) would meet every
 * message alike and is an outage.
 */
static bool
content_refused(const char *code)
{
	static const char *const codes[] =
	{"InvalidMessageContents", "InvalidParameterValue", "MessageTooLong", NULL};

	for (const char *const *known = codes; *known != NULL; known++)
	{
		if (strcmp(code, *known) == 0)
			return true;
	}
	return false;
}

static void
finish(Line *line, Pending *item)
{
	item->done = true;
	line->left--;
}

/* The record goes to the reject location, so what is left of it is not sent. */
static void
refuse(Line *line, DeliverRecord *record, const char *code, const char *message)
{
	if (record->refused)
		return;
	for (int i = 0; i < line->count; i++)
	{
		if (line->items[i].record == record && !line->items[i].done)
			finish(line, &line->items[i]);
	}
	record->refused = true;
	record->refused_output = line->output;
	snprintf(record->refused_code, sizeof(record->refused_code), "%s", code);
	snprintf(record->refused_message, sizeof(record->refused_message), "%s", message);
}

static void
settle_accepted(Line *line, const int *picked, int n, const AwsxSqsOutcome *outcomes, bool *progress)
{
	for (int i = 0; i < n; i++)
	{
		if (!outcomes[i].ok)
			continue;
		finish(line, &line->items[picked[i]]);
		line->items[picked[i]].record->sent++;
		(*line->sent)++;
		*progress = true;
	}
}

/*
 * The outcomes of one answered batch.  *progress: something left the line.
 * False: a refusal that is an infrastructure fault.
 */
static bool
settle(Line *line, const int *picked, int n, const AwsxSqsOutcome *outcomes, bool *progress,
	   AwsxError *error)
{
	settle_accepted(line, picked, n, outcomes, progress);
	for (int i = 0; i < n; i++)
	{
		if (outcomes[i].ok)
			continue;
		if (outcomes[i].sender_fault && content_refused(outcomes[i].code))
		{
			refuse(line, line->items[picked[i]].record, outcomes[i].code, outcomes[i].message);
			*progress = true;
		}
		else
		{
			awsx_error_set(error, outcomes[i].sender_fault ? AWSX_ERR_REQUEST : AWSX_ERR_SERVICE,
						   "SQS did not take a message: %s: %s",
						   outcomes[i].code, outcomes[i].message);
			snprintf(error->code, sizeof(error->code), "%s", outcomes[i].code);
			if (outcomes[i].sender_fault)
				return false;
			log_error(LOG_WARN, "a message was put off and is sent again", error);
		}
	}
	return true;
}

/* The query protocol's name has a prefix. */
static bool
too_long(const char *code)
{
	const char *dot = strrchr(code, '.');

	return strcmp(dot != NULL ? dot + 1 : code, "BatchRequestTooLong") == 0;
}

/*
 * The whole call was refused.  When one entry's content may be the reason,
 * the entries are tried one by one.
 */
static bool
settle_refusal(Line *line, const int *picked, int n, bool *progress, AwsxError *error)
{
	if (error->kind != AWSX_ERR_REQUEST)
		return false;
	if (n > 1)
	{
		line->one_by_one = true;
		*progress = true;
		return true;
	}
	if (strcmp(error->code, "InvalidMessageContents") != 0 && !too_long(error->code))
		return false;
	refuse(line, line->items[picked[0]].record, error->code, error->message);
	*progress = true;
	return true;
}

static bool
send_batch(Line *line, bool *progress, AwsxError *error)
{
	const DeliverBatch *deliverer = line->deliverer;
	const AwsxService *service = &deliverer->services[line->output];
	AwsxSqsSend entries[AWSX_SQS_BATCH];
	AwsxSqsOutcome outcomes[AWSX_SQS_BATCH];
	int			picked[AWSX_SQS_BATCH] = {0};
	int			n = pick(line, picked);
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	bool		understood;

	for (int i = 0; i < n; i++)
		entries[i] = line->items[picked[i]].send;
	awsx_error_clear(error);
	if (!awsx_sqs_send_batch_request(service, deliverer->config->outputs[line->output].queue_url,
									 entries, n, &request, error))
		return false;
	request.timeout_ms = deadline_left_ms(deliverer->deadline);
	if (request.timeout_ms <= 0)
	{
		awsx_http_request_free(&request);
		return awsx_error_set(error, AWSX_ERR_CANCELLED, "the invocation's time is over");
	}
	if (!awsx_client_run(deliverer->client, service, &request, &answer, error))
		return settle_refusal(line, picked, n, progress, error);
	understood = awsx_sqs_send_batch_answer(&answer, entries, n, outcomes, error);
	awsx_http_response_free(&answer);
	return understood && settle(line, picked, n, outcomes, progress, error);
}

static bool
empty_line(Line *line, AwsxError *error)
{
	const DeliverBatch *deliverer = line->deliverer;
	int			stalled = 0;

	while (line->left > 0)
	{
		bool		progress = false;

		if (!send_batch(line, &progress, error))
			return false;
		if (progress)
		{
			stalled = 0;
			continue;
		}
		/* error still holds why the last entry was put off */
		if (++stalled >= MAX_STALLED_ROUNDS)
			return false;
		if (!deadline_sleep(deliverer->deadline,
							awsx_backoff_ms(awsx_client_clock(deliverer->client), stalled,
											BACKOFF_BASE_MS, BACKOFF_CAP_MS)))
			return awsx_error_set(error, AWSX_ERR_CANCELLED, "the invocation's time is over");
	}
	return true;
}

/* Put the output's name before the reason. */
static void
name_output(const DeliverBatch *deliverer, int output, AwsxError *error)
{
	char		reason[400];

	snprintf(reason, sizeof(reason), "%.399s", error->message);
	snprintf(error->message, sizeof(error->message), "output \"%.64s\": %s",
			 deliverer->config->outputs[output].name, reason);
}

bool
deliver(const DeliverBatch *deliverer, DeliverRecord *const *records, int count,
		const char *trace_header, int64_t *sent, AwsxError *error)
{
	for (int output = 0; output < deliverer->config->output_count; output++)
	{
		Line		line = {.deliverer = deliverer, .output = output, .sent = sent};
		bool		done = fill_line(&line, records, count, trace_header, error) &&
			empty_line(&line, error);

		free(line.items);
		if (!done)
		{
			name_output(deliverer, output, error);
			return false;
		}
	}
	return true;
}
