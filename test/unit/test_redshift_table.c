/*
 * test_redshift_table.c
 *	  A table of Redshift: spellings of types, names and values in SQL that
 *	  nothing breaks out of, DDL, the ledger, the configuration document.
 *
 * What a literal means is worked out here by a reader of its own, once as a
 * server that escapes by backslash reads it and once as one that does not.
 */
#define _GNU_SOURCE
#include "sweep.h"

#include <stdint.h>

#include "redshift_table.h"

static AwsxError error;

/* The text that a function appends, or null when the buffer failed; freed by the next call. */
static const char *
made(AwsxBuf *buf)
{
	static AwsxBuf kept;

	awsx_buf_free(&kept);
	kept = *buf;
	return kept.failed ? NULL : kept.data;
}

/* For the name of a test, on one line. */
static const char *
shown(const char *text)
{
	static char	line[200];

	snprintf(line, sizeof(line), "%s", text);
	for (char *c = line; *c != '\0'; c++)
	{
		if ((unsigned char) *c < 0x20 || *c == 0x7f || *c == '#' || *c == '\\')
			*c = '.';
	}
	return line;
}

/*----------
 * Types
 *----------
 */

static const char *
reads_type(const char *text)
{
	AwsxRedshiftType type;
	AwsxBuf		sql;

	awsx_buf_init(&sql, 0);
	awsx_error_clear(&error);
	if (!awsx_redshift_type_read(text, &type, &error))
		return error.kind == AWSX_ERR_CONFIG && error.message[0] != '\0' ? "refused" : "no error";
	awsx_redshift_type_write(&type, &sql);
	return made(&sql);
}

static void
test_types(void)
{
	static const char *const spellings[][2] = {
		{"smallint", "SMALLINT"},
		{"int2", "SMALLINT"},
		{"integer", "INTEGER"},
		{"int", "INTEGER"},
		{"int4", "INTEGER"},
		{" INT\t", "INTEGER"},
		{"bigint", "BIGINT"},
		{"int8", "BIGINT"},
		{"BigInt", "BIGINT"},
		{"decimal", "DECIMAL(18,0)"},
		{"numeric", "DECIMAL(18,0)"},
		{"numeric(12)", "DECIMAL(12,0)"},
		{"numeric(12,2)", "DECIMAL(12,2)"},
		{"DECIMAL ( 38 , 37 )", "DECIMAL(38,37)"},
		{"decimal(37,37)", "DECIMAL(37,37)"},
		{"real", "REAL"},
		{"float4", "REAL"},
		{"double precision", "DOUBLE PRECISION"},
		{"double \n precision", "DOUBLE PRECISION"},
		{"float8", "DOUBLE PRECISION"},
		{"float", "DOUBLE PRECISION"},
		{"boolean", "BOOLEAN"},
		{"bool", "BOOLEAN"},
		{"char", "CHAR(1)"},
		{"character", "CHAR(1)"},
		{"nchar", "CHAR(1)"},
		{"bpchar", "CHAR(256)"},
		{"char(4096)", "CHAR(4096)"},
		{"character(3)", "CHAR(3)"},
		{"nchar(7)", "CHAR(7)"},
		{"char(max)", "CHAR(4096)"},
		{"varchar", "VARCHAR(256)"},
		{"varchar(64)", "VARCHAR(64)"},
		{"nvarchar(9)", "VARCHAR(9)"},
		{"character varying", "VARCHAR(256)"},
		{"Character  Varying (20)", "VARCHAR(20)"},
		{"text", "VARCHAR(256)"},
		{"varchar(max)", "VARCHAR(65535)"},
		{"VARCHAR( MAX )", "VARCHAR(65535)"},
		{"varchar(65535)", "VARCHAR(65535)"},
		{"date", "DATE"},
		{"super", "SUPER"},
		{"timestamp", "TIMESTAMP"},
		{"timestamp without time zone", "TIMESTAMP"},
		{"timestamptz", "TIMESTAMPTZ"},
		{"timestamp with time zone", "TIMESTAMPTZ"},
	};
	static const char *const refused[] = {
		"",
		" ",
		"(",
		"()",
		"(3)",
		"uuid",
		"jsonb",
		"serial",
		"int(4)",
		"bigint(max)",
		"date(3)",
		"timestamp(6)",
		"super(9)",
		"char()",
		"char(0)",
		"char(4097)",
		"varchar(65536)",
		"varchar(0)",
		"varchar(-1)",
		"varchar(1,2)",
		"varchar(4294967306)",
		"varchar(12",
		"varchar 12)",
		"varchar(12))",
		"varchar(12) x",
		"varchar(maximum)",
		"varchar(max,1)",
		"text(20)",
		"bpchar(3)",
		"decimal(0)",
		"decimal(39,0)",
		"decimal(38,38)",
		"decimal(5,6)",
		"decimal(5,)",
		"decimal(,5)",
		"decimal(5,2,1)",
		"decimal(max)",
		"decimal(5,-1)",
		"decimal(+5)",
		"varchar(1e2)",
		"time",
		"timetz",
		"time with time zone",
		"varbyte(20)",
		"varbinary",
		"geometry",
		"geography",
		"hllsketch",
		"interval day to second",
		"integer; DROP TABLE t",
		"int/**/eger",
		"timestamp with time zone timestamp with time zone timestamp",
		"int\x01",
		"varchar(\xd9\xa1)"};

	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
		is_str(reads_type(spellings[i][0]), spellings[i][1], shown(spellings[i][0]));
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		is_str(reads_type(refused[i]), "refused", shown(refused[i]));
	reads_type("time");
	ok(strstr(error.message, "cannot be loaded") != NULL,
	   "a type that is there but is not loaded is told from one that is not");
}

