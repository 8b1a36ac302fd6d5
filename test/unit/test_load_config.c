/*
 * test_load_config.c
 *	  The configuration of sqs_to_redshift: every member, its default, and an
 *	  error that names the culprit for everything wrong.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sweep.h"

#include "load_config.h"

#define COLUMNS "\"columns\":[{\"name\":\"id\",\"type\":\"varchar(64)\",\"not_null\":true},{\"name\":\"v\",\"type\":\"int\",\"default\":1}," \
	"{\"name\":\"doc\",\"type\":\"super\"},{\"name\":\"ok\",\"type\":\"bool\",\"default\":false},{\"name\":\"amount\",\"type\":\"numeric(18,2)\",\"default\":\"0.50\"}]"
#define TABLE "\"table\":\"public.t\"," COLUMNS
#define FULL "{" TABLE ",\"key\":[\"id\"],\"version\":\"v\",\"distkey\":\"v\",\"sortkey\":[\"v\",\"id\"],\"subscription\":\"s\"," \
	"\"ledger\":\"audit.seen\",\"dedup_key\":\"$.a.b\",\"dedup_scope\":\"messageGroup\",\"retention_days\":90,\"workgroup\":\"wg\"," \
	"\"database\":\"db\",\"secret_arn\":\"arn:x\",\"stage\":\"s3://bkt/stage/\",\"iam_role\":\"arn:aws:iam::123456789012:role/copy\"," \
	"\"reject\":\"s3://bkt/reject/\",\"on_reject\":\"fail\",\"token_salt\":\"again\",\"poll\":{\"max_messages\":7,\"max_bytes\":8," \
	"\"max_age_seconds\":9,\"visibility_seconds\":10,\"receives\":11},\"metrics\":{\"namespace\":\"N\",\"dimensions\":{\"A\":\"b\"}}," \
	"\"log_level\":\"warn\"}"

static LoadConfig *
read_text(const char *text, AwsxError *error)
{
	return load_config_read("doc", text, strlen(text), error);
}

static void
refused(const char *part, const char *text)
{
	AwsxError	error;
	LoadConfig *config = read_text(text, &error);
	bool		right = config == NULL && error.kind == AWSX_ERR_CONFIG &&
		strncmp(error.message, "doc", 3) == 0 && strstr(error.message, part) != NULL;

	if (!ok(right, "%s", part))
		printf("# got: %s\n", config != NULL ? "accepted" : error.message);
	load_config_free(config);
}

static void
test_defaults(void)
{
	AwsxError	error;
	LoadConfig *config = read_text("{" TABLE "}", &error);

	if (!ok(config != NULL, "a table is enough"))
	{
		printf("# %s\n", error.message);
		return;
	}
	is_str(config->target.schema, "public", "schema");
	is_str(config->target.name, "t", "table");
	is_int(config->target.column_count, 5, "columns");
	ok(config->target.columns[0].not_null && !config->target.columns[1].not_null, "not null");
	ok(config->target.columns[0].default_value == NULL, "no default");
	is_str(config->target.columns[1].default_value, "1", "a number's default");
	is_str(config->target.columns[3].default_value, "false", "a truth value's default");
	is_str(config->target.columns[4].default_value, "0.50", "a decimal's default, as it is spelled");
	ok(config->key_count == 0 && config->version == -1 && config->target.distkey == NULL &&
	   config->target.sortkey_count == 0, "rows are only added");
	is_str(config->ledger.schema, "public", "ledger's schema");
	is_str(config->ledger.name, "sqs_ledger", "ledger");
	is_str(config->subscription, "t", "the subscription is called as the table");
	ok(config->dedup_key == NULL && config->dedup_scope == LOAD_SCOPE_ASK, "the queue's own deduplication");
	is_str(config->place.workgroup, "default", "workgroup");
	is_str(config->place.database, "dev", "database");
	ok(config->place.cluster == NULL && config->place.db_user == NULL && config->place.secret_arn == NULL, "no cluster");
	ok(config->stage_bucket == NULL && config->reject_bucket == NULL && config->fail_rejects, "no places in S3");
	is_str(config->iam_role, "default", "role of COPY");
	is_str(config->token_salt, "", "no salt");
	is_int(config->retention_days, 30, "retention");
	ok(config->poll.max_messages == 10000 && config->poll.max_bytes == 64 << 20 && config->poll.max_age_seconds == 10 &&
	   config->poll.visibility_seconds == 300 && config->poll.receives == 4, "poll");
	is_str(config->metrics.name_space, "pg_sqs", "metrics");
	ok(config->log_level == NULL, "log level as Lambda says");
	load_config_free(config);
	config = read_text("{" TABLE ",\"key\":[\"id\"],\"reject\":\"s3://bkt/r/\"}", &error);
	ok(config != NULL && config->target.distkey != NULL && strcmp(config->target.distkey, "id") == 0,
	   "rows are distributed by the key");
	ok(config != NULL && !config->fail_rejects, "with a place for rejects they go there");
	load_config_free(config);
	config = read_text("{" TABLE ",\"key\":[\"id\"],\"distkey\":null}", &error);
	ok(config != NULL && config->target.distkey == NULL, "... unless it says null");
	load_config_free(config);
}

static void
test_full(void)
{
	AwsxError	error;
	LoadConfig *config = read_text(FULL, &error);

	if (!ok(config != NULL, "everything given"))
	{
		printf("# %s\n", error.message);
		return;
	}
	ok(config->key_count == 1 && config->key[0] == 0 && config->version == 1, "key and version");
	is_str(config->target.distkey, "v", "distkey");
	ok(config->target.sortkey_count == 2 && strcmp(config->target.sortkeys[1], "id") == 0, "sortkey");
	is_str(config->subscription, "s", "subscription");
	is_str(config->ledger.schema, "audit", "ledger's schema");
	is_str(config->dedup_key, "$.a.b", "dedup_key");
	ok(config->dedup_scope == LOAD_SCOPE_GROUP, "dedup_scope");
	is_int(config->retention_days, 90, "retention");
	is_str(config->place.workgroup, "wg", "workgroup");
	is_str(config->place.secret_arn, "arn:x", "secret");
	is_str(config->stage_bucket, "bkt", "stage bucket");
	is_str(config->stage_prefix, "stage/", "stage prefix");
	is_str(config->iam_role, "arn:aws:iam::123456789012:role/copy", "role");
	is_str(config->reject_prefix, "reject/", "reject prefix");
	ok(config->fail_rejects, "on_reject");
	is_str(config->token_salt, "again", "salt");
	ok(config->poll.max_messages == 7 && config->poll.max_bytes == 8 && config->poll.max_age_seconds == 9 &&
	   config->poll.visibility_seconds == 10 && config->poll.receives == 11, "poll");
	is_str(config->metrics.name_space, "N", "namespace");
	is_str(config->metrics.dimension_values[0], "b", "dimension");
	is_str(config->log_level, "WARN", "log level");
	load_config_free(config);
	config = read_text("{" TABLE ",\"cluster\":\"c\",\"db_user\":\"u\",\"metrics\":false,\"dedup_scope\":\"queue\"}", &error);
	ok(config != NULL && config->place.workgroup == NULL && strcmp(config->place.cluster, "c") == 0 &&
	   strcmp(config->place.db_user, "u") == 0 && config->metrics.off && config->dedup_scope == LOAD_SCOPE_QUEUE,
	   "a cluster with a user");
	load_config_free(config);
}

static void
test_tables_refused(void)
{
	refused("not valid JSON", "{");
	refused("must be a JSON object", "[]");
	refused("not valid JSON", "{\"table\":\"a\",\"table\":\"b\"}");
	refused("unknown member \"tabel\"", "{\"tabel\":\"t\"}");
	refused("\"table\" is missing", "{" COLUMNS "}");
	refused("\"table\"", "{\"table\":\"a.b.c\"," COLUMNS "}");
	refused("\"columns\" must be an array of 1 to 1600", "{\"table\":\"t\"}");
	refused("\"columns\" must be an array of 1 to 1600", "{\"table\":\"t\",\"columns\":[]}");
	refused("columns[0] must be an object", "{\"table\":\"t\",\"columns\":[1]}");
	refused("columns[0]: member \"name\" is missing", "{\"table\":\"t\",\"columns\":[{\"type\":\"int\"}]}");
	refused("columns[0]: unknown member \"nul\"", "{\"table\":\"t\",\"columns\":[{\"name\":\"a\",\"type\":\"int\",\"nul\":1}]}");
	refused("columns[0]: \"type\"", "{\"table\":\"t\",\"columns\":[{\"name\":\"a\",\"type\":\"uuid\"}]}");
	refused("columns[0]: member \"not_null\" must be true or false",
			"{\"table\":\"t\",\"columns\":[{\"name\":\"a\",\"type\":\"int\",\"not_null\":\"yes\"}]}");
	refused("columns[0]: \"default\" must be a string, a whole number",
			"{\"table\":\"t\",\"columns\":[{\"name\":\"a\",\"type\":\"real\",\"default\":1.5}]}");
	refused("columns[0]: \"default\" is no value of the column's type", "{\"table\":\"t\",\"columns\":[{\"name\":\"a\",\"type\":\"int\",\"default\":\"x\"}]}");
	refused("column", "{\"table\":\"t\",\"columns\":[{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"a\",\"type\":\"int\"}]}");
	refused("\"key\": \"columns\" has no column \"x\"", "{" TABLE ",\"key\":[\"x\"]}");
	refused("\"key\" must be an array of names", "{" TABLE ",\"key\":\"id\"}");
	refused("\"key\" must be an array of names", "{" TABLE ",\"key\":[1]}");
	refused("\"sortkey\" must be an array of names", "{" TABLE ",\"sortkey\":[\"v\",null]}");
	refused("\"key\" must name columns that can be compared", "{" TABLE ",\"key\":[\"doc\"]}");
	refused("each once", "{" TABLE ",\"key\":[\"id\",\"id\"]}");
	refused("\"version\": \"columns\" has no column \"x\"", "{" TABLE ",\"key\":[\"id\"],\"version\":\"x\"}");
	refused("\"version\" must name a column with an order", "{" TABLE ",\"version\":\"v\"}");
	refused("\"version\" must name a column with an order", "{" TABLE ",\"key\":[\"id\"],\"version\":\"id\"}");
	refused("\"version\" must name a column with an order", "{" TABLE ",\"key\":[\"id\"],\"version\":\"ok\"}");
	refused("\"distkey\": \"columns\" has no column", "{" TABLE ",\"distkey\":\"x\"}");
	refused("\"sortkey\": \"columns\" has no column", "{" TABLE ",\"sortkey\":[\"x\"]}");
	refused("must be two tables", "{" TABLE ",\"ledger\":\"t\"}");
}

static void
test_members_refused(void)
{
	refused("\"subscription\" must be at most", "{" TABLE ",\"subscription\":\""
			"0123456789012345678901234567890123456789012345678901234567890123\"}");
	refused("\"subscription\" must be a string", "{" TABLE ",\"subscription\":\"\"}");
	refused("\"dedup_key\" must be", "{" TABLE ",\"dedup_key\":\"$\"}");
	refused("\"dedup_key\" must be", "{" TABLE ",\"dedup_key\":\"$.a..b\"}");
	refused("\"dedup_key\" must be", "{" TABLE ",\"dedup_key\":\"a b\"}");
	refused("\"dedup_scope\" must be", "{" TABLE ",\"dedup_scope\":\"group\"}");
	refused("\"token_salt\" must be", "{" TABLE ",\"token_salt\":7}");
	refused("\"workgroup\" (serverless) and \"cluster\" exclude", "{" TABLE ",\"workgroup\":\"w\",\"cluster\":\"c\"}");
	refused("\"db_user\" belongs to \"cluster\"", "{" TABLE ",\"db_user\":\"u\"}");
	refused("\"db_user\" and \"secret_arn\" exclude", "{" TABLE ",\"cluster\":\"c\",\"db_user\":\"u\",\"secret_arn\":\"s\"}");
	refused("\"stage\" must have the form s3://bucket/prefix/", "{" TABLE ",\"stage\":\"bucket\"}");
	refused("\"iam_role\" must be default", "{" TABLE ",\"iam_role\":\"arn:x' other\"}");
	refused("\"reject\" must have the form s3://", "{" TABLE ",\"reject\":\"https://q\"}");
	refused("\"on_reject\" must be reject or fail", "{" TABLE ",\"on_reject\":\"skip\"}");
	refused("\"on_reject\" reject needs \"reject\"", "{" TABLE ",\"on_reject\":\"reject\"}");
	refused("\"stage\" and \"reject\" overlap", "{" TABLE ",\"stage\":\"s3://bkt/a/\",\"reject\":\"s3://bkt/a/r/\"}");
	refused("\"retention_days\" must be a whole number of days from 1", "{" TABLE ",\"retention_days\":0}");
	refused("\"retention_days\" must be a whole number", "{" TABLE ",\"retention_days\":\"30\"}");
	refused("\"poll\" must be an object", "{" TABLE ",\"poll\":[]}");
	refused("\"poll\": unknown member \"x\"", "{" TABLE ",\"poll\":{\"x\":1}}");
	refused("\"poll\": \"max_messages\" must be a whole number of messages from 1 to 100000", "{" TABLE ",\"poll\":{\"max_messages\":0}}");
	refused("\"poll\": \"max_bytes\"", "{" TABLE ",\"poll\":{\"max_bytes\":1000000000000}}");
	refused("\"poll\": \"max_age_seconds\"", "{" TABLE ",\"poll\":{\"max_age_seconds\":-1}}");
	refused("\"poll\": \"visibility_seconds\"", "{" TABLE ",\"poll\":{\"visibility_seconds\":1}}");
	refused("\"poll\": \"receives\"", "{" TABLE ",\"poll\":{\"receives\":1.5}}");
	refused("\"metrics\" must be an object, or false", "{" TABLE ",\"metrics\":true}");
	refused("\"log_level\" must be TRACE", "{" TABLE ",\"log_level\":\"loud\"}");
}

/* ---- where it lies ---- */

