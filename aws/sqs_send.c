/*
 * sqs_send.c
 *	  Would SQS take a message?  The checks before a send, and the digest of
 *	  message attributes.
 *
 * One bad entry can make SQS refuse a whole batch, so each is checked here
 * with an error that names what is wrong, before anything is sent.
 *
 * Rules: SendMessage and "Amazon SQS message metadata" in AWS's SQS API
 * reference and developer guide.
 */
#include "sqs.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "identity.h"
#include "sqs_wire.h"
#include "text.h"

#define MAX_ATTRIBUTES 10
#define MAX_ATTRIBUTE_NAME 256

/* "Binary" or "Binary.something" */
static bool
is_type(const char *type, const char *base)
{
	size_t		len = strlen(base);

	return strncmp(type, base, len) == 0 && (type[len] == '\0' || type[len] == '.');
}

size_t
awsx_sqs_send_size(const AwsxSqsSend *send)
{
	size_t		size = send->body_len;

	for (int i = 0; i < send->attribute_count; i++)
	{
		const AwsxSqsAttribute *attribute = &send->attributes[i];

		size += strlen(attribute->name) + strlen(attribute->type) + attribute->value_len;
	}
	return size;
}

static bool
check_id(const char *id, const char *what, AwsxError *error)
{
	if (id == NULL || awsx_id_valid(id, strlen(id)))
		return true;
	return awsx_error_set(error, AWSX_ERR_CONFIG,
						  "the message's %s is not 1 to %d printable ASCII characters without spaces",
						  what, AWSX_ID_MAX);
}

static bool
attribute_error(AwsxError *error, int index, const char *problem)
{
	return awsx_error_set(error, AWSX_ERR_CONFIG, "message attribute %d %s", index + 1, problem);
}

/* Does the name begin with the prefix, which is lower case, in any case? */
static bool
has_prefix(const char *name, const char *prefix)
{
	for (; *prefix != '\0'; name++, prefix++)
	{
		if (awsx_text_lower(*name) != *prefix)
			return false;
	}
	return true;
}

static bool
is_attribute_name(const char *name)
{
	size_t		len = strlen(name);

	if (len < 1 || len > MAX_ATTRIBUTE_NAME || name[0] == '.' || name[len - 1] == '.')
		return false;
	if (strstr(name, "..") != NULL || has_prefix(name, "aws.") || has_prefix(name, "amazon."))
		return false;
	for (size_t i = 0; i < len; i++)
	{
		if (!awsx_text_is_alnum(name[i]) && strchr("_-.", name[i]) == NULL)
			return false;
	}
	return true;
}

/* [+-] digits [. digits] [e [+-] digits], with a digit before the exponent */
static bool
is_number(const char *text, size_t len)
{
	size_t		i = len > 0 && (text[0] == '+' || text[0] == '-') ? 1 : 0;
	size_t		digits = 0;
	bool		point = false;

	for (; i < len && (awsx_text_is_digit(text[i]) || (text[i] == '.' && !point)); i++)
	{
		if (text[i] == '.')
			point = true;
		else
			digits++;
	}
	if (digits == 0 || i == len || (text[i] != 'e' && text[i] != 'E'))
		return digits > 0 && i == len;
	i++;
	if (i < len && (text[i] == '+' || text[i] == '-'))
		i++;
	for (digits = 0; i < len && awsx_text_is_digit(text[i]); i++)
		digits++;
	return digits > 0 && i == len;
}

static bool
is_attribute_type(const char *type)
{
	size_t		at;

	return (is_type(type, "String") || is_type(type, "Number") || is_type(type, "Binary")) &&
		strlen(type) <= MAX_ATTRIBUTE_NAME && awsx_sqs_text_valid(type, strlen(type), &at);
}

static bool
check_attribute(const AwsxSqsAttribute *attribute, int index, AwsxError *error)
{
	size_t		at;

	if (!is_attribute_name(attribute->name))
		return attribute_error(error, index, "has a name that SQS does not take: 1 to 256 letters, digits, \"_\", \"-\" and single \".\" inside, not beginning with \"AWS.\" or \"Amazon.\"");
	if (!is_attribute_type(attribute->type))
		return attribute_error(error, index, "has a type that is not String, Number or Binary, with a suffix after \".\" if any");
	if (attribute->value_len == 0)
		return attribute_error(error, index, "is empty; leave it out instead");
	if (is_type(attribute->type, "Binary"))
		return true;
	if (!awsx_sqs_text_valid(attribute->value, attribute->value_len, &at))
		return attribute_error(error, index, "has a byte in its value that is not UTF-8, or a character that SQS does not take");
	if (is_type(attribute->type, "Number") && !is_number(attribute->value, attribute->value_len))
		return attribute_error(error, index, "has the type Number, but its value is none");
	return true;
}

