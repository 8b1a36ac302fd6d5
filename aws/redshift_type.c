/*
 * redshift_type.c
 *	  Types of Amazon Redshift: read in all their documented spellings,
 *	  written in one.
 *
 * A type is words, then perhaps numbers in parentheses.  The words are folded
 * to lower case with one blank between them and looked up in a table, which
 * also says how many numbers the type takes.
 */
#include "redshift_table.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

/* Types of Redshift that are not loaded have no kind. */
#define NOT_LOADED (-1)

/* What may stand in the parentheses. */
typedef enum Takes
{
	TAKES_NOTHING,
	TAKES_LENGTH,
	TAKES_PRECISION
} Takes;

typedef struct Spelling
{
	const char *words;
	int			kind;			/* an AwsxRedshiftKind, or NOT_LOADED */
	Takes		takes;
	int			length;			/* where none is given */
} Spelling;

static const Spelling spellings[] = {
	{"bigint", AWSX_REDSHIFT_BIGINT, TAKES_NOTHING, 0},
	{"bool", AWSX_REDSHIFT_BOOLEAN, TAKES_NOTHING, 0},
	{"boolean", AWSX_REDSHIFT_BOOLEAN, TAKES_NOTHING, 0},
	{"bpchar", AWSX_REDSHIFT_CHAR, TAKES_NOTHING, 256},
	{"char", AWSX_REDSHIFT_CHAR, TAKES_LENGTH, 1},
	{"character", AWSX_REDSHIFT_CHAR, TAKES_LENGTH, 1},
	{"character varying", AWSX_REDSHIFT_VARCHAR, TAKES_LENGTH, 256},
	{"date", AWSX_REDSHIFT_DATE, TAKES_NOTHING, 0},
	{"decimal", AWSX_REDSHIFT_DECIMAL, TAKES_PRECISION, 0},
	{"double precision", AWSX_REDSHIFT_DOUBLE, TAKES_NOTHING, 0},
	{"float", AWSX_REDSHIFT_DOUBLE, TAKES_NOTHING, 0},
	{"float4", AWSX_REDSHIFT_REAL, TAKES_NOTHING, 0},
	{"float8", AWSX_REDSHIFT_DOUBLE, TAKES_NOTHING, 0},
	{"int", AWSX_REDSHIFT_INTEGER, TAKES_NOTHING, 0},
	{"int2", AWSX_REDSHIFT_SMALLINT, TAKES_NOTHING, 0},
	{"int4", AWSX_REDSHIFT_INTEGER, TAKES_NOTHING, 0},
	{"int8", AWSX_REDSHIFT_BIGINT, TAKES_NOTHING, 0},
	{"integer", AWSX_REDSHIFT_INTEGER, TAKES_NOTHING, 0},
	{"nchar", AWSX_REDSHIFT_CHAR, TAKES_LENGTH, 1},
	{"numeric", AWSX_REDSHIFT_DECIMAL, TAKES_PRECISION, 0},
	{"nvarchar", AWSX_REDSHIFT_VARCHAR, TAKES_LENGTH, 256},
	{"real", AWSX_REDSHIFT_REAL, TAKES_NOTHING, 0},
	{"smallint", AWSX_REDSHIFT_SMALLINT, TAKES_NOTHING, 0},
	{"super", AWSX_REDSHIFT_SUPER, TAKES_NOTHING, 0},
	{"text", AWSX_REDSHIFT_VARCHAR, TAKES_NOTHING, 256},
	{"timestamp", AWSX_REDSHIFT_TIMESTAMP, TAKES_NOTHING, 0},
	{"timestamp with time zone", AWSX_REDSHIFT_TIMESTAMPTZ, TAKES_NOTHING, 0},
	{"timestamp without time zone", AWSX_REDSHIFT_TIMESTAMP, TAKES_NOTHING, 0},
	{"timestamptz", AWSX_REDSHIFT_TIMESTAMPTZ, TAKES_NOTHING, 0},
	{"varchar", AWSX_REDSHIFT_VARCHAR, TAKES_LENGTH, 256},

	{"binary varying", NOT_LOADED, TAKES_LENGTH, 0},
	{"geography", NOT_LOADED, TAKES_NOTHING, 0},
	{"geometry", NOT_LOADED, TAKES_NOTHING, 0},
	{"hllsketch", NOT_LOADED, TAKES_NOTHING, 0},
	{"interval day to second", NOT_LOADED, TAKES_LENGTH, 0},
	{"interval year to month", NOT_LOADED, TAKES_NOTHING, 0},
	{"time", NOT_LOADED, TAKES_NOTHING, 0},
	{"time with time zone", NOT_LOADED, TAKES_NOTHING, 0},
	{"time without time zone", NOT_LOADED, TAKES_NOTHING, 0},
	{"timetz", NOT_LOADED, TAKES_NOTHING, 0},
	{"varbinary", NOT_LOADED, TAKES_LENGTH, 0},
	{"varbyte", NOT_LOADED, TAKES_LENGTH, 0},
};

