/*
 * messages.c
 *	  Fuzzing of received messages, with jansson as the oracle: what it takes
 *	  for JSON is read alike, and what it does not is refused.
 *
 * On two things the oracle is silent: numbers that it cannot hold, though
 * nobody reads them, and members that stand twice.
 */
#include "targets.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "digest.h"
#include "sqs.h"
#include "text.h"

/* A string member's text, where it has no NUL. */
static const char *
text_of(const json_t *object, const char *name)
{
	const json_t *member = json_object_get(object, name);
	const char *text = json_string_value(member);

	return text != NULL && strlen(text) == json_string_length(member) ? text : NULL;
}

static bool
is_absent(const json_t *member)
{
	return member == NULL || json_is_null(member);
}

static bool
same_text(const char *read, const char *told)
{
	return strcmp(read, told != NULL ? told : "") == 0;
}

static bool
same_md5(const char *bytes, size_t len, const char *told)
{
	char		md5[AWSX_MD5_HEX_LEN + 1];

	return awsx_md5_hex(bytes, len, md5) && awsx_text_equal(md5, told);
}

/* Can this message be handed out, as far as the tree tells?  (Not: the MD5 of its attributes.) */
static bool
message_is_sound(const json_t *object)
{
	const json_t *body = json_object_get(object, "Body");
	const json_t *system = json_object_get(object, "Attributes");
	const json_t *attributes = json_object_get(object, "MessageAttributes");
	const char *id = text_of(object, "MessageId");
	const char *handle = text_of(object, "ReceiptHandle");
	const char *md5 = text_of(object, "MD5OfBody");
	const char *sequence = text_of(system, "SequenceNumber");
	const char *name;
	json_t	   *member;

	if (id == NULL || *id == '\0' || handle == NULL || *handle == '\0' || !json_is_string(body) || md5 == NULL ||
		!same_md5(json_string_value(body), json_string_length(body), md5) ||
		(!is_absent(system) && !json_is_object(system)) ||
		(!is_absent(attributes) && !json_is_object(attributes)) ||
		(sequence != NULL && (*sequence == '\0' || strlen(sequence) > 40 || strspn(sequence, "0123456789") != strlen(sequence))) ||
		json_object_size(attributes) > 100)
		return false;
	json_object_foreach((json_t *) attributes, name, member)
	{
		const char *type = text_of(member, "DataType");
		bool		binary = type != NULL && strncmp(type, "Binary", 6) == 0;
		const json_t *value = json_object_get(member, binary ? "BinaryValue" : "StringValue");
		size_t		len = json_string_length(value);
		unsigned char *bytes;
		bool		decoded;

		if (type == NULL || !json_is_string(value))
			return false;
		bytes = malloc(AWSX_BASE64_ROOM(len) + 1);
		decoded = !binary || awsx_base64_decode(json_string_value(value), len, bytes, &len);
		free(bytes);
		if (!decoded)
			return false;
	}
	return true;
}

static bool
answer_is_sound(const json_t *root)
{
	const json_t *messages = json_object_get(root, "Messages");
	const json_t *object;
	size_t		i;

	if (!json_is_object(root) || (!is_absent(messages) && !json_is_array(messages)) || json_array_size(messages) > AWSX_SQS_BATCH)
		return false;
	json_array_foreach(messages, i, object)
	{
		if (!json_is_object(object) || !message_is_sound(object))
			return false;
	}
	return true;
}

static void
compare_attributes(const AwsxSqsMessage *message, json_t *members)
{
	int			i = 0;
	const char *name;
	json_t	   *member;

	assert(message->attribute_count == (int) json_object_size(members));
	json_object_foreach(members, name, member)
	{
		const AwsxSqsAttribute *attribute = &message->attributes[i++];
		const json_t *value = json_object_get(member, "StringValue");

		assert(same_text(attribute->name, name) && same_text(attribute->type, text_of(member, "DataType")));
		assert(attribute->value[attribute->value_len] == '\0');
		if (strncmp(attribute->type, "Binary", 6) != 0)
			assert(attribute->value_len == json_string_length(value) &&
				   memcmp(attribute->value, json_string_value(value), attribute->value_len) == 0);
	}
}

static void
compare(const AwsxSqsMessages *messages, const json_t *array)
{
	assert((size_t) messages->count == json_array_size(array));
	for (int i = 0; i < messages->count; i++)
	{
		const AwsxSqsMessage *message = &messages->items[i];
		const json_t *object = json_array_get(array, (size_t) i);
		const json_t *system = json_object_get(object, "Attributes");
		const json_t *body = json_object_get(object, "Body");

		assert(same_text(message->message_id, text_of(object, "MessageId")));
		assert(same_text(message->receipt_handle, text_of(object, "ReceiptHandle")));
		assert(same_text(message->group_id, text_of(system, "MessageGroupId")));
		assert(same_text(message->dedup_id, text_of(system, "MessageDeduplicationId")));
		assert(same_text(message->sequence_number, text_of(system, "SequenceNumber")));
		assert(message->body_len == json_string_length(body));
		assert(memcmp(message->body, json_string_value(body), message->body_len + 1) == 0);
		compare_attributes(message, json_object_get(object, "MessageAttributes"));
	}
}

void
fuzz_receive(const char *bytes, size_t len)
{
	AwsxHttpResponse answer = answer_of(200, bytes, len);
	AwsxError	error = {0};
	AwsxSqsMessages *messages = awsx_sqs_receive_answer(&answer, &error);
	json_error_t said;
	json_t	   *root = json_loadb(bytes, len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &said);

	assert((messages == NULL) == (error.kind != AWSX_OK));
	if (len == 0)
		assert(messages != NULL && messages->count == 0);
	else if (root == NULL && json_error_code(&said) != json_error_numeric_overflow &&
			 json_error_code(&said) != json_error_duplicate_key)
		assert(messages == NULL);
	else if (root != NULL && !answer_is_sound(root))
		assert(messages == NULL);
	else if (root != NULL && messages == NULL)
		assert(error.kind == AWSX_ERR_INTEGRITY && strstr(error.message, "attributes") != NULL);
	else if (root != NULL)
		compare(messages, json_object_get(root, "Messages"));
	json_decref(root);
	awsx_sqs_messages_free(messages);
	awsx_http_response_free(&answer);
}
