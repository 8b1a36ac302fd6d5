/*
 * visibility.c
 *	  ChangeMessageVisibility in its two uses: giving messages back to the
 *	  queue for a while, and keeping those that still wait for us.
 *
 * A failed message is given back with its group's whole tail and the same
 * delay for all; the delay doubles while the group goes on failing.  How
 * often it failed is kept for a bounded number of groups; a group that is
 * forgotten begins with the shortest delay again.
 *
 * Both are attempts: when the call fails the visibility timeout that is
 * already running decides, and nothing is lost.
 */
#include "postgres.h"

#include "utils/hsearch.h"

#include "consumer.h"

#define BLOCKED_KEY_LEN 136	/* SQS: ids have at most 128 characters */
#define DELAY_BASE_S 5
#define DELAY_CAP_S 300
#define BLOCKED_GROUPS_MAX 10000
#define VISIBILITY_CALLS_MAX 4
#define VISIBILITY_MAX_S 43200
#define EXTEND_AGAIN_MS 1000		/* after a call that failed */

typedef struct BlockedGroup
{
	char		id[BLOCKED_KEY_LEN]; /* the key: group, or message in a standard queue */
	int			failures;
} BlockedGroup;

/* ---- how long ---- */

static const char *
blocking_key(const Consumer *consumer, const AwsxSqsMessage *message)
{
	return consumer->subscription->fifo ? message->group_id : message->message_id;
}

