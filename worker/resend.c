/*
 * resend.c
 *	  Rejects, sent again.
 *
 * Rejects come in the order of their names, which is that of the records of
 * an object, and go through the same window as any records; a reject is
 * deleted when its record comes back from there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/s3.h"
#include "config_fetch.h"
#include "deliver.h"
#include "log.h"
#include "resend.h"
#include "resend_document.h"

typedef struct Resend
{
	Config	   *config;
	bool		dry_run;
	char	   *bucket;
	const char *prefix;
	AwsxClient *client;
	AwsxService s3;
	AwsxService *sqs;
	Deadline	deadline;
	Enricher   *enricher;
	Deliverer  *deliverer;
	long		sent;			/* rejects */
	long		left;
} Resend;

/* A reject under way. */
typedef struct Item
{
	DeliverRecord record;		/* first: what the deliverer gives back */
	Resend	   *resend;
	char	   *name;			/* of the reject */
	AwsxHttpResponse answer;
	ResendDocument document;
} Item;

/* ---- one request after the other ---- */

static bool
run(Resend *resend, AwsxHttpRequest *request, AwsxHttpResponse *answer, AwsxError *error)
{
	request->timeout_ms = deadline_left_ms(&resend->deadline);
	return awsx_client_run(resend->client, &resend->s3, request, answer, error);
}

static bool
delete_reject(Resend *resend, const char *name, AwsxError *error)
{
	AwsxHttpRequest request;
	AwsxHttpResponse answer;

	if (!awsx_s3_delete_request(&resend->s3, resend->bucket, name, NULL, &request, error) ||
		!run(resend, &request, &answer, error))
		return false;
	awsx_http_response_free(&answer);
	return true;
}

static bool
read_reject(Resend *resend, Item *item, AwsxError *error)
{
	AwsxS3Get	get = {
		.bucket = resend->bucket,.key = item->name,.range_start = -1,.range_end = -1,
		/* every byte of the record may be six of JSON */
		.max_bytes = resend->config->max_record_bytes * 6 + 65536
	};
	AwsxHttpRequest request;
	AwsxS3Object about;

	return awsx_s3_get_request(&resend->s3, &get, &request, error) &&
		run(resend, &request, &item->answer, error) &&
		awsx_s3_object_answer(&item->answer, &about, error);
}

/* ---- a reject's way ---- */

static void
free_item(Item *item)
{
	enrich_result_free(&item->record.result);
	resend_document_free(&item->document);
	awsx_http_response_free(&item->answer);
	free(item->name);
	free(item);
}

static void
leave(Item *item, const char *code, const char *reason)
{
	printf("left: s3://%s/%s: %s%s%s\n", item->resend->bucket, item->name, code, *code != '\0' ? ": " : "", reason);
	item->resend->left++;
}

/* The deliverer's callback, and the end of every item that was read. */
static bool
settle(void *arg, DeliverRecord *record, AwsxError *error)
{
	Resend	   *resend = arg;
	Item	   *item = (Item *) record;
	bool		done = true;

	if (record->dropped)
		resend->left++;
	else if (record->result.code != NULL)
		leave(item, record->result.code, record->result.reason);
	else if (record->refused)
		leave(item, record->refused_code, record->refused_message);
	else
	{
		done = resend->dry_run || delete_reject(resend, item->name, error);
		printf("%s: s3://%s/%s: %d messages\n", resend->dry_run ? "would be sent" : "sent",
			   resend->bucket, item->name, record->result.count);
		resend->sent++;
	}
	free_item(item);
	return done;
}

/* Take out the messages for outputs that have the record. */
static void
keep_missing(Item *item)
{
	EnrichResult *result = &item->record.result;
	int			kept = 0;

	for (int i = 0; i < result->count; i++)
	{
		if (resend_document_has(&item->document, item->resend->config->outputs[result->messages[i].output].name))
			enrich_message_free(&result->messages[i]);
		else
			result->messages[kept++] = result->messages[i];
	}
	result->count = kept;
}

/* Read and enrich.  False: a fault.  What cannot be sent has a code. */
static bool
prepare(Resend *resend, Item *item, AwsxError *error)
{
	EnrichResult *result = &item->record.result;
	AwsxError	problem;

	awsx_error_clear(&problem);
	if (!read_reject(resend, item, error))
		return false;
	if (!resend_document_read(&item->document, item->answer.body.data != NULL ? item->answer.body.data : "",
							  item->answer.body.len, &problem))
	{
		*error = problem;
		if (problem.kind == AWSX_ERR_MEMORY)
			return false;
		result->code = "NotAReject";
		snprintf(result->reason, sizeof(result->reason), "%s", problem.message);
		return true;
	}
	if (item->document.record == NULL)
	{
		result->code = "NoRecord";
		snprintf(result->reason, sizeof(result->reason),
				 "the reject does not hold the record; process s3://%.100s/%.400s again",
				 item->document.source.bucket, item->document.source.key);
		return true;
	}
	item->record.weight = item->answer.body.len * 2;
	if (!enrich_record(resend->enricher, &item->document.source, item->document.record, item->document.record_len,
					   result, error))
		return false;
	keep_missing(item);
	return true;
}

