/*
 * sqs_attributes.c
 *		Message attributes and message contents: validity, size, MD5, selection.
 *
 * Attributes stay the JSON object they came in:
 * {"name": {"DataType": "String", "StringValue": "x"}}, with BinaryValue in
 * base64.  The digest covers exactly the attributes that are returned, so it
 * is computed anew for each selection (recorded).
 */
#include "sqs.h"

#include <stdlib.h>
#include <string.h>

#define ATTRIBUTES_MAX	10

bool
sqs_contents_valid(const char *text, size_t len)
{
	uint32_t	point;
	size_t		size;

	for (size_t i = 0; i < len; i += size)
	{
		size = 1;
		if ((unsigned char) text[i] >= 0x20 && (unsigned char) text[i] < 0x80)
			continue;
		if ((size = utf8_char(text + i, len - i, &point)) == 0)
			return false;
		if ((point < 0x20 && point != '\t' && point != '\n' && point != '\r') ||
			point == 0xFFFE || point == 0xFFFF)
			return false;
	}
	return true;
}

static bool
is_attribute_name(const char *name)
{
	size_t		len = strlen(name);

	return len >= 1 && len <= 256 && name[0] != '.' && name[len - 1] != '.' &&
		strstr(name, "..") == NULL &&
		strncasecmp(name, "aws.", 4) != 0 && strncasecmp(name, "amazon.", 7) != 0 &&
		strspn(name, ALPHANUMERIC "_-.") == len;
}

/* "String", "String.custom" and likewise for Number and Binary. */
static bool
is_type(const char *type, const char *base)
{
	size_t		len = strlen(base);

	return strncmp(type, base, len) == 0 && (type[len] == '\0' || type[len] == '.');
}

static bool
is_number_text(const char *text)
{
	char	   *end;

	strtod(text, &end);
	return text[0] != '\0' && *end == '\0' && strspn(text, "+-.eE0123456789") == strlen(text);
}

/* The value's bytes; false when the attribute has none that fits its type. */
static bool
value_bytes(const json_t *attribute, const char *type, Buf *out)
{
	json_t	   *value;

	if (is_type(type, "Binary"))
	{
		value = json_object_get(attribute, "BinaryValue");
		return json_is_string(value) &&
			base64_decode(out, json_string_value(value), json_string_length(value)) && out->len > 0;
	}
	value = json_object_get(attribute, "StringValue");
	if (!json_is_string(value) || json_string_length(value) == 0)
		return false;
	buf_add(out, json_string_value(value), json_string_length(value));
	return true;
}

static void
check_attribute(const char *name, const json_t *attribute, size_t *size, SqsError *error)
{
	const char *type = json_string_value(json_object_get(attribute, "DataType"));
	Buf			value = {0};

	if (!is_attribute_name(name))
		sqs_fail(error, SQS_INVALID_PARAMETER, "Message (user) attribute name '%.256s' is invalid.", name);
	else if (type == NULL || strlen(type) > 256 ||
			 (!is_type(type, "String") && !is_type(type, "Number") && !is_type(type, "Binary")))
		sqs_fail(error, SQS_INVALID_PARAMETER, "The message attribute '%.256s' has an invalid message "
				 "attribute type, the set of supported type prefixes is Binary, Number, and String.", name);
	else if (!value_bytes(attribute, type, &value))
		sqs_fail(error, SQS_INVALID_PARAMETER, "The message attribute '%.256s' must contain a non-empty "
				 "message attribute value for its type '%.64s'.", name, type);
	else if (is_type(type, "Number") && !is_number_text(value.data))
		sqs_fail(error, SQS_INVALID_PARAMETER, "Can't cast the value of message (user) attribute "
				 "'%.256s' to a number.", name);
	else if (!is_type(type, "Binary") && !sqs_contents_valid(value.data, value.len))
		sqs_fail(error, SQS_INVALID_CONTENTS, "Invalid characters in the message attribute '%.256s'.", name);
	else
		*size += strlen(name) + strlen(type) + value.len;
	buf_free(&value);
}

bool
sqs_attributes_check(const json_t *attributes, size_t *size, SqsError *error)
{
	const char *name;
	json_t	   *attribute;

	if (attributes != NULL && !json_is_object(attributes))
		sqs_fail(error, SQS_SERIALIZATION, "MessageAttributes must be a map");
	else if (json_object_size(attributes) > ATTRIBUTES_MAX)
		sqs_fail(error, SQS_INVALID_PARAMETER, "Number of message attributes [%zu] exceeds the allowed "
				 "maximum [%d].", json_object_size(attributes), ATTRIBUTES_MAX);
	else
	{
		json_object_foreach((json_t *) attributes, name, attribute)
		{
			check_attribute(name, attribute, size, error);
			if (error->kind != SQS_OK)
				break;
		}
	}
	return error->kind == SQS_OK;
}

static void
add_sized(Buf *out, const void *data, size_t len)
{
	unsigned char big_endian[4] = {(unsigned char) (len >> 24), (unsigned char) (len >> 16),
	(unsigned char) (len >> 8), (unsigned char) len};

	buf_add(out, big_endian, 4);
	buf_add(out, data, len);
}

static int
compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *) left, *(const char *const *) right);
}

void
sqs_attributes_md5(const json_t *attributes, char out[MD5_HEX])
{
	const char *names[ATTRIBUTES_MAX];
	size_t		n = 0;
	const char *name;
	json_t	   *attribute;
	Buf			text = {0};

	json_object_foreach((json_t *) attributes, name, attribute)
	{
		if (n < ATTRIBUTES_MAX)
			names[n++] = name;
	}
	qsort(names, n, sizeof(names[0]), compare_names);
	for (size_t i = 0; i < n; i++)
	{
		const char *type;
		Buf			value = {0};

		attribute = json_object_get(attributes, names[i]);
		type = json_string_value(json_object_get(attribute, "DataType"));
		value_bytes(attribute, type, &value);
		add_sized(&text, names[i], strlen(names[i]));
		add_sized(&text, type, strlen(type));
		buf_add(&text, is_type(type, "Binary") ? "\x02" : "\x01", 1);
		add_sized(&text, value.data, value.len);
		buf_free(&value);
	}
	md5_hex(text.data, text.len, out);
	buf_free(&text);
}

/* "All", ".*", a name, or "prefix.*". */
static bool
is_wanted(const char *name, const json_t *names)
{
	size_t		i;
	json_t	   *item;

	json_array_foreach((json_t *) names, i, item)
	{
		const char *wanted = json_string_value(item);
		size_t		len = strlen(wanted);

		if (strcmp(wanted, "All") == 0 || strcmp(wanted, name) == 0 ||
			(len >= 2 && strcmp(wanted + len - 2, ".*") == 0 && strncmp(name, wanted, len - 2) == 0))
			return true;
	}
	return false;
}

json_t *
sqs_attributes_select(const json_t *attributes, const json_t *names)
{
	json_t	   *chosen = json_object();
	const char *name;
	json_t	   *attribute;

	json_object_foreach((json_t *) attributes, name, attribute)
	{
		if (is_wanted(name, names))
			json_object_set(chosen, name, attribute);
	}
	if (json_object_size(chosen) > 0)
		return chosen;
	json_decref(chosen);
	return NULL;
}
