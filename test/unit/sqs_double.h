/*
 * sqs_double.h
 *	  SQS for tests of what sends: a transport that takes each batch apart and
 *	  answers it by a rule, in any order, and watches over the order of groups.
 *
 * Its clock goes on by a millisecond whenever it is read, so that a back-off
 * takes no time.
 */
#ifndef SQS_DOUBLE_H
#define SQS_DOUBLE_H

#include <jansson.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client.h"
#include "digest.h"
#include "providers.h"
#include "sqs.h"
#include "tap.h"

#define DOUBLE_URL "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo"
#define DOUBLE_MAX_TAKEN 20000
#define DOUBLE_MAX_PENDING 64

/*
 * What SQS says of one entry: null is "accepted", "Code" a refusal, "~Code" a
 * fault of the service, "=" accepted with a wrong MD5.  For the whole call:
 * "!Code" refuses it, "^" loses it, "?" answers with something that is no JSON.
 */
typedef const char *(*DoubleRule) (int call, const char *group, const char *body);

typedef struct SqsDouble
{
	AwsxTransport table;
	int			fd;
	int			pending_count;
	AwsxHttpCall *pending[DOUBLE_MAX_PENDING];
} SqsDouble;

static DoubleRule double_rule;
static bool double_shuffle;		/* answer the calls in any order */
static bool double_silent;		/* answer nothing */
static int	double_calls;		/* SendMessageBatch */
static int	double_asked;		/* GetQueueAttributes */
static int	double_max_message;
static int	double_concurrent;	/* most calls under way */
static int	double_overlaps;	/* a group in two calls, or twice in one */
static size_t double_largest;	/* sum of a batch's bodies */
static char (*double_taken)[64];	/* "group body" in the order of their acceptance */
static int	double_taken_count;
static int64_t double_now_ms;
static unsigned double_random;

static unsigned
double_chance(void)
{
	double_random = double_random * 1103515245u + 12345u;
	return double_random >> 16;
}

static const char *
double_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

static bool
double_is_send(const AwsxHttpCall *call)
{
	const char *target = awsx_headers_get(&call->request->headers, "X-Amz-Target");

	return target != NULL && strcmp(target, "AmazonSQS.SendMessageBatch") == 0;
}

/* Is the group in the call (more than so many times)? */
static bool
double_holds(const AwsxHttpCall *call, const char *queue, const char *group, int times)
{
	json_t	   *root = json_loadb(call->request->body, call->request->body_len, 0, NULL);
	json_t	   *entry;
	size_t		i;

	if (strcmp(double_text(root, "QueueUrl"), queue) != 0)
		times = 100;
	json_array_foreach(json_object_get(root, "Entries"), i, entry)
		times -= strcmp(double_text(entry, "MessageGroupId"), group) == 0;
	json_decref(root);
	return times < 0;
}

/* Before the call is added to the pending ones: look whether it may be under way. */
static void
double_watch(const SqsDouble *d, const AwsxHttpCall *call)
{
	json_t	   *root = json_loadb(call->request->body, call->request->body_len, 0, NULL);
	const char *queue = double_text(root, "QueueUrl");
	json_t	   *entry;
	size_t		i;
	size_t		bytes = 0;

	json_array_foreach(json_object_get(root, "Entries"), i, entry)
	{
		const char *group = double_text(entry, "MessageGroupId");

		bytes += strlen(double_text(entry, "MessageBody"));
		double_overlaps += double_holds(call, queue, group, 1);
		for (int p = 0; p < d->pending_count; p++)
			double_overlaps += double_holds(d->pending[p], queue, group, 0);
	}
	if (bytes > double_largest)
		double_largest = bytes;
	json_decref(root);
}

static bool
double_start(AwsxTransport *self, AwsxHttpCall *call, AwsxError *error)
{
	SqsDouble  *d = (SqsDouble *) self;

	(void) error;
	awsx_http_response_init(&call->response, 0);
	if (double_is_send(call))
		double_watch(d, call);
	d->pending[d->pending_count++] = call;
	if (d->pending_count > double_concurrent)
		double_concurrent = d->pending_count;
	return true;
}

static void
double_remove(SqsDouble *d, int i)
{
	memmove(&d->pending[i], &d->pending[i + 1], (size_t) (--d->pending_count - i) * sizeof(d->pending[0]));
}

static void
double_cancel(AwsxTransport *self, AwsxHttpCall *call)
{
	SqsDouble  *d = (SqsDouble *) self;

	for (int i = 0; i < d->pending_count; i++)
	{
		if (d->pending[i] == call)
			double_remove(d, i--);
	}
}

/* One message id a deduplication id, as SQS has it. */
static void
double_accept(const json_t *entry, bool garbled, json_t *successful)
{
	const char *body = double_text(entry, "MessageBody");
	char		md5[AWSX_MD5_HEX_LEN + 1];
	char		taken[64];

	awsx_md5_hex(garbled ? "other" : body, garbled ? 5 : strlen(body), md5);
	json_array_append_new(successful, json_pack("{s:s,s:s,s:s}", "Id", double_text(entry, "Id"), "MessageId",
												double_text(entry, "MessageDeduplicationId"), "MD5OfMessageBody", md5));
	snprintf(taken, sizeof(taken), "%.30s %.32s", double_text(entry, "MessageGroupId"), body);
	if (!garbled && double_taken_count < DOUBLE_MAX_TAKEN)
		memcpy(double_taken[double_taken_count++], taken, sizeof(taken));
}

