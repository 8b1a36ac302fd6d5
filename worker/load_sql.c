/*
 * load_sql.c
 *	  The statements of the transaction that loads rows.
 *
 * What is written here is parsed by Redshift, whose grammar is a smaller and
 * partly another one than PostgreSQL's: DELETE takes no alias, MERGE a table
 * and no query, INSERT gives nothing back, and rows are compared for being
 * the same, null or not, in plain operators.  Names of the target never meet
 * names of the stage, whose columns are numbered.
 */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "load_sql_work.h"

/* ---- the writer ---- */

int
load_sql_end(LoadWriter *writer)
{
	LoadStatements *out = writer->out;
	char	   *text = awsx_buf_take(&writer->sql, NULL);

	awsx_buf_init(&writer->sql, AWSX_REDSHIFT_STATEMENT_BYTES);
	if (text == NULL)
		writer->sql.failed = true;
	else
		out->sql[out->count++] = text;
	return writer->sql.failed ? 0 : out->count;
}

void
load_sql_column(LoadWriter *writer, int n)
{
	awsx_redshift_name(&writer->sql, writer->config->target.columns[n].name);
}

void
load_sql_staged(LoadWriter *writer, const char *prefix, int n)
{
	awsx_buf_printf(&writer->sql, "%sc%d", prefix, n + 1);
}

void
load_sql_all_staged(LoadWriter *writer, const char *prefix)
{
	for (int i = 0; i < writer->config->target.column_count; i++)
	{
		awsx_buf_puts(&writer->sql, i > 0 ? ", " : "");
		load_sql_staged(writer, prefix, i);
	}
}

void
load_sql_all_columns(LoadWriter *writer)
{
	for (int i = 0; i < writer->config->target.column_count; i++)
	{
		awsx_buf_puts(&writer->sql, i > 0 ? ", " : "");
		load_sql_column(writer, i);
	}
}

bool
load_sql_is_key(const LoadConfig *config, int n)
{
	for (int i = 0; i < config->key_count; i++)
	{
		if (config->key[i] == n)
			return true;
	}
	return false;
}

static void
put(LoadWriter *writer, const char *words)
{
	awsx_buf_puts(&writer->sql, words);
}

static void
put_ledger(LoadWriter *writer)
{
	awsx_redshift_table_name(&writer->sql, &writer->config->ledger);
}

static void
put_target(LoadWriter *writer)
{
	awsx_redshift_table_name(&writer->sql, &writer->config->target);
}

static void
put_subscription(LoadWriter *writer)
{
	const char *name = writer->config->subscription;

	awsx_redshift_literal(&writer->sql, name, strlen(name));
}

/* ---- the stage ---- */

/* What the ledger keeps of a message and the stage brings. */
static const int kept[] = {
	AWSX_REDSHIFT_LEDGER_DEDUP_KEY, AWSX_REDSHIFT_LEDGER_CONTENT_HASH, AWSX_REDSHIFT_LEDGER_MESSAGE_ID,
	AWSX_REDSHIFT_LEDGER_SEQUENCE_NUMBER, AWSX_REDSHIFT_LEDGER_SOURCE
};

#define KEPT_COUNT ((int) (sizeof(kept) / sizeof(kept[0])))
#define STAGE_COLUMNS "n, dedup_key, content_hash, message_id, sequence_number, source, "

static void
write_lock(LoadWriter *writer)
{
	put(writer, "LOCK ");
	put_ledger(writer);
	put(writer, ", ");
	put_target(writer);
	load_sql_end(writer);
}

static void
write_stage(LoadWriter *writer)
{
	const AwsxRedshiftTable *target = &writer->config->target;

	put(writer, "CREATE TEMP TABLE sqs_stage (n INTEGER NOT NULL");
	for (int i = 0; i < KEPT_COUNT; i++)
	{
		const AwsxRedshiftColumn *column = &writer->config->ledger.columns[kept[i]];

		awsx_buf_printf(&writer->sql, ", %s ", column->name);
		awsx_redshift_type_write(&column->type, &writer->sql);
	}
	for (int i = 0; i < target->column_count; i++)
	{
		load_sql_staged(writer, ", ", i);
		awsx_buf_putc(&writer->sql, ' ');
		awsx_redshift_type_write(&target->columns[i].type, &writer->sql);
	}
	put(writer, ")");
	load_sql_end(writer);
}

