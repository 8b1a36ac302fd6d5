/*
 * sqs.c
 *		SQS over AWS JSON 1.0: dispatch, errors, members of requests.
 *
 * A call is parsed once into an SqsCall that lives as long as its exchange.
 * Its action fills `out` or `error`, or parks the call (a long poll).  Errors
 * carry three names, as on AWS: the JSON type, under the service's or the
 * framework's prefix, and the older query code in a header.  Entries of a
 * batch report the query code.
 */
#include "sqs.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "auth.h"
#include "faults.h"
#include "service.h"

#define TOLERANCE_MS	(5 * 60 * 1000)
#define CONTENT_TYPE	"application/x-amz-json-1.0"
#define SERVICE			"com.amazonaws.sqs#"
#define FRAMEWORK		"com.amazon.coral.service#"
#define LEGACY			"AWS.SimpleQueueService."

typedef struct ErrorNames
{
	const char *type;
	const char *query;
	int			status;
} ErrorNames;

static const ErrorNames error_names[] = {
	[SQS_NO_QUEUE] = {SERVICE "QueueDoesNotExist", LEGACY "NonExistentQueue", 400},
	[SQS_INVALID_PARAMETER] = {FRAMEWORK "InvalidParameterValueException", "InvalidParameterValue", 400},
	[SQS_MISSING_PARAMETER] = {FRAMEWORK "MissingRequiredParameterException", "MissingParameter", 400},
	[SQS_INVALID_ATTRIBUTE_NAME] = {SERVICE "InvalidAttributeName", "InvalidAttributeName", 400},
	[SQS_INVALID_ATTRIBUTE_VALUE] = {SERVICE "InvalidAttributeValue", "InvalidAttributeValue", 400},
	[SQS_QUEUE_EXISTS] = {SERVICE "QueueNameExists", "QueueAlreadyExists", 400},
	[SQS_QUEUE_DELETED_RECENTLY] = {SERVICE "QueueDeletedRecently", LEGACY "QueueDeletedRecently", 400},
	[SQS_PURGE_IN_PROGRESS] = {SERVICE "PurgeQueueInProgress", LEGACY "PurgeQueueInProgress", 403},
	[SQS_INVALID_HANDLE] = {SERVICE "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 400},
	[SQS_NOT_IN_FLIGHT] = {SERVICE "MessageNotInflight", LEGACY "MessageNotInflight", 400},
	[SQS_TOO_MANY_ENTRIES] = {SERVICE "TooManyEntriesInBatchRequest", LEGACY "TooManyEntriesInBatchRequest", 400},
	[SQS_EMPTY_BATCH] = {SERVICE "EmptyBatchRequest", LEGACY "EmptyBatchRequest", 400},
	[SQS_IDS_NOT_DISTINCT] = {SERVICE "BatchEntryIdsNotDistinct", LEGACY "BatchEntryIdsNotDistinct", 400},
	[SQS_INVALID_ENTRY_ID] = {SERVICE "InvalidBatchEntryId", LEGACY "InvalidBatchEntryId", 400},
	[SQS_BATCH_TOO_LONG] = {SERVICE "BatchRequestTooLong", LEGACY "BatchRequestTooLong", 400},
	[SQS_INVALID_CONTENTS] = {SERVICE "InvalidMessageContents", "InvalidMessageContents", 400},
	[SQS_INVALID_ADDRESS] = {SERVICE "InvalidAddress", "InvalidAddress", 404},
	[SQS_SERIALIZATION] = {FRAMEWORK "SerializationException", "SerializationException", 400},
	[SQS_UNKNOWN_OPERATION] = {FRAMEWORK "UnknownOperationException", "InvalidAction", 400},
	[SQS_NO_TOKEN] = {FRAMEWORK "MissingAuthenticationTokenException", "MissingAuthenticationToken", 403},
	[SQS_INCOMPLETE_SIGNATURE] = {FRAMEWORK "IncompleteSignatureException", "IncompleteSignature", 400},
	[SQS_UNKNOWN_KEY] = {FRAMEWORK "UnrecognizedClientException", "InvalidClientTokenId", 403},
	[SQS_BAD_SIGNATURE] = {FRAMEWORK "InvalidSignatureException", "SignatureDoesNotMatch", 403},
};

typedef struct SqsAction
{
	const char *name;
	void		(*run) (SqsCall *call);
	bool		names_queue;	/* QueueUrl is required, and the queue must exist */
} SqsAction;

static const SqsAction actions[] = {
	{"ReceiveMessage", sqs_receive_message, true},
	{"DeleteMessageBatch", sqs_delete_message_batch, true},
	{"SendMessageBatch", sqs_send_message_batch, true},
	{"SendMessage", sqs_send_message, true},
	{"DeleteMessage", sqs_delete_message, true},
	{"ChangeMessageVisibility", sqs_change_visibility, true},
	{"ChangeMessageVisibilityBatch", sqs_change_visibility_batch, true},
	{"CreateQueue", sqs_create_queue, false},
	{"GetQueueUrl", sqs_get_queue_url, false},
	{"GetQueueAttributes", sqs_get_attributes, true},
	{"SetQueueAttributes", sqs_set_attributes, true},
	{"ListQueues", sqs_list_queues, false},
	{"DeleteQueue", sqs_delete_queue, true},
	{"PurgeQueue", sqs_purge_queue, true},
};

static const SqsAction *
find_action(const char *name)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
	{
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	}
	return NULL;
}

