/*
 * event_source.c
 *		Event source mappings: a queue that feeds a function.
 *
 * A mapping takes a batch whenever a runtime of its function is idle, so a
 * message never waits between its queue and a process, as it would in no cloud
 * that starts processes at will.  A batch of a FIFO queue has messages of one
 * group; what is in flight holds the rest of its group back in the queue, so
 * there are never two batches of a group, while groups run side by side.
 *
 * What the function processed is deleted; what it did not stays in flight
 * until the queue's visibility timeout, and is received once more.  The
 * redrive policy belongs to the queue.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "auth.h"
#include "journal.h"
#include "lambda.h"
#include "service.h"
#include "sqs.h"

#define PATH			"/2015-03-31/event-source-mappings"
#define EVENT_MAX		(6 * 1024 * 1024)
#define REPORTS			"ReportBatchItemFailures"

typedef struct Mapping
{
	Source		source;			/* first: see offer */
	TAILQ_ENTRY(Mapping) link;
	char		id[UUID_TEXT];
	Function   *function;
	json_t	   *settings;		/* as in the calls, all of them */
	int			n_running;		/* batches */
	bool		deleted;		/* kept while batches run */
	int64_t		modified_ms;
} Mapping;

typedef struct Batch
{
	Mapping    *mapping;
	json_t	   *records;
} Batch;

static TAILQ_HEAD(, Mapping) mappings = TAILQ_HEAD_INITIALIZER(mappings);

static const char *
text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static const char *
queue_of(const Mapping *mapping)
{
	return text_of(mapping->settings, "EventSourceArn");
}

static json_int_t
concurrency_of(const json_t *settings)
{
	const json_t *most = json_object_get(json_object_get(settings, "ScalingConfig"), "MaximumConcurrency");

	return most != NULL ? json_integer_value(most) : 1000;
}

/* Deletes all but the failed. */
static void
settle(const Batch *batch, const json_t *failed)
{
	json_t	   *record;
	size_t		i;

	json_array_foreach(batch->records, i, record)
	{
		if (json_object_get(failed, text_of(record, "messageId")) == NULL)
			sqs_settle(queue_of(batch->mapping), text_of(record, "receiptHandle"), true);
	}
}

/*
 * Fills failed with the ids that an answer reports.  False when the whole batch
 * counts as failed: an item has no id, or one that was not in the batch, or
 * the answer is no JSON.
 */
static bool
read_answer(const json_t *records, const Buf *answer, json_t *failed)
{
	json_t	   *in = answer->len > 0 ? json_loadb(answer->data, answer->len, JSON_DECODE_ANY, NULL) : json_null();
	json_t	   *list = json_object_get(in, "batchItemFailures");
	bool		well_formed = in != NULL && (list == NULL || json_is_null(list) || json_is_array(list));
	size_t		found = 0;
	json_t	   *item;
	json_t	   *record;
	size_t		i;

	json_array_foreach(list, i, item)
	{
		const char *id = text_of(item, "itemIdentifier");

		json_object_set_new(failed, id != NULL ? id : "", json_null());
	}
	json_array_foreach(records, i, record)
		found += json_object_get(failed, text_of(record, "messageId")) != NULL;
	json_decref(in);
	return well_formed && found == json_object_size(failed);
}

static void offer(Source *source);

/* Something of the mapping is over: go on, unless it was the last of a deleted one. */
static void
go_on(Mapping *mapping)
{
	if (!mapping->deleted)
		offer(&mapping->source);
	else if (mapping->n_running == 0)
	{
		json_decref(mapping->settings);
		free(mapping);
	}
}

static void
batch_finished(Invocation *invocation, const char *error_type, const Buf *body)
{
	Batch	   *batch = invocation->caller;
	Mapping    *mapping = batch->mapping;
	bool		reports = json_array_size(json_object_get(mapping->settings, "FunctionResponseTypes")) > 0;
	json_t	   *failed = json_object();
	bool		partly = error_type == NULL && (!reports || read_answer(batch->records, body, failed));
	size_t		count = json_array_size(batch->records);

	journal_effect("lambda.batch", "sssII", "function", mapping->function->name, "request_id", invocation->id,
				   "source", queue_of(mapping), "records", (json_int_t) count,
				   "failed", (json_int_t) (partly ? json_object_size(failed) : count));
	if (partly)
		settle(batch, failed);
	json_decref(failed);
	json_decref(batch->records);
	free(batch);
	mapping->n_running--;
	go_on(mapping);
}

/* Gives messages back until the event is small enough; it is to be freed. */
static char *
fit_event(const Mapping *mapping, json_t *records)
{
	char	   *event;

	for (;;)
	{
		json_t	   *in = json_pack("{s:O}", "Records", records);
		size_t		last = json_array_size(records) - 1;

		event = json_dumps(in, JSON_COMPACT);
		json_decref(in);
		if (strlen(event) <= EVENT_MAX || last == 0)
			return event;
		free(event);
		sqs_settle(queue_of(mapping), text_of(json_array_get(records, last), "receiptHandle"), false);
		json_array_remove(records, last);
	}
}