/*----------
 * Names
 *----------
 */

static const char *
written_name(const char *name)
{
	AwsxBuf		sql;

	awsx_buf_init(&sql, 0);
	awsx_redshift_name(&sql, name);
	return made(&sql);
}

static const char *
reads_name(const char *text)
{
	static char	both[2 * AWSX_REDSHIFT_MAX_NAME + 3];
	char		schema[AWSX_REDSHIFT_MAX_NAME + 1];
	char		name[AWSX_REDSHIFT_MAX_NAME + 1];
	char		again[2][AWSX_REDSHIFT_MAX_NAME + 1];
	AwsxBuf		written;

	awsx_error_clear(&error);
	if (!awsx_redshift_name_read(text, schema, name, &error))
		return error.kind == AWSX_ERR_CONFIG ? "refused" : "no error";
	snprintf(both, sizeof(both), "%s|%s", schema, name);
	awsx_buf_init(&written, 0);
	if (!awsx_redshift_name_write(&written, schema, name) ||
		!awsx_redshift_name_read(written.data, again[0], again[1], &error) ||
		strcmp(schema, again[0]) != 0 || strcmp(name, again[1]) != 0)
		return "not the same again";
	awsx_buf_free(&written);
	return both;
}

static void
test_names(void)
{
	static const char *const parts[][2] = {
		{"transactions", "public|transactions"}, {"Public.Transactions", "public|transactions"}, {"a.b", "a|b"},
		{"\"A\".b", "A|b"}, {"a.\"b c\"", "a|b c"}, {"\"a\"\"b\".\"c.d\"", "a\"b|c.d"}, {"_x$1", "public|_x$1"},
		{"\xc3\xa9t\xc3\xa9", "public|\xc3\xa9t\xc3\xa9"}, {"\"50%\"", "public|50%"},
		{"\"; DROP TABLE t; --\"", "public|; DROP TABLE t; --"}, {"", "refused"}, {".", "refused"}, {"a.", "refused"},
		{".a", "refused"}, {"a.b.c", "refused"}, {"a b", "refused"}, {" a", "refused"}, {"1a", "refused"},
		{"$a", "refused"}, {"\"\"", "refused"}, {"\"", "refused"}, {"\"a", "refused"}, {"\"a\"\"", "refused"},
		{"\"a\"b", "refused"}, {"a\"b\"", "refused"}, {"a;b", "refused"}, {"\"a\nb\"", "refused"},
		{"\"\xff\"", "refused"}, {"\xff", "refused"}, {"a'b", "refused"}
	};
	char		longest[AWSX_REDSHIFT_MAX_NAME + 2];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		is_str(reads_name(parts[i][0]), parts[i][1], shown(parts[i][0]));
	memset(longest, 'n', sizeof(longest));
	longest[AWSX_REDSHIFT_MAX_NAME + 1] = '\0';
	is_str(reads_name(longest), "refused", "a name of 128 bytes");
	is_str(written_name(longest), NULL, "... is not written");
	longest[AWSX_REDSHIFT_MAX_NAME] = '\0';
	ok(strlen(reads_name(longest)) == 7 + AWSX_REDSHIFT_MAX_NAME, "a name of 127 bytes");
	ok(strlen(written_name(longest)) == 2 + AWSX_REDSHIFT_MAX_NAME, "... is written");
	is_str(written_name("order"), "\"order\"", "a reserved word");
	is_str(written_name("a\"; DROP TABLE t; --"), "\"a\"\"; DROP TABLE t; --\"",
		   "a name that would like to end");
	is_str(written_name("\""), "\"\"\"\"", "a name of one quote");
	is_str(written_name(""), NULL, "no name");
	is_str(written_name("a\x7f"), NULL, "a name with a control character");
	is_str(written_name("\xc3"), NULL, "a name that is no UTF-8");
}

