/*
 * receipt.c
 *	  What s3_to_sqs says it has sent, held against ledger and quarantine.
 *
 * A receipt lists, for a range of an object's records, the deduplication and
 * group id of each message, so a message is looked up by the ledger's key.
 * Where the subscription takes its keys from somewhere else (dedup_key, a
 * standard queue) the receipt does not have them; then the source is
 * compared, for which the ledger is read from end to end once a call.
 *
 * An object of many records has several receipts, called parts; the last one
 * says so.  Which parts were seen is remembered until all of an object were,
 * and that they were to the end, since a part may be given twice.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "nodes/bitmapset.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

#include "digest.h"
#include "receipt.h"
#include "session.h"

#define RECEIPT_MAX_PARTS 100000

/* An object whose receipt has several parts. */
typedef struct ReceiptParts
{
	char		key[AWSX_SHA256_HEX_LEN + 1];	/* SHA-256 of the source */
	char	   *bucket;
	char	   *object_key;
	char	   *version_id;
	Bitmapset  *seen;
	int			last;			/* number of the last part; 0 = not known yet */
	bool		complete;		/* all were seen; the rest is void */
} ReceiptParts;

/* The first of $1 that is no receipt, and why. */
static const char *const receipt_check_sql =
"SELECT n, problem FROM unnest($1) WITH ORDINALITY r(d, n), LATERAL (SELECT CASE"
"  WHEN jsonb_typeof(d) OPERATOR(pg_catalog.<>) 'object' THEN 'is no JSON object'"
"  WHEN d->>'version' IS DISTINCT FROM '1' THEN 'is of a version that is not known'"
"  WHEN jsonb_typeof(d->'bucket') IS DISTINCT FROM 'string' THEN 'has no bucket'"
"  WHEN jsonb_typeof(d->'key') IS DISTINCT FROM 'string' THEN 'has no key'"
"  WHEN jsonb_typeof(d->'source') IS DISTINCT FROM 'string' THEN 'has no source'"
"  WHEN coalesce(d->>'event_time', '') !~ '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d([.]\\d+)?Z$'"
"    THEN 'has no event_time'"
"  WHEN coalesce(d->>'part', '') !~ '^[1-9]\\d{0,4}$' THEN 'has no part'"
"  WHEN jsonb_typeof(d->'last') IS DISTINCT FROM 'boolean' THEN 'does not say whether it is the last part'"
"  WHEN coalesce(d->>'first_record', '') !~ '^[1-9]\\d{0,14}$' THEN 'has no first_record'"
"  WHEN jsonb_typeof(d->'outputs') IS DISTINCT FROM 'object' THEN 'has no outputs'"
"  WHEN EXISTS (SELECT FROM jsonb_each(d->'outputs') o"
"    WHERE jsonb_typeof(o.value->'messages') IS DISTINCT FROM 'array'"
"      OR jsonb_typeof(o.value->'queue_url') IS DISTINCT FROM 'string')"
"    THEN 'has an output without messages or queue_url'"
"  WHEN EXISTS (SELECT FROM jsonb_each(d->'outputs') o, jsonb_array_elements(o.value->'messages') m"
"    WHERE jsonb_typeof(m) OPERATOR(pg_catalog.<>) 'null' AND (jsonb_typeof(m) OPERATOR(pg_catalog.<>) 'array'"
"      OR jsonb_typeof(m->0) IS DISTINCT FROM 'string' OR jsonb_typeof(m->1) IS DISTINCT FROM 'string'))"
"    THEN 'has a message that is not null or [\"dedup id\", \"group id\"]'"
"  WHEN jsonb_typeof(d->'rejected') IS DISTINCT FROM 'array' OR EXISTS ("
"    SELECT FROM jsonb_array_elements(d->'rejected') j"
"    WHERE coalesce(j->>'record', '') !~ '^[1-9]\\d{0,14}$')"
"    THEN 'has no list of rejected records'"
"  END) p(problem) WHERE problem IS NOT NULL ORDER BY n LIMIT 1";

