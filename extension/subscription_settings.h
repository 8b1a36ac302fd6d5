/*
 * subscription_settings.h
 *	  The settings that sqs.create_subscription and sqs.alter_subscription
 *	  take in the same order: read from the arguments and checked.
 */
#ifndef PG_SQS_SUBSCRIPTION_SETTINGS_H
#define PG_SQS_SUBSCRIPTION_SETTINGS_H

#include "postgres.h"

#include "fmgr.h"

#include "subscription.h"

/* What a subscription has when nobody says otherwise. */
extern void settings_defaults(Subscription *subscription);

/*
 * Take over the arguments, from the given one on, that are not null.  Each
 * raises ERRCODE_INVALID_PARAMETER_VALUE with a hint for what cannot be.
 * Tuning says how messages are consumed; defining says what a message means
 * and what is read with the owner's credentials.
 */
extern void settings_tune(Subscription *subscription, FunctionCallInfo fcinfo, int first);
extern void settings_define(Subscription *subscription, FunctionCallInfo fcinfo, int first);

/* Is there anything for settings_define? */
extern bool settings_defined(FunctionCallInfo fcinfo, int first);

#endif							/* PG_SQS_SUBSCRIPTION_SETTINGS_H */
