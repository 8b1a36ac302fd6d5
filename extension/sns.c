/*
 * sns.c
 *	  Messages that reached SQS by way of an SNS topic without raw delivery:
 *	  their body is SNS's notification, in which what was published is a
 *	  string.
 *
 * The document comes from outside.  Whatever is not as SNS makes it (another
 * type, a member that is no string, attributes of another form or too many)
 * is no notification, and its body stays what it is: the routes, and their
 * failure policy, decide about it.  Only strings are read from the document,
 * never a number.
 */
#include "postgres.h"

#include <jansson.h>

#include "base64.h"
#include "sns.h"

#define ATTRIBUTES_MAX 100		/* SNS allows some ten */

static const char *
text_member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* The string with its length, copied; the length counts. */
static char *
copy_string(const json_t *string, size_t *len)
{
	*len = json_string_length(string);
	return pnstrdup(json_string_value(string), *len);
}

/* One of the publication's attributes; false when it is not as SNS makes it. */
static bool
read_attribute(const char *name, const json_t *member, AwsxSqsAttribute *out)
{
	const char *type = text_member(member, "Type");
	const json_t *value = json_object_get(member, "Value");
	unsigned char *bytes;

	if (type == NULL || !json_is_string(value))
		return false;
	out->name = pstrdup(name);
	out->type = pstrdup(type);
	out->value = copy_string(value, &out->value_len);
	if (strncmp(type, "Binary", 6) != 0)
		return true;
	bytes = palloc0(AWSX_BASE64_ROOM(out->value_len) + 1);
	if (!awsx_base64_decode(out->value, out->value_len, bytes, &out->value_len))
		return false;
	out->value = (const char *) bytes;
	return true;
}

static bool
has_attribute(const AwsxSqsMessage *message, const char *name)
{
	for (int i = 0; i < message->attribute_count; i++)
	{
		if (strcmp(message->attributes[i].name, name) == 0)
			return true;
	}
	return false;
}

/* The message's own attributes, then those of the publication it lacks. */
static bool
merge_attributes(json_t *published, const AwsxSqsMessage *message, AwsxSqsMessage *inner)
{
	AwsxSqsAttribute *all;
	const char *name;
	json_t	   *member;

	if (published == NULL)
		return true;
	if (!json_is_object(published) || json_object_size(published) > ATTRIBUTES_MAX)
		return false;
	all = palloc0(sizeof(AwsxSqsAttribute) *
				  (message->attribute_count + json_object_size(published) + 1));
	for (int i = 0; i < message->attribute_count; i++)
		all[i] = message->attributes[i];
	json_object_foreach(published, name, member)
	{
		if (has_attribute(message, name))
			continue;
		if (!read_attribute(name, member, &all[inner->attribute_count]))
			return false;
		inner->attribute_count++;
	}
	inner->attributes = all;
	return true;
}

static bool
read_notification(json_t *root, const AwsxSqsMessage *message, AwsxSqsMessage *inner)
{
	const char *type = text_member(root, "Type");
	const json_t *published = json_object_get(root, "Message");

	if (type == NULL || strcmp(type, "Notification") != 0 ||
		text_member(root, "TopicArn") == NULL || !json_is_string(published))
		return false;
	*inner = *message;
	if (!merge_attributes(json_object_get(root, "MessageAttributes"), message, inner))
		return false;
	inner->body = copy_string(published, &inner->body_len);
	return true;
}

bool
sns_unwrap(const AwsxSqsMessage *message, AwsxSqsMessage *inner)
{
	json_t	   *root;
	bool		found;

	if (message->body[0] != '{')
		return false;
	root = json_loadb(message->body, message->body_len, 0, NULL);
	if (root == NULL)
		return false;
	found = read_notification(root, message, inner);
	json_decref(root);
	return found;
}
