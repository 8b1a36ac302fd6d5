/*
 * redshift_type.c
 *	  One column's type and default for Redshift.
 *
 * A type of Redshift must hold every value that the loader takes from a
 * message, or refuse it there; none may be rounded or cut on its way.  So
 * texts have room for the longest encoding of their characters, and what can
 * be longer or more precise than anything in Redshift is told of.
 *
 * Of defaults only constants go along: Redshift would work out anything else
 * by itself, and differently.  They are folded here, as far as nothing but
 * PostgreSQL's own functions stand in them, for we may be a superuser and the
 * default somebody else's.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "redshift_type.h"

/* Of a numeric without a precision. */
#define FREE_PRECISION 38
#define FREE_SCALE 18

#define UUID_BYTES 36
#define CHARACTER_BYTES 4		/* UTF-8's longest */

const char *
redshift_text(const char *text)
{
	return pg_server_to_any(text, strlen(text), PG_UTF8);
}

static const char *
column_name(Relation relation, int attnum)
{
	return NameStr(TupleDescAttr(RelationGetDescr(relation), attnum - 1)->attname);
}

/*----------
 * Types
 *----------
 */

static AwsxRedshiftType
simple(AwsxRedshiftKind kind)
{
	return (AwsxRedshiftType) {.kind = kind};
}

static AwsxRedshiftType
text_of_bytes(int64 bytes)
{
	return (AwsxRedshiftType) {.kind = AWSX_REDSHIFT_VARCHAR,.length = (int) Min(bytes, AWSX_REDSHIFT_MAX_VARCHAR)};
}

/* Of a length in characters; without one as long as can be. */
static AwsxRedshiftType
text_of_typmod(Relation relation, int attnum, int32 typmod)
{
	int64		bytes = typmod < (int32) VARHDRSZ ? AWSX_REDSHIFT_MAX_VARCHAR :
		(int64) (typmod - (int32) VARHDRSZ) * CHARACTER_BYTES;

	if (bytes > AWSX_REDSHIFT_MAX_VARCHAR)
		ereport(NOTICE,
				(errmsg("column \"%s\" becomes VARCHAR(%d), the longest of Redshift", column_name(relation, attnum), AWSX_REDSHIFT_MAX_VARCHAR),
				 errhint("Messages with a longer text are refused by the loader, never cut.")));
	return text_of_bytes(bytes);
}

static void
refuse_precision(Relation relation, int attnum, const char *type)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("column \"%s\" of type %s has more digits than Redshift's DECIMAL", column_name(relation, attnum), type),
			 errhint("DECIMAL takes %d digits, at most %d of them behind the point: give the column such a type, or describe a view without it.",
					 AWSX_REDSHIFT_MAX_PRECISION, AWSX_REDSHIFT_MAX_SCALE)));
}

/*
 * The scale may be negative, or greater than the precision (numeric.c,
 * numeric_typmod_scale).
 */
static AwsxRedshiftType
decimal_of_typmod(Relation relation, int attnum, int32 typmod)
{
	int			precision = ((typmod - (int32) VARHDRSZ) >> 16) & 0xFFFF;
	int			scale = (((typmod - (int32) VARHDRSZ) & 0x7FF) ^ 1024) - 1024;
	AwsxRedshiftType type = {.kind = AWSX_REDSHIFT_DECIMAL};

	if (typmod < (int32) VARHDRSZ)
	{
		ereport(NOTICE,
				(errmsg("column \"%s\" is numeric without a precision and becomes DECIMAL(%d,%d)",
						column_name(relation, attnum), FREE_PRECISION, FREE_SCALE),
				 errhint("Messages with more digits are refused by the loader, never rounded; numeric(precision,scale) chooses another.")));
		precision = FREE_PRECISION;
		scale = FREE_SCALE;
	}
	type.precision = Max(scale < 0 ? precision - scale : precision, scale);
	type.scale = Max(scale, 0);
	if (type.precision > AWSX_REDSHIFT_MAX_PRECISION || type.scale > AWSX_REDSHIFT_MAX_SCALE)
		refuse_precision(relation, attnum, format_type_with_typemod(NUMERICOID, typmod));
	return type;
}

static void
refuse_type(Relation relation, int attnum, Oid type)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("column \"%s\" has type %s, for which there is none in Redshift", column_name(relation, attnum), format_type_be(type)),
			 errhint("Describe a view without the column or with another type: integers, numeric, real, double precision, boolean, "
					 "character types, uuid, enums, date, timestamps, json and jsonb are known.")));
}

