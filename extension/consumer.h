/*
 * consumer.h
 *	  What the parts of a consumer share.  For the consumer's own files only.
 *
 * A message's way: answer of a poll -> inbox -> batch -> pending delete (or
 * visibility change, or dropped) -> freed.  Messages stay in the malloc'd
 * answer they came in, which counts the items that are still on their way
 * and is freed with the last of them.
 *
 * Callbacks of the AWS client run inside consumer_drive; they allocate with
 * malloc, raise nothing and take no lock.
 */
#ifndef PG_SQS_CONSUMER_H
#define PG_SQS_CONSUMER_H

#include "postgres.h"

#include "access/xlogdefs.h"
#include "lib/ilist.h"
#include "storage/latch.h"
#include "utils/hsearch.h"

#include "apply.h"
#include "clock.h"
#include "connection.h"
#include "slot_worker.h"
#include "sqs.h"
#include "subscription.h"

#define CONSUMER_MAX_POLLS SQS_MAX_POLLS
#define CONSUMER_POLL_MESSAGES 10	/* that a poll asks for */
#define CONSUMER_HELD_BYTES ((Size) 64 * 1024 * 1024)	/* no new poll above it */
#define CONSUMER_DELETES_MAX 10000	/* no new poll above it: nothing is being made durable */
#define CONSUMER_PROBE_MESSAGES 20	/* so many tell a message's fault from the world's */
#define CONSUMER_BATCH_BYTES ((Size) 16 * 1024 * 1024)	/* of bodies in one transaction */

typedef struct Consumer Consumer;
typedef struct Answer Answer;

/* Is a message waiting for us, so that its lease must be kept? */
typedef enum DeliveryPlace
{
	DELIVERY_UNDER_WAY,			/* in a batch, in a call, given back */
	DELIVERY_IN_INBOX,
	DELIVERY_IN_DELETES
} DeliveryPlace;

/* One message on its way. */
typedef struct Delivery
{
	dlist_node	node;			/* in the inbox or in a list of its next step */
	Answer	   *answer;
	const AwsxSqsMessage *message;
	DeliveryPlace place;
	XLogRecPtr	gate;			/* deletes: not before this is durable */
	bool		delete_tried;
	int			delay_s;		/* visibility changes: seconds from now */
} Delivery;

/* One ReceiveMessage's answer; malloc'd. */
struct Answer
{
	Consumer   *consumer;
	AwsxSqsMessages *messages;
	Size		bytes;
	int			references;		/* items on their way, and calls about them */
	int64		lease_until;	/* monotonic ms: ours up to here, with a margin */
	bool		extending;		/* a call to extend the lease is under way */
	int64		extend_from;	/* monotonic ms: not before, since the last one failed */
	Delivery		items[FLEXIBLE_ARRAY_MEMBER];
};

/* Something that fails, and when it may be tried again. */
typedef struct Trouble
{
	int			failures;		/* in a row; 0 = healthy */
	int64		until;			/* monotonic ms: not before; 0 = at once */
	bool		person;			/* time alone will not help */
	int			sqlerrcode;
	char		message[SQS_ERROR_LEN];
	char		hint[SQS_HINT_LEN];
} Trouble;

/* One place for an open ReceiveMessage call. */
typedef struct Poll
{
	Consumer   *consumer;
	AwsxCall   *call;			/* null: closed */
	int64		started;		/* monotonic ms */
	char		attempt_id[SQS_ATTEMPT_ID_LEN]; /* "" = make a new one */
	TimestampTz attempt_since;
	bool		attempt_used;	/* SQS may have seen this id before */
} Poll;

/* What is pruned, in this order. */
enum
{
	PRUNE_QUARANTINE,
	PRUNE_LEDGER,
	PRUNE_TABLES
};

typedef struct PruneTable
{
	const char *sql;
	struct _SPI_plan *plan;		/* null until first used */
	TimestampTz from;			/* what is older has gone */
} PruneTable;

