/*
 * redshift_copy.c
 *		COPY ... FROM 's3://...' ... FORMAT JSON 'auto', from the lab's own S3.
 *
 * Its objects' documents go into a temporary table by PostgreSQL's COPY, and
 * from there into the target, member by member: json_populate_record gives each
 * column the literal that stands in the document, and NULL where there is none.
 * All of it is part of the transaction that the statement is in.
 */
#include "redshift.h"

#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "redshift_sql.h"
#include "s3.h"

typedef struct Copy
{
	size_t		table;			/* places of tokens */
	size_t		behind_table;
	size_t		columns;		/* the parenthesis, 0: there is none */
	char	   *url;
	bool		authorised;
	bool		is_json;
} Copy;

/* Options with a value that must be this; anything else the lab does not do. */
static const char *const options[][2] = {
	{"timeformat", "auto"}, {"dateformat", "auto"}, {"maxerror", "0"}, {"encoding", "utf8"}, {"region", NULL},
	{"statupdate", NULL}, {"compupdate", NULL},
};

static size_t
read_option(Sql *sql, size_t place)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
	{
		size_t		value = place + 1 + sql_is(sql, place + 1, "as");
		char	   *text;
		bool		fits;

		if (!sql_is(sql, place, options[i][0]) || value >= sql->count)
			continue;
		text = sql_plain(sql, value);
		fits = options[i][1] == NULL || strcmp(text, options[i][1]) == 0;
		free(text);
		if (fits)
			return value + 1;
	}
	sql_fail_at(sql, place);
	return place + 1;
}

/* 'auto', the only way of mapping that the lab knows. */
static size_t
read_json(Copy *copy, Sql *sql, size_t place)
{
	char	   *how;

	place += sql_is(sql, place, "as");
	copy->is_json = true;
	if (place >= sql->count || sql->tokens[place].kind != SQL_TEXT)
		return place;			/* FORMAT JSON alone is 'auto' */
	how = sql_plain(sql, place);
	if (strcmp(how, "auto") != 0)
		sql_fail(sql, "the lab's COPY knows no JSON mapping but 'auto'");
	free(how);
	return place + 1;
}

static size_t
read_clause(Copy *copy, Sql *sql, size_t place)
{
	if (sql_is(sql, place, "iam_role"))
	{
		if (!sql_is(sql, place + 1, "default") && (place + 1 >= sql->count || sql->tokens[place + 1].kind != SQL_TEXT))
			sql_fail_at(sql, place + 1);
		copy->authorised = true;
		return place + 2;
	}
	if (sql_is(sql, place, "format"))
	{
		place += 1 + sql_is(sql, place + 1, "as");
		if (!sql_is(sql, place, "json"))
			sql_fail(sql, "the lab's COPY knows no format but JSON");
		return read_json(copy, sql, place + 1);
	}
	if (sql_is(sql, place, "json"))
		return read_json(copy, sql, place + 1);
	return read_option(sql, place);
}

static void
read_copy(Copy *copy, Sql *sql)
{
	size_t		place;

	copy->table = 1;
	copy->behind_table = place = sql_skip_name(sql, 1);
	if (sql_is(sql, place, "("))
	{
		copy->columns = place;
		place = sql_closing(sql, place) + 1;
	}
	if (place == 1 || !sql_is(sql, place, "from") || place + 1 >= sql->count || sql->tokens[place + 1].kind != SQL_TEXT)
	{
		sql_fail_at(sql, place == 1 || !sql_is(sql, place, "from") ? place : place + 1);
		return;
	}
	copy->url = sql_plain(sql, place + 1);
	for (place += 2; place < sql->count && sql->error == NULL;)
		place = read_clause(copy, sql, place);
	if (!copy->authorised)
		sql_fail(sql, "COPY needs an authorization: IAM_ROLE default, or its ARN");
	else if (!copy->is_json)
		sql_fail(sql, "the lab's COPY knows no format but JSON");
}