void
sqs_fail(SqsError *error, SqsErrorKind kind, const char *format,...)
{
	va_list		args;

	error->kind = kind;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
}

static void
answer_json(Exchange *x, int status, json_t *body)
{
	http_add_header(x, "x-amzn-RequestId", "%s", x->request_id);
	http_answer_json(x, status, CONTENT_TYPE, body);
}

static void
answer_error(Exchange *x, int status, const char *type, const char *query, const char *message)
{
	router_note_error(x, query);
	http_add_header(x, "x-amzn-query-error", "%s;%s", query, status < 500 ? "Sender" : "Receiver");
	answer_json(x, status, json_pack("{s:s,s:s}", "__type", type, "message", message));
}

/* For faults: any code, in the shape of a service error. */
static void
refuse(Exchange *x, int status, const char *code, const char *message)
{
	const char *tail = strrchr(code, '#');

	answer_error(x, status, code, tail != NULL ? tail + 1 : code, message);
}

/* Cutting a message at 400 bytes may split a character, which JSON cannot carry. */
static void
cut_to_utf8(char *text)
{
	uint32_t	point;
	size_t		size;
	size_t		len = strlen(text);

	for (size_t i = 0; i < len; i += size)
	{
		if ((size = utf8_char(text + i, len - i, &point)) == 0)
		{
			text[i] = '\0';
			return;
		}
	}
}

void
sqs_answer(SqsCall *call)
{
	const ErrorNames *names = &error_names[call->error.kind];

	if (call->error.kind == SQS_OK && call->text.len > 0)
	{
		http_add_header(call->x, "x-amzn-RequestId", "%s", call->x->request_id);
		http_answer(call->x, 200, CONTENT_TYPE, &call->text);
	}
	else if (call->error.kind == SQS_OK)
		answer_json(call->x, 200, json_incref(call->out));
	else
	{
		cut_to_utf8(call->error.text);
		answer_error(call->x, names->status, names->type, names->query, call->error.text);
	}
}

static void
add_entry(json_t *out, const char *list_name, json_t *entry)
{
	json_t	   *list = json_object_get(out, list_name);

	if (list == NULL)
		json_object_set_new(out, list_name, list = json_array());
	json_array_append_new(list, entry);
}

static void
add_failed(json_t *out, const char *id, const char *code, bool sender, const char *message)
{
	add_entry(out, "Failed", json_pack("{s:s,s:b,s:s,s:s}", "Id", id, "SenderFault", sender,
									   "Code", code, "Message", message));
}

json_t *
sqs_add_successful(json_t *out, const char *id)
{
	json_t	   *entry = json_pack("{s:s}", "Id", id);

	add_entry(out, "Successful", entry);
	return entry;
}

void
sqs_add_failed(json_t *out, const char *id, const SqsError *error)
{
	SqsError	cut = *error;

	cut_to_utf8(cut.text);
	add_failed(out, id, error_names[error->kind].query, error_names[error->kind].status < 500, cut.text);
}

