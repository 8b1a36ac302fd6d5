/*
 * receipts_s3.c
 *	  The receipts of s3_to_sqs, read from S3.
 *
 * They lie in a folder for each day, by the UTC date of the object's event,
 * so a span of time is a number of listings.  Objects are read one after the
 * other, and compared in bundles, so that memory stays bounded whatever the
 * number of receipts.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "queue_call.h"
#include "receipt.h"
#include "report.h"
#include "s3.h"

#define RECEIPTS_CALL_SECONDS 60	/* for one answer of S3 */
#define RECEIPTS_MAX_BYTES (16 * 1024 * 1024)	/* of one receipt */
#define RECEIPTS_MAX_DAYS 400	/* in one call: each is a listing */
#define RECEIPTS_BUNDLE 1000	/* receipts compared at once, at most */
#define RECEIPTS_BUNDLE_BYTES (32 * 1024 * 1024)
#define RECEIPTS_PROGRESS_MS 10000	/* between two words of progress */
#define RECEIPTS_BUCKET_LEN 64

/* One reading. */
typedef struct Receipts
{
	Reconcile  *reconcile;
	QueueCall  *call;
	AwsxService s3;
	char		bucket[RECEIPTS_BUCKET_LEN];
	const char *prefix;			/* of all receipts */
	MemoryContext bundle_memory;	/* of the bundle; reset with it */
	ArrayBuildState *bundle;	/* null: empty */
	int			bundle_count;
	Size		bundle_bytes;
	int64		count;			/* read so far */
	int64		bytes;
	TimestampTz said_at;		/* when progress was told last */
} Receipts;

static void
receipts_failed(const Receipts *receipts, const char *what, const AwsxError *error)
{
	if (error->kind == AWSX_ERR_NOT_FOUND)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("could not %s: %s", what, report_clean(error->message)),
				 errhint("Check the bucket's name and region, and that nobody deletes receipts meanwhile.")));
	report_aws_denial(ERROR, what, error, "s3:ListBucket on the bucket and s3:GetObject on the receipts");
}

/* Split s3://bucket/prefix, which was checked when it was set. */
static void
receipts_place(Receipts *receipts, const Subscription *subscription)
{
	const char *bucket;
	const char *slash;

	if (subscription->receipts == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("subscription \"%s\" does not know where receipts are", subscription->name),
				 errhint("Say so with sqs.alter_subscription(%s, receipts => 's3://bucket/prefix/'), or give receipts as the last argument.",
						 quote_literal_cstr(subscription->name))));
	bucket = subscription->receipts + strlen("s3://");
	slash = strchr(bucket, '/');
	if (slash == NULL)
		strlcpy(receipts->bucket, bucket, sizeof(receipts->bucket));
	else
		strlcpy(receipts->bucket, bucket, Min(sizeof(receipts->bucket), (Size) (slash - bucket) + 1));
	receipts->prefix = slash != NULL ? slash + 1 : "";
}

/* The days of the span, as numbers from 2000-01-01. */
static void
receipts_days(const Reconcile *reconcile, int64 *first, int64 *last)
{
	TimestampTz from = DatumGetTimestampTz(reconcile->from);
	TimestampTz to = DatumGetTimestampTz(reconcile->to);

	if (reconcile->from_null || reconcile->to_null ||
		TIMESTAMP_NOT_FINITE(from) || TIMESTAMP_NOT_FINITE(to) ||
		from < to - RECEIPTS_MAX_DAYS * USECS_PER_DAY)	/* the span itself may overflow */
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("receipts are read from S3 for at most %d days", RECEIPTS_MAX_DAYS),
				 errhint("Give \"from\" and \"to\" closer together.")));
	*first = from / USECS_PER_DAY - (from % USECS_PER_DAY < 0 ? 1 : 0);
	to -= 1;
	*last = to / USECS_PER_DAY - (to % USECS_PER_DAY < 0 ? 1 : 0);
}

/* Compare what has been gathered. */
static void
receipts_flush(Receipts *receipts)
{
	MemoryContext old = MemoryContextSwitchTo(receipts->bundle_memory);

	if (receipts->bundle != NULL)
		receipt_compare(receipts->reconcile,
						makeArrayResult(receipts->bundle, receipts->bundle_memory));
	MemoryContextSwitchTo(old);
	MemoryContextReset(receipts->bundle_memory);
	receipts->bundle = NULL;
	receipts->bundle_count = 0;
	receipts->bundle_bytes = 0;
}

static void
receipts_context(void *arg)
{
	errcontext("receipt s3 object \"%s\"", report_clean(arg));
}

/* Add the text of a receipt to the bundle. */
static void
receipts_add(Receipts *receipts, char *key, const char *text, Size length)
{
	ErrorContextCallback context = {.previous = error_context_stack,.callback = receipts_context,.arg = key};
	MemoryContext old = MemoryContextSwitchTo(receipts->bundle_memory);
	char	   *copy = pnstrdup(text, length);

	error_context_stack = &context;
	if (strlen(copy) != length)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("a receipt contains a NUL byte")));
	copy = pg_any_to_server(copy, (int) length, PG_UTF8);
	receipts->bundle =
		accumArrayResult(receipts->bundle, DirectFunctionCall1(jsonb_in, CStringGetDatum(copy)),
						 false, JSONBOID, receipts->bundle_memory);
	error_context_stack = context.previous;
	MemoryContextSwitchTo(old);
	receipts->bundle_count++;
	receipts->bundle_bytes += length;
	receipts->count++;
	receipts->bytes += length;
}

static void
receipts_free_answer(void *answer)
{
	awsx_http_response_free(answer);
}