/*
 * $1 the subscription, $2 receipts, $3 is the group part of the key, $4 the
 * queue's path, $5 and $6 the span, $7 compare sources instead of keys.
 *
 * No row carries its receipt along: a receipt is large, and there are as
 * many rows as messages.
 */
static const char *const receipt_compare_sql =
"WITH d AS (SELECT d, n AS document FROM unnest($2) WITH ORDINALITY r(d, n)"
"    WHERE ($5 IS NULL OR (d->>'event_time')::timestamptz OPERATOR(pg_catalog.>=) $5)"
"      AND ($6 IS NULL OR (d->>'event_time')::timestamptz OPERATOR(pg_catalog.<) $6)),"
" h AS MATERIALIZED (SELECT d.document, d.d->>'bucket' AS bucket, d.d->>'key' AS key,"
"    nullif(d.d->>'version_id', '') AS version_id FROM d),"
" o AS (SELECT d.document, d.d->>'source' AS source, (d.d->>'first_record')::bigint AS first,"
"    o.key AS output, o.value->'messages' AS messages"
"    FROM d, jsonb_each(d.d->'outputs') o"
"    WHERE regexp_replace(o.value->>'queue_url', '^[a-z]+://[^/]+', '') OPERATOR(pg_catalog.=) $4),"
" m AS (SELECT o.document, o.output, o.first + e.n - 1 AS record,"
"    e.m->>i AS dedup_id, e.m->>(i + 1) AS group_id,"
"    CASE WHEN $7 THEN concat(o.source, '#', o.first + e.n - 1)"
"      WHEN $3 THEN concat(e.m->>(i + 1), ' ', e.m->>i) ELSE e.m->>i END AS k"
"    FROM o, jsonb_array_elements(o.messages) WITH ORDINALITY e(m, n),"
"    generate_series(0, CASE jsonb_typeof(e.m) WHEN 'array' THEN jsonb_array_length(e.m) - 2 ELSE -1 END, 2) i),"
" q AS MATERIALIZED (SELECT DISTINCT ON (CASE WHEN $7 THEN q.source ELSE q.dedup_key END)"
"    CASE WHEN $7 THEN q.source ELSE q.dedup_key END AS k, q.id, q.route, q.state, q.reason,"
"    q.error_sqlstate, q.note FROM sqs.quarantined q WHERE q.subscription OPERATOR(pg_catalog.=) $1"
"    ORDER BY CASE WHEN $7 THEN q.source ELSE q.dedup_key END,"
"      q.state OPERATOR(pg_catalog.=) 'waiting' DESC, q.id DESC),"
" found AS (SELECT m.document, m.record, m.output, m.dedup_id, m.group_id,"
"    CASE q.state WHEN 'waiting' THEN 'quarantined' WHEN 'discarded' THEN 'discarded' ELSE 'missing' END AS place,"
"    CASE q.state WHEN 'waiting' THEN concat_ws(' ', 'id ' || q.id, 'route ' || nullif(q.route, ''), q.reason,"
"        q.error_sqlstate) WHEN 'discarded' THEN concat_ws(': ', 'id ' || q.id, q.note) END AS details"
"  FROM m LEFT JOIN sqs.ledger l ON l.subscription OPERATOR(pg_catalog.=) $1"
"    AND CASE WHEN $7 THEN l.source OPERATOR(pg_catalog.=) m.k ELSE l.dedup_key OPERATOR(pg_catalog.=) m.k END"
"  LEFT JOIN q ON q.k OPERATOR(pg_catalog.=) m.k"
"  WHERE l.dedup_key IS NULL OR q.state OPERATOR(pg_catalog.=) 'waiting'"
" UNION ALL"
"  SELECT d.document, (j->>'record')::bigint, j->>'output', NULL, NULL, 'rejected', left(j->>'reason', 500)"
"  FROM d, jsonb_array_elements(d.d->'rejected') j WHERE EXISTS (SELECT FROM o"
"    WHERE o.document OPERATOR(pg_catalog.=) d.document"
"      AND (j->>'output' IS NULL OR o.output OPERATOR(pg_catalog.=) (j->>'output'))))"
" SELECT h.bucket, h.key, h.version_id, f.record, f.output, f.dedup_id, f.group_id, f.place, f.details"
" FROM found f JOIN h ON h.document OPERATOR(pg_catalog.=) f.document"
" ORDER BY f.document, f.record, f.output";

