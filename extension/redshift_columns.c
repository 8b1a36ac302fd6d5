/*
 * redshift_columns.c
 *	  A relation as the table of Redshift that its messages are loaded into as
 *	  well: the columns that messages can fill, and what identifies and orders
 *	  rows.
 *
 * Key and version are those of the routes that write the relation, where they
 * all agree; else the key is the primary key.  Rows are distributed by the
 * key's first column, by which MERGE joins, and sorted by the first time.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "redshift_columns.h"
#include "redshift_type.h"
#include "session.h"
#include "statement.h"

static Statement routes = {
	.sql = "SELECT DISTINCT r.key::pg_catalog.text[], r.version::pg_catalog.text FROM sqs.route r "
	"WHERE r.target::pg_catalog.oid OPERATOR(pg_catalog.=) $1 AND r.key IS NOT NULL",
	.expected = SPI_OK_SELECT,
	.nargs = 1,
	.types = {OIDOID}
};

static Statement primary_key = {
	.sql = "SELECT pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY k.place), NULL::pg_catalog.text "
	"FROM pg_catalog.pg_constraint c "
	"CROSS JOIN LATERAL pg_catalog.unnest(c.conkey) WITH ORDINALITY AS k (attnum, place) "
	"JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) c.conrelid "
	"AND a.attnum OPERATOR(pg_catalog.=) k.attnum "
	"WHERE c.conrelid OPERATOR(pg_catalog.=) $1 AND c.contype OPERATOR(pg_catalog.=) 'p'",
	.expected = SPI_OK_SELECT,
	.nargs = 1,
	.types = {OIDOID}
};

/*----------
 * Columns
 *----------
 */

/* Which of the described columns has this name? -1: none. */
static int
find_column(const AwsxRedshiftTable *table, const char *name)
{
	for (int i = 0; i < table->column_count; i++)
	{
		if (strcmp(table->columns[i].name, name) == 0)
			return i;
	}
	return -1;
}

/* What PostgreSQL fills itself, no message does. */
static bool
is_filled(Form_pg_attribute attribute)
{
	if (attribute->attgenerated == '\0' && attribute->attidentity != ATTRIBUTE_IDENTITY_ALWAYS)
		return false;
	ereport(NOTICE,
			(errmsg("column \"%s\" is left out, since PostgreSQL generates its values", NameStr(attribute->attname)),
			 errhint("The messages do not have it; a view in Redshift can work it out.")));
	return true;
}

static void
describe_columns(Relation relation, AwsxRedshiftTable *table)
{
	TupleDesc	description = RelationGetDescr(relation);
	AwsxRedshiftColumn *columns = palloc0(sizeof(AwsxRedshiftColumn) * Max(description->natts, 1));

	table->columns = columns;
	for (int i = 0; i < description->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(description, i);
		AwsxRedshiftColumn *column = &columns[table->column_count];

		if (attribute->attisdropped || is_filled(attribute))
			continue;
		column->name = redshift_text(pstrdup(NameStr(attribute->attname)));
		column->type = redshift_type_of(relation, attribute->attnum);
		column->not_null = attribute->attnotnull || redshift_type_not_null(attribute->atttypid);
		column->default_value = redshift_default_of(relation, attribute->attnum);
		table->column_count++;
	}
}

/*----------
 * Key and version
 *----------
 */

/* The key and version that exactly one row of the statement names; else none. */
static bool
read_key(Statement *statement, Oid relation, RedshiftTarget *target)
{
	MemoryContext outer = CurrentMemoryContext;
	Datum		argument = ObjectIdGetDatum(relation);
	Datum		key = (Datum) 0;
	char	   *version = NULL;
	bool		none = true;
	Datum	   *names;

	SPI_connect();
	statement_execute(statement, &argument, NULL);
	if (SPI_processed == 1)
	{
		key = statement_value(1, &none);
		version = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
	}
	MemoryContextSwitchTo(outer);
	if (!none)
	{
		deconstruct_array(DatumGetArrayTypePCopy(key), TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &target->key_count);
		target->key = palloc(sizeof(char *) * target->key_count);
		for (int i = 0; i < target->key_count; i++)
			target->key[i] = redshift_text(TextDatumGetCString(names[i]));
		target->version = version != NULL ? redshift_text(pstrdup(version)) : NULL;
	}
	SPI_finish();
	return !none;
}

static void
describe_key(Oid relation, RedshiftTarget *target)
{
	SessionBracket bracket;
	bool		usable = true;

	session_enter_bookkeeping(&bracket);
	if (!read_key(&routes, relation, target))
		read_key(&primary_key, relation, target);
	session_leave_bookkeeping(&bracket);

	for (int i = 0; i < target->key_count; i++)
	{
		int			column = find_column(&target->table, target->key[i]);

		usable &= column >= 0 && target->table.columns[column].type.kind != AWSX_REDSHIFT_SUPER;
	}
	if (target->version != NULL)
		usable &= find_column(&target->table, target->version) >= 0;
	if (!usable)
	{
		ereport(NOTICE,
				(errmsg("the key is left out, since not all of its columns can be one in Redshift"),
				 errhint("Every message adds a row then; \"key\" in the configuration of sqs_to_redshift names another.")));
		target->key_count = 0;
		target->version = NULL;
	}
}

/* The first column that is a time, or else a date. */
static void
describe_order(RedshiftTarget *target)
{
	AwsxRedshiftTable *table = &target->table;
	int			best = -1;

	for (int i = table->column_count - 1; i >= 0; i--)
	{
		AwsxRedshiftKind kind = table->columns[i].type.kind;
		bool		is_time = kind == AWSX_REDSHIFT_TIMESTAMP || kind == AWSX_REDSHIFT_TIMESTAMPTZ;

		if (is_time || (kind == AWSX_REDSHIFT_DATE &&
						(best < 0 || table->columns[best].type.kind == AWSX_REDSHIFT_DATE)))
			best = i;
	}
	if (best >= 0)
	{
		const char **sortkeys = palloc(sizeof(char *));

		sortkeys[0] = table->columns[best].name;
		table->sortkeys = sortkeys;
		table->sortkey_count = 1;
	}
	if (target->key_count > 0)
		table->distkey = target->key[0];
}

static void
check_kind(Relation relation)
{
	switch (relation->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is no table and no view", RelationGetRelationName(relation)),
			 errhint("Name what the messages are written to.")));
}

void
redshift_describe(Oid oid, RedshiftTarget *target)
{
	Relation	relation = relation_open(oid, AccessShareLock);
	AwsxError	error;

	memset(target, 0, sizeof(*target));
	check_kind(relation);
	target->table.schema = redshift_text(get_namespace_name(RelationGetNamespace(relation)));
	target->table.name = redshift_text(pstrdup(RelationGetRelationName(relation)));
	describe_columns(relation, &target->table);
	describe_key(oid, target);
	describe_order(target);
	if (!awsx_redshift_table_check(&target->table, &error))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s\" cannot be a table of Redshift: %s", RelationGetRelationName(relation),
						pg_any_to_server(error.message, strlen(error.message), PG_UTF8)),
				 errhint("Describe a view that renames or leaves out what cannot be.")));
	relation_close(relation, NoLock);
}
