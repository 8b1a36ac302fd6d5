/*
 * resend_document.c
 *	  A reject, read back.
 *
 * The record is a string in it, so its numbers are not touched.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/base64.h"
#include "../aws/envelope.h"
#include "resend_document.h"

/* A string member without NUL; "" when it is absent. Null: it is no such string. */
static const char *
text_member(const json_t *root, const char *name)
{
	const json_t *value = json_object_get(root, name);

	if (value == NULL)
		return "";
	if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
		return NULL;
	return json_string_value(value);
}

static bool
refuse(AwsxError *error, const char *problem)
{
	return awsx_error_set(error, AWSX_ERR_CONFIG, "not a reject of s3_to_sqs: %s", problem);
}

static bool
read_key(ResendDocument *document, AwsxError *error)
{
	const char *key = text_member(document->root, "key");
	const char *encoded = text_member(document->root, "key_percent_encoded");

	if (key == NULL || encoded == NULL || (*key == '\0') == (*encoded == '\0'))
		return refuse(error, "it has no key");
	document->source.key = key;
	if (*key != '\0')
		return true;
	document->source.key = document->key = awsx_form_decode(encoded, strlen(encoded));
	return document->key != NULL || refuse(error, "its key_percent_encoded is malformed");
}

static bool
read_source(ResendDocument *document, AwsxError *error)
{
	const json_t *record = json_object_get(document->root, "record");
	EnrichSource *source = &document->source;

	source->bucket = text_member(document->root, "bucket");
	source->version_id = text_member(document->root, "versionId");
	source->sequencer = text_member(document->root, "sequencer");
	if (source->bucket == NULL || *source->bucket == '\0')
		return refuse(error, "it has no bucket");
	if (source->version_id == NULL || source->sequencer == NULL)
		return refuse(error, "its versionId or sequencer is no string");
	if (!json_is_integer(record) || json_integer_value(record) < 1 || json_integer_value(record) > INT_MAX)
		return refuse(error, "it has no record number");
	source->record = (int) json_integer_value(record);
	return read_key(document, error);
}

static bool
read_base64(ResendDocument *document, const json_t *value, AwsxError *error)
{
	size_t		len = json_string_length(value);

	document->body = malloc(AWSX_BASE64_ROOM(len) + 1);
	if (document->body == NULL)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while a reject was read");
	if (!awsx_base64_decode(json_string_value(value), len, (unsigned char *) document->body, &document->record_len))
		return refuse(error, "its body_base64 is malformed");
	document->record = document->body;
	return true;
}

/* Neither is no problem: the reject is of an object that could not be read. */
static bool
read_body(ResendDocument *document, AwsxError *error)
{
	const json_t *body = json_object_get(document->root, "body");
	const json_t *base64 = json_object_get(document->root, "body_base64");

	if (body == NULL && base64 == NULL)
		return true;
	if (body != NULL && base64 != NULL)
		return refuse(error, "it has both body and body_base64: remove the one that is not repaired");
	if (!json_is_string(body != NULL ? body : base64))
		return refuse(error, "its body must be a string that holds the record's text");
	if (base64 != NULL)
		return read_base64(document, base64, error);
	document->record = json_string_value(body);
	document->record_len = json_string_length(body);
	return true;
}

bool
resend_document_read(ResendDocument *document, const char *text, size_t len, AwsxError *error)
{
	json_error_t problem;

	memset(document, 0, sizeof(*document));
	document->root = json_loadb(text, len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &problem);
	if (document->root == NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "not a reject of s3_to_sqs: no JSON at line %d, column %d",
							  problem.line, problem.column);
	if (!json_is_object(document->root) || json_object_get(document->root, "code") == NULL)
		return refuse(error, "it has no code");
	return read_source(document, error) && read_body(document, error);
}

void
resend_document_free(ResendDocument *document)
{
	json_decref(document->root);
	free(document->key);
	free(document->body);
	memset(document, 0, sizeof(*document));
}

bool
resend_document_has(const ResendDocument *document, const char *output)
{
	const json_t *sent = json_object_get(document->root, "sent");
	const json_t *name;
	size_t		i;

	json_array_foreach(sent, i, name)
	{
		if (json_is_string(name) && strcmp(json_string_value(name), output) == 0)
			return true;
	}
	return false;
}