/* Which parts there are, of receipts within the span $2, $3. */
static const char *const receipt_parts_sql =
"SELECT d->>'source', d->>'bucket', d->>'key', coalesce(d->>'version_id', ''), (d->>'part')::integer,"
"  (d->>'last')::boolean FROM unnest($1) d"
" WHERE NOT ((d->>'part')::integer OPERATOR(pg_catalog.=) 1 AND (d->>'last')::boolean)"
"  AND ($2 IS NULL OR (d->>'event_time')::timestamptz OPERATOR(pg_catalog.>=) $2)"
"  AND ($3 IS NULL OR (d->>'event_time')::timestamptz OPERATOR(pg_catalog.<) $3)";

void
receipt_begin(Reconcile *reconcile)
{
	HASHCTL		control = {.keysize = AWSX_SHA256_HEX_LEN + 1,.entrysize = sizeof(ReceiptParts),
		.hcxt = CurrentMemoryContext
	};

	reconcile->memory = CurrentMemoryContext;
	reconcile->incomplete = hash_create("sqs.reconcile", 64, &control,
										HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	if (reconcile->subscription->fifo && reconcile->subscription->dedup_key == NULL &&
		reconcile->subscription->dedup_scope == DEDUP_SCOPE_UNKNOWN)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("it is not known yet whether the queue deduplicates per message group"),
				 errhint("Let the subscription run, or set dedup_scope with sqs.alter_subscription.")));
}

