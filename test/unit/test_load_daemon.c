/*
 * test_load_daemon.c
 *	  The daemon between a queue and a loader that are both doubles: when a
 *	  batch is closed, whose leases are kept, what is deleted and given back,
 *	  what a lost answer and a signal do.
 *
 * The clock goes on by ten milliseconds when it is read, and by as much as the
 * loader's double wants.
 */
#define _GNU_SOURCE
#include "client_double.h"

#include <jansson.h>

#include "digest.h"
#include "load_daemon.h"
#include "loader.h"
#include "providers.h"
#include "stop.h"

#define QUEUE "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo"
#define MOST 400

/* ---- the world ---- */

typedef struct Message
{
	char		group[16];
	char		body[64];
	int			received;
	bool		in_flight;
	bool		deleted;
	int			seconds;		/* what its visibility was last set to; -1 = never */
	int			changes;		/* how often */
} Message;

static Message queue[MOST];
static int	queued;
static int	receives;
static int	deletes;			/* calls */
static int	largest_delete;
static int	lose_receive;		/* the n-th receive's answer gets lost */
static int	refuse_receive;		/* the n-th receive is refused */
static int	fail_entry;			/* of the n-th delete the first entry fails */
static bool fail_for_good;
static char attempts[1000][40];

static int64_t now;
static Deadline deadline;
static LoadConfig config;

/* What the loader's double is to do; it is called with the number of the load. */
static void (*on_load) (int load);
static int	loads;
static int	load_sizes[MOST];
static int	stay_from;			/* messages from that one on stay; -1 = none */
static bool outage;

static int64_t
world_now(void *arg)
{
	(void) arg;
	return now += 10;
}

static double
world_jitter(void *arg)
{
	(void) arg;
	return 0.5;
}

static const AwsxClock world_clock = {world_now, world_now, world_jitter, NULL};

/* ---- the signal ---- */

static bool stopping;

int
stop_signal(void)
{
	return stopping;
}

bool
stop_nap(int ms)
{
	now += ms;
	return !stopping;
}

static void
send_some(int count, int groups)
{
	while (count-- > 0)
	{
		Message    *one = &queue[queued];

		memset(one, 0, sizeof(*one));
		snprintf(one->group, sizeof(one->group), "g%d", queued % groups);
		snprintf(one->body, sizeof(one->body), "body %03d", queued);
		one->seconds = -1;
		queued++;
	}
}

/* ---- SQS ---- */

static char line_body[64 * 1024];
static Line line;

static const Line *
answer(json_t *document)
{
	char	   *text = json_dumps(document, JSON_COMPACT);

	snprintf(line_body, sizeof(line_body), "%s", text);
	free(text);
	json_decref(document);
	line = (Line) {.status = 200,.body = line_body};
	return &line;
}

static bool
group_is_locked(int place)
{
	for (int i = 0; i < place; i++)
	{
		if (!queue[i].deleted && strcmp(queue[i].group, queue[place].group) == 0)
			return queue[i].in_flight;
	}
	return false;
}

static json_t *
message_json(int place)
{
	Message    *one = &queue[place];
	char		md5[33];
	char		id[16];
	char		count[16];

	one->in_flight = true;
	one->received++;
	snprintf(id, sizeof(id), "m%d", place);
	snprintf(count, sizeof(count), "%d", one->received);
	awsx_md5_hex(one->body, strlen(one->body), md5);
	return json_pack("{s:s,s:s,s:s,s:s,s:{s:s,s:s,s:s,s:s,s:s}}", "MessageId", id, "ReceiptHandle", id,
					 "Body", one->body, "MD5OfBody", md5, "Attributes", "MessageGroupId", one->group,
					 "MessageDeduplicationId", id, "SequenceNumber", "1", "ApproximateReceiveCount", count,
					 "SentTimestamp", "1");
}

