/*
 * loads.c
 *	  Fuzzing of values and bodies on their way into Redshift.
 */
#include "targets.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "load_sql.h"
#include "load_value.h"

static const AwsxRedshiftColumn columns[] = {
	{"a", {AWSX_REDSHIFT_SMALLINT, 0, 0, 0}, false, NULL}, {"b", {AWSX_REDSHIFT_BIGINT, 0, 0, 0}, false, "7"},
	{"c", {AWSX_REDSHIFT_DECIMAL, 0, 12, 2}, false, NULL}, {"d", {AWSX_REDSHIFT_DECIMAL, 0, 38, 37}, false, NULL},
	{"e", {AWSX_REDSHIFT_REAL, 0, 0, 0}, false, NULL}, {"f", {AWSX_REDSHIFT_DOUBLE, 0, 0, 0}, false, NULL},
	{"g", {AWSX_REDSHIFT_BOOLEAN, 0, 0, 0}, false, NULL}, {"h", {AWSX_REDSHIFT_CHAR, 3, 0, 0}, false, NULL},
	{"i", {AWSX_REDSHIFT_VARCHAR, 9, 0, 0}, true, ""}, {"j", {AWSX_REDSHIFT_DATE, 0, 0, 0}, false, NULL},
	{"k", {AWSX_REDSHIFT_TIMESTAMP, 0, 0, 0}, false, NULL}, {"l", {AWSX_REDSHIFT_TIMESTAMPTZ, 0, 0, 0}, false, NULL},
	{"m", {AWSX_REDSHIFT_SUPER, 0, 0, 0}, false, "[]"}
};

#define COLUMNS ((int) (sizeof(columns) / sizeof(columns[0])))

/* The first byte says which type; a value's spelling is a spelling of itself. */
void
fuzz_value(const char *bytes, size_t len)
{
	const AwsxRedshiftType *type;
	LoadProblem problem;
	AwsxBuf		once;
	AwsxBuf		twice;

	if (len == 0 || !json_utf8_valid(bytes + 1, len - 1))
		return;
	type = &columns[(unsigned char) bytes[0] % (COLUMNS - 1)].type;
	awsx_buf_init(&once, 0);
	awsx_buf_init(&twice, 0);
	if (load_value(type, bytes[0] & 64 ? LOAD_JSON_NUMBER : LOAD_JSON_STRING, bytes + 1, len - 1, &once, &problem))
	{
		const char *text = once.data != NULL ? once.data : "";

		assert(once.len == 0 || memchr(once.data, '\0', once.len) == NULL);
		assert(load_value(type, LOAD_JSON_STRING, text, once.len, &twice, &problem));
		assert(once.len == twice.len && (once.len == 0 || memcmp(once.data, twice.data, once.len) == 0));
	}
	else
		assert(problem.code != NULL && problem.reason[0] != '\0' && once.len == 0);
	awsx_buf_free(&once);
	awsx_buf_free(&twice);
}

/* In a statement no backslash stands, and no text leaves its literal. */
static void
check_statements(const LoadConfig *config, const LoadRow *const *rows, int count)
{
	LoadStatements statements;
	AwsxError	error;

	assert(load_sql(config, rows, count, NULL, &statements, &error));
	for (int i = 0; i < statements.count; i++)
	{
		bool		open = false;

		for (const char *at = statements.sql[i]; *at != '\0'; at++)
		{
			assert(*at != '\\' && (open || *at != ';'));
			open ^= *at == '\'';
		}
		assert(!open);
	}
	load_sql_free(&statements);
}

/* A stage is a line of JSON a row. */
static void
check_stage(const LoadConfig *config, const LoadRow *const *rows, int count)
{
	AwsxBuf		stage;
	const char *at;
	int			lines = 0;

	awsx_buf_init(&stage, 0);
	assert(load_stage(config, rows, count, &stage));
	for (at = stage.data; at != NULL && *at != '\0'; at = strchr(at, '\n') + 1)
	{
		json_error_t problem;
		/* jansson takes no numbers beyond a double, nor two members of one name */
		json_t	   *row = json_loadb(at, strcspn(at, "\n"), JSON_ALLOW_NUL, &problem);

		assert(row != NULL || json_error_code(&problem) == json_error_numeric_overflow ||
			   json_error_code(&problem) == json_error_stack_overflow);
		json_decref(row);
		lines++;
	}
	assert(lines == count);
	awsx_buf_free(&stage);
}

/* The input as the bodies of two messages, cut at the first line. */
void
fuzz_load(const char *bytes, size_t len)
{
	static int	key[] = {8};
	LoadConfig	config = {
		.target = {.schema = "s",.name = "t",.column_count = COLUMNS,.columns = columns},
		.key_count = 1,.key = key,.version = 1,.subscription = (char *) "s",
		.dedup_key = len % 3 == 0 ? (char *) "$.i.x" : NULL
	};
	const char *end = memchr(bytes, '\n', len);
	size_t		first = end != NULL ? (size_t) (end - bytes) : len;
	AwsxSqsMessage messages[] = {
		{.message_id = "1",.dedup_id = "x",.group_id = "g",.sequence_number = "",.body = bytes,.body_len = first},
		{.message_id = "2",.dedup_id = "x",.group_id = "g",.sequence_number = "",.body = bytes + first,.body_len = len - first}
	};
	const LoadRow *rows[2];
	AwsxError	error;
	LoadBatch  *batch;
	int			count = 0;

	config.ledger = awsx_redshift_ledger("s", "l");
	batch = load_batch(&config, LOAD_SCOPE_GROUP, messages, 2, &error);
	assert(batch != NULL);
	for (int i = 0; i < 2; i++)
	{
		const LoadRow *row = &batch->rows[i];

		assert(strlen(row->content_hash) == 64 && (row->fate == LOAD_REJECTED) == (row->code[0] != '\0'));
		assert(row->fate != LOAD_ROW || (row->values[8].text != NULL && row->dedup_key[0] != '\0'));
		if (row->fate == LOAD_ROW)
			rows[count++] = row;
	}
	if (count > 0)
	{
		check_statements(&config, rows, count);
		check_stage(&config, rows, count);
	}
	load_batch_free(batch);
}
