/*
 * connection.h
 *	  From a foreign server and a user mapping to an AWS client.
 *
 * The options are checked by the validator of the foreign data wrapper
 * "sqs"; what only a superuser may set (endpoint, credentials, ca_bundle) is
 * refused there for others.
 */
#ifndef PG_SQS_CONNECTION_H
#define PG_SQS_CONNECTION_H

#include "postgres.h"

#include "client.h"
#include "subscription.h"

typedef struct Connection
{
	AwsxClient *client;			/* malloc'd by aws/: free with connection_close */
	AwsxService sqs;			/* where the queue lives, how it is signed for */
	char	   *queue_url;		/* palloc'd with the connection */
} Connection;

/*
 * Open for a subscription: reads server and user mapping of its owner (else
 * the public one, else the server's credentials option), needs a
 * transaction; makes no network call.  The wait hook is called while a
 * blocking call waits.  Raises errors with SQLSTATE and hint; leaks nothing
 * when it does.  The result lives in the current memory context; it is
 * closed by a context callback too, so an error later on leaks nothing.
 * (A caller that opens again and again does so in a context it resets.)
 */
extern Connection *connection_open(const Subscription *subscription, AwsxWait wait, void *wait_arg);
extern void connection_close(Connection *connection);

/*
 * Write to the server's log what the client noticed since the last time: new
 * keys, a source of keys that does not answer, a clock that is wrong.  To be
 * called with nothing of aws/ on the stack.
 */
extern void connection_report(Connection *connection, const char *subscription);

/*
 * All the checks of connection_open, without a client: does the server
 * exist, is it one of ours, may the owner use it, are there credentials for
 * the owner, does the queue URL suit the server?
 */
extern void connection_check(const Subscription *subscription);

/*
 * Where S3 is for the subscription's server: next to its queue, in AWS's own
 * place or where the option s3_endpoint says.  Raises as connection_check.
 */
extern void connection_s3(const Subscription *subscription, AwsxService *service);

/*
 * A wait hook for ordinary backends: latch, postmaster death and the
 * client's descriptor; false when an interrupt is pending, after which the
 * caller runs CHECK_FOR_INTERRUPTS.
 */
extern bool connection_wait_backend(void *arg, int fd, int timeout_ms);

#endif							/* PG_SQS_CONNECTION_H */
