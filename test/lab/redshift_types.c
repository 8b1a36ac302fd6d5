/*
 * redshift_types.c
 *		Redshift's types in PostgreSQL's words.
 *
 * Lengths and precisions that are left out are Redshift's: varchar 256, char 1,
 * decimal (18,0).  A type that is not in Redshift's list is refused, and so is
 * an array of one.
 */
#include "redshift_sql.h"

#include <stdlib.h>
#include <string.h>

typedef enum Arguments
{
	NONE,
	LENGTH,						/* (n) or (max) */
	PRECISION,					/* (p[,s]) */
	ZONE						/* [(p)] [with|without time zone] */
} Arguments;

typedef struct Type
{
	const char *words;			/* longest first among those that begin alike */
	const char *ours;			/* NULL: the same */
	Arguments	arguments;
	const char *missing;		/* what stands for arguments that are left out */
	long		most;			/* length, or precision */
} Type;

static const Type types[] = {
	{"smallint", NULL, NONE, "", 0},
	{"int2", NULL, NONE, "", 0},
	{"integer", NULL, NONE, "", 0},
	{"int", NULL, NONE, "", 0},
	{"int4", NULL, NONE, "", 0},
	{"bigint", NULL, NONE, "", 0},
	{"int8", NULL, NONE, "", 0},
	{"decimal", NULL, PRECISION, "(18,0)", 38},
	{"numeric", NULL, PRECISION, "(18,0)", 38},
	{"real", NULL, NONE, "", 0},
	{"float4", NULL, NONE, "", 0},
	{"double precision", NULL, NONE, "", 0},
	{"float8", NULL, NONE, "", 0},
	{"float", "float8", NONE, "", 0},
	{"boolean", NULL, NONE, "", 0},
	{"bool", NULL, NONE, "", 0},
	{"character varying", NULL, LENGTH, "(256)", 65535},
	{"char varying", NULL, LENGTH, "(256)", 65535},
	{"varchar", NULL, LENGTH, "(256)", 65535},
	{"nvarchar", "varchar", LENGTH, "(256)", 65535},
	{"text", "varchar(256)", NONE, "", 0},
	{"character", NULL, LENGTH, "(1)", 4096},
	{"char", NULL, LENGTH, "(1)", 4096},
	{"nchar", NULL, LENGTH, "(1)", 4096},
	{"bpchar", "char(256)", NONE, "", 0},
	{"date", NULL, NONE, "", 0},
	{"timestamptz", NULL, NONE, "", 0},
	{"timestamp", NULL, ZONE, "", 0},
	{"datetime", "timestamp", NONE, "", 0},
	{"timetz", NULL, NONE, "", 0},
	{"time", NULL, ZONE, "", 0},
	{"super", "pg_catalog.super", NONE, "", 0},
	{"varbyte", "pg_catalog.varbyte", LENGTH, "(64000)", 16777216},
	{"varbinary", "pg_catalog.varbyte", LENGTH, "(64000)", 16777216},
	{"binary varying", "pg_catalog.varbyte", LENGTH, "(64000)", 16777216},
};

static size_t
words_in(const char *words)
{
	size_t		count = 1;

	while ((words = strchr(words, ' ')) != NULL)
		words++, count++;
	return count;
}

static long
number_at(const Sql *sql, size_t place)
{
	return place < sql->count && sql->tokens[place].kind == SQL_NUMBER ? strtol(sql->tokens[place].at, NULL, 10) : -1;
}

/* place is that of the parenthesis; returns that behind the closing one. */
static size_t
read_length(Sql *sql, size_t place, const Type *type)
{
	long		length = number_at(sql, place + 1);

	if (sql_is(sql, place + 1, "max"))
		sql_replace(sql, place + 1, "%ld", length = type->most);
	if (!sql_is(sql, place + 2, ")") || length < 1)
		sql_fail_at(sql, place + 1);
	else if (length > type->most)
		sql_fail(sql, "length for type %s cannot exceed %ld", type->words, type->most);
	if (type->ours != NULL && type->most > 65535)	/* a domain has no length */
		sql_drop(sql, place, place + 3);
	return place + 3;
}

static size_t
read_precision(Sql *sql, size_t place, const Type *type)
{
	bool		two = sql_is(sql, place + 2, ",");
	long		precision = number_at(sql, place + 1);
	long		scale = two ? number_at(sql, place + 3) : 0;

	if (precision < 1 || scale < 0 || !sql_is(sql, place + (two ? 4 : 2), ")"))
		sql_fail_at(sql, place + 1);
	else if (precision > type->most)
		sql_fail(sql, "DECIMAL precision %ld must be between 1 and %ld", precision, type->most);
	else if (scale > precision || scale > type->most - 1)
		sql_fail(sql, "DECIMAL scale %ld must be between 0 and precision %ld", scale, precision);
	return place + (two ? 5 : 3);
}

static size_t
read_zone(const Sql *sql, size_t place)
{
	return sql_are(sql, place, "with time zone") || sql_are(sql, place, "without time zone") ? place + 3 : place;
}

static size_t
read_arguments(Sql *sql, size_t place, const Type *type)
{
	bool		given = sql_is(sql, place, "(");

	if (type->arguments == ZONE)
		return read_zone(sql, place);
	if (given && type->arguments == LENGTH)
		return read_length(sql, place, type);
	if (given && type->arguments == PRECISION)
		return read_precision(sql, place, type);
	return place;
}

size_t
sql_type(Sql *sql, size_t place)
{
	const Type *type = NULL;
	size_t		words;
	size_t		behind;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]) && type == NULL; i++)
	{
		if (sql_are(sql, place, types[i].words))
			type = &types[i];
	}
	if (type == NULL)
	{
		char	   *name = sql_is_name(sql, place) ? sql_plain(sql, place) : NULL;

		if (name == NULL)
			sql_fail_at(sql, place);
		else
			sql_fail(sql, "type \"%s\" does not exist", name);
		free(name);
		return place + 1;
	}
	words = words_in(type->words);
	if (type->ours != NULL)
		sql_replace(sql, place, "%s", type->ours);
	if (!sql_is(sql, place + words, "(") && (type->ours == NULL || type->most <= 65535))
	{
		const SqlToken *last = &sql->tokens[place + words - 1];

		if (last->instead != NULL)
			sql_replace(sql, place + words - 1, "%s%s", last->instead, type->missing);
		else
			sql_replace(sql, place + words - 1, "%.*s%s", (int) last->len, last->at, type->missing);
	}
	behind = read_arguments(sql, place + words, type);
	if (sql_is(sql, behind, "["))
		sql_fail(sql, "type \"%s[]\" is not supported", type->words);
	return behind;
}
