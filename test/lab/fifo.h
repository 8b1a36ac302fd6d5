/*
 * fifo.h
 *		The queue model: order, group locks, visibility, deduplication.
 */
#ifndef LAB_FIFO_H
#define LAB_FIFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <jansson.h>

#include "codec.h"
#include "table.h"

#define FIFO_ID_MAX			128
#define FIFO_ATTEMPT_MAX	10	/* messages of a receive with an attempt id */

typedef struct Fifo Fifo;
typedef struct FifoGroup FifoGroup;

/*
 * Whoever sends it allocates it (zeroed), names it and fills in what was sent;
 * from then on it is its queue's, and read-only outside the model.
 */
typedef struct FifoMessage
{
	HeapNode	hidden;			/* while invisible; key: when it ends */
	TAILQ_ENTRY(FifoMessage) in_group;	/* in order */
	TAILQ_ENTRY(FifoMessage) in_queue;	/* in order */
	FifoGroup  *group;
	uint64_t	serial;			/* names it, across queues */
	uint64_t	receive;		/* serial of its latest receive, 0 before the first */
	int64_t		sent_ms;
	int64_t		received_ms;
	int64_t		first_received_ms;
	uint32_t	receive_count;
	uint32_t	changes;		/* of visibility, since the latest receive */
	bool		delayed;
	bool		in_sight;		/* among the first that receives look at */
	char		id[UUID_TEXT];
	char		md5[MD5_HEX];
	char		sequence[24];
	char		group_id[FIFO_ID_MAX + 1];	/* "" in a standard queue */
	char		dedup_id[FIFO_ID_MAX + 1];	/* "" in a standard queue */
	char		source_arn[192];	/* of the queue it was moved from, "" if it was not */
	json_t	   *request;		/* as sent; owns what the following point to */
	const char *body;
	size_t		body_len;
	const char *trace_header;	/* may be NULL */
	json_t	   *attributes;		/* may be NULL */
} FifoMessage;

/* What is remembered for five minutes, by key and by age. */
typedef struct FifoMemory
{
	Table		by_key;
	STAILQ_HEAD(, FifoMemo) by_age;
} FifoMemory;

struct Fifo
{
	/* fixed */
	bool		fifo;			/* false: a standard queue, every message its own group */
	bool		scope_group;	/* deduplicate within the group */
	const char *arn;
	void		(*moved) (Fifo *from, Fifo *to, const FifoMessage *message);
	void	   *owner;

	/* may be changed by the owner */
	int64_t		retention_ms;
	Fifo	   *dead_letter;	/* may be NULL */
	uint32_t	max_receive_count;
	size_t		in_flight_max;
	size_t		look_ahead;		/* a receive sees that many messages of the queue */

	Table		groups;
	Table		by_serial;
	FifoMemory	dedup;			/* FifoReceipts by group (or "") and dedup id */
	FifoMemory	attempts;		/* what receives with an attempt id returned */
	TAILQ_HEAD(MessageList, FifoMessage) messages;
	FifoMessage *last_in_sight;	/* NULL: none */
	size_t		n_in_sight;
	TAILQ_HEAD(, FifoGroup) ready;	/* groups whose head can be received */
	size_t		n_ready;
	Heap		hidden;
	size_t		n_delayed;
	uint64_t	next_sequence;
	uint64_t	next_receive;
};

/* What a receipt handle says. */
typedef struct FifoHandle
{
	uint64_t	serial;
	uint64_t	receive;
} FifoHandle;

typedef enum FifoVerdict
{
	FIFO_OK,
	FIFO_GONE,					/* the message was deleted or expired */
	FIFO_EXPIRED,				/* visible again: the handle lost its hold */
	FIFO_SUPERSEDED				/* received again or moved since */
} FifoVerdict;

typedef struct FifoReceive
{
	size_t		max;			/* <= FIFO_ATTEMPT_MAX with an attempt id */
	size_t		max_groups;		/* messages are taken of so many groups */
	int64_t		visibility_ms;
	const char *attempt;		/* may be NULL */
	bool		repeated;		/* out: the attempt was answered as before */
	bool		refused;		/* out: messages of the attempt were touched since */
} FifoReceive;

/* The caller sets the fixed and the changeable members of what it returns. */
Fifo	   *fifo_new(void);
void		fifo_message_free(FifoMessage *message);

/* The next one, 20 digits. */
void		fifo_number(Fifo *queue, char sequence[24]);

/*
 * Appends the message.  False: its dedup id was accepted within the last five
 * minutes; then the message stays the caller's, with the first one's id and
 * sequence number.
 */
bool		fifo_send(Fifo *queue, FifoMessage *message, int64_t delay_ms, int64_t now_ms);

/* Takes messages and returns how many. */
size_t		fifo_receive(Fifo *queue, FifoReceive *how, int64_t now_ms, FifoMessage **messages);

/* Finds the message a handle holds; *message may be set for other verdicts too, else NULL. */
FifoVerdict fifo_held(Fifo *queue, const FifoHandle *handle, int64_t now_ms, FifoMessage **message);

void		fifo_delete(Fifo *queue, FifoMessage *message);

/* The message is the caller's then, and as if never sent. */
void		fifo_take_out(Fifo *queue, FifoMessage *message);

/* False: that would be more than 12 hours after its receive. */
bool		fifo_change_visibility(Fifo *queue, FifoMessage *message, int64_t visibility_ms,
								   int64_t now_ms);
void		fifo_purge(Fifo *queue);

/* What the next receive would begin with; NULL: nothing. */
FifoMessage *fifo_first(Fifo *queue, int64_t now_ms);

/* Ends expired visibility timeouts, delays and retention. */
void		fifo_expire(Fifo *queue, int64_t now_ms);

static inline bool
fifo_is_hidden(const FifoMessage *message)
{
	return message->hidden.index != 0;
}

static inline size_t
fifo_in_flight(const Fifo *queue)
{
	return queue->hidden.count - queue->n_delayed;
}

#endif
