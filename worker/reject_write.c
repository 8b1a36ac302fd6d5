/*
 * reject_write.c
 *	  A reject on its way: as an object, or as a message.
 *
 * An object's name follows from what was rejected, so a retry writes it again.
 * A message of a retry is another one; its attribute reject_id is the same.
 */
#include <stdio.h>
#include <string.h>

#include "../aws/digest.h"
#include "../aws/sqs.h"
#include "reject.h"

/* What the attributes and the answer's limits leave for a document. */
#define MESSAGE_BYTES (AWSX_SQS_MAX_BYTES - 4096)

static bool
no_memory(AwsxError *error)
{
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while a reject was written");
}

/* ---- the fate in words ---- */

static uint32_t
all_outputs(const Config *config)
{
	return config->output_count >= 32 ? UINT32_MAX : (UINT32_C(1) << config->output_count) - 1;
}

void
reject_describe(Reject *reject, const Config *config, const DeliverRecord *record,
				char *text, size_t size)
{
	uint32_t	meant = 0;

	reject->config = config;
	reject->sent = 0;
	if (!record->refused)
	{
		reject->code = record->result.code;
		reject->reason = record->result.reason;
		reject->not_sent = all_outputs(config);
		return;
	}
	reject->not_sent = 0;
	for (int i = 0; i < record->result.count; i++)
	{
		uint32_t	bit = UINT32_C(1) << record->result.messages[i].output;

		meant |= bit;
		if (!deliver_was_sent(record, i))
			reject->not_sent |= bit;
	}
	reject->sent = meant & ~reject->not_sent;
	snprintf(text, size, "SQS refused a message of output \"%s\" (%d of the record's %d messages were sent before): %s: %s",
			 config->outputs[record->refused_output].name, record->sent, record->result.count,
			 record->refused_code, record->refused_message);
	reject->code = "MessageRefused";
	reject->reason = text;
}

/* ---- the places ---- */

bool
reject_place_init(RejectPlace *place, const Config *config, const Store *store,
				  const AwsxServiceOptions *options, AwsxError *error)
{
	*place = (RejectPlace) {.config = config,.store = store};
	return config->reject_queue_url == NULL ||
		awsx_sqs_service(&place->queue, config->reject_queue_url, options, error);
}

static bool
write_object(const RejectPlace *place, const Reject *reject, AwsxError *error)
{
	AwsxBuf		key;
	AwsxBuf		document;
	bool		done;

	awsx_buf_init(&key, 0);
	awsx_buf_init(&document, 0);
	if (reject_key(reject, place->config->reject_prefix, &key) && reject_document(reject, &document))
		done = store_write(place->store, place->config->reject_bucket, key.data,
						   document.data, document.len, error);
	else
		done = no_memory(error);
	awsx_buf_free(&key);
	awsx_buf_free(&document);
	return done;
}

/* The document, without the record where it is too large for a message. */
static bool
message_document(const Reject *reject, AwsxBuf *document)
{
	Reject		without = *reject;

	if (!reject_document(reject, document))
		return false;
	if (document->len <= MESSAGE_BYTES)
		return true;
	awsx_buf_reset(document);
	without.leave_body = true;
	return reject_document(&without, document);
}

static bool
send_message(const RejectPlace *place, const AwsxSqsSend *message, AwsxError *error)
{
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxSqsOutcome outcome;
	bool		understood;

	if (!awsx_sqs_send_batch_request(&place->queue, place->config->reject_queue_url, message, 1, &request, error))
		return false;
	request.timeout_ms = deadline_left_ms(place->store->deadline);
	if (request.timeout_ms <= 0)
	{
		awsx_http_request_free(&request);
		return awsx_error_set(error, AWSX_ERR_CANCELLED, "the invocation's time is over");
	}
	if (!awsx_client_run(place->store->client, &place->queue, &request, &answer, error))
		return false;
	understood = awsx_sqs_send_batch_answer(&answer, message, 1, &outcome, error);
	awsx_http_response_free(&answer);
	if (!understood || outcome.ok)
		return understood;
	return awsx_error_set(error, outcome.sender_fault ? AWSX_ERR_REQUEST : AWSX_ERR_SERVICE,
						  "the reject queue did not take a message: %s: %s", outcome.code, outcome.message);
}

static bool
write_message(const RejectPlace *place, const Reject *reject, AwsxError *error)
{
	AwsxBuf		key;
	AwsxBuf		document;
	char		id[AWSX_SHA256_HEX_LEN + 1];
	AwsxSqsAttribute attributes[] = {
		{"reject_code", "String", reject->code, strlen(reject->code)},
		{"reject_id", "String", id, AWSX_SHA256_HEX_LEN}
	};
	AwsxSqsSend message = {.attributes = attributes,.attribute_count = 2};
	bool		done;

	awsx_buf_init(&key, 0);
	awsx_buf_init(&document, 0);
	if (reject_key(reject, "", &key) && awsx_sha256_hex(key.data, key.len, id) && message_document(reject, &document))
	{
		message.body = document.data;
		message.body_len = document.len;
		done = send_message(place, &message, error);
	}
	else
		done = no_memory(error);
	awsx_buf_free(&key);
	awsx_buf_free(&document);
	return done;
}

bool
reject_write(const RejectPlace *place, const Reject *reject, AwsxError *error)
{
	if (place->config->reject_bucket != NULL)
		return write_object(place, reject, error);
	if (place->config->reject_queue_url != NULL)
		return write_message(place, reject, error);
	return awsx_error_set(error, AWSX_ERR_CONFIG,
						  "a record cannot be sent (%s), and there is no reject location to "
						  "keep it: set REJECT_URL, or \"reject\" in S3_TO_SQS_CONFIG", reject->code);
}
