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
#include "fifo_memory.h"
#include "table.h"

#define FIFO_BATCH_MAX		10

typedef struct Fifo Fifo;
typedef struct FifoGroup FifoGroup;

/* Owned by its queue; read-only outside the model. */
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
	char		id[UUID_TEXT];
	char		md5[MD5_HEX];
	char		sequence[24];
	char	   *group_id;		/* "" in a standard queue */
	char	   *dedup_id;		/* "" in a standard queue */
	char	   *body;
	size_t		body_len;
	char	   *trace_header;	/* may be NULL */
	char	   *source_arn;		/* of the queue it was moved from, may be NULL */
	json_t	   *attributes;		/* as sent, may be NULL */
} FifoMessage;

typedef struct FifoOptions
{
	bool		fifo;			/* false: a standard queue, every message its own group */
	bool		scope_group;	/* deduplicate within the group */
	int64_t		retention_ms;
	Fifo	   *dead_letter;	/* may be NULL */
	uint32_t	max_receive_count;
	const char *arn;
	void	   *owner;
	void		(*moved) (Fifo *from, Fifo *to, const FifoMessage *message);
} FifoOptions;

struct Fifo
{
	FifoOptions options;		/* may be changed, except for the two flags */
	Table		groups;
	Table		by_serial;
	Memory		dedup;			/* FifoReceipts by group (or "") and dedup id */
	Memory		attempts;		/* what receives with an attempt id returned */
	Table		moved_away;		/* serials of messages now in a dead-letter queue */
	TAILQ_HEAD(MessageList, FifoMessage) messages;
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

typedef struct FifoReceipt
{
	char		id[UUID_TEXT];
	char		sequence[24];
	bool		duplicate;
} FifoReceipt;

typedef enum FifoVerdict
{
	FIFO_OK,
	FIFO_GONE,					/* the message was deleted or expired */
	FIFO_EXPIRED,				/* visible again: the handle lost its hold */
	FIFO_SUPERSEDED,			/* received again since */
	FIFO_TOO_LONG,				/* more than 12 hours after the receive */
	FIFO_MODIFIED				/* messages of the attempt were touched since */
} FifoVerdict;

/* What a sender gives; texts stay the caller's, attributes' reference is taken. */
typedef struct FifoDraft
{
	const char *body;
	size_t		body_len;
	const char *md5;			/* of the body, in hex */
	const char *group_id;
	const char *dedup_id;
	const char *trace_header;
	json_t	   *attributes;
	int64_t		delay_ms;
} FifoDraft;

Fifo	   *fifo_new(const FifoOptions *options);
void		fifo_free(Fifo *queue);

/* Appends, unless the dedup id was accepted within the last five minutes. */
void		fifo_send(Fifo *queue, const FifoDraft *draft, int64_t now_ms, FifoReceipt *receipt);

/*
 * Takes up to max (<= FIFO_BATCH_MAX) messages and returns their number in
 * *count.  attempt may be NULL; *repeated tells that it was answered as before.
 */
FifoVerdict fifo_receive(Fifo *queue, size_t max, int64_t visibility_ms, const char *attempt,
						 int64_t now_ms, FifoMessage **messages, size_t *count, bool *repeated);

/* Finds the message a handle holds; *message may be set for other verdicts too, else NULL. */
FifoVerdict fifo_held(Fifo *queue, const FifoHandle *handle, int64_t now_ms, FifoMessage **message);

void		fifo_delete(Fifo *queue, FifoMessage *message);
FifoVerdict fifo_change_visibility(Fifo *queue, FifoMessage *message, int64_t visibility_ms,
								   int64_t now_ms);
void		fifo_purge(Fifo *queue);

/* Ends expired visibility timeouts, delays and retention. */
void		fifo_expire(Fifo *queue, int64_t now_ms);

/* When the next hidden message becomes visible; CLOCK_NEVER if none. */
int64_t		fifo_next_event(const Fifo *queue);

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
