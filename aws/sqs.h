/*
 * sqs.h
 *	  Amazon SQS in AWS JSON 1.0: a function that makes each request and one
 *	  that reads its answer.  No I/O here; client.h carries both.
 *
 * Requests go to the root of the service's endpoint; the queue is named in
 * the body only.  Bodies and digests are verified here.
 *
 * Memory: an answer is one malloc'd object freed by its _free function; all
 * its strings live inside and are NUL-terminated (lengths count).
 */
#ifndef AWSX_SQS_H
#define AWSX_SQS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client.h"
#include "error.h"
#include "http.h"
#include "service.h"

#define AWSX_SQS_BATCH 10		/* entries in one batch call */
#define AWSX_SQS_MAX_WAIT 20	/* seconds of a long poll */
#define AWSX_SQS_MAX_BYTES 1048576	/* a message, and a batch */

/*
 * Check a queue URL (scheme://host[:port]/account/name) and find its
 * service.  Endpoint: a configured one (awsx_service_find), else the URL's
 * own host over https, which must then be one of AWS's SQS hosts: requests
 * carry this host's signature, so nobody may direct them elsewhere by naming
 * a queue.  Every other server, loopback too, needs an endpoint.  Where FIPS
 * or dual stack is wanted, the endpoint of that kind is called in the region
 * that the URL's host names.
 *
 * Region: the option; where the URL's own host is called, the region it
 * names, for AWS accepts no other there; else awsx_service_find, else the
 * region of an AWS host in the URL.  options may be null.  Errors are
 * AWSX_ERR_CONFIG and say what is wrong with the URL.
 */
extern bool awsx_sqs_service(AwsxService *service, const char *queue_url,
							 const AwsxServiceOptions *options, AwsxError *error);

/*
 * The region that one of AWS's SQS hosts in a queue's URL names; false when
 * it is not such a URL.
 */
extern bool awsx_sqs_region(const char *queue_url, char *region, size_t size);

/*
 * The URL of the queue with that ARN (arn:aws:sqs:region:account:name), on
 * its region's own host.  False when it is no such ARN or does not fit.
 */
extern bool awsx_sqs_arn_url(const char *arn, char *url, size_t size);

/* Does the queue's name end in ".fifo"? */
extern bool awsx_sqs_is_fifo(const char *queue_url);

typedef struct AwsxSqsAttribute
{
	const char *name;
	const char *type;			/* String, Number, Binary, with custom suffix */
	const char *value;			/* Binary: raw bytes */
	size_t		value_len;
} AwsxSqsAttribute;

typedef struct AwsxSqsMessage
{
	const char *message_id;
	const char *receipt_handle;
	const char *body;
	size_t		body_len;
	const char *group_id;		/* "" on a standard queue */
	const char *dedup_id;		/* "" on a standard queue */
	const char *sequence_number;	/* decimal digits, "" on a standard queue */
	int64_t		sent_ms;		/* Unix epoch, milliseconds; 0 = unknown */
	int			receive_count;	/* 1 = the first time; 0 = unknown */
	const AwsxSqsAttribute *attributes;
	int			attribute_count;
} AwsxSqsMessage;

typedef struct AwsxSqsMessages
{
	int			count;
	AwsxSqsMessage *items;
} AwsxSqsMessages;

typedef struct AwsxSqsReceive
{
	int			max_messages;	/* 1..10 */
	int			wait_seconds;	/* 0..20 */
	int			visibility_seconds; /* -1 = the queue's */
	const char *attempt_id;		/* ReceiveRequestAttemptId; null = none */
} AwsxSqsReceive;

/*
 * All system and message attributes are asked for; the timeout covers the
 * wait.  This and every function below that makes a request leaves *out
 * empty when it fails: freeing it is allowed and not needed.
 */
extern bool awsx_sqs_receive_request(const AwsxService *service, const char *queue_url,
									 const AwsxSqsReceive *receive, AwsxHttpRequest *out,
									 AwsxError *error);

/*
 * Null and *error when the answer is not understood (AWSX_ERR_PROTOCOL: not
 * JSON, more than 10 messages, a message without id, handle, body or the
 * body's MD5) or a digest does not match (AWSX_ERR_INTEGRITY).  An empty
 * answer has count 0.
 */
