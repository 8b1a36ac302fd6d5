/*
 * test_redshift_table.c
 *	  A table of Redshift: DDL, the ledger, the configuration document, and
 *	  what of a table cannot be.
 */
#define _GNU_SOURCE
#include "redshift_words.h"
#include "sweep.h"

#include "redshift_table.h"

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
	test_ddl();
	test_document();
	test_defaults();
	test_check();
	sweep("DDL and document", writes_all);
	return tap_done();
}
