/*
 * test_load_memory.c
 *	  Every allocation fails once while rows are made of messages and
 *	  statements of rows.
 */
#define _GNU_SOURCE
#include "sweep.h"

#include "load_sql.h"
#include "load_world.h"

static const AwsxSqsAttribute lineage[] = {
	{"source_bucket", "String", "b", 1}, {"source_key", "String", "k\377", 2}, {"k", "String", "key", 3}
};

static LoadConfig config;

/* Rows of each kind; the last one's key has escapes on its way. */
static LoadBatch *
make_batch(AwsxError *error)
{
	static AwsxSqsMessage messages[5];

	messages[0] = world_message("a", "{\"\\u0069d\":\"a\\n\",\"x\":{\"\\u0079\":\"\\u0041\"},\"amount\":1.5,\"more\":{\"b\": \"it's \\\\\"}}");
	messages[1] = world_message("a", messages[0].body);
	messages[2] = world_message("b", "no JSON");
	messages[3] = world_message("c", "{\"id\":\"c\",\"x\":{\"y\":2},\"amount\":\"\\u0078\"}");
	messages[4] = world_message("d", "{\"id\":\"d\",\"x\":{\"y\":2}}");
	messages[0].attributes = messages[4].attributes = lineage;
	messages[0].attribute_count = messages[4].attribute_count = 3;
	return load_batch(&config, LOAD_SCOPE_GROUP, messages, 5, error);
}

/* Are they what they should be, and what they are written as? */
static bool
use_batch(LoadBatch *batch, const char *url, AwsxError *error)
{
	const LoadRow *rows[2] = {&batch->rows[0], &batch->rows[4]};
	LoadStatements statements;
	AwsxBuf		stage;
	bool		done;

	if (batch->rows[0].fate != LOAD_ROW || batch->rows[1].fate != LOAD_DUPLICATE || batch->rows[2].fate != LOAD_REJECTED ||
		strcmp(batch->rows[3].code, "InvalidValue") != 0 || batch->rows[4].fate != LOAD_ROW ||
		strcmp(batch->rows[0].source, "s3://b/k%FF") != 0 || batch->rows[0].values[0].len != 2)
		return ok(false, "rows as they should be");
	if (!load_sql(&config, rows, 2, url, &statements, error))
		return false;
	load_sql_free(&statements);
	awsx_buf_init(&stage, 0);
	done = load_stage(&config, rows, 2, &stage) || awsx_error_set(error, AWSX_ERR_MEMORY, "no stage");
	awsx_buf_free(&stage);
	return done;
}

static bool
load(const char *url, AwsxError *error)
{
	LoadBatch  *batch = make_batch(error);
	bool		done = batch != NULL && use_batch(batch, url, error);

	load_batch_free(batch);
	return done;
}

static bool
load_by_sql(AwsxError *error)
{
	config = world_config(1, 1);
	return load(NULL, error);
}

static bool
load_by_copy(AwsxError *error)
{
	config = world_config(1, -1);
	config.dedup_key = (char *) "$.x.y";
	return load("s3://b/k", error);
}

static bool
prune(AwsxError *error)
{
	char	   *sql;

	config = world_config(0, -1);
	sql = load_sql_prune(&config);
	free(sql);
	return sql != NULL || awsx_error_set(error, AWSX_ERR_MEMORY, "no statement");
}

int
main(void)
{
	sweep("rows and statements", load_by_sql);
	sweep("rows by a path, and COPY", load_by_copy);
	sweep("the statement that prunes", prune);
	return tap_done();
}
