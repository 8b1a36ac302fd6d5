/*
 * test_deliver.c
 *	  Sending the messages of a few records: order within a group, entries
 *	  that SQS puts off or refuses, and records that must not be sent in part.
 *
 * SQS is played by a transport that takes each batch apart and answers it by
 * a rule.
 */
#include <jansson.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "deliver.h"
#include "digest.h"
#include "providers.h"
#include "tap.h"

#define URL "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo"
#define MAX_SENT 2000

/* What SQS says of one entry: null is "accepted". */
typedef const char *(*Rule) (int call, const char *group, const char *body);

typedef struct Double
{
	AwsxTransport table;
	int			fd;
	AwsxHttpCall *pending;
} Double;

static Rule rule;
static int	calls;
static int	most_of_a_group;	/* in one call */
static char accepted[MAX_SENT][64];	/* bodies in the order of their acceptance */
static int	accepted_count;

static bool
double_start(AwsxTransport *self, AwsxHttpCall *call, AwsxError *error)
{
	(void) error;
	awsx_http_response_init(&call->response, 0);
	((Double *) self)->pending = call;
	return true;
}

static void
double_cancel(AwsxTransport *self, AwsxHttpCall *call)
{
	(void) call;
	((Double *) self)->pending = NULL;
}

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

static void
count_group(const json_t *entries, const char *group)
{
	size_t		i;
	json_t	   *entry;
	int			n = 0;

	json_array_foreach(entries, i, entry)
		n += strcmp(text_of(entry, "MessageGroupId"), group) == 0;
	if (n > most_of_a_group)
		most_of_a_group = n;
}

/* "Code" is a refusal, "~Code" a fault of the service. */
static void
answer_entry(const json_t *entry, const char *verdict, json_t *successful, json_t *failed)
{
	const char *body = text_of(entry, "MessageBody");
	char		md5[AWSX_MD5_HEX_LEN + 1];

	if (verdict != NULL)
	{
		json_array_append_new(failed, json_pack("{s:s,s:b,s:s,s:s}", "Id", text_of(entry, "Id"), "SenderFault",
												*verdict != '~', "Code", verdict + (*verdict == '~'), "Message", "no"));
		return;
	}
	awsx_md5_hex(body, strlen(body), md5);
	json_array_append_new(successful, json_pack("{s:s,s:s,s:s}", "Id", text_of(entry, "Id"),
												"MessageId", "m", "MD5OfMessageBody", md5));
	if (accepted_count < MAX_SENT)
		snprintf(accepted[accepted_count++], sizeof(accepted[0]), "%s", body);
}

/* A verdict "!Code" of any entry refuses the whole call. */
static void
answer_call(AwsxHttpCall *call)
{
	json_t	   *root = json_loadb(call->request->body, call->request->body_len, 0, NULL);
	json_t	   *entries = json_object_get(root, "Entries");
	json_t	   *successful = json_array();
	json_t	   *failed = json_array();
	const char *refusal = NULL;
	json_t	   *entry;
	size_t		i;
	char	   *text;

	calls++;
	json_array_foreach(entries, i, entry)
	{
		const char *verdict = rule(calls, text_of(entry, "MessageGroupId"), text_of(entry, "MessageBody"));

		count_group(entries, text_of(entry, "MessageGroupId"));
		if (verdict != NULL && *verdict == '!')
			refusal = verdict + 1;
	}
	json_array_foreach(entries, i, entry)
	{
		if (refusal == NULL)
			answer_entry(entry, rule(calls, text_of(entry, "MessageGroupId"), text_of(entry, "MessageBody")),
						 successful, failed);
	}
	call->response.status = refusal == NULL ? 200 : 400;
	if (refusal != NULL)
		awsx_buf_printf(&call->response.body, "{\"__type\":\"com.amazonaws.sqs#%s\",\"message\":\"no\"}", refusal);
	else
	{
		json_t	   *answer = json_pack("{s:O,s:O}", "Successful", successful, "Failed", failed);

		text = json_dumps(answer, 0);
		awsx_buf_puts(&call->response.body, text);
		free(text);
		json_decref(answer);
	}
	json_decref(successful);
	json_decref(failed);
	json_decref(root);
}

