/*
 * test_load_sql.c
 *	  The statements that load rows, word for word; what they never hold; what
 *	  fits into one; and the object for COPY.
 */
#include <jansson.h>
#include <stdlib.h>

#include "load_sql.h"
#include "load_world.h"
#include "tap.h"

static LoadStatements statements;
static LoadBatch *batch;
static AwsxError error;

/* The statements for such bodies, a message each. */
static bool
write_sql(const LoadConfig *config, const char *const *bodies, int count, const char *url)
{
	static AwsxSqsMessage messages[40];
	static char ids[40][12];
	const LoadRow *rows[40];

	load_sql_free(&statements);
	load_batch_free(batch);
	for (int i = 0; i < count; i++)
	{
		snprintf(ids[i], sizeof(ids[i]), "d%d", i);
		messages[i] = world_message(ids[i], bodies[i]);
	}
	batch = load_batch(config, LOAD_SCOPE_QUEUE, messages, count, &error);
	for (int i = 0; i < count; i++)
	{
		rows[i] = &batch->rows[i];
		if (rows[i]->fate != LOAD_ROW)
			return ok(false, "%s: %s", bodies[i], rows[i]->reason);
	}
	return load_sql(config, rows, count, url, &statements, &error);
}

static void
compare_all(const char *const *expected, int count, const char *name)
{
	is_int(statements.count, count, name);
	for (int i = 0; i < count && i < statements.count; i++)
		is_str(statements.sql[i], expected[i], "... its text");
}

#define LOCK "LOCK \"public\".\"sqs_ledger\", \"public\".\"t\""
#define STAGE "CREATE TEMP TABLE sqs_stage (n INTEGER NOT NULL, dedup_key VARCHAR(512), content_hash CHAR(64), " \
	"message_id VARCHAR(128), sequence_number VARCHAR(40), source VARCHAR(4096), " \
	"c1 VARCHAR(16), c2 INTEGER, c3 DECIMAL(12,2), c4 VARCHAR(65535), c5 SUPER)"
#define INTO_STAGE "sqs_stage (n, dedup_key, content_hash, message_id, sequence_number, source, c1, c2, c3, c4, c5) "
#define CONFLICTS "SELECT s.n FROM sqs_stage AS s JOIN \"public\".\"sqs_ledger\" AS l ON l.dedup_key = s.dedup_key " \
	"WHERE l.subscription = 't' AND l.content_hash <> s.content_hash ORDER BY s.n"
#define DUPLICATES "DELETE FROM sqs_stage WHERE dedup_key IN " \
	"(SELECT l.dedup_key FROM \"public\".\"sqs_ledger\" AS l WHERE l.subscription = 't')"
#define LEDGER "INSERT INTO \"public\".\"sqs_ledger\" " \
	"(subscription, dedup_key, content_hash, message_id, sequence_number, source, applied_at) " \
	"SELECT 't', s.dedup_key, s.content_hash, s.message_id, s.sequence_number, s.source, GETDATE() FROM sqs_stage AS s"
#define ALL_COLUMNS "(\"id\", \"version\", \"amount\", \"note\", \"more\")"

static void
test_append(void)
{
	static const char *const body[] = {"{\"id\":\"it's\",\"amount\":1.5,\"note\":null,\"more\":{\"b\":\"\\\\\"}}"};
	static const char *const expected[] = {
		LOCK, STAGE, NULL, CONFLICTS, DUPLICATES, LEDGER,
		"INSERT INTO \"public\".\"t\" " ALL_COLUMNS " SELECT s.c1, s.c2, s.c3, s.c4, s.c5 FROM sqs_stage AS s"
	};
	LoadConfig	config = world_config(0, -1);
	const char *all[7];
	char		insert[1000];

	ok(write_sql(&config, body, 1, NULL), "rows are added");
	memcpy(all, expected, sizeof(all));
	snprintf(insert, sizeof(insert), "INSERT INTO " INTO_STAGE "VALUES (0, 'd0', '%s', 'm-1', '7', NULL, 'it''s', 1, 1.50, NULL, "
			 "JSON_PARSE(REPLACE('{\"b\":\"~~\"}', '~', CHR(92))))", batch->rows[0].content_hash);
	all[2] = insert;
	compare_all(all, 7, "seven statements");
	is_int(statements.conflicts * 10000 + statements.duplicates * 1000 + statements.disputes * 100 + statements.ledger * 10 + statements.target,
		   45067, "the places of those that are asked for");
}

