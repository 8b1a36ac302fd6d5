/*
 * load_hand.h
 *	  The messages that the daemon has in hand: their leases are kept until
 *	  each is deleted or given back.
 *
 * Messages lie in parcels, one a receive.  Of a group nothing more is received
 * while some of it is in hand, so a parcel holds the whole tail of a group,
 * and its leases are kept together.  Deleting and giving back are errands:
 * they are queued, and made by ten a call, several calls at a time, in what
 * order they come.  An entry that fails is tried again; one that cannot be
 * done comes back by itself when its lease ends.
 */
#ifndef LOAD_HAND_H
#define LOAD_HAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../aws/client.h"
#include "../aws/sqs.h"

#define LOAD_HAND_CALLS 8		/* of each kind at a time */

typedef struct LoadParcel LoadParcel;
typedef struct LoadHand LoadHand;

struct LoadParcel
{
	LoadParcel *next;
	LoadParcel *prev;
	AwsxSqsMessages *messages;
	unsigned	held;			/* bit i: messages->items[i] is in hand */
	int			errands;		/* that speak of its messages */
	int64_t		leased_ms;		/* monotonic: when their leases were last set */
};

typedef struct LoadErrand
{
	LoadParcel *parcel;
	int			place;			/* in the parcel */
	int			seconds;		/* of visibility; not of a delete */
	bool		renews;			/* a lease: idle once the message is not in hand */
	int			tries;
} LoadErrand;

typedef struct LoadErrands LoadErrands;

/* A call under way. */
typedef struct LoadErrandCall
{
	LoadErrands *errands;
	AwsxCall   *call;			/* null = the slot is free */
	int			count;
	LoadErrand	items[AWSX_SQS_BATCH];
} LoadErrandCall;

struct LoadErrands
{
	LoadHand   *hand;
	bool		deletes;		/* else changes of visibility */
	LoadErrand *items;			/* from head to count they wait */
	size_t		head;
	size_t		count;
	size_t		allocated;
	int			under_way;
	LoadErrandCall calls[LOAD_HAND_CALLS];
	int64_t		not_before_ms;	/* after a failure */
	int64_t		done;			/* entries that succeeded */
	int64_t		failed;			/* entries that were given up */
	char		why[300];		/* the last of them */
};

struct LoadHand
{
	AwsxClient *client;
	const AwsxService *service;
	const char *queue_url;
	const AwsxClock *clock;
	int			visibility_seconds;
	LoadParcel *first;
	LoadParcel *last;
	LoadErrands deletes;
	LoadErrands leases;
	int64_t		looked_ms;		/* when leases were last looked at */
	int64_t		told_ms;		/* when failures were last logged */
};

/* Everything is borrowed. */
extern void load_hand_init(LoadHand *hand, AwsxClient *client, const AwsxService *service,
						   const char *queue_url, int visibility_seconds);

/* Stops what is under way. */
extern void load_hand_free(LoadHand *hand);

/* Takes over messages that were received just now.  Null: there are none, or no memory; they are freed. */
extern LoadParcel *load_hand_take(LoadHand *hand, AwsxSqsMessages *messages);

/* Its queue may forget the message. The parcel may be gone afterwards. */
extern void load_hand_delete(LoadHand *hand, LoadParcel *parcel, int place);

/* It is to be visible again in so many seconds.  Likewise. */
extern void load_hand_return(LoadHand *hand, LoadParcel *parcel, int place, int seconds);

/* Give back at once all that is in hand. */
extern void load_hand_return_all(LoadHand *hand);

/* Start what is due: leases to be kept, errands; now and then log what failed. */
extern void load_hand_work(LoadHand *hand, bool keep_leases);

/* Are all errands made? */
extern bool load_hand_is_idle(const LoadHand *hand);

#endif							/* LOAD_HAND_H */
