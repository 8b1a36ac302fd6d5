/*
 * ingest.c
 *	  sqs.ingest: messages given in SQL take the consumer's way.
 *
 * For replays, tests and migrations.  All of it happens in the caller's
 * transaction, and any failure is the caller's error; there is no bisection
 * and nothing to delete from a queue.  What a consumer would park, because its
 * group is held or its route is stopped, is parked here too.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "apply.h"
#include "digest.h"
#include "identity.h"
#include "jsontext.h"

#define MAX_SOURCE 4096			/* bucket, key and version id have room */
#define MAX_MESSAGES 1000000

PG_FUNCTION_INFO_V1(sqs_ingest);

/* What a caller gave for one message; absent = null. */
typedef struct GivenMessage
{
	JsonText	message_id;
	JsonText	group_id;
	JsonText	dedup_id;
	JsonText	sequence_number;
	JsonText	source;
	JsonText	source_sha256;
	JsonText	attributes;
	JsonText	body;
} GivenMessage;

static const struct
{
	const char *name;
	size_t		offset;
}			given_keys[] = {
	{"message_id", offsetof(GivenMessage, message_id)},
	{"group_id", offsetof(GivenMessage, group_id)},
	{"dedup_id", offsetof(GivenMessage, dedup_id)},
	{"sequence_number", offsetof(GivenMessage, sequence_number)},
	{"source", offsetof(GivenMessage, source)},
	{"source_sha256", offsetof(GivenMessage, source_sha256)},
	{"attributes", offsetof(GivenMessage, attributes)},
	{"body", offsetof(GivenMessage, body)},
};

static void
ingest_context(void *arg)
{
	int			position = *(int *) arg;

	if (position > 0)
		errcontext("message %d", position);
}

/* The members of one message by name; anything else is a mistake to tell of. */
static void
find_given(const JsonText *object, GivenMessage *given)
{
	JsonTextCursor cursor;
	JsonText	key;
	JsonText	value;

	memset(given, 0, sizeof(*given));
	if (object->kind != JSONTEXT_OBJECT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a message must be a JSON object"),
				 errhint("For example {\"group_id\": \"a\", \"dedup_id\": \"1\", \"body\": {\"id\": 1}}.")));
	jsontext_first(&cursor, object);
	while (jsontext_next(&cursor, &key, &value))
	{
		JsonText   *place = NULL;

		for (int i = 0; i < (int) lengthof(given_keys); i++)
		{
			if (jsontext_equals(&key, given_keys[i].name))
				place = (JsonText *) ((char *) given + given_keys[i].offset);
		}
		if (place == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a message has no member %s", jsontext_raw(&key)),
					 errhint("Its members are message_id, group_id, dedup_id, sequence_number, source, source_sha256, attributes and body.")));
		*place = value;
	}
	if (given->body.start == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a message must have a member \"body\""),
				 errhint("A string is taken as the body's text, any other value as JSON.")));
}

/* A string member, or the default; null counts as absent. */
static const char *
given_string(const JsonText *value, const char *name, const char *otherwise)
{
	if (value->start == NULL || value->kind == JSONTEXT_NULL)
		return otherwise;
	if (value->kind != JSONTEXT_STRING)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("member \"%s\" of a message must be a string", name),
				 errhint("Write the value in double quotes.")));
	return jsontext_string(value);
}

/* As SQS would take it: an id the queue can never deliver helps nobody. */
static const char *
given_id(const JsonText *value, const char *name, const char *otherwise)
{
	const char *id = given_string(value, name, otherwise);

	if (id[0] != '\0' && !awsx_id_valid(id, strlen(id)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("member \"%s\" of a message is not an id that SQS takes", name),
				 errhint("Ids are 1 to %d characters of printable ASCII without the space.",
						 AWSX_ID_MAX)));
	return id;
}

static const char *
utf8(const char *text)
{
	return pg_server_to_any(text, strlen(text), PG_UTF8);
}

static const char *
given_source(const JsonText *value)
{
	const char *source = utf8(given_string(value, "source", ""));

	if (strlen(source) > MAX_SOURCE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("member \"source\" of a message is longer than %d bytes", MAX_SOURCE)));
	return source;
}

static const char *
given_sha256(const JsonText *value)
{
	const char *hash = given_string(value, "source_sha256", "");

	if (hash[0] != '\0' &&
		(strlen(hash) != AWSX_SHA256_HEX_LEN ||
		 strspn(hash, "0123456789abcdefABCDEF") != AWSX_SHA256_HEX_LEN))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("member \"source_sha256\" of a message is not a SHA-256"),
				 errhint("Give 64 hexadecimal digits, or leave it out.")));
	return hash;
}

/* JSON in UTF-8 as JSON in ASCII. */
static const char *
ascii_json(const char *json)
{
	StringInfoData out;

	initStringInfo(&out);
	for (const unsigned char *at = (const unsigned char *) json; *at != '\0';)
	{
		pg_wchar	character = utf8_to_unicode(at);

		if (character < 0x80)
			appendStringInfoChar(&out, *at);
		else if (character < 0x10000)
			appendStringInfo(&out, "\\u%04x", character);
		else
			appendStringInfo(&out, "\\u%04x\\u%04x", 0xD800 + ((character - 0x10000) >> 10),
							 0xDC00 + ((character - 0x10000) & 0x3FF));
		at += pg_utf_mblen(at);
	}
	return out.data;
}