size_t
load_sql_kept(const LoadConfig *config, int column, const char *text)
{
	size_t		most = (size_t) config->ledger.columns[column].type.length;
	size_t		len = strlen(text);

	if (len > most)
	{
		len = most;
		while (len > 0 && ((unsigned char) text[len] & 0xC0) == 0x80)
			len--;
	}
	return json_utf8_valid(text, len) ? len : 0;
}

static void
put_kept(LoadWriter *writer, int column, const char *text)
{
	size_t		len = load_sql_kept(writer->config, column, text);

	awsx_buf_puts(&writer->sql, ", ");
	if (len == 0)
		put(writer, "NULL");
	else
		awsx_redshift_literal(&writer->sql, text, len);
}

static void
put_row(LoadWriter *writer, const LoadRow *row, int n)
{
	const AwsxRedshiftTable *target = &writer->config->target;

	awsx_buf_printf(&writer->sql, "%s(%d", n > 0 ? ", " : "", n);
	put_kept(writer, AWSX_REDSHIFT_LEDGER_DEDUP_KEY, row->dedup_key);
	put_kept(writer, AWSX_REDSHIFT_LEDGER_CONTENT_HASH, row->content_hash);
	put_kept(writer, AWSX_REDSHIFT_LEDGER_MESSAGE_ID, row->message->message_id);
	put_kept(writer, AWSX_REDSHIFT_LEDGER_SEQUENCE_NUMBER, row->message->sequence_number);
	put_kept(writer, AWSX_REDSHIFT_LEDGER_SOURCE, row->source);
	for (int i = 0; i < target->column_count; i++)
	{
		const LoadValue *value = &row->values[i];

		put(writer, ", ");
		if (value->text == NULL)
			put(writer, "NULL");
		else
			awsx_redshift_value(&writer->sql, &target->columns[i].type, value->text, value->len);
	}
	put(writer, ")");
}

static void
put_insert(LoadWriter *writer, const LoadRow *const *rows, int count)
{
	put(writer, "INSERT INTO sqs_stage (" STAGE_COLUMNS);
	load_sql_all_staged(writer, "");
	put(writer, ") VALUES ");
	for (int i = 0; i < count && !writer->sql.failed; i++)
		put_row(writer, rows[i], i);
}

static void
write_copy(LoadWriter *writer, const char *stage_url)
{
	const char *role = writer->config->iam_role;

	put(writer, "COPY sqs_stage (" STAGE_COLUMNS);
	load_sql_all_staged(writer, "");
	put(writer, ") FROM ");
	awsx_redshift_literal(&writer->sql, stage_url, strlen(stage_url));
	put(writer, " IAM_ROLE ");
	if (role == NULL || strcmp(role, "default") == 0)
		put(writer, "default");
	else
		awsx_redshift_literal(&writer->sql, role, strlen(role));
	/* a stage lives for seconds: neither compression nor statistics are worth their time */
	put(writer, " FORMAT AS JSON 'auto' TIMEFORMAT 'auto' DATEFORMAT 'auto' COMPUPDATE OFF STATUPDATE OFF");
	load_sql_end(writer);
}

static void
write_rows(LoadWriter *writer, const LoadRow *const *rows, int count, const char *stage_url)
{
	if (stage_url != NULL)
	{
		write_copy(writer, stage_url);
		return;
	}
	writer->sql.max = LOAD_SQL_BYTES;
	put_insert(writer, rows, count);
	load_sql_end(writer);
}

/* ---- the ledger ---- */

static void
write_known(LoadWriter *writer)
{
	put(writer, "SELECT s.n FROM sqs_stage AS s JOIN ");
	put_ledger(writer);
	put(writer, " AS l ON l.dedup_key = s.dedup_key WHERE l.subscription = ");
	put_subscription(writer);
	put(writer, " AND l.content_hash <> s.content_hash ORDER BY s.n");
	writer->out->conflicts = load_sql_end(writer);

	put(writer, "DELETE FROM sqs_stage WHERE dedup_key IN (SELECT l.dedup_key FROM ");
	put_ledger(writer);
	put(writer, " AS l WHERE l.subscription = ");
	put_subscription(writer);
	put(writer, ")");
	writer->out->duplicates = load_sql_end(writer);
}

