/*
 * deliver_work.h
 *	  What the files of the deliverer share.
 *
 * A message waits in its group's queue.  A group is an output's: it is ready
 * (in its line's list, its first message may be sent), resting (likewise, but
 * not before a time), or has a message under way.  A group that has neither is
 * forgotten.  A record's messages are one array, made when it is submitted.
 */
#ifndef DELIVER_WORK_H
#define DELIVER_WORK_H

#include "../aws/sqs.h"
#include "deliver.h"

#define DELIVER_BUCKETS 1024
#define DELIVER_SEEN 4096		/* message ids remembered, a power of two */

typedef struct DeliverMessage DeliverMessage;
typedef struct DeliverGroup DeliverGroup;

typedef enum DeliverState
{
	DELIVER_WAITING,
	DELIVER_UNDER_WAY,
	DELIVER_SENT,
	DELIVER_GONE				/* refused, or its record was */
} DeliverState;

struct DeliverMessage
{
	DeliverRecord *record;
	const EnrichMessage *message;
	DeliverGroup *group;
	DeliverMessage *next;		/* in the group's queue, while WAITING */
	DeliverMessage *prev;
	size_t		size;			/* as SQS counts */
	DeliverState state;
	bool		alone;			/* a call that it was in was refused */
};

typedef enum DeliverPlace
{
	DELIVER_NOWHERE,
	DELIVER_READY,
	DELIVER_RESTING
} DeliverPlace;

struct DeliverGroup
{
	DeliverGroup *chain;		/* in the hash table */
	uint32_t	hash;
	int			output;
	DeliverMessage *first;		/* WAITING ones, in order */
	DeliverMessage *last;
	DeliverGroup *next;			/* in the line's list of its place */
	DeliverGroup *prev;
	DeliverPlace place;
	bool		under_way;
	int			failures;		/* in a row */
	int64_t		not_before_ms;	/* monotonic, when RESTING */
	char		id[];
};

typedef struct DeliverGroups
{
	DeliverGroup *first;
	DeliverGroup *last;
	int			count;
} DeliverGroups;

/* An output. */
typedef struct DeliverLine
{
	DeliverGroups ready;
	DeliverGroups resting;
	int			waiting;		/* messages */
	int			calls;			/* under way */
	int			failures;		/* whole calls, in a row */
	int64_t		not_before_ms;	/* after such: no call before; 0 = any time */
	size_t		max_message;	/* bytes the queue takes; 0 = not asked yet */
} DeliverLine;

typedef struct DeliverCall
{
	Deliverer  *deliverer;
	AwsxCall   *call;			/* null: free for use */
	int			output;
	int			count;
	size_t		bytes;
	DeliverMessage *messages[AWSX_SQS_BATCH];
	AwsxSqsSend entries[AWSX_SQS_BATCH];
} DeliverCall;

struct Deliverer
{
	DeliverOptions options;
	DeliverLine *lines;			/* one an output */
	int			turn;			/* line that is asked first */
	DeliverGroup *buckets[DELIVER_BUCKETS];
	DeliverCall calls[DELIVER_CALLS];
	int			under_way;		/* calls */
	size_t		under_way_bytes;
	DeliverRecord *first;		/* not settled, in order of submission */
	DeliverRecord *last;
	int			record_count;
	size_t		record_bytes;
	int64_t		looked_ms;		/* monotonic, when calls were last started */
	int			submitted;		/* since the client was driven */
	int64_t		progress_ms;	/* monotonic, of the last answer that took a message */
	bool		failed;
	AwsxError	error;			/* when failed; else the last one that was got over */
	DeliverStats stats;
	uint64_t	seen[DELIVER_SEEN]; /* hashes of message ids */
};

/* ---- the queues ---- */

/* Queue the message behind those of its group.  False: out of memory. */
extern bool deliver_queue_add(Deliverer *deliverer, DeliverMessage *message);

/* Take a WAITING message out; it has no group then. */
extern void deliver_queue_remove(Deliverer *deliverer, DeliverMessage *message);

/* Its group's first message is under way from now on. */
extern void deliver_queue_take(Deliverer *deliverer, DeliverMessage *message);

/* It has a fate: the group goes on with the next one. */
extern void deliver_queue_done(Deliverer *deliverer, DeliverMessage *message);

/* It goes back to the head of its group, which rests until then. */
extern void deliver_queue_put_off(Deliverer *deliverer, DeliverMessage *message, int64_t not_before_ms);

/* Wake the groups whose rest is over. */
extern void deliver_queue_wake(DeliverLine *line, int64_t now_ms);

/*
 * When time will let the line send more than it did when it was last looked
 * at; -1 = time alone changes nothing.
 */
extern int64_t deliver_queue_due_ms(const DeliverLine *line, int64_t looked_ms);

extern void deliver_queue_clear(Deliverer *deliverer);

/* ---- the calls ---- */

/*
 * Start what can be started: full batches, and (flush) smaller ones where
 * waiting would gain nothing.  A fault is left in the deliverer.
 */
extern void deliver_start_calls(Deliverer *deliverer, bool flush, bool last);

/* Stop them; their messages have no fate. */
extern void deliver_cancel_calls(Deliverer *deliverer);

/* Remember the first fault; the output is named in it (-1: none is to blame). */
extern void deliver_fail(Deliverer *deliverer, int output, const AwsxError *error);

/* Mark the record refused, and let go of its messages that are not under way. */
extern void deliver_refuse(Deliverer *deliverer, DeliverRecord *record, int output,
						   const char *code, const char *reason);

/* The largest message that the output's queue takes; asks SQS the first time. */
extern size_t deliver_max_message(Deliverer *deliverer, int output);

extern int64_t deliver_now_ms(const Deliverer *deliverer);

#endif							/* DELIVER_WORK_H */
