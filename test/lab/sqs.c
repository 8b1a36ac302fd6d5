/*
 * sqs.c
 *		SQS over AWS JSON 1.0: dispatch, batches, errors, members of requests.
 *
 * A call is parsed once into an SqsCall that lives as long as its exchange.
 * Its action fills `out`, fails, or parks the call (a long poll).  A batch runs
 * the action of the single call for each of its entries, as an SqsCall of its
 * own.  Errors carry three names, as on AWS: the JSON type, under the service's
 * or the framework's prefix, and the older query code, which stands in a header
 * and in the entries of a batch.  The query code is what the lab says them by.
 */
#include "sqs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "faults.h"
#include "json_text.h"
#include "service.h"

#define CONTENT_TYPE	"application/x-amz-json-1.0"
#define SERVICE			"com.amazonaws.sqs#"
#define FRAMEWORK		"com.amazon.coral.service#"
#define LEGACY			"AWS.SimpleQueueService."

typedef struct SqsError
{
	const char *query;
	const char *type;
	int			status;
} SqsError;

static const SqsError errors[] = {
	{LEGACY "NonExistentQueue", SERVICE "QueueDoesNotExist", 400},
	{"InvalidParameterValue", FRAMEWORK "InvalidParameterValueException", 400},
	{"MissingParameter", FRAMEWORK "MissingRequiredParameterException", 400},
	{"InvalidAttributeName", SERVICE "InvalidAttributeName", 400},
	{"InvalidAttributeValue", SERVICE "InvalidAttributeValue", 400},
	{"QueueAlreadyExists", SERVICE "QueueNameExists", 400},
	{LEGACY "QueueDeletedRecently", SERVICE "QueueDeletedRecently", 400},
	{LEGACY "PurgeQueueInProgress", SERVICE "PurgeQueueInProgress", 403},
	{"ReceiptHandleIsInvalid", SERVICE "ReceiptHandleIsInvalid", 400},
	{LEGACY "MessageNotInflight", SERVICE "MessageNotInflight", 400},
	{"OverLimit", SERVICE "OverLimit", 403},
	{LEGACY "TooManyEntriesInBatchRequest", SERVICE "TooManyEntriesInBatchRequest", 400},
	{LEGACY "EmptyBatchRequest", SERVICE "EmptyBatchRequest", 400},
	{LEGACY "BatchEntryIdsNotDistinct", SERVICE "BatchEntryIdsNotDistinct", 400},
	{LEGACY "InvalidBatchEntryId", SERVICE "InvalidBatchEntryId", 400},
	{LEGACY "BatchRequestTooLong", SERVICE "BatchRequestTooLong", 400},
	{"InvalidMessageContents", SERVICE "InvalidMessageContents", 400},
	{"InvalidAddress", SERVICE "InvalidAddress", 404},
	{"ResourceNotFoundException", SERVICE "ResourceNotFoundException", 404},
	{"SerializationException", FRAMEWORK "SerializationException", 400},
	{"InvalidAction", FRAMEWORK "UnknownOperationException", 400},
	{"MissingAuthenticationToken", FRAMEWORK "MissingAuthenticationTokenException", 403},
	{"IncompleteSignature", FRAMEWORK "IncompleteSignatureException", 400},
	{"InvalidClientTokenId", FRAMEWORK "UnrecognizedClientException", 403},
	{"SignatureDoesNotMatch", FRAMEWORK "InvalidSignatureException", 403},
	{"ExpiredToken", FRAMEWORK "ExpiredTokenException", 403},
};

typedef struct SqsAction
{
	const char *name;
	void		(*run) (SqsCall *call);
	bool		names_queue;	/* QueueUrl is required, and the queue must exist */
	const char *entries;		/* for batches: what AWS calls one */
	void		(*check_whole) (SqsCall *call, json_t *entries);
} SqsAction;

