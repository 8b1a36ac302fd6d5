/*
 * load_config_table.c
 *	  The tables of a configuration of sqs_to_redshift: the target with its
 *	  columns and keys, and the ledger.
 *
 * Names and texts stay where they are, in the document; what the document
 * has in another form lies in the reader's memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load_config_read.h"
#include "load_value.h"

/* ---- columns ---- */

static bool
is_document(const char *text)
{
	json_t	   *value = json_loads(text, JSON_DECODE_ANY, NULL);

	json_decref(value);
	return value != NULL;
}

/* What a default is as a value of JSON: for SUPER a string is the text of a document. */
static bool
default_kind(const json_t *value, bool super, LoadJsonKind *kind, char digits[32], const char **text)
{
	document_digits(value, digits);
	*kind = json_is_string(value) ? super ? LOAD_JSON_NESTED : LOAD_JSON_STRING :
		json_is_integer(value) ? LOAD_JSON_NUMBER : LOAD_JSON_BOOLEAN;
	*text = json_is_string(value) ? json_string_value(value) : json_is_integer(value) ? digits :
		json_is_true(value) ? "true" : "false";
	return json_is_string(value) || json_is_integer(value) || json_is_boolean(value);
}

/* The default's text, as that of a message's value would be. */
static bool
read_default(LoadConfigReader *reader, const char *where, json_t *value, int n)
{
	AwsxRedshiftColumn *column = &reader->memory->columns[n];
	LoadProblem problem = {0};
	LoadJsonKind kind;
	char		digits[32];
	const char *text;
	AwsxBuf		written;
	bool		fits;

	if (value == NULL || json_is_null(value))
		return true;
	if (!default_kind(value, column->type.kind == AWSX_REDSHIFT_SUPER, &kind, digits, &text))
		return awsx_error_set(reader->error, AWSX_ERR_CONFIG,
							  "%s: \"default\" must be a string, a whole number, true, false or null "
							  "(write a number with a fraction as a string)", where);
	if (kind == LOAD_JSON_NESTED && !is_document(text))
		return awsx_error_set(reader->error, AWSX_ERR_CONFIG, "%s: \"default\" of type SUPER must be the text of a JSON document", where);
	awsx_buf_init(&written, 0);
	fits = load_value(&column->type, kind, text, strlen(text), &written, &problem);
	awsx_buf_puts(&written, "");
	column->default_value = reader->memory->defaults[n] = fits ? awsx_buf_take(&written, NULL) : NULL;
	awsx_buf_free(&written);
	if (!fits && problem.code != NULL)
		return awsx_error_set(reader->error, AWSX_ERR_CONFIG, "%s: \"default\" is no value of the column's type: %.300s",
							  where, problem.reason);
	return column->default_value != NULL || setting_no_memory(reader->error);
}

static bool
read_column(LoadConfigReader *reader, json_t *object, int n)
{
	static const char *const allowed[] = {"name", "type", "not_null", "default", NULL};
	AwsxRedshiftColumn *column = &reader->memory->columns[n];
	AwsxError  *error = reader->error;
	AwsxError	problem;
	char		where[200];
	const char *type;

	snprintf(where, sizeof(where), "%.100s: columns[%d]", reader->where, n);
	if (!json_is_object(object))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "%s must be an object", where);
	if (!document_members(object, where, allowed, error) ||
		!document_text(object, where, "name", true, &column->name, error) ||
		!document_text(object, where, "type", true, &type, error) ||
		!document_flag(object, where, "not_null", &column->not_null, error))
		return false;
	awsx_error_clear(&problem);
	if (!awsx_redshift_type_read(type, &column->type, &problem))
		return awsx_error_set(error, problem.kind, "%s: \"type\": %.400s", where, problem.message);
	return read_default(reader, where, json_object_get(object, "default"), n);
}

static bool
read_columns(LoadConfigReader *reader)
{
	LoadConfigMemory *memory = reader->memory;
	json_t	   *array = json_object_get(reader->root, "columns");
	size_t		count = json_array_size(array);

	if (count < 1 || count > AWSX_REDSHIFT_MAX_COLUMNS)
		return awsx_error_set(reader->error, AWSX_ERR_CONFIG, "%s: \"columns\" must be an array of 1 to %d columns",
							  reader->where, AWSX_REDSHIFT_MAX_COLUMNS);
	memory->columns = calloc(count, sizeof(AwsxRedshiftColumn));
	memory->defaults = calloc(count, sizeof(char *));
	if (memory->columns == NULL || memory->defaults == NULL)
		return setting_no_memory(reader->error);
	memory->column_count = (int) count;
	for (int i = 0; i < (int) count; i++)
	{
		if (!read_column(reader, json_array_get(array, (size_t) i), i))
			return false;
	}
	reader->config->target.columns = memory->columns;
	reader->config->target.column_count = memory->column_count;
	return true;
}

/* ---- what names a column ---- */

/* The column's place; -1 and the error when there is none. */
static int
find_column(LoadConfigReader *reader, const char *member, const char *name)
{
	const AwsxRedshiftTable *target = &reader->config->target;

	for (int i = 0; i < target->column_count; i++)
	{
		if (strcmp(target->columns[i].name, name) == 0)
			return i;
	}
	awsx_error_set(reader->error, AWSX_ERR_CONFIG, "%s: \"%s\": \"columns\" has no column \"%.127s\"",
				   reader->where, member, name);
	return -1;
}

