/*
 * batch.c
 *	  From the inbox to the database: which messages go into one
 *	  transaction, and what becomes of them afterwards.
 *
 * A batch shall be done well before the leases of its messages end, since
 * nothing can extend them meanwhile.  How long a message takes is learnt from
 * the batches before: where messages are slow, batches are small; and where
 * even one message may take longer than its lease, that is extended before.
 *
 * While answers come back full, a batch is held for the company of the next
 * ones, for a moment and as long as they keep coming: a transaction and a
 * flush for some hundred messages cost little more than for ten.  Where none
 * comes, as from a queue of few groups, whose next messages SQS holds until
 * these are deleted, that is not tried again for a while; nor is it at first, or
 * after a message that failed, for all that shares its transaction is done twice.
 *
 * What was committed, was known already or is in the quarantine goes on to be
 * deleted.  A message that failed and was left to the queue is given back to the queue together with everything that
 * follows it in its group, also what was not in the batch: were that applied
 * before the failed one comes back, the order would be lost.  What an outage
 * left undone returns to the head of the inbox, in its order.
 */
#include "postgres.h"

#include "access/xact.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "consumer.h"
#include "message.h"

#define LEASE_SHARE 3			/* a batch shall take no more than this part of a lease */
#define COMPANY_MESSAGES 500	/* enough for one batch */
#define COMPANY_MS 50			/* the first of them waits no longer */
#define COMPANY_GAP_MS 10		/* nothing came for so long: nothing comes */
#define COMPANY_REST 16			/* batches, at first */
#define COMPANY_REST_MAX 1024

typedef struct Batch
{
	Delivery   **items;
	ApplyMessage *messages;
	int			count;
} Batch;

/* A poll is open, or about to be: SQS may answer all of them within one turn. */
static bool
polls_go_on(const Consumer *consumer)
{
	return consumer->polls_open > 0 || polls_next(consumer) <= consumer_now(consumer);
}

/* Is more on its way that shall go into the same transaction? */
static bool
expects_company(const Consumer *consumer)
{
	return consumer->answer_full && polls_go_on(consumer) &&
		consumer->company_rest == 0 && consumer->company_rest_next > 0 &&
		!consumer->closing && consumer->apply_trouble.failures == 0 &&
		consumer->inbox_count < Min(batch_limit(consumer), COMPANY_MESSAGES);
}

int64
batch_next(const Consumer *consumer)
{
	int64		when = consumer->apply_trouble.until;

	if (consumer->inbox_count == 0)
		return PG_INT64_MAX;
	if (expects_company(consumer))
		when = Max(when, Min(consumer->inbox_since + COMPANY_MS, consumer->inbox_last + COMPANY_GAP_MS));
	return when;
}

bool
batch_ready(const Consumer *consumer)
{
	return batch_next(consumer) <= consumer_now(consumer);
}

/* A batch begins: was it any use to wait for company, more than the polls brought at once? */
static void
learn_company(Consumer *consumer)
{
	if (consumer->company_rest_next == 0)
		consumer->company_rest = consumer->company_rest_next = COMPANY_REST;	/* our first batch */
	else if (consumer->company_rest > 0)
		consumer->company_rest--;
	else if (!expects_company(consumer) || consumer->inbox_count > 2 * CONSUMER_POLL_MESSAGES * consumer->polls_target)
		consumer->company_rest_next = COMPANY_REST;
	else
	{
		consumer->company_rest = Max(consumer->company_rest_next, COMPANY_REST);
		consumer->company_rest_next = Min(2 * consumer->company_rest, COMPANY_REST_MAX);
	}
}

/*
 * A slow batch is believed at once and forgotten slowly.  Duplicates cost
 * next to nothing and tell nothing.
 */
static void
learn_speed(Consumer *consumer, int64 took_ms, const ApplyResult *result, int count)
{
	int			worked = result->outage ? count : result->applied;

	if (worked > 0)
		consumer->message_us = Max(took_ms * 1000 / worked, consumer->message_us / 8 * 7);
}

int
batch_limit(const Consumer *consumer)
{
	int64		time_us = (int64) consumer->subscription->visibility_timeout * 1000000 / LEASE_SHARE;
	int64		in_time = time_us / Max(consumer->message_us, 1);

	return (int) Max(1, Min(in_time, consumer->subscription->max_batch));
}

int64
batch_expected_ms(const Consumer *consumer)
{
	return consumer->message_us * batch_limit(consumer) / 1000;
}

/* In the turn's memory. */
static Batch
take_batch(Consumer *consumer)
{
	int			allowed = batch_limit(consumer);
	int			limit;
	Size		bytes = 0;
	Batch		batch = {0};

	/* A message that fails needs company, to be told from a world that fails. */
	if (consumer->apply_trouble.failures > 0)
		allowed = Max(allowed, CONSUMER_PROBE_MESSAGES);
	limit = Min(consumer->inbox_count, allowed);
	batch.items = palloc(limit * sizeof(Delivery *));
	batch.messages = palloc0(limit * sizeof(ApplyMessage));
	while (batch.count < limit)
	{
		Delivery   *delivery = inbox_take(consumer);

		bytes += message_bytes(delivery->message);
		if (bytes > CONSUMER_BATCH_BYTES && batch.count > 0)
		{
			inbox_return(consumer, delivery);
			break;
		}
		message_fill(&batch.messages[batch.count], delivery->message,
					 consumer->subscription->unwrap_sns);
		batch.items[batch.count++] = delivery;
	}
	return batch;
}