bool
sqs_entry_faulted(SqsCall *call, size_t index, const char *id)
{
	const char *code;
	const char *message;

	if (!faults_fail_entry(call->x, index, &code, &message))
		return false;
	add_failed(call->out, id, code, false, message);
	return true;
}

/* NULL when absent or null. */
static json_t *
get_member(const json_t *in, const char *name)
{
	json_t	   *member = json_object_get(in, name);

	return json_is_null(member) ? NULL : member;
}

bool
sqs_get_text(const json_t *in, const char *name, bool required, const char **value, SqsError *error)
{
	const json_t *member = get_member(in, name);

	*value = NULL;
	if (member == NULL)
	{
		if (required)
			sqs_fail(error, SQS_MISSING_PARAMETER, "The request must contain the parameter %s.", name);
		return !required;
	}
	if (!json_is_string(member))
	{
		sqs_fail(error, SQS_SERIALIZATION, "%s must be a string", name);
		return false;
	}
	*value = json_string_value(member);
	if (strlen(*value) == json_string_length(member))
		return true;
	sqs_fail(error, SQS_INVALID_PARAMETER, "%s contains a NUL character.", name);
	return false;
}

bool
sqs_get_integer(const json_t *in, const char *name, int64_t least, int64_t most, int64_t *value,
				SqsError *error)
{
	const json_t *member = get_member(in, name);

	if (member == NULL)
		return true;
	if (!json_is_integer(member))
	{
		sqs_fail(error, SQS_SERIALIZATION, "%s must be an integer", name);
		return false;
	}
	*value = json_integer_value(member);
	if (*value >= least && *value <= most)
		return true;
	sqs_fail(error, SQS_INVALID_PARAMETER, "Value %lld for parameter %s is invalid. Reason: Must be "
			 "between %lld and %lld, if provided.", (long long) *value, name, (long long) least,
			 (long long) most);
	return false;
}

bool
sqs_get_list(const json_t *in, const char *name, json_t **value, SqsError *error)
{
	size_t		i;
	json_t	   *item;

	*value = get_member(in, name);
	json_array_foreach(*value, i, item)
	{
		if (!json_is_string(item))
			break;
	}
	if (*value == NULL || (json_is_array(*value) && i == json_array_size(*value)))
		return true;
	sqs_fail(error, SQS_SERIALIZATION, "%s must be a list of strings", name);
	return false;
}

bool
sqs_get_map(const json_t *in, const char *name, json_t **map, SqsError *error)
{
	*map = get_member(in, name);
	if (*map != NULL && !json_is_object(*map))
		sqs_fail(error, SQS_SERIALIZATION, "%s must be a map", name);
	return error->kind == SQS_OK;
}

bool
sqs_is_id(const char *text)
{
	size_t		len = strlen(text);

	for (size_t i = 0; i < len; i++)
	{
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	}
	return len >= 1 && len <= 128;
}

static bool
is_entry_id(const char *id)
{
	size_t		len = strlen(id);

	return len >= 1 && len <= 80 &&
		strspn(id, ALPHANUMERIC "_-") == len;
}

static bool
check_entry_ids(json_t *entries, SqsError *error)
{
	json_t	   *seen = json_object();
	json_t	   *entry;
	size_t		i;
	const char *id;

	json_array_foreach(entries, i, entry)
	{
		if (!sqs_get_text(entry, "Id", true, &id, error))
			break;
		if (!is_entry_id(id))
			sqs_fail(error, SQS_INVALID_ENTRY_ID, "A batch entry id can only contain alphanumeric "
					 "characters, hyphens and underscores. It can be at most 80 letters long.");
		else if (json_object_get(seen, id) != NULL)
			sqs_fail(error, SQS_IDS_NOT_DISTINCT, "Id %s repeated.", id);
		json_object_set_new(seen, id, json_true());
		if (error->kind != SQS_OK)
			break;
	}
	json_decref(seen);
	return error->kind == SQS_OK;
}

