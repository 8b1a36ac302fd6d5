/*
 * poll.c
 *	  The open ReceiveMessage calls.
 *
 * One long poll is open when the queue is quiet; while answers come back
 * full, more are opened, up to max_polls.  SQS answers a long poll as soon as
 * there is a message: in a steady stream each would bring one or two, so the
 * next poll is put off for a moment there, until some have gathered.  None is
 * opened while messages could not be put anywhere: the inbox is full, or
 * deleting fails.  While applying fails a few messages are still fetched: only
 * the company of others tells a message that is at fault from a world that is.
 *
 * SQS remembers the answer to a ReceiveRequestAttemptId for five minutes.  A
 * receive whose answer got lost is repeated under the same id, by the client
 * and after it by us, else the groups of the lost messages would stay locked
 * for a whole visibility timeout.  The ids of open polls are also kept in the
 * slot: a consumer that ends leaves polls behind that SQS may still answer,
 * and its successor begins by asking for these answers.  They do not survive
 * the server: after a crash the visibility timeout decides.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "consumer.h"
#include "retry.h"

#define PROBE_WAIT_S 1			/* of a poll that finds out whether it works again */
#define ATTEMPT_VALID_MS 240000 /* SQS: five minutes */
#define RATE_MS 100				/* messages are counted for so long */
#define RATE_STEADY 100			/* that many in it, or more, are a steady stream */
#define GATHER_MS 3				/* messages of a steady stream gather for so long */
#define HASTY_MS 500			/* an empty answer this soon was no long poll */
#define RETRY_ON_NEWS_MS 1000

void
polls_init(Consumer *consumer)
{
	consumer->polls_target = 1;
	for (int i = 0; i < CONSUMER_MAX_POLLS; i++)
		consumer->polls[i].consumer = consumer;
}

/* ---- the end of a poll ---- */

/* Is it a steady stream?  Lone messages must never wait for others. */
static void
learn_rate(Consumer *consumer, int count, int64 now)
{
	consumer->rate_count += count;
	if (now - consumer->rate_since < RATE_MS)
		return;
	consumer->steady_stream = now - consumer->rate_since < 2 * RATE_MS && consumer->rate_count >= RATE_STEADY;
	consumer->rate_since = now;
	consumer->rate_count = 0;
}

/* How many polls shall be open, and does an answer call for a pause? */
static void
learn_from_answer(Consumer *consumer, const Poll *poll, int count)
{
	int64		now = consumer_now(consumer);

	consumer->answer_full = count == CONSUMER_POLL_MESSAGES;
	if (consumer->answer_full)
		consumer->polls_target = Min(consumer->polls_target + 1, consumer->subscription->max_polls);
	else if (count > 0)
		consumer->polls_target = Max(consumer->polls_target - 1, 1);
	else
		consumer->polls_target = 1;

	learn_rate(consumer, count, now);
	if (consumer->steady_stream && count > 0 && count < CONSUMER_POLL_MESSAGES)
		consumer->poll_not_before = now + GATHER_MS;
	if (count > 0 || now - poll->started >= HASTY_MS)
		consumer->hasty_answers = 0;
	else
		consumer->poll_not_before = now +
			awsx_backoff_ms(consumer->clock, ++consumer->hasty_answers, HASTY_MS, 10 * HASTY_MS);
}

static void
forget_attempt(Poll *poll)
{
	poll->attempt_id[0] = '\0';
	poll->attempt_used = false;
	poll->consumer->attempts_changed = true;
}

static void
poll_failed(Poll *poll, const AwsxError *error)
{
	Consumer   *consumer = poll->consumer;

	pg_atomic_fetch_add_u64(&slot_mine->counters.api_errors, 1);

	/*
	 * Whatever failed last, an attempt before it may have been answered, and
	 * that answer can still be asked for; unless SQS refuses the request
	 * itself, perhaps for its id: it does so when one of the messages was
	 * deleted or given back meanwhile.
	 */
	if (error->kind == AWSX_ERR_REQUEST)
	{
		bool		used = poll->attempt_used;

		forget_attempt(poll);
		if (used)
			return;
	}
	consumer->polls_target = 1;
	trouble_from_aws(consumer, &consumer->receive_trouble, "receive messages", error);
}

