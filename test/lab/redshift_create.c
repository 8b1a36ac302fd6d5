/*
 * redshift_create.c
 *		CREATE TABLE as Redshift writes it.
 *
 * How a table is distributed, sorted and encoded is dropped.  So are PRIMARY
 * KEY, UNIQUE and FOREIGN KEY: Redshift believes them and checks nothing; of a
 * primary key only the NOT NULL of its columns holds.
 */
#include "redshift_sql.h"

#include <stdlib.h>
#include <string.h>

/* Behind "(...)" if it is there. */
static size_t
skip_parentheses(const Sql *sql, size_t place)
{
	return sql_is(sql, place, "(") ? sql_closing(sql, place) + 1 : place;
}

/* The comma or closing parenthesis that ends the element at this place. */
static size_t
element_end(const Sql *sql, size_t place, size_t end)
{
	while (place < end && !sql_is(sql, place, ","))
		place = sql_is(sql, place, "(") ? sql_closing(sql, place) + 1 : place + 1;
	return place < end ? place : end;
}

/* An attribute of a column or of a table that means nothing here; returns the place behind it, or the same. */
static size_t
skip_physical(const Sql *sql, size_t place)
{
	if (sql_is(sql, place, "encode") || sql_is(sql, place, "diststyle") || sql_is(sql, place, "backup"))
		return place + 2;
	if (sql_is(sql, place, "compound") || sql_is(sql, place, "interleaved"))
		place += sql_is(sql, place + 1, "sortkey");
	if (sql_is(sql, place, "sortkey") && sql_is(sql, place + 1, "auto"))
		return place + 2;
	if (sql_is(sql, place, "distkey") || sql_is(sql, place, "sortkey"))
		return skip_parentheses(sql, place + 1);
	return place;
}

/* Behind the expression of a DEFAULT: up to the next attribute. */
static size_t
skip_expression(const Sql *sql, size_t place, size_t end)
{
	while (place < end && !sql_is(sql, place, "not") && !sql_is(sql, place, "encode") && !sql_is(sql, place, "distkey") &&
		   !sql_is(sql, place, "sortkey") && !sql_is(sql, place, "unique") && !sql_is(sql, place, "primary") &&
		   !sql_is(sql, place, "references"))
	{
		bool		lone_null = sql_is(sql, place, "null");

		place = skip_parentheses(sql, place) != place ? skip_parentheses(sql, place) : place + 1;
		if (lone_null && place < end && sql_is(sql, place, "null"))
			break;
	}
	return place;
}

/* One attribute of a column; returns the place behind it. */
static size_t
translate_attribute(Sql *sql, size_t place, size_t end)
{
	size_t		behind = skip_physical(sql, place);

	if (behind != place)
		sql_drop(sql, place, behind);
	else if (sql_are(sql, place, "not null"))
		behind = place + 2;
	else if (sql_is(sql, place, "null"))
		behind = place + 1;
	else if (sql_is(sql, place, "default"))
		behind = skip_expression(sql, place + 1, end);
	else if (sql_is(sql, place, "unique"))
		sql_drop(sql, place, behind = place + 1);
	else if (sql_are(sql, place, "primary key"))
	{
		sql_replace(sql, place, "NOT");
		sql_replace(sql, place + 1, "NULL");
		behind = place + 2;
	}
	else if (sql_is(sql, place, "references"))
		sql_drop(sql, place, behind = skip_parentheses(sql, sql_skip_name(sql, place + 1)));
	else
		sql_fail_at(sql, place);
	return behind > place ? behind : end;
}

static void
translate_column(Sql *sql, size_t place, size_t end)
{
	char	   *name = sql_is_name(sql, place) ? sql_plain(sql, place) : NULL;
	bool		failed = sql->error != NULL;

	if (name == NULL)
	{
		sql_fail_at(sql, place);
		return;
	}
	place = sql_type(sql, place + 1);
	if (sql->error != NULL && !failed && strstr(sql->error, "\" does not exist") != NULL)
	{
		Buf			type = {0};

		buf_add(&type, sql->error + strlen("ERROR: type "), strlen(sql->error) - strlen("ERROR: type  does not exist"));
		free(sql->error);
		sql->error = NULL;
		sql_fail(sql, "Column \"%s\" has unsupported type %s.", name, type.data);
		buf_free(&type);
	}
	while (place < end && sql->error == NULL)
		place = translate_attribute(sql, place, end);
	free(name);
}