/* What follows a failed message in its group but was not in the batch. */
static void
give_back_group(Consumer *consumer, const char *group_id, int delay_s)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &consumer->inbox)
	{
		Delivery   *delivery = dlist_container(Delivery, node, iter.cur);

		if (strcmp(delivery->message->group_id, group_id) != 0)
			continue;
		inbox_remove(consumer, delivery);
		visibility_give_back(consumer, delivery, delay_s);
	}
}

/* A culprit: it and its group's tail go back to the queue for a while. */
static void
settle_failed(Consumer *consumer, Batch *batch, int culprit)
{
	Delivery   *delivery = batch->items[culprit];
	ApplyMessage *failed = &batch->messages[culprit];
	int			delay_s = group_failed(consumer, delivery->message);
	char		text[SQS_ERROR_LEN];

	snprintf(text, sizeof(text), "message %s: %s", failed->message_id, failed->error);
	slot_note_error(failed->sqlerrcode, text, NULL);
	pg_atomic_fetch_add_u64(&slot_mine->counters.blocked, 1);
	visibility_give_back(consumer, delivery, delay_s);
	if (!consumer->subscription->fifo)
		return;

	for (int i = culprit + 1; i < batch->count; i++)
	{
		if (batch->messages[i].outcome != APPLY_HELD || batch->items[i] == NULL ||
			strcmp(batch->messages[i].group_id, failed->group_id) != 0)
			continue;
		visibility_give_back(consumer, batch->items[i], delay_s);
		batch->items[i] = NULL;
	}
	give_back_group(consumer, failed->group_id, delay_s);
}

/* sqs.status tells of the last one; one that is parked has no error of its own. */
static void
note_quarantined(const ApplyMessage *message)
{
	char		text[SQS_ERROR_LEN];

	if (message->error[0] == '\0')
		return;
	snprintf(text, sizeof(text), "message %s: %s", message->message_id, message->error);
	slot_note_error(message->sqlerrcode, text,
					"It is in the quarantine: see sqs.quarantine, then sqs.retry or sqs.discard.");
}

/* Everything that does not depend on its neighbours; returns the oldest's age at SQS. */
static int64
settle_done(Consumer *consumer, Batch *batch, XLogRecPtr gate)
{
	int64		wall = consumer->clock->wall_ms(consumer->clock->arg);
	int64		lag = -1;

	for (int i = 0; i < batch->count; i++)
	{
		Delivery   *delivery = batch->items[i];
		ApplyOutcome outcome = batch->messages[i].outcome;

		if (outcome != APPLY_APPLIED && outcome != APPLY_DUPLICATE &&
			outcome != APPLY_QUARANTINED)
			continue;
		if (outcome == APPLY_QUARANTINED)
			note_quarantined(&batch->messages[i]);
		if (delivery->message->sent_ms > 0)
			lag = Max(lag, Max(0, wall - delivery->message->sent_ms));
		group_succeeded(consumer, delivery->message);
		deletes_add(consumer, delivery, gate);
	}
	return lag;
}

static void
settle_batch(Consumer *consumer, Batch *batch, const ApplyResult *result)
{
	ConsumerCounters *counters = &slot_mine->counters;
	int64		lag = settle_done(consumer, batch, result->gate);

	for (int i = 0; i < batch->count; i++)
	{
		if (batch->messages[i].outcome == APPLY_FAILED)
			settle_failed(consumer, batch, i);
	}
	for (int i = batch->count - 1; i >= 0; i--)
	{
		/* A held one without its culprit would be an error of ours: try it again. */
		if (batch->items[i] != NULL && (batch->messages[i].outcome == APPLY_PENDING ||
										batch->messages[i].outcome == APPLY_HELD))
			inbox_return(consumer, batch->items[i]);
	}
	pg_atomic_fetch_add_u64(&counters->applied, result->applied);
	pg_atomic_fetch_add_u64(&counters->duplicates, result->duplicates);
	pg_atomic_fetch_add_u64(&counters->superseded, result->superseded);
	pg_atomic_fetch_add_u64(&counters->quarantined, result->quarantined);
	if (result->applied + result->duplicates + result->quarantined > 0)
		slot_note_commit(lag);

	if (result->outage)
	{
		pg_atomic_fetch_add_u64(&counters->retried, 1);
		trouble_from_apply(consumer, &consumer->apply_trouble, result);
	}
	else
		trouble_clear(&consumer->apply_trouble);
	if (result->applied + result->duplicates < batch->count)
		consumer->company_rest = COMPANY_REST_MAX;
}

void
batch_run(Consumer *consumer)
{
	Batch		batch;
	int64		start = consumer_now(consumer);
	ApplyResult result;

	learn_company(consumer);
	batch = take_batch(consumer);
	memset(&result, 0, sizeof(result));
	pgstat_report_activity(STATE_RUNNING, "applying messages");
	apply_run(consumer->applier, batch.messages, batch.count, &result);
	Assert(!IsTransactionState());
	MemoryContextSwitchTo(consumer->turn);
	learn_speed(consumer, consumer_now(consumer) - start, &result, batch.count);
	settle_batch(consumer, &batch, &result);
	(void) pgstat_report_stat(!batch_ready(consumer));
}
