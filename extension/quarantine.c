/*
 * quarantine.c
 *	  Writing into the quarantine, holding groups, stopping routes.
 *
 * A row keeps the message as it was, byte for byte: the body is a bytea, since
 * what PostgreSQL refuses is often just that, no text or no JSON.  While it
 * waits there is one row for a content under its key; how often it failed is
 * counted there and not in the queue, whose receive count also rises for other
 * reasons.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "ledger.h"
#include "quarantine.h"
#include "statement.h"

static Statement put_message = {"INSERT INTO sqs.quarantined AS q (subscription, route, dedup_key,"
	" content_hash, message_id, group_id, dedup_id, sequence_number, sent_at, receive_count,"
	" attributes, source, body, body_bytes, reason, error_sqlstate, error, strikes)"
	" VALUES ($1, $2::text::name, $3, $4, $5, $6, $7, $8, $9, $10,"
	" $11::text::json, $12, $13, $14, $15, $16, $17, $18)"
	" ON CONFLICT (subscription, dedup_key, content_hash, route) WHERE state = 'waiting' DO UPDATE"
	" SET strikes = q.strikes + EXCLUDED.strikes, reason = EXCLUDED.reason,"
	" error_sqlstate = EXCLUDED.error_sqlstate, error = EXCLUDED.error,"
	" receive_count = coalesce(EXCLUDED.receive_count, q.receive_count)"
	" WHERE EXCLUDED.strikes > 0",
	SPI_OK_INSERT, 18, {INT4OID, TEXTOID, TEXTOID, BYTEAOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
		TIMESTAMPTZOID, INT4OID, TEXTOID, TEXTOID, BYTEAOID, INT4OID, TEXTOID, TEXTOID, TEXTOID, INT4OID
}};

static Statement hold_group = {"INSERT INTO sqs.held_group (subscription, group_id)"
	" VALUES ($1, $2) ON CONFLICT DO NOTHING",
SPI_OK_INSERT, 2, {INT4OID, TEXTOID}};

static Statement find_held = {"SELECT group_id FROM sqs.held_group"
	" WHERE subscription = $1 AND group_id = ANY ($2)",
SPI_OK_SELECT, 2, {INT4OID, TEXTARRAYOID}};

static Statement find_waiting = {"SELECT dedup_key, message_id, content_hash FROM sqs.quarantined"
	" WHERE subscription = $1 AND state = 'waiting' AND route = '' AND dedup_key = ANY ($2)",
SPI_OK_SELECT, 2, {INT4OID, TEXTARRAYOID}};

static Statement stop_route = {"UPDATE sqs.route SET stopped_since = now(),"
	" stopped_sqlstate = $3, stopped_reason = $4"
	" WHERE subscription = $1 AND name = $2 AND stopped_since IS NULL",
SPI_OK_UPDATE, 4, {INT4OID, TEXTOID, TEXTOID, TEXTOID}};

static Statement stopped_routes = {"SELECT name FROM sqs.route"
	" WHERE subscription = $1 AND stopped_since IS NOT NULL ORDER BY name",
SPI_OK_SELECT, 1, {INT4OID}};

static const char *
reason_name(ApplyReason reason)
{
	switch (reason)
	{
		case APPLY_REASON_DATA:
			return "data";
		case APPLY_REASON_CONFLICT:
			return "dedup_conflict";
		case APPLY_REASON_PARKED:
			return "parked";
		case APPLY_REASON_ROUTE_STOPPED:
			return "route_stopped";
	}
	return "data";
}

/* Does it count as a try that failed? */
static bool
is_strike(ApplyReason reason)
{
	return reason == APPLY_REASON_DATA || reason == APPLY_REASON_CONFLICT;
}

static Datum
sent_at(const ApplyMessage *message)
{
	TimestampTz epoch = (TimestampTz) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

	return TimestampTzGetDatum(message->sent_ms * 1000 - epoch);
}

