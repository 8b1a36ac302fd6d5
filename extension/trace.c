/*
 * trace.c
 *	  sqs.trace: where is my transaction?
 *
 * What the database knows of one message, from the object it came from to
 * the routes that wrote it; of the queue it can only say how to look.  The
 * ledger is found by its key at once; by anything else it is read from end
 * to end, which is done only when the key finds nothing.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "buf.h"
#include "mb/pg_wchar.h"
#include "session.h"
#include "subscription.h"

PG_FUNCTION_INFO_V1(sqs_trace);

/* Of one object there may be millions; nobody reads them all. */
#define TRACE_MAX 1000

/*
 * $1 the subscription, $2 what is looked for, $3 the same percent-encoded as
 * in lineage attributes, $4 by more than the ledger's key, $5 its name.
 *
 * A source is s3://bucket/key?versionId=v#record with the key encoded; it may
 * be given as a whole, without record, without version, or as the key alone.
 */
#define TRACE_SOURCE(source) \
	"(" source " OPERATOR(pg_catalog.=) $2 OR starts_with(" source ", $2 || '#')" \
	" OR starts_with(" source ", $2 || '?') OR $3 OPERATOR(pg_catalog.=)" \
	" substring(" source " FROM '^s3://[^/]+/([^?#]*)'))"

static const char *const trace_sql =
"WITH l AS (SELECT * FROM sqs.ledger l WHERE l.subscription OPERATOR(pg_catalog.=) $1"
"    AND (l.dedup_key OPERATOR(pg_catalog.=) $2 OR ($4 AND (l.message_id OPERATOR(pg_catalog.=) $2"
"      OR l.sequence_number OPERATOR(pg_catalog.=) $2"
"      OR split_part(l.dedup_key, ' ', 2) OPERATOR(pg_catalog.=) $2"
"      OR " TRACE_SOURCE("l.source") ")))"
"    LIMIT " CppAsString2(TRACE_MAX) "),"
" q AS (SELECT * FROM sqs.quarantined q WHERE q.subscription OPERATOR(pg_catalog.=) $1"
"    AND (q.dedup_key OPERATOR(pg_catalog.=) $2 OR q.dedup_id OPERATOR(pg_catalog.=) $2"
"      OR q.message_id OPERATOR(pg_catalog.=) $2 OR q.sequence_number OPERATOR(pg_catalog.=) $2"
"      OR " TRACE_SOURCE("q.source") ")"
"    LIMIT " CppAsString2(TRACE_MAX) "),"
" found (n, place, at, route, message_id, sequence_number, dedup_key, source, details) AS ("
"  SELECT DISTINCT 1, 'object', NULL::timestamptz, NULL::name, NULL, NULL, NULL, source,"
"    concat_ws(', ', 'record ' || substring(source FROM '#(.*)$'),"
"      'version ' || substring(source FROM '[?]versionId=([^#]*)'))"
"  FROM (SELECT l.source FROM l UNION SELECT q.source FROM q) s"
"  WHERE source OPERATOR(pg_catalog.<>) ''"
" UNION ALL"
"  SELECT 2, 'ledger', l.applied_at, NULL, l.message_id, l.sequence_number, l.dedup_key, l.source,"
"    'applied' FROM l"
" UNION ALL"
"  SELECT 3, 'route', l.applied_at, r.name, l.message_id, l.sequence_number, l.dedup_key, l.source,"
"    CASE WHEN EXISTS (SELECT FROM q WHERE q.dedup_key OPERATOR(pg_catalog.=) l.dedup_key"
"        AND q.route OPERATOR(pg_catalog.=) r.name AND q.state OPERATOR(pg_catalog.=) 'waiting')"
"      THEN 'waits in the quarantine'"
"      WHEN r.created_at OPERATOR(pg_catalog.>) l.applied_at THEN 'added later'"
"      WHEN r.target IS NULL THEN 'its statement has run'"
"      ELSE 'written to ' || r.target::text END"
"  FROM l JOIN sqs.route r ON r.subscription OPERATOR(pg_catalog.=) $1"
" UNION ALL"
"  SELECT 4, 'quarantine', q.quarantined_at, nullif(q.route, ''), q.message_id, q.sequence_number,"
"    q.dedup_key, q.source, format('%s as id %s: %s', q.state, q.id, concat_ws(' ', q.reason,"
"      q.error_sqlstate, q.error)) || CASE WHEN q.settled_at IS NULL THEN '' ELSE"
"      format(', %s%s%s', date_trunc('second', q.settled_at), ' by ' || q.settled_by,"
"        ': ' || q.note) END FROM q"
" UNION ALL"
"  SELECT 5, 'forgotten', f.forgotten_at, NULL, NULL, NULL, NULL, NULL,"
"    format('%s messages applied from %s to %s were forgotten by %s: %s', f.rows, f.applied_from,"
"      f.applied_to, f.forgotten_by, f.reason)"
"  FROM sqs.forgotten f WHERE f.subscription OPERATOR(pg_catalog.=) $1 AND NOT EXISTS (SELECT FROM l)"
" UNION ALL"
"  SELECT 6, 'queue', NULL, NULL, NULL, NULL, NULL, NULL,"
"    format('not known here: SELECT * FROM sqs.peek(%1$L, 100), sqs.queue_state(%1$L)', $5)"
"  WHERE NOT EXISTS (SELECT FROM l) AND NOT EXISTS (SELECT FROM q))"
" SELECT place, at, route, message_id, sequence_number, dedup_key, source, details"
" FROM found ORDER BY n, at, source, route";

