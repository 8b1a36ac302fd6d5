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
 * A route acts with the rights of the subscription's owner.  So whoever
 * says which queue feeds which table must be able to act as that owner
 * without us, and the owner is never a superuser; sqs_admin alone starts,
 * stops, tunes and drops.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"

#include "connection.h"
#include "launcher.h"
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
	CREATE_SETTINGS,			/* visibility_timeout, max_batch, max_polls */
	CREATE_DEDUP_SCOPE = CREATE_SETTINGS + 3
} CreateArgument;

typedef enum AlterArgument
{
	ALTER_NAME,
	ALTER_QUEUE_URL,
	ALTER_SERVER,
	ALTER_TARGET,
	ALTER_OWNER,
	ALTER_SETTINGS,				/* visibility_timeout, max_batch, max_polls */
	ALTER_DEDUP_SCOPE = ALTER_SETTINGS + 3
} AlterArgument;

static char *
command_text(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* An integer setting: the argument, if given, else what it was; checked. */
static int
command_setting(FunctionCallInfo fcinfo, int argument, const char *name, int before,
				int minimum, int maximum)
{
	int			value = PG_ARGISNULL(argument) ? before : PG_GETARG_INT32(argument);

	if (value < minimum || value > maximum)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is out of range: %d", name, value),
				 errhint("Give a value from %d to %d.", minimum, maximum)));
	return value;
}

/* The three integer settings, from the given argument on. */
static void
command_read_settings(Subscription *subscription, FunctionCallInfo fcinfo, int argument)
{
	subscription->visibility_timeout =
		command_setting(fcinfo, argument, "visibility_timeout",
						subscription->visibility_timeout, 1, 43200);
	subscription->max_batch =
		command_setting(fcinfo, argument + 1, "max_batch", subscription->max_batch, 1, 10000);
	subscription->max_polls =
		command_setting(fcinfo, argument + 2, "max_polls", subscription->max_polls, 1, 32);
}

static DedupScope
command_scope(const char *text)
{
	if (strcmp(text, "queue") == 0)
		return DEDUP_SCOPE_QUEUE;
	if (strcmp(text, "messageGroup") == 0)
		return DEDUP_SCOPE_GROUP;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid dedup_scope: \"%s\"", text),
			 errhint("Give 'queue' or 'messageGroup' as the queue's attribute DeduplicationScope says, or leave it out: then the queue is asked.")));
	return DEDUP_SCOPE_UNKNOWN; /* not reached */
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

/* A name that status lines, logs and process titles can show as it is. */
static char *
command_name(char *name)
{
	bool		valid = name[0] != '\0' && strlen(name) < NAMEDATALEN &&
		name[0] != ' ' && name[strlen(name) - 1] != ' ';

	for (const char *p = name; *p != '\0'; p++)
		valid &= (unsigned char) *p >= ' ' && *p != 0x7f;
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid subscription name: \"%s\"", name),
				 errhint("A name has 1 to %d bytes, no control characters, and no space at either end.",
						 NAMEDATALEN - 1)));
	return name;
}

/*
 * May the current user become the role?  From PostgreSQL 16 on membership
 * alone is not enough for that; the privilege to test has its own name there.
 */
static bool
command_can_act_as(Oid role)
{
	bool		has_set = atoi(GetConfigOption("server_version_num", false, false)) >= 160000;

	return DatumGetBool(DirectFunctionCall3(pg_has_role_id_id,
											ObjectIdGetDatum(GetUserId()),
											ObjectIdGetDatum(role),
											CStringGetTextDatum(has_set ? "SET" : "MEMBER")));
}

/* Raise unless the current user may become the role. */
static void
command_check_act_as(Oid role)
{
	char	   *name = GetUserNameFromId(role, false);

	if (!command_can_act_as(role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be able to SET ROLE \"%s\"", name),
				 errdetail("What the subscription writes is written as this role."),
				 errhint("GRANT %s TO %s, or ask a superuser.", quote_identifier(name),
						 quote_identifier(GetUserNameFromId(GetUserId(), false)))));
}

/* Can anything run as this role at all? */
static void
command_check_owner(Oid owner)
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

/* Everything that must hold of a subscription that shall run. */
static void
command_check(const Subscription *subscription)
{
	ListCell   *cell;

	command_check_owner(subscription->owner);
	connection_check(subscription);
	foreach(cell, subscription->routes)
	{
		SubscriptionRoute *route = lfirst(cell);

		target_check(route->target, subscription->owner);
	}
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
			return;
		}
	}
	route = palloc(sizeof(SubscriptionRoute));
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
	}
	launcher_rescan_at_commit();
}

/*
 * The subscription that argument 0 names, its row locked until the end of
 * the transaction, after the user proved to be its operator.  Whoever may
 * not operate it cannot lock it either.
 */
