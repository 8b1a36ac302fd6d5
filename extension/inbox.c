/*
 * inbox.c
 *	  Messages that were received and wait to be applied.
 *
 * A list in the order in which they came; what a batch could not do returns
 * to its head.  Messages are never copied: each stays in the answer that
 * brought it, which is freed when the last of its messages has gone.
 *
 * SQS lends messages for a visibility timeout, and those of an answer have one
 * lease.  It begins when SQS hands them out, which is not known here, but
 * surely not before the last moment when the wire was still quiet; for us it
 * ends a margin before SQS takes them back, so that what is begun under a
 * lease may end under it.  When it has passed, not having been extended, SQS
 * delivers the messages again, perhaps to somebody else: they are dropped.
 *
 * inbox_put is called while the AWS client makes progress, so it allocates
 * with malloc and raises nothing.
 */
#include "postgres.h"

#include "consumer.h"
#include "message.h"

#define LEASE_MARGIN_MAX_MS 2000

void
inbox_init(Consumer *consumer)
{
	dlist_init(&consumer->inbox);
}

void
answer_release(Answer *answer)
{
	if (--answer->references > 0)
		return;
	answer->consumer->held_bytes -= answer->bytes;
	awsx_sqs_messages_free(answer->messages);
	free(answer);
}

void
delivery_release(Delivery *delivery)
{
	answer_release(delivery->answer);
}

void
inbox_return(Consumer *consumer, Delivery *delivery)
{
	delivery->place = DELIVERY_IN_INBOX;
	dlist_push_head(&consumer->inbox, &delivery->node);
	consumer->inbox_count++;
	visibility_waits(consumer, delivery);
}

void
inbox_remove(Consumer *consumer, Delivery *delivery)
{
	delivery->place = DELIVERY_UNDER_WAY;
	dlist_delete(&delivery->node);
	consumer->inbox_count--;
}

Delivery *
inbox_take(Consumer *consumer)
{
	Delivery   *delivery;

	if (dlist_is_empty(&consumer->inbox))
		return NULL;
	delivery = dlist_head_element(Delivery, node, &consumer->inbox);
	inbox_remove(consumer, delivery);
	return delivery;
}

void
inbox_drop_expired(Consumer *consumer)
{
	int64		now = consumer_now(consumer);
	dlist_mutable_iter iter;

	if (!visibility_ends_before(consumer, now + 1))
		return;
	dlist_foreach_modify(iter, &consumer->inbox)
	{
		Delivery   *delivery = dlist_container(Delivery, node, iter.cur);

		if (delivery->answer->lease_until > now)
			continue;
		inbox_remove(consumer, delivery);
		delivery_release(delivery);
	}
}

/* Seconds of visibility become the lease's end, counted from its start. */
static int64
lease_end(const Consumer *consumer, int64 start)
{
	int64		whole = (int64) consumer->subscription->visibility_timeout * 1000;

	return start + whole - Min(whole / 10, LEASE_MARGIN_MAX_MS);
}

bool
inbox_put(Consumer *consumer, AwsxSqsMessages *messages, int64 lease_start)
{
	Answer	   *answer = calloc(1, offsetof(Answer, items) + messages->count * sizeof(Delivery));

	if (answer == NULL)
		return false;
	answer->consumer = consumer;
	answer->messages = messages;
	answer->references = messages->count;
	answer->lease_until = lease_end(consumer, lease_start);
	consumer->inbox_last = consumer_now(consumer);
	if (consumer->inbox_count == 0)
		consumer->inbox_since = consumer->inbox_last;
	for (int i = 0; i < messages->count; i++)
	{
		Delivery   *delivery = &answer->items[i];

		delivery->answer = answer;
		delivery->message = &messages->items[i];
		answer->bytes += message_bytes(delivery->message);
		delivery->place = DELIVERY_IN_INBOX;
		dlist_push_tail(&consumer->inbox, &delivery->node);
		visibility_waits(consumer, delivery);
	}
	consumer->inbox_count += messages->count;
	consumer->held_bytes += answer->bytes;
	consumer->answer_bytes = Max(answer->bytes, consumer->answer_bytes / 2);
	return true;
}
