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
#include "server.h"

#define SQS_NAME_MAX			80
#define SQS_MESSAGE_MAX			1048576
#define SQS_BATCH_ENTRIES_MAX	10

typedef enum SqsErrorKind
{
	SQS_OK,
	SQS_NO_QUEUE,
	SQS_INVALID_PARAMETER,
	SQS_MISSING_PARAMETER,
	SQS_INVALID_ATTRIBUTE_NAME,
	SQS_INVALID_ATTRIBUTE_VALUE,
	SQS_QUEUE_EXISTS,
	SQS_QUEUE_DELETED_RECENTLY,
	SQS_PURGE_IN_PROGRESS,
	SQS_INVALID_HANDLE,
	SQS_NOT_IN_FLIGHT,
	SQS_TOO_MANY_ENTRIES,
	SQS_EMPTY_BATCH,
	SQS_IDS_NOT_DISTINCT,
	SQS_INVALID_ENTRY_ID,
	SQS_BATCH_TOO_LONG,
	SQS_INVALID_CONTENTS,
	SQS_INVALID_ADDRESS,
	SQS_SERIALIZATION,
	SQS_UNKNOWN_OPERATION,
	SQS_NO_TOKEN,
	SQS_INCOMPLETE_SIGNATURE,
	SQS_UNKNOWN_KEY,
	SQS_BAD_SIGNATURE
} SqsErrorKind;

typedef struct SqsError
{
	SqsErrorKind kind;
	char		text[400];
} SqsError;

typedef struct SqsQueue
{
	Timer		timer;			/* for waiting polls: when something becomes visible */
	struct SqsQueue *next;		/* in order of names */
	char		name[SQS_NAME_MAX + 1];
	char		arn[192];
	char		url[256];
	uint64_t	incarnation;	/* handles of a queue deleted and made again do not fit */
	bool		is_fifo;
	Fifo	   *fifo;
	json_t	   *attributes;		/* those that were set, and the defaults */
	int64_t		visibility_s;
	int64_t		delay_s;
	int64_t		wait_s;
	int64_t		message_max;
	bool		content_dedup;
	int64_t		created_ms;
	int64_t		modified_ms;
	int64_t		purged_ms;
	TAILQ_HEAD(, SqsWaiter) waiters;
	size_t		n_waiters;
} SqsQueue;

/* One call; lives as long as its exchange. */
typedef struct SqsCall
{
	Exchange   *x;
	const struct SqsAction *action; /* NULL: unknown */
	json_t	   *in;
	json_t	   *out;
	Buf			text;			/* the answer, when it was written as text instead of to out */
	SqsQueue   *queue;			/* when the action names one */
	SqsError	error;
	bool		parked;
} SqsCall;

/* sqs.c */
void		sqs_fail(SqsError *error, SqsErrorKind kind, const char *format,...)
			__attribute__((format(printf, 3, 4)));
void		sqs_answer(SqsCall *call);
void		sqs_add_failed(json_t *out, const char *id, const SqsError *error);

/* Members of requests; *value is NULL or untouched when absent.  False: error is set. */
bool		sqs_get_text(const json_t *in, const char *name, bool required, const char **value,
						 SqsError *error);
bool		sqs_get_integer(const json_t *in, const char *name, int64_t least, int64_t most,
							int64_t *value, SqsError *error);

/* A list of texts, or a map of anything. */
bool		sqs_get_list(const json_t *in, const char *name, json_t **value, SqsError *error);
bool		sqs_get_map(const json_t *in, const char *name, json_t **value, SqsError *error);

/* Adds to out's Successful and returns the new member, {"Id": id}. */
json_t	   *sqs_add_successful(json_t *out, const char *id);

/* The checked entries of a batch call, NULL when the whole call fails. */
json_t	   *sqs_batch_entries(SqsCall *call, const char *entry_name);

/* Should this entry fail by script?  Then it is added to Failed. */
bool		sqs_entry_faulted(SqsCall *call, size_t index, const char *id);

/* 1-128 printable ASCII characters without blanks. */
bool		sqs_is_id(const char *text);

/* sqs_queue.c */
SqsQueue   *sqs_find(const char *name);
SqsQueue   *sqs_find_arn(const char *arn);
size_t		sqs_waiting_polls(void);
json_t	   *sqs_queue_names(void);
void		sqs_create_queue(SqsCall *call);
void		sqs_get_queue_url(SqsCall *call);
void		sqs_list_queues(SqsCall *call);
void		sqs_get_attributes(SqsCall *call);
void		sqs_set_attributes(SqsCall *call);
void		sqs_delete_queue(SqsCall *call);
void		sqs_purge_queue(SqsCall *call);

/* sqs_settings.c */
bool		sqs_settings_check(const char *queue_name, const json_t *wanted, bool creating,
							   SqsError *error);
void		sqs_settings_apply(SqsQueue *queue, const json_t *wanted);
json_t	   *sqs_settings_defaults(bool fifo);
bool		sqs_settings_known(const char *name);

/* sqs_send.c */
void		sqs_send_message(SqsCall *call);
void		sqs_send_message_batch(SqsCall *call);

/* A service puts a message on a standard queue, e.g. an S3 notification. */
void		sqs_deliver(SqsQueue *queue, const char *body);

/* sqs_attributes.c: message attributes */
bool		sqs_attributes_check(const json_t *attributes, size_t *size, SqsError *error);
void		sqs_attributes_md5(const json_t *attributes, char out[MD5_HEX]);

/* Those that names (ReceiveMessage's list) asks for; NULL if none. */
json_t	   *sqs_attributes_select(const json_t *attributes, const json_t *names);

/* True when all characters are allowed in a message. */
bool		sqs_contents_valid(const char *text, size_t len);

/* sqs_receive.c */
void		sqs_receive_message(SqsCall *call);

/* sqs_handle.c */
void		sqs_write_handle(Buf *out, const SqsQueue *queue, const FifoMessage *message);
void		sqs_delete_message(SqsCall *call);
void		sqs_delete_message_batch(SqsCall *call);
void		sqs_change_visibility(SqsCall *call);
void		sqs_change_visibility_batch(SqsCall *call);

/* sqs_receive.c: serves waiting polls as far as messages are there; call it after every change. */
void		sqs_wake(SqsQueue *queue);

/* Answers all waiting polls: the queue is about to go. */
void		sqs_dismiss_waiters(SqsQueue *queue);

/* For the model: journals a move to a dead-letter queue and wakes its polls. */
void		sqs_moved(Fifo *from, Fifo *to, const FifoMessage *message);

#endif
