/*
 * test_receipt.c
 *	  Receipts as sqs.reconcile reads them: names, parts, and an entry for
 *	  every record; and rejects, which say what was sent and what was not.
 *
 * S3 is played by a transport that keeps what is put.
 */
#include <jansson.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "deliver_work.h"
#include "digest.h"
#include "providers.h"
#include "receipt.h"
#include "reject.h"
#include "tap.h"

#define URL "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo"
#define MAX_PUT 16

typedef struct Bucket
{
	AwsxTransport table;
	int			fd;
	AwsxHttpCall *pending;
} Bucket;

static char put_path[MAX_PUT][600];
static json_t *put_body[MAX_PUT];
static char *put_text[MAX_PUT];
static int	put_count;
static int	put_fail;			/* the n-th is refused */

static bool
bucket_start(AwsxTransport *self, AwsxHttpCall *call, AwsxError *error)
{
	(void) error;
	awsx_http_response_init(&call->response, 0);
	((Bucket *) self)->pending = call;
	return true;
}

static void
bucket_cancel(AwsxTransport *self, AwsxHttpCall *call)
{
	(void) call;
	((Bucket *) self)->pending = NULL;
}

static void
bucket_drive(AwsxTransport *self)
{
	AwsxHttpCall *call = ((Bucket *) self)->pending;

	if (call == NULL)
		return;
	((Bucket *) self)->pending = NULL;
	awsx_error_clear(&call->error);
	call->response.status = put_count + 1 == put_fail ? 403 : 200;
	if (put_count < MAX_PUT)
	{
		snprintf(put_path[put_count], sizeof(put_path[0]), "%s", call->request->path);
		put_text[put_count] = strndup(call->request->body, call->request->body_len);
		put_body[put_count++] = json_loadb(call->request->body, call->request->body_len, 0, NULL);
	}
	call->done(call);
}

static int
bucket_fd(AwsxTransport *self)
{
	return ((Bucket *) self)->fd;
}

static int
bucket_timeout(AwsxTransport *self)
{
	return ((Bucket *) self)->pending != NULL ? 0 : -1;
}

static void
bucket_free(AwsxTransport *self)
{
	close(((Bucket *) self)->fd);
	free(self);
}

/* ---- the world ---- */

static ConfigOutput outputs[] = {
	{.name = (char *) "one",.queue_url = (char *) URL,.program = (char *) "."},
	{.name = (char *) "two",.queue_url = (char *) URL,.program = (char *) ".x"}
};
static Config config = {.output_count = 2,.outputs = outputs,.receipts_bucket = (char *) "receipts",.receipts_prefix = (char *) "r/",
	.reject_bucket = (char *) "rejects",.reject_prefix = (char *) "bad/"
};
static Deadline deadline;
static Store store;
static AwsxError error;
static ReceiptObject object = {
	.bucket = "inbox",.key = "2026/orders 7.json",.version_id = "v/1",.sequencer = "0055",.event_time_ms = INT64_C(1772877600000),
	.request_id = "8476a536",.first_record = 1,.first_part = 1
};

static void
open_world(void)
{
	Bucket	   *bucket = calloc(1, sizeof(Bucket));
	AwsxClientOptions options = {.transport = &bucket->table,.max_attempts = 1};
	AwsxServiceOptions service = {.region = "eu-west-1"};

	setenv("AWS_ACCESS_KEY_ID", "test", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "test", 1);
	bucket->table = (AwsxTransport)
	{
		bucket_start, bucket_cancel, bucket_drive, bucket_fd, bucket_timeout, NULL, bucket_free
	};
	bucket->fd = eventfd(1, 0);
	options.credentials = awsx_credentials_env(&error);
	deadline.clock = awsx_clock_real();
	store = (Store) {.client = awsx_client_create(&options, &error),.deadline = &deadline,.max_bytes = 1000};
	awsx_s3_service(&store.service, &service, &error);
	put_count = put_fail = 0;
	awsx_error_clear(&error);
}

static void
close_world(void)
{
	awsx_client_free(store.client);
	for (int i = 0; i < put_count; i++)
	{
		json_decref(put_body[i]);
		free(put_text[i]);
	}
}

/* ---- records ---- */

static EnrichMessage messages[4];
static DeliverMessage fates[4];