#define LOADED_TYPES \
	"SMALLINT, INTEGER, BIGINT, DECIMAL(p,s), REAL, DOUBLE PRECISION, BOOLEAN, " \
	"CHAR(n), VARCHAR(n), DATE, TIMESTAMP, TIMESTAMPTZ or SUPER"

/* A type taken apart. */
typedef struct Parts
{
	char		words[48];
	int			number_count;	/* 0..2 */
	int			numbers[2];
	bool		max;			/* (MAX) instead of a number */
} Parts;

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *
skip_blanks(const char *at)
{
	while (is_blank(*at))
		at++;
	return at;
}

/* Words in lower case up to a parenthesis or the end; null when there are too many. */
static const char *
read_words(const char *at, Parts *parts)
{
	size_t		len = 0;

	while (*at != '\0' && *at != '(')
	{
		if (len + 2 > sizeof(parts->words))
			return NULL;
		if (!is_blank(*at))
			parts->words[len++] = awsx_text_lower(*at++);
		else
		{
			at = skip_blanks(at);
			if (len > 0 && *at != '(' && *at != '\0')
				parts->words[len++] = ' ';
		}
	}
	parts->words[len] = '\0';
	return at;
}

/* At most five digits, which is more than any type takes. */
static const char *
read_number(const char *at, int *number)
{
	int			digits = 0;

	*number = 0;
	for (; awsx_text_is_digit(*at) && digits < 5; digits++)
		*number = *number * 10 + (*at++ - '0');
	return digits > 0 && !awsx_text_is_digit(*at) ? skip_blanks(at) : NULL;
}

/* From "(" to ")"; null when it is not one or two numbers, or MAX. */
static const char *
read_numbers(const char *at, Parts *parts)
{
	at = skip_blanks(at + 1);
	if (awsx_text_lower(at[0]) == 'm' && awsx_text_lower(at[1]) == 'a' &&
		awsx_text_lower(at[2]) == 'x')
	{
		parts->max = true;
		at = skip_blanks(at + 3);
	}
	else
	{
		at = read_number(at, &parts->numbers[parts->number_count++]);
		if (at != NULL && *at == ',')
			at = read_number(skip_blanks(at + 1), &parts->numbers[parts->number_count++]);
	}
	return at != NULL && *at == ')' ? at + 1 : NULL;
}

static bool
take_apart(const char *text, Parts *parts)
{
	const char *at = read_words(skip_blanks(text), parts);

	if (at != NULL && *at == '(')
		at = read_numbers(at, parts);
	return at != NULL && *skip_blanks(at) == '\0' && parts->words[0] != '\0';
}

static const Spelling *
find_spelling(const char *words)
{
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
	{
		if (strcmp(spellings[i].words, words) == 0)
			return &spellings[i];
	}
	return NULL;
}

static bool
check_length(const AwsxRedshiftType *type, int max, const char *text, AwsxError *error)
{
	if (type->length >= 1 && type->length <= max)
		return true;
	return awsx_error_set(error, AWSX_ERR_CONFIG, "type \"%.60s\" has no length of 1 to %d bytes",
						  text, max);
}

