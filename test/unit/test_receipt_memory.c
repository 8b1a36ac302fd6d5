/*
 * test_receipt_memory.c
 *	  Every allocation fails once while receipts and rejects are written, a
 *	  reject is read back, and all settings are read.
 */
#define _GNU_SOURCE
#include "sweep.h"

#include "client_world.h"
#include "config.h"
#include "deliver_work.h"
#include "receipt.h"
#include "reject.h"
#include "resend_document.h"

#define URL "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo"
#define STANDARD "https://sqs.eu-west-1.amazonaws.com/123456789012/plain"

static ConfigOutput outputs[] = {{.name = (char *) "one",.queue_url = (char *) URL,.program = (char *) "."}};
static const Deadline deadline = {.clock = &world_clock};
static Store store = {.deadline = &deadline};

static bool
open_store(const Line *script, AwsxError *error)
{
	AwsxServiceOptions service = {.region = "eu-west-1"};

	open_world(script, AWSX_DIALECT_XML);
	store.client = world.client;
	if (world.client == NULL)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "no client");
	return awsx_s3_service(&store.service, &service, error);
}

static DeliverRecord
make_record(void)
{
	static EnrichMessage message = {.dedup_id = "d",.group_id = "g"};
	static DeliverMessage fate = {.state = DELIVER_SENT};

	return (DeliverRecord) {
		.result = {.messages = &message,.count = 1},.messages = &fate,.sent = 1
	};
}

static bool
write_receipt(AwsxError *error)
{
	static const Line script[] = {{.status = 200}, {.status = 200}};
	Config		config = {.output_count = 1,.outputs = outputs,.receipts_bucket = (char *) "bkt",.receipts_prefix = (char *) "r/"};
	ReceiptObject object = {.bucket = "in",.key = "k k",.version_id = "v",.sequencer = "0",.request_id = "id",.first_record = 1,.first_part = 1};
	DeliverRecord record = make_record();
	Receipt    *receipt = NULL;
	bool		done = open_store(script, error);

	if (done)
		receipt = receipt_open(&config, &store, &object, error);
	done = receipt != NULL && receipt_note(receipt, &record, error);
	record.result = (EnrichResult) {.code = "InvalidJson",.reason = "no"};
	done = done && receipt_note(receipt, &record, error) && receipt_close(receipt, true, NULL, error);
	receipt_free(receipt);
	if (done && world.transport->attempts != 1)
		done = ok(false, "one part is written");
	if (world.client != NULL)
		close_world();
	return done;
}

static bool
put_reject(const Config *config, const Line *script, AwsxError *error)
{
	Reject		reject = {.bucket = "in",.key = "k\xFF",.record = 1,.request_id = "id",.body = "\xFF",.body_len = 1};
	DeliverRecord record = make_record();
	RejectPlace place;
	char		text[900];
	bool		done;

	record.refused = true;
	reject_describe(&reject, config, &record, text, sizeof(text));
	done = open_store(script, error) && reject_place_init(&place, config, &store, NULL, error) && reject_write(&place, &reject, error);
	if (world.client != NULL)
		close_world();
	return done;
}

static bool
reject_to_s3(AwsxError *error)
{
	static const Line script[] = {{.status = 200}};
	Config		config = {.output_count = 1,.outputs = outputs,.reject_bucket = (char *) "bkt",.reject_prefix = (char *) "p/"};

	return put_reject(&config, script, error);
}

static bool
read_back(AwsxError *error)
{
	static const char text[] = "{\"code\":\"X\",\"bucket\":\"in\",\"key_percent_encoded\":\"%FF\",\"record\":3,\"body_base64\":\"/wB7\",\"sent\":[\"one\"]}";
	ResendDocument document;
	bool		done = resend_document_read(&document, text, sizeof(text) - 1, error) &&
		document.record_len == 3 && memcmp(document.record, "\xFF\0{", 3) == 0 && strcmp(document.source.key, "\xFF") == 0 &&
		document.source.record == 3 && resend_document_has(&document, "one") && !resend_document_has(&document, "two");

	resend_document_free(&document);
	return done;
}

static bool
read_settings(AwsxError *error)
{
	Config	   *config = config_read(error);
	bool		done = config != NULL && config->receipts_bucket != NULL && config->reject_queue_url != NULL &&
		config->handover_queue_url != NULL && config->metrics.dimension_count == 1 && config->log_level != NULL;

	config_free(config);
	return done;
}

static bool
read_variables(AwsxError *error)
{
	Config	   *config;
	bool		done;

	unsetenv("S3_TO_SQS_CONFIG");
	setenv("QUEUE_URL", URL, 1);
	setenv("METRICS_DIMENSIONS", "a=b,c=d", 1);
	config = config_read(error);
	done = config != NULL && config->metrics.dimension_count == 2 && strcmp(config->metrics.dimension_values[1], "d") == 0;
	config_free(config);
	return done;
}

int
main(void)
{
#ifdef __SANITIZE_ADDRESS__
	printf("1..0 # SKIP the address sanitizer has an allocator of its own\n");
	return 0;
#endif
	setenv("S3_TO_SQS_CONFIG", "{\"outputs\":[{\"name\":\"a\",\"queue_url\":\"" URL "\",\"jq_file\":\"s3://code/x.jq\"}],\"reject\":\"" STANDARD
		   "\",\"receipts\":\"s3://bkt/r/\",\"handover_queue_url\":\"" STANDARD "\",\"log_level\":\"info\","
		   "\"metrics\":{\"dimensions\":{\"a\":\"b\"}}}", 1);
	sweep("receipt", write_receipt);
	sweep("reject", reject_to_s3);
	sweep("a reject read back", read_back);
	sweep("settings in a document", read_settings);
	sweep("settings in variables", read_variables);
	return tap_done();
}
