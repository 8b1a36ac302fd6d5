/*
 * redshift_dialect.c
 *		What is Redshift's in a statement, and what is only PostgreSQL's.
 *
 * Redshift's own words are put into PostgreSQL's; words, functions and
 * statements that PostgreSQL 15 knows and the documented Redshift does not are
 * refused, as far as a program that writes for PostgreSQL is likely to use
 * them.  A list, not a grammar: what is none in both PostgreSQL refuses.
 */
#include "redshift_sql.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Words in a row, anywhere, that Redshift does not parse; the error is at the last. */
static const char *const not_in_grammar[] = {
	"on conflict", "returning", "distinct on", "is distinct", "is not distinct", "filter (", "lateral", "array [",
	"for update", "for share", "tablesample", "inherits", "tablespace", "fetch first", "- >", "@ >", "# >", "? |",
};

/*
 * Of Redshift's reserved words those that are none in PostgreSQL and that no
 * statement above needs: as names they must be in quotes.
 * https://docs.aws.amazon.com/redshift/latest/dg/r_pg_keywords.html
 */
static const char *const reserved[] = {
	"blanksasnull", "credentials", "current_user_id", "defrag", "delta", "disable", "emptyasnull", "enable", "encrypt",
	"encryption", "explicit", "luns", "new", "off", "offline", "oid", "old", "open", "parallel", "percent", "permissions",
	"readratio", "recover", "rejectlog", "resort", "restore", "snapshot", "system", "tag", "truncatecolumns", "wallet",
};

/* Functions of PostgreSQL's that Redshift lacks, or has on its leader node only; a final '*' stands for the rest. */
static const char *const not_functions[] = {
	"jsonb_*", "json_build_*", "json_agg", "json_object*", "json_populate_*", "json_to_*", "json_each*", "json_strip_*",
	"to_json", "to_jsonb", "row_to_json", "string_agg", "array_agg", "unnest", "generate_series", "format", "concat_ws",
	"gen_random_uuid", "uuid_*", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "now", "make_*",
	"regexp_matches", "regexp_match", "regexp_split_*", "string_to_array", "array_*", "encode", "to_regclass", "pg_advisory_*",
	"pg_try_*", "pg_sleep*", "num_nonnulls", "hashtext", "sha256", "sha512", "digest", "starts_with", "txid_*", "pg_current_*",
};

/* First words of a statement that go on to PostgreSQL. */
static const char *const statements[] = {
	"select", "with", "insert", "update", "delete", "merge", "create table", "create temp", "create temporary", "create local",
	"create schema", "create view", "create or replace view", "drop table", "drop schema", "drop view", "alter table", "lock",
	"copy", "truncate", "analyze", "grant", "revoke", "set", "reset", "show", "explain", "comment on",
};

/* Not within a batch: they would end or leave its transaction. */
static const char *const not_in_batches[] = {"truncate", "vacuum", "analyze compression", "alter table append"};
static const char *const ends_of_transactions[] = {"begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release"};

#define LITERAL_MAX 65535		/* a literal is a varchar */

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static size_t
words_of(const char *words)
{
	size_t		count = 1;

	while ((words = strchr(words, ' ')) != NULL)
		words++, count++;
	return count;
}

static bool
begins_with_any(const Sql *sql, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		if (sql_are(sql, 0, list[i]))
			return true;
	}
	return false;
}

static void
refuse_words(Sql *sql, size_t place)
{
	for (size_t i = 0; i < COUNT(not_in_grammar); i++)
	{
		/* a column may be called so, behind its table's name */
		if (sql_are(sql, place, not_in_grammar[i]) && (place == 0 || !sql_is(sql, place - 1, ".")))
			sql_fail_at(sql, place + words_of(not_in_grammar[i]) - 1);
	}
}

static void
refuse_reserved(Sql *sql, size_t place)
{
	for (size_t i = 0; i < COUNT(reserved); i++)
	{
		/* ENCODE delta, SET ... TO off, and COPY's options */
		if (sql_is(sql, place, reserved[i]) && !sql_is(sql, 0, "set") && !sql_is(sql, 0, "copy") && (place == 0 || !sql_is(sql, place - 1, "encode")))
			sql_fail_at(sql, place);
	}
}

static bool
fits(const char *name, const char *pattern)
{
	size_t		len = strlen(pattern);

	return pattern[len - 1] == '*' ? strncmp(name, pattern, len - 1) == 0 : strcmp(name, pattern) == 0;
}

