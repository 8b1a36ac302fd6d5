/*
 * ledger_key.c
 *	  What a message is known by.
 *
 * Its key: the deduplication id, within its group where the queue says so
 * ("group id" cannot be mistaken for another pair, since SQS allows no space
 * in either), or the message id on a standard queue.  Where the subscription
 * names a dedup_key, its value: a message attribute's, or that of a member of
 * the body ($.a.b), because a redrive gives a message another deduplication
 * id but leaves these alone.
 *
 * The content's hash tells a repetition from another message under the same
 * key: that of the record a message was made from, where it says so, else the
 * body's.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "compat.h"
#include "failure.h"
#include "jsontext.h"
#include "ledger.h"

#undef TEXTDOMAIN
#define TEXTDOMAIN FAILURE_DOMAIN

#define LONGEST_KEY 512			/* longer values stand as their digest: an index has limits */

static bool
is_ascii(const char *text)
{
	while (*text != '\0' && !IS_HIGHBIT_SET(*text))
		text++;
	return *text == '\0';
}

/*
 * Ids and lineage come from outside in UTF-8.  Where they are not text of
 * this database their odd bytes are written as %XX: better than losing a
 * message over a note about its origin.
 */
const char *
ledger_storable(const char *value)
{
	StringInfoData escaped;

	if (is_ascii(value) ||
		(GetDatabaseEncoding() == PG_UTF8 && pg_verify_mbstr(PG_UTF8, value, strlen(value), true)))
		return value;
	initStringInfo(&escaped);
	for (const unsigned char *at = (const unsigned char *) value; *at != '\0'; at++)
	{
		if (*at < 0x80)
			appendStringInfoChar(&escaped, *at);
		else
			appendStringInfo(&escaped, "%%%02X", *at);
	}
	return escaped.data;
}

Datum
ledger_text_datum(const char *value)
{
	return CStringGetTextDatum(ledger_storable(value));
}

Datum
ledger_bytea_datum(const void *bytes, Size len)
{
	bytea	   *result = palloc(VARHDRSZ + len);

	SET_VARSIZE(result, VARHDRSZ + len);
	memcpy(VARDATA(result), bytes, len);
	return PointerGetDatum(result);
}

/* The key where no dedup_key is named. */
static const char *
queue_key(const Ledger *ledger, const ApplyMessage *message)
{
	if (message->dedup_id[0] == '\0')
		return message->message_id;
	if (ledger->scope == DEDUP_SCOPE_GROUP)
		return psprintf("%s %s", message->group_id, message->dedup_id);
	if (ledger->scope == DEDUP_SCOPE_UNKNOWN && ledger->fifo)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("it is not known yet whether the queue deduplicates per message group"),
				 errdetail("The ledger's keys depend on it, and it must not change later."),
				 errhint("Let the consumer run once, which asks the queue, or tell with sqs.alter_subscription(..., dedup_scope => 'queue' or 'messageGroup').")));
	return message->dedup_id;
}

static bool
is_named(const JsonText *key, const char *name)
{
	char	   *unescaped;

	if (!jsontext_escaped(key))
		return jsontext_equals(key, name);
	unescaped = jsontext_name(key);
	return unescaped != NULL && strcmp(unescaped, name) == 0;
}

/* The member of an object by its name, of which len bytes count; the last one of that name. */
static bool
find_member(const JsonText *object, const char *name, Size len, JsonText *member)
{
	char	   *wanted = pnstrdup(name, len);
	JsonTextCursor cursor;
	JsonText	key;
	JsonText	value;
	bool		found = false;

	if (object->kind != JSONTEXT_OBJECT)
		return false;
	jsontext_first(&cursor, object);
	while (jsontext_next(&cursor, &key, &value))
	{
		if (!is_named(&key, wanted))
			continue;
		*member = value;
		found = true;
	}
	return found;
}

/* The body's value at $.a.b, or null when there is none that could identify. */
static const char *
body_key(const char *path, const ApplyMessage *message)
{
	const char *at = path + 1;
	JsonText	value;

	jsontext_check(pg_any_to_server(message->body, message->body_len, PG_UTF8), &value);
	while (*at == '.')
	{
		Size		len = strcspn(at + 1, ".");

		if (!find_member(&value, at + 1, len, &value))
			return NULL;
		at += len + 1;
	}
	if (value.kind == JSONTEXT_STRING)
		return jsontext_string(&value);
	return value.kind == JSONTEXT_NUMBER ? jsontext_raw(&value) : NULL;
}

static const char *
attribute_key(const char *name, const ApplyMessage *message)
{
	JsonText	value;

	if (message->attributes == NULL)
		return NULL;
	jsontext_open(message->attributes, &value);
	if (!find_member(&value, name, strlen(name), &value) ||
		!find_member(&value, "value", strlen("value"), &value) ||
		value.kind != JSONTEXT_STRING)
		return NULL;
	return jsontext_string(&value);
}

static void
raise_missing_key(const char *dedup_key)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 dedup_key[0] == '$' ?
			 errmsg("the body has no string or number at the subscription's dedup_key %s", dedup_key) :
			 errmsg("the message has no attribute \"%s\", which is the subscription's dedup_key",
					dedup_key),
			 errhint("Have it sent with every message, or name another dedup_key.")));
}

/* As configured; raises when the message has none. */
static const char *
configured_key(const Ledger *ledger, const ApplyMessage *message)
{
	const char *dedup_key = ledger->dedup_key;
	const char *key;

	if (dedup_key == NULL)
		return queue_key(ledger, message);
	key = dedup_key[0] == '$' ? body_key(dedup_key, message) : attribute_key(dedup_key, message);
	if (key == NULL || key[0] == '\0')
		raise_missing_key(dedup_key);
	return key;
}

static void
digest(const void *bytes, Size len, unsigned char hash[AWSX_SHA256_LEN])
{
	if (!awsx_sha256(bytes, len, hash))
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("libcrypto could not compute a SHA-256")));
}

static void
hash_content(ApplyMessage *message)
{
	if (message->source_sha256[0] == '\0')
		digest(message->body, message->body_len, message->hash);
	else if (strlen(message->source_sha256) != AWSX_SHA256_HEX_LEN ||
			 hex_decode(message->source_sha256, AWSX_SHA256_HEX_LEN, (char *) message->hash) != AWSX_SHA256_LEN)
		elog(ERROR, "not a SHA-256 in hex");
}

/* The form in which a key is stored. */
static char *
stored_key(const char *key, MemoryContext context)
{
	unsigned char hash[AWSX_SHA256_LEN];
	char		text[7 + AWSX_SHA256_HEX_LEN + 1] = "sha256:";
	const char *storable = ledger_storable(key);

	if (strlen(storable) <= LONGEST_KEY)
		return MemoryContextStrdup(context, storable);
	digest(key, strlen(key), hash);
	text[7 + hex_encode((char *) hash, sizeof(hash), text + 7)] = '\0';
	return MemoryContextStrdup(context, text);
}

void
ledger_identify(const Ledger *ledger, ApplyMessage *message, MemoryContext context)
{
	if (message->key != NULL)
		return;
	hash_content(message);
	message->key = stored_key(configured_key(ledger, message), context);
}

void
ledger_identify_anyway(const Ledger *ledger, ApplyMessage *message, MemoryContext context)
{
	if (message->key != NULL)
		return;
	hash_content(message);
	message->key = stored_key(queue_key(ledger, message), context);
}