/* The columns that PRIMARY KEY (...) names become NOT NULL. */
static void
require_columns(Sql *sql, size_t key, size_t first, size_t end)
{
	for (size_t at = key; at < end && !sql_is(sql, at, ")"); at++)
	{
		char	   *wanted = sql_is_name(sql, at) ? sql_plain(sql, at) : NULL;

		for (size_t column = first; wanted != NULL && column < end; column = element_end(sql, column, end) + 1)
		{
			char	   *name = sql_is_name(sql, column) ? sql_plain(sql, column) : mem_strdup("");
			size_t		last = element_end(sql, column, end) - 1;
			const SqlToken *token = &sql->tokens[last];

			if (strcmp(name, wanted) == 0 && token->instead != NULL)
				sql_replace(sql, last, "%s NOT NULL", token->instead);
			else if (strcmp(name, wanted) == 0)
				sql_replace(sql, last, "%.*s NOT NULL", (int) token->len, token->at);
			free(name);
		}
		free(wanted);
	}
}

static bool
is_constraint(const Sql *sql, size_t place)
{
	return sql_are(sql, place, "primary key") || sql_are(sql, place, "unique (") || sql_are(sql, place, "foreign key");
}

/* Everything between the parentheses of a table. */
static void
translate_elements(Sql *sql, size_t first, size_t end)
{
	for (size_t at = first; at < end && sql->error == NULL;)
	{
		size_t		next = element_end(sql, at, end);
		size_t		constraint = sql_is(sql, at, "constraint") ? at + 2 : at;

		if (is_constraint(sql, constraint))
		{
			if (sql_is(sql, constraint, "primary"))
				require_columns(sql, constraint + 3, first, end);
			/* with the comma before it, or else the one behind it */
			sql_drop(sql, at > first ? at - 1 : at, at > first ? next : next + (next < end));
		}
		else if (sql_is(sql, at, "check") || sql_is(sql, at, "exclude") || constraint != at)
			sql_fail_at(sql, constraint);
		else if (sql_is(sql, at, "like"))
		{
			size_t		behind = sql_skip_name(sql, at + 1);

			if (sql_are(sql, behind, "including defaults") || sql_are(sql, behind, "excluding defaults"))
				behind += 2;
			if (behind != next)
				sql_fail_at(sql, behind);
		}
		else
			translate_column(sql, at, next);
		at = next + 1;
	}
}

/* Behind CREATE [LOCAL] [TEMP|TEMPORARY] TABLE [IF NOT EXISTS]; 0: it creates something else. */
static size_t
table_name_place(const Sql *sql)
{
	size_t		place = 1;

	place += sql_is(sql, place, "local");
	place += sql_is(sql, place, "temp") || sql_is(sql, place, "temporary");
	if (!sql_is(sql, place, "table"))
		return 0;
	place++;
	return sql_are(sql, place, "if not exists") ? place + 3 : place;
}

void
sql_translate_create(Sql *sql)
{
	size_t		name = table_name_place(sql);
	size_t		place = name != 0 ? sql_skip_name(sql, name) : 0;

	if (name == 0)
		return;
	if (sql_is(sql, place, "("))
	{
		size_t		end = sql_closing(sql, place);
		size_t		behind = element_end(sql, place + 1, end);

		/* of CREATE TABLE ... AS only names stand there */
		if (behind > place + 2)
			translate_elements(sql, place + 1, end);
		place = end + 1;
	}
	while (place < sql->count && !sql_is(sql, place, "as"))
	{
		size_t		behind = skip_physical(sql, place);

		if (behind == place)
		{
			sql_fail_at(sql, place);
			return;
		}
		sql_drop(sql, place, behind);
		place = behind;
	}
}