static void
write_ledger(LoadWriter *writer)
{
	put(writer, "INSERT INTO ");
	put_ledger(writer);
	put(writer, " (subscription, dedup_key, content_hash, message_id, sequence_number, source, applied_at) SELECT ");
	put_subscription(writer);
	put(writer, ", s.dedup_key, s.content_hash, s.message_id, s.sequence_number, s.source, GETDATE() FROM sqs_stage AS s");
	if (writer->out->disputes > 0)
		put(writer, " WHERE s.n NOT IN (SELECT j.n FROM sqs_judged AS j WHERE j.disputed = 1)");
	writer->out->ledger = load_sql_end(writer);
}

static void
write_target(LoadWriter *writer)
{
	if (writer->config->key_count > 0)
	{
		load_sql_merge(writer);
		return;
	}
	put(writer, "INSERT INTO ");
	put_target(writer);
	put(writer, " (");
	load_sql_all_columns(writer);
	put(writer, ") SELECT ");
	load_sql_all_staged(writer, "s.");
	put(writer, " FROM sqs_stage AS s");
	writer->out->target = load_sql_end(writer);
}

/* ---- the transaction ---- */

/* The value between its quotes, where those within it are doubled. */
static size_t
literal_length(const LoadValue *value)
{
	size_t		len = value->len;

	for (size_t i = 0; i < value->len; i++)
		len += value->text[i] == '\'';
	return len;
}

bool
load_sql_fits(const LoadConfig *config, const LoadRow *const *rows, int count)
{
	LoadWriter	writer = {.config = config};
	size_t		bytes = 0;
	bool		fits = true;

	for (int i = 0; i < count && fits; i++)
	{
		for (int n = 0; n < config->target.column_count; n++)
			fits &= rows[i]->values[n].text == NULL || literal_length(&rows[i]->values[n]) <= LOAD_SQL_VALUE;
		bytes += rows[i]->bytes;
		fits &= bytes <= LOAD_SQL_BYTES;
	}
	if (!fits)
		return false;
	awsx_buf_init(&writer.sql, LOAD_SQL_BYTES);
	put_insert(&writer, rows, count);
	fits = !writer.sql.failed;
	awsx_buf_free(&writer.sql);
	return fits;
}

bool
load_sql(const LoadConfig *config, const LoadRow *const *rows, int count,
		 const char *stage_url, LoadStatements *out, AwsxError *error)
{
	LoadWriter	writer = {.config = config, .out = out};
	bool		failed;

	memset(out, 0, sizeof(*out));
	if (stage_url == NULL && !load_sql_fits(config, rows, count))
		return awsx_error_set(error, AWSX_ERR_REQUEST, "%d rows do not fit into a statement of %d bytes", count, LOAD_SQL_BYTES);
	awsx_buf_init(&writer.sql, AWSX_REDSHIFT_STATEMENT_BYTES);
	write_lock(&writer);
	write_stage(&writer);
	write_rows(&writer, rows, count, stage_url);
	write_known(&writer);
	if (config->version >= 0)
		load_sql_judge(&writer);
	write_ledger(&writer);
	write_target(&writer);
	failed = writer.sql.failed;
	awsx_buf_free(&writer.sql);
	if (!failed)
		return true;
	load_sql_free(out);
	return awsx_error_set(error, AWSX_ERR_REQUEST,
						  "out of memory for statements, or one of them is longer than the %d bytes of the Data API: the target has too many columns",
						  AWSX_REDSHIFT_STATEMENT_BYTES);
}

void
load_sql_free(LoadStatements *statements)
{
	for (int i = 0; i < statements->count; i++)
		free(statements->sql[i]);
	memset(statements, 0, sizeof(*statements));
}

char *
load_sql_prune(const LoadConfig *config)
{
	LoadWriter	writer = {.config = config};

	awsx_buf_init(&writer.sql, AWSX_REDSHIFT_STATEMENT_BYTES);
	put(&writer, "DELETE FROM ");
	put_ledger(&writer);
	put(&writer, " WHERE subscription = ");
	put_subscription(&writer);
	awsx_buf_printf(&writer.sql, " AND applied_at < GETDATE() - INTERVAL '%d days'", config->retention_days);
	return awsx_buf_take(&writer.sql, NULL);
}