typedef struct Prune
{
	PruneTable	tables[PRUNE_TABLES];
	int			table;			/* the one that is being pruned */
	int64		next;			/* monotonic ms: no step before */
	int64		last_step;
	int64		rest_ms;		/* the next rest, when nothing is left */
	int64		rows;			/* gone since the last rest */
	int			logged;			/* SQLSTATE of the failure that was logged; 0 = none */
} Prune;

struct Consumer
{
	MemoryContext memory;		/* as long as the process */
	MemoryContext turn;			/* reset each turn */
	Subscription *subscription;
	int			number;			/* which of the subscription's consumers, from 1 */
	Connection *connection;
	const AwsxClock *clock;
	Applier    *applier;
	WaitEventSet *events;
	uint32		config_version; /* of the slot, when the configuration was read */

	Poll		polls[CONSUMER_MAX_POLLS];
	int			polls_open;
	unsigned char attempt_seed[12];
	uint64		attempts_made;	/* 0 = attempt_seed is not chosen yet */
	int			polls_target;	/* grows while answers come back full */
	bool		attempts_changed;	/* since they were put into the slot */
	int			hasty_answers;	/* empty ones in a row that did not wait */
	int64		rate_since;		/* monotonic ms: messages are counted from then on */
	int			rate_count;
	bool		steady_stream;	/* so many came lately that polls shall fill */
	int64		poll_not_before;
	int64		heard;			/* monotonic ms: until then the wire was quiet */

	dlist_head	inbox;
	int			inbox_count;
	Size		held_bytes;		/* of all answers not yet freed */
	Size		answer_bytes;	/* what an answer may be expected to bring */
	int64		lease_floor;	/* monotonic ms: no lease of what waits ends before */
	int64		message_us;		/* what applying a message may be expected to take */
	int64		inbox_since;	/* monotonic ms: it was empty before */
	int64		inbox_last;		/* monotonic ms: an answer came */
	bool		answer_full;	/* the last answer had all that was asked for */
	int			company_rest;	/* so many batches are not held for company */
	int			company_rest_next;	/* the next such rest, longer each time in vain; 0 = no batch yet */

	dlist_head	deletes;		/* in order of their gates */
	int			delete_count;	/* in the list or in a call */
	int			delete_calls;
	XLogRecPtr	highest_gate;
	int64		unflushed_since;	/* monotonic ms; 0 = nothing waits for a flush */

	dlist_head	visibility;		/* items to give back, each with its delay */
	int			visibility_calls;
	HTAB	   *blocked;		/* groups that failed; null until the first one */

	Trouble		receive_trouble;
	Trouble		delete_trouble;
	Trouble		apply_trouble;

	Prune		prune;

	bool		closing;		/* finish what is under way, then exit */
	int64		closing_until;
	bool		leaving;		/* exits now; only gives back what it holds */
};

/* ---- consumer.c ---- */

extern int64 consumer_now(const Consumer *consumer);

/* Have the client make progress; callbacks run. */
extern void consumer_drive(Consumer *consumer);

/*
 * Sleep until the latch, the network or the time (-1 = no limit), and attend
 * to what the server wants of us: exit, barriers, reloads.  Outside a
 * transaction.
 */
extern void consumer_sleep(Consumer *consumer, int64 timeout_ms);

/* ---- setup.c ---- */

/*
 * Everything up to the loop.  Does not return when the consumer must not
 * run: then slot and log say why, and the process exits.
 */
extern void consumer_setup(Consumer *consumer, const SlotTask *task);

/* ---- trouble.c ---- */

extern void trouble_clear(Trouble *trouble);

/* From AWS: "could not <what>: ...".  Safe in callbacks. */
extern void trouble_from_aws(const Consumer *consumer, Trouble *trouble, const char *what,
							 const AwsxError *error);

/* From a batch that met an outage. */
extern void trouble_from_apply(const Consumer *consumer, Trouble *trouble,
							   const ApplyResult *result);