/* The array's length, 0 also when it is absent or null; -1 and the error when it is none of names. */
static int
names_in(LoadConfigReader *reader, const char *member)
{
	json_t	   *array = json_object_get(reader->root, member);
	size_t		count = json_array_size(array);
	size_t		names = 0;

	if (array == NULL || json_is_null(array))
		return 0;
	while (names < count && document_is_text(json_array_get(array, names)))
		names++;
	if (json_is_array(array) && names == count && count <= AWSX_REDSHIFT_MAX_COLUMNS)
		return (int) count;
	awsx_error_set(reader->error, AWSX_ERR_CONFIG, "%s: \"%s\" must be an array of names of columns",
				   reader->where, member);
	return -1;
}

static const char *
name_at(const LoadConfigReader *reader, const char *member, int n)
{
	return json_string_value(json_array_get(json_object_get(reader->root, member), (size_t) n));
}

static bool
is_key(const LoadConfig *config, int column)
{
	for (int i = 0; i < config->key_count; i++)
	{
		if (config->key[i] == column)
			return true;
	}
	return false;
}

static bool
read_key(LoadConfigReader *reader)
{
	LoadConfig *config = reader->config;
	int			count = names_in(reader, "key");

	if (count <= 0)
		return count == 0;
	config->key = calloc((size_t) count, sizeof(int));
	if (config->key == NULL)
		return setting_no_memory(reader->error);
	for (int i = 0; i < count; i++)
	{
		int			column = find_column(reader, "key", name_at(reader, "key", i));

		if (column < 0)
			return false;
		if (is_key(config, column) || config->target.columns[column].type.kind == AWSX_REDSHIFT_SUPER)
			return awsx_error_set(reader->error, AWSX_ERR_CONFIG,
								  "%s: \"key\" must name columns that can be compared, not super, each once", reader->where);
		config->key[config->key_count++] = column;
	}
	return true;
}

static bool
read_version(LoadConfigReader *reader)
{
	LoadConfig *config = reader->config;
	AwsxRedshiftKind kind;
	const char *name;

	config->version = -1;
	if (!document_text(reader->root, reader->where, "version", false, &name, reader->error))
		return false;
	if (name == NULL)
		return true;
	config->version = find_column(reader, "version", name);
	if (config->version < 0)
		return false;
	kind = config->target.columns[config->version].type.kind;
	if (config->key_count > 0 && !is_key(config, config->version) &&
		kind != AWSX_REDSHIFT_SUPER && kind != AWSX_REDSHIFT_BOOLEAN)
		return true;
	return awsx_error_set(reader->error, AWSX_ERR_CONFIG,
						  "%s: \"version\" must name a column with an order, neither boolean nor super, beside those of \"key\"",
						  reader->where);
}

/* Absent it is the first of the key; null leaves the choice to Redshift. */
static bool
read_distkey(LoadConfigReader *reader)
{
	LoadConfig *config = reader->config;
	const char *name;

	if (json_object_get(reader->root, "distkey") == NULL)
	{
		if (config->key_count > 0)
			config->target.distkey = config->target.columns[config->key[0]].name;
		return true;
	}
	if (!document_text(reader->root, reader->where, "distkey", false, &name, reader->error))
		return false;
	config->target.distkey = name;
	return name == NULL || find_column(reader, "distkey", name) >= 0;
}

static bool
read_sortkeys(LoadConfigReader *reader)
{
	LoadConfigMemory *memory = reader->memory;
	AwsxRedshiftTable *target = &reader->config->target;
	int			count = names_in(reader, "sortkey");

	if (count <= 0)
		return count == 0;
	memory->sortkeys = calloc((size_t) count, sizeof(char *));
	if (memory->sortkeys == NULL)
		return setting_no_memory(reader->error);
	for (int i = 0; i < count; i++)
	{
		memory->sortkeys[i] = name_at(reader, "sortkey", i);
		if (find_column(reader, "sortkey", memory->sortkeys[i]) < 0)
			return false;
	}
	target->sortkeys = memory->sortkeys;
	target->sortkey_count = count;
	return true;
}

/* ---- tables ---- */

static bool
read_name(LoadConfigReader *reader, const char *member, const char *fallback, char *schema, char *name)
{
	AwsxError	problem;
	const char *text;

	if (!document_text(reader->root, reader->where, member, fallback == NULL, &text, reader->error))
		return false;
	awsx_error_clear(&problem);
	if (awsx_redshift_name_read(text != NULL ? text : fallback, schema, name, &problem))
		return true;
	return awsx_error_set(reader->error, problem.kind, "%.100s: \"%s\": %.400s", reader->where, member, problem.message);
}

static bool
check_tables(LoadConfigReader *reader)
{
	const LoadConfigMemory *memory = reader->memory;
	AwsxError	problem;

	awsx_error_clear(&problem);
	if (!awsx_redshift_table_check(&reader->config->target, &problem))
		return awsx_error_set(reader->error, problem.kind, "%.100s: %.480s", reader->where, problem.message);
	if (strcmp(memory->schema, memory->ledger_schema) == 0 && strcmp(memory->name, memory->ledger_name) == 0)
		return awsx_error_set(reader->error, AWSX_ERR_CONFIG, "%s: \"table\" and \"ledger\" must be two tables",
							  reader->where);
	return true;
}

bool
load_config_read_tables(LoadConfigReader *reader)
{
	LoadConfigMemory *memory = reader->memory;
	AwsxRedshiftTable *target = &reader->config->target;

	target->schema = memory->schema;
	target->name = memory->name;
	if (!read_name(reader, "table", NULL, memory->schema, memory->name) ||
		!read_name(reader, "ledger", "public.sqs_ledger", memory->ledger_schema, memory->ledger_name) ||
		!read_columns(reader) || !read_key(reader) || !read_version(reader) ||
		!read_distkey(reader) || !read_sortkeys(reader))
		return false;
	reader->config->ledger = awsx_redshift_ledger(memory->ledger_schema, memory->ledger_name);
	return check_tables(reader);
}