/* A receive takes whole groups as far as it can; null: it goes on waiting. */
static const Line *
receive(json_t *request)
{
	json_t	   *list = json_array();
	int			room = (int) json_integer_value(json_object_get(request, "MaxNumberOfMessages"));
	bool		locked[MOST];

	for (int i = 0; i < queued; i++)
		locked[i] = group_is_locked(i);
	for (int i = 0; i < queued && room > 0; i++)
	{
		if (queue[i].deleted || queue[i].in_flight || locked[i])
			continue;
		json_array_append_new(list, message_json(i));
		room--;
	}
	if (json_array_size(list) == 0)
	{
		json_decref(list);
		return NULL;
	}
	return answer(json_pack("{s:o}", "Messages", list));
}

static int
place_of_handle(const json_t *entry)
{
	return atoi(json_string_value(json_object_get(entry, "ReceiptHandle")) + 1);
}

static const Line *
batch(json_t *request, bool is_delete)
{
	json_t	   *successful = json_array();
	json_t	   *failed = json_array();
	json_t	   *entries = json_object_get(request, "Entries");
	json_t	   *entry;
	size_t		i;

	if (is_delete)
	{
		deletes++;
		if ((int) json_array_size(entries) > largest_delete)
			largest_delete = (int) json_array_size(entries);
	}
	json_array_foreach(entries, i, entry)
	{
		Message    *one = &queue[place_of_handle(entry)];
		json_t	   *id = json_object_get(entry, "Id");

		if (is_delete && i == 0 && deletes == fail_entry)
		{
			json_array_append_new(failed, json_pack("{s:O,s:b,s:s}", "Id", id, "SenderFault", fail_for_good, "Code", "InternalError"));
			continue;
		}
		json_array_append_new(successful, json_pack("{s:O}", "Id", id));
		if (is_delete)
			one->deleted = true;
		else
		{
			one->seconds = (int) json_integer_value(json_object_get(entry, "VisibilityTimeout"));
			one->changes++;
		}
	}
	return answer(json_pack("{s:o,s:o}", "Successful", successful, "Failed", failed));
}

static const Line *
judge_receive(const AwsxHttpCall *call, json_t *request)
{
	static const Line lost = {.status = 0,.kind = AWSX_ERR_TIMEOUT};
	static const Line refused = {.status = 400,.body = "{\"__type\":\"InvalidParameterValue\",\"message\":\"no\"}"};
	static const AwsxHttpCall *seen[MOST];
	const Line *told;

	/* a poll that waits is asked again, and counts once */
	for (int i = 0; i < receives; i++)
	{
		if (seen[i] == call)
			return receive(request);
	}
	seen[receives++] = call;
	snprintf(attempts[receives], sizeof(attempts[0]), "%s",
			 json_string_value(json_object_get(request, "ReceiveRequestAttemptId")));
	told = receives == lose_receive ? &lost : receives == refuse_receive ? &refused : receive(request);
	if (told != NULL)
		seen[receives - 1] = NULL;
	return told;
}

static const Line *
judge(const AwsxHttpCall *call)
{
	json_t	   *request = json_loadb(call->request->body, call->request->body_len, 0, NULL);
	const char *target = awsx_headers_get(&call->request->headers, "X-Amz-Target");
	const Line *told = NULL;

	if (strstr(target, "ReceiveMessage") != NULL)
		told = judge_receive(call, request);
	else if (strstr(target, "GetQueueAttributes") != NULL)
		told = answer(json_pack("{s:{s:s}}", "Attributes", "DeduplicationScope", "messageGroup"));
	else
		told = batch(request, strstr(target, "Delete") != NULL);
	json_decref(request);
	return told;
}

/* ---- the loader ---- */

Loader *
loader_create(const LoaderOptions *options, AwsxError *error)
{
	static char nobody;

	(void) options;
	(void) error;
	return (Loader *) &nobody;
}

void
loader_free(Loader *loader)
{
	(void) loader;
}

bool
loader_met_outage(const Loader *loader)
{
	(void) loader;
	return outage;
}

LoaderStats
loader_take_stats(Loader *loader)
{
	(void) loader;
	return (LoaderStats) {0};
}

bool
loader_load(Loader *loader, LoadScope scope, const AwsxSqsMessage *messages, int count,
			bool always_stage, bool *done, AwsxError *error)
{
	(void) loader;
	(void) messages;
	awsx_error_clear(error);
	stay_from = -1;
	outage = false;
	load_sizes[loads++] = count;
	if (!always_stage || scope != LOAD_SCOPE_GROUP)
		abort();
	on_load(loads);
	for (int i = 0; i < count; i++)
		done[i] = stay_from < 0 || i < stay_from;
	if (stay_from >= 0)
		awsx_error_set(error, AWSX_ERR_SERVICE, "the test says so");
	return stay_from < 0;
}