/* Of the AWS client: no error may leave it. */
static void
poll_done(AwsxCall *call, const AwsxHttpResponse *http, const AwsxError *error, void *arg)
{
	Poll	   *poll = arg;
	Consumer   *consumer = poll->consumer;
	AwsxError	problem = *error;
	AwsxSqsMessages *messages = NULL;
	int			count;

	(void) call;
	poll->call = NULL;
	consumer->polls_open--;
	pg_atomic_fetch_add_u64(&slot_mine->counters.api_calls, 1);

	if (problem.kind == AWSX_OK)
		messages = awsx_sqs_receive_answer(http, &problem);
	if (messages == NULL)
	{
		poll_failed(poll, &problem);
		return;
	}
	count = messages->count;
	if (count == 0)
		awsx_sqs_messages_free(messages);
	else if (!inbox_put(consumer, messages, Max(poll->started, consumer->heard)))
	{
		awsx_sqs_messages_free(messages);
		awsx_error_set(&problem, AWSX_ERR_MEMORY, "out of memory");
		poll_failed(poll, &problem);
		return;
	}
	forget_attempt(poll);
	if (count > 0 && consumer->apply_trouble.person)
		consumer->apply_trouble.until = Min(consumer->apply_trouble.until,
											consumer_now(consumer) + RETRY_ON_NEWS_MS);
	pg_atomic_fetch_add_u64(&slot_mine->counters.received, count);
	learn_from_answer(consumer, poll, count);
	trouble_clear(&consumer->receive_trouble);
}

/* ---- opening ---- */

/* (Were the clock set back, an id is taken for a new one: so it is refused at worst.) */
static bool
attempt_is_valid(const char *id, TimestampTz since, TimestampTz now)
{
	return id[0] != '\0' && !TimestampDifferenceExceeds(since, now, ATTEMPT_VALID_MS);
}

/*
 * An id that nobody else uses, in this queue and for five minutes: chance of
 * this process, and a number.  It needs no secrecy, so chance is asked once.
 */
static bool
make_attempt_id(Consumer *consumer, char id[SQS_ATTEMPT_ID_LEN])
{
	unsigned char bytes[SQS_ATTEMPT_ID_LEN / 2];
	uint64		number = ++consumer->attempts_made;

	if (number == 1 && !pg_strong_random(consumer->attempt_seed, sizeof(consumer->attempt_seed)))
	{
		consumer->attempts_made = 0;
		return false;
	}
	memcpy(bytes, consumer->attempt_seed, sizeof(consumer->attempt_seed));
	for (int i = lengthof(bytes) - 1; i >= (int) sizeof(consumer->attempt_seed); i--)
	{
		bytes[i] = (unsigned char) number;
		number >>= 8;
	}
	id[hex_encode((const char *) bytes, sizeof(bytes), id)] = '\0';
	return true;
}

/* An id that still may have an answer waiting is kept. */
static void
choose_attempt_id(Poll *poll)
{
	TimestampTz now = GetCurrentTimestamp();

	if (attempt_is_valid(poll->attempt_id, poll->attempt_since, now))
	{
		poll->attempt_used = true;
		return;
	}
	poll->attempt_since = now;
	poll->attempt_used = false;
	poll->consumer->attempts_changed = true;
	if (!make_attempt_id(poll->consumer, poll->attempt_id))
		poll->attempt_id[0] = '\0';
}

static void
poll_start(Poll *poll)
{
	Consumer   *consumer = poll->consumer;
	Connection *connection = consumer->connection;
	AwsxSqsReceive receive = {
		.max_messages = CONSUMER_POLL_MESSAGES,
		.visibility_seconds = consumer->subscription->visibility_timeout,
	};
	AwsxHttpRequest request;
	AwsxError	error;

	poll->started = consumer_now(consumer);
	receive.wait_seconds = consumer->receive_trouble.failures > 0 ? PROBE_WAIT_S
		: AWSX_SQS_MAX_WAIT;
	if (consumer->subscription->fifo)
	{
		choose_attempt_id(poll);
		receive.attempt_id = poll->attempt_id[0] ? poll->attempt_id : NULL;
	}
	awsx_error_clear(&error);
	if (awsx_sqs_receive_request(&connection->sqs, connection->queue_url, &receive, &request,
								 &error))
		poll->call = awsx_client_start(connection->client, &connection->sqs, &request, poll_done,
									   poll, &error);
	if (poll->call == NULL)
		poll_failed(poll, &error);
	else
		consumer->polls_open++;
}

