/*
 * redshift_table.c
 *	  A table as DDL and as a configuration document, and the ledger.
 *
 * Redshift enforces no keys and yet plans as if they held, so none are
 * declared: what keeps them is the transaction that loads.
 */
#include "redshift_table.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

/* The ledger's dedup_key: a group's name and an id, of 128 characters each, or a text of the
 * message. */
#define LEDGER_KEY_BYTES 512

/* s3://bucket/key?versionId=... with its place in the object. */
#define LEDGER_SOURCE_BYTES 4096

#define MAX_SORTKEYS 400

const char awsx_redshift_now[] = "now";

#define TEXT_OF(bytes)                                                                             \
	{                                                                                              \
		AWSX_REDSHIFT_VARCHAR, (bytes), 0, 0                                                       \
	}

static const AwsxRedshiftColumn ledger_columns[] = {
	[AWSX_REDSHIFT_LEDGER_SUBSCRIPTION] = {"subscription", TEXT_OF(63), true, NULL},
	[AWSX_REDSHIFT_LEDGER_DEDUP_KEY] = {"dedup_key", TEXT_OF(LEDGER_KEY_BYTES), true, NULL},
	[AWSX_REDSHIFT_LEDGER_CONTENT_HASH] = {"content_hash",
										   {AWSX_REDSHIFT_CHAR, 64, 0, 0},
										   true,
										   NULL},
	[AWSX_REDSHIFT_LEDGER_MESSAGE_ID] = {"message_id", TEXT_OF(128), false, NULL},
	[AWSX_REDSHIFT_LEDGER_SEQUENCE_NUMBER] = {"sequence_number", TEXT_OF(40), false, NULL},
	[AWSX_REDSHIFT_LEDGER_SOURCE] = {"source", TEXT_OF(LEDGER_SOURCE_BYTES), false, NULL},
	[AWSX_REDSHIFT_LEDGER_APPLIED_AT] = {"applied_at",
										 {AWSX_REDSHIFT_TIMESTAMPTZ, 0, 0, 0},
										 true,
										 awsx_redshift_now},
};

AwsxRedshiftTable
awsx_redshift_ledger(const char *schema, const char *name)
{
	static const char *const sortkeys[] = {"applied_at"};
	AwsxRedshiftTable ledger = {.schema = schema,
								.name = name,
								.column_count = AWSX_REDSHIFT_LEDGER_COLUMNS,
								.columns = ledger_columns,
								.distkey = "dedup_key",
								.sortkey_count = 1,
								.sortkeys = sortkeys};

	return ledger;
}

/*----------
 * Checks
 *----------
 */

static const AwsxRedshiftColumn *
find_column(const AwsxRedshiftTable *table, const char *name)
{
	for (int i = 0; i < table->column_count; i++)
	{
		if (strcmp(table->columns[i].name, name) == 0)
			return &table->columns[i];
	}
	return NULL;
}

/* So many digits before and behind the point? */
static bool
fits_decimal(const AwsxRedshiftType *type, const char *text)
{
	size_t		whole;
	size_t		fraction = 0;

	text += *text == '-';
	while (text[0] == '0' && text[1] != '\0')
		text++;
	whole = strspn(text, "0123456789");
	if (text[whole] == '.' && (fraction = strspn(text + whole + 1, "0123456789")) == 0)
		return false;
	if (text[whole + (text[whole] == '.') + fraction] != '\0' || whole + fraction == 0)
		return false;
	return fraction <= (size_t) type->scale &&
		   whole <= (size_t) (type->precision - type->scale) + (text[0] == '0');
}

/* Digits of no more than the largest number's. */
static bool
fits_integer(const char *text, const char *largest)
{
	size_t		digits;

	text += *text == '-';
	while (text[0] == '0' && text[1] != '\0')
		text++;
	digits = strspn(text, "0123456789");
	if (text[digits] != '\0' || digits == 0)
		return false;
	return digits < strlen(largest) || (digits == strlen(largest) && strcmp(text, largest) <= 0);
}

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
	{
		if ((unsigned char) *text >= 0x80)
			return false;
	}
	return true;
}

static bool
default_fits(const AwsxRedshiftType *type, const char *text)
{
	size_t		len = strlen(text);

	for (size_t i = 0, step; i < len; i += step)
	{
		step = awsx_text_utf8_sequence(text + i, len - i);
		if (step == 0)
			return false;
	}
	switch (type->kind)
	{
		case AWSX_REDSHIFT_SMALLINT:
			return fits_integer(text, *text == '-' ? "32768" : "32767");
		case AWSX_REDSHIFT_INTEGER:
			return fits_integer(text, *text == '-' ? "2147483648" : "2147483647");
		case AWSX_REDSHIFT_BIGINT:
			return fits_integer(text, *text == '-' ? "9223372036854775808" : "9223372036854775807");
		case AWSX_REDSHIFT_DECIMAL:
			return fits_decimal(type, text);
		case AWSX_REDSHIFT_BOOLEAN:
			return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
		case AWSX_REDSHIFT_CHAR:
			return len <= (size_t) type->length && is_ascii(text);
		case AWSX_REDSHIFT_VARCHAR:
			return len <= (size_t) type->length;
		default:
			return len > 0;
	}
}