/* ---- runs ---- */

static AwsxClient *client;
static Double *transport;

static void
begin(int max_messages, size_t max_bytes)
{
	AwsxClientOptions options = {.clock = &world_clock,.wait = deadline_wait,.wait_arg = &deadline,.max_attempts = 1};
	AwsxError	error;

	now = INT64_C(1795352046000);
	queued = receives = deletes = largest_delete = lose_receive = refuse_receive = fail_entry = 0;
	loads = 0;
	stopping = fail_for_good = false;
	deadline = (Deadline) {.clock = &world_clock};
	memset(&config, 0, sizeof(config));
	config.stage_bucket = (char *) "stage";
	config.metrics.off = true;
	config.poll = (LoadPoll) {.max_messages = max_messages,.max_bytes = max_bytes,.max_age_seconds = 1,
	.visibility_seconds = 30,.receives = 3};
	transport = calloc(1, sizeof(Double));
	transport->base = (AwsxTransport) {
		.start = double_start,.cancel = double_cancel,.drive = double_drive,.fd = double_fd,
		.timeout_ms = double_timeout,.free = double_free
	};
	transport->judge = judge;
	options.transport = &transport->base;
	options.credentials = awsx_credentials_static("AKIDEXAMPLE", "secret", NULL, &error);
	client = awsx_client_create(&options, &error);
}

/* Until the signal comes. */
static int
serve(void)
{
	AwsxServiceOptions services = {.region = "eu-west-1"};
	int			status;

	status = load_daemon_run(QUEUE, &config, client, &services, &deadline);
	awsx_client_free(client);
	return status;
}

static int
count_deleted(void)
{
	int			count = 0;

	for (int i = 0; i < queued; i++)
		count += queue[i].deleted;
	return count;
}

/* ---- gathering ---- */

/* When all are loaded that were sent. */
static void
stop_in_the_end(int load)
{
	int			loaded = 0;

	while (load-- > 0)
		loaded += load_sizes[load];
	stopping = loaded == queued;
}

static void
stop_at_once(int load)
{
	(void) load;
	stopping = true;
}

static void
test_gathering(void)
{
	begin(20, 1 << 20);
	send_some(45, 45);
	on_load = stop_in_the_end;
	is_int(serve(), 0, "the daemon ends well");
	is_int(loads, 3, "three batches are loaded");
	ok(load_sizes[0] == 20 && load_sizes[1] == 20 && load_sizes[2] == 5,
	   "... two by count and one by age: %d, %d, %d", load_sizes[0], load_sizes[1], load_sizes[2]);
	is_int(count_deleted(), 45, "all are deleted");
	is_int(largest_delete, 10, "... ten a call");
	is_int(deletes, 5, "... in as few as can be");

	begin(1000, 100);
	send_some(45, 45);
	on_load = stop_in_the_end;
	serve();
	ok(load_sizes[0] >= 13 && load_sizes[0] <= 40, "by bytes a batch is closed, too: %d", load_sizes[0]);

	begin(5, 1 << 20);
	send_some(12, 12);
	on_load = stop_in_the_end;
	serve();
	is_int(load_sizes[0], 5, "a small batch is not exceeded");

	begin(100, 1 << 20);
	send_some(30, 2);
	on_load = stop_in_the_end;
	serve();
	ok(load_sizes[0] == 10 && load_sizes[1] == 10, "of a group there are no more than one receive brings: %d, %d", load_sizes[0],
	   load_sizes[1]);
}

/* ---- what stays ---- */

static void
stay_once(int load)
{
	stay_from = load == 1 ? 2 : -1;
	stopping = load == 1;
}

static void
outage_once(int load)
{
	outage = load == 1;
	stay_from = load == 1 ? 2 : -1;
	stopping = load == 2;
}

