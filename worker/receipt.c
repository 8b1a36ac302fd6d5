/*
 * receipt.c
 *	  Writes down what was sent of an object.
 *
 * A part grows as text, one buffer an output.  It is written when the next
 * record would be too many, so that the last part of an object is never an
 * empty one behind a full one.  Where a part ends depends on its records
 * alone; a retry that meets the same records ends it there, too.
 */
#include <stdlib.h>
#include <string.h>

#include "../aws/digest.h"
#include "json.h"
#include "log.h"
#include "receipt.h"

#define MAX_PART 99999
#define PART_BYTES ((size_t) 2 << 20)
#define MAX_REASON 500

struct Receipt
{
	const Config *config;
	const Store *store;
	ReceiptObject object;
	char		id[AWSX_SHA256_HEX_LEN + 1];
	int			part;
	int64_t		first_record;	/* of the part */
	int64_t		count;			/* records in the part */
	size_t		bytes;
	AwsxBuf    *messages;		/* one an output */
	AwsxBuf		rejected;
};

static bool
no_memory(AwsxError *error)
{
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while a receipt was written");
}

/* The object's id: the SHA-256 of bucket, key, version id and sequencer. */
static bool
make_id(Receipt *receipt)
{
	const ReceiptObject *object = &receipt->object;
	AwsxBuf		text;
	bool		done;

	awsx_buf_init(&text, 0);
	awsx_buf_append(&text, object->bucket, strlen(object->bucket) + 1);
	awsx_buf_append(&text, object->key, strlen(object->key) + 1);
	awsx_buf_append(&text, object->version_id, strlen(object->version_id) + 1);
	awsx_buf_puts(&text, object->sequencer);
	done = !text.failed && awsx_sha256_hex(text.data, text.len, receipt->id);
	awsx_buf_free(&text);
	return done;
}

Receipt *
receipt_open(const Config *config, const Store *store, const ReceiptObject *object, AwsxError *error)
{
	Receipt    *receipt = calloc(1, sizeof(Receipt));

	if (receipt == NULL)
	{
		no_memory(error);
		return NULL;
	}
	receipt->config = config;
	receipt->store = store;
	receipt->object = *object;
	receipt->part = object->first_part;
	receipt->first_record = object->first_record;
	receipt->messages = calloc((size_t) config->output_count, sizeof(AwsxBuf));
	if (receipt->messages != NULL && make_id(receipt))
		return receipt;
	receipt_free(receipt);
	no_memory(error);
	return NULL;
}

static void
empty_part(Receipt *receipt)
{
	for (int i = 0; i < receipt->config->output_count; i++)
		awsx_buf_reset(&receipt->messages[i]);
	awsx_buf_reset(&receipt->rejected);
	receipt->first_record += receipt->count;
	receipt->count = 0;
	receipt->bytes = 0;
}

void
receipt_free(Receipt *receipt)
{
	if (receipt == NULL)
		return;
	for (int i = 0; i < receipt->config->output_count && receipt->messages != NULL; i++)
		awsx_buf_free(&receipt->messages[i]);
	free(receipt->messages);
	awsx_buf_free(&receipt->rejected);
	free(receipt);
}

/* ---- the document ---- */

static void
put_source(const ReceiptObject *object, AwsxBuf *document)
{
	AwsxBuf		source;

	awsx_buf_init(&source, 0);
	awsx_buf_puts(&source, "s3://");
	awsx_buf_puts(&source, object->bucket);
	awsx_buf_putc(&source, '/');
	awsx_buf_uri(&source, object->key, strlen(object->key), true);
	if (*object->version_id != '\0')
	{
		awsx_buf_puts(&source, "?versionId=");
		awsx_buf_puts(&source, object->version_id);
	}
	if (source.failed)
		document->failed = true;
	else
		json_put_member(document, "source", source.data);
	awsx_buf_free(&source);
}

static void
put_programs(const Config *config, AwsxBuf *document)
{
	char		hash[AWSX_SHA256_HEX_LEN + 1];

	awsx_buf_puts(document, ",\"program_sha256\":{");
	for (int i = 0; i < config->output_count; i++)
	{
		const char *program = config->outputs[i].program;

		if (program == NULL || !awsx_sha256_hex(program, strlen(program), hash))
			document->failed = true;
		else
			json_put_member(document, config->outputs[i].name, hash);
	}
	awsx_buf_putc(document, '}');
}

static void
put_outputs(const Receipt *receipt, AwsxBuf *document)
{
	awsx_buf_puts(document, ",\"outputs\":{");
	for (int i = 0; i < receipt->config->output_count; i++)
	{
		const ConfigOutput *output = &receipt->config->outputs[i];

		if (i > 0)
			awsx_buf_putc(document, ',');
		json_put_string(document, output->name, strlen(output->name));
		awsx_buf_puts(document, ":{");
		json_put_member(document, "queue_url", output->queue_url);
		awsx_buf_puts(document, ",\"messages\":[");
		if (receipt->messages[i].len > 0)
			awsx_buf_append(document, receipt->messages[i].data, receipt->messages[i].len);
		awsx_buf_puts(document, "]}");
	}
	awsx_buf_putc(document, '}');
}