/* Bring the slot's state up to date with the troubles; log once a change. */
extern void consumer_publish_state(Consumer *consumer);

/* ---- poll.c ---- */

extern void polls_init(Consumer *consumer);
extern void polls_open(Consumer *consumer);
extern void polls_cancel(Consumer *consumer);

/* Before the first poll: take over those that the consumer before left open. */
extern void polls_inherit(Consumer *consumer);

/* Note in the slot which polls are open, for the one who comes after us. */
extern void polls_publish(Consumer *consumer);

/* Monotonic ms when a poll may be opened that is not; PG_INT64_MAX = none. */
extern int64 polls_next(const Consumer *consumer);

/* ---- inbox.c ---- */

extern void inbox_init(Consumer *consumer);

/*
 * Put what a poll brought at the inbox's end.  Takes the messages over, of
 * which there is one at least; false when memory ends.  lease_start: monotonic
 * ms, when SQS may have handed them out at the earliest.
 */
extern bool inbox_put(Consumer *consumer, AwsxSqsMessages *messages, int64 lease_start);

/* One step of a delivery's way is done and there is no other. */
extern void delivery_release(Delivery *delivery);
extern void answer_release(Answer *answer);

/* Put back at the inbox's head; call it for the last message first. */
extern void inbox_return(Consumer *consumer, Delivery *delivery);
extern Delivery *inbox_take(Consumer *consumer);	/* null: empty */
extern void inbox_remove(Consumer *consumer, Delivery *delivery);

/* Messages whose lease has passed come back by themselves: drop them. */
extern void inbox_drop_expired(Consumer *consumer);

/* ---- batch.c ---- */

/* Monotonic ms when there is something to apply; PG_INT64_MAX = nothing. */
extern int64 batch_next(const Consumer *consumer);

/* Is there something to apply now? */
extern bool batch_ready(const Consumer *consumer);

/* Apply what is in the inbox, up to the limits of one transaction. */
extern void batch_run(Consumer *consumer);

/* Messages in the next batch at most: as many as may be done in time. */
extern int	batch_limit(const Consumer *consumer);

/* Milliseconds that the next batch may be expected to take. */
extern int64 batch_expected_ms(const Consumer *consumer);

/* ---- deletes.c ---- */

extern void deletes_add(Consumer *consumer, Delivery *delivery, XLogRecPtr gate);
extern void deletes_flush(Consumer *consumer);
extern void deletes_send(Consumer *consumer);

/* Monotonic ms when there is more to do; PG_INT64_MAX = nothing. */
extern int64 deletes_next(const Consumer *consumer);

/* ---- visibility.c ---- */

/*
 * A message failed: for how long its group (or itself, in a standard queue)
 * is left in the queue, in seconds.  Grows with each failure in a row.
 */
extern int	group_failed(Consumer *consumer, const AwsxSqsMessage *message);
extern void group_succeeded(Consumer *consumer, const AwsxSqsMessage *message);

/* Give a message back to the queue, to be visible after so many seconds. */
extern void visibility_give_back(Consumer *consumer, Delivery *delivery, int delay_s);
extern void visibility_send(Consumer *consumer);

/* A message is put into one of the two lists in which its lease must be kept. */
extern void visibility_waits(Consumer *consumer, const Delivery *delivery);

/* Does the lease of a message that waits, in the inbox or for its deletion, end before? */
extern bool visibility_ends_before(Consumer *consumer, int64 when);

/* Keep the leases of messages that wait longer than expected, in the inbox or for their deletion. */
extern void visibility_extend(Consumer *consumer);

/* ---- prune.c ---- */

extern void prune_init(Consumer *consumer);

/* Monotonic ms when there is more to prune; PG_INT64_MAX = nothing. */
extern int64 prune_next(const Consumer *consumer);

/* Take one step, if it is time for it. */
extern void prune_run(Consumer *consumer);

/* The retention may have changed: look at once. */
extern void prune_soon(Consumer *consumer);

#endif							/* PG_SQS_CONSUMER_H */