static bool
send_reject(Resend *resend, const char *name, AwsxError *error)
{
	Item	   *item = calloc(1, sizeof(Item));

	if (item != NULL)
		item->name = strdup(name);
	if (item == NULL || item->name == NULL)
	{
		free(item);
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while a reject was read");
	}
	item->resend = resend;
	awsx_http_response_init(&item->answer, 0);
	if (!prepare(resend, item, error))
	{
		free_item(item);
		return false;
	}
	if (resend->dry_run)
		return settle(resend, &item->record, error);
	return deliver_submit(resend->deliverer, &item->record, error);
}

/* ---- all of them ---- */

static AwsxS3Listing *
list(Resend *resend, const char *continuation, AwsxError *error)
{
	AwsxS3List	page = {.bucket = resend->bucket,.prefix = resend->prefix,.continuation = continuation};
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxS3Listing *listing;

	if (!awsx_s3_list_request(&resend->s3, &page, &request, error) || !run(resend, &request, &answer, error))
		return NULL;
	listing = awsx_s3_list_answer(&answer, error);
	awsx_http_response_free(&answer);
	return listing;
}

static bool
send_all(Resend *resend, AwsxError *error)
{
	AwsxS3Listing *listing = list(resend, NULL, error);

	while (listing != NULL)
	{
		AwsxS3Listing *next = NULL;
		bool		done = true;
		bool		more = listing->continuation != NULL;

		for (int i = 0; i < listing->count && done; i++)
			done = send_reject(resend, listing->entries[i].key, error);
		if (done && more)
			next = list(resend, listing->continuation, error);
		awsx_s3_listing_free(listing);
		if (!done || !more)
			return done && deliver_finish(resend->deliverer, error);
		listing = next;
	}
	return false;
}

/* ---- setting up ---- */

static bool
read_url(Resend *resend, const char *url, AwsxError *error)
{
	const char *slash = strncmp(url, "s3://", 5) == 0 ? strchr(url + 5, '/') : NULL;

	if (slash == NULL || slash == url + 5)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "--rejects wants s3://bucket/prefix/, not \"%.200s\"", url);
	resend->bucket = strndup(url + 5, (size_t) (slash - url) - 5);
	resend->prefix = slash + 1;
	return resend->bucket != NULL || awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
}

static bool
find_services(Resend *resend, const AwsxServiceOptions *options, AwsxError *error)
{
	const Config *config = resend->config;

	if (!awsx_s3_service(&resend->s3, options, error))
		return false;
	resend->sqs = calloc((size_t) config->output_count, sizeof(AwsxService));
	if (resend->sqs == NULL)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	for (int i = 0; i < config->output_count; i++)
	{
		if (!awsx_sqs_service(&resend->sqs[i], config->outputs[i].queue_url, options, error))
			return false;
	}
	return config_fetch(resend->config, resend->client, &resend->s3, error);
}

static bool
set_up(Resend *resend, const AwsxServiceOptions *places, const char *url, AwsxError *error)
{
	DeliverOptions options = {
		.client = resend->client,.config = resend->config,.deadline = &resend->deadline,.on_settled = settle,.arg = resend
	};

	resend->deadline.clock = awsx_clock_real();
	if (!read_url(resend, url, error) || !find_services(resend, places, error))
		return false;
	resend->enricher = enrich_create(resend->config, error);
	if (resend->enricher == NULL)
		return false;
	options.services = resend->sqs;
	resend->deliverer = deliver_create(&options, error);
	return resend->deliverer != NULL;
}

int
resend_run(Config *config, AwsxClient *client, const AwsxServiceOptions *places, const char *url,
		   bool dry_run)
{
	Resend		resend = {.config = config,.client = client,.dry_run = dry_run};
	AwsxError	error;
	bool		done;

	awsx_error_clear(&error);
	done = set_up(&resend, places, url, &error) && send_all(&resend, &error);
	deliver_free(resend.deliverer);
	enrich_free(resend.enricher);
	free(resend.sqs);
	free(resend.bucket);
	if (resend.sent + resend.left > 0 || done)
		printf("%ld rejects %s, %ld left\n", resend.sent, dry_run ? "would be sent" : "sent", resend.left);
	fflush(stdout);
	if (done)
		return resend.left > 0;
	fprintf(stderr, "s3_to_sqs: %s\n", error.message);
	return 2;
}