extern AwsxSqsMessages *awsx_sqs_receive_answer(const AwsxHttpResponse *answer, AwsxError *error);
extern void awsx_sqs_messages_free(AwsxSqsMessages *messages);	/* null allowed */

typedef struct AwsxSqsSend
{
	const char *body;
	size_t		body_len;
	const char *group_id;		/* null on a standard queue */
	const char *dedup_id;		/* null on a standard queue */
	const AwsxSqsAttribute *attributes;
	int			attribute_count;	/* 0..10 */
	const char *trace_header;	/* AWSTraceHeader; null = none */
} AwsxSqsSend;

/* One entry's outcome in a batch answer, in the order of the request. */
typedef struct AwsxSqsOutcome
{
	bool		ok;
	bool		sender_fault;	/* when !ok: retrying does not help */
	char		code[96];		/* when !ok */
	char		message[256];	/* when !ok */
	char		message_id[128];	/* of a sent message */
	char		sequence_number[64];	/* of a sent message, or "" */
} AwsxSqsOutcome;

/* The bytes that count against the limits: body and message attributes. */
extern size_t awsx_sqs_send_size(const AwsxSqsSend *send);

/*
 * Would SQS take this entry?  Checks body characters (XML 1.0's), sizes, ids
 * and attributes; the error says what is wrong.
 */
extern bool awsx_sqs_send_check(const AwsxSqsSend *send, AwsxError *error);

extern bool awsx_sqs_send_batch_request(const AwsxService *service, const char *queue_url,
										const AwsxSqsSend *entries, int count,
										AwsxHttpRequest *out, AwsxError *error);

/*
 * Fills outcomes[count].  An entry that the answer names in neither list is
 * not ok (code "Missing"), one that it names in both has failed; a wrong or
 * missing MD5 of the body, or a wrong one of the attributes, makes it not ok
 * (code "IntegrityError", retryable).  False: the answer is not understood,
 * and every outcome is "Missing".
 */
extern bool awsx_sqs_send_batch_answer(const AwsxHttpResponse *answer, const AwsxSqsSend *entries,
									   int count, AwsxSqsOutcome *outcomes, AwsxError *error);

extern bool awsx_sqs_delete_batch_request(const AwsxService *service, const char *queue_url,
										  const char *const *receipt_handles, int count,
										  AwsxHttpRequest *out, AwsxError *error);
extern bool awsx_sqs_visibility_batch_request(const AwsxService *service, const char *queue_url,
											  const char *const *receipt_handles,
											  const int *seconds, int count,
											  AwsxHttpRequest *out, AwsxError *error);

/* The answer of either of the two above. */
extern bool awsx_sqs_batch_answer(const AwsxHttpResponse *answer, int count,
								  AwsxSqsOutcome *outcomes, AwsxError *error);

/* Name and value pairs; names as AWS spells them. */
typedef struct AwsxSqsAttributes
{
	int			count;
	char	  **names;
	char	  **values;
} AwsxSqsAttributes;

extern bool awsx_sqs_attributes_request(const AwsxService *service, const char *queue_url,
										AwsxHttpRequest *out, AwsxError *error);
extern AwsxSqsAttributes *awsx_sqs_attributes_answer(const AwsxHttpResponse *answer, AwsxError *error);
extern const char *awsx_sqs_attribute(const AwsxSqsAttributes *attributes, const char *name);	/* or null */
extern void awsx_sqs_attributes_free(AwsxSqsAttributes *attributes);

/* GetQueueUrl; the answer's string is malloc'd. */
extern bool awsx_sqs_queue_url_request(const AwsxService *service, const char *queue_name,
									   AwsxHttpRequest *out, AwsxError *error);
extern char *awsx_sqs_queue_url_answer(const AwsxHttpResponse *answer, AwsxError *error);

/* MD5OfMessageAttributes of these attributes; false when MD5 cannot be had. */
extern bool awsx_sqs_attributes_md5(const AwsxSqsAttribute *attributes, int count, char out[33]);

#endif							/* AWSX_SQS_H */
