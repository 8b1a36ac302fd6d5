/*
 * route_target.c
 *	  A route by column name: what is known of its target.
 *
 * The target's description is looked at under a lock in every run, and all
 * is made anew when it has changed, since a plan remembers the statement's
 * text and thus would follow a name to another table.
 *
 * Memory: a route lives in the context of its creator; the description and
 * what belongs to it in a child, deleted with it; saved plans are SPI's and
 * are freed by hand.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"

#include "failure.h"
#include "route_target.h"
#include "target.h"
#include "target_run.h"

#undef TEXTDOMAIN
#define TEXTDOMAIN FAILURE_DOMAIN

/* Forget the target's description and what was made from it. */
static void
forget(TargetRoute *route)
{
	target_plan_forget(&route->plans);
	if (route->context != NULL)
		MemoryContextDelete(route->context);
	route->context = NULL;
	route->shape = NULL;
}

static bool
has_triggers(Relation target)
{
	return target->trigdesc != NULL && target->trigdesc->trig_insert_before_row;
}

static void
describe(TargetRoute *route, Relation target, const char *name)
{
	MemoryContext context;
	MemoryContext old;

	forget(route);

	/* Ours only when it is complete: an error on the way leaks nothing. */
	context = AllocSetContextCreate(CurrentMemoryContext, "pg_sqs route", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	route->target_name = pstrdup(name);
	route->target_desc = CreateTupleDescCopyConstr(RelationGetDescr(target));
	route->has_triggers = has_triggers(target);
	route->shape = record_shape(route->target_desc, route->rescue_column, context);
	route->shape_desc = target_plan_desc(route->shape, NULL);
	route->upsert = route->key == NIL ? NULL :
		upsert_describe(target, route->shape, route->key, route->version);
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(context, route->parent);
	route->context = context;
	route->plans.context = context;
	route->plans.target_name = route->target_name;
	route->plans.shape = route->shape;
	route->plans.upsert = route->upsert;
}

/* What to do about a target that is gone. */
static const char *
gone_hint(const TargetRoute *route)
{
	return strcmp(route->base.name, "default") == 0 ?
		"It was dropped: name another one with sqs.alter_subscription(..., target => ...)." :
		"It was dropped: drop the route with sqs.drop_route, or restore the table and add the route again.";
}

/* Open the target for as long as the transaction lasts. */
static Relation
open_target(TargetRoute *route)
{
	Relation	target = try_relation_open(route->target, RowExclusiveLock);

	if (target == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the target of route \"%s\" does not exist (OID %u)",
						route->base.name, route->target),
				 errhint("%s", gone_hint(route))));
	target_check_storage(route->target, &route->storage_checked);
	return target;
}

float4
route_target_look(TargetRoute *route)
{
	Relation	target = open_target(route);
	char	   *name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(target)),
												  RelationGetRelationName(target));
	float4		rows = target->rd_rel->reltuples;

	if (route->context == NULL || strcmp(route->target_name, name) != 0 ||
		route->has_triggers != has_triggers(target) ||
		!equalTupleDescs(route->target_desc, RelationGetDescr(target)))
		describe(route, target, name);
	relation_close(target, NoLock);
	return rows;
}

static void
target_free(Route *base)
{
	forget((TargetRoute *) base);
}

static const RouteKind target_kind = {target_free, target_run, target_run_explain};

static char *
copy_name(const char *name)
{
	return name != NULL ? pstrdup(name) : NULL;
}

Route *
route_target_create(const SubscriptionRoute *configuration)
{
	TargetRoute *route = palloc0(sizeof(TargetRoute));
	ListCell   *cell;

	route->base.kind = &target_kind;
	route->target = configuration->target;
	foreach(cell, configuration->key)
		route->key = lappend(route->key, pstrdup(lfirst(cell)));
	route->version = copy_name(configuration->version);
	route->rescue_column = copy_name(configuration->rescue_column);
	route->parent = CurrentMemoryContext;
	return &route->base;
}
