/*
 * sqs_prefill.c
 *		The control call that fills a FIFO queue with synthetic messages.
 *
 * A benchmark wants a million messages to wait, and to wait for them no longer
 * than it must: here nothing goes over the wire.  Message number n has the body
 * of a template in which every run of '#' became the last digits of n, as many
 * as the run is long; its group is n modulo the number of groups, and its
 * deduplication id a SHA-256 in hex, as senders make them of what they send.
 *
 * Every so many messages one repeats an earlier one, with its id, group and
 * body.  That is what a sender's retry looks like once the five minutes of
 * deduplication are over, so it is accepted under an id of its own, and given
 * the earlier one's afterwards.
 *
 * The queue keeps when it was first received from and last deleted from since
 * it was filled, so that who measures need not watch.
 */
#include <stdio.h>
#include <string.h>

#include "sqs.h"

#define MESSAGES_MAX		20000000
#define GROUPS_MAX			10000000

typedef struct Prefill
{
	const char *body;
	size_t		body_len;
	json_t	   *attributes;		/* of every message; may be NULL */
	json_int_t	count;
	json_int_t	first;			/* number of the first one */
	json_int_t	groups;
	json_int_t	again_every;	/* 0: no message is repeated */
} Prefill;

static void
write_body(const Prefill *how, uint64_t number, Buf *body)
{
	uint64_t	left = number;

	body->len = 0;
	buf_add(body, how->body, how->body_len);
	for (size_t i = how->body_len; i > 0; i--)
	{
		char	   *c = &body->data[i - 1];

		if (*c != '#')
			left = number;
		else
		{
			*c = (char) ('0' + left % 10);
			left /= 10;
		}
	}
}

/* Where message n repeats an earlier one, that one's number; else n. */
static uint64_t
number_of(const Prefill *how, uint64_t n)
{
	uint64_t	every = (uint64_t) how->again_every;
	uint64_t	place = n - (uint64_t) how->first;
	uint64_t	earlier = place / 2;

	if (every == 0 || place == 0 || place % every != 0)
		return n;
	/* itself not one that repeats */
	if (earlier > 0 && earlier % every == 0)
		earlier--;
	return (uint64_t) how->first + earlier;
}

static void
dedup_id_of(uint64_t number, const char *kind, char out[SHA256_HEX])
{
	char		text[64];
	int			len = snprintf(text, sizeof(text), "%s %llu", kind, (unsigned long long) number);

	sha256_hex(text, (size_t) len, out);
}

static void
add_message(SqsQueue *queue, const Prefill *how, uint64_t n, Buf *body)
{
	FifoMessage *message = mem_zalloc(sizeof(FifoMessage));
	uint64_t	number = number_of(how, n);
	json_t	   *text;
	bool		sent;

	write_body(how, number, body);
	random_uuid(message->id);
	text = json_stringn_nocheck(body->data, body->len);
	message->request = how->attributes == NULL ? text : json_pack("[o,O]", text, how->attributes);
	message->body = json_string_value(text);
	message->body_len = body->len;
	message->attributes = how->attributes;
	md5_hex(message->body, message->body_len, message->md5);
	snprintf(message->group_id, sizeof(message->group_id), "g%llu",
			 (unsigned long long) (number % (uint64_t) how->groups));
	dedup_id_of(n, number == n ? "prefilled" : "repeated", message->dedup_id);
	sent = fifo_send(queue->fifo, message, 0, clock_now_ms());
	if (sent && number != n)
		dedup_id_of(number, "prefilled", message->dedup_id);
	sqs_journal("sqs.sent", queue, message, "Ib", "bytes", (json_int_t) message->body_len,
				"duplicate", !sent);
	if (!sent)
		fifo_message_free(message);
}

/* Returns what is wrong, or NULL. */
static const char *
read_prefill(const json_t *in, Prefill *how)
{
	how->first = 1;
	how->groups = 1;
	if (json_unpack_ex((json_t *) in, NULL, JSON_STRICT, "{s:s%,s?o,s:I,s?I,s?I,s?I}", "body",
					   &how->body, &how->body_len, "attributes", &how->attributes, "count",
					   &how->count, "first", &how->first, "groups", &how->groups, "again_every",
					   &how->again_every) != 0)
		return "body (text) and count are expected, and first, groups, again_every and attributes "
			   "are allowed";
	if (how->body_len == 0 || how->body_len > SQS_MESSAGE_MAX ||
		!sqs_is_content(how->body, how->body_len))
		return "body must be 1 to 1048576 bytes of characters that SQS allows";
	if (how->count < 1 || how->count > MESSAGES_MAX || how->groups < 1 ||
		how->groups > GROUPS_MAX || how->first < 1 || how->first > INT64_MAX / 2 ||
		how->again_every < 0)
		return "count must be 1 to 20000000, groups 1 to 10000000, first at least 1 and "
			   "again_every not negative";
	if (how->attributes != NULL && !json_is_object(how->attributes))
		return "attributes must be an object as in SendMessage's MessageAttributes";
	return NULL;
}

json_t *
sqs_prefill(const char *name, const json_t *in, const char **wrong)
{
	SqsQueue   *queue = sqs_find(name);
	Prefill		how = {0};
	Buf			body = {0};

	if (queue == NULL || !queue->is_fifo)
	{
		*wrong = "there is no such FIFO queue";
		return NULL;
	}
	if (in != NULL)
	{
		if ((*wrong = read_prefill(in, &how)) != NULL)
			return NULL;
		queue->first_received_ms = queue->last_deleted_ms = 0;
		for (json_int_t i = 0; i < how.count; i++)
			add_message(queue, &how, (uint64_t) (how.first + i), &body);
		buf_free(&body);
		sqs_changed(queue);
	}
	return json_pack("{s:s,s:I,s:I,s:I,s:I}", "queue", queue->name, "messages_count",
					 (json_int_t) queue->fifo->by_serial.count, "in_flight",
					 (json_int_t) fifo_in_flight(queue->fifo), "first_received_ms",
					 (json_int_t) queue->first_received_ms, "last_deleted_ms",
					 (json_int_t) queue->last_deleted_ms);
}
