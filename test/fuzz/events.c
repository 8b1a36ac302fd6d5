/*
 * events.c
 *	  Fuzzing of what tells a function what to do: notifications, messages of
 *	  an event source mapping, what one invocation hands to the next, rejects
 *	  that are sent again, the configurations, and Lambda's own headers.
 */
#include "targets.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "config_rules.h"
#include "envelope.h"
#include "handover.h"
#include "http_check.h"
#include "load_config.h"
#include "log.h"
#include "resend_document.h"
#include "runtime.h"
#include "sqs_event.h"

void
fuzz_envelope(const char *bytes, size_t len)
{
	AwsxError	error = {0};
	AwsxS3Events *events = awsx_envelope_read(bytes, len, &error);

	assert((events == NULL) == (error.kind != AWSX_OK));
	for (int i = 0; events != NULL && i < events->count; i++)
		assert(events->items[i].bucket[0] != '\0' && events->items[i].key[0] != '\0');
	awsx_envelope_free(events);
}

/* What was read and is written again is read as the same. */
void
fuzz_handover(const char *bytes, size_t len)
{
	char	   *text = strndup(bytes, len);
	AwsxS3Event event = {.bucket = (char *) "b",.key = (char *) "k%/ \xFF",.version_id = (char *) "",.etag = (char *) "",
	.sequencer = (char *) "1",.region = (char *) "",.size = 7,.time_ms = 1767323045000};
	Handover	from;
	Handover	again;
	AwsxError	error = {0};
	AwsxS3Events *events;
	AwsxBuf		body;

	if (handover_read(text, &from, &error))
	{
		assert(from.place.state >= 0 && from.place.state <= SPLIT_MAX_STATE && from.place.offset >= 0 && from.part >= 1);
		awsx_buf_init(&body, 0);
		assert(handover_write(&event, &from, &body));
		events = awsx_envelope_read(body.data, body.len, &error);
		assert(events != NULL && events->count == 1 && strcmp(events->items[0].key, event.key) == 0);
		assert(handover_read(events->items[0].resume, &again, &error));
		assert(memcmp(&from.place, &again.place, sizeof(from.place)) == 0 && from.packed == again.packed);
		assert(from.part == again.part && from.hops == again.hops && from.idle == again.idle);
		assert(strcmp(from.version_id, again.version_id) == 0 && strcmp(from.etag, again.etag) == 0);
		awsx_envelope_free(events);
		awsx_buf_free(&body);
	}
	else
		assert(error.kind != AWSX_OK);
	free(text);
}

void
fuzz_resend(const char *bytes, size_t len)
{
	ResendDocument document;
	AwsxError	error = {0};

	if (resend_document_read(&document, bytes, len, &error))
	{
		assert(document.source.bucket != NULL && document.source.key != NULL);
		(void) resend_document_has(&document, "o");
	}
	else
		assert(error.kind != AWSX_OK);
	resend_document_free(&document);
}

/* Without programs in files: what stands in the file system is no input. */
void
fuzz_config(const char *bytes, size_t len)
{
	char	   *text = strndup(bytes, len);
	Config	   *config = calloc(1, sizeof(Config));
	AwsxError	error = {0};

	if (strstr(text, "file") == NULL && strchr(text, '\\') == NULL)
	{
		if (config_read_document(config, text, &error))
		{
			for (int i = 0; i < config->output_count; i++)
				assert(config->outputs[i].name != NULL);
		}
		else
			assert(error.kind != AWSX_OK && error.message[0] != '\0');
	}
	config_free(config);
	free(text);
}

void
fuzz_load_config(const char *bytes, size_t len)
{
	AwsxError	error = {0};
	LoadConfig *config = load_config_read("fuzz", bytes, len, &error);

	assert((config == NULL) == (error.kind != AWSX_OK));
	if (config != NULL)
	{
		assert(config->target.column_count >= 1 && config->target.name[0] != '\0' && config->ledger.column_count > 0);
		assert(config->version < config->target.column_count && config->subscription[0] != '\0');
		for (int i = 0; i < config->key_count; i++)
			assert(config->key[i] >= 0 && config->key[i] < config->target.column_count);
	}
	load_config_free(config);
}

