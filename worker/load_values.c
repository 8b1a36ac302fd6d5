/*
 * load_values.c
 *	  The members of a body as the columns of a row.
 *
 * A member goes to the column of exactly its name; of a repeated one the last
 * counts, and those without a column are ignored.  A column without a member
 * gets its default; null is NULL.
 */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "load_work.h"

/* ---- columns ---- */

static int
compare_names(const void *a, const void *b, void *columns)
{
	const AwsxRedshiftColumn *all = columns;

	return strcmp(all[*(const int *) a].name, all[*(const int *) b].name);
}

/* The column of that name, or -1. */
static int
find_column(const LoadMaker *maker, const char *name, size_t len)
{
	const AwsxRedshiftColumn *columns = maker->config->target.columns;
	int			low = 0;
	int			high = maker->config->target.column_count;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		const char *candidate = columns[maker->by_name[middle]].name;
		int			order = strncmp(candidate, name, len);

		if (order == 0 && candidate[len] == '\0')
			return maker->by_name[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

/* Is a default for a SUPER a document? */
static bool
is_document(LoadMaker *maker, const char *text)
{
	AwsxBuf    *wrapped = &maker->scratch;
	JsonObject	object;
	JsonProblem problem;

	awsx_buf_reset(wrapped);
	awsx_buf_printf(wrapped, "{\"a\":%s}", text);
	return !wrapped->failed && json_find_object(wrapped->data, wrapped->len, NULL, NULL, &object, &problem);
}

/* False: out of memory. */
static bool
read_default(LoadMaker *maker, int n)
{
	const AwsxRedshiftColumn *column = &maker->config->target.columns[n];
	LoadDefault *out = &maker->defaults[n];
	bool		document = column->type.kind == AWSX_REDSHIFT_SUPER;

	if (column->default_value == NULL)
		return true;
	if (document && !is_document(maker, column->default_value))
	{
		out->problem = (LoadProblem) {"InvalidJson", "its default is no JSON"};
		return !maker->scratch.failed;
	}
	awsx_buf_reset(&maker->text);
	if (!load_value(&column->type, document ? LOAD_JSON_NESTED : LOAD_JSON_STRING, column->default_value,
					strlen(column->default_value), &maker->text, &out->problem))
		return !maker->text.failed;
	out->value.len = maker->text.len;
	out->value.text = load_keep_text(maker->memory, maker->text.data, maker->text.len);
	return out->value.text != NULL;
}

bool
load_columns(LoadMaker *maker)
{
	size_t		count = (size_t) maker->config->target.column_count;

	awsx_buf_init(&maker->scratch, 0);
	awsx_buf_init(&maker->text, 0);
	maker->defaults = calloc(count, sizeof(LoadDefault));
	maker->by_name = calloc(count, sizeof(int));
	maker->members = calloc(count, sizeof(JsonValue));
	maker->present = calloc(count, sizeof(bool));
	if (maker->defaults == NULL || maker->by_name == NULL || maker->members == NULL || maker->present == NULL)
		return false;
	for (int i = 0; i < (int) count; i++)
	{
		maker->by_name[i] = i;
		if (!read_default(maker, i))
			return false;
	}
	qsort_r(maker->by_name, count, sizeof(int), compare_names, (void *) maker->config->target.columns);
	return true;
}

void
load_columns_free(LoadMaker *maker)
{
	free(maker->defaults);
	free(maker->by_name);
	free(maker->members);
	free(maker->present);
	awsx_buf_free(&maker->scratch);
	awsx_buf_free(&maker->text);
}

/* ---- values ---- */

/* The column that a member fills, or -1.  False: out of memory. */
static bool
find_member(LoadMaker *maker, const JsonValue *name, int *n)
{
	AwsxBuf    *plain = &maker->scratch;

	*n = -1;
	if (!name->escaped)
	{
		*n = find_column(maker, name->start, name->len);
		return true;
	}
	awsx_buf_reset(plain);
	if (!json_unescape(name, plain))
		return false;
	if (memchr(plain->data, '\0', plain->len) == NULL)
		*n = find_column(maker, plain->data, plain->len);
	return true;
}

/* Where each column's member lies.  False: rejected, since there is none, or out of memory. */
static bool
find_members(LoadMaker *maker, const JsonValue *body, LoadRow *row)
{
	JsonMembers members = json_members(body->start, body->len);
	JsonValue	name;
	JsonValue	value;
	bool		any = false;

	memset(maker->present, 0, sizeof(bool) * (size_t) maker->config->target.column_count);
	while (json_members_next(&members, &name, &value))
	{
		int			n;

		if (!find_member(maker, &name, &n))
			return false;
		if (n < 0)
			continue;
		maker->members[n] = value;
		maker->present[n] = true;
		any = true;
	}
	return any || load_reject_row(row, "NoColumns",
								  "the body has no key that is a column of the target; keys must be spelled like the columns, upper and lower case included");
}

static LoadJsonKind
kind_of(const JsonValue *value)
{
	switch (value->kind)
	{
		case JSON_VALUE_NULL:
			return LOAD_JSON_NULL;
		case JSON_VALUE_STRING:
			return LOAD_JSON_STRING;
		case JSON_VALUE_NUMBER:
			return LOAD_JSON_NUMBER;
		case JSON_VALUE_BOOLEAN:
			return LOAD_JSON_BOOLEAN;
		default:
			return LOAD_JSON_NESTED;
	}
}

/* The column's name, as far as it fits into a reason. */
static bool
reject_value(const LoadMaker *maker, int n, LoadRow *row, const LoadProblem *problem)
{
	return load_reject_row(row, problem->code, "column \"%.90s\": %s",
						   maker->config->target.columns[n].name, problem->reason);
}

static bool
set_member(LoadMaker *maker, int n, LoadRow *row)
{
	const AwsxRedshiftType *type = &maker->config->target.columns[n].type;
	const JsonValue *member = &maker->members[n];
	const char *text = member->start;
	size_t		len = member->len;
	LoadProblem problem;

	if (member->kind == JSON_VALUE_NULL)
		return true;
	if (member->escaped)
	{
		awsx_buf_reset(&maker->scratch);
		if (!json_unescape(member, &maker->scratch))
			return false;
		text = maker->scratch.data;
		len = maker->scratch.len;
	}
	awsx_buf_reset(&maker->text);
	if (!load_value(type, kind_of(member), text, len, &maker->text, &problem))
		return problem.code != NULL && reject_value(maker, n, row, &problem);
	row->values[n].len = maker->text.len;
	row->values[n].text = load_keep_text(maker->memory, maker->text.data, maker->text.len);
	return row->values[n].text != NULL;
}

static bool
is_needed(const LoadConfig *config, int n)
{
	for (int i = 0; i < config->key_count; i++)
	{
		if (config->key[i] == n)
			return true;
	}
	return config->version == n || config->target.columns[n].not_null;
}

static bool
set_value(LoadMaker *maker, int n, LoadRow *row)
{
	const LoadConfig *config = maker->config;

	if (maker->present[n])
	{
		if (!set_member(maker, n, row))
			return false;
	}
	else if (maker->defaults[n].problem.code != NULL)
		return reject_value(maker, n, row, &maker->defaults[n].problem);
	else
		row->values[n] = maker->defaults[n].value;
	if (row->values[n].text == NULL && is_needed(config, n))
		return load_reject_row(row, "NullValue", "column \"%.127s\" must have a value, and the body %s",
							   config->target.columns[n].name, maker->present[n] ? "has null" : "does not have it");
	row->bytes += row->values[n].len;
	return true;
}

bool
load_values(LoadMaker *maker, const JsonValue *body, LoadRow *row)
{
	int			count = maker->config->target.column_count;

	if (!find_members(maker, body, row))
		return false;
	row->values = load_keep(maker->memory, NULL, sizeof(LoadValue) * (size_t) count);
	for (int i = 0; i < count; i++)
	{
		if (row->values == NULL || !set_value(maker, i, row))
			return false;
	}
	return true;
}