json_t *
sqs_batch_entries(SqsCall *call, const char *entry_name)
{
	json_t	   *entries = json_object_get(call->in, "Entries");

	if (entries != NULL && !json_is_array(entries))
		sqs_fail(&call->error, SQS_SERIALIZATION, "Entries must be a list");
	else if (json_array_size(entries) == 0)
		sqs_fail(&call->error, SQS_EMPTY_BATCH, "There should be at least one %s in the request.", entry_name);
	else if (json_array_size(entries) > SQS_BATCH_ENTRIES_MAX)
		sqs_fail(&call->error, SQS_TOO_MANY_ENTRIES, "Maximum number of entries per request are %d. "
				 "You have sent %zu.", SQS_BATCH_ENTRIES_MAX, json_array_size(entries));
	else if (check_entry_ids(entries, &call->error))
		return entries;
	return NULL;
}

static void
call_free(void *arg)
{
	SqsCall    *call = arg;

	json_decref(call->in);
	json_decref(call->out);
	buf_free(&call->text);
	free(call);
}

/* The queue's name is what follows "/ACCOUNT/" at the end of its URL. */
static void
note_queue(Exchange *x, const json_t *in)
{
	const char *url = json_string_value(json_object_get(in, "QueueUrl"));
	const char *name = json_string_value(json_object_get(in, "QueueName"));

	if (url != NULL && strrchr(url, '/') != NULL)
		name = strrchr(url, '/') + 1;
	snprintf(x->resource, sizeof(x->resource), "%s", name != NULL ? name : "");
	cut_to_utf8(x->resource);
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
	call->in = json_loadb(x->body.data, x->body.len, JSON_ALLOW_NUL, NULL);
	x->call = call;
	x->call_free = call_free;
	if (json_is_object(call->in))
		note_queue(x, call->in);
}

static bool
authorise(Exchange *x)
{
	static const SqsErrorKind kinds[] = {
		[AUTH_MISSING] = SQS_NO_TOKEN,
		[AUTH_MALFORMED] = SQS_INCOMPLETE_SIGNATURE,
		[AUTH_UNKNOWN_KEY] = SQS_UNKNOWN_KEY,
		[AUTH_WRONG_REGION] = SQS_BAD_SIGNATURE,
		[AUTH_WRONG_SCOPE] = SQS_BAD_SIGNATURE,
		[AUTH_SKEWED] = SQS_BAD_SIGNATURE,
		[AUTH_UNSIGNED_HEADER] = SQS_BAD_SIGNATURE,
		[AUTH_MISMATCH] = SQS_BAD_SIGNATURE,
	};
	SqsCall    *call = x->call;
	AuthReport	report;
	char		hash[SHA256_HEX];

	sha256_hex(x->body.data, x->body.len, hash);
	auth_verify(x, "sqs", hash, TOLERANCE_MS, &report);
	if (report.verdict == AUTH_OK)
		return true;
	sqs_fail(&call->error, kinds[report.verdict], "%s%s",
			 report.verdict == AUTH_UNSIGNED_HEADER ? "The header must be part of the signature: " : "",
			 report.text);
	sqs_answer(call);
	return false;
}

/* Host and scheme of a queue URL do not matter, its account and name do. */
static bool
find_queue(SqsCall *call)
{
	char		tail[64];
	const char *url;
	const char *name;

	if (!sqs_get_text(call->in, "QueueUrl", true, &url, &call->error))
		return false;
	name = strrchr(url, '/');
	snprintf(tail, sizeof(tail), "/%s", cloud.account);
	if (name == NULL || (size_t) (name - url) < strlen(tail) ||
		strncmp(name - strlen(tail), tail, strlen(tail)) != 0)
		sqs_fail(&call->error, SQS_INVALID_ADDRESS, "The address %s is not valid for this endpoint.", url);
	else if ((call->queue = sqs_find(name + 1)) == NULL)
		sqs_fail(&call->error, SQS_NO_QUEUE, "The specified queue does not exist.");
	return call->queue != NULL;
}

static void
handle(Exchange *x)
{
	SqsCall    *call = x->call;

	if (call->action == NULL)
		sqs_fail(&call->error, SQS_UNKNOWN_OPERATION, "The lab knows no such action.");
	else if (!json_is_object(call->in))
		sqs_fail(&call->error, SQS_SERIALIZATION, "The body is not a JSON object.");
	else if (!call->action->names_queue || find_queue(call))
		call->action->run(call);
	if (!call->parked)
		sqs_answer(call);
}

const Service sqs_service = {"sqs", identify, authorise, handle, refuse};
