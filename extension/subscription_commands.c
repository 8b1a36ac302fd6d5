/*
 * subscription_commands.c
 *	  sqs.create_subscription, alter_subscription, drop_subscription, enable
 *	  and disable.
 *
 * Each command builds the whole subscription in memory as it shall be,
 * checks it as the user who calls, and only then writes it as the
 * extension's owner.  The launcher hears of it when the transaction commits.
 * Changes of one subscription wait for each other on its row.
 *
 * Who may do what: whoever defines what is written as the owner must be able
 * to act as the owner; sqs_admin alone starts, stops, tunes and drops.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "guard.h"
#include "launcher.h"
#include "slots.h"
#include "subscription_check.h"
#include "subscription_settings.h"
#include "subscription_write.h"
#include "target.h"

PG_FUNCTION_INFO_V1(sqs_create_subscription);
PG_FUNCTION_INFO_V1(sqs_alter_subscription);
PG_FUNCTION_INFO_V1(sqs_drop_subscription);
PG_FUNCTION_INFO_V1(sqs_enable);
PG_FUNCTION_INFO_V1(sqs_disable);

/* The route that a target argument stands for. */
#define DEFAULT_ROUTE "default"

/* Positions of the arguments of create and alter, in the order of the SQL. */
typedef enum CreateArgument
{
	CREATE_NAME,
	CREATE_QUEUE_URL,
	CREATE_SERVER,
	CREATE_TARGET,
	CREATE_OWNER,
	CREATE_ENABLED,
	CREATE_SETTINGS				/* from here on as SettingArgument */
} CreateArgument;

typedef enum AlterArgument
{
	ALTER_NAME,
	ALTER_QUEUE_URL,
	ALTER_SERVER,
	ALTER_TARGET,
	ALTER_OWNER,
	ALTER_SETTINGS				/* from here on as SettingArgument */
} AlterArgument;

static char *
command_text(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* Raise unless the argument is there. */
static char *
command_required(char *text, const char *name)
{
	if (text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
	return text;
}

/* Whose rights a new subscription acts with when nobody says. */
static Oid
command_default_owner(bool has_target, Oid target)
{
	if (!superuser())
		return GetUserId();
	if (has_target)
		return target_owner(target);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the subscription needs an owner"),
			 errdetail("You are a superuser, and a superuser cannot own a subscription."),
			 errhint("Name a role with owner => ..., or a target, whose owner is taken.")));
	return InvalidOid;			/* not reached */
}

/* Messages stay in their queue until there is a route for them. */
static void
command_notice_no_route(const Subscription *subscription)
{
	if (subscription->routes == NIL)
		ereport(NOTICE,
				(errmsg("subscription \"%s\" has no target yet, its messages stay in the queue",
						subscription->name),
				 errhint("Give it one with sqs.alter_subscription(%s, target => ...).",
						 quote_literal_cstr(subscription->name))));
}

/* Set, add or replace the route that a target stands for, in memory. */
static void
command_set_target(Subscription *subscription, Oid target)
{
	SubscriptionRoute *route;
	ListCell   *cell;

	foreach(cell, subscription->routes)
	{
		route = lfirst(cell);
		if (strcmp(route->name, DEFAULT_ROUTE) == 0)
		{
			route->target = target;
			route->statement = NULL;
			return;
		}
	}
	route = palloc0(sizeof(SubscriptionRoute));
	route->name = DEFAULT_ROUTE;
	route->target = target;
	subscription->routes = lappend(subscription->routes, route);
}

/* After a change: what the user should know, and the launcher's part. */
static void
command_finish(const Subscription *subscription)
{
	if (subscription->enabled)
	{
		command_notice_no_route(subscription);
		launcher_warn_if_not_preloaded();
		slots_warn_if_too_few(subscription->consumers);
	}
	launcher_rescan_at_commit();
}

/* A new definition.  Nothing may be run as an owner before the caller may act as him. */
static void
command_check(const Subscription *subscription)
{
	subscription_check_owner(subscription->owner);
	subscription_check_act_as(subscription->owner);
	subscription_check(subscription);
}

Datum
sqs_create_subscription(PG_FUNCTION_ARGS)
{
	Subscription *subscription = palloc0(sizeof(Subscription));
	bool		has_target = !PG_ARGISNULL(CREATE_TARGET);
	Oid			target = has_target ? PG_GETARG_OID(CREATE_TARGET) : InvalidOid;

	subscription->name = subscription_check_name("subscription", command_required(command_text(fcinfo, CREATE_NAME), "name"));
	subscription->queue_url = command_required(command_text(fcinfo, CREATE_QUEUE_URL), "queue_url");
	subscription->server = command_required(command_text(fcinfo, CREATE_SERVER), "server");
	subscription->enabled = PG_ARGISNULL(CREATE_ENABLED) || PG_GETARG_BOOL(CREATE_ENABLED);
	settings_defaults(subscription);
	settings_tune(subscription, fcinfo, CREATE_SETTINGS);
	settings_define(subscription, fcinfo, CREATE_SETTINGS);
	if (has_target)
		command_set_target(subscription, target);
	subscription->owner = !PG_ARGISNULL(CREATE_OWNER) ? PG_GETARG_OID(CREATE_OWNER) :
		command_default_owner(has_target, target);

	command_check(subscription);
	if (!subscription_insert(subscription))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("subscription \"%s\" already exists", subscription->name),
				 errhint("Choose another name, or change it with sqs.alter_subscription.")));
	if (has_target)
		subscription_set_target(subscription, DEFAULT_ROUTE, target);

	command_finish(subscription);
	PG_RETURN_VOID();
}