static void
put_document(const Receipt *receipt, bool last, AwsxBuf *document)
{
	const ReceiptObject *object = &receipt->object;
	const AwsxClock *clock = receipt->store->deadline->clock;
	char		event_time[25];
	char		now[25];

	log_time(object->event_time_ms, event_time);
	log_time(clock->wall_ms(clock->arg), now);
	awsx_buf_puts(document, "{\"version\":1");
	json_put_member(document, "bucket", object->bucket);
	json_put_member(document, "key", object->key);
	json_put_member(document, "version_id", object->version_id);
	json_put_member(document, "sequencer", object->sequencer);
	put_source(object, document);
	json_put_member(document, "event_time", event_time);
	json_put_member(document, "at", now);
	json_put_member(document, "request_id", object->request_id);
	put_programs(receipt->config, document);
	awsx_buf_printf(document, ",\"part\":%d,\"last\":%s,\"first_record\":%lld", receipt->part,
					last ? "true" : "false", (long long) receipt->first_record);
	put_outputs(receipt, document);
	awsx_buf_puts(document, ",\"rejected\":[");
	if (receipt->rejected.len > 0)
		awsx_buf_append(document, receipt->rejected.data, receipt->rejected.len);
	awsx_buf_puts(document, "]}\n");
}

/* <prefix>YYYY/MM/DD/<id>-<part>.json */
static void
put_name(const Receipt *receipt, AwsxBuf *name)
{
	char		time[25];

	log_time(receipt->object.event_time_ms, time);
	awsx_buf_puts(name, receipt->config->receipts_prefix);
	awsx_buf_printf(name, "%.4s/%.2s/%.2s/%.32s-%06d.json", time, time + 5, time + 8, receipt->id, receipt->part);
}

static bool
write_part(Receipt *receipt, bool last, AwsxError *error)
{
	AwsxBuf		name;
	AwsxBuf		document;
	bool		done;

	if (receipt->part > MAX_PART)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "the object has more records than %d receipts hold", MAX_PART);
	awsx_buf_init(&name, 0);
	awsx_buf_init(&document, 0);
	put_name(receipt, &name);
	put_document(receipt, last, &document);
	if (name.failed || document.failed)
		done = no_memory(error);
	else
		done = store_write(receipt->store, receipt->config->receipts_bucket, name.data, document.data, document.len, error);
	awsx_buf_free(&name);
	awsx_buf_free(&document);
	if (!done)
		return false;
	receipt->part++;
	empty_part(receipt);
	return true;
}

/* ---- records ---- */

static void
put_rejected(Receipt *receipt, const char *output, const char *code, const char *reason)
{
	AwsxBuf    *rejected = &receipt->rejected;
	AwsxBuf		text;

	if (rejected->len > 0)
		awsx_buf_putc(rejected, ',');
	awsx_buf_printf(rejected, "{\"record\":%lld", (long long) receipt->first_record + receipt->count);
	if (output != NULL)
		json_put_member(rejected, "output", output);
	awsx_buf_init(&text, 0);
	awsx_buf_printf(&text, "%s: %.*s", code, MAX_REASON, reason);
	if (text.failed)
		rejected->failed = true;
	else
		json_put_member(rejected, "reason", text.data);
	awsx_buf_putc(rejected, '}');
	awsx_buf_free(&text);
}

/*
 * The record's entry of an output: ids and groups of the messages that were
 * sent, or null.  False: there are others that were not.
 */
static bool
put_messages(AwsxBuf *messages, const DeliverRecord *record, int output)
{
	bool		all = true;
	int			n = 0;

	if (messages->len > 0)
		awsx_buf_putc(messages, ',');
	for (int i = 0; i < record->result.count; i++)
	{
		const EnrichMessage *message = &record->result.messages[i];

		if (message->output != output)
			continue;
		if (!deliver_was_sent(record, i))
		{
			all = false;
			continue;
		}
		awsx_buf_putc(messages, n++ == 0 ? '[' : ',');
		json_put_string(messages, message->dedup_id, strlen(message->dedup_id));
		awsx_buf_putc(messages, ',');
		json_put_string(messages, message->group_id, strlen(message->group_id));
	}
	awsx_buf_puts(messages, n > 0 ? "]" : "null");
	return all;
}

static bool
note(Receipt *receipt, const DeliverRecord *record)
{
	const Config *config = receipt->config;
	bool		failed;

	for (int i = 0; i < config->output_count; i++)
	{
		if (!put_messages(&receipt->messages[i], record, i))
			put_rejected(receipt, config->outputs[i].name, record->refused_code, record->refused_message);
	}
	if (record->result.code != NULL)
		put_rejected(receipt, NULL, record->result.code, record->result.reason);
	receipt->count++;
	receipt->bytes = receipt->rejected.len;
	failed = receipt->rejected.failed;
	for (int i = 0; i < config->output_count; i++)
	{
		receipt->bytes += receipt->messages[i].len;
		failed = failed || receipt->messages[i].failed;
	}
	return !failed;
}

bool
receipt_note(Receipt *receipt, const DeliverRecord *record, AwsxError *error)
{
	if (receipt->config->receipts_bucket == NULL)
		return true;
	if ((receipt->count >= RECEIPT_PART_RECORDS || receipt->bytes >= PART_BYTES) &&
		!write_part(receipt, false, error))
		return false;
	return note(receipt, record) || no_memory(error);
}

bool
receipt_close(Receipt *receipt, bool last, int *next_part, AwsxError *error)
{
	bool		done = true;

	if (receipt->config->receipts_bucket != NULL && (last || receipt->count > 0))
		done = write_part(receipt, last, error);
	if (next_part != NULL)
		*next_part = receipt->part;
	return done;
}
