/*
 * load_scope.h
 *	  What a message is known by within its queue: the queue's
 *	  DeduplicationScope, where the configuration says to ask it.
 */
#ifndef LOAD_SCOPE_H
#define LOAD_SCOPE_H

#include <stdbool.h>

#include "../aws/client.h"
#include "../aws/sqs.h"
#include "deadline.h"
#include "load_config.h"

/*
 * One GetQueueAttributes.  queue is awsx_sqs_service of the URL.  False and
 * *error: the queue did not answer; *scope is as it was.
 */
extern bool load_scope_ask(AwsxClient *client, const AwsxService *queue, const char *queue_url,
						   const Deadline *deadline, LoadScope *scope, AwsxError *error);

#endif							/* LOAD_SCOPE_H */