static bool
check_column(const AwsxRedshiftTable *table, int i, AwsxError *error)
{
	const AwsxRedshiftColumn *column = &table->columns[i];
	AwsxError	problem = {0};

	if (!awsx_redshift_name_check(column->name, "column", error))
		return false;
	for (int other = 0; other < i; other++)
	{
		if (awsx_text_equal(table->columns[other].name, column->name))
			return awsx_error_set(
				error, AWSX_ERR_CONFIG,
				"there are two columns \"%s\", for Redshift does not tell upper from lower case",
				column->name);
	}
	if (!awsx_redshift_type_check(&column->type, column->name, &problem))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "column \"%s\": %s", column->name,
							  problem.message);
	if (column->default_value == NULL || column->default_value == awsx_redshift_now ||
		default_fits(&column->type, column->default_value))
		return true;
	return awsx_error_set(error, AWSX_ERR_CONFIG,
						  "the default of column \"%s\" is no value of its type", column->name);
}

/* Is it a column that rows can be distributed or sorted by? */
static bool
check_key(const AwsxRedshiftTable *table, const char *name, const char *what, AwsxError *error)
{
	const AwsxRedshiftColumn *column = find_column(table, name);

	if (column == NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s \"%.127s\" is none of the table's columns", what, name);
	if (column->type.kind == AWSX_REDSHIFT_SUPER)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s \"%s\" is of type SUPER, which Redshift does not allow", what,
							  name);
	return true;
}

static bool
check_keys(const AwsxRedshiftTable *table, AwsxError *error)
{
	if (table->distkey != NULL && !check_key(table, table->distkey, "distkey", error))
		return false;
	if (table->sortkey_count > MAX_SORTKEYS)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "there are more than %d columns in the sortkey", MAX_SORTKEYS);
	for (int i = 0; i < table->sortkey_count; i++)
	{
		if (!check_key(table, table->sortkeys[i], "sortkey", error))
			return false;
		for (int other = 0; other < i; other++)
		{
			if (strcmp(table->sortkeys[other], table->sortkeys[i]) == 0)
				return awsx_error_set(error, AWSX_ERR_CONFIG,
									  "column \"%s\" is twice in the sortkey", table->sortkeys[i]);
		}
	}
	return true;
}

bool
awsx_redshift_table_check(const AwsxRedshiftTable *table, AwsxError *error)
{
	if (!awsx_redshift_name_check(table->schema, "schema", error) ||
		!awsx_redshift_name_check(table->name, "table", error))
		return false;
	if (table->column_count < 1 || table->column_count > AWSX_REDSHIFT_MAX_COLUMNS)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "table \"%s\" has %d columns; Redshift takes 1 to %d", table->name,
							  table->column_count, AWSX_REDSHIFT_MAX_COLUMNS);
	for (int i = 0; i < table->column_count; i++)
	{
		if (!check_column(table, i, error))
			return false;
	}
	return check_keys(table, error);
}

/*----------
 * DDL
 *----------
 */

static void
put_column(AwsxBuf *sql, const AwsxRedshiftColumn *column)
{
	awsx_redshift_name(sql, column->name);
	awsx_buf_putc(sql, ' ');
	awsx_redshift_type_write(&column->type, sql);
	if (column->default_value != NULL)
		awsx_buf_puts(sql, " DEFAULT ");
	if (column->default_value == awsx_redshift_now)
		awsx_buf_puts(sql, "GETDATE()");
	else if (column->default_value != NULL)
		awsx_redshift_value(sql, &column->type, column->default_value,
							strlen(column->default_value));
	if (column->not_null)
		awsx_buf_puts(sql, " NOT NULL");
}

bool
awsx_redshift_table_ddl(const AwsxRedshiftTable *table, AwsxBuf *sql)
{
	awsx_buf_puts(sql, "CREATE TABLE IF NOT EXISTS ");
	awsx_redshift_table_name(sql, table);
	awsx_buf_puts(sql, " (\n");
	for (int i = 0; i < table->column_count; i++)
	{
		awsx_buf_puts(sql, "    ");
		put_column(sql, &table->columns[i]);
		awsx_buf_puts(sql, i + 1 < table->column_count ? ",\n" : "\n");
	}
	awsx_buf_puts(sql,
				  table->distkey != NULL ? ")\nDISTSTYLE KEY\nDISTKEY (" : ")\nDISTSTYLE AUTO");
	if (table->distkey != NULL)
	{
		awsx_redshift_name(sql, table->distkey);
		awsx_buf_putc(sql, ')');
	}
	for (int i = 0; i < table->sortkey_count; i++)
	{
		awsx_buf_puts(sql, i == 0 ? "\nSORTKEY (" : ", ");
		awsx_redshift_name(sql, table->sortkeys[i]);
	}
	return awsx_buf_puts(sql, table->sortkey_count > 0 ? ");\n" : ";\n");
}

