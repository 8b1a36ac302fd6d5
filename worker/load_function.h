/*
 * load_function.h
 *	  One invocation of sqs_to_redshift: an event of an SQS event source
 *	  mapping -> one batch for the loader -> the messages that stay.
 *
 * The mapping must report batch item failures: without that Lambda ignores
 * the answer and deletes what was never loaded.
 */
#ifndef LOAD_FUNCTION_H
#define LOAD_FUNCTION_H

#include "../aws/client.h"
#include "../aws/service.h"
#include "deadline.h"
#include "load_config.h"
#include "runtime.h"

typedef struct LoadFunction LoadFunction;

/*
 * All borrowed.  The client waits by deadline_wait with this deadline, which
 * each invocation begins anew.  Null and *error.
 */
extern LoadFunction *load_function_create(const LoadConfig *config, AwsxClient *client,
										  const AwsxServiceOptions *services, Deadline *deadline,
										  AwsxError *error);
extern void load_function_free(LoadFunction *function); /* null allowed */

/*
 * A RuntimeHandler; arg is the LoadFunction.  The invocation fails only when
 * nothing can be told of its messages one by one; otherwise the answer names
 * those that stay in the queue, and of a group all behind the first of them.
 */
extern void load_function_handle(void *arg, const RuntimeInvocation *invocation, RuntimeReply *reply);

#endif							/* LOAD_FUNCTION_H */