void
fuzz_messages(const char *bytes, size_t len)
{
	AwsxError	error = {0};
	SqsEvent   *event = sqs_event_read(bytes, len, &error);

	assert((event == NULL) == (error.kind != AWSX_OK));
	for (int i = 0; event != NULL && i < event->count; i++)
	{
		const SqsEventRecord *record = &event->records[i];

		assert(record->id[0] != '\0' && strlen(record->message.body) == record->message.body_len);
		assert(record->problem[0] != '\0' || (*event->queue_arn != '\0' && *event->queue_url != '\0'));
		for (int j = 0; j < record->message.attribute_count; j++)
			assert(record->message.attributes[j].name != NULL && record->message.attributes[j].value != NULL);
	}
	sqs_event_free(event);
}

/*----------
 * Lambda's answer to "next", over a transport that gives it once
 *----------
 */

typedef struct Once
{
	AwsxTransport table;
	int			fd;				/* always readable */
	AwsxHttpCall *pending;
	int			calls;
	const char *bytes;			/* header lines, an empty line, the event */
	size_t		len;
} Once;

static bool
once_start(AwsxTransport *self, AwsxHttpCall *call, AwsxError *error)
{
	assert(awsx_http_request_check(call->request, true, error));
	awsx_http_response_init(&call->response, 0);
	((Once *) self)->pending = call;
	return true;
}

static void
once_cancel(AwsxTransport *self, AwsxHttpCall *call)
{
	(void) call;
	((Once *) self)->pending = NULL;
}

static void
answer_next(const Once *once, AwsxHttpResponse *answer)
{
	const char *at = once->bytes;
	const char *stop = at + once->len;
	const char *end;

	answer->status = 200;
	while (at < stop && (end = memchr(at, '\n', (size_t) (stop - at))) != NULL && end > at)
	{
		assert(awsx_headers_set_line(&answer->headers, at, (size_t) (end - at)));
		at = end + 1;
	}
	at += at < stop && *at == '\n';
	assert(awsx_buf_append(&answer->body, at, (size_t) (stop - at)));
}

static void
once_drive(AwsxTransport *self)
{
	Once	   *once = (Once *) self;
	AwsxHttpCall *call = once->pending;

	if (call == NULL)
		return;
	once->pending = NULL;
	awsx_error_clear(&call->error);
	if (once->calls++ == 0)
		answer_next(once, &call->response);
	else
		call->response.status = strcmp(call->request->method, "GET") == 0 ? 403 : 202;	/* the end */
	call->done(call);
}

static int
once_fd(AwsxTransport *self)
{
	return ((Once *) self)->fd;
}

static int
once_timeout(AwsxTransport *self)
{
	return ((Once *) self)->pending != NULL ? 0 : -1;
}

static void
once_free(AwsxTransport *self)
{
	close(((Once *) self)->fd);
}

static void
handle(void *arg, const RuntimeInvocation *invocation, RuntimeReply *reply)
{
	(void) arg;
	assert(invocation->request_id[0] != '\0' && strlen(invocation->request_id) <= 128);
	assert(invocation->request_id[strspn(invocation->request_id,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")] == '\0');
	assert(invocation->event != NULL && invocation->deadline_ms >= 0);
	reply->failed = invocation->event_len % 2 == 0;
	if (!reply->failed)
		awsx_buf_append(&reply->body, invocation->event, invocation->event_len);
}

void
fuzz_invocation(const char *bytes, size_t len)
{
	Once		once = {.bytes = bytes,.len = len,.fd = dup(STDIN_FILENO)};
	RuntimeOptions options = {.api = "127.0.0.1:1",.transport = &once.table};
	AwsxError	error;
	Runtime    *runtime;

	once.table = (AwsxTransport) {
		.start = once_start, .cancel = once_cancel, .drive = once_drive, .fd = once_fd,
		.timeout_ms = once_timeout, .free = once_free
	};
	log_set_level("FATAL");
	runtime = runtime_create(&options, &error);
	assert(runtime != NULL);
	assert(runtime_run(runtime, handle, NULL) != 0);
	runtime_free(runtime);
}
