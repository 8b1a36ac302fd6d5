/*
 * queue_state.c
 *	  sqs.queue_state: what SQS says of a subscription's queue right now.
 *
 * One GetQueueAttributes, and a second one for the dead-letter queue, which
 * may fail without harm (it may belong to another account or region).  Both
 * share one deadline.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "queue_call.h"
#include "redrive.h"
#include "report.h"
#include "subscription.h"

PG_FUNCTION_INFO_V1(sqs_queue_state);

#define QUEUE_STATE_SECONDS 14	/* for everything */
#define QUEUE_STATE_TEXT 1024
#define QUEUE_ARN_PARTS 6		/* arn:aws:sqs:region:account:name */

typedef enum QueueStateColumn
{
	COLUMN_VISIBLE,
	COLUMN_IN_FLIGHT,
	COLUMN_DELAYED,
	COLUMN_VISIBILITY_TIMEOUT,
	COLUMN_RETENTION,
	COLUMN_MAX_MESSAGE_BYTES,
	COLUMN_FIFO,
	COLUMN_DEDUP_SCOPE,
	COLUMN_THROUGHPUT_MODE,
	COLUMN_DEAD_LETTER_QUEUE,
	COLUMN_MAX_RECEIVE_COUNT,
	COLUMN_DEAD_LETTER_VISIBLE,
	QUEUE_STATE_COLUMNS
} QueueStateColumn;

/* The attributes that we show, as SQS wrote them; "" where it did not. */
typedef struct QueueAttributes
{
	char		visible[32];
	char		in_flight[32];
	char		delayed[32];
	char		visibility_timeout[32];
	char		retention[32];
	char		max_message_bytes[32];
	char		fifo[8];
	char		dedup_scope[32];
	char		throughput_limit[32];
	char		redrive_policy[QUEUE_STATE_TEXT];
} QueueAttributes;

typedef struct QueueField
{
	const char *name;
	size_t		offset;
	size_t		size;
} QueueField;

#define QUEUE_FIELD(name, field) \
	{name, offsetof(QueueAttributes, field), sizeof(((QueueAttributes *) 0)->field)}

static const QueueField queue_fields[] = {
	QUEUE_FIELD("ApproximateNumberOfMessages", visible),
	QUEUE_FIELD("ApproximateNumberOfMessagesNotVisible", in_flight),
	QUEUE_FIELD("ApproximateNumberOfMessagesDelayed", delayed),
	QUEUE_FIELD("VisibilityTimeout", visibility_timeout),
	QUEUE_FIELD("MessageRetentionPeriod", retention),
	QUEUE_FIELD("MaximumMessageSize", max_message_bytes),
	QUEUE_FIELD("FifoQueue", fifo),
	QUEUE_FIELD("DeduplicationScope", dedup_scope),
	QUEUE_FIELD("FifoThroughputLimit", throughput_limit),
	QUEUE_FIELD("RedrivePolicy", redrive_policy),
};

/* A value that does not fit counts as absent. */
static void
queue_state_copy(const AwsxSqsAttributes *answer, QueueAttributes *attributes)
{
	memset(attributes, 0, sizeof(*attributes));
	for (int i = 0; i < lengthof(queue_fields); i++)
	{
		const char *value = awsx_sqs_attribute(answer, queue_fields[i].name);

		if (value != NULL && strlen(value) < queue_fields[i].size)
			strlcpy((char *) attributes + queue_fields[i].offset, value, queue_fields[i].size);
	}
}

/* One GetQueueAttributes; false and *error when it fails. */
static bool
queue_state_ask(QueueCall *call, const char *queue_url, QueueAttributes *attributes,
				AwsxError *error)
{
	AwsxSqsAttributes *answer = queue_call_attributes(call, queue_url, error);

	if (answer == NULL)
		return false;
	queue_state_copy(answer, attributes);
	return true;
}

static void
queue_state_set_number(const char *text, int column, bool is_int4, Datum *values, bool *nulls)
{
	char	   *end;
	int64		number;

	errno = 0;
	number = strtoll(text, &end, 10);
	nulls[column] = text[0] == '\0' || *end != '\0' || errno != 0 ||
		(is_int4 && (number < 0 || number > PG_INT32_MAX));
	if (!nulls[column])
		values[column] = is_int4 ? Int32GetDatum((int32) number) : Int64GetDatum(number);
}

static void
queue_state_set_seconds(const char *text, int column, Datum *values, bool *nulls)
{
	Interval   *interval = palloc0(sizeof(Interval));
	int32		seconds;

	queue_state_set_number(text, column, true, values, nulls);
	if (nulls[column])
		return;
	seconds = DatumGetInt32(values[column]);
	interval->day = seconds / SECS_PER_DAY;
	interval->time = (int64) (seconds % SECS_PER_DAY) * USECS_PER_SEC;
	values[column] = IntervalPGetDatum(interval);
}

static void
queue_state_set_text(const char *text, int column, Datum *values, bool *nulls)
{
	nulls[column] = text[0] == '\0';
	if (!nulls[column])
		values[column] = CStringGetTextDatum(pg_any_to_server(text, strlen(text), PG_UTF8));
}

