/*
 * receipt.h
 *	  What s3_to_sqs says it has sent, held against ledger and quarantine.
 *
 * The format is described in docs/architecture/receipts.md.
 */
#ifndef PG_SQS_RECEIPT_H
#define PG_SQS_RECEIPT_H

#include "postgres.h"

#include "funcapi.h"

#include "subscription.h"

/* What one sqs.reconcile works on. */
typedef struct Reconcile
{
	const Subscription *subscription;
	Datum		from;			/* timestamptz, of the objects' events */
	Datum		to;				/* excluded */
	bool		from_null;		/* no limit */
	bool		to_null;
	ReturnSetInfo *result;
	struct HTAB *incomplete;	/* objects some parts of whose receipts were seen */
	MemoryContext memory;		/* of what outlives a call of receipt_compare */
} Reconcile;

/* The columns of sqs.reconcile. */
typedef enum ReconcileColumn
{
	RECONCILE_BUCKET,
	RECONCILE_OBJECT_KEY,
	RECONCILE_VERSION_ID,
	RECONCILE_RECORD,
	RECONCILE_OUTPUT,
	RECONCILE_DEDUP_ID,
	RECONCILE_GROUP_ID,
	RECONCILE_PLACE,
	RECONCILE_DETAILS,
	RECONCILE_COLUMNS
} ReconcileColumn;

/* Begin; memory and result outlive it. */
extern void receipt_begin(Reconcile *reconcile);

/*
 * Put what is not in the ledger for an array of receipts (jsonb[]).  Raises
 * ERRCODE_INVALID_PARAMETER_VALUE for one that is none.
 */
extern void receipt_compare(Reconcile *reconcile, Datum receipts);

/* After the last one: put the objects whose receipts have a part missing. */
extern void receipt_end(Reconcile *reconcile);

/*
 * Read the receipts of the subscription from S3 and compare them; both ends
 * of the span are given.  Raises for what S3 answers, and for what is stored
 * there but is no receipt.
 */
extern void receipts_from_s3(Reconcile *reconcile);

#endif							/* PG_SQS_RECEIPT_H */