/*----------
 * Values
 *----------
 */

/* One quoted literal as a server reads it; at is behind it then, null when it has no end. */
static const char *
read_quoted(const char *at, bool escapes, AwsxBuf *out)
{
	for (at++; *at != '\0'; at++)
	{
		if (*at == '\\' && escapes)
			at++;				/* a text that lost its backslash is seen below */
		else if (*at == '\'' && at[1] == '\'')
			at++;
		else if (*at == '\'')
			return at + 1;
		awsx_buf_putc(out, *at);
	}
	return NULL;
}

static const char *
after(const char *at, const char *words)
{
	return at != NULL && strncmp(at, words, strlen(words)) == 0 ? at + strlen(words) : NULL;
}

/* 'text' | REPLACE('text', 'c', CHR(92)) | (expression || expression) */
static const char *
read_expression(const char *at, bool escapes, AwsxBuf *out)
{
	size_t		from = out->len;

	if (*at == '\'')
		return read_quoted(at, escapes, out);
	if (after(at, "REPLACE(") != NULL)
	{
		char		stand_in;

		at = after(read_quoted(after(at, "REPLACE("), escapes, out), ", '");
		stand_in = at != NULL ? *at : '\0';
		at = at != NULL ? after(at + 1, "', CHR(92))") : NULL;
		for (; from < out->len; from++)
		{
			if (out->data[from] == stand_in)
				out->data[from] = '\\';
		}
		return stand_in == '\'' || stand_in == '\\' ? NULL : at;
	}
	at = after(at, "(");
	at = at != NULL ? after(read_expression(at, escapes, out), " || ") : NULL;
	return at != NULL ? after(read_expression(at, escapes, out), ")") : NULL;
}

static bool
means(const AwsxBuf *sql, const char *text, size_t len)
{
	for (int escapes = 0; escapes < 2; escapes++)
	{
		AwsxBuf		out;
		const char *end;
		bool		same;

		awsx_buf_init(&out, 0);
		end = read_expression(sql->data, escapes, &out);
		same = end == sql->data + sql->len && out.len == len &&
			   (len == 0 || memcmp(out.data, text, len) == 0);
		awsx_buf_free(&out);
		if (!same)
			return false;
	}
	return true;
}

static bool
keeps(const char *text, size_t len)
{
	AwsxBuf		sql;
	bool		good;

	awsx_buf_init(&sql, 0);
	good = awsx_redshift_literal(&sql, text, len) && means(&sql, text, len);
	awsx_buf_free(&sql);
	return good;
}

static const char *
literal(const char *text, size_t len)
{
	AwsxBuf		sql;

	awsx_buf_init(&sql, 0);
	awsx_redshift_literal(&sql, text, len);
	return made(&sql);
}

