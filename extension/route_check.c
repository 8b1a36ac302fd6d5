/*
 * route_check.c
 *	  What must hold of a route before it is written.
 *
 * A route that cannot work shall fail when somebody looks, not in a consumer
 * at night.  So a statement is prepared and explained, as the owner and
 * under the search_path with which it will run: that analyses, rewrites and
 * plans it and asks for all privileges, but runs nothing (apart from
 * immutable functions of constants, which is why it is done as the owner).
 * It is prepared first, by itself, because errors then point to the right
 * place in it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "batch_relation.h"
#include "route_check.h"
#include "route_statement.h"
#include "route_target.h"
#include "session.h"
#include "target.h"

/* Plan a statement over the registered batch, and ask for its privileges. */
static void
explain(const char *statement)
{
	Oid			types[PARAMETERS] = {BOOLOID, BOOLOID, BOOLOID};
	Datum		values[PARAMETERS] = {BoolGetDatum(true), BoolGetDatum(true), BoolGetDatum(false)};
	char	   *sql = psprintf("EXPLAIN (COSTS OFF) %s", statement);

	if (SPI_execute_with_args(sql, PARAMETERS, types, values, NULL, false, 0) < 0)
		elog(ERROR, "could not explain a route's statement");
}

/* Is there a reference to the relation "batch" in it? */
static bool
reads_batch(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *entry = (RangeTblEntry *) node;

		return entry->rtekind == RTE_NAMEDTUPLESTORE &&
			strcmp(entry->enrname, BATCH_RELATION) == 0;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, reads_batch, context, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, reads_batch, context);
}

/* One statement, of the right kind, over the batch. */
static void
check_queries(SPIPlanPtr plan)
{
	List	   *sources = SPI_plan_get_plan_sources(plan);
	bool		writing = false;
	bool		reading = false;
	bool		utility = false;
	ListCell   *cell;

	if (list_length(sources) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a route takes one statement, not %d", list_length(sources)),
				 errhint("Add a route for each, or combine them: WITH a AS (INSERT ...) INSERT ....")));
	foreach(cell, ((CachedPlanSource *) linitial(sources))->query_list)
	{
		Query	   *query = lfirst(cell);

		utility |= query->commandType == CMD_UTILITY;
		if (query->commandType == CMD_UTILITY)
			continue;
		writing |= route_statement_writes(query);
		reading |= reads_batch((Node *) query, NULL);
	}
	if (utility || !writing)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the statement is not one that writes rows"),
				 errhint("Write an INSERT, UPDATE, DELETE or MERGE that reads the relation batch.")));
	if (!reading)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the statement does not read the relation batch"),
				 errhint("The messages are in batch, without a schema; a WITH query of that name hides it.")));
}

static void
check_statement(const SubscriptionRoute *route, Oid owner)
{
	SessionBracket bracket;

	session_enter_owner(&bracket, owner, true);
	route_statement_set_path(route->search_path);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	check_queries(route_statement_prepare(route->statement));
	batch_relation_register_empty(batch_relation_desc());
	explain(route->statement);
	SPI_finish();
	session_leave_owner(&bracket);
}

/* Is the index one that says of exactly these columns that they are unique? */
static bool
index_fits(Oid index, Oid target, List *key)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	Form_pg_index form;
	bool		fits;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_index) GETSTRUCT(tuple);
	fits = form->indisunique && form->indisvalid && form->indimmediate &&
		form->indnkeyatts == list_length(key) &&
		heap_attisnull(tuple, Anum_pg_index_indpred, NULL) &&
		heap_attisnull(tuple, Anum_pg_index_indexprs, NULL);
	for (int i = 0; fits && i < form->indnkeyatts; i++)
	{
		char	   *column = get_attname(target, form->indkey.values[i], false);
		ListCell   *cell;
		bool		found = false;

		foreach(cell, key)
			found |= strcmp(lfirst(cell), column) == 0;
		fits = found;
	}
	ReleaseSysCache(tuple);
	return fits;
}

static char *
quoted_list(List *names)
{
	StringInfoData list;
	ListCell   *cell;

	initStringInfo(&list);
	foreach(cell, names)
		appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", quote_identifier(lfirst(cell)));
	return list.data;
}

/* ON CONFLICT needs an index that says so. */
static void
check_unique(Relation target, List *key, const char *name)
{
	ListCell   *cell;

	foreach(cell, RelationGetIndexList(target))
	{
		if (index_fits(lfirst_oid(cell), RelationGetRelid(target), key))
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
			 errmsg("%s has no unique index on exactly the key's columns", name),
			 errdetail("Partial indexes, indexes on expressions and deferrable constraints do not count."),
			 errhint("CREATE UNIQUE INDEX ON %s (%s);", name, quoted_list(key))));
}

static void
check_privilege(Oid target, Oid owner, AclMode mode, const char *verb, const char *name)
{
	char	   *role = GetUserNameFromId(owner, false);

	if (pg_class_aclcheck(target, owner, mode) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(target, owner, mode, ACLMASK_ANY) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the subscription's owner \"%s\" may not %s rows of %s", role, verb, name),
				 errdetail("A route with a key compares a message's row with the one that is there, and may replace it."),
				 errhint("GRANT SELECT, UPDATE ON %s TO %s.", name, quote_identifier(role))));
}

/* Everything that a key asks of its target beyond the columns. */
static void
check_key(const SubscriptionRoute *route, Oid owner)
{
	Relation	target = relation_open(route->target, AccessShareLock);
	char	   *name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(target)),
												  RelationGetRelationName(target));

	if (target->rd_rel->relkind == RELKIND_VIEW)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("a route with a key cannot write to a view: %s", name),
				 errhint("Name the table behind it, or add the route without a key.")));
	check_unique(target, route->key, name);
	check_privilege(route->target, owner, ACL_SELECT, "see", name);
	check_privilege(route->target, owner, ACL_UPDATE, "change", name);
	relation_close(target, NoLock);
}

/* Plan the statement for a message that has all columns, as the owner. */
static void
explain_target(TargetRoute *target, Oid owner)
{
	bool	   *present = palloc(sizeof(bool) * Max(target->shape->count, 1));
	SessionBracket bracket;

	memset(present, true, sizeof(bool) * target->shape->count);
	session_enter_owner(&bracket, owner, true);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	batch_relation_register_empty(target->shape_desc);
	explain(target_plan_sql(&target->plans, target->shape_desc, present, false));
	SPI_finish();
	session_leave_owner(&bracket);
}

/* That its columns fit, as the owner. */
static void
look_at_target(TargetRoute *target, Oid owner)
{
	SessionBracket bracket;

	session_enter_owner(&bracket, owner, true);
	(void) route_target_look(target);
	session_leave_owner(&bracket);
}

static void
check_target(const SubscriptionRoute *route, Oid owner)
{
	Route	   *described;

	target_check(route->target, owner);
	described = route_create(route);
	look_at_target((TargetRoute *) described, owner);
	if (route->key != NIL)
	{
		check_key(route, owner);
		explain_target((TargetRoute *) described, owner);
	}
	route_free(described);
}

void
route_check(const SubscriptionRoute *route, Oid owner)
{
	if (route->statement != NULL)
		check_statement(route, owner);
	else
		check_target(route, owner);
}
