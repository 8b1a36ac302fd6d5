/*
 * load_identity.c
 *	  What a message is known by: its key, the hash of its content, and where
 *	  it came from.
 *
 * The rules are those of the extension's ledger, so that a message has one
 * key in both databases.  One more is Redshift's: there texts that differ in
 * spaces at their end are equal, so a key with such stands as its digest.
 */
#include <string.h>

#include "../aws/digest.h"
#include "../aws/text.h"
#include "json.h"
#include "load_work.h"

#define LONGEST_KEY 512			/* bytes; longer ones stand as their digest */

/* A message attribute's text; null: there is none. */
static const AwsxSqsAttribute *
find_attribute(const AwsxSqsMessage *message, const char *name)
{
	for (int i = 0; i < message->attribute_count; i++)
	{
		if (strcmp(message->attributes[i].name, name) == 0)
			return &message->attributes[i];
	}
	return NULL;
}

static const char *
attribute_text(const AwsxSqsMessage *message, const char *name)
{
	const AwsxSqsAttribute *attribute = find_attribute(message, name);

	return attribute != NULL && attribute->value != NULL ? attribute->value : "";
}

/*
 * Ids and lineage come from outside.  Where they are no text their odd bytes
 * are written as %XX: better than losing a message over a note about its
 * origin.
 */
static bool
put_storable(AwsxBuf *out, const char *text, size_t len)
{
	if (json_utf8_valid(text, len) && memchr(text, '\0', len) == NULL)
		return awsx_buf_append(out, text, len);
	for (size_t i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (c == '\0' || c >= 0x80)
			awsx_buf_printf(out, "%%%02X", c);
		else
			awsx_buf_putc(out, (char) c);
	}
	return !out->failed;
}

/* s3://bucket/key?versionId=v#record, as far as the attributes tell. */
static bool
set_source(LoadMaker *maker, LoadRow *row)
{
	const AwsxSqsMessage *message = row->message;
	const char *bucket = attribute_text(message, "source_bucket");
	const char *key = attribute_text(message, "source_key");
	const char *version = attribute_text(message, "source_version_id");
	const char *record = attribute_text(message, "source_record");
	AwsxBuf    *text = &maker->scratch;
	AwsxBuf    *storable = &maker->text;

	if (bucket[0] == '\0' || key[0] == '\0')
		return true;
	awsx_buf_reset(text);
	awsx_buf_printf(text, "s3://%s/%s", bucket, key);
	if (version[0] != '\0')
		awsx_buf_printf(text, "?versionId=%s", version);
	if (record[0] != '\0')
		awsx_buf_printf(text, "#%s", record);
	awsx_buf_reset(storable);
	if (text->failed || !put_storable(storable, text->data, text->len))
		return false;
	row->source = load_keep_text(maker->memory, storable->data, storable->len);
	return row->source != NULL;
}

/* ---- content ---- */

/* The attribute source_sha256 if it is what its name says. */
static bool
hash_of_source(const AwsxSqsMessage *message, char *hash)
{
	const char *value = attribute_text(message, "source_sha256");

	if (strlen(value) != AWSX_SHA256_HEX_LEN)
		return false;
	for (size_t i = 0; i < AWSX_SHA256_HEX_LEN; i++)
	{
		if (awsx_text_hex_value(value[i]) < 0)
			return false;
		hash[i] = awsx_text_lower(value[i]);
	}
	hash[AWSX_SHA256_HEX_LEN] = '\0';
	return true;
}

/* ---- keys ---- */