static void
test_literals(void)
{
	static const char *const texts[] = {"",
										"'",
										"''",
										"\\",
										"\\'",
										"'\\",
										"\\\\",
										"\\'; DROP TABLE t; --",
										"'; DROP TABLE t; --",
										"$$",
										"$a$",
										"a\nb\tc\x01\x7f",
										"' || CHR(39) || '",
										"\xf0\x9f\x92\xb0\\",
										"C:\\temp\\new",
										"~\\^\\|",
										":id",
										"?",
										"%s",
										"--",
										"/*",
										"\\u0000",
										"E'\\x'",
										"U&'\\0041'"};
	char	   *big = malloc(65536);
	AwsxBuf		sql;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ok(keeps(texts[i], strlen(texts[i])), "means itself under both settings: %s",
		   shown(texts[i]));
	is_str(literal("it's", 4), "'it''s'", "a quote is doubled");
	is_str(literal("C:\\temp", 7), "REPLACE('C:~temp', '~', CHR(92))",
		   "a backslash is put in by REPLACE");
	is_str(literal("~\\^", 3), "REPLACE('~|^', '|', CHR(92))",
		   "... for a character that is not there otherwise");
	is_str(literal("a\0b", 3), NULL, "NUL is refused");
	is_str(literal("a\xff", 2), NULL, "what is no UTF-8 is refused");
	is_str(literal("\xed\xa0\x80", 3), NULL, "a surrogate is refused");

	for (size_t i = 0; i < 65535; i++)
		big[i] = (char) (0x20 + i % 95);
	ok(keeps(big, 65535), "64 KB that hold every character there is to stand in");
	memset(big, '\\', 65535);
	awsx_buf_init(&sql, 0);
	ok(awsx_redshift_literal(&sql, big, 65535) && means(&sql, big, 65535), "64 KB of backslashes");
	ok(sql.len < 65535 + 40, "... do not grow");
	awsx_buf_free(&sql);
	memset(big, '\'', 65535);
	ok(keeps(big, 65535), "64 KB of quotes");
	for (size_t i = 0; i < 65535; i += 5)
		memcpy(big + i, "\xf0\x9f\x92\xb0\\", 5);
	ok(keeps(big, 65535), "64 KB of characters of four bytes, and backslashes");
	free(big);
}

/* Random bytes of a small alphabet: what is UTF-8 means itself, the rest is refused. */
static void
test_random_literals(void)
{
	static const char alphabet[] = "'\\~^|a\"$ -\xc3\xa9";
	unsigned	random = 20260731;
	long		wrong = 0;

	for (int round = 0; round < 20000; round++)
	{
		char		text[24];
		size_t		len = 0;
		AwsxBuf		sql;

		random = random * 1103515245u + 12345u;
		for (size_t want = (random >> 16) % sizeof(text); len < want; len++)
		{
			random = random * 1103515245u + 12345u;
			text[len] = alphabet[(random >> 16) % (sizeof(alphabet) - 1)];
		}
		awsx_buf_init(&sql, 0);
		if (awsx_redshift_literal(&sql, text, len))
			wrong += !means(&sql, text, len);
		else
			wrong += memchr(text, '\xc3', len) == NULL && memchr(text, '\xa9', len) == NULL;
		awsx_buf_free(&sql);
	}
	is_int(wrong, 0, "20000 random texts mean themselves or are refused");
}

static const char *
value(const char *type_text, const char *text)
{
	AwsxRedshiftType type;
	AwsxBuf		sql;

	awsx_buf_init(&sql, 0);
	if (awsx_redshift_type_read(type_text, &type, &error))
		awsx_redshift_value(&sql, &type, text, strlen(text));
	return made(&sql);
}

static void
test_values(void)
{
	static const char *const values[][3] = {
		{"int", "-5", "-5"},
		{"bigint", "9223372036854775807", "9223372036854775807"},
		{"decimal(38,18)", "1234.50", "1234.50"},
		{"int", "--5", "'--5'"},
		{"int", "1 OR 1=1", "'1 OR 1=1'"},
		{"int", "", "''"},
		{"int", "-", "'-'"},
		{"int", "1.", "'1.'"},
		{"decimal(5,2)", "1.2.3", "'1.2.3'"},
		{"decimal(5,2)", ".5", "'.5'"},
		{"decimal(5,2)", "1e5", "'1e5'"},
		{"int", "+1", "'+1'"},
		{"decimal(38,0)", "123456789012345678901234567890123456789",
		 "'123456789012345678901234567890123456789'"},
		{"double precision", "0.1", "'0.1'"},
		{"real", "1e-30", "'1e-30'"},
		{"boolean", "true", "true"},
		{"boolean", "false", "false"},
		{"boolean", "TRUE", "'TRUE'"},
		{"boolean", "true)", "'true)'"},
		{"varchar(10)", "5", "'5'"},
		{"varchar(10)", "true", "'true'"},
		{"varchar(10)", "a'b", "'a''b'"},
		{"char(2)", "ab", "'ab'"},
		{"date", "2026-01-31", "'2026-01-31'"},
		{"timestamptz", "2026-01-31 23:59:58+00", "'2026-01-31 23:59:58+00'"},
		{"super", "{\"a\":\"it's\"}", "JSON_PARSE('{\"a\":\"it''s\"}')"},
		{"super", "\"\\n\"", "JSON_PARSE(REPLACE('\"~n\"', '~', CHR(92)))"}};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		is_str(value(values[i][0], values[i][1]), values[i][2], shown(values[i][2]));
}