void
quarantine_put(int32 subscription, const QuarantineEntry *entry)
{
	const ApplyMessage *message = entry->message;
	const char *attributes = message->attributes != NULL ? message->attributes : "{}";
	char		nulls[] = "                  ";
	Datum		arguments[] = {
		Int32GetDatum(subscription),
		CStringGetTextDatum(entry->route),
		CStringGetTextDatum(message->key),
		ledger_bytea_datum(message->hash, AWSX_SHA256_LEN),
		ledger_text_datum(message->message_id),
		ledger_text_datum(message->group_id),
		ledger_text_datum(message->dedup_id),
		ledger_text_datum(message->sequence_number),
		sent_at(message),
		Int32GetDatum(message->receive_count),
		ledger_text_datum(attributes[0] != '\0' ? attributes : "{}"),
		ledger_text_datum(message->source),
		ledger_bytea_datum(message->body, message->body_len),
		Int32GetDatum((int32) message->body_len),
		CStringGetTextDatum(reason_name(entry->reason)),
		CStringGetTextDatum(unpack_sql_state(entry->sqlerrcode)),
		CStringGetTextDatum(entry->error),
		Int32GetDatum(is_strike(entry->reason) ? 1 : 0),
	};

	if (message->sent_ms == 0)
		nulls[8] = 'n';
	if (message->receive_count == 0)
		nulls[9] = 'n';
	if (entry->sqlerrcode == 0)
		nulls[15] = 'n';
	if (entry->error[0] == '\0')
		nulls[16] = 'n';
	statement_execute(&put_message, arguments, nulls);
}

void
quarantine_hold_group(int32 subscription, const char *group_id)
{
	Datum		arguments[] = {Int32GetDatum(subscription), ledger_text_datum(group_id)};

	statement_execute(&hold_group, arguments, NULL);
}

static Datum
groups_datum(ApplyMessage **messages, int count)
{
	Datum	   *groups = palloc(sizeof(Datum) * count);

	for (int i = 0; i < count; i++)
		groups[i] = ledger_text_datum(messages[i]->group_id);
	return PointerGetDatum(construct_array(groups, count, TEXTOID, -1, false, TYPALIGN_INT));
}

int
quarantine_find_held(int32 subscription, ApplyMessage **messages, int count, bool *held)
{
	Datum		arguments[] = {Int32GetDatum(subscription), groups_datum(messages, count)};
	int			found = 0;

	statement_execute(&find_held, arguments, NULL);
	memset(held, 0, sizeof(bool) * count);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		char	   *group = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1);

		for (int i = 0; i < count; i++)
		{
			if (held[i] || strcmp(group, ledger_storable(messages[i]->group_id)) != 0)
				continue;
			held[i] = true;
			found++;
		}
	}
	return found;
}

static Datum
keys_datum(ApplyMessage **messages, int count)
{
	Datum	   *keys = palloc(sizeof(Datum) * count);

	for (int i = 0; i < count; i++)
		keys[i] = CStringGetTextDatum(messages[i]->key);
	return PointerGetDatum(construct_array(keys, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Is this the message of the row of find_waiting? */
static bool
is_of_row(const ApplyMessage *message, const char *key, const char *message_id, bytea *hash)
{
	return strcmp(key, message->key) == 0 &&
		strcmp(message_id, ledger_storable(message->message_id)) == 0 &&
		VARSIZE_ANY_EXHDR(hash) == sizeof(message->hash) &&
		memcmp(VARDATA_ANY(hash), message->hash, sizeof(message->hash)) == 0;
}

int
quarantine_find_waiting(int32 subscription, ApplyMessage **messages, int count, bool *waiting)
{
	Datum		arguments[] = {Int32GetDatum(subscription), keys_datum(messages, count)};
	int			found = 0;

	statement_execute(&find_waiting, arguments, NULL);
	memset(waiting, 0, sizeof(bool) * count);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[row];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		char	   *key = SPI_getvalue(tuple, desc, 1);
		char	   *message_id = SPI_getvalue(tuple, desc, 2);
		bool		isnull;
		bytea	   *hash = DatumGetByteaPP(SPI_getbinval(tuple, desc, 3, &isnull));

		for (int i = 0; i < count; i++)
		{
			if (waiting[i] || !is_of_row(messages[i], key, message_id, hash))
				continue;
			waiting[i] = true;
			found++;
		}
	}
	return found;
}

void
quarantine_stop_route(int32 subscription, const char *route, int sqlerrcode, const char *error)
{
	Datum		arguments[] = {
		Int32GetDatum(subscription),
		CStringGetTextDatum(route),
		CStringGetTextDatum(unpack_sql_state(sqlerrcode)),
		CStringGetTextDatum(error),
	};

	statement_execute(&stop_route, arguments, NULL);
}

List *
quarantine_stopped_routes(int32 subscription)
{
	Datum		arguments[] = {Int32GetDatum(subscription)};
	List	   *names = NIL;

	statement_execute(&stopped_routes, arguments, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
		names = lappend(names, SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1));
	return names;
}
