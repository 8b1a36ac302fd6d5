/*
 * reject.c
 *	  What is put into the reject location for a record that cannot be sent:
 *	  its key and its document.
 */
#include <stdio.h>
#include <string.h>

#include "../aws/base64.h"
#include "../aws/digest.h"
#include "json.h"
#include "log.h"
#include "reject.h"

#define KEY_MAX_BYTES 1024

static bool
given(const char *text)
{
	return text != NULL && *text != '\0';
}

bool
reject_key(const Reject *reject, const char *prefix, AwsxBuf *key)
{
	const char *version = given(reject->version_id) ? reject->version_id :
		given(reject->etag) ? reject->etag : "none";
	char		tail[32];
	char		hash[AWSX_SHA256_HEX_LEN + 1];
	size_t		len = strlen(reject->key);

	snprintf(tail, sizeof(tail), ".%010d.json", reject->record);
	awsx_buf_puts(key, prefix);
	if (strlen(prefix) + len + 1 + strlen(version) + strlen(tail) <= KEY_MAX_BYTES)
	{
		awsx_buf_append(key, reject->key, len);
		awsx_buf_putc(key, '.');
		awsx_buf_puts(key, version);
	}
	else
	{
		/* a version id alone may have 1024 bytes */
		AwsxBuf		both;
		bool		hashed;

		awsx_buf_init(&both, 0);
		awsx_buf_append(&both, reject->key, len + 1);
		awsx_buf_puts(&both, version);
		hashed = !both.failed && awsx_sha256_hex(both.data, both.len, hash);
		awsx_buf_free(&both);
		if (!hashed)
			return false;
		awsx_buf_puts(key, hash);
	}
	return awsx_buf_puts(key, tail);
}

static void
put_key(const Reject *reject, AwsxBuf *document)
{
	AwsxBuf		encoded;

	if (json_utf8_valid(reject->key, strlen(reject->key)))
	{
		json_put_member(document, "key", reject->key);
		return;
	}
	awsx_buf_init(&encoded, 0);
	if (awsx_buf_uri(&encoded, reject->key, strlen(reject->key), true))
		json_put_member(document, "key_percent_encoded", encoded.data);
	else
		document->failed = true;
	awsx_buf_free(&encoded);
}

/* The names of the outputs whose bits are set. */
static void
put_names(const Reject *reject, const char *member, uint32_t bits, AwsxBuf *document)
{
	bool		first = true;

	awsx_buf_printf(document, ",\"%s\":[", member);
	for (int i = 0; i < reject->config->output_count; i++)
	{
		const char *name = reject->config->outputs[i].name;

		if ((bits & UINT32_C(1) << i) == 0)
			continue;
		if (!first)
			awsx_buf_putc(document, ',');
		first = false;
		json_put_string(document, name, strlen(name));
	}
	awsx_buf_putc(document, ']');
}

bool
reject_put_body(AwsxBuf *document, const char *body, size_t len)
{
	if (json_utf8_valid(body, len))
	{
		awsx_buf_puts(document, ",\"body\":");
		return json_put_string(document, body, len);
	}
	awsx_buf_puts(document, ",\"body_base64\":\"");
	awsx_base64_encode(document, body, len);
	return awsx_buf_putc(document, '"');
}

static void
put_body(const Reject *reject, AwsxBuf *document)
{
	if (reject->body == NULL)
		return;
	if (reject->leave_body)
		awsx_buf_puts(document, ",\"body_left\":\"it is too large for a message; read it from the object\"");
	else
		reject_put_body(document, reject->body, reject->body_len);
}

bool
reject_document(const Reject *reject, AwsxBuf *document)
{
	char		when[25];

	log_time(reject->time_ms, when);
	awsx_buf_putc(document, '{');
	json_put_member(document, "reason", reject->reason);
	json_put_member(document, "code", reject->code);
	json_put_member(document, "bucket", reject->bucket);
	put_key(reject, document);
	if (given(reject->version_id))
		json_put_member(document, "versionId", reject->version_id);
	if (given(reject->etag))
		json_put_member(document, "etag", reject->etag);
	if (given(reject->sequencer))
		json_put_member(document, "sequencer", reject->sequencer);
	awsx_buf_printf(document, ",\"record\":%d", reject->record);
	if (reject->config != NULL)
	{
		put_names(reject, "sent", reject->sent, document);
		put_names(reject, "not_sent", reject->not_sent, document);
	}
	json_put_member(document, "requestId", reject->request_id);
	json_put_member(document, "time", when);
	put_body(reject, document);
	awsx_buf_puts(document, "}\n");
	return !document->failed;
}