/* Read one object, in the current memory context. */
static void
receipts_get(Receipts *receipts, char *key)
{
	AwsxS3Get	get = {.bucket = receipts->bucket,.key = key,.range_start = -1,.range_end = -1,
		.max_bytes = RECEIPTS_MAX_BYTES
	};
	char	   *what = psprintf("read receipt \"%s\"", report_clean(key));
	AwsxHttpResponse *answer = palloc0(sizeof(AwsxHttpResponse));
	AwsxHttpRequest request;
	AwsxS3Object object;
	AwsxError	error;

	queue_call_renew(receipts->call);
	if (!awsx_s3_get_request(&receipts->s3, &get, &request, &error) ||
		!queue_call_run(receipts->call, &receipts->s3, &request, answer, &error))
		receipts_failed(receipts, what, &error);
	queue_call_keep(answer, receipts_free_answer);
	if (!awsx_s3_object_answer(answer, &object, &error))
		receipts_failed(receipts, what, &error);
	receipts_add(receipts, key, answer->body.data != NULL ? answer->body.data : "",
				 answer->body.len);
}

static void
receipts_progress(Receipts *receipts)
{
	TimestampTz now = GetCurrentTimestamp();

	if (!TimestampDifferenceExceeds(receipts->said_at, now, RECEIPTS_PROGRESS_MS))
		return;
	receipts->said_at = now;
	ereport(NOTICE,
			(errmsg("read " INT64_FORMAT " receipts, " INT64_FORMAT " MB", receipts->count,
					receipts->bytes / (1024 * 1024))));
}

static void
receipts_free_listing(void *listing)
{
	awsx_s3_listing_free(listing);
}

/* One page of a listing, in the current memory context. */
static AwsxS3Listing *
receipts_list(Receipts *receipts, const char *prefix, const char *continuation)
{
	char	   *what = psprintf("list receipts in bucket \"%s\"", receipts->bucket);
	AwsxS3List	list = {.bucket = receipts->bucket,.prefix = prefix,.continuation = continuation};
	AwsxS3Listing *listing = NULL;
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxError	error;

	queue_call_renew(receipts->call);
	if (awsx_s3_list_request(&receipts->s3, &list, &request, &error) &&
		queue_call_run(receipts->call, &receipts->s3, &request, &answer, &error))
	{
		listing = awsx_s3_list_answer(&answer, &error);
		awsx_http_response_free(&answer);
	}
	if (listing == NULL)
		receipts_failed(receipts, what, &error);
	queue_call_keep(listing, receipts_free_listing);
	return listing;
}

static bool
receipts_is_one(const char *key)
{
	const char *suffix = ".json";

	return strlen(key) > strlen(suffix) &&
		strcmp(key + strlen(key) - strlen(suffix), suffix) == 0;
}

/* All receipts of a page. */
static void
receipts_read_page(Receipts *receipts, const AwsxS3Listing *listing)
{
	MemoryContext turn = AllocSetContextCreate(CurrentMemoryContext, "sqs.reconcile",
											   ALLOCSET_DEFAULT_SIZES);

	for (int i = 0; i < listing->count; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(turn);

		CHECK_FOR_INTERRUPTS();
		if (receipts_is_one(listing->entries[i].key))
			receipts_get(receipts, listing->entries[i].key);
		MemoryContextSwitchTo(old);
		MemoryContextReset(turn);
		if (receipts->bundle_count >= RECEIPTS_BUNDLE ||
			receipts->bundle_bytes >= RECEIPTS_BUNDLE_BYTES)
			receipts_flush(receipts);
		receipts_progress(receipts);
	}
	MemoryContextDelete(turn);
}

/* All receipts of a day. */
static void
receipts_read_day(Receipts *receipts, int64 day)
{
	MemoryContext pages[2];
	MemoryContext old = CurrentMemoryContext;
	const char *continuation = NULL;
	char	   *prefix;
	int			year;
	int			month;
	int			day_of_month;

	j2date((int) day + POSTGRES_EPOCH_JDATE, &year, &month, &day_of_month);
	prefix = psprintf("%s%04d/%02d/%02d/", receipts->prefix, year, month, day_of_month);
	/* a page is needed until the next one was asked for */
	for (int i = 0; i < lengthof(pages); i++)
		pages[i] = AllocSetContextCreate(old, "sqs.reconcile page", ALLOCSET_DEFAULT_SIZES);
	for (int i = 0;; i = 1 - i)
	{
		AwsxS3Listing *listing;

		MemoryContextReset(pages[i]);
		MemoryContextSwitchTo(pages[i]);
		listing = receipts_list(receipts, prefix, continuation);
		receipts_read_page(receipts, listing);
		continuation = listing->continuation;
		if (continuation == NULL)
			break;
	}
	MemoryContextSwitchTo(old);
	for (int i = 0; i < lengthof(pages); i++)
		MemoryContextDelete(pages[i]);
}

void
receipts_from_s3(Reconcile *reconcile)
{
	Receipts	receipts = {.reconcile = reconcile,.said_at = GetCurrentTimestamp()};
	int64		first;
	int64		last;

	receipts_place(&receipts, reconcile->subscription);
	receipts_days(reconcile, &first, &last);
	connection_s3(reconcile->subscription, &receipts.s3);
	receipts.call = queue_call_open(reconcile->subscription, RECEIPTS_CALL_SECONDS);
	receipts.bundle_memory = AllocSetContextCreate(CurrentMemoryContext, "sqs.reconcile bundle",
												   ALLOCSET_DEFAULT_SIZES);
	for (int64 day = first; day <= last; day++)
		receipts_read_day(&receipts, day);
	receipts_flush(&receipts);
	MemoryContextDelete(receipts.bundle_memory);
	queue_call_close(receipts.call);
}