static const SqsAction actions[] = {
	{"ReceiveMessage", .run = sqs_receive_message, .names_queue = true},
	{"DeleteMessageBatch", .run = sqs_delete_message, .names_queue = true, .entries = "DeleteMessageBatchRequestEntry"},
	{"SendMessageBatch", .run = sqs_send_message, .names_queue = true, .entries = "SendMessageBatchRequestEntry", .check_whole = sqs_check_send_batch},
	{"SendMessage", .run = sqs_send_message, .names_queue = true},
	{"DeleteMessage", .run = sqs_delete_message, .names_queue = true},
	{"ChangeMessageVisibility", .run = sqs_change_visibility, .names_queue = true},
	{"ChangeMessageVisibilityBatch", .run = sqs_change_visibility, .names_queue = true, .entries = "ChangeMessageVisibilityBatchRequestEntry"},
	{"CreateQueue", .run = sqs_create_queue},
	{"GetQueueUrl", .run = sqs_get_queue_url},
	{"GetQueueAttributes", .run = sqs_get_attributes, .names_queue = true},
	{"SetQueueAttributes", .run = sqs_set_attributes, .names_queue = true},
	{"ListQueues", .run = sqs_list_queues},
	{"ListDeadLetterSourceQueues", .run = sqs_list_queues, .names_queue = true},
	{"TagQueue", .run = sqs_tag_queue, .names_queue = true},
	{"UntagQueue", .run = sqs_untag_queue, .names_queue = true},
	{"ListQueueTags", .run = sqs_list_tags, .names_queue = true},
	{"StartMessageMoveTask", .run = sqs_start_move},
	{"ListMessageMoveTasks", .run = sqs_list_moves},
	{"CancelMessageMoveTask", .run = sqs_cancel_move},
	{"DeleteQueue", .run = sqs_delete_queue, .names_queue = true},
	{"PurgeQueue", .run = sqs_purge_queue, .names_queue = true},
	{.name = NULL}
};

static const SqsAction *
find_action(const char *name)
{
	const SqsAction *action = actions;

	while (action->name != NULL && strcmp(action->name, name) != 0)
		action++;
	return action->name != NULL ? action : NULL;
}

static const char *
tail_of(const char *name, char separator)
{
	const char *last = strrchr(name, separator);

	return last != NULL ? last + 1 : name;
}

/* By its query code, with or without prefix, or its JSON type without; NULL if there is none. */
static const SqsError *
find_error(const char *code)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
	{
		if (strcmp(errors[i].query, code) == 0 || strcmp(tail_of(errors[i].query, '.'), code) == 0 ||
			strcmp(tail_of(errors[i].type, '#'), code) == 0)
			return &errors[i];
	}
	return NULL;
}

void
sqs_fail(SqsCall *call, const char *code, const char *format,...)
{
	va_list		args;

	if (call->error != NULL)
		return;
	call->error = find_error(code);
	va_start(args, format);
	call->message = json_vsprintf(format, args);
	va_end(args);
}

void
sqs_fail_value(SqsCall *call, const char *name, const char *reason)
{
	const json_t *value = json_object_get(call->in, name);
	char		number[24];

	snprintf(number, sizeof(number), "%lld", (long long) json_integer_value(value));
	sqs_fail(call, "InvalidParameterValue", "Value %s for parameter %s is invalid. Reason: %s",
			 json_is_string(value) ? json_string_value(value) : number, name, reason);
}

/* Takes the text over. */
static void
answer(Exchange *x, int status, Buf *text)
{
	http_add_header(x, "x-amzn-RequestId", "%s", x->request_id);
	http_answer(x, status, CONTENT_TYPE, text);
}

/* Codes that are nobody's are taken as they are: a fault script may say anything. */
static void
refuse(Exchange *x, int status, const char *code, const char *message)
{
	const SqsError *error = find_error(code);
	const char *query = error != NULL ? error->query : tail_of(code, '#');
	json_t	   *body = json_pack("{s:s,s:s}", "__type", error != NULL ? error->type : code, "message", message);
	Buf			text = {0};

	router_note_error(x, query);
	http_add_header(x, "x-amzn-query-error", "%s;%s", query, status < 500 ? "Sender" : "Receiver");
	if (body != NULL)
		json_to_text(&text, body);
	json_decref(body);
	answer(x, status, &text);
}

void
sqs_answer(SqsCall *call)
{
	if (call->error == NULL)
	{
		if (call->text.len == 0)
			json_to_text(&call->text, call->out);
		answer(call->x, 200, &call->text);
	}
	else
		refuse(call->x, call->error->status, call->error->query, json_string_value(call->message));
}

