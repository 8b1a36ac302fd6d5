/*
 * reconcile.c
 *	  sqs.reconcile: what s3_to_sqs says it has sent and the database does not
 *	  have, by object and record.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "receipt.h"

PG_FUNCTION_INFO_V1(sqs_reconcile);

typedef enum ReconcileArgument
{
	RECONCILE_SUBSCRIPTION,
	RECONCILE_FROM,
	RECONCILE_TO,
	RECONCILE_RECEIPTS
} ReconcileArgument;

/* Receipts as given: an array of them, or one; compare them. */
static void
reconcile_given(Reconcile *reconcile, Jsonb *given)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	ArrayBuildState *state = NULL;
	Oid			type = JSONBOID;

	if (!JB_ROOT_IS_ARRAY(given) || JB_ROOT_IS_SCALAR(given))
		state = accumArrayResult(state, JsonbPGetDatum(given), false, type, CurrentMemoryContext);
	else
	{
		iterator = JsonbIteratorInit(&given->root);
		(void) JsonbIteratorNext(&iterator, &value, false);
		while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		{
			CHECK_FOR_INTERRUPTS();
			if (token == WJB_ELEM)
				state = accumArrayResult(state, JsonbPGetDatum(JsonbValueToJsonb(&value)),
										 false, type, CurrentMemoryContext);
		}
	}
	if (state != NULL)
		receipt_compare(reconcile, makeArrayResult(state, CurrentMemoryContext));
}

static void
reconcile_read_span(Reconcile *reconcile, FunctionCallInfo fcinfo)
{
	reconcile->from_null = PG_ARGISNULL(RECONCILE_FROM);
	reconcile->to_null = PG_ARGISNULL(RECONCILE_TO);
	reconcile->from = reconcile->from_null ? (Datum) 0 : PG_GETARG_DATUM(RECONCILE_FROM);
	reconcile->to = reconcile->to_null ? (Datum) 0 : PG_GETARG_DATUM(RECONCILE_TO);
	if (!reconcile->from_null && !reconcile->to_null &&
		DatumGetTimestampTz(reconcile->from) >= DatumGetTimestampTz(reconcile->to))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"from\" must be before \"to\""),
				 errhint("The span is that of the events by which S3 announced the objects.")));
}

/* sqs.reconcile(subscription text, "from" timestamptz, "to" timestamptz, receipts jsonb) */
Datum
sqs_reconcile(PG_FUNCTION_ARGS)
{
	Subscription *subscription = subscription_argument(fcinfo, RECONCILE_SUBSCRIPTION);
	Reconcile	reconcile = {.subscription = subscription};

	subscription_check_operator(subscription);
	reconcile_read_span(&reconcile, fcinfo);
	InitMaterializedSRF(fcinfo, 0);
	reconcile.result = (ReturnSetInfo *) fcinfo->resultinfo;
	if (reconcile.result->setDesc->natts != RECONCILE_COLUMNS)
		elog(ERROR, "sqs.reconcile does not return what this library returns");

	receipt_begin(&reconcile);
	if (PG_ARGISNULL(RECONCILE_RECEIPTS))
		receipts_from_s3(&reconcile);
	else
		reconcile_given(&reconcile, PG_GETARG_JSONB_P(RECONCILE_RECEIPTS));
	receipt_end(&reconcile);
	return (Datum) 0;
}