static void
refuse_function(Sql *sql, size_t place)
{
	char	   *name;

	if (!sql_is_name(sql, place) || !sql_is(sql, place + 1, "("))
		return;
	name = sql_plain(sql, place);
	for (size_t i = 0; i < COUNT(not_functions); i++)
	{
		if (fits(name, not_functions[i]))
			sql_fail(sql, "function %s() does not exist\n  Hint: No function matches the given name and argument types. "
					 "You may need to add explicit type casts.", name);
	}
	free(name);
}

/* DATEADD(day, ...): the first argument is a word, which PostgreSQL would take for a column. */
static void
quote_date_part(Sql *sql, size_t place)
{
	char	   *part;

	if ((!sql_is(sql, place, "dateadd") && !sql_is(sql, place, "datediff") && !sql_is(sql, place, "date_part")) ||
		!sql_is(sql, place + 1, "(") || !sql_is(sql, place + 3, ",") ||
		place + 2 >= sql->count || sql->tokens[place + 2].kind != SQL_WORD)
		return;
	part = sql_plain(sql, place + 2);
	sql_replace(sql, place + 2, "'%s'", part);
	free(part);
}

/* Redshift folds names to lower case even in quotes, unless told otherwise. */
static void
fold_name(Sql *sql, size_t place)
{
	Buf			folded = {0};
	const SqlToken *token = &sql->tokens[place];

	if (token->kind != SQL_QUOTED || token->instead != NULL)
		return;
	buf_add(&folded, token->at, token->len);
	for (char *at = folded.data; *at != '\0'; at++)
	{
		if (*at >= 'A' && *at <= 'Z')
			*at += 'a' - 'A';
	}
	sql_replace(sql, place, "%s", folded.data);
	buf_free(&folded);
}

/* The type of CAST(... AS type) and ...::type. */
static void
translate_casts(Sql *sql)
{
	for (size_t i = 0; i < sql->count; i++)
	{
		size_t		end = sql_are(sql, i, "cast (") ? sql_closing(sql, i + 1) : 0;
		int			depth = 0;

		if (sql_is(sql, i, "::"))
			sql_type(sql, i + 1);
		for (size_t at = i + 1; at < end; at++)
		{
			depth += sql_is(sql, at, "(") ? 1 : sql_is(sql, at, ")") ? -1 : 0;
			if (depth == 1 && sql_is(sql, at, "as"))
				sql_type(sql, at + 1);
		}
	}
}

/* Words that mean something else in PostgreSQL, or nothing. */
static void
translate_words(Sql *sql)
{
	for (size_t i = 0; i < sql->count; i++)
	{
		bool		qualified = i > 0 && sql_is(sql, i - 1, ".");

		if (sql->tokens[i].kind == SQL_TEXT && sql->tokens[i].len > LITERAL_MAX + 2)
			sql_fail(sql, "Value too long for character type");
		refuse_words(sql, i);
		refuse_reserved(sql, i);
		refuse_function(sql, i);
		quote_date_part(sql, i);
		fold_name(sql, i);
		if (sql_is(sql, i, "sysdate") && !qualified && !sql_is(sql, i + 1, "("))
			sql_replace(sql, i, "pg_catalog.sysdate()");
		else if (sql_are(sql, i, "json_serialize (") && !qualified)
			sql_replace(sql, i, "pg_catalog.json_serialize");	/* PostgreSQL 17 has its own */
		else if (sql_is(sql, i, "minus") && i > 0 && (sql_is(sql, i + 1, "select") || sql_are(sql, i + 1, "( select")))
			sql_replace(sql, i, "EXCEPT");
		else if (sql_is(sql, i, "::"))
			i++;
	}
}

/* LOCK [TABLE] name, ...: no mode and no NOWAIT. */
static void
check_lock(Sql *sql)
{
	size_t		at = sql_is(sql, 1, "table") ? 2 : 1;
	size_t		behind = sql_skip_name(sql, at);

	while (behind > at && sql_is(sql, behind, ","))
	{
		at = behind + 1;
		behind = sql_skip_name(sql, at);
	}
	if (behind == at || behind < sql->count)
		sql_fail_at(sql, behind);
}

/* Behind "WHEN [NOT] MATCHED THEN", 0 if it is not there. */
static size_t
when_matched(const Sql *sql, size_t from, bool matched)
{
	const char *words = matched ? "when matched" : "when not matched";
	size_t		count = matched ? 2 : 3;

	for (size_t i = from; i < sql->count; i++)
	{
		if (sql_are(sql, i, words))
			return i + count;
	}
	return 0;
}