void
sqs_journal_fault(const SqsCall *call, const char *deed, const char *message_id)
{
	journal_effect("sqs.fault", "ssss", "queue", call->queue->name, "action", call->action->name,
				   "do", deed, "message_id", message_id);
}

/* NULL when absent or null, or when it fails the call for not being of the type. */
static json_t *
member_of_type(SqsCall *call, const char *name, json_type type, const char *type_name)
{
	json_t	   *member = json_object_get(call->in, name);

	if (member == NULL || json_is_null(member))
		return NULL;
	if (json_typeof(member) == type)
		return member;
	sqs_fail(call, "SerializationException", "%s must be %s", name, type_name);
	return NULL;
}

const char *
sqs_text(SqsCall *call, const char *name, bool required)
{
	const json_t *member = member_of_type(call, name, JSON_STRING, "a string");
	const char *text = json_string_value(member);

	if (text == NULL && required)
		sqs_fail(call, "MissingParameter", "The request must contain the parameter %s.", name);
	if (text == NULL || strlen(text) == json_string_length(member))
		return text;
	sqs_fail_value(call, name, "It contains a NUL character.");
	return NULL;
}

int64_t
sqs_integer(SqsCall *call, const char *name, int64_t least, int64_t most, int64_t absent)
{
	const json_t *member = member_of_type(call, name, JSON_INTEGER, "an integer");
	int64_t		value = member != NULL ? json_integer_value(member) : absent;

	char		reason[80];

	snprintf(reason, sizeof(reason), "Must be between %lld and %lld, if provided.", (long long) least, (long long) most);
	if (member != NULL && (value < least || value > most))
		sqs_fail_value(call, name, reason);
	return value;
}

json_t *
sqs_list(SqsCall *call, const char *name)
{
	json_t	   *list = member_of_type(call, name, JSON_ARRAY, "a list of strings");
	size_t		i;
	json_t	   *item;

	json_array_foreach(list, i, item)
	{
		if (json_is_string(item))
			continue;
		sqs_fail(call, "SerializationException", "%s must be a list of strings", name);
		return NULL;
	}
	return list;
}

json_t *
sqs_map(SqsCall *call, const char *name)
{
	return member_of_type(call, name, JSON_OBJECT, "a map");
}

void
sqs_set_text(json_t *object, const char *name, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_object_set_new_nocheck(object, name, json_string_nocheck(text));
}

void
sqs_set_number(json_t *object, const char *name, int64_t value)
{
	char		text[24];

	snprintf(text, sizeof(text), "%lld", (long long) value);
	sqs_set_text(object, name, text);
}

static bool
is_among(const char *const *texts, size_t count, const char *text)
{
	size_t		i = 0;

	while (i < count && strcmp(texts[i], text) != 0)
		i++;
	return i < count;
}

/* Of no more entries than there may be. */
static void
check_entry_ids(SqsCall *call, json_t *entries)
{
	json_t	   *whole = call->in;
	const char *seen[SQS_BATCH_ENTRIES_MAX];
	size_t		i;

	json_array_foreach(entries, i, call->in)
	{
		const char *id = sqs_text(call, "Id", true);
		size_t		len = id != NULL ? strlen(id) : 1;

		if (len < 1 || len > 80 || (id != NULL && strspn(id, ALPHANUMERIC "_-") < len))
			sqs_fail(call, "InvalidBatchEntryId", "A batch entry id can only contain alphanumeric "
					 "characters, hyphens and underscores. It can be at most 80 letters long.");
		else if (id != NULL && is_among(seen, i, id))
			sqs_fail(call, "BatchEntryIdsNotDistinct", "Id %s repeated.", id);
		seen[i] = id != NULL ? id : "";
	}
	call->in = whole;
}

static void
check_batch(SqsCall *call, json_t *entries)
{
	if (json_array_size(entries) == 0)
		sqs_fail(call, "EmptyBatchRequest", "There should be at least one %s in the request.", call->action->entries);
	else if (json_array_size(entries) > SQS_BATCH_ENTRIES_MAX)
		sqs_fail(call, "TooManyEntriesInBatchRequest", "Maximum number of entries per request are %d. "
				 "You have sent %zu.", SQS_BATCH_ENTRIES_MAX, json_array_size(entries));
	else
		check_entry_ids(call, entries);
	if (call->error == NULL && call->action->check_whole != NULL)
		call->action->check_whole(call, entries);
}