static void
test_upsert(void)
{
	static const char *const bodies[] = {"{\"id\":\"a\"}", "{\"id\":\"b\",\"version\":2}"};
	static const char *const expected[] = {
		LOCK, STAGE, NULL, CONFLICTS, DUPLICATES,
		"CREATE TEMP TABLE sqs_judged AS SELECT r.n, CASE "
		"WHEN t.\"version\" = r.c2 AND (r.earlier IS NULL OR r.earlier <= r.c2) THEN CASE WHEN 1 = 1 "
		"AND (r.c3 = t.\"amount\" OR (r.c3 IS NULL AND t.\"amount\" IS NULL)) "
		"AND (r.c4 = t.\"note\" OR (r.c4 IS NULL AND t.\"note\" IS NULL)) "
		"AND (JSON_SERIALIZE_TO_VARBYTE(r.c5) = JSON_SERIALIZE_TO_VARBYTE(t.\"more\") OR (r.c5 IS NULL AND t.\"more\" IS NULL)) "
		"THEN 0 ELSE 1 END "
		"WHEN (t.\"version\" IS NULL OR t.\"version\" < r.c2) AND r.earlier = r.c2 THEN CASE WHEN 1 = 1 "
		"AND (r.c3 = f.c3 OR (r.c3 IS NULL AND f.c3 IS NULL)) "
		"AND (r.c4 = f.c4 OR (r.c4 IS NULL AND f.c4 IS NULL)) "
		"AND (JSON_SERIALIZE_TO_VARBYTE(r.c5) = JSON_SERIALIZE_TO_VARBYTE(f.c5) OR (r.c5 IS NULL AND f.c5 IS NULL)) "
		"THEN 0 ELSE 1 END ELSE 0 END AS disputed, "
		"CASE WHEN r.n = r.first_n AND r.newest = r.c2 AND (t.\"version\" IS NULL OR t.\"version\" < r.c2) THEN 1 ELSE 0 END AS wins "
		"FROM (SELECT s.n, s.c1, s.c2, s.c3, s.c4, s.c5, "
		"MAX(s.c2) OVER (PARTITION BY s.c1 ORDER BY s.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier, "
		"MAX(s.c2) OVER (PARTITION BY s.c1) AS newest, MIN(s.n) OVER (PARTITION BY s.c1, s.c2) AS first_n FROM sqs_stage AS s) AS r "
		"JOIN sqs_stage AS f ON f.n = r.first_n LEFT JOIN \"public\".\"t\" AS t ON t.\"id\" = r.c1",
		"SELECT j.n FROM sqs_judged AS j WHERE j.disputed = 1 ORDER BY j.n",
		LEDGER " WHERE s.n NOT IN (SELECT j.n FROM sqs_judged AS j WHERE j.disputed = 1)",
		"CREATE TEMP TABLE sqs_newest AS SELECT s.c1, s.c2, s.c3, s.c4, s.c5 FROM sqs_stage AS s "
		"WHERE s.n IN (SELECT j.n FROM sqs_judged AS j WHERE j.wins = 1)",
		"MERGE INTO \"public\".\"t\" USING sqs_newest AS s ON \"t\".\"id\" = s.c1 "
		"WHEN MATCHED THEN UPDATE SET \"version\" = s.c2, \"amount\" = s.c3, \"note\" = s.c4, \"more\" = s.c5 "
		"WHEN NOT MATCHED THEN INSERT " ALL_COLUMNS " VALUES (s.c1, s.c2, s.c3, s.c4, s.c5)"
	};
	LoadConfig	config = world_config(1, 1);
	const char *all[10];

	ok(write_sql(&config, bodies, 2, NULL), "with key and version");
	memcpy(all, expected, sizeof(all));
	all[2] = statements.sql[2];
	compare_all(all, 10, "ten statements, so that two transactions are not more than twenty");
	ok(statements.disputes == 7 && statements.ledger == 8 && statements.target == 10, "the places of those that are asked for");

	config = world_config(1, -1);
	ok(write_sql(&config, bodies, 2, NULL), "with a key alone");
	is_int(statements.count, 8, "eight statements");
	is_int(statements.disputes, 0, "there is nothing to dispute");
	is_str(statements.sql[6], "CREATE TEMP TABLE sqs_newest AS SELECT r.c1, r.c2, r.c3, r.c4, r.c5 FROM "
		   "(SELECT s.n, s.c1, s.c2, s.c3, s.c4, s.c5, MAX(s.n) OVER (PARTITION BY s.c1) AS last_n FROM sqs_stage AS s) AS r "
		   "WHERE r.n = r.last_n", "what comes last stays");

	config.target.column_count = 1;
	ok(write_sql(&config, bodies, 1, NULL), "nothing but a key");
	is_str(statements.sql[7], "INSERT INTO \"public\".\"t\" (\"id\") SELECT s.c1 FROM sqs_newest AS s "
		   "WHERE NOT EXISTS (SELECT 1 FROM \"public\".\"t\" AS t WHERE t.\"id\" = s.c1)", "is there, or is added");
}