/*
 * MERGE INTO table USING table [[AS] alias] ON condition, and either both of
 * WHEN MATCHED THEN UPDATE|DELETE and WHEN NOT MATCHED THEN INSERT, in this
 * order and without AND, or REMOVE DUPLICATES, which the lab does not have.
 */
static void
check_merge(Sql *sql)
{
	size_t		target = 2;
	size_t		using = sql_skip_name(sql, target);
	size_t		source = using + 1;
	size_t		on = sql_skip_name(sql, source);
	size_t		matched;
	size_t		not_matched;

	if (!sql_is(sql, 1, "into") || using == target || !sql_is(sql, using, "using"))
	{
		sql_fail_at(sql, sql_is(sql, 1, "into") ? using : 1);
		return;
	}
	if (on == source)
	{
		sql_fail(sql, "MERGE source must be a table, not a view or a subquery");
		return;
	}
	if (sql_is(sql, on, "as"))
		on++;
	if (!sql_is(sql, on, "on"))
		on++;
	matched = when_matched(sql, on, true);
	not_matched = when_matched(sql, on, false);
	if (!sql_is(sql, on, "on"))
		sql_fail_at(sql, on);
	else if (matched == 0 || not_matched == 0 || not_matched < matched)
		sql_fail_at(sql, sql->count);
	else if (!sql_is(sql, matched, "then") || (!sql_is(sql, matched + 1, "update") && !sql_is(sql, matched + 1, "delete")))
		sql_fail_at(sql, sql_is(sql, matched, "then") ? matched + 1 : matched);
	else if (!sql_are(sql, not_matched, "then insert"))
		sql_fail_at(sql, sql_is(sql, not_matched, "then") ? not_matched + 1 : not_matched);
}

/* Of a table's alterations only those that PostgreSQL does as Redshift does. */
static void
check_alter(Sql *sql)
{
	size_t		verb = sql_skip_name(sql, 2);

	if (sql_are(sql, verb, "add column") && sql_is_name(sql, verb + 2))
		sql_type(sql, verb + 3);
	else if (!sql_are(sql, verb, "drop column") && !sql_is(sql, verb, "rename") && !sql_are(sql, verb, "owner to"))
		sql_fail(sql, "the lab has no such ALTER TABLE");
}

static void
check_statement(Sql *sql, bool is_batch)
{
	if (sql->count == 0)
		sql_fail_at(sql, 0);
	else if (is_batch && begins_with_any(sql, not_in_batches, COUNT(not_in_batches)))
		sql_fail(sql, "%.*s cannot run inside a transaction block", (int) sql->tokens[0].len, sql->tokens[0].at);
	else if (begins_with_any(sql, ends_of_transactions, COUNT(ends_of_transactions)))
		sql_fail(sql, "statements that begin or end a transaction are not for the Data API");
	else if (sql_is(sql, 0, "create") && (sql_is(sql, 1, "index") || sql_are(sql, 1, "unique index") || sql_is(sql, 1, "trigger")))
		sql_fail(sql, "SQL command \"%.200s\" not supported on Redshift tables.", sql->text);
	else if (!begins_with_any(sql, statements, COUNT(statements)) && !sql_is(sql, 0, "("))
		sql_fail_at(sql, sql_is(sql, 0, "create") || sql_is(sql, 0, "drop") || sql_is(sql, 0, "alter") ? 1 : 0);
}

void
sql_translate(Sql *sql, bool is_batch)
{
	while (sql->count > 0 && sql_is(sql, sql->count - 1, ";"))
		sql->tokens[--sql->count].kind = SQL_END;
	for (size_t i = 0; i < sql->count; i++)
	{
		if (sql_is(sql, i, ";"))
			sql_fail(sql, "cannot insert multiple commands into a prepared statement");
	}
	check_statement(sql, is_batch);
	if (sql->error != NULL)
		return;
	translate_words(sql);
	translate_casts(sql);
	if (sql_is(sql, 0, "lock"))
		check_lock(sql);
	else if (sql_is(sql, 0, "merge"))
		check_merge(sql);
	else if (sql_are(sql, 0, "alter table"))
		check_alter(sql);
	else if (sql_is(sql, 0, "create"))
		sql_translate_create(sql);
}