/* As a consumer makes it of what it receives: {"name": {"type": "String", "value": "..."}}. */
static const char *
given_attributes(const JsonText *value)
{
	JsonTextCursor cursor;
	JsonTextCursor inner;
	JsonText	name;
	JsonText	attribute;
	JsonText	member;
	bool		good = value->start == NULL || value->kind == JSONTEXT_OBJECT;

	if (value->start == NULL)
		return "{}";
	if (good)
		jsontext_first(&cursor, value);
	while (good && jsontext_next(&cursor, &name, &attribute))
	{
		good = attribute.kind == JSONTEXT_OBJECT;
		if (!good)
			break;
		for (jsontext_first(&inner, &attribute); good && jsontext_next(&inner, &name, &member);)
			good = member.kind == JSONTEXT_STRING;
	}
	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("member \"attributes\" of a message is not a set of message attributes"),
				 errhint("For example {\"order\": {\"type\": \"String\", \"value\": \"17\"}}.")));
	return ascii_json(utf8(jsontext_raw(value)));
}

/* What identifies a message without an id: its content, as SQS does it. */
static const char *
content_id(const ApplyMessage *message)
{
	char	   *hex = palloc(AWSX_SHA256_HEX_LEN + 1);

	if (!awsx_sha256_hex(message->body, message->body_len, hex))
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("libcrypto could not compute a SHA-256")));
	return hex;
}

static void
fill_message(const Subscription *subscription, const JsonText *object, ApplyMessage *message)
{
	GivenMessage given;

	find_given(object, &given);
	message->body = utf8(given.body.kind == JSONTEXT_STRING ?
						 jsontext_string(&given.body) : jsontext_raw(&given.body));
	message->body_len = strlen(message->body);
	message->message_id = given_id(&given.message_id, "message_id", "");
	message->group_id = given_id(&given.group_id, "group_id", "");
	message->dedup_id = given_id(&given.dedup_id, "dedup_id", "");
	message->sequence_number = given_id(&given.sequence_number, "sequence_number", "");
	message->source = given_source(&given.source);
	message->source_sha256 = given_sha256(&given.source_sha256);
	message->attributes = given_attributes(&given.attributes);

	/* On a standard queue the message id identifies, where there is one. */
	if (message->dedup_id[0] == '\0' && (subscription->fifo || message->message_id[0] == '\0'))
		message->dedup_id = content_id(message);
	if (message->message_id[0] == '\0')
		message->message_id = "ingest";
}

static ApplyMessage *
read_messages(const Subscription *subscription, const char *text, int *count)
{
	JsonText	array;
	JsonText	element;
	JsonTextCursor cursor;
	ApplyMessage *messages;
	int			position = 0;
	int			n = 0;
	ErrorContextCallback callback = {.previous = error_context_stack};

	jsontext_open(text, &array);
	if (array.kind != JSONTEXT_ARRAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("messages must be a JSON array"),
				 errhint("Put even a single message in square brackets: [{\"body\": {\"id\": 1}}].")));
	for (jsontext_first(&cursor, &array); jsontext_next(&cursor, NULL, &element);)
		n++;
	if (n > MAX_MESSAGES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%d messages are too many for one call", n),
				 errhint("Give at most %d at a time.", MAX_MESSAGES)));

	callback.callback = ingest_context;
	callback.arg = &position;
	error_context_stack = &callback;
	messages = palloc0(sizeof(ApplyMessage) * Max(n, 1));
	for (jsontext_first(&cursor, &array); jsontext_next(&cursor, NULL, &element);)
	{
		CHECK_FOR_INTERRUPTS();
		position++;
		fill_message(subscription, &element, &messages[position - 1]);
	}
	error_context_stack = callback.previous;
	*count = n;
	return messages;
}

static void
return_outcomes(ReturnSetInfo *rsinfo, const ApplyMessage *messages, int count)
{
	for (int i = 0; i < count; i++)
	{
		const ApplyMessage *message = &messages[i];
		const char *id = message->dedup_id[0] != '\0' ? message->dedup_id : message->message_id;
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		values[0] = Int32GetDatum(i + 1);
		values[1] = CStringGetTextDatum(id);
		values[2] = CStringGetTextDatum(message->outcome == APPLY_DUPLICATE ? "duplicate" :
										message->outcome == APPLY_QUARANTINED ? "quarantined" : "applied");
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/* Through a short-lived applier, which leaves nothing behind on errors either. */
static void
apply_messages(const Subscription *subscription, ApplyMessage *messages, int count)
{
	Applier    *applier = applier_create(subscription);
	ApplyResult result;

	PG_TRY();
	{
		apply_in_transaction(applier, messages, count, &result);
	}
	PG_FINALLY();
	{
		applier_free(applier);
	}
	PG_END_TRY();
}

/* sqs.ingest(subscription text, messages json): (position, dedup_id, outcome) */
Datum
sqs_ingest(PG_FUNCTION_ARGS)
{
	Subscription *subscription;
	ApplyMessage *messages;
	int			count;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("subscription and messages must not be null"),
				 errhint("Call sqs.ingest('name', '[{\"body\": {\"id\": 1}}]').")));
	subscription = subscription_by_name(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	subscription_check_operator(subscription);
	InitMaterializedSRF(fcinfo, 0);
	messages = read_messages(subscription, text_to_cstring(PG_GETARG_TEXT_PP(1)), &count);
	apply_messages(subscription, messages, count);
	return_outcomes((ReturnSetInfo *) fcinfo->resultinfo, messages, count);
	return (Datum) 0;
}