static void
receipt_execute(const char *sql, int count, Oid *types, Datum *values, const char *nulls)
{
	if (SPI_execute_with_args(sql, count, types, values, nulls, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read receipts");
}

/* A column of the rows that SPI has read, as text; null when null. */
static char *
receipt_value(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

static void
receipt_check(Datum receipts)
{
	Oid			type = JSONBARRAYOID;

	receipt_execute(receipt_check_sql, 1, &type, &receipts, NULL);
	if (SPI_processed == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("receipt %s %s", receipt_value(0, 1), receipt_value(0, 2)),
			 errhint("Give receipts as s3_to_sqs writes them, version 1.")));
}

/* "/account/name" of a URL that was checked when it was set. */
static const char *
receipt_queue_path(const char *queue_url)
{
	const char *host = strstr(queue_url, "://");
	const char *path = host != NULL ? strchr(host + strlen("://"), '/') : NULL;

	return path != NULL ? path : "";
}

static void
receipt_put_differences(Reconcile *reconcile, Datum receipts)
{
	const Subscription *subscription = reconcile->subscription;
	bool		sources = subscription->dedup_key != NULL || !subscription->fifo;
	Oid			types[] = {INT4OID, JSONBARRAYOID, BOOLOID, TEXTOID, TIMESTAMPTZOID,
		TIMESTAMPTZOID, BOOLOID
	};
	Datum		values[] = {Int32GetDatum(subscription->id), receipts,
		BoolGetDatum(subscription->dedup_scope == DEDUP_SCOPE_GROUP),
		CStringGetTextDatum(receipt_queue_path(subscription->queue_url)),
		reconcile->from, reconcile->to, BoolGetDatum(sources)
	};
	char		nulls[] = {' ', ' ', ' ', ' ', reconcile->from_null ? 'n' : ' ',
		reconcile->to_null ? 'n' : ' ', ' '
	};

	receipt_execute(receipt_compare_sql, lengthof(types), types, values, nulls);
	if (SPI_tuptable->tupdesc->natts != reconcile->result->setDesc->natts)
		elog(ERROR, "sqs.reconcile does not return what this library returns");
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(reconcile->result->setResult, SPI_tuptable->vals[i]);
}

/* The object's entry, made when it is new. */
static ReceiptParts *
receipt_entry(Reconcile *reconcile, uint64 row)
{
	const char *source = receipt_value(row, 1);
	char		key[AWSX_SHA256_HEX_LEN + 1];
	ReceiptParts *parts;
	bool		found;

	if (!awsx_sha256_hex(source, strlen(source), key))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute SHA-256")));
	parts = hash_search(reconcile->incomplete, key, HASH_ENTER, &found);
	if (!found)
	{
		MemoryContext old = MemoryContextSwitchTo(reconcile->memory);

		parts->bucket = receipt_value(row, 2);
		parts->object_key = receipt_value(row, 3);
		parts->version_id = receipt_value(row, 4);
		parts->seen = NULL;
		parts->last = 0;
		parts->complete = false;
		MemoryContextSwitchTo(old);
	}
	return parts;
}

static void
receipt_note_parts(Reconcile *reconcile, Datum receipts)
{
	Oid			types[] = {JSONBARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[] = {receipts, reconcile->from, reconcile->to};
	char		nulls[] = {' ', reconcile->from_null ? 'n' : ' ', reconcile->to_null ? 'n' : ' '};

	receipt_execute(receipt_parts_sql, lengthof(types), types, values, nulls);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		ReceiptParts *parts = receipt_entry(reconcile, i);
		int			part = pg_strtoint32(receipt_value(i, 5));
		MemoryContext old;

		if (parts->complete)
			continue;
		old = MemoryContextSwitchTo(reconcile->memory);
		parts->seen = bms_add_member(parts->seen, part);
		MemoryContextSwitchTo(old);
		if (receipt_value(i, 6)[0] == 't')
			parts->last = part;
		if (parts->last == 0 || bms_num_members(parts->seen) < parts->last)
			continue;
		parts->complete = true;
		bms_free(parts->seen);
		pfree(parts->bucket);
		pfree(parts->object_key);
		pfree(parts->version_id);
	}
}

void
receipt_compare(Reconcile *reconcile, Datum receipts)
{
	SessionBracket bracket;

	session_enter_bookkeeping(&bracket);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	receipt_check(receipts);
	receipt_put_differences(reconcile, receipts);
	receipt_note_parts(reconcile, receipts);
	SPI_finish();
	session_leave_bookkeeping(&bracket);
}

/* The first part that was not seen. */
static int
receipt_first_missing(const ReceiptParts *parts)
{
	int			part = 1;

	while (part <= RECEIPT_MAX_PARTS && bms_is_member(part, parts->seen))
		part++;
	return part;
}

void
receipt_end(Reconcile *reconcile)
{
	HASH_SEQ_STATUS scan;
	ReceiptParts *parts;

	hash_seq_init(&scan, reconcile->incomplete);
	while ((parts = hash_seq_search(&scan)) != NULL)
	{
		Datum		values[RECONCILE_COLUMNS] = {0};
		bool		nulls[RECONCILE_COLUMNS];

		if (parts->complete)
			continue;
		memset(nulls, true, sizeof(nulls));
		nulls[RECONCILE_BUCKET] = nulls[RECONCILE_OBJECT_KEY] = false;
		nulls[RECONCILE_PLACE] = nulls[RECONCILE_DETAILS] = false;
		nulls[RECONCILE_VERSION_ID] = parts->version_id[0] == '\0';
		values[RECONCILE_BUCKET] = CStringGetTextDatum(parts->bucket);
		values[RECONCILE_OBJECT_KEY] = CStringGetTextDatum(parts->object_key);
		values[RECONCILE_VERSION_ID] = CStringGetTextDatum(parts->version_id);
		values[RECONCILE_PLACE] = CStringGetTextDatum("receipt incomplete");
		values[RECONCILE_DETAILS] =
			CStringGetTextDatum(psprintf("part %d is missing", receipt_first_missing(parts)));
		tuplestore_putvalues(reconcile->result->setResult, reconcile->result->setDesc,
							 values, nulls);
	}
}
