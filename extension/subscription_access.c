/*
 * subscription_access.c
 *	  Who may look at a subscription, and who may operate it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"

#include "subscription.h"

bool
subscription_role_is(Oid role, const char *name)
{
	Oid			other = get_role_oid(name, true);

	return OidIsValid(other) && has_privs_of_role(role, other);
}

/* May the current user operate it, or look at it when a looker's role is given? */
static void
subscription_check_role(const Subscription *subscription, const char *also)
{
	Oid			user = GetUserId();

	if (has_privs_of_role(user, subscription->owner) ||
		subscription_role_is(user, SQS_ADMIN_ROLE) ||
		(also != NULL && subscription_role_is(user, also)))
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for subscription \"%s\"", subscription->name),
			 errhint("It takes its owner's privileges or those of the role \"%s\".",
					 also != NULL ? also : SQS_ADMIN_ROLE)));
}

void
subscription_check_operator(const Subscription *subscription)
{
	subscription_check_role(subscription, NULL);
}

void
subscription_check_viewer(const Subscription *subscription)
{
	subscription_check_role(subscription, SQS_MONITOR_ROLE);
}
