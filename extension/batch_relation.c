/*
 * batch_relation.c
 *	  The relation "batch": messages as a statement sees them.
 *
 * An ephemeral named relation, as the transition tables of triggers are: a
 * tuplestore that a statement finds by its name while it runs.  Nothing is
 * written for it, and functions and triggers that the statement calls do not
 * see it.
 *
 * A body is given twice: as jsonb, since that is what statements take apart,
 * and as the text that it was.  Whatever jsonb cannot hold is the error of
 * its message, found here, before the statement runs.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "batch_relation.h"
#include "failure.h"
#include "record.h"

#undef TEXTDOMAIN
#define TEXTDOMAIN FAILURE_DOMAIN

typedef enum BatchColumn
{
	BATCH_MESSAGE_ID,
	BATCH_GROUP_ID,
	BATCH_DEDUP_ID,
	BATCH_SEQUENCE_NUMBER,
	BATCH_SENT_AT,
	BATCH_RECEIVE_COUNT,
	BATCH_ATTRIBUTES,
	BATCH_BODY,
	BATCH_BODY_TEXT,
	BATCH_COLUMNS
} BatchColumn;

static const struct
{
	const char *name;
	Oid			type;
}			batch_columns[BATCH_COLUMNS] = {
	{"message_id", TEXTOID},
	{"group_id", TEXTOID},
	{"dedup_id", TEXTOID},
	{"sequence_number", NUMERICOID},
	{"sent_at", TIMESTAMPTZOID},
	{"receive_count", INT4OID},
	{"attributes", JSONBOID},
	{"body", JSONBOID},
	{"body_text", TEXTOID},
};

TupleDesc
batch_relation_desc(void)
{
	static TupleDesc desc = NULL;

	if (desc == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
		TupleDesc	made = CreateTemplateTupleDesc(BATCH_COLUMNS);

		for (int i = 0; i < BATCH_COLUMNS; i++)
			TupleDescInitEntry(made, i + 1, batch_columns[i].name, batch_columns[i].type, -1, 0);
		MemoryContextSwitchTo(old);
		desc = made;
	}
	return desc;
}

/* A text, or null where the queue gives none. */
static Datum
id_datum(const char *id, bool *isnull)
{
	*isnull = id[0] == '\0';
	return *isnull ? (Datum) 0 : CStringGetTextDatum(id);
}

static Datum
sequence_datum(const char *number, bool *isnull)
{
	*isnull = number[0] == '\0';
	if (*isnull)
		return (Datum) 0;
	if (number[strspn(number, "0123456789")] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("the message's sequence number is not a number"),
				 errhint("SQS gives numbers; leave it out where there is none.")));
	return DirectFunctionCall3(numeric_in, CStringGetDatum(number),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

static Datum
sent_datum(int64 sent_ms, bool *isnull)
{
	*isnull = sent_ms <= 0;
	return *isnull ? (Datum) 0 :
		TimestampTzGetDatum((sent_ms -
							 (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (int64) SECS_PER_DAY * 1000) * 1000);
}

static void
fill_row(const ApplyMessage *message, Datum *values, bool *nulls, const char **column)
{
	const char *attributes = message->attributes;
	char	   *body;

	memset(nulls, 0, sizeof(bool) * BATCH_COLUMNS);
	values[BATCH_MESSAGE_ID] = id_datum(message->message_id, &nulls[BATCH_MESSAGE_ID]);
	values[BATCH_GROUP_ID] = id_datum(message->group_id, &nulls[BATCH_GROUP_ID]);
	values[BATCH_DEDUP_ID] = id_datum(message->dedup_id, &nulls[BATCH_DEDUP_ID]);
	values[BATCH_SEQUENCE_NUMBER] = sequence_datum(message->sequence_number,
												   &nulls[BATCH_SEQUENCE_NUMBER]);
	values[BATCH_SENT_AT] = sent_datum(message->sent_ms, &nulls[BATCH_SENT_AT]);
	values[BATCH_RECEIVE_COUNT] = Int32GetDatum(message->receive_count);
	nulls[BATCH_RECEIVE_COUNT] = message->receive_count <= 0;

	*column = "attributes";
	if (attributes == NULL || attributes[0] == '\0')
		attributes = "{}";
	values[BATCH_ATTRIBUTES] = DirectFunctionCall1(jsonb_in, CStringGetDatum(attributes));
	*column = record_whole_body;
	body = record_server_text(message->body, message->body_len);
	values[BATCH_BODY] = DirectFunctionCall1(jsonb_in, CStringGetDatum(body));
	values[BATCH_BODY_TEXT] = CStringGetTextDatum(body);
	*column = NULL;
}

Tuplestorestate *
batch_relation_fill(ApplyMessage **messages, int count, RouteProgress *progress)
{
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
	MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "pg_sqs row",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(row);
	Datum		values[BATCH_COLUMNS];
	bool		nulls[BATCH_COLUMNS];

	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		progress->position = i;
		fill_row(messages[i], values, nulls, &progress->column);
		tuplestore_putvalues(store, batch_relation_desc(), values, nulls);
		MemoryContextReset(row);
	}
	progress->position = -1;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(row);
	return store;
}

void
batch_relation_register(TupleDesc desc, Tuplestorestate *store, double rows)
{
	EphemeralNamedRelation batch = palloc0(sizeof(EphemeralNamedRelationData));

	batch->md.name = pstrdup(BATCH_RELATION);
	batch->md.reliddesc = InvalidOid;
	batch->md.tupdesc = desc;
	batch->md.enrtype = ENR_NAMED_TUPLESTORE;
	batch->md.enrtuples = rows;
	batch->reldata = store;
	if (SPI_register_relation(batch) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register the batch");
}

void
batch_relation_register_empty(TupleDesc desc)
{
	batch_relation_register(desc, tuplestore_begin_heap(false, false, work_mem),
							BATCH_PLANNED_ROWS);
}