/* All objects whose key begins so; what is wrong is an error of the statement. */
static void
read_objects(Sql *sql, const char *url, Buf *rows)
{
	size_t		len = strncmp(url, "s3://", 5) == 0 ? strcspn(url + 5, "/") : 0;
	char	   *name = mem_strndup(url + 5 * (len > 0), len);
	const char *prefix = len > 0 && url[5 + len] == '/' ? url + 5 + len + 1 : "";
	S3Bucket   *bucket = s3_find_bucket(name);
	const char *last = "";
	size_t		objects = 0;

	if (len == 0)
		sql_fail(sql, "Invalid S3 URL \"%s\"", url);
	else if (bucket == NULL)
		sql_fail(sql, "S3ServiceException:The specified bucket does not exist,Status 404,Error NoSuchBucket");
	for (size_t i = bucket != NULL ? s3_lower_bound(bucket, prefix) : 0; bucket != NULL && i < bucket->n_versions; i++)
	{
		const S3Version *version = bucket->versions[i];
		const char *wrong = NULL;

		if (strncmp(version->key, prefix, strlen(prefix)) != 0)
			break;
		if (strcmp(version->key, last) == 0 || version->blob == NULL)
		{
			last = version->key;	/* an older version, or deleted */
			continue;
		}
		last = version->key;
		objects++;
		if (version->synthetic != NULL)
			sql_fail(sql, "the lab's COPY reads no object whose bytes are made when they are read");
		wrong = redshift_read_lines(version->blob->data, version->blob->len, rows);
		journal_effect("redshift.copy", "ssIs", "bucket", name, "key", version->key,
					   "size", (json_int_t) version->blob->len, "wrong", wrong);
		if (wrong != NULL)
			sql_fail(sql, "%s", "");	/* the caller words it */
	}
	if (objects == 0 && sql->error == NULL)
		sql_fail(sql, "The specified S3 prefix '%s' does not exist", prefix);
	free(name);
}

/* (a, b) as r.a, r.b; without a list all of them. */
static void
add_columns(const Sql *sql, const Copy *copy, Buf *out)
{
	size_t		end = copy->columns != 0 ? sql_closing(sql, copy->columns) : 0;

	if (copy->columns == 0)
		buf_adds(out, "r.*");
	for (size_t i = copy->columns + 1; i < end; i++)
	{
		if (sql_is_name(sql, i))
			buf_adds(out, "r.");
		sql_write(sql, i, i + 1, out);
	}
}

static void
add_step(RedshiftPlan *plan, Buf *text, bool counts)
{
	plan->steps[plan->count++] = (RedshiftStep) {.sql = text->data,.counts = counts};
	*text = (Buf) {0};
}

static void
add_steps(RedshiftPlan *plan, const Sql *sql, const Copy *copy, Buf *rows)
{
	Buf			text = {0};

	buf_adds(&text, "CREATE TEMP TABLE awslab_documents (document json) ON COMMIT DROP");
	add_step(plan, &text, false);
	buf_adds(&text, "COPY pg_temp.awslab_documents FROM STDIN (FORMAT binary)");
	add_step(plan, &text, false);
	plan->steps[plan->count - 1].input = *rows;
	*rows = (Buf) {0};
	buf_adds(&text, "INSERT INTO ");
	sql_write(sql, copy->table, copy->columns != 0 ? sql_closing(sql, copy->columns) + 1 : copy->behind_table, &text);
	buf_adds(&text, " SELECT ");
	add_columns(sql, copy, &text);
	buf_adds(&text, " FROM pg_temp.awslab_documents AS d, json_populate_record(NULL::");
	sql_write(sql, copy->table, copy->behind_table, &text);
	buf_adds(&text, ", d.document) AS r");
	add_step(plan, &text, true);
	buf_adds(&text, "DROP TABLE pg_temp.awslab_documents");
	add_step(plan, &text, false);
}

void
redshift_plan_copy(RedshiftPlan *plan, Sql *sql)
{
	static const char head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";	/* 19 bytes, without the last NUL */
	Copy		copy = {0};
	Buf			rows = {0};

	read_copy(&copy, sql);
	if (sql->error == NULL)
	{
		plan->loads = sql_plain(sql, copy.behind_table - 1);
		buf_add(&rows, head, 19);
		read_objects(sql, copy.url, &rows);
		buf_add(&rows, "\377\377", 2);
	}
	if (sql->error == NULL)
		add_steps(plan, sql, &copy, &rows);
	else if (strcmp(sql->error, "ERROR: ") == 0)
	{
		free(sql->error);
		sql->error = NULL;
		sql_fail(sql, REDSHIFT_LOAD_FAILED, plan->loads);
	}
	buf_free(&rows);
	free(copy.url);
}