/* A record whose messages are "output state", S = sent, G = not. */
static DeliverRecord
make_record(const char *text)
{
	DeliverRecord record = {.result = {.messages = messages},.messages = fates};

	for (; *text != '\0'; text += 2)
	{
		int			i = record.result.count++;

		messages[i].output = text[0] - '0';
		snprintf(messages[i].dedup_id, sizeof(messages[i].dedup_id), "d%d", i);
		snprintf(messages[i].group_id, sizeof(messages[i].group_id), "g\"%d", i);
		fates[i].state = text[1] == 'S' ? DELIVER_SENT : DELIVER_GONE;
		record.sent += text[1] == 'S';
	}
	return record;
}

static void
note(Receipt *receipt, const char *text)
{
	DeliverRecord record = make_record(text);

	ok(receipt_note(receipt, &record, &error), "noted: %s", text);
}

/* A member by its path, "a.b.0", as JSON text. */
static const char *
at(int n, const char *path)
{
	static char text[1000];
	char		copy[100];
	char	   *rest = copy;
	char	   *name;
	json_t	   *value = put_body[n];
	char	   *dump;

	snprintf(copy, sizeof(copy), "%s", path);
	while ((name = strsep(&rest, ".")) != NULL)
		value = json_is_array(value) ? json_array_get(value, (size_t) atoi(name)) : json_object_get(value, name);
	dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
	snprintf(text, sizeof(text), "%s", dump != NULL ? dump : "(absent)");
	free(dump);
	return text;
}

/* ---- tests ---- */

static void
test_one_part(void)
{
	static const char hashed[] = "inbox\0" "2026/orders 7.json\0" "v/1\0" "0055";
	Receipt    *receipt;
	DeliverRecord record;
	char		id[65];
	char		path[200];
	int			next = 0;

	open_world();
	receipt = receipt_open(&config, &store, &object, &error);
	note(receipt, "0S1S");
	note(receipt, "");
	note(receipt, "1S1S");
	record = make_record("0S1G");
	record.refused = true;
	record.refused_output = 1;
	snprintf(record.refused_code, sizeof(record.refused_code), "TooOdd");
	snprintf(record.refused_message, sizeof(record.refused_message), "it is \x01 odd");
	ok(receipt_note(receipt, &record, &error), "a refused record");
	record = make_record("");
	record.result.code = "InvalidJson";
	snprintf(record.result.reason, sizeof(record.result.reason), "no JSON");
	ok(receipt_note(receipt, &record, &error), "a rejected record");
	is_int(put_count, 0, "nothing is written yet");
	ok(receipt_close(receipt, true, &next, &error) && put_count == 1 && next == 2, "one part");
	awsx_sha256_hex(hashed, sizeof(hashed) - 1, id);
	snprintf(path, sizeof(path), "/r/2026/03/07/%.32s-000001.json", id);
	is_str(put_path[0], path, "its name follows from the event");
	is_str(at(0, "version"), "1", "version");
	is_str(at(0, "key"), "\"2026/orders 7.json\"", "key");
	is_str(at(0, "source"), "\"s3://inbox/2026/orders%207.json?versionId=v/1\"", "source");
	is_str(at(0, "event_time"), "\"2026-03-07T10:00:00.000Z\"", "event_time");
	is_str(at(0, "request_id"), "\"8476a536\"", "request_id");
	is_str(at(0, "last"), "true", "last");
	is_str(at(0, "first_record"), "1", "first_record");
	is_str(at(0, "outputs.one"), "{\"messages\":[[\"d0\",\"g\\\"0\"],null,null,[\"d0\",\"g\\\"0\"],null],\"queue_url\":\"" URL "\"}", "an output");
	is_str(at(0, "outputs.two.messages"), "[[\"d1\",\"g\\\"1\"],null,[\"d0\",\"g\\\"0\",\"d1\",\"g\\\"1\"],null,null]", "another, with two results of a record");
	is_str(at(0, "rejected"), "[{\"output\":\"two\",\"reason\":\"TooOdd: it is \\u0001 odd\",\"record\":4},{\"reason\":\"InvalidJson: no JSON\",\"record\":5}]", "what was not sent");
	awsx_sha256_hex(".x", 2, id);
	ok(strstr(at(0, "program_sha256.two"), id) != NULL, "the program's digest");
	receipt_free(receipt);
	close_world();
}

static Receipt *
write_many(int count, int first_part)
{
	Receipt    *receipt;

	object.first_part = first_part;
	receipt = receipt_open(&config, &store, &object, &error);
	object.first_part = 1;
	for (int i = 0; i < count; i++)
	{
		DeliverRecord record = make_record("0S");

		if (!receipt_note(receipt, &record, &error))
			break;
	}
	return receipt;
}