static void
test_copy(void)
{
	static const char *const bodies[] = {"{\"id\":\"a\\\"\\\\\",\"amount\":1,\"note\":\"\",\"more\":{\n \"b\":\t1.50}}", "{\"id\":\"b\",\"note\":null}"};
	LoadConfig	config = world_config(0, -1);
	const LoadRow *rows[2];
	char		expected[1000];
	AwsxBuf		stage;

	ok(write_sql(&config, bodies, 2, "s3://b/it's"), "by COPY");
	is_str(statements.sql[2], "COPY " INTO_STAGE "FROM 's3://b/it''s' IAM_ROLE default FORMAT AS JSON 'auto' "
		   "TIMEFORMAT 'auto' DATEFORMAT 'auto' COMPUPDATE OFF STATUPDATE OFF", "its statement");
	config.iam_role = (char *) "arn:aws:iam::123456789012:role/r";
	ok(write_sql(&config, bodies, 2, "s3://b/k") && strstr(statements.sql[2], " IAM_ROLE 'arn:aws:iam::123456789012:role/r' FORMAT") != NULL,
	   "with another role");
	rows[0] = &batch->rows[0];
	rows[1] = &batch->rows[1];
	awsx_buf_init(&stage, 0);
	ok(load_stage(&config, rows, 2, &stage), "its object");
	snprintf(expected, sizeof(expected),
			 "{\"n\":0,\"dedup_key\":\"d0\",\"content_hash\":\"%s\",\"message_id\":\"m-1\",\"sequence_number\":\"7\","
			 "\"c1\":\"a\\\"\\\\\",\"c2\":\"1\",\"c3\":\"1.00\",\"c4\":\"\",\"c5\":{  \"b\": 1.50}}\n"
			 "{\"n\":1,\"dedup_key\":\"d1\",\"content_hash\":\"%s\",\"message_id\":\"m-1\",\"sequence_number\":\"7\","
			 "\"c1\":\"b\",\"c2\":\"1\",\"c5\":{\"a\": 1}}\n", rows[0]->content_hash, rows[1]->content_hash);
	is_str(stage.data, expected, "a line a row, each value a text, a document itself");
	awsx_buf_free(&stage);
}

/* ---- what they never hold ---- */

static const char *const hostile[] = {
	"it's", "'", "''", "\\", "\\\\", "\\'", "'\\'; DROP TABLE t; --", "$$ $tag$ x $tag$", "/* -- */", ":name ?", "\"t\"", "\t\r\n\b\f\001\033\177",
	"~^|#@`!$%&*+-/<=>?_.,()[]{} \\", "\303\251\360\237\222\266\\"
};

/* All characters that stand for a backslash, and a backslash. */
static char every[200];

/* Is the statement made of the words of our own, with all foreign text in literals? */
static bool
is_closed(const char *sql)
{
	bool		open = false;

	for (; *sql != '\0'; sql++)
	{
		if (*sql == '\\' || (!open && (*sql == ';' || *sql == '$' || *sql == '?' || strncmp(sql, "--", 2) == 0 || strncmp(sql, "/*", 2) == 0)))
			return false;
		open ^= *sql == '\'';
	}
	return !open;
}

static void
test_hostile(void)
{
	LoadConfig	config = world_config(1, 1);
	char		body[1000];
	const char *bodies[] = {body};
	int			closed = 0;

	every[0] = '\\';
	for (char c = ' '; c < 127; c++)
		every[1 + c - ' '] = c;
	config.subscription = (char *) "it's \\ -- ;";
	for (int i = 0; i <= (int) (sizeof(hostile) / sizeof(hostile[0])); i++)
	{
		const char *text = i < (int) (sizeof(hostile) / sizeof(hostile[0])) ? hostile[i] : every;
		json_t	   *object = json_pack("{s:s, s:s, s:[s]}", "id", "a", "note", text, "more", text);
		char	   *dumped = json_dumps(object, 0);
		bool		all = true;

		snprintf(body, sizeof(body), "%s", dumped);
		free(dumped);
		json_decref(object);
		all = write_sql(&config, bodies, 1, NULL);
		for (int n = 0; n < statements.count; n++)
			all &= is_closed(statements.sql[n]);
		closed += all;
	}
	is_int(closed, (int) (sizeof(hostile) / sizeof(hostile[0])) + 1,
		   "no text leaves its literal, whether backslashes escape or not");
}