bool
awsx_redshift_tables_ddl(const AwsxRedshiftTable *ledger, const AwsxRedshiftTable *target, AwsxBuf *sql)
{
	awsx_redshift_table_ddl(ledger, sql);
	awsx_buf_putc(sql, '\n');
	return awsx_redshift_table_ddl(target, sql);
}

/*----------
 * The configuration document
 *----------
 */

static void
put_string(AwsxBuf *json, const char *text)
{
	awsx_buf_json_string(json, text, strlen(text));
}

static void
put_member(AwsxBuf *json, const char *name, const char *value)
{
	awsx_buf_printf(json, ",\n  \"%s\": ", name);
	put_string(json, value);
}

static void
put_list(AwsxBuf *json, const char *name, const char *const *values, int count)
{
	awsx_buf_printf(json, ",\n  \"%s\": [", name);
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			awsx_buf_puts(json, ", ");
		put_string(json, values[i]);
	}
	awsx_buf_putc(json, ']');
}

/* A part of a name, in quotes where it would else be read as another. */
static void
put_name_part(AwsxBuf *out, const char *name)
{
	size_t		plain = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

	if (name[plain] == '\0' && !awsx_text_is_digit(name[0]))
		awsx_buf_puts(out, name);
	else
		awsx_redshift_name(out, name);
}

bool
awsx_redshift_name_write(AwsxBuf *out, const char *schema, const char *name)
{
	put_name_part(out, schema);
	awsx_buf_putc(out, '.');
	put_name_part(out, name);
	return !out->failed;
}

/* An integer that every reader of JSON can hold, and a truth value, are written as they are. */
static bool
is_json_plain(const AwsxRedshiftColumn *column)
{
	const char *text = column->default_value;
	const char *number = text + (*text == '-');
	size_t		digits = strspn(number, "0123456789");

	if (column->type.kind == AWSX_REDSHIFT_BOOLEAN)
		return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
	if (column->type.kind > AWSX_REDSHIFT_BIGINT || number[digits] != '\0')
		return false;
	return digits >= 1 && digits <= 15 && (digits == 1 || *number != '0');
}

static void
put_column_document(AwsxBuf *json, const AwsxRedshiftColumn *column)
{
	AwsxBuf		type;

	awsx_buf_init(&type, 0);
	if (!awsx_redshift_type_write(&column->type, &type))
		json->failed = true;
	awsx_buf_puts(json, "{\"name\": ");
	put_string(json, column->name);
	awsx_buf_printf(json, ", \"type\": \"%s\"", type.data);
	if (column->not_null)
		awsx_buf_puts(json, ", \"not_null\": true");
	if (column->default_value != NULL)
	{
		awsx_buf_puts(json, ", \"default\": ");
		if (is_json_plain(column))
			awsx_buf_puts(json, column->default_value);
		else
			put_string(json, column->default_value);
	}
	awsx_buf_putc(json, '}');
	awsx_buf_free(&type);
}

static void
put_table_name(AwsxBuf *json, const AwsxRedshiftTable *table)
{
	AwsxBuf		name;

	awsx_buf_init(&name, 0);
	awsx_buf_puts(json, "{\n  \"table\": ");
	if (awsx_redshift_name_write(&name, table->schema, table->name))
		put_string(json, name.data);
	else
		json->failed = true;
	awsx_buf_free(&name);
}

bool
awsx_redshift_table_document(const AwsxRedshiftTable *table, const char *const *key, int key_count,
							 const char *version, const char *ledger, AwsxBuf *json)
{
	put_table_name(json, table);
	awsx_buf_puts(json, ",\n  \"columns\": [\n");
	for (int i = 0; i < table->column_count; i++)
	{
		awsx_buf_puts(json, "    ");
		put_column_document(json, &table->columns[i]);
		awsx_buf_puts(json, i + 1 < table->column_count ? ",\n" : "\n");
	}
	awsx_buf_puts(json, "  ]");
	if (key_count > 0)
		put_list(json, "key", key, key_count);
	if (version != NULL)
		put_member(json, "version", version);
	if (table->distkey != NULL)
		put_member(json, "distkey", table->distkey);
	else if (key_count > 0)
		awsx_buf_puts(json, ",\n  \"distkey\": null");
	if (table->sortkey_count > 0)
		put_list(json, "sortkey", table->sortkeys, table->sortkey_count);
	put_member(json, "ledger", ledger);
	return awsx_buf_puts(json, "\n}\n");
}