static Subscription *
command_subscription(FunctionCallInfo fcinfo)
{
	Subscription *subscription = subscription_argument(fcinfo, 0);

	subscription_check_operator(subscription);
	subscription_lock(subscription);
	subscription = subscription_argument(fcinfo, 0);	/* as it is now, if it still is */
	subscription_check_operator(subscription);
	return subscription;
}

Datum
sqs_create_subscription(PG_FUNCTION_ARGS)
{
	Subscription *subscription = palloc0(sizeof(Subscription));
	bool		has_target = !PG_ARGISNULL(CREATE_TARGET);
	Oid			target = has_target ? PG_GETARG_OID(CREATE_TARGET) : InvalidOid;
	char	   *scope = command_text(fcinfo, CREATE_DEDUP_SCOPE);

	subscription->name = command_name(command_required(command_text(fcinfo, CREATE_NAME), "name"));
	subscription->queue_url = command_required(command_text(fcinfo, CREATE_QUEUE_URL), "queue_url");
	subscription->server = command_required(command_text(fcinfo, CREATE_SERVER), "server");
	subscription->enabled = PG_ARGISNULL(CREATE_ENABLED) || PG_GETARG_BOOL(CREATE_ENABLED);
	command_read_settings(subscription, fcinfo, CREATE_SETTINGS);
	if (scope != NULL)
		subscription->dedup_scope = command_scope(scope);
	if (has_target)
		command_set_target(subscription, target);
	subscription->owner = !PG_ARGISNULL(CREATE_OWNER) ? PG_GETARG_OID(CREATE_OWNER) :
		command_default_owner(has_target, target);

	command_check(subscription);
	command_check_act_as(subscription->owner);
	if (!subscription_insert(subscription))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("subscription \"%s\" already exists", subscription->name),
				 errhint("Choose another name, or change it with sqs.alter_subscription.")));
	if (has_target)
		subscription_write_route(subscription, DEFAULT_ROUTE, target);

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

/* The ledger's keys belong to the queue and the scope they came with. */
static void
command_refuse_with_ledger(const Subscription *subscription, const char *what)
{
	subscription_lock_batches(subscription);
	if (!subscription_has_ledger(subscription))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot change the %s of subscription \"%s\" any more", what,
					subscription->name),
			 errdetail("Its ledger holds ids of messages; under another %s they would make new messages look like duplicates, or duplicates like new ones.",
					   what),
			 errhint("Create another subscription.")));
}

static void
command_alter_queue(Subscription *subscription, FunctionCallInfo fcinfo)
{
	char	   *url = command_text(fcinfo, ALTER_QUEUE_URL);
	char	   *scope = command_text(fcinfo, ALTER_DEDUP_SCOPE);

	if (url != NULL && !command_same_queue(url, subscription->queue_url))
	{
		command_refuse_with_ledger(subscription, "queue");
		subscription->dedup_scope = DEDUP_SCOPE_UNKNOWN;	/* to be asked of the new one */
	}
	if (url != NULL)
		subscription->queue_url = url;
	if (scope != NULL && command_scope(scope) != subscription->dedup_scope)
	{
		command_refuse_with_ledger(subscription, "dedup_scope");
		subscription->dedup_scope = command_scope(scope);
	}
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
		PG_ARGISNULL(ALTER_DEDUP_SCOPE))
		return false;

	if (!PG_ARGISNULL(ALTER_OWNER))
	{
		if (GetUserNameFromId(subscription->owner, true) != NULL)
			command_check_act_as(subscription->owner);
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
	Subscription *subscription = command_subscription(fcinfo);

	command_read_settings(subscription, fcinfo, ALTER_SETTINGS);
	if (command_alter_definition(subscription, fcinfo))
	{
		command_check(subscription);
		command_check_act_as(subscription->owner);
	}

	subscription_update(subscription);
	if (!PG_ARGISNULL(ALTER_TARGET))
		subscription_write_route(subscription, DEFAULT_ROUTE, PG_GETARG_OID(ALTER_TARGET));

	command_finish(subscription);
	PG_RETURN_VOID();
}

Datum
sqs_drop_subscription(PG_FUNCTION_ARGS)
{
	Subscription *subscription = command_subscription(fcinfo);

	subscription_delete(subscription);
	launcher_rescan_at_commit();
	PG_RETURN_VOID();
}

Datum
sqs_enable(PG_FUNCTION_ARGS)
{
	Subscription *subscription = command_subscription(fcinfo);

	subscription->enabled = true;
	command_check(subscription);
	subscription_update(subscription);
	subscription_update_home(subscription);
	command_finish(subscription);
	PG_RETURN_VOID();
}

Datum
sqs_disable(PG_FUNCTION_ARGS)
{
	Subscription *subscription = command_subscription(fcinfo);

	subscription->enabled = false;
	subscription_update(subscription);
	launcher_rescan_at_commit();
	PG_RETURN_VOID();
}
