/*
 * send_attributes.c
 *	  Message attributes of sqs.send, given as JSON.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "base64.h"
#include "send_attributes.h"

static bool
is_binary(const char *type)
{
	return strncmp(type, "Binary", strlen("Binary")) == 0;
}

static void
refuse(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("message attribute \"%s\" is not one", name),
			 errhint("Give a string, a number, or an object like {\"type\": \"Binary\", \"value\": \"...\"}, whose value is in base64 if it is binary.")));
}

/* A string or a number as text, or null. */
static char *
scalar_text(const JsonbValue *value)
{
	if (value == NULL)
		return NULL;
	if (value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	if (value->type == jbvNumeric)
		return DatumGetCString(DirectFunctionCall1(numeric_out,
												   NumericGetDatum(value->val.numeric)));
	return NULL;
}

static char *
member_text(JsonbContainer *object, const char *name)
{
	JsonbValue	key = {.type = jbvString};

	key.val.string.val = unconstify(char *, name);
	key.val.string.len = strlen(name);
	return scalar_text(findJsonbValueFromContainer(object, JB_FOBJECT, &key));
}

/* In UTF-8. */
static char *
utf8(char *text)
{
	return pg_server_to_any(text, strlen(text), PG_UTF8);
}

static void
read_attribute(char *name, const JsonbValue *value, AwsxSqsAttribute *attribute)
{
	const char *type = value->type == jbvNumeric ? "Number" : "String";
	char	   *text = scalar_text(value);
	unsigned char *bytes;

	if (value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data))
	{
		type = member_text(value->val.binary.data, "type");
		text = member_text(value->val.binary.data, "value");
	}
	if (text == NULL || type == NULL)
		refuse(name);
	attribute->name = utf8(name);
	attribute->type = utf8(pstrdup(type));
	attribute->value = utf8(text);
	attribute->value_len = strlen(attribute->value);
	if (!is_binary(type))
		return;
	bytes = palloc(AWSX_BASE64_ROOM(attribute->value_len) + 1);
	if (!awsx_base64_decode(attribute->value, attribute->value_len, bytes, &attribute->value_len))
		refuse(name);
	attribute->value = (const char *) bytes;
}

AwsxSqsAttribute *
send_attributes_read(Jsonb *json, int *count)
{
	AwsxSqsAttribute *attributes;
	JsonbIterator *iterator = JsonbIteratorInit(&json->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *name = NULL;

	*count = 0;
	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("message attributes must be a JSON object"),
				 errhint("Give them by name, like {\"origin\": \"replay\"}.")));
	attributes = palloc0(sizeof(AwsxSqsAttribute) * Max(JB_ROOT_COUNT(json), 1));
	(void) JsonbIteratorNext(&iterator, &value, false);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE)
			read_attribute(name, &value, &attributes[(*count)++]);
	}
	return attributes;
}