/* Has this place's last receive failed, so that SQS may hold an answer to it? */
static bool
has_lost_answer(const Poll *poll)
{
	return poll->call == NULL && poll->attempt_id[0] != '\0';
}

static int
count_lost_answers(const Consumer *consumer)
{
	int			count = 0;

	for (int i = 0; i < CONSUMER_MAX_POLLS; i++)
		count += has_lost_answer(&consumer->polls[i]);
	return count;
}

/*
 * How many polls may be open, if each brings what the last ones brought?  An
 * answer of ten messages of 1 MiB after many small ones is not foreseen, so
 * what is open then may go beyond the limit, once.
 */
static int
polls_with_room(const Consumer *consumer)
{
	Size		room;

	if (consumer->held_bytes >= CONSUMER_HELD_BYTES)
		return 0;
	room = CONSUMER_HELD_BYTES - consumer->held_bytes;
	return Max(1, (int) Min(room / Max(consumer->answer_bytes, 1), CONSUMER_MAX_POLLS));
}

/* How many polls shall be open, time apart? */
static int
polls_wanted(const Consumer *consumer)
{
	int			target = Max(consumer->polls_target, consumer->polls_open + count_lost_answers(consumer));
	int			room = Max(CONSUMER_PROBE_MESSAGES, 2 * batch_limit(consumer));

	if (consumer->closing || consumer->inbox_count >= room ||
		consumer->delete_count >= CONSUMER_DELETES_MAX ||
		(consumer->delete_trouble.person && consumer->delete_count > 0))
		return 0;
	if (consumer->apply_trouble.failures > 0)
		return consumer->inbox_count < CONSUMER_PROBE_MESSAGES ? Min(1, polls_with_room(consumer)) : 0;
	if (consumer->receive_trouble.failures > 0 || consumer->delete_trouble.failures > 0)
		return Min(1, polls_with_room(consumer));
	return Min(target, polls_with_room(consumer));
}

int64
polls_next(const Consumer *consumer)
{
	int64		when;

	if (consumer->polls_open >= polls_wanted(consumer))
		return PG_INT64_MAX;
	when = Max(consumer->poll_not_before, consumer->receive_trouble.until);
	return Max(when, consumer->delete_trouble.until);
}

/* The place to open next: first those whose answer was lost. */
static Poll *
free_poll(Consumer *consumer)
{
	Poll	   *free = NULL;

	for (int i = 0; i < CONSUMER_MAX_POLLS; i++)
	{
		Poll	   *poll = &consumer->polls[i];

		if (has_lost_answer(poll))
			return poll;
		if (poll->call == NULL && free == NULL)
			free = poll;
	}
	return free;
}

void
polls_open(Consumer *consumer)
{
	Poll	   *poll;

	/* poll_start either opens one or puts the next one off */
	while (polls_next(consumer) <= consumer_now(consumer) && (poll = free_poll(consumer)) != NULL)
		poll_start(poll);
}

void
polls_cancel(Consumer *consumer)
{
	for (int i = 0; i < CONSUMER_MAX_POLLS; i++)
	{
		if (consumer->polls[i].call == NULL)
			continue;
		awsx_call_cancel(consumer->polls[i].call);
		consumer->polls[i].call = NULL;
		consumer->polls_open--;
	}
}

/* ---- from one consumer to the next ---- */

void
polls_inherit(Consumer *consumer)
{
	OpenAttempt attempts[SQS_MAX_POLLS];
	TimestampTz now = GetCurrentTimestamp();

	if (!consumer->subscription->fifo)
		return;
	slot_get_attempts(attempts);
	for (int i = 0; i < CONSUMER_MAX_POLLS; i++)
	{
		if (!attempt_is_valid(attempts[i].id, attempts[i].since, now))
			continue;
		strlcpy(consumer->polls[i].attempt_id, attempts[i].id, SQS_ATTEMPT_ID_LEN);
		consumer->polls[i].attempt_since = attempts[i].since;
	}
}

void
polls_publish(Consumer *consumer)
{
	OpenAttempt attempts[SQS_MAX_POLLS] = {0};

	if (!consumer->attempts_changed)
		return;
	consumer->attempts_changed = false;
	for (int i = 0; i < CONSUMER_MAX_POLLS; i++)
	{
		strlcpy(attempts[i].id, consumer->polls[i].attempt_id, SQS_ATTEMPT_ID_LEN);
		attempts[i].since = consumer->polls[i].attempt_since;
	}
	slot_put_attempts(attempts);
}
