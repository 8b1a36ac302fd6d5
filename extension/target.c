/*
 * target.c
 *	  Which relations a subscription may write to.
 *
 * A message is deleted from its queue once the commit that holds its rows is
 * durable.  So the rows must live in this server's WAL: not in a temporary
 * or unlogged table (recovery empties those), and not behind a foreign data
 * wrapper, whose server commits on its own.  Partitions are looked at too,
 * and the table behind a view.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "nodes/nodes.h"
#include "parser/parsetree.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"
#include "utils/syscache.h"

#include "failure.h"
#include "target.h"

#undef TEXTDOMAIN
#define TEXTDOMAIN FAILURE_DOMAIN

static char *
target_name(Oid relation)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
									  get_rel_name(relation));
}

/* The relation's row of pg_class; the caller releases it. */
static HeapTuple
target_tuple(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the target does not exist (relation oid %u)", relation),
				 errhint("Give the subscription another one with sqs.alter_subscription(..., target => ...).")));
	return tuple;
}

Oid
target_owner(Oid relation)
{
	HeapTuple	tuple = target_tuple(relation);
	Oid			owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;

	ReleaseSysCache(tuple);
	return owner;
}

/* A view must be updatable by itself or have an INSTEAD OF INSERT trigger. */
static void
target_check_view(Oid relation)
{
	int32		events = DatumGetInt32(DirectFunctionCall2(pg_relation_is_updatable,
														   ObjectIdGetDatum(relation),
														   BoolGetDatum(true)));

	if ((events & (1 << CMD_INSERT)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("view %s takes no INSERT", target_name(relation)),
				 errhint("Give the view an INSTEAD OF INSERT trigger, or name a table.")));
}

static void
target_check_kind(Oid relation, char kind)
{
	switch (kind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			break;
		case RELKIND_VIEW:
			target_check_view(relation);
			break;
		case RELKIND_FOREIGN_TABLE:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("%s is a foreign table", target_name(relation)),
					 errdetail("Its server commits apart from this one, so messages could be lost or doubled."),
					 errhint("Name a table of this database.")));
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("%s is neither a table nor a view", target_name(relation)),
					 errhint("Name a table, a partitioned table or a view that takes INSERT.")));
	}
}

static void
target_check_persistence(Oid relation, char persistence)
{
	if (persistence == RELPERSISTENCE_PERMANENT)
		return;
	if (persistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s is temporary", quote_identifier(get_rel_name(relation))),
				 errdetail("The consumer is another session and cannot see it."),
				 errhint("Name a permanent table.")));
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("%s is unlogged", target_name(relation)),
			 errdetail("A crash empties it after its messages have been deleted from the queue."),
			 errhint("ALTER TABLE %s SET LOGGED.", target_name(relation))));
}

/* Kind and persistence of one relation; its kind. */
static char
target_check_relation(Oid relation)
{
	HeapTuple	tuple = target_tuple(relation);
	char		kind = ((Form_pg_class) GETSTRUCT(tuple))->relkind;
	char		persistence = ((Form_pg_class) GETSTRUCT(tuple))->relpersistence;

	ReleaseSysCache(tuple);
	target_check_kind(relation, kind);
	target_check_persistence(relation, persistence);
	return kind;
}

/* INSERT on all of it or on some columns, and a way to its schema. */
static void
target_check_privileges(Oid relation, Oid owner)
{
	char	   *schema = get_namespace_name(get_rel_namespace(relation));
	char	   *role = GetUserNameFromId(owner, false);

	if (!DatumGetBool(DirectFunctionCall3(has_schema_privilege_id_id,
										  ObjectIdGetDatum(owner),
										  ObjectIdGetDatum(get_rel_namespace(relation)),
										  CStringGetTextDatum("USAGE"))))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the subscription's owner \"%s\" may not use schema \"%s\"", role, schema),
				 errhint("GRANT USAGE ON SCHEMA %s TO %s.", quote_identifier(schema),
						 quote_identifier(role))));

	if (pg_class_aclcheck(relation, owner, ACL_INSERT) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(relation, owner, ACL_INSERT, ACLMASK_ANY) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the subscription's owner \"%s\" may not insert into %s", role,
						target_name(relation)),
				 errhint("GRANT INSERT ON %s TO %s.", target_name(relation),
						 quote_identifier(role))));
}

/* Counts what PostgreSQL tells of changed relations, whichever they are. */
static uint64 relation_changes = 0;

static void
relation_changed(Datum arg, Oid relation)
{
	relation_changes++;
}

uint64
target_changes(void)
{
	if (relation_changes == 0)
	{
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
		relation_changes = 1;
	}
	return relation_changes;
}

/* Does a trigger or a rule of the view say itself what an INSERT does? */
static bool
inserts_by_itself(Relation view)
{
	bool		found = view->trigdesc != NULL && view->trigdesc->trig_insert_instead_row;

	for (int i = 0; view->rd_rules != NULL && i < view->rd_rules->numLocks && !found; i++)
		found = view->rd_rules->rules[i]->event == CMD_INSERT && view->rd_rules->rules[i]->isInstead;
	return found;
}

/* What PostgreSQL writes to for a view, or InvalidOid where the view's owner has decided. */
static Oid
table_behind(Oid relation)
{
	Relation	view = relation_open(relation, AccessShareLock);
	Oid			result = InvalidOid;

	if (!inserts_by_itself(view))
	{
		Query	   *query = get_view_query(view);
		RangeTblRef *only = linitial_node(RangeTblRef, query->jointree->fromlist);

		result = rt_fetch(only->rtindex, query->rtable)->relid;
	}
	relation_close(view, NoLock);
	return result;
}

void
target_check_storage(Oid relation, uint64 *state)
{
	char		kind = target_check_relation(relation);
	ListCell   *cell;

	if (kind == RELKIND_VIEW)
	{
		relation = table_behind(relation);
		if (OidIsValid(relation))
			target_check_storage(relation, state);
		return;
	}
	if (kind != RELKIND_PARTITIONED_TABLE || *state == target_changes())
		return;
	*state = 0;
	foreach(cell, find_all_inheritors(relation, NoLock, NULL))
	{
		if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(lfirst_oid(cell))))
			(void) target_check_relation(lfirst_oid(cell));
	}
	*state = relation_changes;
}

void
target_check(Oid relation, Oid owner)
{
	uint64		state = 0;

	LockRelationOid(relation, AccessShareLock); /* or its name may vanish meanwhile */
	target_check_storage(relation, &state);
	target_check_privileges(relation, owner);
}
