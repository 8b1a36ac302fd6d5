/*
 * subscription_check.c
 *	  What must hold of a subscription before it is written.
 *
 * A route acts with the rights of the subscription's owner.  So whoever
 * says which queue feeds which table must be able to act as that owner
 * without us, and the owner is never a superuser.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"

#include "connection.h"
#include "route_check.h"
#include "subscription_check.h"
#include "subscription_write.h"

char *
subscription_check_name(const char *what, char *name)
{
	bool		valid = name[0] != '\0' && strlen(name) < NAMEDATALEN &&
		name[0] != ' ' && name[strlen(name) - 1] != ' ';

	for (const char *p = name; *p != '\0'; p++)
		valid &= (unsigned char) *p >= ' ' && *p != 0x7f;
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid %s name: \"%s\"", what, name),
				 errhint("A name has 1 to %d bytes, no control characters, and no space at either end.",
						 NAMEDATALEN - 1)));
	return name;
}

Subscription *
subscription_to_change(FunctionCallInfo fcinfo, int argument)
{
	Subscription *subscription = subscription_argument(fcinfo, argument);

	subscription_check_operator(subscription);
	subscription_lock(subscription);
	subscription = subscription_argument(fcinfo, argument); /* as it is now, if it still is */
	subscription_check_operator(subscription);
	return subscription;
}

/*
 * May the current user become the role?  From PostgreSQL 16 on membership
 * alone is not enough for that; the privilege to test has its own name there.
 */
static bool
check_can_act_as(Oid role)
{
	bool		has_set = atoi(GetConfigOption("server_version_num", false, false)) >= 160000;

	return DatumGetBool(DirectFunctionCall3(pg_has_role_id_id,
											ObjectIdGetDatum(GetUserId()),
											ObjectIdGetDatum(role),
											CStringGetTextDatum(has_set ? "SET" : "MEMBER")));
}

void
subscription_check_act_as(Oid role)
{
	char	   *name = GetUserNameFromId(role, false);

	if (!check_can_act_as(role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be able to SET ROLE \"%s\"", name),
				 errdetail("What the subscription writes is written as this role."),
				 errhint("GRANT %s TO %s, or ask a superuser.", quote_identifier(name),
						 quote_identifier(GetUserNameFromId(GetUserId(), false)))));
}

/* Can anything run as this role at all? */
void
subscription_check_owner(Oid owner)
{
	char	   *name = GetUserNameFromId(owner, true);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the subscription's owner does not exist (role oid %u)", owner),
				 errhint("Name another role with owner => ....")));
	if (superuser_arg(owner))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a superuser cannot own a subscription: \"%s\"", name),
				 errdetail("Triggers, defaults and casts of the target run as the subscription's owner."),
				 errhint("Name another role with owner => ..., and GRANT it INSERT on the target.")));
}

void
subscription_check(const Subscription *subscription)
{
	ListCell   *cell;

	subscription_check_owner(subscription->owner);
	connection_check(subscription);
	foreach(cell, subscription->routes)
	{
		SubscriptionRoute *route = lfirst(cell);

		if (route->statement == NULL)
			route_check(route, subscription->owner);
	}
}
