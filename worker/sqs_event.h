/*
 * sqs_event.h
 *	  The event of an SQS event source mapping: messages as the API would
 *	  have given them.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
 *
 * Every record is a message of the queue that must be answered for by its id.
 * One that is damaged is told apart from the others by its problem; an event
 * in which that cannot be done is refused as a whole.
 */
#ifndef SQS_EVENT_H
#define SQS_EVENT_H

#include <stdbool.h>
#include <stddef.h>

#include "../aws/error.h"
#include "../aws/sqs.h"

#define SQS_EVENT_MAX 10000		/* records; of a FIFO queue there are 10 at most */

typedef struct SqsEventRecord
{
	const char *id;				/* its messageId */
	AwsxSqsMessage message;		/* whole unless there is a problem; of one that has, the group where it is known */
	char		problem[128];	/* "" = none; no payload */
} SqsEventRecord;

typedef struct SqsEvent
{
	const char *queue_arn;		/* of all records; "" when there are none */
	char		queue_url[256];
	int			count;
	SqsEventRecord *records;	/* in the order of the queue */
	void	   *memory;			/* what the texts lie in */
} SqsEvent;

/*
 * Null and *error: REQUEST when it is another kind of event, or has a record
 * without an id; MEMORY.  Without records (a test from the console) the event
 * is empty.
 */
extern SqsEvent *sqs_event_read(const char *json, size_t len, AwsxError *error);
extern void sqs_event_free(SqsEvent *event);	/* null allowed */

#endif							/* SQS_EVENT_H */