/* The key as it is stored; false: out of memory.  It may lie in maker->text. */
static bool
set_key(LoadMaker *maker, LoadRow *row, const char *key, size_t len)
{
	char		digest[7 + AWSX_SHA256_HEX_LEN + 1] = "sha256:";
	AwsxBuf    *storable = &maker->scratch;

	awsx_buf_reset(storable);
	if (!put_storable(storable, key, len))
		return false;
	if (storable->len > LONGEST_KEY || key[len - 1] == ' ')
	{
		if (!awsx_sha256_hex(key, len, digest + 7))
			return false;
		row->dedup_key = load_keep_text(maker->memory, digest, strlen(digest));
	}
	else
		row->dedup_key = load_keep_text(maker->memory, storable->data, storable->len);
	return row->dedup_key != NULL;
}

static bool
set_queue_key(LoadMaker *maker, LoadRow *row)
{
	const AwsxSqsMessage *message = row->message;

	if (message->dedup_id[0] == '\0' && message->message_id[0] == '\0')
		return load_reject_row(row, "MissingKey", "the message has neither a deduplication id nor a message id");
	if (message->dedup_id[0] == '\0')
		return set_key(maker, row, message->message_id, strlen(message->message_id));
	if (maker->scope != LOAD_SCOPE_GROUP)
		return set_key(maker, row, message->dedup_id, strlen(message->dedup_id));
	awsx_buf_reset(&maker->text);
	awsx_buf_printf(&maker->text, "%s %s", message->group_id, message->dedup_id);
	return !maker->text.failed && set_key(maker, row, maker->text.data, maker->text.len);
}

static bool
set_attribute_key(LoadMaker *maker, const char *name, LoadRow *row)
{
	const AwsxSqsAttribute *attribute = find_attribute(row->message, name);

	if (attribute == NULL || attribute->value == NULL || attribute->value_len == 0)
		return load_reject_row(row, "MissingKey", "the message has no attribute \"%.128s\", which is dedup_key", name);
	if (strncmp(attribute->type, "Binary", 6) == 0)
		return load_reject_row(row, "MissingKey", "attribute \"%.128s\", which is dedup_key, is binary, and should be a String or Number", name);
	return set_key(maker, row, attribute->value, attribute->value_len);
}

/* The value at $.a.b of the body. */
static bool
find_path(LoadMaker *maker, const char *path, const JsonValue *body, JsonValue *value)
{
	const char *at = path + 1;

	*value = *body;
	while (*at == '.')
	{
		size_t		len = strcspn(at + 1, ".");

		if (!json_members_find(value, at + 1, len, &maker->scratch, value))
			return false;
		at += len + 1;
	}
	return true;
}

static bool
set_body_key(LoadMaker *maker, const char *path, const JsonValue *body, LoadRow *row)
{
	JsonValue	value;

	if (!find_path(maker, path, body, &value))
		value.kind = JSON_VALUE_NULL;
	awsx_buf_reset(&maker->text);
	if (value.kind == JSON_VALUE_STRING)
		json_unescape(&value, &maker->text);
	else if (value.kind == JSON_VALUE_NUMBER)
		awsx_buf_append(&maker->text, value.start, value.len);
	if (maker->text.failed || maker->scratch.failed)
		return false;
	if (maker->text.len == 0)
		return load_reject_row(row, "MissingKey", "the body has no string or number at %.128s, which is dedup_key", path);
	if (memchr(maker->text.data, '\0', maker->text.len) != NULL)
		return load_reject_row(row, "InvalidValue", "the string at %.128s has \\u0000, which no text can hold", path);
	return set_key(maker, row, maker->text.data, maker->text.len);
}

bool
load_identify(LoadMaker *maker, const JsonValue *body, LoadRow *row)
{
	const AwsxSqsMessage *message = row->message;
	const char *dedup_key = maker->config->dedup_key;

	if (!hash_of_source(message, row->content_hash) &&
		!awsx_sha256_hex(message->body, message->body_len, row->content_hash))
		return false;
	if (!set_source(maker, row))
		return false;
	if (dedup_key == NULL)
		return set_queue_key(maker, row);
	if (dedup_key[0] != '$')
		return set_attribute_key(maker, dedup_key, row);
	return body != NULL && set_body_key(maker, dedup_key, body, row);
}
