/*
 * upsert.c
 *	  A target with a key: which of two rows of one key stays.
 *
 * The newest version's, whatever the order in which they come.  So the row
 * must become what its newest message says and nothing else: a column that
 * the message does not have gets its default again, since what an older
 * message put there would not be there had the two come in the other order.
 * Only where the default makes an identity (from a sequence, or a uuid at
 * random) the row keeps the one it has, for others may refer to it.
 *
 * The decision is INSERT ... ON CONFLICT's, taken under the lock of the row,
 * hence right under any concurrency.  Two rows of equal version must agree.
 * They are compared as they would be stored, after BEFORE triggers: columns
 * that the message has, and those that it has not but whose default is a
 * constant, unless a trigger may have filled them.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "failure.h"
#include "upsert.h"

#undef TEXTDOMAIN
#define TEXTDOMAIN FAILURE_DOMAIN

/* What a message without the column has: its default, where that is a constant. */
static void
describe_default(UpsertColumn *column, Relation target, const char *name)
{
	Node	   *expression = build_column_default(target, get_attnum(RelationGetRelid(target), name));
	Const	   *constant;

	/* Of DEFAULT 0 for a bigint a cast is left to be done. */
	if (expression == NULL || contain_mutable_functions(expression))
		return;
	constant = (Const *) eval_const_expressions(NULL, expression);
	if (!IsA(constant, Const) || constant->constisnull)
		return;
	column->has_default = true;
	column->default_value = datumCopy(constant->constvalue, column->typbyval, column->typlen);
}

/* How values of a column are compared. */
static void
describe_column(UpsertColumn *column, Relation target, const RecordShape *shape, const char *name)
{
	const RecordColumn *described;
	TypeCacheEntry *type;

	column->position = record_find(shape, name);
	if (column->position < 0 || column->position == shape->rescue)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("the target has no column \"%s\" that can be filled", name),
				 errhint("The route's key and version name columns of the target, but no generated ones and not the rescue column.")));
	described = &shape->columns[column->position];
	type = lookup_type_cache(described->type,
							 TYPECACHE_EQ_OPR_FINFO | TYPECACHE_HASH_PROC | TYPECACHE_CMP_PROC);
	if (!OidIsValid(type->eq_opr_finfo.fn_oid) || !OidIsValid(type->cmp_proc))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("values of column \"%s\" have no order", name),
				 errdetail("Type %s has no default operator class for B-trees.",
						   format_type_be(described->type)),
				 errhint("Name a column of another type in the route's key and version.")));
	get_typlenbyval(described->type, &column->typlen, &column->typbyval);
	column->collation = described->collation;
	fmgr_info(type->eq_opr_finfo.fn_oid, &column->equal);
	fmgr_info(type->cmp_proc, &column->compare);
	if (OidIsValid(type->hash_proc))
		fmgr_info(type->hash_proc, &column->hash);
	describe_default(column, target, name);
}

/* An operator as SQL can name it under any search_path. */
static char *
qualified_operator(Oid operator)
{
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	Form_pg_operator form;
	char	   *result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", operator);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	result = psprintf("OPERATOR(%s.%s)",
					  quote_identifier(get_namespace_name(form->oprnamespace)),
					  NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return result;
}

static void
describe_version(Upsert *upsert, Relation target, const RecordShape *shape, const char *name)
{
	TypeCacheEntry *type;

	upsert->version = palloc0(sizeof(UpsertColumn));
	describe_column(upsert->version, target, shape, name);
	type = lookup_type_cache(shape->columns[upsert->version->position].type,
							 TYPECACHE_LT_OPR | TYPECACHE_EQ_OPR);
	upsert->older = qualified_operator(type->lt_opr);
	upsert->same = qualified_operator(type->eq_opr);
}

/* What becomes of a column that a message does not have? */
static UpsertAbsent
absent_column(Relation target, const char *name)
{
	int			attno = get_attnum(RelationGetRelid(target), name);
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(target), attno - 1);
	Node	   *expression;
	TriggerDesc *triggers = target->trigdesc;

	expression = build_column_default(target, attno);
	if (expression != NULL && contain_volatile_functions(expression) &&
		(getBaseType(attribute->atttypid) == UUIDOID ||
		 !contain_volatile_functions_not_nextval(expression)))
		return UPSERT_KEEP;
	if ((triggers != NULL && triggers->trig_insert_before_row) ||
		(expression != NULL && contain_mutable_functions(expression)))
		return UPSERT_DEFAULT;
	return UPSERT_CONSTANT;
}