AwsxRedshiftType
redshift_type_of(Relation relation, int attnum)
{
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), attnum - 1);
	int32		typmod = attribute->atttypmod;
	Oid			type = getBaseTypeAndTypmod(attribute->atttypid, &typmod);

	switch (type)
	{
		case INT2OID:
			return simple(AWSX_REDSHIFT_SMALLINT);
		case INT4OID:
			return simple(AWSX_REDSHIFT_INTEGER);
		case INT8OID:
			return simple(AWSX_REDSHIFT_BIGINT);
		case NUMERICOID:
			return decimal_of_typmod(relation, attnum, typmod);
		case FLOAT4OID:
			return simple(AWSX_REDSHIFT_REAL);
		case FLOAT8OID:
			return simple(AWSX_REDSHIFT_DOUBLE);
		case BOOLOID:
			return simple(AWSX_REDSHIFT_BOOLEAN);
		case TEXTOID:
			return text_of_bytes(AWSX_REDSHIFT_MAX_VARCHAR);
		case VARCHAROID:
		case BPCHAROID:
			return text_of_typmod(relation, attnum, typmod);
		case UUIDOID:
			return text_of_bytes(UUID_BYTES);
		case DATEOID:
			return simple(AWSX_REDSHIFT_DATE);
		case TIMESTAMPOID:
			return simple(AWSX_REDSHIFT_TIMESTAMP);
		case TIMESTAMPTZOID:
			return simple(AWSX_REDSHIFT_TIMESTAMPTZ);
		case JSONOID:
		case JSONBOID:
			return simple(AWSX_REDSHIFT_SUPER);
		default:
			if (!type_is_enum(type))
				refuse_type(relation, attnum, attribute->atttypid);
			return text_of_bytes((NAMEDATALEN - 1) * CHARACTER_BYTES);
	}
}

bool
redshift_type_not_null(Oid type)
{
	bool		not_null = false;

	while (OidIsValid(type) && !not_null)
	{
		HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
		Form_pg_type form;

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for type %u", type);
		form = (Form_pg_type) GETSTRUCT(tuple);
		not_null = form->typnotnull;
		type = form->typbasetype;
		ReleaseSysCache(tuple);
	}
	return not_null;
}

/*----------
 * Defaults
 *----------
 */

static bool
is_foreign_function(Oid function, void *context)
{
	return function >= FirstUnpinnedObjectId;
}

/* Does anything stand in it but constants, and functions that are PostgreSQL's own? */
static bool
holds_others(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Const:
		case T_List:
		case T_FuncExpr:
		case T_OpExpr:
		case T_RelabelType:
			return check_functions_in_node(node, is_foreign_function, context) ||
				expression_tree_walker(node, holds_others, context);
		default:
			return true;
	}
}

/* The constant that the default comes to, or null; a domain's own checks are not made. */
static Const *
fold_default(Node *expression)
{
	while (expression != NULL && IsA(expression, CoerceToDomain))
		expression = (Node *) ((CoerceToDomain *) expression)->arg;
	if (expression == NULL || holds_others(expression, NULL) || contain_mutable_functions(expression))
		return NULL;
	expression = eval_const_expressions(NULL, expression);
	return IsA(expression, Const) ? (Const *) expression : NULL;
}

/* What the type's output function writes under settings that do not matter to the reader. */
static char *
output_of(const Const *constant)
{
	Oid			function;
	bool		is_varlena;
	int			level = NewGUCNestLevel();
	char	   *text;

	(void) set_config_option("DateStyle", "ISO, YMD", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("TimeZone", "UTC", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("extra_float_digits", "1", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	getTypeOutputInfo(constant->consttype, &function, &is_varlena);
	text = OidOutputFunctionCall(function, constant->constvalue);
	AtEOXact_GUC(false, level);
	return text;
}

/* As Redshift spells it; null for what it does not know: NaN, infinity, years before Christ. */
static const char *
respell(Oid type, char *text)
{
	switch (type)
	{
		case BOOLOID:
			return text[0] == 't' ? "true" : "false";
		case BPCHAROID:
			for (size_t len = strlen(text); len > 0 && text[len - 1] == ' '; len--)
				text[len - 1] = '\0';
			return text;
		case NUMERICOID:
		case FLOAT4OID:
		case FLOAT8OID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			if (strpbrk(text, "NIBi") != NULL)
				return NULL;
			return text;
		default:
			return text;
	}
}

const char *
redshift_default_of(Relation relation, int attnum)
{
	Node	   *expression = build_column_default(relation, attnum);
	Const	   *constant = fold_default(expression);
	const char *text = NULL;

	if (expression == NULL || (constant != NULL && constant->constisnull))
		return NULL;
	if (constant != NULL)
		text = respell(constant->consttype, output_of(constant));
	if (text != NULL)
		return redshift_text(text);
	ereport(NOTICE,
			(errmsg("the default of column \"%s\" is left out, since it is no constant that Redshift knows", column_name(relation, attnum)),
			 errhint("Messages that lack the column load a null, or are refused where it is not null.")));
	return NULL;
}