static void
found(const char *part, const char *value)
{
	AwsxError	error;
	LoadConfig *config;

	if (value != NULL)
		setenv(LOAD_CONFIG_VARIABLE, value, 1);
	else
		unsetenv(LOAD_CONFIG_VARIABLE);
	config = load_config_environment(NULL, NULL, &error);
	if (part == NULL)
		ok(config != NULL, "%.20s: read", value);
	else if (!ok(config == NULL && error.kind == AWSX_ERR_CONFIG && strstr(error.message, part) != NULL, "%s", part))
		printf("# %s\n", config != NULL ? "accepted" : error.message);
	load_config_free(config);
}

static void
test_places(void)
{
	char		path[] = "/tmp/test_load_config.XXXXXX";
	int			fd = mkstemp(path);
	AwsxError	error;
	LoadConfig *config;

	ok(write(fd, FULL, strlen(FULL)) == (ssize_t) strlen(FULL), "a file is written");
	close(fd);
	found(NULL, " {" TABLE "}");
	found(NULL, path);
	found("set SQS_TO_REDSHIFT_CONFIG", NULL);
	found("set SQS_TO_REDSHIFT_CONFIG", "");
	found("SQS_TO_REDSHIFT_CONFIG is not valid JSON", "{");
	found("have the form s3://bucket/key", "s3://bucket");
	found("have the form s3://bucket/key", "s3://bucket/");
	found("/does/not/exist", "/does/not/exist");
	config = load_config_file(path, &error);
	ok(config != NULL, "a file that is named");
	load_config_free(config);
	unlink(path);
}

static bool
read_full(AwsxError *error)
{
	LoadConfig *config = read_text(FULL, error);
	bool		done = config != NULL && config->key_count == 1 && strcmp(config->token_salt, "again") == 0;

	load_config_free(config);
	return done;
}

int
main(void)
{
	test_defaults();
	test_full();
	test_tables_refused();
	test_members_refused();
	test_places();
	sweep("a whole configuration", read_full);
	return tap_done();
}
