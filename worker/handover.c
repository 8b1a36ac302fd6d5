/*
 * handover.c
 *	  What is left of an object when an invocation's time ends, as a message
 *	  for the next invocation.
 */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "../aws/sqs.h"
#include "handover.h"
#include "json.h"
#include "log.h"

/* A standard queue may take some entries of a batch and put others off. */
#define ROUNDS 4
#define ROUND_REST_MS 200

/* ---- reading ---- */

static bool
read_number(const json_t *object, const char *name, int64_t max, int64_t *value)
{
	const json_t *member = json_object_get(object, name);

	*value = json_integer_value(member);
	return json_is_integer(member) && *value >= 0 && *value <= max;
}

static bool
read_small(const json_t *object, const char *name, int max, int *value)
{
	int64_t		number;
	bool		done = read_number(object, name, max, &number);

	*value = (int) number;
	return done;
}

static bool
read_text(const json_t *object, const char *name, char *out, size_t size)
{
	const json_t *member = json_object_get(object, name);
	const char *text = json_string_value(member);

	if (text == NULL || json_string_length(member) >= size || strlen(text) != json_string_length(member))
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

static bool
read_members(const json_t *root, Handover *from)
{
	SplitPlace *place = &from->place;

	from->packed = json_is_true(json_object_get(root, "packed"));
	return read_number(root, "offset", INT64_MAX, &place->offset) &&
		read_number(root, "records", INT32_MAX, &place->records) &&
		read_small(root, "state", SPLIT_MAX_STATE, &place->state) &&
		read_number(root, "strict_until", INT64_MAX, &place->strict_until) &&
		read_small(root, "part", 99999, &from->part) &&
		read_small(root, "hops", INT32_MAX, &from->hops) &&
		read_small(root, "idle", INT32_MAX, &from->idle) &&
		read_text(root, "version_id", from->version_id, sizeof(from->version_id)) &&
		read_text(root, "etag", from->etag, sizeof(from->etag)) && from->part >= 1;
}

bool
handover_read(const char *text, Handover *from, AwsxError *error)
{
	json_t	   *root = json_loads(text, 0, NULL);
	bool		done;

	memset(from, 0, sizeof(*from));
	done = root != NULL && read_members(root, from);
	json_decref(root);
	return done || awsx_error_set(error, AWSX_ERR_REQUEST,
								  "the event's member \"resume\" was not written by this program");
}

/* ---- writing ---- */

static void
put_resume(const Handover *from, AwsxBuf *body)
{
	const SplitPlace *place = &from->place;

	awsx_buf_printf(body, ",\"resume\":{\"offset\":%lld,\"records\":%lld,\"state\":%d,\"strict_until\":%lld,"
					"\"packed\":%s,\"part\":%d,\"hops\":%d,\"idle\":%d",
					(long long) place->offset, (long long) place->records, place->state,
					(long long) place->strict_until, from->packed ? "true" : "false",
					from->part, from->hops, from->idle);
	json_put_member(body, "version_id", from->version_id);
	json_put_member(body, "etag", from->etag);
	awsx_buf_putc(body, '}');
}

static void
put_optional(AwsxBuf *body, const char *name, const char *text)
{
	if (*text != '\0')
		json_put_member(body, name, text);
}

bool
handover_write(const AwsxS3Event *event, const Handover *from, AwsxBuf *body)
{
	char		when[25];

	awsx_buf_puts(body, "{\"Records\":[{\"eventVersion\":\"2.1\",\"eventSource\":\"aws:s3\","
				  "\"eventName\":\"ObjectCreated:Put\"");
	put_optional(body, "awsRegion", event->region);
	if (event->time_ms > 0)
	{
		log_time(event->time_ms, when);
		json_put_member(body, "eventTime", when);
	}
	awsx_buf_puts(body, ",\"s3\":{\"s3SchemaVersion\":\"1.0\",\"bucket\":{");
	json_put_member(body, "name", event->bucket);
	awsx_buf_puts(body, "},\"object\":{\"key\":\"");
	awsx_buf_uri(body, event->key, strlen(event->key), true);
	awsx_buf_putc(body, '"');
	if (event->size >= 0)
		awsx_buf_printf(body, ",\"size\":%lld", (long long) event->size);
	put_optional(body, "eTag", event->etag);
	put_optional(body, "versionId", event->version_id);
	put_optional(body, "sequencer", event->sequencer);
	awsx_buf_puts(body, "}}");
	if (from != NULL)
		put_resume(from, body);
	return awsx_buf_puts(body, "}]}");
}

/* ---- sending ---- */

/* What was accepted leaves the list. */
static int
keep_refused(AwsxSqsSend *entries, const AwsxSqsOutcome *outcomes, int count, AwsxError *error)
{
	int			left = 0;

	for (int i = 0; i < count; i++)
	{
		if (outcomes[i].ok)
			continue;
		awsx_error_set(error, outcomes[i].sender_fault ? AWSX_ERR_REQUEST : AWSX_ERR_SERVICE,
					   "the handover queue did not take a message: %s: %s", outcomes[i].code,
					   outcomes[i].message);
		entries[left++] = entries[i];
	}
	return left;
}

static bool
send_once(AwsxClient *client, const AwsxService *service, const char *queue_url,
		  const Deadline *deadline, AwsxSqsSend *entries, int *count, AwsxError *error)
{
	AwsxSqsOutcome outcomes[AWSX_SQS_BATCH];
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	bool		understood;

	if (!awsx_sqs_send_batch_request(service, queue_url, entries, *count, &request, error))
		return false;
	request.timeout_ms = deadline_left_ms(deadline);
	if (request.timeout_ms <= 0)
	{
		awsx_http_request_free(&request);
		return awsx_error_set(error, AWSX_ERR_CANCELLED, "the invocation's time is over");
	}
	if (!awsx_client_run(client, service, &request, &answer, error))
		return false;
	understood = awsx_sqs_send_batch_answer(&answer, entries, *count, outcomes, error);
	awsx_http_response_free(&answer);
	if (understood)
		*count = keep_refused(entries, outcomes, *count, error);
	return understood;
}

bool
handover_send(AwsxClient *client, const AwsxService *service, const char *queue_url,
			  const Deadline *deadline, const AwsxBuf *bodies, int count, AwsxError *error)
{
	AwsxSqsSend entries[AWSX_SQS_BATCH];

	for (int i = 0; i < count; i++)
		entries[i] = (AwsxSqsSend) {.body = bodies[i].data,.body_len = bodies[i].len};
	awsx_error_clear(error);
	for (int round = 1; count > 0; round++)
	{
		if (!send_once(client, service, queue_url, deadline, entries, &count, error))
			return false;
		if (count > 0 && (round == ROUNDS || !deadline_sleep(deadline, ROUND_REST_MS * round)))
			return false;
	}
	return true;
}