/* To Successful or Failed, which are absent when empty (recorded). */
static void
add_entry(json_t *out, const char *list_name, json_t *entry)
{
	json_t	   *list = json_object_get(out, list_name);

	if (list == NULL)
		json_object_set_new(out, list_name, list = json_array());
	json_array_append_new(list, entry);
}

static void
run_entry(SqsCall *call, json_t *in, size_t index)
{
	SqsCall		one = {.x = call->x, .action = call->action, .in = in, .queue = call->queue, .in_batch = true};
	json_t	   *id = json_object_get(in, "Id");
	const char *message;
	const char *code;
	bool		scripted = faults_fail_entry(call->x, index, &code, &message);

	one.out = json_object();
	if (id != NULL)
		json_object_set_nocheck(one.out, "Id", id);
	if (!scripted)
		call->action->run(&one);
	if (one.error != NULL)
	{
		code = one.error->query;
		message = json_string_value(one.message);
	}
	if (scripted || one.error != NULL)
		add_entry(call->out, "Failed", json_pack("{s:O,s:b,s:s,s:s}", "Id", id, "SenderFault", !scripted,
												 "Code", code, "Message", message));
	else
		add_entry(call->out, "Successful", json_incref(one.out));
	json_decref(one.out);
	json_decref(one.message);
}

static void
run_batch(SqsCall *call)
{
	json_t	   *entries = member_of_type(call, "Entries", JSON_ARRAY, "a list");
	size_t		i;
	json_t	   *in;

	if (call->error == NULL)
		check_batch(call, entries);
	if (call->error != NULL)
		return;
	json_array_foreach(entries, i, in)
		run_entry(call, in, i);
}

static void
call_free(void *arg)
{
	SqsCall    *call = arg;

	json_decref(call->in);
	json_decref(call->out);
	json_decref(call->message);
	buf_free(&call->text);
	free(call);
}

/* The queue's name is what follows "/ACCOUNT/" at the end of its URL. */
static void
note_queue(Exchange *x, const json_t *in)
{
	const char *url = json_string_value(json_object_get(in, "QueueUrl"));
	const char *name = url != NULL ? tail_of(url, '/') : json_string_value(json_object_get(in, "QueueName"));

	snprintf(x->resource, sizeof(x->resource), "%s", name != NULL ? name : "");
}

static void
identify(Exchange *x)
{
	SqsCall    *call = mem_zalloc(sizeof(SqsCall));

	x->resource_kind = "queue";
	call->x = x;
	call->action = find_action(http_header(x, "X-Amz-Target") + strlen("AmazonSQS."));
	x->action = call->action != NULL ? call->action->name : NULL;
	call->out = json_object();
	call->in = json_from_text(x->body.data, x->body.len);
	x->call = call;
	x->call_free = call_free;
	note_queue(x, call->in);
}

/* Host and scheme of a queue URL do not matter, its account and name do. */
static void
find_queue(SqsCall *call)
{
	const char *url = sqs_text(call, "QueueUrl", true);
	const char *name = url != NULL ? strrchr(url, '/') : NULL;
	size_t		len = strlen(cloud.account);

	if (url == NULL)
		return;
	if (name == NULL || (size_t) (name - url) <= len || name[-1 - (ptrdiff_t) len] != '/' ||
		strncmp(name - len, cloud.account, len) != 0)
		sqs_fail(call, "InvalidAddress", "The address %s is not valid for this endpoint.", url);
	else if ((call->queue = sqs_find(name + 1)) == NULL)
		sqs_fail(call, "NonExistentQueue", "The specified queue does not exist.");
}

static void
handle(Exchange *x)
{
	SqsCall    *call = x->call;

	if (call->action == NULL)
		sqs_fail(call, "InvalidAction", "The lab knows no such action.");
	else if (!json_is_object(call->in))
		sqs_fail(call, "SerializationException", "The body is not a JSON object.");
	else if (call->action->names_queue)
		find_queue(call);
	if (call->error == NULL)
		(call->action->entries != NULL ? run_batch : call->action->run) (call);
	if (call->queue != NULL)
		sqs_changed(call->queue);
	if (!call->parked)
		sqs_answer(call);
}

const Service sqs_service = {"sqs", identify, auth_require, handle, refuse};
