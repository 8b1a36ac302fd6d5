/*
 * message.c
 *	  What SQS handed out, as the applier takes it: the body, unwrapped where
 *	  SNS wrapped it, the lineage that travels in message attributes, and all
 *	  attributes as one JSON object.
 *
 * That object is made for every message, since statements and the quarantine
 * may read it, so making it must be cheap: text is copied in stretches that
 * need no escape.  It is plain ASCII, whatever the encoding of the database.
 */
#include "postgres.h"

#include <ctype.h>

#include "common/base64.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "message.h"
#include "sns.h"

#define BINARY_TYPE "Binary"

Size
message_bytes(const AwsxSqsMessage *message)
{
	Size		bytes = sizeof(AwsxSqsMessage) + message->body_len;

	for (int i = 0; i < message->attribute_count; i++)
		bytes += sizeof(AwsxSqsAttribute) + message->attributes[i].value_len;
	return bytes;
}

/* ---- lineage ---- */

/* A message attribute's text, or "". */
static const char *
attribute(const AwsxSqsMessage *message, const char *name)
{
	for (int i = 0; i < message->attribute_count; i++)
	{
		if (strcmp(message->attributes[i].name, name) == 0)
			return message->attributes[i].value;
	}
	return "";
}

/* s3://bucket/key?versionId=v#record, as far as the attributes tell. */
static const char *
source_of(const AwsxSqsMessage *message)
{
	const char *bucket = attribute(message, "source_bucket");
	const char *key = attribute(message, "source_key");
	const char *version = attribute(message, "source_version_id");
	const char *record = attribute(message, "source_record");
	StringInfoData text;

	if (bucket[0] == '\0' || key[0] == '\0')
		return "";
	initStringInfo(&text);
	appendStringInfo(&text, "s3://%s/%s", bucket, key);
	if (version[0] != '\0')
		appendStringInfo(&text, "?versionId=%s", version);
	if (record[0] != '\0')
		appendStringInfo(&text, "#%s", record);
	return text.data;
}

/* The attribute source_sha256 if it is what its name says, else "". */
static const char *
source_sha256_of(const AwsxSqsMessage *message)
{
	const char *value = attribute(message, "source_sha256");
	size_t		len = strlen(value);

	if (len != AWSX_SHA256_HEX_LEN)
		return "";
	for (size_t i = 0; i < len; i++)
	{
		if (!isxdigit((unsigned char) value[i]))
			return "";
	}
	return value;
}

/* ---- attributes as JSON ---- */

/* One character that cannot stand for itself; returns the bytes it takes. */
static int
put_escaped(StringInfo out, const unsigned char *at, int left)
{
	int			len = IS_HIGHBIT_SET(*at) ? pg_utf_mblen(at) : 1;
	pg_wchar	c = 0xfffd;

	if (len > left || !pg_utf8_islegal(at, len))
		len = 1;				/* not UTF-8: cannot come from a JSON answer */
	else
		c = utf8_to_unicode(at);
	if (c == '"' || c == '\\')
		appendStringInfo(out, "\\%c", (char) c);
	else if (c > 0xffff)
		appendStringInfo(out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
						 0xdc00 + ((c - 0x10000) & 0x3ff));
	else
		appendStringInfo(out, "\\u%04x", c);
	return len;
}

static void
put_string(StringInfo out, const char *text, Size len)
{
	const unsigned char *at = (const unsigned char *) text;
	const unsigned char *end = at + len;

	appendStringInfoChar(out, '"');
	while (at < end)
	{
		const unsigned char *plain = at;

		while (at < end && *at >= ' ' && *at < 0x7f && *at != '"' && *at != '\\')
			at++;
		appendBinaryStringInfo(out, (const char *) plain, at - plain);
		if (at < end)
			at += put_escaped(out, at, end - at);
	}
	appendStringInfoChar(out, '"');
}

static void
put_binary(StringInfo out, const char *bytes, Size len)
{
	int			room = pg_b64_enc_len(len);

	appendStringInfoChar(out, '"');
	enlargeStringInfo(out, room + 1);
	out->len += pg_b64_encode((const void *) bytes, len, out->data + out->len, room);
	appendStringInfoChar(out, '"');
}

static const char *
attributes_json(const AwsxSqsMessage *message)
{
	StringInfoData out;

	if (message->attribute_count == 0)
		return "{}";
	initStringInfo(&out);
	for (int i = 0; i < message->attribute_count; i++)
	{
		const AwsxSqsAttribute *one = &message->attributes[i];

		appendStringInfoString(&out, i == 0 ? "{" : ", ");
		put_string(&out, one->name, strlen(one->name));
		appendStringInfoString(&out, ": {\"type\": ");
		put_string(&out, one->type, strlen(one->type));
		appendStringInfoString(&out, ", \"value\": ");
		if (strncmp(one->type, BINARY_TYPE, strlen(BINARY_TYPE)) == 0)
			put_binary(&out, one->value, one->value_len);
		else
			put_string(&out, one->value, one->value_len);
		appendStringInfoChar(&out, '}');
	}
	appendStringInfoChar(&out, '}');
	return out.data;
}

void
message_fill(ApplyMessage *out, const AwsxSqsMessage *message, bool unwrap_sns)
{
	AwsxSqsMessage inner;

	if (unwrap_sns && sns_unwrap(message, &inner))
		message = &inner;
	memset(out, 0, sizeof(*out));
	out->message_id = message->message_id;
	out->group_id = message->group_id;
	out->dedup_id = message->dedup_id;
	out->sequence_number = message->sequence_number;
	out->body = message->body;
	out->body_len = message->body_len;
	out->source = source_of(message);
	out->source_sha256 = source_sha256_of(message);
	out->attributes = attributes_json(message);
	out->sent_ms = message->sent_ms;
	out->receive_count = message->receive_count;
	out->outcome = APPLY_PENDING;
}