/* As the lineage attributes spell a key; palloc'd. */
static char *
trace_encoded(const char *id)
{
	char	   *utf8 = pg_server_to_any(id, strlen(id), PG_UTF8);
	AwsxBuf		buf;
	char	   *copy;

	awsx_buf_init(&buf, 0);
	if (!awsx_buf_uri(&buf, utf8, strlen(utf8), true))
	{
		awsx_buf_free(&buf);
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	}
	copy = MemoryContextAllocExtended(CurrentMemoryContext, buf.len + 1, MCXT_ALLOC_NO_OOM);
	if (copy != NULL)
		memcpy(copy, buf.data, buf.len);
	if (copy != NULL)
		copy[buf.len] = '\0';
	awsx_buf_free(&buf);
	if (copy == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return copy;
}

/* Is there a row with the key? */
static bool
trace_knows_key(int32 subscription, const char *id)
{
	Oid			types[] = {INT4OID, TEXTOID};
	Datum		values[] = {Int32GetDatum(subscription), CStringGetTextDatum(id)};

	if (SPI_execute_with_args("SELECT FROM sqs.ledger WHERE subscription OPERATOR(pg_catalog.=) $1 "
							  "AND dedup_key OPERATOR(pg_catalog.=) $2",
							  lengthof(types), types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read the ledger");
	return SPI_processed > 0;
}

static void
trace_run(const Subscription *subscription, const char *id, ReturnSetInfo *result)
{
	Oid			types[] = {INT4OID, TEXTOID, TEXTOID, BOOLOID, TEXTOID};
	Datum		values[] = {Int32GetDatum(subscription->id), CStringGetTextDatum(id),
		CStringGetTextDatum(trace_encoded(id)), BoolGetDatum(false),
		CStringGetTextDatum(subscription->name)
	};

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	values[3] = BoolGetDatum(!trace_knows_key(subscription->id, id));
	if (SPI_execute_with_args(trace_sql, lengthof(types), types, values, NULL, false, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not trace a message");
	if (SPI_tuptable->tupdesc->natts != result->setDesc->natts)
		elog(ERROR, "sqs.trace does not return what this library returns");
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	SPI_finish();
}

/* sqs.trace(subscription text, id text) */
Datum
sqs_trace(PG_FUNCTION_ARGS)
{
	Subscription *subscription = subscription_argument(fcinfo, 0);
	SessionBracket bracket;
	char	   *id;

	subscription_check_operator(subscription);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("id must not be null"),
				 errhint("Give a deduplication id, a message id, a sequence number, or a source such as an S3 key.")));
	id = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (id[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("id must not be empty"),
				 errhint("Give a deduplication id, a message id, a sequence number, or a source such as an S3 key.")));
	InitMaterializedSRF(fcinfo, 0);
	session_enter_bookkeeping(&bracket);
	trace_run(subscription, id, (ReturnSetInfo *) fcinfo->resultinfo);
	session_leave_bookkeeping(&bracket);
	return (Datum) 0;
}
