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
sqs_is_content(const char *text, size_t len)
{
	uint32_t	point;
	size_t		size;

	for (size_t i = plain_run(text, len); i < len; i += plain_run(text + i, len - i))
	{
		if ((size = utf8_char(text + i, len - i, &point)) == 0)
			return false;
		if ((point < 0x20 && point != '\t' && point != '\n' && point != '\r') ||
			point == 0xFFFE || point == 0xFFFF)
			return false;
		i += size;
	}
	return true;
}

static bool
is_name(const char *name)
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

static const char *
type_of(const json_t *attribute)
{
	const char *type = json_string_value(json_object_get(attribute, "DataType"));

	return type != NULL ? type : "";
}

/* The value's bytes, of the attribute or decoded into the buffer; none when it has none that fits its type. */
static const char *
value_of(const json_t *attribute, Buf *decoded, size_t *len)
{
	bool		binary = is_type(type_of(attribute), "Binary");
	json_t	   *value = json_object_get(attribute, binary ? "BinaryValue" : "StringValue");

	*len = json_string_length(value);
	if (!binary)
		return json_is_string(value) ? json_string_value(value) : "";
	if (json_is_string(value))
		base64_decode(decoded, json_string_value(value), *len);
	*len = decoded->len;
	return decoded->data != NULL ? decoded->data : "";
}

static void
check_one(SqsCall *call, const char *name, const json_t *attribute)
{
	const char *type = type_of(attribute);
	bool		binary = is_type(type, "Binary");
	bool		number = is_type(type, "Number");
	Buf			decoded = {0};
	size_t		len;
	const char *value = value_of(attribute, &decoded, &len);

	if (!is_name(name) || strlen(type) > 256 || (!binary && !number && !is_type(type, "String")) ||
		len == 0 || (number && strspn(value, "+-.eE0123456789") < len))
		sqs_fail(call, "InvalidParameterValue", "The message attribute '%s' has an invalid name, type or value; "
				 "the set of supported type prefixes is Binary, Number, and String.", name);
	else if (!binary && !sqs_is_content(value, len))
		sqs_fail(call, "InvalidMessageContents", "Invalid characters in the message attribute '%s'.", name);
	buf_free(&decoded);
}

void
sqs_check_attributes(SqsCall *call, const json_t *attributes)
{
	const char *name;
	json_t	   *attribute;

	if (json_object_size(attributes) > ATTRIBUTES_MAX)
		sqs_fail(call, "InvalidParameterValue", "Number of message attributes [%zu] exceeds the allowed "
				 "maximum [%d].", json_object_size(attributes), ATTRIBUTES_MAX);
	json_object_foreach((json_t *) attributes, name, attribute)
		check_one(call, name, attribute);
}

static void
add_sized(Buf *out, const void *data, size_t len)
{
	unsigned char big_endian[4] = {(unsigned char) (len >> 24), (unsigned char) (len >> 16),
	(unsigned char) (len >> 8), (unsigned char) len};

	buf_add(out, big_endian, 4);
	buf_add(out, data, len);
}

static void
add_attribute(Buf *out, const char *name, const json_t *attribute)
{
	const char *type = type_of(attribute);
	Buf			decoded = {0};
	size_t		len;
	const char *value = value_of(attribute, &decoded, &len);

	add_sized(out, name, strlen(name));
	add_sized(out, type, strlen(type));
	buf_add(out, is_type(type, "Binary") ? "\x02" : "\x01", 1);
	add_sized(out, value, len);
	buf_free(&decoded);
}

static int
compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *) left, *(const char *const *) right);
}

size_t
sqs_size_attributes(const json_t *attributes)
{
	size_t		size = 0;
	const char *name;
	json_t	   *attribute;

	json_object_foreach((json_t *) attributes, name, attribute)
	{
		Buf			decoded = {0};
		size_t		len;

		(void) value_of(attribute, &decoded, &len);
		size += strlen(name) + strlen(type_of(attribute)) + len;
		buf_free(&decoded);
	}
	return size;
}

void
sqs_digest_attributes(const json_t *attributes, char md5[MD5_HEX])
{
	size_t		n = json_object_size(attributes);
	const char **names;
	const char *name;
	json_t	   *attribute;
	Buf			text = {0};

	if (n == 0)
		return;
	names = mem_zalloc(n * sizeof(names[0]));
	n = 0;
	json_object_foreach((json_t *) attributes, name, attribute)
		names[n++] = name;
	qsort(names, n, sizeof(names[0]), compare_names);
	for (size_t i = 0; i < n; i++)
		add_attribute(&text, names[i], json_object_get(attributes, names[i]));
	md5_hex(text.data, text.len, md5);
	buf_free(&text);
	free(names);
}

/* "All", ".*", a name, or "prefix.*". */
bool
sqs_is_wanted(const char *name, const json_t *names)
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
