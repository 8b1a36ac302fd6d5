/*
 * deliver.h
 *	  Sends the messages of a stream of records, and checks every outcome.
 *
 * Records are submitted one after the other and come back through a callback,
 * each once and in the order of their submission, when all of their messages
 * have a fate.  In between they wait in a window that is bounded by count and
 * bytes, so memory does not grow with the object.
 *
 * Order: of an output's message group one message at a time is under way, so
 * a message that SQS puts off or throttles cannot be overtaken by a later one
 * of its group.  Up to DELIVER_CALLS batches of different groups are under
 * way together.  Deduplication ids are fixed, so sending again after a lost
 * answer does not double a message within SQS's five minutes.
 */
#ifndef DELIVER_H
#define DELIVER_H

#include <stdbool.h>

#include "../aws/client.h"
#include "config.h"
#include "deadline.h"
#include "enrich.h"

#define DELIVER_CALLS 8			/* SendMessageBatch calls under way at a time */
#define DELIVER_WINDOW 1024		/* records that are not settled */
#define DELIVER_WINDOW_BYTES ((size_t) 4 << 20) /* of these; a single larger record is taken, too */

typedef struct Deliverer Deliverer;

/*
 * A record with the fate of its messages.  The caller owns its memory (it may
 * be the first member of something larger) and leaves it in place from
 * deliver_submit until the callback; it begins zeroed.
 *
 * A record without messages, because it was filtered out or has a reject code
 * of its own, may be submitted, too: it comes back in its turn.
 */
typedef struct DeliverRecord
{
	EnrichResult result;
	const char *trace_header;	/* AWSTraceHeader; null = none; borrowed */
	size_t		weight;			/* bytes it keeps in memory beside its messages' bodies */

	/* The fate, readable in the callback. */
	bool		dropped;		/* given up with the invocation: neither sent nor refused */
	int			sent;			/* messages that SQS accepted */
	bool		refused;		/* SQS will never take one of its messages */
	int			refused_output;
	char		refused_code[96];
	char		refused_message[512];

	/* The deliverer's. */
	struct DeliverMessage *messages;
	int			open;			/* messages without a fate */
	struct DeliverRecord *next;
} DeliverRecord;

/*
 * The record is the caller's again, from now on.  Called from within submit,
 * finish, drop and free, never while a call's answer is handled, so it may use
 * the client; it must not call the deliverer.  False and *error: an
 * infrastructure fault (of a record that is dropped it means nothing).
 */
typedef bool (*DeliverSettled) (void *arg, DeliverRecord *record, AwsxError *error);

typedef struct DeliverOptions
{
	AwsxClient *client;
	const Config *config;
	const AwsxService *services;	/* one an output */
	const Deadline *deadline;
	DeliverSettled on_settled;
	void	   *arg;
} DeliverOptions;

/* Since the last deliver_take_stats. */
typedef struct DeliverStats
{
	int64_t		sent;			/* messages that SQS accepted, duplicates included */
	int64_t		duplicates;		/* of these: answered with the id of an earlier one */
	int64_t		bytes;			/* of bodies and attributes */
	int64_t		calls;			/* SendMessageBatch */
	int64_t		put_off;		/* messages that had to be sent again */
} DeliverStats;

/* Null and *error (MEMORY).  Everything in options is borrowed and outlives it. */
extern Deliverer *deliver_create(const DeliverOptions *options, AwsxError *error);

/* Drops what is left; null allowed. */
extern void deliver_free(Deliverer *deliverer);

/*
 * Take the record over, and drive the client while the window is full.
 * False: an infrastructure fault, *error names the output.  The record has
 * been taken over in either case, and comes back.
 */
extern bool deliver_submit(Deliverer *deliverer, DeliverRecord *record, AwsxError *error);

/* Wait until every record is settled.  False: an infrastructure fault. */
extern bool deliver_finish(Deliverer *deliverer, AwsxError *error);

/*
 * After a fault: stop what is under way and give all records back, marked
 * dropped.  The deliverer can be used again.
 */
extern void deliver_drop(Deliverer *deliverer);

/* Did SQS accept the n-th of the record's messages? */
extern bool deliver_was_sent(const DeliverRecord *record, int n);

extern DeliverStats deliver_take_stats(Deliverer *deliverer);

#endif							/* DELIVER_H */
