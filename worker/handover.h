/*
 * handover.h
 *	  What is left of an object when an invocation's time ends, as a message
 *	  for the next invocation.
 *
 * The message is an S3 notification of the object, as the first one was, with
 * one member more, "resume": how far the object has been worked on.  It goes
 * to a standard queue that triggers the same function.  An object that was
 * not begun is handed on as a plain notification.
 */
#ifndef HANDOVER_H
#define HANDOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "../aws/buf.h"
#include "../aws/client.h"
#include "../aws/envelope.h"
#include "deadline.h"
#include "split.h"

/* Invocations in a row that may end without a record, before that is a fault. */
#define HANDOVER_MAX_IDLE 3

typedef struct Handover
{
	SplitPlace	place;
	bool		packed;			/* place.offset counts unpacked bytes */
	int			part;			/* of the receipts, the next one */
	int			hops;			/* invocations so far */
	int			idle;			/* of these, the last that did not end one record */
	char		version_id[1025];	/* that S3 answered with; "" = none */
	char		etag[136];		/* likewise */
} Handover;

/* Read the text of "resume". False and *error (REQUEST): it is not ours. */
extern bool handover_read(const char *text, Handover *from, AwsxError *error);

/* Write the message; from null: the object has not been begun. */
extern bool handover_write(const AwsxS3Event *event, const Handover *from, AwsxBuf *body);

/*
 * Send up to AWSX_SQS_BATCH messages to the queue.  False: at least one of
 * them may not have been taken.
 */
extern bool handover_send(AwsxClient *client, const AwsxService *service, const char *queue_url,
						  const Deadline *deadline, const AwsxBuf *bodies, int count,
						  AwsxError *error);

#endif							/* HANDOVER_H */
