/*
 * sqs.h
 *		SQS over AWS JSON 1.0: what its files share, and what others may ask.
 */
#ifndef LAB_SQS_H
#define LAB_SQS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "clock.h"
#include "fifo.h"
#include "journal.h"
#include "server.h"

#define SQS_NAME_MAX			80
#define SQS_MESSAGE_MAX			1048576
#define SQS_BATCH_ENTRIES_MAX	10

typedef struct SqsQueue
{
	Timer		timer;			/* for polls and watches: when something may have become available */
	struct SqsQueue *next;		/* in order of names */
	char		name[SQS_NAME_MAX + 1];
	char		arn[192];
	char		url[256];
	uint64_t	incarnation;	/* handles of a queue deleted and made again do not fit */
	bool		is_fifo;
	bool		news;			/* for the watches; the timer is due */
	Fifo	   *fifo;
	json_t	   *attributes;		/* those that were set, and the defaults */
	json_t	   *tags;
	int64_t		created_ms;
	int64_t		modified_ms;
	int64_t		purged_ms;
	int64_t		deleted_ms;
	int64_t		first_received_ms;	/* by the machine's clock, since it was filled; 0: not yet */
	int64_t		last_deleted_ms;
	TAILQ_HEAD(, SqsWatch) watches;	/* long polls are among them */
	size_t		n_waiters;		/* long polls */
} SqsQueue;

/* One call, or an entry of a batch; lives as long as its exchange. */
typedef struct SqsCall
{
	Timer		timer;			/* ends a long poll */
	Exchange   *x;
	const struct SqsAction *action; /* NULL: unknown */
	json_t	   *in;
	json_t	   *out;
	Buf			text;			/* what is answered in place of out, unless it is empty */
	SqsQueue   *queue;			/* when the action names one */
	bool		in_batch;
	bool		parked;
	const struct SqsError *error;	/* NULL: none */
	json_t	   *message;		/* the error's */
} SqsCall;

/* sqs.c */

/* The call fails with that query code (without its prefix), unless it has failed before. */
void		sqs_fail(SqsCall *call, const char *code, const char *format,...)
			__attribute__((format(printf, 3, 4)));

/* InvalidParameterValue: what the parameter is, and why it may not be. */
void		sqs_fail_value(SqsCall *call, const char *name, const char *reason);
void		sqs_answer(SqsCall *call);

/* Members of requests; NULL (or the default) when absent or wrong.  Wrong ones fail the call. */
const char *sqs_text(SqsCall *call, const char *name, bool required);
int64_t		sqs_integer(SqsCall *call, const char *name, int64_t least, int64_t most, int64_t absent);
json_t	   *sqs_list(SqsCall *call, const char *name);	/* of texts */
json_t	   *sqs_map(SqsCall *call, const char *name);

/* Text that is none or "" is left out. */
void		sqs_set_text(json_t *object, const char *name, const char *text);

/* Numbers in attributes are text on the wire. */
void		sqs_set_number(json_t *object, const char *name, int64_t value);