static void
test_staying(void)
{
	begin(100, 1 << 20);
	send_some(6, 1);
	queue[3].received = 3;
	on_load = stay_once;
	serve();
	is_int(count_deleted(), 2, "what is done is deleted");
	is_int(queue[2].seconds, 5, "what stays is visible again after a pause");
	is_int(queue[3].seconds, 40, "... that is longer the more often it was received");
	is_int(queue[4].seconds, 40, "... also for what is behind it in its group");
	is_int(queue[5].seconds, 40, "... to the end");

	begin(100, 1 << 20);
	send_some(6, 6);
	on_load = outage_once;
	serve();
	is_int(loads, 2, "after an outage the rest is loaded again");
	is_int(load_sizes[1], 4, "... without what was done");
	is_int(queue[3].received, 1, "... from the hand");
	is_int(queue[3].changes, 0, "... and not given back");
	is_int(count_deleted(), 6, "until all are deleted");
}

/* ---- errands that fail ---- */

static void
test_failures(void)
{
	begin(100, 1 << 20);
	send_some(10, 10);
	fail_entry = 1;
	on_load = stop_at_once;
	serve();
	is_int(count_deleted(), 10, "an entry that failed is tried again");
	is_int(deletes, 2, "... once");

	begin(100, 1 << 20);
	send_some(10, 10);
	fail_entry = 1;
	fail_for_good = true;
	on_load = stop_at_once;
	serve();
	is_int(count_deleted(), 9, "one that is refused is not");
	is_int(deletes, 1, "... at all");

	begin(100, 1 << 20);
	config.poll.receives = 1;
	send_some(10, 10);
	lose_receive = 1;
	on_load = stop_at_once;
	serve();
	is_int((long long) strlen(attempts[1]), 32, "a receive has an id");
	is_str(attempts[2], attempts[1], "... which is used again when the answer gets lost");
	ok(strcmp(attempts[3], attempts[2]) != 0, "... and not after one");

	begin(100, 1 << 20);
	config.poll.receives = 1;
	send_some(10, 10);
	refuse_receive = 1;
	on_load = stop_at_once;
	serve();
	ok(strcmp(attempts[2], attempts[1]) != 0, "a refused one gets another");

	begin(100, 1 << 20);
	config.stage_bucket = NULL;
	is_int(serve(), 1, "without a stage it does not begin");
}

/* ---- while a batch is loaded ---- */

static int	said_no;
static bool after_no;

/* The loader waits for a transaction of so many seconds, or until it is told not to. */
static void
wait_seconds(int seconds)
{
	for (int i = 0; i < seconds * 2; i++)
	{
		now += 500;
		if (deadline_left_ms(&deadline) == 0)
		{
			said_no++;
			after_no = deadline_left_ms(&deadline) > 0;
			return;
		}
		awsx_client_drive(client);
	}
}

static void
take_long(int load)
{
	(void) load;
	send_some(3, 100);
	wait_seconds(45);
	stopping = true;
}

static void
take_too_long(int load)
{
	(void) load;
	stopping = true;
	wait_seconds(20);
	ok(said_no == 0, "a transaction under way is waited for");
	ok(deadline_is_near(&deadline), "... but no other is to begin");
	wait_seconds(20);
	ok(said_no == 1 && after_no, "... up to a bound, and a moment for tidying up");
	outage = true;
	stay_from = 0;
}

static void
test_loading(void)
{
	begin(100, 1 << 20);
	send_some(10, 3);
	on_load = take_long;
	serve();
	ok(queue[0].changes >= 3 && queue[9].changes >= 3, "leases are kept: %d, %d times", queue[0].changes, queue[9].changes);
	is_int(queue[9].seconds, 30, "... for as long as ever");
	is_int(queue[11].received, 1, "meanwhile the next are gathered");
	is_int(queue[11].seconds, 0, "... and given back after a signal");
	is_int(queue[11].deleted, false, "... undeleted");
	is_int(count_deleted(), 10, "... while what is done is deleted");

	begin(100, 1 << 20);
	send_some(10, 3);
	on_load = take_too_long;
	is_int(serve(), 0, "in the end the daemon ends");
	is_int(queue[9].seconds, 0, "... and gives back what it could not load");
}

int
main(void)
{
	test_gathering();
	test_staying();
	test_failures();
	test_loading();
	return tap_done();
}