/* Do the URLs name one queue, of one account, if by another host? */
static bool
command_same_queue(const char *one, const char *other)
{
	const char *path[] = {one, other};

	for (int i = 0; i < lengthof(path); i++)
	{
		const char *host = strstr(path[i], "://");

		path[i] = host != NULL ? strchr(host + 3, '/') : NULL;
	}
	return path[0] != NULL && path[1] != NULL && strcmp(path[0], path[1]) == 0;
}

/* The ledger's keys belong to the queue, the scope and the dedup_key they came with. */
static void
command_refuse_with_ledger(const Subscription *subscription, const char *what)
{
	subscription_lock_batches(subscription);
	if (!subscription_has_ledger(subscription) && !subscription_has_quarantine(subscription))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot change the %s of subscription \"%s\" any more", what,
					subscription->name),
			 errdetail("Its ledger or its quarantine holds ids of messages; under another %s they would make new messages look like duplicates, or duplicates like new ones.",
					   what),
			 errhint("Create another subscription.")));
}

static bool
command_same_text(const char *one, const char *other)
{
	return one == NULL ? other == NULL : other != NULL && strcmp(one, other) == 0;
}

/* The queue and the settings that decide what a message means. */
static void
command_alter_queue(Subscription *subscription, FunctionCallInfo fcinfo)
{
	char	   *url = command_text(fcinfo, ALTER_QUEUE_URL);
	Subscription before = *subscription;

	if (url != NULL && !command_same_queue(url, subscription->queue_url))
	{
		command_refuse_with_ledger(subscription, "queue");
		subscription->dedup_scope = before.dedup_scope = DEDUP_SCOPE_UNKNOWN;	/* to be asked of the new one */
	}
	if (url != NULL)
		subscription->queue_url = url;
	settings_define(subscription, fcinfo, ALTER_SETTINGS);
	if (subscription->dedup_scope != before.dedup_scope)
		command_refuse_with_ledger(subscription, "dedup_scope");
	if (!command_same_text(subscription->dedup_key, before.dedup_key))
		command_refuse_with_ledger(subscription, "dedup_key");
}

/*
 * The part that decides what is written on the owner's behalf.  Returns
 * whether there was any.
 */
static bool
command_alter_definition(Subscription *subscription, FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(ALTER_QUEUE_URL) && PG_ARGISNULL(ALTER_SERVER) &&
		PG_ARGISNULL(ALTER_TARGET) && PG_ARGISNULL(ALTER_OWNER) &&
		!settings_defined(fcinfo, ALTER_SETTINGS))
		return false;

	if (!PG_ARGISNULL(ALTER_OWNER))
	{
		if (GetUserNameFromId(subscription->owner, true) != NULL)
			subscription_check_act_as(subscription->owner);
		subscription->owner = PG_GETARG_OID(ALTER_OWNER);
	}
	if (!PG_ARGISNULL(ALTER_SERVER))
		subscription->server = command_text(fcinfo, ALTER_SERVER);
	if (!PG_ARGISNULL(ALTER_TARGET))
		command_set_target(subscription, PG_GETARG_OID(ALTER_TARGET));
	command_alter_queue(subscription, fcinfo);
	return true;
}

Datum
sqs_alter_subscription(PG_FUNCTION_ARGS)
{
	Subscription *subscription = subscription_to_change(fcinfo, 0);

	settings_tune(subscription, fcinfo, ALTER_SETTINGS);
	if (command_alter_definition(subscription, fcinfo))
		command_check(subscription);

	subscription_update(subscription);
	if (!PG_ARGISNULL(ALTER_TARGET))
		subscription_set_target(subscription, DEFAULT_ROUTE, PG_GETARG_OID(ALTER_TARGET));

	command_finish(subscription);
	PG_RETURN_VOID();
}

/* Messages in the quarantine are in no queue any more: their end is somebody's decision. */
static void
command_refuse_with_quarantine(const Subscription *subscription)
{
	subscription_lock_batches(subscription);
	if (!subscription_has_quarantine(subscription))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("messages of subscription \"%s\" wait in the quarantine", subscription->name),
			 errdetail("They are in no queue any more, and would be lost."),
			 errhint("Apply them with sqs.retry or sqs.release; or drop them as well with sqs.drop_subscription(%s, discard_quarantine => true).",
					 quote_literal_cstr(subscription->name))));
}

Datum
sqs_drop_subscription(PG_FUNCTION_ARGS)
{
	Subscription *subscription = subscription_to_change(fcinfo, 0);

	if (PG_ARGISNULL(1) || !PG_GETARG_BOOL(1))
		command_refuse_with_quarantine(subscription);
	subscription_delete(subscription);
	launcher_rescan_at_commit();
	PG_RETURN_VOID();
}

Datum
sqs_enable(PG_FUNCTION_ARGS)
{
	Subscription *subscription = subscription_to_change(fcinfo, 0);

	subscription->enabled = true;
	subscription_check(subscription);
	subscription_update(subscription);
	subscription_update_home(subscription);
	subscription_start_routes(subscription);
	guard_forgive(subscription->id);
	command_finish(subscription);
	PG_RETURN_VOID();
}

Datum
sqs_disable(PG_FUNCTION_ARGS)
{
	Subscription *subscription = subscription_to_change(fcinfo, 0);

	subscription->enabled = false;
	subscription_update(subscription);
	launcher_rescan_at_commit();
	PG_RETURN_VOID();
}