static void
double_answer_entry(const json_t *entry, const char *verdict, json_t *successful, json_t *failed)
{
	if (verdict == NULL || *verdict == '=')
		double_accept(entry, verdict != NULL, successful);
	else
		json_array_append_new(failed, json_pack("{s:s,s:b,s:s,s:s}", "Id", double_text(entry, "Id"), "SenderFault",
												*verdict != '~', "Code", verdict + (*verdict == '~'), "Message", "no"));
}

static void
double_answer_batch(AwsxHttpCall *call, const json_t *entries)
{
	json_t	   *answer = json_pack("{s:[],s:[]}", "Successful", "Failed");
	const char *verdicts[10] = {0};
	const char *whole = NULL;
	json_t	   *entry;
	size_t		i;
	char	   *text;

	double_calls++;
	json_array_foreach(entries, i, entry)
	{
		verdicts[i] = double_rule(double_calls, double_text(entry, "MessageGroupId"), double_text(entry, "MessageBody"));
		if (verdicts[i] != NULL && strchr("!^?", *verdicts[i]) != NULL)
			whole = verdicts[i];
	}
	json_array_foreach(entries, i, entry)
	{
		if (whole == NULL)
			double_answer_entry(entry, verdicts[i], json_object_get(answer, "Successful"), json_object_get(answer, "Failed"));
	}
	call->response.status = whole != NULL && *whole == '!' ? 400 : 200;
	text = json_dumps(answer, 0);
	if (whole == NULL)
		awsx_buf_puts(&call->response.body, text);
	else if (*whole == '!')
		awsx_buf_printf(&call->response.body, "{\"__type\":\"com.amazonaws.sqs#%s\",\"message\":\"no\"}", whole + 1);
	else if (*whole == '?')
		awsx_buf_puts(&call->response.body, "<html>");
	else
		awsx_error_set(&call->error, AWSX_ERR_TRANSPORT, "connection reset");
	free(text);
	json_decref(answer);
}

static void
double_answer(AwsxHttpCall *call)
{
	json_t	   *root = json_loadb(call->request->body, call->request->body_len, 0, NULL);

	awsx_error_clear(&call->error);
	if (double_is_send(call))
		double_answer_batch(call, json_object_get(root, "Entries"));
	else
	{
		double_asked++;
		call->response.status = double_max_message > 0 ? 200 : 403;
		awsx_buf_printf(&call->response.body, "{\"Attributes\":{\"MaximumMessageSize\":\"%d\"}}", double_max_message);
	}
	json_decref(root);
	call->done(call);
}

/* One answer a drive. */
static void
double_drive(AwsxTransport *self)
{
	SqsDouble  *d = (SqsDouble *) self;
	int			i;
	AwsxHttpCall *call;

	if (d->pending_count == 0 || double_silent)
		return;
	i = double_shuffle ? (int) (double_chance() % (unsigned) d->pending_count) : 0;
	call = d->pending[i];
	double_remove(d, i);
	double_answer(call);
}

static int
double_fd(AwsxTransport *self)
{
	return ((SqsDouble *) self)->fd;
}

static int
double_timeout(AwsxTransport *self)
{
	return ((SqsDouble *) self)->pending_count > 0 ? 0 : -1;
}

static void
double_free(AwsxTransport *self)
{
	close(((SqsDouble *) self)->fd);
	free(self);
}

static int64_t
double_clock_ms(void *arg)
{
	(void) arg;
	return double_now_ms++;
}

static double
double_jitter(void *arg)
{
	(void) arg;
	return 0.5;
}

static const AwsxClock double_clock = {double_clock_ms, double_clock_ms, double_jitter, NULL};

/* A client over a new double, and all counters at zero. Null: out of memory. */
static AwsxClient *
double_client(DoubleRule by)
{
	SqsDouble  *d = calloc(1, sizeof(SqsDouble));
	AwsxClientOptions options = {.transport = &d->table,.max_attempts = 1,.clock = &double_clock};
	AwsxError	error;

	setenv("AWS_ACCESS_KEY_ID", "test", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "test", 1);
	d->table = (AwsxTransport)
	{
		double_start, double_cancel, double_drive, double_fd, double_timeout, NULL, double_free
	};
	/* always readable: nobody really waits */
	d->fd = eventfd(1, 0);
	double_rule = by;
	double_calls = double_asked = double_concurrent = double_overlaps = double_taken_count = 0;
	double_largest = 0;
	double_max_message = 1048576;
	double_shuffle = double_silent = false;
	double_now_ms = 1000000;
	double_random = 1;
	if (double_taken == NULL)
		double_taken = calloc(DOUBLE_MAX_TAKEN, sizeof(*double_taken));
	options.credentials = awsx_credentials_env(&error);
	if (options.credentials != NULL)
		return awsx_client_create(&options, &error);
	d->table.free(&d->table);
	return NULL;
}

#endif							/* SQS_DOUBLE_H */
