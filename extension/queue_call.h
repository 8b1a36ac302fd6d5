/*
 * queue_call.h
 *	  Calls of AWS that an SQL function waits for.
 */
#ifndef PG_SQS_QUEUE_CALL_H
#define PG_SQS_QUEUE_CALL_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "connection.h"
#include "sqs.h"

typedef struct QueueCall
{
	Connection *connection;
	TimestampTz deadline;		/* for all calls together */
	int			seconds;		/* until then, as asked for */
} QueueCall;

/*
 * Open the subscription's connection, for so many seconds from now.  It
 * lives in the current memory context and closes with it, also on errors.
 * Raises what connection_open raises.
 */
extern QueueCall *queue_call_open(const Subscription *subscription, int seconds);
extern void queue_call_close(QueueCall *call);

/* Begin to count the seconds anew. */
extern void queue_call_renew(QueueCall *call);

/*
 * Make one call and wait for its end; the request is used up.  True: *answer
 * holds a success, to be freed with awsx_http_response_free before anything
 * is raised.  False: *error says why, and there is nothing to free.  Cancel
 * requests and the end of the server are heard while it waits.
 */
extern bool queue_call_run(QueueCall *call, const AwsxService *service, AwsxHttpRequest *request,
						   AwsxHttpResponse *answer, AwsxError *error);

/* Have a malloc'd object released with the current memory context. */
extern void queue_call_keep(void *object, void (*release) (void *object));

/*
 * GetQueueAttributes; the result is kept as above.  Null and *error when it
 * fails.
 */
extern AwsxSqsAttributes *queue_call_attributes(QueueCall *call, const char *queue_url,
												AwsxError *error);

/* AWS's UTF-8 as text of this database; false when it cannot hold it. */
extern bool queue_call_text(const char *bytes, Size length, Datum *text);

#endif							/* PG_SQS_QUEUE_CALL_H */