static bool
check_attributes(const AwsxSqsSend *send, AwsxError *error)
{
	if (send->attribute_count < 0 || send->attribute_count > MAX_ATTRIBUTES)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the message has %d attributes, but SQS takes %d at most",
							  send->attribute_count, MAX_ATTRIBUTES);
	for (int i = 0; i < send->attribute_count; i++)
	{
		if (!check_attribute(&send->attributes[i], i, error))
			return false;
		for (int j = 0; j < i; j++)
		{
			if (strcmp(send->attributes[i].name, send->attributes[j].name) == 0)
				return attribute_error(error, i, "has the name of an earlier one");
		}
	}
	return true;
}

bool
awsx_sqs_send_check(const AwsxSqsSend *send, AwsxError *error)
{
	size_t		at;

	if (send->body == NULL || send->body_len == 0)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "the message's body is empty, which SQS does not take");
	if (!check_id(send->group_id, "group id", error) ||
		!check_id(send->dedup_id, "deduplication id", error) ||
		!check_attributes(send, error))
		return false;
	if (awsx_sqs_send_size(send) > AWSX_SQS_MAX_BYTES)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the message's body and attributes are %zu bytes, but SQS takes %d at most",
							  awsx_sqs_send_size(send), AWSX_SQS_MAX_BYTES);
	if (!awsx_sqs_text_valid(send->body, send->body_len, &at))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the message's body has at byte %zu something that SQS does not take: no UTF-8, a control character other than tab, LF and CR, or U+FFFE or U+FFFF",
							  at + 1);
	if (send->trace_header != NULL &&
		(*send->trace_header == '\0' || !awsx_sqs_text_valid(send->trace_header, strlen(send->trace_header), &at)))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "the message's trace header is empty or has a bad character");
	return true;
}

static int
compare_names(const void *a, const void *b)
{
	const AwsxSqsAttribute *const *left = a;
	const AwsxSqsAttribute *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

static void
put_counted(AwsxBuf *buf, const char *bytes, size_t len)
{
	unsigned char prefix[4];

	for (int i = 0; i < 4; i++)
		prefix[i] = (unsigned char) (len >> (24 - 8 * i));
	awsx_buf_append(buf, prefix, sizeof(prefix));
	if (len > 0)
		awsx_buf_append(buf, bytes, len);
}

/*
 * Rule: "Calculating the MD5 message digest for message attributes" in the
 * SQS developer guide.
 */
bool
awsx_sqs_attributes_md5(const AwsxSqsAttribute *attributes, int count, char out[33])
{
	const AwsxSqsAttribute **sorted = calloc((size_t) count + 1, sizeof(*sorted));
	AwsxBuf		text;
	bool		done;

	if (sorted == NULL)
		return false;
	for (int i = 0; i < count; i++)
		sorted[i] = &attributes[i];
	qsort(sorted, (size_t) count, sizeof(*sorted), compare_names);
	awsx_buf_init(&text, 0);
	for (int i = 0; i < count; i++)
	{
		put_counted(&text, sorted[i]->name, strlen(sorted[i]->name));
		put_counted(&text, sorted[i]->type, strlen(sorted[i]->type));
		awsx_buf_putc(&text, strncmp(sorted[i]->type, "Binary", 6) == 0 ? 2 : 1);
		put_counted(&text, sorted[i]->value, sorted[i]->value_len);
	}
	done = !text.failed && awsx_md5_hex(text.len > 0 ? text.data : "", text.len, out);
	awsx_buf_free(&text);
	free(sorted);
	return done;
}

bool
awsx_sqs_attributes_match(const AwsxSqsAttribute *attributes, int count, const char *md5)
{
	char		computed[AWSX_MD5_HEX_LEN + 1];

	if (awsx_sqs_attributes_md5(attributes, count, computed))
		return awsx_text_equal(md5, computed);
	return !awsx_md5_hex("", 0, computed);
}