/*
 * The URL of the queue with this ARN, next to the given one; null when it is
 * not to be found there (another service or region) or the ARN is malformed.
 */
static char *
queue_state_url_of_arn(const Connection *connection, const char *arn)
{
	char	   *copy = pstrdup(arn);
	char	   *part[QUEUE_ARN_PARTS];
	char	   *state = NULL;
	int			prefix = strlen(connection->queue_url);
	int			slashes = 0;

	for (int i = 0; i < QUEUE_ARN_PARTS; i++)
	{
		part[i] = strtok_r(i == 0 ? copy : NULL, ":", &state);
		if (part[i] == NULL)
			return NULL;
	}
	if (strtok_r(NULL, ":", &state) != NULL || strcmp(part[2], "sqs") != 0 ||
		strcmp(part[3], connection->sqs.region) != 0 ||
		strchr(part[4], '/') != NULL || strchr(part[5], '/') != NULL)
		return NULL;

	/* keep scheme://host of .../account/name */
	while (prefix > 0 && slashes < 2)
	{
		if (connection->queue_url[--prefix] == '/')
			slashes++;
	}
	return psprintf("%.*s/%s/%s", prefix, connection->queue_url, part[4], part[5]);
}

/* Depth of the dead-letter queue; it stays null when that cannot be read. */
static void
queue_state_dead_letters(QueueCall *call, const char *policy, Datum *values, bool *nulls)
{
	RedrivePolicy redrive;
	char	   *url;
	QueueAttributes attributes;
	AwsxError	error;

	redrive_read(policy, &redrive);
	queue_state_set_text(redrive.target_arn, COLUMN_DEAD_LETTER_QUEUE, values, nulls);
	nulls[COLUMN_MAX_RECEIVE_COUNT] = redrive.max_receive_count == 0;
	values[COLUMN_MAX_RECEIVE_COUNT] = Int32GetDatum(redrive.max_receive_count);
	nulls[COLUMN_DEAD_LETTER_VISIBLE] = true;

	url = queue_state_url_of_arn(call->connection, redrive.target_arn);
	if (url != NULL && queue_state_ask(call, url, &attributes, &error))
		queue_state_set_number(attributes.visible, COLUMN_DEAD_LETTER_VISIBLE, false,
							   values, nulls);
}

/* "high" takes both attributes; null on a standard queue. */
static const char *
queue_state_throughput(const QueueAttributes *attributes)
{
	if (strcmp(attributes->fifo, "true") != 0)
		return "";
	return strcmp(attributes->dedup_scope, "messageGroup") == 0 &&
		strcmp(attributes->throughput_limit, "perMessageGroupId") == 0 ? "high" : "normal";
}

static void
queue_state_fill(const QueueAttributes *attributes, Datum *values, bool *nulls)
{
	queue_state_set_number(attributes->visible, COLUMN_VISIBLE, false, values, nulls);
	queue_state_set_number(attributes->in_flight, COLUMN_IN_FLIGHT, false, values, nulls);
	queue_state_set_number(attributes->delayed, COLUMN_DELAYED, false, values, nulls);
	queue_state_set_seconds(attributes->visibility_timeout, COLUMN_VISIBILITY_TIMEOUT,
							values, nulls);
	queue_state_set_seconds(attributes->retention, COLUMN_RETENTION, values, nulls);
	queue_state_set_number(attributes->max_message_bytes, COLUMN_MAX_MESSAGE_BYTES, true,
						   values, nulls);
	values[COLUMN_FIFO] = BoolGetDatum(strcmp(attributes->fifo, "true") == 0);
	nulls[COLUMN_FIFO] = false;
	queue_state_set_text(attributes->dedup_scope, COLUMN_DEDUP_SCOPE, values, nulls);
	queue_state_set_text(queue_state_throughput(attributes), COLUMN_THROUGHPUT_MODE,
						 values, nulls);
}

Datum
sqs_queue_state(PG_FUNCTION_ARGS)
{
	Subscription *subscription = subscription_argument(fcinfo, 0);
	Datum		values[QUEUE_STATE_COLUMNS] = {0};
	bool		nulls[QUEUE_STATE_COLUMNS];
	QueueAttributes attributes;
	AwsxError	error;
	QueueCall  *call;
	TupleDesc	tupdesc;

	subscription_check_viewer(subscription);
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE ||
		tupdesc->natts != QUEUE_STATE_COLUMNS)
		elog(ERROR, "sqs.queue_state does not return what this library returns");

	call = queue_call_open(subscription, QUEUE_STATE_SECONDS);
	if (!queue_state_ask(call, subscription->queue_url, &attributes, &error))
		report_aws_error(ERROR, psprintf("read the state of queue \"%s\"",
										 subscription->queue_url), &error);
	queue_state_fill(&attributes, values, nulls);
	queue_state_dead_letters(call, attributes.redrive_policy, values, nulls);
	queue_call_close(call);

	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}
