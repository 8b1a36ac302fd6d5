/*
 * receipt.h
 *	  Writes down what was sent of an object: the receipts that
 *	  sqs.reconcile holds against the ledger.  Format and names:
 *	  docs/architecture/receipts.md.
 *
 * The records of one object version are noted in order as they are settled;
 * a part is written whenever it is full, the last one by receipt_close.
 * Names follow from the object and the part alone, so the retry of an
 * invocation writes the same objects again.
 */
#ifndef RECEIPT_H
#define RECEIPT_H

#include "config.h"
#include "deliver.h"
#include "store.h"

#define RECEIPT_PART_RECORDS 10000

typedef struct Receipt Receipt;

/* Everything is borrowed until receipt_free. */
typedef struct ReceiptObject
{
	const char *bucket;
	const char *key;			/* raw bytes */
	const char *version_id;		/* "" = S3 gave none */
	const char *sequencer;		/* likewise */
	int64_t		event_time_ms;	/* of the event, Unix epoch; it decides the day */
	const char *request_id;		/* of the invocation */
	int64_t		first_record;	/* 1, or where an earlier invocation left off */
	int			first_part;		/* 1, or what receipt_close said there */
} ReceiptObject;

/*
 * Without a receipts location in config nothing is written and all succeeds.
 * Null and *error (MEMORY).
 */
extern Receipt *receipt_open(const Config *config, const Store *store,
							 const ReceiptObject *object, AwsxError *error);
extern void receipt_free(Receipt *receipt); /* null allowed */

/*
 * The next record (the first is first_record) with its fate: sent, filtered,
 * rejected (result.code) or refused.  False: an infrastructure fault.
 */
extern bool receipt_note(Receipt *receipt, const DeliverRecord *record, AwsxError *error);

/*
 * Write what is left, as the object's last part, or (last false) as one that
 * another invocation will follow; *next_part (null allowed) is for that one.
 */
extern bool receipt_close(Receipt *receipt, bool last, int *next_part, AwsxError *error);

#endif							/* RECEIPT_H */