static void
double_drive(AwsxTransport *self)
{
	Double	   *d = (Double *) self;
	AwsxHttpCall *call = d->pending;

	if (call == NULL)
		return;
	d->pending = NULL;
	awsx_error_clear(&call->error);
	answer_call(call);
	call->done(call);
}

static int
double_fd(AwsxTransport *self)
{
	return ((Double *) self)->fd;
}

static int
double_timeout(AwsxTransport *self)
{
	return ((Double *) self)->pending != NULL ? 0 : -1;
}

static void
double_free(AwsxTransport *self)
{
	close(((Double *) self)->fd);
	free(self);
}

/* ---- records ---- */

#define MAX_RECORDS 10

static DeliverRecord records[MAX_RECORDS];
static int	record_count;

static void
forget_records(void)
{
	for (int i = 0; i < record_count; i++)
		enrich_result_free(&records[i].result);
	memset(records, 0, sizeof(records));
	record_count = 0;
}

/* Another record; its messages are "output group body", separated by commas. */
static void
add_record(const char *messages)
{
	EnrichResult *result = &records[record_count++].result;
	char	   *copy = strdup(messages);
	char	   *save;

	result->messages = calloc(1200, sizeof(EnrichMessage));
	for (char *one = strtok_r(copy, ",", &save); one != NULL; one = strtok_r(NULL, ",", &save))
	{
		EnrichMessage *message = &result->messages[result->count++];
		char		body[64];

		sscanf(one, " %d %128s %63s", &message->output, message->group_id, body);
		message->body = strdup(body);
		message->body_len = strlen(body);
		snprintf(message->dedup_id, sizeof(message->dedup_id), "d-%s", body);
	}
	free(copy);
}

static int64_t sent;
static AwsxError error;