static void
test_grammar(void)
{
	/* what PostgreSQL has and the documented grammar of Redshift has not */
	static const char *const foreign[] = {
		"ON CONFLICT", "RETURNING", "DISTINCT FROM", "DISTINCT ON", "FILTER", "LATERAL", "ILIKE ANY", "FOR UPDATE", "ONLY", "::", "->",
		"ARRAY", "USING (", "VALUES (SELECT", "WITH", "now()", "CURRENT_TIMESTAMP", "jsonb", "text", "timestamptz", "ON COMMIT", "IF NOT EXISTS", "MODE"
	};
	static const char *const bodies[] = {"{\"id\":\"a\",\"amount\":1,\"note\":\"\",\"more\":1}"};
	int			found = 0;

	for (int key = 0; key <= 1; key++)
	{
		for (int version = -1; version <= (key == 1 ? 1 : -1); version += 2)
		{
			LoadConfig	config = world_config(key, version);

			for (int copy = 0; copy <= 1; copy++)
			{
				write_sql(&config, bodies, 1, copy ? "s3://b/k" : NULL);
				for (int i = 0; i < statements.count; i++)
				{
					for (size_t n = 0; n < sizeof(foreign) / sizeof(foreign[0]); n++)
					{
						if (strstr(statements.sql[i], foreign[n]) != NULL)
							printf("# %s in %s\n", foreign[n], statements.sql[i]), found++;
					}
				}
			}
		}
	}
	is_int(found, 0, "no words that only PostgreSQL has");
}

static void
test_sizes(void)
{
	static char body[100000];
	static char two[100000];
	const char *bodies[] = {body, two};
	LoadConfig	config = world_config(0, -1);
	const LoadRow *rows[2];

	snprintf(body, sizeof(body), "{\"id\":\"a\",\"note\":\"%065535d\"}", 0);
	snprintf(two, sizeof(two), "{\"id\":\"b\",\"note\":\"%024000d\"}", 0);
	ok(write_sql(&config, bodies, 2, NULL), "90 KB fit into a statement");
	rows[0] = &batch->rows[0];
	rows[1] = &batch->rows[1];
	ok(load_sql_fits(&config, rows, 2), "... as is said before");
	snprintf(two, sizeof(two), "{\"id\":\"b\",\"note\":\"%025000d\"}", 0);
	ok(!write_sql(&config, bodies, 2, NULL) && error.kind == AWSX_ERR_REQUEST, "more do not");
	is_int(statements.count, 0, "and leave no statement");
	rows[0] = &batch->rows[0];
	rows[1] = &batch->rows[1];
	ok(!load_sql_fits(&config, rows, 2), "... as is said before");
	ok(write_sql(&config, bodies, 2, "s3://b/k"), "but may be staged");
	memset(body, 0, sizeof(body));
	strcpy(body, "{\"id\":\"a\",\"note\":\"");
	memset(body + strlen(body), '\'', 32768);
	strcat(body, "\"}");
	ok(!write_sql(&config, bodies, 1, NULL), "quotes count twice");
	rows[0] = &batch->rows[0];
	ok(!load_sql_fits(&config, rows, 1), "... as is said before");
}

static void
test_origin(void)
{
	static char long_id[200];
	LoadConfig	config = world_config(0, -1);
	AwsxSqsMessage message = world_message("d", "{\"id\":\"a\"}");
	const LoadRow *rows[1];

	load_sql_free(&statements);
	load_batch_free(batch);
	memset(long_id, 'x', 127);
	strcpy(long_id + 127, "\303\251\303\251");
	message.message_id = long_id;
	message.sequence_number = "";
	batch = load_batch(&config, LOAD_SCOPE_QUEUE, &message, 1, &error);
	rows[0] = &batch->rows[0];
	ok(load_sql(&config, rows, 1, NULL, &statements, &error) && strstr(statements.sql[2], "xxx', NULL, NULL, ") != NULL,
	   "where a message came from is cut to what the ledger takes, between characters");
	load_sql_free(&statements);
	long_id[3] = '\377';
	ok(load_sql(&config, rows, 1, NULL, &statements, &error) && strstr(statements.sql[2], "', NULL, NULL, NULL, 'a'") != NULL,
	   "and what is no text left out");
}

static void
test_prune(void)
{
	LoadConfig	config = world_config(0, -1);
	char	   *sql = load_sql_prune(&config);

	is_str(sql, "DELETE FROM \"public\".\"sqs_ledger\" WHERE subscription = 't' AND applied_at < GETDATE() - INTERVAL '30 days'",
		   "what is older than its retention is forgotten");
	free(sql);
}

int
main(void)
{
	test_append();
	test_upsert();
	test_copy();
	test_hostile();
	test_grammar();
	test_sizes();
	test_origin();
	test_prune();
	load_sql_free(&statements);
	load_batch_free(batch);
	return tap_done();
}
