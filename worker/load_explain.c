/*
 * load_explain.c
 *	  What would become of messages?  Rows, rejects and the SQL, printed on
 *	  this machine without any network.
 *
 * Each line of the file is the body of a message that has the line's number
 * for ids, so two lines with the same text are no duplicates unless the
 * configuration's dedup_key says so.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "load.h"
#include "load_explain.h"
#include "load_sql.h"

#define BATCH 10				/* messages of a FIFO queue in one event */
#define ID_BYTES 32

typedef struct Explain
{
	const LoadConfig *config;
	FILE	   *file;
	long long	line;			/* that was read last */
	int			count;			/* of the batch */
	char	   *bodies[BATCH];
	char		ids[BATCH][ID_BYTES];
	AwsxSqsMessage messages[BATCH];
	long long	rejected;
} Explain;

/* ---- reading ---- */

static void
add_message(Explain *explain, char *body, size_t len)
{
	int			n = explain->count++;

	snprintf(explain->ids[n], ID_BYTES, "line-%lld", explain->line);
	explain->bodies[n] = body;
	explain->messages[n] = (AwsxSqsMessage) {
		.message_id = explain->ids[n],.receipt_handle = "",.body = body,.body_len = len,
		.group_id = "explain",.dedup_id = explain->ids[n],.sequence_number = "",.receive_count = 1
	};
}

static void
drop_messages(Explain *explain)
{
	for (int i = 0; i < explain->count; i++)
		free(explain->bodies[i]);
	explain->count = 0;
}

/* The next lines that are not empty; false when reading fails. */
static bool
read_batch(Explain *explain)
{
	while (explain->count < BATCH)
	{
		char	   *body = NULL;
		size_t		room = 0;
		ssize_t		len = getline(&body, &room, explain->file);

		if (len < 0)
		{
			free(body);
			return !ferror(explain->file) && errno != ENOMEM;
		}
		explain->line++;
		while (len > 0 && strchr(" \t\r\n", body[len - 1]) != NULL && body[len - 1] != '\0')
			body[--len] = '\0';
		if (len > 0)
			add_message(explain, body, (size_t) len);
		else
			free(body);
	}
	return true;
}

/* ---- printing ---- */

static bool
print_row(const LoadConfig *config, const LoadRow *row)
{
	AwsxBuf		line;
	bool		done;

	awsx_buf_init(&line, 0);
	awsx_buf_putc(&line, '{');
	json_put_member(&line, "message", row->message->message_id);
	json_put_member(&line, "dedup_key", row->dedup_key);
	json_put_member(&line, "content_hash", row->content_hash);
	awsx_buf_puts(&line, ",\"row\":{");
	for (int i = 0; i < config->target.column_count; i++)
	{
		const LoadValue *value = &row->values[i];
		const char *name = config->target.columns[i].name;

		if (i > 0)
			awsx_buf_putc(&line, ',');
		json_put_string(&line, name, strlen(name));
		awsx_buf_putc(&line, ':');
		if (value->text != NULL)
			json_put_string(&line, value->text, value->len);
		else
			awsx_buf_puts(&line, "null");
	}
	awsx_buf_puts(&line, "}}\n");
	done = !line.failed && fwrite(line.data, 1, line.len, stdout) == line.len;
	awsx_buf_free(&line);
	return done;
}

/* The place for COPY is only made up: nothing is written. */
static bool
print_sql(const Explain *explain, const LoadRow *const *rows, int count, AwsxError *error)
{
	const LoadConfig *config = explain->config;
	LoadStatements statements;
	AwsxBuf		url;
	bool		staged = !load_sql_fits(config, rows, count);

	if (count == 0)
		return true;
	if (staged && config->stage_bucket == NULL)
	{
		printf("-- too large for SQL, and the configuration names no \"stage\": these messages would stay in the queue\n");
		return true;
	}
	awsx_buf_init(&url, 0);
	if (staged)
		awsx_buf_printf(&url, "s3://%s/%sexplained.json", config->stage_bucket, config->stage_prefix);
	if (url.failed || !load_sql(config, rows, count, staged ? url.data : NULL, &statements, error))
	{
		awsx_buf_free(&url);
		return error->kind != AWSX_OK ? false : awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	}
	for (int i = 0; i < statements.count; i++)
		printf("%s;\n", statements.sql[i]);
	load_sql_free(&statements);
	awsx_buf_free(&url);
	return true;
}

/* Rows and rejects of the batch, then its transaction. */
static bool
explain_batch(Explain *explain, AwsxError *error)
{
	const LoadConfig *config = explain->config;
	LoadScope	scope = config->dedup_scope == LOAD_SCOPE_ASK ? LOAD_SCOPE_QUEUE : config->dedup_scope;
	LoadBatch  *batch = load_batch(config, scope, explain->messages, explain->count, error);
	const LoadRow *rows[BATCH];
	int			count = 0;
	bool		done = batch != NULL;

	for (int i = 0; done && i < batch->count; i++)
	{
		const LoadRow *row = &batch->rows[i];

		if (row->fate == LOAD_ROW)
		{
			rows[count++] = row;
			done = print_row(config, row) || awsx_error_set(error, AWSX_ERR_CONFIG, "cannot write to standard output");
		}
		else if (row->fate == LOAD_DUPLICATE)
			printf("duplicate: %s of %s\n", row->message->message_id, batch->rows[row->original].message->message_id);
		else
		{
			printf("rejected: %s: %s: %s\n", row->message->message_id, row->code, row->reason);
			explain->rejected++;
		}
	}
	done = done && print_sql(explain, rows, count, error);
	load_batch_free(batch);
	return done;
}

int
load_explain_file(const LoadConfig *config, const char *path)
{
	Explain		explain = {.config = config,.file = fopen(path, "rb")};
	AwsxError	error;
	bool		done = explain.file != NULL;

	awsx_error_clear(&error);
	if (!done)
		awsx_error_set(&error, AWSX_ERR_CONFIG, "cannot open \"%s\": %s", path, strerror(errno));
	while (done)
	{
		errno = 0;
		done = read_batch(&explain) ||
			awsx_error_set(&error, AWSX_ERR_CONFIG, "cannot read \"%s\" (is it a file?), or memory is short", path);
		if (!done || explain.count == 0)
			break;
		done = explain_batch(&explain, &error);
		drop_messages(&explain);
	}
	drop_messages(&explain);
	if (explain.file != NULL)
		fclose(explain.file);
	if (!done)
		fprintf(stderr, "sqs_to_redshift: %s\n", error.message);
	return !done ? 2 : explain.rejected > 0 ? 3 : 0;
}