static bool
send_all(Rule by)
{
	static const char *const env[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", NULL};
	ConfigOutput outputs[2] = {{.name = (char *) "one",.queue_url = (char *) URL}, {.name = (char *) "two",.queue_url = (char *) URL}};
	Config		config = {.output_count = 2,.outputs = outputs};
	AwsxService services[2];
	Deadline	deadline = {.clock = awsx_clock_real()};
	Double	   *d = calloc(1, sizeof(Double));
	AwsxClientOptions options = {.transport = &d->table,.max_attempts = 1};
	DeliverBatch deliverer = {.config = &config,.services = services,.deadline = &deadline};
	DeliverRecord *pointers[MAX_RECORDS];
	bool		done;

	for (int i = 0; env[i] != NULL; i++)
		setenv(env[i], "test", 1);
	d->table = (AwsxTransport)
	{
		.start = double_start, .cancel = double_cancel, .drive = double_drive, .fd = double_fd,
		.timeout_ms = double_timeout, .free = double_free
	};
	d->fd = eventfd(1, 0);
	options.credentials = awsx_credentials_env(&error);
	deliverer.client = awsx_client_create(&options, &error);
	awsx_sqs_service(&services[0], URL, NULL, &error);
	services[1] = services[0];
	for (int i = 0; i < record_count; i++)
		pointers[i] = &records[i];
	rule = by;
	calls = accepted_count = most_of_a_group = 0;
	sent = 0;
	awsx_error_clear(&error);
	done = deliver(&deliverer, pointers, record_count, NULL, &sent, &error);
	awsx_client_free(deliverer.client);
	return done;
}

/* The accepted bodies, in order. */
static const char *
order(void)
{
	static char text[4096];
	size_t		len = 0;

	text[0] = '\0';
	for (int i = 0; i < accepted_count && len + 66 < sizeof(text); i++)
		len += (size_t) sprintf(text + len, "%s%.63s", i > 0 ? " " : "", accepted[i]);
	return text;
}

/* ---- rules ---- */

static const char *
take_all(int call, const char *group, const char *body)
{
	(void) call;
	(void) group;
	(void) body;
	return NULL;
}

/* The first time every entry of group "g" is put off. */
static const char *
put_off_first(int call, const char *group, const char *body)
{
	(void) body;
	return call == 1 && strcmp(group, "g") == 0 ? "~InternalError" : NULL;
}

static const char *
refuse_bad(int call, const char *group, const char *body)
{
	(void) call;
	(void) group;
	return strncmp(body, "bad", 3) == 0 ? "InvalidParameterValue" : NULL;
}

static const char *
refuse_call_for_bad(int call, const char *group, const char *body)
{
	(void) call;
	(void) group;
	return strncmp(body, "bad", 3) == 0 ? "!InvalidMessageContents" : NULL;
}

static const char *
too_long_for_bad(int call, const char *group, const char *body)
{
	(void) call;
	(void) group;
	return strncmp(body, "bad", 3) == 0 ? "!BatchRequestTooLong" : NULL;
}

static const char *
lock_out(int call, const char *group, const char *body)
{
	(void) call;
	(void) group;
	(void) body;
	return "!QueueDoesNotExist";
}

static const char *
odd_refusal(int call, const char *group, const char *body)
{
	(void) call;
	(void) group;
	return strcmp(body, "b") == 0 ? "KmsAccessDenied" : NULL;
}

static const char *
always_put_off(int call, const char *group, const char *body)
{
	(void) call;
	(void) group;
	(void) body;
	return "~InternalError";
}

/* ---- tests ---- */

static void
test_order(void)
{
	add_record("0 g g1, 0 g g2, 0 h h1");
	add_record("0 h h2, 0 g g3");
	ok(send_all(take_all), "five messages of two groups");
	is_int(most_of_a_group, 1, "never two of a group in one batch");
	is_str(order(), "g1 h1 g2 h2 g3", "in the order of their groups");
	is_int(sent, 5, "all are counted");
	ok(send_all(put_off_first), "an entry that is put off");
	is_str(order(), "h1 g1 h2 g2 g3", "is sent before the later ones of its group");
	forget_records();
}

static void
test_refusals(void)
{
	add_record("0 a a1, 0 b bad2, 0 b b3, 1 c c4");
	add_record("0 d d1, 1 d d2");
	ok(send_all(refuse_bad), "SQS refuses one entry");
	is_str(order(), "a1 d1 d2", "what is left of its record is not sent, on no output");
	ok(records[0].refused && records[0].refused_output == 0 && records[0].sent == 1, "the record is marked, with what was sent");
	ok(!records[1].refused && records[1].sent == 2, "the other one is not");
	is_str(records[0].refused_code, "InvalidParameterValue", "with the code");
	forget_records();
	add_record("0 a a1, 0 b bad2");
	add_record("0 d d1");
	ok(send_all(refuse_call_for_bad), "SQS refuses a whole call for one entry");
	is_str(order(), "a1 d1", "the others are sent one by one");
	ok(records[0].refused && !records[1].refused, "and the culprit is found");
	forget_records();
	add_record("0 b bad1");
	add_record("0 d d1");
	ok(send_all(too_long_for_bad) && records[0].refused && !records[1].refused, "a message too long for its queue is its record's fault");
	forget_records();
}

static void
test_faults(void)
{
	add_record("0 a a");
	add_record("0 b b");
	ok(!send_all(lock_out), "a missing queue is no record's fault");
	ok(error.kind == AWSX_ERR_NOT_FOUND && !records[0].refused && strstr(error.message, "output \"one\"") != NULL, "... and says which output");
	ok(!send_all(odd_refusal) && !records[1].refused, "a refusal that speaks of a key is none");
	is_str(error.code, "KmsAccessDenied", "... and keeps its code");
	ok(!send_all(always_put_off) && calls == 6, "put off for ever: given up after six rounds");
	ok(!records[0].refused && sent == 0, "... and nothing is rejected");
	forget_records();
}

static void
test_many(void)
{
	AwsxBuf		messages;

	awsx_buf_init(&messages, 0);
	for (int i = 0; i < 1000; i++)
		awsx_buf_printf(&messages, "0 g%d m%d,", i % 7, i);
	add_record(messages.data);
	ok(send_all(take_all) && accepted_count == 1000 && most_of_a_group == 1, "a thousand messages of seven groups");
	for (int i = 1, last[7] = {-1, -1, -1, -1, -1, -1, -1}; i <= accepted_count; i++)
	{
		int			m = atoi(accepted[i - 1] + 1);

		if (m < last[m % 7])
			ok(false, "message %d came after %d", m, last[m % 7]);
		last[m % 7] = m;
	}
	awsx_buf_free(&messages);
	forget_records();
}

int
main(void)
{
	test_order();
	test_refusals();
	test_faults();
	test_many();
	return tap_done();
}
