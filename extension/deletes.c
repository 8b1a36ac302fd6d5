/*
 * deletes.c
 *	  Messages whose effect is committed wait here until that is durable,
 *	  then are deleted from the queue, ten at a time.
 *
 * The gates grow along the list, so what is durable is always a prefix.  An
 * entry that SQS failed to delete is tried again; one it refuses for good,
 * or whose lease has passed, is let go: the message comes back and is
 * counted as a duplicate.
 */
#include "postgres.h"

#include "consumer.h"
#include "durable.h"

#define DELETE_CALLS 4			/* at a time */
#define DELETE_CALLS_MAX 16
#define WAITING_FOR_A_CALL 100	/* so many that wait make for one more call */
#define FLUSH_DELAY_MS 100		/* the WAL writer's time, while there is work at hand */
#define REPLICATION_POLL_MS 10

/* One DeleteMessageBatch under way. */
typedef struct DeleteCall
{
	Consumer   *consumer;
	int			count;
	Delivery   *items[AWSX_SQS_BATCH];
} DeleteCall;

void
deletes_add(Consumer *consumer, Delivery *delivery, XLogRecPtr gate)
{
	delivery->gate = Max(gate, consumer->highest_gate);
	consumer->highest_gate = delivery->gate;
	if (consumer->unflushed_since == 0)
		consumer->unflushed_since = consumer_now(consumer);
	delivery->place = DELIVERY_IN_DELETES;
	dlist_push_tail(&consumer->deletes, &delivery->node);
	visibility_waits(consumer, delivery);
	consumer->delete_count++;
}

static void
finish_delivery(Consumer *consumer, Delivery *delivery)
{
	consumer->delete_count--;
	delivery->place = DELIVERY_UNDER_WAY;
	delivery_release(delivery);
}

/* To the head of the list, whose gates have all been passed. */
static void
try_again(Consumer *consumer, Delivery *delivery)
{
	if (delivery->answer->lease_until <= consumer_now(consumer))
		finish_delivery(consumer, delivery);
	else
	{
		delivery->place = DELIVERY_IN_DELETES;
		dlist_push_head(&consumer->deletes, &delivery->node);
		visibility_waits(consumer, delivery);
	}
}

/*
 * Have the log flushed: at once when there is nothing else to do, so that a
 * lone message is not delivered again because of us; under load the WAL
 * writer does it for many batches.
 */
void
deletes_flush(Consumer *consumer)
{
	if (consumer->unflushed_since == 0)
		return;
	if (!durable_is_flushed(consumer->highest_gate))
	{
		if (batch_ready(consumer) &&
			consumer_now(consumer) - consumer->unflushed_since < FLUSH_DELAY_MS)
			return;
		durable_flush(consumer->highest_gate);
	}
	consumer->unflushed_since = 0;
}

/* Returns how many were deleted. */
static int
settle_entries(DeleteCall *call, const AwsxSqsOutcome *outcomes, AwsxError *problem)
{
	Consumer   *consumer = call->consumer;
	int			deleted = 0;

	for (int i = call->count - 1; i >= 0; i--)
	{
		if (outcomes[i].ok)
			deleted++;
		if (outcomes[i].ok || outcomes[i].sender_fault)
		{
			finish_delivery(consumer, call->items[i]);
			continue;
		}
		try_again(consumer, call->items[i]);
		awsx_error_set(problem, AWSX_ERR_SERVICE, "SQS failed to delete some messages (%s)",
					   outcomes[i].code);
	}
	return deleted;
}

/* Of the AWS client: no error may leave it. */
static void
delete_done(AwsxCall *aws_call, const AwsxHttpResponse *http, const AwsxError *error, void *arg)
{
	DeleteCall *call = arg;
	Consumer   *consumer = call->consumer;
	AwsxSqsOutcome outcomes[AWSX_SQS_BATCH];
	AwsxError	problem = *error;
	int			deleted = 0;

	(void) aws_call;
	consumer->delete_calls--;
	pg_atomic_fetch_add_u64(&slot_mine->counters.api_calls, 1);
	if (problem.kind == AWSX_OK &&
		awsx_sqs_batch_answer(http, call->count, outcomes, &problem))
	{
		awsx_error_clear(&problem);
		deleted = settle_entries(call, outcomes, &problem);
		pg_atomic_fetch_add_u64(&slot_mine->counters.deleted, deleted);
	}
	else
	{
		for (int i = call->count - 1; i >= 0; i--)
			try_again(consumer, call->items[i]);
	}

	if (problem.kind == AWSX_OK)
		trouble_clear(&consumer->delete_trouble);
	else
	{
		pg_atomic_fetch_add_u64(&slot_mine->counters.api_errors, 1);
		trouble_from_aws(consumer, &consumer->delete_trouble, "delete messages", &problem);
	}
	free(call);
}