/*----------
 * Tables
 *----------
 */

static const AwsxRedshiftColumn columns[] = {
	{"transaction_id", {AWSX_REDSHIFT_VARCHAR, 64, 0, 0}, true, NULL},
	{"version", {AWSX_REDSHIFT_INTEGER, 0, 0, 0}, true, "1"},
	{"amount", {AWSX_REDSHIFT_DECIMAL, 0, 18, 2}, false, "-0.50"},
	{"note \"x\"", {AWSX_REDSHIFT_VARCHAR, 20, 0, 0}, false, "it's \\"},
	{"settled", {AWSX_REDSHIFT_BOOLEAN, 0, 0, 0}, false, "false"},
	{"raw", {AWSX_REDSHIFT_SUPER, 0, 0, 0}, false, NULL},
	{"booked_at", {AWSX_REDSHIFT_TIMESTAMPTZ, 0, 0, 0}, false, NULL},
	{"code", {AWSX_REDSHIFT_BIGINT, 0, 0, 0}, false, "9223372036854775807"},
};
static const char *const sortkeys[] = {"booked_at", "version"};
static const AwsxRedshiftTable sample = {"public", "Trans \"x\"", 8, columns, "transaction_id",
										 2,        sortkeys};

static const char *
ddl(const AwsxRedshiftTable *table)
{
	AwsxBuf		sql;

	awsx_buf_init(&sql, 0);
	awsx_redshift_table_ddl(table, &sql);
	return made(&sql);
}

static void
test_ddl(void)
{
	AwsxRedshiftTable table = sample;
	AwsxRedshiftTable ledger = awsx_redshift_ledger("public", "sqs_ledger");

	is_str(ddl(&table),
		   "CREATE TABLE IF NOT EXISTS \"public\".\"Trans \"\"x\"\"\" (\n"
		   "    \"transaction_id\" VARCHAR(64) NOT NULL,\n"
		   "    \"version\" INTEGER DEFAULT 1 NOT NULL,\n"
		   "    \"amount\" DECIMAL(18,2) DEFAULT -0.50,\n"
		   "    \"note \"\"x\"\"\" VARCHAR(20) DEFAULT REPLACE('it''s ~', '~', CHR(92)),\n"
		   "    \"settled\" BOOLEAN DEFAULT false,\n"
		   "    \"raw\" SUPER,\n"
		   "    \"booked_at\" TIMESTAMPTZ,\n"
		   "    \"code\" BIGINT DEFAULT 9223372036854775807\n"
		   ")\n"
		   "DISTSTYLE KEY\n"
		   "DISTKEY (\"transaction_id\")\n"
		   "SORTKEY (\"booked_at\", \"version\");\n",
		   "DDL of a table");
	table.distkey = NULL;
	table.sortkey_count = 0;
	ok(strstr(ddl(&table), "\n)\nDISTSTYLE AUTO;\n") != NULL, "... without keys");
	is_str(ddl(&ledger),
		   "CREATE TABLE IF NOT EXISTS \"public\".\"sqs_ledger\" (\n"
		   "    \"subscription\" VARCHAR(63) NOT NULL,\n"
		   "    \"dedup_key\" VARCHAR(512) NOT NULL,\n"
		   "    \"content_hash\" CHAR(64) NOT NULL,\n"
		   "    \"message_id\" VARCHAR(128),\n"
		   "    \"sequence_number\" VARCHAR(40),\n"
		   "    \"source\" VARCHAR(4096),\n"
		   "    \"applied_at\" TIMESTAMPTZ DEFAULT GETDATE() NOT NULL\n"
		   ")\n"
		   "DISTSTYLE KEY\n"
		   "DISTKEY (\"dedup_key\")\n"
		   "SORTKEY (\"applied_at\");\n",
		   "DDL of the ledger");
	ok(awsx_redshift_table_check(&ledger, &error), "the ledger is a table that can be");
}

