/*
 * sns.h
 *	  Messages that reached SQS by way of an SNS topic without raw delivery.
 */
#ifndef PG_SQS_SNS_H
#define PG_SQS_SNS_H

#include "postgres.h"

#include "sqs.h"

/*
 * Is the body a notification of SNS: a JSON object with Type "Notification"
 * and the strings TopicArn and Message?  Then *inner is the message with what
 * was published in place of its body, and with those attributes of the
 * publication that the message itself has none of.  Allocated in the current
 * memory context.  Anything else is left alone, and false.
 *
 * https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html
 */
extern bool sns_unwrap(const AwsxSqsMessage *message, AwsxSqsMessage *inner);

#endif							/* PG_SQS_SNS_H */