/* An effect on a message: members beyond the usual as for journal_effect. */
#define sqs_journal(event, queue, message, format, ...) \
	journal_effect(event, "sssssI" format, "queue", (queue)->name, "message_id", (message)->id, \
				   "group", (message)->group_id, "dedup", (message)->dedup_id, \
				   "sequence", (message)->sequence, \
				   "receive_count", (json_int_t) (message)->receive_count, ##__VA_ARGS__)

/* What a fault script made of a call: "duplicate", "ignore" or "expired_handle". */
void		sqs_journal_fault(const SqsCall *call, const char *deed, const char *message_id);

/* sqs_queue.c */
SqsQueue   *sqs_find(const char *name);
SqsQueue   *sqs_find_arn(const char *arn);
size_t		sqs_waiting_polls(void);
json_t	   *sqs_queue_names(void);
bool		sqs_is_dead_letter_queue(const SqsQueue *queue);
void		sqs_create_queue(SqsCall *call);
void		sqs_get_queue_url(SqsCall *call);
void		sqs_list_queues(SqsCall *call);
void		sqs_delete_queue(SqsCall *call);
void		sqs_purge_queue(SqsCall *call);
void		sqs_tag_queue(SqsCall *call);
void		sqs_untag_queue(SqsCall *call);
void		sqs_list_tags(SqsCall *call);

/* sqs_settings.c: attributes of queues */
void		sqs_settings_check(SqsCall *call, const char *queue_name, const json_t *wanted);
void		sqs_settings_apply(SqsQueue *queue, const json_t *wanted);
int64_t		sqs_setting(const SqsQueue *queue, const char *name);
void		sqs_get_attributes(SqsCall *call);
void		sqs_set_attributes(SqsCall *call);

/* sqs_send.c */
void		sqs_send_message(SqsCall *call);

/* Fails a SendMessageBatch that must fail as a whole. */
void		sqs_check_send_batch(SqsCall *call, json_t *entries);

/* A service puts a message on a standard queue, e.g. an S3 notification. */
void		sqs_deliver(SqsQueue *queue, const char *body);

/* A message goes to another queue, as a new one. */
void		sqs_send_on(SqsQueue *from, FifoMessage *message, SqsQueue *to);

/* sqs_attributes.c: message attributes */
void		sqs_check_attributes(SqsCall *call, const json_t *attributes);

/* The size that counts: of names, types and values. */
size_t		sqs_size_attributes(const json_t *attributes);

/* md5 stays as it is when there are none. */
void		sqs_digest_attributes(const json_t *attributes, char md5[MD5_HEX]);

/* Is a name among those that a list of ReceiveMessage's asks for? */
bool		sqs_is_wanted(const char *name, const json_t *names);

/* True when all characters are allowed in a message. */
bool		sqs_is_content(const char *text, size_t len);

/* sqs_receive.c */
void		sqs_receive_message(SqsCall *call);

/*
 * Receives and journals; appends a JSON array of what `in` says to show of each
 * message, or nothing if there are none.  Returns how many.
 */
size_t		sqs_take(SqsQueue *queue, FifoReceive *how, const json_t *in, Buf *out);

/* For the model: journals a move to a dead-letter queue. */
void		sqs_moved(Fifo *from, Fifo *to, const FifoMessage *message);

/* sqs_show.c */
#define SQS_SYSTEM_ATTRIBUTES	9

/* What a receive asks for of each message. */
typedef struct SqsChoice
{
	bool		system[SQS_SYSTEM_ATTRIBUTES];
	const json_t *attributes;	/* names, may be NULL */
} SqsChoice;

void		sqs_choose(const json_t *in, SqsChoice *choice);

/* Appends the message as a JSON object. */
void		sqs_show(const SqsQueue *queue, const FifoMessage *message, const SqsChoice *choice, Buf *out);

/* sqs_handle.c */
#define SQS_HANDLE_TEXT	(4 + 2 * 16 + 2 * 64 + 1)

void		sqs_write_handle(const SqsQueue *queue, FifoHandle handle, char out[SQS_HANDLE_TEXT]);
void		sqs_delete_message(SqsCall *call);
void		sqs_change_visibility(SqsCall *call);

/*
 * sqs_prefill.c: the control call that fills a FIFO queue.  `in` is NULL to
 * only tell how far it is received and deleted; NULL with what is wrong.
 */
json_t	   *sqs_prefill(const char *name, const json_t *in, const char **wrong);

/* sqs_redrive.c */
void		sqs_start_move(SqsCall *call);
void		sqs_list_moves(SqsCall *call);
void		sqs_cancel_move(SqsCall *call);

/*
 * sqs_source.c: for Lambda's event source mapping.
 *
 * Takes up to max messages as the Records of an event: of a FIFO queue those of
 * one group, in order.  They are in flight for visibility_seconds (-1: as the
 * queue says).  A new reference; NULL when nothing is available, or there is
 * no such queue.
 */
json_t	   *sqs_take_for_event(const char *queue_arn, size_t max, int visibility_seconds);

/*
 * Ends what a record's handle holds: processed, the message is deleted; else it
 * can be received again at once.  Settle the records of an event in their
 * order.  False when the handle has lost its hold; then nothing happens.
 */
bool		sqs_settle(const char *queue_arn, const char *receipt_handle, bool processed);

/*
 * From now on changed(arg) is called, by a timer, whenever messages of the
 * queue may have become available, for the first time at once; and for the last
 * time when the queue is being deleted.  It may take, settle and unwatch itself.
 * False when there is no such queue.
 */
bool		sqs_watch(const char *queue_arn, void (*changed) (void *arg), void *arg);
void		sqs_unwatch(const char *queue_arn, void (*changed) (void *arg), void *arg);

/* To be called after every change, and when the queue was deleted. */
void		sqs_changed(SqsQueue *queue);
void		sqs_tell_watches(SqsQueue *queue);

#endif
