/*
 * subscription_check.h
 *	  What must hold of a subscription before it is written.
 */
#ifndef PG_SQS_SUBSCRIPTION_CHECK_H
#define PG_SQS_SUBSCRIPTION_CHECK_H

#include "postgres.h"

#include "fmgr.h"

#include "subscription.h"

/*
 * Returns the name; raises ERRCODE_INVALID_NAME unless status lines, logs and
 * process titles can show it as it is.  what is "subscription" or "route".
 */
extern char *subscription_check_name(const char *what, char *name);

/*
 * The subscription that an argument of an SQL function names, its row locked
 * until the end of the transaction, after the user proved to be its operator:
 * whoever may not operate it cannot lock it either.
 */
extern Subscription *subscription_to_change(FunctionCallInfo fcinfo, int argument);

/* Raise an error unless the role exists and is none that must not own a subscription. */
extern void subscription_check_owner(Oid owner);

/* Raise ERRCODE_INSUFFICIENT_PRIVILEGE unless the current user may become the role. */
extern void subscription_check_act_as(Oid role);

/*
 * Everything that must hold of a subscription that shall run: its owner, its
 * server, its queue's URL, the targets of its routes.  Statements are not
 * looked at.  Planning for a target runs code as the owner, so who names an
 * owner must be known to be able to act as him before.
 */
extern void subscription_check(const Subscription *subscription);

#endif							/* PG_SQS_SUBSCRIPTION_CHECK_H */