/* A runtime of the function is idle, messages came or a batch is over: feed it. */
static void
offer(Source *source)
{
	Mapping    *mapping = (Mapping *) source;
	json_int_t	size = json_integer_value(json_object_get(mapping->settings, "BatchSize"));
	json_t	   *records;
	Batch	   *batch;
	char	   *event;

	while (json_is_true(json_object_get(mapping->settings, "Enabled")) &&
		   mapping->function->n_idle > 0 && mapping->n_running < concurrency_of(mapping->settings) &&
		   (records = sqs_take_for_event(queue_of(mapping), (size_t) size, -1)) != NULL)
	{
		event = fit_event(mapping, records);
		batch = mem_zalloc(sizeof(Batch));
		*batch = (Batch) {mapping, records};
		mapping->n_running++;
		lambda_call(mapping->function, event, strlen(event), batch_finished, batch);
		free(event);
	}
}

static void
messages_came(void *mapping)
{
	offer(mapping);
}

static void
answer(Exchange *x, int status, json_t *body)
{
	http_answer_json(x, status, "application/json", body);
}

/* state: of the change, or NULL for that of now. */
static json_t *
describe(const Mapping *mapping, const char *state)
{
	json_t	   *out = json_copy(mapping->settings);
	const char *now = json_is_true(json_object_get(out, "Enabled")) ? "Enabled" : "Disabled";

	json_object_del(out, "Enabled");
	json_object_del(out, "FunctionName");
	if (json_object_size(json_object_get(out, "ScalingConfig")) == 0)
		json_object_del(out, "ScalingConfig");
	json_object_update_new(out, json_pack("{s:s,s:s,s:f,s:s,s:s}", "UUID", mapping->id, "FunctionArn", mapping->function->arn,
										  "LastModified", (double) mapping->modified_ms / 1000,
										  "State", state != NULL ? state : now, "StateTransitionReason", "USER_INITIATED"));
	return out;
}

/* What AWS checks of a mapping's settings: NULL, or why they are refused. */
static const char *
check(const json_t *settings, const Function *function)
{
	static char text[JSON_ERROR_TEXT_LENGTH];
	json_error_t error;
	json_t	   *types;
	const char *type;
	const char *name;
	const char *arn;
	SqsQueue   *queue;
	int			enabled, size, window, concurrency = 1000;

	if (json_unpack_ex((json_t *) settings, &error, 0, "{s:s,s:s,s:b,s:i,s:i,s:o,s:{s?i!}!}", "FunctionName", &name,
					   "EventSourceArn", &arn, "Enabled", &enabled, "BatchSize", &size, "MaximumBatchingWindowInSeconds", &window,
					   "FunctionResponseTypes", &types, "ScalingConfig", "MaximumConcurrency", &concurrency) != 0)
		return strcpy(text, error.text);
	type = json_string_value(json_array_get(types, 0));
	if (json_array_size(types) > 1 || (json_array_size(types) == 1 && (type == NULL || strcmp(type, REPORTS) != 0)))
		return "FunctionResponseTypes may be " REPORTS " alone.";
	if ((queue = sqs_find_arn(arn)) == NULL)
		return "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
			"SQS Error Message: The specified queue does not exist.";
	if (window != 0)
		return queue->is_fifo ? "Batching window is not supported for FIFO queues." : "The lab has no batching window.";
	if (size < 1 || size > 10)
		return "BatchSize must be from 1 to 10: a FIFO queue has no larger batches, a standard queue only with a batching window.";
	if (concurrency < 2 || concurrency > 1000)
		return "MaximumConcurrency must be from 2 to 1000.";
	if (sqs_setting(queue, "VisibilityTimeout") * 1000 >= function->timeout_ms)
		return NULL;
	snprintf(text, sizeof(text), "Queue visibility timeout: %d seconds is less than Function timeout: %d seconds",
			 (int) sqs_setting(queue, "VisibilityTimeout"), (int) (function->timeout_ms / 1000));
	return text;
}

static void
stop(Mapping *mapping)
{
	sqs_unwatch(queue_of(mapping), messages_came, mapping);
	TAILQ_REMOVE(&mapping->function->sources, &mapping->source, link);
}