bool
awsx_redshift_type_check(const AwsxRedshiftType *type, const char *text, AwsxError *error)
{
	if (type->kind == AWSX_REDSHIFT_CHAR)
		return check_length(type, AWSX_REDSHIFT_MAX_CHAR, text, error);
	if (type->kind == AWSX_REDSHIFT_VARCHAR)
		return check_length(type, AWSX_REDSHIFT_MAX_VARCHAR, text, error);
	if (type->kind != AWSX_REDSHIFT_DECIMAL)
		return true;
	if (type->precision < 1 || type->precision > AWSX_REDSHIFT_MAX_PRECISION)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "type \"%.60s\" has no precision of 1 to %d digits", text,
							  AWSX_REDSHIFT_MAX_PRECISION);
	if (type->scale < 0 || type->scale > AWSX_REDSHIFT_MAX_SCALE || type->scale > type->precision)
		return awsx_error_set(
			error, AWSX_ERR_CONFIG,
			"type \"%.60s\" has no scale of 0 to %d digits, of which the precision is a part", text,
			AWSX_REDSHIFT_MAX_SCALE);
	return true;
}

/* The numbers, or what Redshift takes where there are none. */
static bool
fill_numbers(const Spelling *spelling, const Parts *parts, AwsxRedshiftType *type)
{
	if (spelling->takes == TAKES_PRECISION)
	{
		type->precision = parts->number_count > 0 ? parts->numbers[0] : 18;
		type->scale = parts->number_count > 1 ? parts->numbers[1] : 0;
		return !parts->max;
	}
	type->length = spelling->length;
	if (parts->max)
		type->length =
			type->kind == AWSX_REDSHIFT_CHAR ? AWSX_REDSHIFT_MAX_CHAR : AWSX_REDSHIFT_MAX_VARCHAR;
	else if (parts->number_count > 0)
		type->length = parts->numbers[0];
	if (spelling->takes == TAKES_NOTHING)
		return !parts->max && parts->number_count == 0;
	return parts->number_count < 2;
}

bool
awsx_redshift_type_read(const char *text, AwsxRedshiftType *type, AwsxError *error)
{
	Parts		parts = {0};
	const Spelling *spelling = take_apart(text, &parts) ? find_spelling(parts.words) : NULL;

	memset(type, 0, sizeof(*type));
	if (spelling == NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "\"%.60s\" is no type of Redshift: give %s",
							  text, LOADED_TYPES);
	if (spelling->kind == NOT_LOADED)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "columns of type \"%.60s\" cannot be loaded: give %s", text,
							  LOADED_TYPES);
	type->kind = (AwsxRedshiftKind) spelling->kind;
	if (!fill_numbers(spelling, &parts, type))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "type \"%.60s\" does not take what stands in its parentheses", text);
	return awsx_redshift_type_check(type, text, error);
}

bool
awsx_redshift_type_write(const AwsxRedshiftType *type, AwsxBuf *sql)
{
	static const char *const names[] = {
		[AWSX_REDSHIFT_SMALLINT] = "SMALLINT",   [AWSX_REDSHIFT_INTEGER] = "INTEGER",
		[AWSX_REDSHIFT_BIGINT] = "BIGINT",       [AWSX_REDSHIFT_DECIMAL] = "DECIMAL",
		[AWSX_REDSHIFT_REAL] = "REAL",           [AWSX_REDSHIFT_DOUBLE] = "DOUBLE PRECISION",
		[AWSX_REDSHIFT_BOOLEAN] = "BOOLEAN",     [AWSX_REDSHIFT_CHAR] = "CHAR",
		[AWSX_REDSHIFT_VARCHAR] = "VARCHAR",     [AWSX_REDSHIFT_DATE] = "DATE",
		[AWSX_REDSHIFT_TIMESTAMP] = "TIMESTAMP", [AWSX_REDSHIFT_TIMESTAMPTZ] = "TIMESTAMPTZ",
		[AWSX_REDSHIFT_SUPER] = "SUPER",
	};

	awsx_buf_puts(sql, names[type->kind]);
	if (type->kind == AWSX_REDSHIFT_DECIMAL)
		awsx_buf_printf(sql, "(%d,%d)", type->precision, type->scale);
	else if (type->kind == AWSX_REDSHIFT_CHAR || type->kind == AWSX_REDSHIFT_VARCHAR)
		awsx_buf_printf(sql, "(%d)", type->length);
	return !sql->failed;
}
