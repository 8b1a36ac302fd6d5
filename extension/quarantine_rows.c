/*
 * quarantine_rows.c
 *	  Rows of sqs.quarantined as messages again.
 *
 * What is chosen is read as ids first and as whole rows one by one after,
 * since bodies may be large and many.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "quarantine_rows.h"
#include "statement.h"

#define CHOICE " q.subscription = $1 AND q.state = 'waiting'" \
	" AND ($2 IS NULL OR q.id = ANY ($2)) AND ($3 IS NULL OR q.route = $3::name)" \
	" AND ($4 IS NULL OR q.group_id = $4) AND ($5 IS NULL OR q.error_sqlstate = $5)" \
	" AND ($6 IS NULL OR q.quarantined_at < now() - $6)"

/* As SQS numbers them; numbers of other lengths only come from sqs.ingest. */
#define SENT_ORDER " length(q.sequence_number), q.sequence_number, q.id"

static const char choose_sql[] = "SELECT q.id FROM sqs.quarantined q WHERE" CHOICE
	" ORDER BY" SENT_ORDER;
static const char discard_sql[] = "UPDATE sqs.quarantined AS q SET state = 'discarded', body = NULL,"
	" attributes = '{}', note = $7, settled_by = $8, settled_at = now() WHERE" CHOICE;

/*
 * The ledger does not guard a single route, so the row itself must: of two who
 * want it the second one waits and finds it settled.  Whole messages are not
 * locked before the ledger has their key, which is a consumer's order.
 */
static Statement lock_row = {"SELECT FROM sqs.quarantined WHERE id = $1 AND state = 'waiting' AND route <> ''"
	" FOR UPDATE",
SPI_OK_SELECT, 1, {INT8OID}};

static Statement read_row = {"SELECT q.route, q.message_id, q.group_id, q.dedup_id, q.sequence_number,"
	" q.attributes::text, q.source, encode(q.content_hash, 'hex'), q.sent_at, q.receive_count, q.body,"
	" q.route = '' AND EXISTS (SELECT FROM sqs.held_group h"
	"  WHERE h.subscription = q.subscription AND h.group_id = q.group_id)"
	" AND EXISTS (SELECT FROM sqs.quarantined e WHERE e.subscription = q.subscription"
	"  AND e.group_id = q.group_id AND e.state = 'waiting' AND e.route = ''"
	"  AND (length(e.sequence_number), e.sequence_number, e.id)"
	"   < (length(q.sequence_number), q.sequence_number, q.id))"
	" FROM sqs.quarantined q WHERE q.id = $1 AND q.state = 'waiting'",
SPI_OK_SELECT, 1, {INT8OID}};

static Statement settle_row = {"UPDATE sqs.quarantined SET state = $2, settled_by = $3, settled_at = now()"
	" WHERE id = $1 AND state = 'waiting'",
SPI_OK_UPDATE, 3, {INT8OID, TEXTOID, TEXTOID}};

static Statement strike_row = {"UPDATE sqs.quarantined SET strikes = strikes + 1, error_sqlstate = $2, error = $3"
	" WHERE id = $1 AND state = 'waiting'",
SPI_OK_UPDATE, 3, {INT8OID, TEXTOID, TEXTOID}};

static Oid	choice_types[] = {INT4OID, INT8ARRAYOID, TEXTOID, TEXTOID, TEXTOID, INTERVALOID, TEXTOID, TEXTOID};

void
quarantine_choose(FunctionCallInfo fcinfo, int first, int32 subscription, QuarantineChoice *choice)
{
	memset(choice, 0, sizeof(*choice));
	strcpy(choice->nulls, "      ");
	choice->values[0] = Int32GetDatum(subscription);
	for (int i = 0; i < 5; i++)
	{
		if (PG_ARGISNULL(first + i))
			choice->nulls[i + 1] = 'n';
		else
		{
			choice->values[i + 1] = PG_GETARG_DATUM(first + i);
			choice->conditions++;
		}
	}
}

int64 *
quarantine_chosen(QuarantineChoice *choice, MemoryContext context, int *count)
{
	int64	   *ids;

	if (SPI_execute_with_args(choose_sql, 6, choice_types, choice->values,
							  choice->nulls, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read sqs.quarantined");
	ids = MemoryContextAlloc(context, mul_size(sizeof(int64), Max(SPI_processed, 1)));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;

		ids[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1,
											 &isnull));
	}
	*count = (int) SPI_processed;
	SPI_freetuptable(SPI_tuptable);
	return ids;
}

int64
quarantine_discard(QuarantineChoice *choice, const char *reason, const char *by)
{
	Datum		values[8];
	char		nulls[9];

	memcpy(values, choice->values, sizeof(choice->values));
	values[6] = CStringGetTextDatum(reason);
	values[7] = CStringGetTextDatum(by);
	snprintf(nulls, sizeof(nulls), "%s  ", choice->nulls);
	if (SPI_execute_with_args(discard_sql, 8, choice_types, values, nulls, false, 0) !=
		SPI_OK_UPDATE)
		elog(ERROR, "could not change sqs.quarantined");
	return (int64) SPI_processed;
}

/* A column that is not null, as the UTF-8 text that a message has. */
static char *
row_text(int column, MemoryContext context)
{
	char	   *value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);

	return MemoryContextStrdup(context, pg_server_to_any(value, strlen(value), PG_UTF8));
}

static void
read_body(ApplyMessage *message, MemoryContext context)
{
	bool		isnull;
	bytea	   *body = DatumGetByteaPP(statement_value(11, &isnull));
	char	   *copy;

	message->body_len = isnull ? 0 : VARSIZE_ANY_EXHDR(body);
	copy = MemoryContextAllocZero(context, message->body_len + 1);
	if (!isnull)
		memcpy(copy, VARDATA_ANY(body), message->body_len);
	message->body = copy;
}

bool
quarantine_read(int64 id, QuarantineRow *row, MemoryContext context)
{
	TimestampTz epoch = (TimestampTz) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
	Datum		arguments[] = {Int64GetDatum(id)};
	ApplyMessage *message = &row->message;
	Datum		value;
	bool		isnull;

	memset(row, 0, sizeof(*row));
	statement_execute(&lock_row, arguments, NULL);
	statement_execute(&read_row, arguments, NULL);
	if (SPI_processed == 0)
		return false;
	row->route = row_text(1, context);
	message->message_id = row_text(2, context);
	message->group_id = row_text(3, context);
	message->dedup_id = row_text(4, context);
	message->sequence_number = row_text(5, context);
	message->attributes = row_text(6, context);
	message->source = row_text(7, context);
	message->source_sha256 = row_text(8, context);
	value = statement_value(9, &isnull);
	message->sent_ms = isnull ? 0 : (DatumGetTimestampTz(value) + epoch) / 1000;
	value = statement_value(10, &isnull);
	message->receive_count = isnull ? 0 : DatumGetInt32(value);
	read_body(message, context);
	row->behind = DatumGetBool(statement_value(12, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return true;
}

void
quarantine_settle(int64 id, const char *state, const char *by)
{
	Datum		arguments[] = {
		Int64GetDatum(id), CStringGetTextDatum(state), CStringGetTextDatum(by)
	};

	statement_execute(&settle_row, arguments, NULL);
}

void
quarantine_strike(int64 id, const Failure *failure)
{
	Datum		arguments[] = {
		Int64GetDatum(id), CStringGetTextDatum(unpack_sql_state(failure->sqlerrcode)),
		CStringGetTextDatum(failure->error)
	};

	statement_execute(&strike_row, arguments, NULL);
}
