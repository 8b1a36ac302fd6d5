/*
 * redshift_result.c
 *		GetStatementResult: rows and columns as the Data API writes them.
 *
 * Integers are longValue, floats doubleValue, booleans booleanValue, bytes
 * blobValue; every other type is its text.
 */
#include "redshift.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* PostgreSQL's numbers of types; they never change. */
typedef struct ResultType
{
	Oid			oid;
	const char *name;			/* Redshift's */
	const char *member;
	int			precision;
	bool		is_signed;
} ResultType;

static const ResultType types[] = {
	{16, "bool", "booleanValue", 1, false},
	{17, "varbyte", "blobValue", 0, false},
	{20, "int8", "longValue", 19, true},
	{21, "int2", "longValue", 5, true},
	{23, "int4", "longValue", 10, true},
	{700, "float4", "doubleValue", 8, true},
	{701, "float8", "doubleValue", 17, true},
	{1042, "bpchar", "stringValue", 0, false},
	{1082, "date", "stringValue", 13, false},
	{1114, "timestamp", "stringValue", 29, false},
	{1184, "timestamptz", "stringValue", 35, false},
	{1700, "numeric", "stringValue", 0, true},
	{3802, "super", "stringValue", 0, false},
	{1043, "varchar", "stringValue", 0, false},	/* and all that is not named: the last */
};

static const ResultType *
find_type(Oid oid)
{
	const ResultType *type = types;

	while (type < types + sizeof(types) / sizeof(types[0]) - 1 && type->oid != oid)
		type++;
	return type;
}

/* JSON without the blanks that PostgreSQL writes. */
static json_t *
compact(const char *text)
{
	char	   *out = mem_strdup(text);
	char	   *to = out;
	bool		quoted = false;
	json_t	   *value;

	for (const char *at = text; *at != '\0'; at++)
	{
		if (quoted && *at == '\\' && at[1] != '\0')
			*to++ = *at++;
		else if (*at == '"')
			quoted = !quoted;
		if (quoted || *at != ' ')
			*to++ = *at;
	}
	*to = '\0';
	value = json_string(out);
	free(out);
	return value;
}

static json_t *
blob(const char *text)
{
	size_t		len;
	unsigned char *bytes = PQunescapeBytea((const unsigned char *) text, &len);
	Buf			out = {0};
	json_t	   *value;

	base64_encode(&out, bytes, len);
	value = json_string(out.data != NULL ? out.data : "");
	buf_free(&out);
	PQfreemem(bytes);
	return value;
}

/* A text that is not UTF-8 is shown byte by byte; JSON has no other way. */
static json_t *
any_text(const char *text)
{
	Buf			out = {0};
	json_t	   *value = json_string(text);

	for (; value == NULL && *text != '\0'; text++)
		buf_addf(&out, (unsigned char) *text < 0x80 ? "%c" : "\\%03o", (unsigned char) *text);
	if (value == NULL)
		value = json_string(out.data);
	buf_free(&out);
	return value;
}

static json_t *
field(const PGresult *result, int row, int column)
{
	const ResultType *type = find_type(PQftype(result, column));
	const char *text = PQgetvalue(result, row, column);
	json_t	   *value;

	if (PQgetisnull(result, row, column))
		return json_pack("{s:b}", "isNull", 1);
	if (strcmp(type->member, "longValue") == 0)
		value = json_integer(strtoll(text, NULL, 10));
	else if (strcmp(type->member, "doubleValue") == 0)
		value = isfinite(strtod(text, NULL)) ? json_real(strtod(text, NULL)) : json_string(text);
	else if (strcmp(type->member, "booleanValue") == 0)
		value = json_boolean(text[0] == 't');
	else if (strcmp(type->member, "blobValue") == 0)
		value = blob(text);
	else
		value = strcmp(type->name, "super") == 0 ? compact(text) : any_text(text);
	return json_pack("{s:o}", type->member, value);
}

static json_t *
column_metadata(const PGresult *result, int column)
{
	const ResultType *type = find_type(PQftype(result, column));
	int			modifier = PQfmod(result, column);
	bool		is_numeric = strcmp(type->name, "numeric") == 0;
	int			length = PQfsize(result, column) > 0 ? PQfsize(result, column) : modifier > 4 && !is_numeric ? modifier - 4 : 0;
	int			precision = is_numeric && modifier >= 4 ? (modifier - 4) >> 16 & 0xFFFF : type->precision;
	int			scale = is_numeric && modifier >= 4 ? (modifier - 4) & 0x7FF : 0;
	const char *name = PQfname(result, column);

	return json_pack("{s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:b,s:b,s:b,s:s,s:s}", "name", name, "label", name, "typeName", type->name,
					 "length", length, "precision", precision > 0 ? precision : length, "scale", scale, "nullable", 1,
					 "isCaseSensitive", strcmp(type->name, "varchar") == 0 || strcmp(type->name, "bpchar") == 0,
					 "isCurrency", 0, "isSigned", type->is_signed, "schemaName", "", "tableName", "");
}

json_t *
redshift_result(const PGresult *result, int64_t from, const char *id)
{
	int			rows = PQntuples(result);
	int64_t		end = from + redshift_settings.page_rows < rows ? from + redshift_settings.page_rows : rows;
	json_t	   *records = json_array();
	json_t	   *columns = json_array();
	json_t	   *out;

	for (int64_t row = from; row < end; row++)
	{
		json_t	   *record = json_array();

		for (int column = 0; column < PQnfields(result); column++)
			json_array_append_new(record, field(result, (int) row, column));
		json_array_append_new(records, record);
	}
	for (int column = 0; column < PQnfields(result); column++)
		json_array_append_new(columns, column_metadata(result, column));
	out = json_pack("{s:o,s:o,s:I}", "Records", records, "ColumnMetadata", columns, "TotalNumRows", (json_int_t) rows);
	if (end < rows)
	{
		Buf			token = {0};
		Buf			plain = {0};

		buf_addf(&plain, "%s/%lld", id, (long long) end);
		base64_encode(&token, plain.data, plain.len);
		json_object_set_new(out, "NextToken", json_string(token.data));
		buf_free(&plain);
		buf_free(&token);
	}
	return out;
}
