/*
 * load_stage.c
 *	  The object that COPY loads into the stage: a line of JSON a row.
 *
 * Every value is a string with the text that a literal would have, so that
 * COPY guesses at nothing; only a SUPER is the document itself.  NULL is a
 * member that is not there.
 */
#include <string.h>

#include "json.h"
#include "load_sql_work.h"

/* A document on one line; line ends within it are white space. */
static void
put_document(AwsxBuf *out, const LoadValue *value)
{
	size_t		from = out->len;

	awsx_buf_append(out, value->text, value->len);
	for (; !out->failed && from < out->len; from++)
	{
		if ((unsigned char) out->data[from] < ' ')
			out->data[from] = ' ';
	}
}

static void
put_kept(const LoadConfig *config, AwsxBuf *out, int column, const char *text)
{
	size_t		len = load_sql_kept(config, column, text);

	if (len == 0)
		return;
	awsx_buf_printf(out, ",\"%s\":", config->ledger.columns[column].name);
	json_put_string(out, text, len);
}

static void
put_row(const LoadConfig *config, const LoadRow *row, int n, AwsxBuf *out)
{
	awsx_buf_printf(out, "{\"n\":%d", n);
	put_kept(config, out, AWSX_REDSHIFT_LEDGER_DEDUP_KEY, row->dedup_key);
	put_kept(config, out, AWSX_REDSHIFT_LEDGER_CONTENT_HASH, row->content_hash);
	put_kept(config, out, AWSX_REDSHIFT_LEDGER_MESSAGE_ID, row->message->message_id);
	put_kept(config, out, AWSX_REDSHIFT_LEDGER_SEQUENCE_NUMBER, row->message->sequence_number);
	put_kept(config, out, AWSX_REDSHIFT_LEDGER_SOURCE, row->source);
	for (int i = 0; i < config->target.column_count; i++)
	{
		const LoadValue *value = &row->values[i];

		if (value->text == NULL)
			continue;
		awsx_buf_printf(out, ",\"c%d\":", i + 1);
		if (config->target.columns[i].type.kind == AWSX_REDSHIFT_SUPER)
			put_document(out, value);
		else
			json_put_string(out, value->text, value->len);
	}
	awsx_buf_puts(out, "}\n");
}

bool
load_stage(const LoadConfig *config, const LoadRow *const *rows, int count, AwsxBuf *out)
{
	for (int i = 0; i < count && !out->failed; i++)
		put_row(config, rows[i], i, out);
	return !out->failed;
}