static void
make_blocked(Consumer *consumer)
{
	HASHCTL		control = {
		.keysize = BLOCKED_KEY_LEN,
		.entrysize = sizeof(BlockedGroup),
		.hcxt = consumer->memory,
	};

	consumer->blocked = hash_create("pg_sqs blocked groups", 64, &control,
									HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

int
group_failed(Consumer *consumer, const AwsxSqsMessage *message)
{
	const char *key = blocking_key(consumer, message);
	BlockedGroup *group;
	bool		found;

	if (consumer->blocked == NULL)
		make_blocked(consumer);
	if (hash_get_num_entries(consumer->blocked) >= BLOCKED_GROUPS_MAX &&
		hash_search(consumer->blocked, key, HASH_FIND, NULL) == NULL)
		return DELAY_BASE_S;
	group = hash_search(consumer->blocked, key, HASH_ENTER, &found);
	group->failures = found ? group->failures + 1 : 1;
	return Min(DELAY_CAP_S, DELAY_BASE_S << Min(group->failures - 1, 10));
}

void
group_succeeded(Consumer *consumer, const AwsxSqsMessage *message)
{
	if (consumer->blocked != NULL && hash_get_num_entries(consumer->blocked) > 0)
		(void) hash_search(consumer->blocked, blocking_key(consumer, message), HASH_REMOVE, NULL);
}

/* ---- giving back ---- */

void
visibility_give_back(Consumer *consumer, Delivery *delivery, int delay_s)
{
	delivery->delay_s = delay_s;
	dlist_push_tail(&consumer->visibility, &delivery->node);
}

static void
count_call(const AwsxError *error)
{
	pg_atomic_fetch_add_u64(&slot_mine->counters.api_calls, 1);
	if (error->kind != AWSX_OK)
		pg_atomic_fetch_add_u64(&slot_mine->counters.api_errors, 1);
}

/* Of the AWS client: no error may leave it. */
static void
give_back_done(AwsxCall *call, const AwsxHttpResponse *http, const AwsxError *error, void *arg)
{
	Consumer   *consumer = arg;

	(void) call;
	(void) http;
	consumer->visibility_calls--;
	count_call(error);
}

static bool
start_change(Consumer *consumer, Delivery *const *items, const int *seconds, int count,
			 AwsxCallDone done, void *arg)
{
	Connection *connection = consumer->connection;
	const char *handles[AWSX_SQS_BATCH];
	AwsxHttpRequest request;
	AwsxError	error;

	for (int i = 0; i < count; i++)
		handles[i] = items[i]->message->receipt_handle;
	if (!awsx_sqs_visibility_batch_request(&connection->sqs, connection->queue_url, handles,
										   seconds, count, &request, &error) ||
		awsx_client_start(connection->client, &connection->sqs, &request, done, arg,
						  &error) == NULL)
		return false;
	consumer->visibility_calls++;
	return true;
}

/* Not needed any longer once the request carries the receipt handles. */
void
visibility_send(Consumer *consumer)
{
	Delivery   *items[AWSX_SQS_BATCH];
	int			seconds[AWSX_SQS_BATCH];

	while (!dlist_is_empty(&consumer->visibility) &&
		   consumer->visibility_calls < VISIBILITY_CALLS_MAX)
	{
		int			count = 0;

		while (count < AWSX_SQS_BATCH && !dlist_is_empty(&consumer->visibility))
		{
			items[count] = dlist_container(Delivery, node, dlist_pop_head_node(&consumer->visibility));
			seconds[count] = items[count]->delay_s;
			count++;
		}
		(void) start_change(consumer, items, seconds, count, give_back_done, consumer);
		for (int i = 0; i < count; i++)
			delivery_release(items[i]);
	}
}

/* ---- keeping ---- */

/* A call to extend one answer's lease. */
typedef struct Extension
{
	Answer	   *answer;
	int			count;
	int64		lease_until;	/* when it succeeds */
} Extension;

/* Of the AWS client: no error may leave it. */
static void
extension_done(AwsxCall *call, const AwsxHttpResponse *http, const AwsxError *error, void *arg)
{
	Extension  *extension = arg;
	Answer	   *answer = extension->answer;
	AwsxSqsOutcome outcomes[AWSX_SQS_BATCH];
	AwsxError	problem = *error;
	bool		all = problem.kind == AWSX_OK &&
		awsx_sqs_batch_answer(http, extension->count, outcomes, &problem);

	(void) call;
	answer->consumer->visibility_calls--;
	count_call(error);
	for (int i = 0; all && i < extension->count; i++)
		all = outcomes[i].ok;
	if (all)
		answer->lease_until = Max(answer->lease_until, extension->lease_until);
	else
		answer->extend_from = consumer_now(answer->consumer) + EXTEND_AGAIN_MS;
	answer->extending = false;
	free(extension);
	answer_release(answer);
}

/* All of the answer's messages that are still waiting: a group is kept whole. */
static void
extend_answer(Consumer *consumer, Answer *answer, int seconds)
{
	Extension  *extension = calloc(1, sizeof(Extension));
	Delivery   *items[AWSX_SQS_BATCH];
	int			all_seconds[AWSX_SQS_BATCH];

	if (extension == NULL)
		return;
	extension->answer = answer;
	extension->lease_until = consumer_now(consumer) + (int64) seconds * 1000;
	for (int i = 0; i < answer->messages->count && extension->count < AWSX_SQS_BATCH; i++)
	{
		if (answer->items[i].place == DELIVERY_UNDER_WAY)
			continue;
		all_seconds[extension->count] = seconds;
		items[extension->count++] = &answer->items[i];
	}
	if (!start_change(consumer, items, all_seconds, extension->count, extension_done, extension))
	{
		free(extension);
		return;
	}
	answer->extending = true;
	answer->references++;
}

static int64
soonest_end(const dlist_head *list, int64 soonest)
{
	dlist_iter	iter;

	dlist_foreach(iter, unconstify(dlist_head *, list))
		soonest = Min(soonest, dlist_container(Delivery, node, iter.cur)->answer->lease_until);
	return soonest;
}

void
visibility_waits(Consumer *consumer, const Delivery *delivery)
{
	consumer->lease_floor = Min(consumer->lease_floor, delivery->answer->lease_until);
}

/*
 * Asked several times a turn, while thousands may wait: they are looked
 * through only when what was found the last time does not answer it.
 */
bool
visibility_ends_before(Consumer *consumer, int64 when)
{
	if (consumer->lease_floor >= when)
		return false;
	consumer->lease_floor = soonest_end(&consumer->deletes,
										soonest_end(&consumer->inbox, PG_INT64_MAX));
	return consumer->lease_floor < when;
}

/* The answers of a list's messages whose lease ends too soon. */
static void
extend_list(Consumer *consumer, dlist_head *list, int64 needed, int seconds)
{
	int64		now = consumer_now(consumer);
	dlist_iter	iter;

	dlist_foreach(iter, list)
	{
		Answer	   *answer = dlist_container(Delivery, node, iter.cur)->answer;

		if (consumer->visibility_calls >= VISIBILITY_CALLS_MAX)
			return;
		if (!answer->extending && answer->lease_until < needed && answer->extend_from <= now)
			extend_answer(consumer, answer, seconds);
	}
}

/*
 * A third of the visibility timeout before a lease ends, or before the next
 * try after an outage would come too late, it is extended; earlier where the
 * next batch may be expected to take long, for nothing is extended during
 * one.  The message is not received again meanwhile, so neither an outage nor
 * a standby that is away drives anything into a dead-letter queue.
 */
void
visibility_extend(Consumer *consumer)
{
	int64		now = consumer_now(consumer);
	int64		visibility = (int64) consumer->subscription->visibility_timeout * 1000;
	int64		next_try = Max(now, consumer->apply_trouble.until) + 2 * batch_expected_ms(consumer);
	int64		needed = next_try + visibility / 3;
	int			seconds = (int) Min((next_try - now + visibility + 999) / 1000, VISIBILITY_MAX_S);

	if (consumer->closing || !visibility_ends_before(consumer, needed))
		return;
	extend_list(consumer, &consumer->inbox, needed, seconds);
	if (consumer->delete_trouble.failures == 0)
		extend_list(consumer, &consumer->deletes, now + visibility / 3, seconds);
}