static void
test_parts(void)
{
	Receipt    *receipt;
	int			next;

	open_world();
	receipt = write_many(20000, 1);
	is_int(put_count, 1, "a full part is written when the next record comes");
	ok(receipt_close(receipt, true, &next, &error) && put_count == 2 && next == 3, "two parts for twice as many");
	is_str(at(0, "last"), "false", "the first is not the last");
	is_str(at(1, "last"), "true", "the second is");
	is_str(at(1, "first_record"), "10001", "and begins where the first ends");
	ok(strstr(put_path[1], "-000002.json") != NULL, "its name has its number");
	is_int((long long) json_array_size(json_object_get(json_object_get(json_object_get(put_body[1], "outputs"), "one"), "messages")), 10000, "all of its records");
	receipt_free(receipt);
	receipt = write_many(5, 3);
	ok(receipt_close(receipt, false, &next, &error) && next == 4, "one that another invocation follows");
	is_str(at(2, "last"), "false", "is not the last");
	is_str(at(2, "part"), "3", "its number was handed over");
	receipt_free(receipt);
	receipt = write_many(0, 4);
	ok(receipt_close(receipt, false, &next, &error) && next == 4 && put_count == 3, "nothing is written for nothing");
	ok(receipt_close(receipt, true, &next, &error) && put_count == 4, "but the end of the object");
	is_str(at(3, "outputs.one.messages"), "[]", "without a record");
	receipt_free(receipt);
	close_world();
}

static void
test_faults(void)
{
	Receipt    *receipt;

	open_world();
	put_fail = 1;
	receipt = write_many(10001, 1);
	is_int(error.kind, AWSX_ERR_DENIED, "a part that cannot be written is a fault");
	receipt_free(receipt);
	close_world();
	open_world();
	config.receipts_bucket = NULL;
	receipt = write_many(3, 1);
	ok(receipt_close(receipt, true, NULL, &error) && put_count == 0, "without a location nothing is written");
	config.receipts_bucket = (char *) "receipts";
	receipt_free(receipt);
	close_world();
}

static void
test_rejects(void)
{
	RejectPlace place;
	Reject		reject = {
		.bucket = "inbox",.key = "a.json",.version_id = "v1",.etag = "e",.sequencer = "0055",.record = 7,.request_id = "id",
		.body = "{\"a\":1}",.body_len = 7
	};
	DeliverRecord record = make_record("0S1S1G");
	char		text[900];

	open_world();
	ok(reject_place_init(&place, &config, &store, NULL, &error), "a place in S3");
	record.refused = true;
	record.refused_output = 1;
	snprintf(record.refused_code, sizeof(record.refused_code), "TooOdd");
	snprintf(record.refused_message, sizeof(record.refused_message), "no");
	reject_describe(&reject, &config, &record, text, sizeof(text));
	ok(reject_write(&place, &reject, &error), "a record that was refused");
	is_str(put_path[0], "/bad/a.json.v1.0000000007.json", "its name follows from the record");
	is_str(at(0, "sent"), "[\"one\"]", "the output that has it");
	is_str(at(0, "not_sent"), "[\"two\"]", "the one that has not, or not all");
	is_str(at(0, "body"), "\"{\\\"a\\\":1}\"", "its bytes");
	is_str(at(0, "sequencer"), "\"0055\"", "its sequencer");
	is_str(at(0, "code"), "\"MessageRefused\"", "code");
	record = make_record("");
	record.result.code = "InvalidJson";
	reject_describe(&reject, &config, &record, text, sizeof(text));
	reject.body = "\xFF\x00{";
	reject.body_len = 3;
	ok(reject_write(&place, &reject, &error), "a record that is no UTF-8");
	is_str(put_path[1], put_path[0], "is the same reject");
	is_str(at(1, "not_sent"), "[\"one\",\"two\"]", "nobody has it");

	is_str(at(1, "body_base64"), "\"/wB7\"", "its bytes in base64");
	reject.leave_body = true;
	ok(reject_write(&place, &reject, &error) && strcmp(at(2, "body_base64"), "(absent)") == 0 && strcmp(at(2, "body_left"), "(absent)") != 0, "without its bytes");
	config.reject_bucket = NULL;
	ok(!reject_write(&place, &reject, &error) && error.kind == AWSX_ERR_CONFIG, "no place: a fault that says what to do");
	config.reject_bucket = (char *) "rejects";
	close_world();
}

int
main(void)
{
	test_one_part();
	test_parts();
	test_faults();
	test_rejects();
	return tap_done();
}