static void
test_document(void)
{
	static const char *const key[] = {"transaction_id", "note \"x\""};
	AwsxRedshiftTable table = sample;
	AwsxBuf		json;

	awsx_buf_init(&json, 0);
	awsx_redshift_table_document(&sample, key, 2, "version", "public.sqs_ledger", &json);
	is_str(
		made(&json),
		"{\n"
		"  \"table\": \"public.\\\"Trans \\\"\\\"x\\\"\\\"\\\"\",\n"
		"  \"columns\": [\n"
		"    {\"name\": \"transaction_id\", \"type\": \"VARCHAR(64)\", \"not_null\": true},\n"
		"    {\"name\": \"version\", \"type\": \"INTEGER\", \"not_null\": true, \"default\": 1},\n"
		"    {\"name\": \"amount\", \"type\": \"DECIMAL(18,2)\", \"default\": \"-0.50\"},\n"
		"    {\"name\": \"note \\\"x\\\"\", \"type\": \"VARCHAR(20)\", \"default\": \"it's "
		"\\\\\"},\n"
		"    {\"name\": \"settled\", \"type\": \"BOOLEAN\", \"default\": false},\n"
		"    {\"name\": \"raw\", \"type\": \"SUPER\"},\n"
		"    {\"name\": \"booked_at\", \"type\": \"TIMESTAMPTZ\"},\n"
		"    {\"name\": \"code\", \"type\": \"BIGINT\", \"default\": \"9223372036854775807\"}\n"
		"  ],\n"
		"  \"key\": [\"transaction_id\", \"note \\\"x\\\"\"],\n"
		"  \"version\": \"version\",\n"
		"  \"distkey\": \"transaction_id\",\n"
		"  \"sortkey\": [\"booked_at\", \"version\"],\n"
		"  \"ledger\": \"public.sqs_ledger\"\n"
		"}\n",
		"the configuration document");
	table.distkey = NULL;
	table.sortkey_count = 0;
	awsx_buf_init(&json, 0);
	awsx_redshift_table_document(&table, key, 1, NULL, "l", &json);
	ok(strstr(made(&json),
			  "  \"key\": [\"transaction_id\"],\n  \"distkey\": null,\n  \"ledger\": \"l\"\n}\n") !=
		   NULL,
	   "... says that nothing distributes, where a key would");
	awsx_buf_init(&json, 0);
	awsx_redshift_table_document(&table, NULL, 0, NULL, "l", &json);
	ok(strstr(made(&json), "  ],\n  \"ledger\": \"l\"\n}\n") != NULL,
	   "... and nothing more where there is nothing");
}

static const char *
check(const AwsxRedshiftTable *table)
{
	awsx_error_clear(&error);
	if (awsx_redshift_table_check(table, &error))
		return "good";
	return error.kind == AWSX_ERR_CONFIG ? error.message : "no error";
}

/* A table of two columns, of which the second is this. */
static const char *
check_column(const char *name, const char *type, const char *default_value)
{
	static AwsxRedshiftColumn two[2] = {{"a", {AWSX_REDSHIFT_DATE, 0, 0, 0}, false, NULL}};
	AwsxRedshiftTable table = {"public", "t", 2, two, NULL, 0, NULL};

	two[1].name = name;
	two[1].default_value = default_value;
	if (!awsx_redshift_type_read(type, &two[1].type, &error))
		return "bad type";
	return check(&table);
}

