/*
 * load_client.c
 *	  Steered by tests: what sqs_to_redshift makes of messages, without AWS.
 *
 *	load_client rows CONFIG           a line of JSON a message
 *	load_client sql CONFIG            the statements, one a line as a JSON string
 *	load_client copy CONFIG URL       those with COPY
 *	load_client stage CONFIG          the object that COPY loads
 *	load_client prune CONFIG          the statement that prunes the ledger
 *
 * CONFIG is the document's file.  Messages come on stdin, each two lines: its
 * deduplication id, and its body.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "load_sql.h"

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "load_client: %s: %s\n", what, why);
	exit(1);
}

static char *
read_file(const char *path)
{
	FILE	   *file = fopen(path, "r");
	char	   *text = calloc(1, 1 << 20);

	if (file == NULL || fread(text, 1, (1 << 20) - 1, file) == 0)
		fail(path, "cannot be read");
	fclose(file);
	return text;
}

static char *
read_line(void)
{
	char	   *line = NULL;
	size_t		room = 0;
	ssize_t		len = getline(&line, &room, stdin);

	if (len < 0)
	{
		free(line);
		return NULL;
	}
	if (len > 0 && line[len - 1] == '\n')
		line[len - 1] = '\0';
	return line;
}

static int
read_messages(AwsxSqsMessage **messages)
{
	int			count = 0;
	char	   *dedup_id;

	*messages = calloc(100000, sizeof(AwsxSqsMessage));
	while (count < 100000 && (dedup_id = read_line()) != NULL)
	{
		AwsxSqsMessage *message = &(*messages)[count++];

		message->message_id = "00000000-0000-0000-0000-000000000000";
		message->dedup_id = dedup_id;
		message->group_id = "g";
		message->sequence_number = "18849496460467696128";
		message->body = read_line();
		if (message->body == NULL)
			fail("stdin", "a message without a body");
		message->body_len = strlen(message->body);
	}
	return count;
}

static void
print_row(const LoadConfig *config, const LoadRow *row)
{
	json_t	   *values = json_array();
	json_t	   *object = json_pack("{s:i, s:s, s:s, s:s, s:s}", "fate", row->fate, "key", row->dedup_key,
								   "hash", row->content_hash, "code", row->code, "reason", row->reason);

	for (int i = 0; row->fate == LOAD_ROW && i < config->target.column_count; i++)
		json_array_append_new(values, row->values[i].text == NULL ? json_null() :
							  json_stringn(row->values[i].text, row->values[i].len));
	json_object_set_new(object, "values", values);
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

static void
print_statement(const char *sql)
{
	json_t	   *text = json_string(sql);

	json_dumpf(text, stdout, JSON_ENCODE_ANY);
	putchar('\n');
	json_decref(text);
}

static void
print_statements(const LoadConfig *config, const LoadRow *const *rows, int count, const char *url)
{
	LoadStatements statements;
	AwsxError	error;

	if (!load_sql(config, rows, count, url, &statements, &error))
		fail("statements", error.message);
	for (int i = 0; i < statements.count; i++)
		print_statement(statements.sql[i]);
	load_sql_free(&statements);
}

int
main(int argc, char **argv)
{
	AwsxError	error;
	AwsxSqsMessage *messages;
	LoadConfig *config;
	LoadBatch  *batch;
	const LoadRow **rows;
	AwsxBuf		stage;
	int			count;
	int			loaded = 0;

	if (argc < 3)
		fail("usage", "load_client rows|sql|copy|stage|prune CONFIG [URL]");
	config = load_config_read(argv[2], read_file(argv[2]), strlen(read_file(argv[2])), &error);
	if (config == NULL)
		fail(argv[2], error.message);
	count = read_messages(&messages);
	batch = load_batch(config, LOAD_SCOPE_QUEUE, messages, count, &error);
	if (batch == NULL)
		fail("messages", error.message);
	rows = calloc((size_t) count + 1, sizeof(*rows));
	for (int i = 0; i < count; i++)
	{
		if (strcmp(argv[1], "rows") == 0)
			print_row(config, &batch->rows[i]);
		if (batch->rows[i].fate == LOAD_ROW)
			rows[loaded++] = &batch->rows[i];
	}
	awsx_buf_init(&stage, 0);
	if (strcmp(argv[1], "stage") == 0 && load_stage(config, rows, loaded, &stage) && stage.len > 0)
		fwrite(stage.data, 1, stage.len, stdout);
	if (strcmp(argv[1], "sql") == 0 || strcmp(argv[1], "copy") == 0)
		print_statements(config, rows, loaded, strcmp(argv[1], "copy") == 0 ? argv[3] : NULL);
	if (strcmp(argv[1], "prune") == 0)
		print_statement(load_sql_prune(config));
	return 0;
}