Upsert *
upsert_describe(Relation target, const RecordShape *shape, List *key, const char *version)
{
	Upsert	   *upsert = palloc0(sizeof(Upsert));
	ListCell   *cell;

	upsert->is_key = palloc0(sizeof(bool) * shape->count);
	upsert->has_equality = palloc0(sizeof(bool) * shape->count);
	upsert->absent = palloc0(sizeof(UpsertAbsent) * shape->count);
	upsert->key = palloc0(sizeof(UpsertColumn) * list_length(key));
	foreach(cell, key)
	{
		UpsertColumn *column = &upsert->key[upsert->key_count++];

		describe_column(column, target, shape, lfirst(cell));
		upsert->is_key[column->position] = true;
	}
	if (version != NULL)
		describe_version(upsert, target, shape, version);
	for (int i = 0; i < shape->count; i++)
	{
		TypeCacheEntry *type = lookup_type_cache(shape->columns[i].type, TYPECACHE_EQ_OPR);

		upsert->has_equality[i] = OidIsValid(type->eq_opr);
		upsert->absent[i] = absent_column(target, shape->columns[i].name);
	}
	return upsert;
}

static const char *
column_name(const RecordShape *shape, int i)
{
	return quote_identifier(shape->columns[i].name);
}

static void
append_assignments(StringInfo sql, const Upsert *upsert, const RecordShape *shape,
				   const bool *present)
{
	const char *separator = "";

	for (int i = 0; i < shape->count; i++)
	{
		if (upsert->is_key[i] || (!present[i] && upsert->absent[i] == UPSERT_KEEP))
			continue;
		appendStringInfo(sql, "%s%s = EXCLUDED.%s", separator, column_name(shape, i),
						 column_name(shape, i));
		separator = ", ";
	}
}

/* Must two rows of one key and version agree in this column? */
static bool
is_compared(const Upsert *upsert, const bool *present, int i)
{
	return !upsert->is_key[i] && i != upsert->version->position &&
		(present[i] || upsert->absent[i] == UPSERT_CONSTANT);
}

/* The compared columns of one of the two rows. */
static void
append_row(StringInfo sql, const char *alias, const Upsert *upsert, const RecordShape *shape,
		   const bool *present)
{
	const char *separator = "";

	appendStringInfoString(sql, "ROW(");
	for (int i = 0; i < shape->count; i++)
	{
		if (!is_compared(upsert, present, i))
			continue;
		appendStringInfo(sql, "%s%s.%s%s", separator, alias, column_name(shape, i),
						 upsert->has_equality[i] ? "" : "::pg_catalog.text");
		separator = ", ";
	}
	appendStringInfoChar(sql, ')');
}

/* Does the row that is there have other content? */
static void
append_difference(StringInfo sql, const Upsert *upsert, const RecordShape *shape,
				  const bool *present)
{
	bool		any = false;

	for (int i = 0; i < shape->count; i++)
		any |= is_compared(upsert, present, i);
	if (!any)
	{
		appendStringInfoString(sql, "false");
		return;
	}
	appendStringInfoString(sql, "pg_catalog.record_ne(");
	append_row(sql, "t", upsert, shape, present);
	appendStringInfoString(sql, ", ");
	append_row(sql, "EXCLUDED", upsert, shape, present);
	appendStringInfoChar(sql, ')');
}

void
upsert_append_sql(StringInfo sql, const Upsert *upsert, const RecordShape *shape,
				  const bool *present, const char *conflict, const char *superseded)
{
	StringInfoData assignments;
	const char *version;

	appendStringInfoString(sql, " ON CONFLICT (");
	for (int i = 0; i < upsert->key_count; i++)
		appendStringInfo(sql, "%s%s", i > 0 ? ", " : "",
						 column_name(shape, upsert->key[i].position));
	initStringInfo(&assignments);
	append_assignments(&assignments, upsert, shape, present);
	if (assignments.len == 0)
	{
		appendStringInfoString(sql, ") DO NOTHING");
		return;
	}
	appendStringInfo(sql, ") DO UPDATE SET %s", assignments.data);
	if (upsert->version == NULL)
		return;
	version = column_name(shape, upsert->version->position);
	appendStringInfo(sql, " WHERE CASE WHEN t.%s IS NULL OR t.%s %s EXCLUDED.%s THEN true "
					 "WHEN t.%s %s EXCLUDED.%s AND ",
					 version, version, upsert->older, version, version, upsert->same, version);
	append_difference(sql, upsert, shape, present);
	appendStringInfo(sql, " THEN %s ELSE %s END", conflict, superseded);
}
