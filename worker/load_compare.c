/*
 * load_compare.c
 *	  A live table beside its description.
 *
 * A column differs when a value that the loader takes could be refused there,
 * or could arrive as another: so a longer VARCHAR does not, a DECIMAL of more
 * digits on both sides of the point neither, and another type always does.
 * Names are compared as Redshift does, without regard to upper and lower case.
 */
#include "load_compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/text.h"

/* The query's columns. */
enum
{
	LIVE_NAME,
	LIVE_TYPE,
	LIVE_LENGTH,
	LIVE_PRECISION,
	LIVE_SCALE,
	LIVE_NULLABLE,
	LIVE_DEFAULT,
	LIVE_COLUMNS
};

/* Compared without regard to case. */
static void
put_folded(AwsxBuf *sql, const char *column, const char *name)
{
	char		folded[AWSX_REDSHIFT_MAX_NAME + 1];
	size_t		len = 0;

	for (; len < AWSX_REDSHIFT_MAX_NAME && name[len] != '\0'; len++)
		folded[len] = awsx_text_lower(name[len]);
	awsx_buf_printf(sql, "LOWER(%s) = ", column);
	awsx_redshift_literal(sql, folded, len);
}

bool
load_compare_query(const AwsxRedshiftTable *table, AwsxBuf *sql)
{
	awsx_buf_puts(sql, "SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, "
				  "is_nullable, CASE WHEN column_default IS NULL THEN 'NO' ELSE 'YES' END FROM svv_columns WHERE ");
	put_folded(sql, "table_schema", table->schema);
	awsx_buf_puts(sql, " AND ");
	put_folded(sql, "table_name", table->name);
	return awsx_buf_puts(sql, " ORDER BY ordinal_position");
}

/* A value of the row; "" for null. */
static const char *
live_value(const AwsxRedshiftRows *live, int row, int column)
{
	const char *value = live->values[row * live->column_count + column];

	return value != NULL ? value : "";
}

static int
find_live(const AwsxRedshiftRows *live, const char *name)
{
	for (int row = 0; row < live->row_count; row++)
	{
		if (awsx_text_equal(live_value(live, row, LIVE_NAME), name))
			return row;
	}
	return -1;
}

/* The live column's type as Redshift's DDL spells it. */
static void
spell_type(const AwsxRedshiftRows *live, int row, char *out, size_t size)
{
	const char *type = live_value(live, row, LIVE_TYPE);

	if (strncmp(type, "character", 9) == 0 && *live_value(live, row, LIVE_LENGTH) != '\0')
		snprintf(out, size, "%s(%s)", type, live_value(live, row, LIVE_LENGTH));
	else if (strcmp(type, "numeric") == 0 && *live_value(live, row, LIVE_PRECISION) != '\0')
		snprintf(out, size, "%s(%s,%s)", type, live_value(live, row, LIVE_PRECISION), live_value(live, row, LIVE_SCALE));
	else
		snprintf(out, size, "%s", type);
}

/* Does the live type hold, unchanged, what the described one does? */
static bool
holds(const AwsxRedshiftType *live, const AwsxRedshiftType *described)
{
	if (live->kind != described->kind)
		return false;
	if (live->kind == AWSX_REDSHIFT_DECIMAL)
		return live->scale >= described->scale && live->precision - live->scale >= described->precision - described->scale;
	if (live->kind == AWSX_REDSHIFT_CHAR)
		return live->length == described->length;
	return live->length >= described->length;
}

static void
begin_line(AwsxBuf *lines, const AwsxRedshiftTable *table, const char *column)
{
	awsx_redshift_name_write(lines, table->schema, table->name);
	awsx_buf_puts(lines, ": ");
	if (column != NULL)
		awsx_buf_printf(lines, "column \"%s\" ", column);
}

static bool
is_yes(const char *text)
{
	return awsx_text_equal(text, "YES");
}

static int
compare_type(const AwsxRedshiftTable *table, const AwsxRedshiftColumn *column, const AwsxRedshiftRows *live, int row, AwsxBuf *lines)
{
	AwsxRedshiftType type;
	char		spelled[200];
	bool		known;

	spell_type(live, row, spelled, sizeof(spelled));
	known = awsx_redshift_type_read(spelled, &type, NULL);
	if (known && holds(&type, &column->type))
		return 0;
	begin_line(lines, table, column->name);
	awsx_buf_puts(lines, "is ");
	if (known)
		awsx_redshift_type_write(&type, lines);
	else
		awsx_buf_puts(lines, spelled);
	awsx_buf_puts(lines, " and should be ");
	awsx_redshift_type_write(&column->type, lines);
	awsx_buf_putc(lines, '\n');
	return 1;
}

static int
compare_column(const AwsxRedshiftTable *table, const AwsxRedshiftColumn *column, const AwsxRedshiftRows *live, AwsxBuf *lines)
{
	int			row = find_live(live, column->name);
	bool		nullable;
	int			count;

	if (row < 0)
	{
		begin_line(lines, table, column->name);
		awsx_buf_puts(lines, "is missing; it should be ");
		awsx_redshift_type_write(&column->type, lines);
		awsx_buf_putc(lines, '\n');
		return 1;
	}
	count = compare_type(table, column, live, row, lines);
	nullable = is_yes(live_value(live, row, LIVE_NULLABLE));
	if (nullable != column->not_null)
		return count;
	begin_line(lines, table, column->name);
	awsx_buf_puts(lines, nullable ? "takes nulls and should be NOT NULL\n" : "is NOT NULL and should take nulls\n");
	return count + 1;
}

static bool
is_described(const AwsxRedshiftTable *table, const char *name)
{
	for (int i = 0; i < table->column_count; i++)
	{
		if (awsx_text_equal(table->columns[i].name, name))
			return true;
	}
	return false;
}

/* A column that the loader does not fill, but that must be. */
static int
compare_other(const AwsxRedshiftTable *table, const AwsxRedshiftRows *live, int row, AwsxBuf *lines)
{
	const char *name = live_value(live, row, LIVE_NAME);

	if (is_described(table, name) || is_yes(live_value(live, row, LIVE_NULLABLE)) || is_yes(live_value(live, row, LIVE_DEFAULT)))
		return 0;
	begin_line(lines, table, name);
	awsx_buf_puts(lines, "is NOT NULL without a default, and the configuration does not have it\n");
	return 1;
}

int
load_compare(const AwsxRedshiftTable *table, const AwsxRedshiftRows *live, AwsxBuf *lines, AwsxError *error)
{
	int			count = 0;

	if (live->row_count == 0)
	{
		begin_line(lines, table, NULL);
		awsx_buf_puts(lines, "there is no such table; \"sqs_to_redshift ddl\" prints what makes it\n");
		return 1;
	}
	if (live->column_count != LIVE_COLUMNS)
	{
		awsx_error_set(error, AWSX_ERR_PROTOCOL, "SVV_COLUMNS of Redshift returned %d columns instead of %d",
					   live->column_count, LIVE_COLUMNS);
		return -1;
	}
	for (int i = 0; i < table->column_count; i++)
		count += compare_column(table, &table->columns[i], live, lines);
	for (int row = 0; row < live->row_count; row++)
		count += compare_other(table, live, row, lines);
	return count;
}
