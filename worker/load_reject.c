/*
 * load_reject.c
 *	  What becomes of a message that can never be loaded.
 */
#include <string.h>

#include "../aws/base64.h"
#include "../aws/digest.h"
#include "../aws/text.h"
#include "json.h"
#include "load_reject.h"
#include "log.h"
#include "reject.h"

#define NAME_MAX_BYTES 128

static bool
given(const char *text)
{
	return text != NULL && *text != '\0';
}

/* Can it stand in an object's name as it is? */
static bool
is_plain(const char *id)
{
	size_t		len = 0;

	for (; id[len] != '\0'; len++)
	{
		if (!awsx_text_is_alnum(id[len]) && id[len] != '-' && id[len] != '_')
			return false;
	}
	return len > 0 && len <= NAME_MAX_BYTES;
}

bool
load_reject_key(const LoadReject *reject, AwsxBuf *key)
{
	const char *id = reject->row->message->message_id;
	char		hash[AWSX_SHA256_HEX_LEN + 1];

	awsx_buf_puts(key, reject->config->reject_prefix);
	awsx_buf_puts(key, reject->config->subscription);
	awsx_buf_putc(key, '/');
	if (is_plain(id))
		awsx_buf_puts(key, id);
	else if (awsx_sha256_hex(id, strlen(id), hash))
		awsx_buf_puts(key, hash);
	else
		return false;
	return awsx_buf_puts(key, ".json");
}

/* {"type": ..., "value": ...}; bytes of a Binary, or that are no UTF-8, in base64. */
static void
put_attribute(const AwsxSqsAttribute *attribute, bool first, AwsxBuf *document)
{
	bool		binary = strncmp(attribute->type, "Binary", 6) == 0 ||
		!json_utf8_valid(attribute->value, attribute->value_len);

	if (!first)
		awsx_buf_putc(document, ',');
	json_put_string(document, attribute->name, strlen(attribute->name));
	awsx_buf_puts(document, ":{");
	json_put_member(document, "type", attribute->type);
	if (binary)
	{
		awsx_buf_puts(document, ",\"value_base64\":\"");
		awsx_base64_encode(document, attribute->value, attribute->value_len);
		awsx_buf_putc(document, '"');
	}
	else
	{
		awsx_buf_puts(document, ",\"value\":");
		json_put_string(document, attribute->value, attribute->value_len);
	}
	awsx_buf_putc(document, '}');
}

static void
put_message(const LoadReject *reject, AwsxBuf *document)
{
	const AwsxSqsMessage *message = reject->row->message;
	const char *key = reject->row->dedup_key;

	json_put_member(document, "messageId", message->message_id);
	if (given(message->group_id))
		json_put_member(document, "groupId", message->group_id);
	if (given(message->dedup_id))
		json_put_member(document, "dedupId", message->dedup_id);
	if (given(key) && (message->dedup_id == NULL || strcmp(key, message->dedup_id) != 0))
		json_put_member(document, "dedupKey", key);
	if (given(message->sequence_number))
		json_put_member(document, "sequenceNumber", message->sequence_number);
	if (given(reject->row->source))
		json_put_member(document, "source", reject->row->source);
	awsx_buf_printf(document, ",\"receiveCount\":%d", message->receive_count);
	if (message->attribute_count > 0)
	{
		awsx_buf_puts(document, ",\"attributes\":{");
		for (int i = 0; i < message->attribute_count; i++)
			put_attribute(&message->attributes[i], i == 0, document);
		awsx_buf_putc(document, '}');
	}
}

bool
load_reject_document(const LoadReject *reject, AwsxBuf *document)
{
	char		when[25];

	log_time(reject->time_ms, when);
	awsx_buf_putc(document, '{');
	json_put_member(document, "reason", reject->reason);
	json_put_member(document, "code", reject->code);
	json_put_member(document, "subscription", reject->config->subscription);
	put_message(reject, document);
	if (given(reject->request_id))
		json_put_member(document, "requestId", reject->request_id);
	json_put_member(document, "time", when);
	reject_put_body(document, reject->row->message->body, reject->row->message->body_len);
	awsx_buf_puts(document, "}\n");
	return !document->failed;
}

bool
load_reject_write(const Store *store, const LoadReject *reject, AwsxError *error)
{
	AwsxBuf		key;
	AwsxBuf		document;
	bool		done;

	awsx_buf_init(&key, 0);
	awsx_buf_init(&document, 0);
	if (load_reject_key(reject, &key) && load_reject_document(reject, &document))
		done = store_write(store, reject->config->reject_bucket, key.data, document.data,
						   document.len, error);
	else
		done = awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while a reject was written");
	awsx_buf_free(&key);
	awsx_buf_free(&document);
	return done;
}
