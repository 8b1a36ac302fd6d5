/*
 * message.h
 *	  What SQS handed out, as the applier takes it.
 */
#ifndef PG_SQS_MESSAGE_H
#define PG_SQS_MESSAGE_H

#include "postgres.h"

#include "apply.h"
#include "sqs.h"

/*
 * Fill out from a message that was received.  What is not part of the
 * message itself is allocated in the current memory context; out is valid as
 * long as both.  With unwrap_sns a body that is a notification of SNS is
 * replaced by what was published.
 */
extern void message_fill(ApplyMessage *out, const AwsxSqsMessage *message, bool unwrap_sns);

/* Bytes that the message takes in memory: body and attributes. */
extern Size message_bytes(const AwsxSqsMessage *message);

#endif							/* PG_SQS_MESSAGE_H */