static void
test_defaults(void)
{
	static const char *const good[][2] = {
		{"smallint", "-32768"},
		{"smallint", "32767"},
		{"int", "-2147483648"},
		{"int", "2147483647"},
		{"int", "0"},
		{"int", "007"},
		{"bigint", "-9223372036854775808"},
		{"bigint", "9223372036854775807"},
		{"decimal(3,1)", "99.9"},
		{"decimal(3,1)", "-0.5"},
		{"decimal(2,2)", "0.55"},
		{"decimal(2,2)", "0"},
		{"decimal(38,0)", "99999999999999999999999999999999999999"},
		{"boolean", "true"},
		{"char(2)", "ab"},
		{"varchar(4)", "\xf0\x9f\x92\xb0"},
		{"varchar(4)", ""},
		{"real", "1.5"},
		{"date", "2026-01-31"}};
	static const char *const bad[][2] = {
		{"smallint", "-32769"}, {"smallint", "32768"}, {"int", "2147483648"}, {"int", "-2147483649"}, {"int", ""},
		{"int", "1.0"}, {"int", "x"}, {"bigint", "9223372036854775808"}, {"bigint", "-9223372036854775809"},
		{"int", "--1"}, {"int", "99999999999"}, {"decimal(3,1)", "100"}, {"decimal(3,1)", "1.23"},
		{"decimal(2,2)", "1"}, {"decimal(3,1)", "1e1"}, {"decimal(3,1)", "."}, {"decimal(3,1)", "1."},
		{"decimal(3,1)", ""}, {"decimal(3,1)", "1.2.3"}, {"boolean", "t"}, {"boolean", "TRUE"}, {"char(1)", "ab"},
		{"char(9)", "\xc3\xa9"}, {"varchar(3)", "\xf0\x9f\x92\xb0"}, {"varchar(9)", "\xff"}, {"date", ""},
		{"super", ""}
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		is_str(check_column("b", good[i][0], good[i][1]), "good", good[i][1]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_str(check_column("b", bad[i][0], bad[i][1]),
			   "the default of column \"b\" is no value of its type", bad[i][1]);
}

static void
test_check(void)
{
	static const char *const missing[] = {"booked_at", "Version"};
	static const char *const twice[] = {"booked_at", "booked_at"};
	static const char *const nested[] = {"raw"};
	AwsxRedshiftTable table = sample;
	AwsxRedshiftColumn odd = {"a", {AWSX_REDSHIFT_VARCHAR, 0, 0, 0}, false, NULL};

	is_str(check(&table), "good", "a table that can be");
	ok(strstr(check_column("A", "date", NULL), "upper from lower case") != NULL,
	   "two columns that Redshift takes for one");
	ok(strstr(check_column("", "date", NULL), "name of the column") != NULL,
	   "a column without a name");
	table.sortkeys = missing;
	is_str(check(&table), "sortkey \"Version\" is none of the table's columns",
		   "a sortkey that is no column");
	table.sortkeys = twice;
	is_str(check(&table), "column \"booked_at\" is twice in the sortkey", "a sortkey twice");
	table.sortkeys = nested;
	table.sortkey_count = 1;
	ok(strstr(check(&table), "of type SUPER") != NULL, "a sortkey of type SUPER");
	table.sortkey_count = 0;
	table.distkey = "nothing";
	is_str(check(&table), "distkey \"nothing\" is none of the table's columns",
		   "a distkey that is no column");
	table.distkey = NULL;
	table.schema = "";
	ok(strstr(check(&table), "name of the schema") != NULL, "no schema");
	table.schema = "public";
	table.column_count = 0;
	ok(strstr(check(&table), "has 0 columns") != NULL, "no columns");
	table.column_count = 1601;
	ok(strstr(check(&table), "has 1601 columns") != NULL, "too many columns");
	table.column_count = 1;
	table.columns = &odd;
	ok(strstr(check(&table), "no length of 1 to 65535") != NULL, "a type that cannot be");
}

/*----------
 * Memory
 *----------
 */

static bool
writes_all(AwsxError *out)
{
	static const char *const key[] = {"transaction_id"};
	AwsxBuf		buf;
	bool		good;

	awsx_buf_init(&buf, 0);
	awsx_redshift_table_ddl(&sample, &buf);
	awsx_redshift_table_document(&sample, key, 1, "version", "public.sqs_ledger", &buf);
	awsx_redshift_literal(&buf, "a\\b", 3);
	good = !buf.failed && buf.len > 1000;
	awsx_buf_free(&buf);
	return good || awsx_error_set(out, AWSX_ERR_MEMORY, "out of memory");
}

int
main(void)
{
	test_types();
	test_names();
	test_literals();
	test_random_literals();
	test_values();
	test_ddl();
	test_document();
	test_defaults();
	test_check();
	sweep("DDL and document", writes_all);
	return tap_done();
}