/* Move up to ten durable items from the list into the call. */
static void
take_durable(Consumer *consumer, DeleteCall *call, XLogRecPtr durable)
{
	while (call->count < AWSX_SQS_BATCH && !dlist_is_empty(&consumer->deletes))
	{
		Delivery   *delivery = dlist_head_element(Delivery, node, &consumer->deletes);

		if (delivery->gate > durable)
			return;
		dlist_delete(&delivery->node);
		delivery->place = DELIVERY_UNDER_WAY;
		delivery->delete_tried = true;
		call->items[call->count++] = delivery;
	}
}

static bool
start_call(Consumer *consumer, DeleteCall *call, AwsxError *error)
{
	Connection *connection = consumer->connection;
	const char *handles[AWSX_SQS_BATCH];
	AwsxHttpRequest request;

	for (int i = 0; i < call->count; i++)
		handles[i] = call->items[i]->message->receipt_handle;
	return awsx_sqs_delete_batch_request(&connection->sqs, connection->queue_url, handles,
										 call->count, &request, error) &&
		awsx_client_start(connection->client, &connection->sqs, &request, delete_done, call,
						  error) != NULL;
}

/* False: nothing is left to send. */
static bool
send_one(Consumer *consumer, XLogRecPtr durable)
{
	DeleteCall *call = calloc(1, sizeof(DeleteCall));
	AwsxError	error;

	awsx_error_clear(&error);
	if (call == NULL)
	{
		awsx_error_set(&error, AWSX_ERR_MEMORY, "out of memory");
		trouble_from_aws(consumer, &consumer->delete_trouble, "delete messages", &error);
		return false;
	}
	call->consumer = consumer;
	take_durable(consumer, call, durable);
	if (call->count > 0 && start_call(consumer, call, &error))
	{
		consumer->delete_calls++;
		return true;
	}
	if (call->count > 0)
		trouble_from_aws(consumer, &consumer->delete_trouble, "delete messages", &error);
	for (int i = call->count - 1; i >= 0; i--)
		try_again(consumer, call->items[i]);
	free(call);
	return false;
}

/* While nothing can be deleted, let go of what has come back anyway. */
static void
drop_expired(Consumer *consumer)
{
	int64		now = consumer_now(consumer);
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &consumer->deletes)
	{
		Delivery   *delivery = dlist_container(Delivery, node, iter.cur);

		if (!delivery->delete_tried || delivery->answer->lease_until > now)
			continue;
		dlist_delete(&delivery->node);
		finish_delivery(consumer, delivery);
	}
}

/*
 * As many calls as polls usually, so what fell behind once would stay behind,
 * and add up to what stops polls: then there are more.
 */
static int
calls_allowed(const Consumer *consumer)
{
	return Min(DELETE_CALLS + consumer->delete_count / WAITING_FOR_A_CALL, DELETE_CALLS_MAX);
}

void
deletes_send(Consumer *consumer)
{
	XLogRecPtr	durable;

	if (dlist_is_empty(&consumer->deletes))
		return;
	if (consumer->delete_trouble.until > consumer_now(consumer))
	{
		drop_expired(consumer);
		return;
	}
	durable = durable_up_to();
	while (consumer->delete_calls < calls_allowed(consumer) &&
		   consumer->delete_trouble.until <= consumer_now(consumer) &&
		   !dlist_is_empty(&consumer->deletes))
	{
		if (!send_one(consumer, durable))
			break;
	}
}

int64
deletes_next(const Consumer *consumer)
{
	int64		now = consumer_now(consumer);

	if (dlist_is_empty(unconstify(dlist_head *, &consumer->deletes)) ||
		consumer->delete_calls >= calls_allowed(consumer))
		return PG_INT64_MAX;
	if (consumer->delete_trouble.until > now)
		return consumer->delete_trouble.until;
	if (consumer->unflushed_since != 0)
		return consumer->unflushed_since + FLUSH_DELAY_MS;
	return now + REPLICATION_POLL_MS;
}