/* Sets up mapping, a new one when it is NULL; takes over settings. */
static void
start(Exchange *x, Mapping *mapping, json_t *settings, Function *function)
{
	const char *state = mapping != NULL ? "Updating" : "Creating";

	if (mapping != NULL)
	{
		stop(mapping);
		json_decref(mapping->settings);
	}
	else
	{
		mapping = mem_zalloc(sizeof(Mapping));
		random_uuid(mapping->id);
		mapping->source.offer = offer;
		TAILQ_INSERT_TAIL(&mappings, mapping, link);
	}
	mapping->settings = settings;
	mapping->function = function;
	mapping->modified_ms = clock_now_ms();
	TAILQ_INSERT_TAIL(&function->sources, &mapping->source, link);
	sqs_watch(queue_of(mapping), messages_came, mapping);
	answer(x, 202, describe(mapping, state));
	offer(&mapping->source);
}

/* Create, when mapping is NULL, or update. */
static void
put(Exchange *x, Mapping *mapping, const json_t *in)
{
	json_t	   *settings = mapping != NULL ? json_copy(mapping->settings) :
		json_pack("{s:s,s:s,s:b,s:i,s:i,s:[],s:{}}", "FunctionName", "", "EventSourceArn", "", "Enabled", 1, "BatchSize", 10,
				  "MaximumBatchingWindowInSeconds", 0, "FunctionResponseTypes", "ScalingConfig");
	const char *name;
	Function   *function;
	const char *wrong;
	Mapping    *other = TAILQ_FIRST(&mappings);

	json_object_update(settings, (json_t *) in);
	name = text_of(settings, "FunctionName");
	name = name != NULL && strncmp(name, "arn:", 4) == 0 ? strrchr(name, ':') + 1 : name;
	function = name != NULL ? lambda_function(name, false) : NULL;
	wrong = function != NULL ? check(settings, function) : NULL;
	while (other != NULL && wrong == NULL &&
		   (other == mapping || other->function != function || strcmp(queue_of(other), text_of(settings, "EventSourceArn")) != 0))
		other = TAILQ_NEXT(other, link);
	if (function == NULL)
		lambda_refuse(x, 404, "ResourceNotFoundException", "Function not found");
	else if (wrong != NULL)
		lambda_refuse(x, 400, "InvalidParameterValueException", wrong);
	else if (other != NULL)
		lambda_refuse(x, 409, "ResourceConflictException", "A mapping of this queue and function already exists.");
	else
		start(x, mapping, json_incref(settings), function);
	json_decref(settings);
}

static void
list(Exchange *x)
{
	const char *queue_arn = http_query(x, "EventSourceArn");
	const char *function = http_query(x, "FunctionName");
	json_t	   *found = json_array();
	const Mapping *mapping;

	TAILQ_FOREACH(mapping, &mappings, link)
	{
		if ((queue_arn == NULL || strcmp(queue_arn, queue_of(mapping)) == 0) &&
			(function == NULL || strcmp(function, mapping->function->name) == 0 || strcmp(function, mapping->function->arn) == 0))
			json_array_append_new(found, describe(mapping, NULL));
	}
	answer(x, 200, json_pack("{s:o}", "EventSourceMappings", found));
}

static void
identify(Exchange *x)
{
	const char *id = x->path + strlen(PATH);
	bool		of_one = id[0] == '/' && id[1] != '\0';

	x->resource_kind = "mapping";
	if (of_one && utf8_valid(id))
		snprintf(x->resource, sizeof(x->resource), "%s", id + 1);
	if (strcmp(x->method, "GET") == 0)
		x->action = of_one ? "GetEventSourceMapping" : "ListEventSourceMappings";
	else if (strcmp(x->method, "POST") == 0 && !of_one)
		x->action = "CreateEventSourceMapping";
	else if (strcmp(x->method, "PUT") == 0 && of_one)
		x->action = "UpdateEventSourceMapping";
	else if (strcmp(x->method, "DELETE") == 0 && of_one)
		x->action = "DeleteEventSourceMapping";
	else
		lambda_refuse(x, 404, "NotFound", "There is no such call.");
}

static void
handle(Exchange *x)
{
	Mapping    *mapping = TAILQ_FIRST(&mappings);
	json_t	   *in = json_loadb(x->body.data, x->body.len, 0, NULL);

	while (mapping != NULL && strcmp(mapping->id, x->resource) != 0)
		mapping = TAILQ_NEXT(mapping, link);
	if (x->resource[0] != '\0' && mapping == NULL)
		lambda_refuse(x, 404, "ResourceNotFoundException", "The resource you requested does not exist.");
	else if (x->action[0] == 'L')
		list(x);
	else if (x->action[0] == 'G')
		answer(x, 200, describe(mapping, NULL));
	else if (x->action[0] == 'D')
	{
		answer(x, 202, describe(mapping, "Deleting"));
		stop(mapping);
		TAILQ_REMOVE(&mappings, mapping, link);
		mapping->deleted = true;
		go_on(mapping);
	}
	else if (!json_is_object(in))
		lambda_refuse(x, 400, "InvalidRequestContentException", "Could not parse request body into json.");
	else
		put(x, mapping, in);
	json_decref(in);
}

const Service event_source_service = {"lambda", identify, auth_require, handle, lambda_refuse};
