/*
 * test_deliver.c
 *	  Sending a stream of records: order within a group whatever goes wrong,
 *	  the window, entries that SQS puts off or refuses, and records that must
 *	  not be sent in part.
 */
#include "deliver.h"
#include "sqs_double.h"

#define MAX_RECORDS 4000
#define OTHER_URL "https://sqs.eu-west-1.amazonaws.com/123456789012/other.fifo"

static DeliverRecord *records[MAX_RECORDS];
static int	record_count;
static AwsxError error;
static DeliverStats stats;

/* What the callback saw. */
static int	settled[MAX_RECORDS];	/* index of the record, in the order of the calls */
static int	settled_count;
static int	outstanding;
static int	most_outstanding;
static int	fail_settling;		/* the n-th call fails; 0 = none */
static char was_sent[MAX_RECORDS][8];

static AwsxClient *client;
static Deliverer *deliverer;
static AwsxService services[2];
static Deadline deadline;
static ConfigOutput outputs[2] = {
	{.name = (char *) "one",.queue_url = (char *) DOUBLE_URL},
	{.name = (char *) "two",.queue_url = (char *) OTHER_URL}
};
static Config config = {.output_count = 2,.outputs = outputs};

/* Another record; its messages are "output group body", separated by commas. */
static DeliverRecord *
add_record(const char *messages)
{
	DeliverRecord *record = records[record_count++] = calloc(1, sizeof(DeliverRecord));
	EnrichResult *result = &record->result;
	char	   *copy = strdup(messages);
	char	   *save;

	result->messages = calloc(8, sizeof(EnrichMessage));
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
	return record;
}

/* A record of one message with so many bytes. */
static DeliverRecord *
add_large(const char *group, size_t size)
{
	char		text[64];
	DeliverRecord *record;

	snprintf(text, sizeof(text), "0 %s large-%d", group, record_count);
	record = add_record(text);
	free(record->result.messages[0].body);
	record->result.messages[0].body = calloc(1, size + 1);
	memset(record->result.messages[0].body, 'x', size);
	record->result.messages[0].body_len = size;
	record->result.bytes = size;
	return record;
}

static bool
on_settled(void *arg, DeliverRecord *record, AwsxError *why)
{
	int			i = 0;

	(void) arg;
	while (records[i] != record)
		i++;
	for (int m = 0; m < record->result.count && m < 7; m++)
		was_sent[i][m] = deliver_was_sent(record, m) ? 'y' : 'n';
	settled[settled_count++] = i;
	outstanding--;
	return settled_count != fail_settling || awsx_error_set(why, AWSX_ERR_DENIED, "the callback says no");
}

static void
open_world(DoubleRule by)
{
	DeliverOptions options = {
		.config = &config,.services = services,.deadline = &deadline,.on_settled = on_settled
	};

	options.client = client = double_client(by);
	awsx_sqs_service(&services[0], DOUBLE_URL, NULL, &error);
	awsx_sqs_service(&services[1], OTHER_URL, NULL, &error);
	deadline = (Deadline) {.clock = &double_clock};
	settled_count = outstanding = most_outstanding = fail_settling = 0;
	memset(was_sent, 0, sizeof(was_sent));
	awsx_error_clear(&error);
	deliverer = deliver_create(&options, &error);
}

static bool
submit(int i)
{
	if (++outstanding > most_outstanding)
		most_outstanding = outstanding;
	return deliver_submit(deliverer, records[i], &error);
}

/* Everything that was added, to the end. */
static bool
submit_all(void)
{
	bool		done = true;

	for (int i = 0; i < record_count && done; i++)
		done = submit(i);
	done = done && deliver_finish(deliverer, &error);
	stats = deliver_take_stats(deliverer);
	return done;
}

static void
close_world(void)
{
	deliver_free(deliverer);
	awsx_client_free(client);
	for (int i = 0; i < record_count; i++)
	{
		enrich_result_free(&records[i]->result);
		free(records[i]);
	}
	record_count = 0;
}

/* The accepted bodies, in order. */
static const char *
taken(void)
{
	static char text[4096];
	size_t		len = 0;

	text[0] = '\0';
	for (int i = 0; i < double_taken_count && len + 66 < sizeof(text); i++)
		len += (size_t) sprintf(text + len, "%s%s", i > 0 ? " " : "", strchr(double_taken[i], ' ') + 1);
	return text;
}

/* Each record once, in the order of submission. */
static bool
settled_in_order(void)
{
	for (int i = 0; i < settled_count; i++)
	{
		if (settled[i] != i)
			return false;
	}
	return settled_count == record_count;
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

/* Entries called "off..." are put off once. */
static const char *
refuse_bad_put_off(int call, const char *group, const char *body)
{
	return call == 1 && strncmp(body, "off", 3) == 0 ? "~InternalError" : refuse_bad(call, group, body);
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

/* All that may pass by, by chance. */
static const char *
weather(int call, const char *group, const char *body)
{
	static const char *const all[] = {"~InternalError", "ThrottlingException", "=", "!ThrottlingException", "^", "?"};
	unsigned	dice = double_chance() % 60;

	(void) call;
	(void) group;
	(void) body;
	return dice < sizeof(all) / sizeof(all[0]) ? all[dice] : NULL;
}

/* ---- tests ---- */

static void
test_order(void)
{
	open_world(take_all);
	add_record("0 g g1, 0 g g2, 0 h h1");
	add_record("0 h h2, 0 g g3, 1 g o1");
	ok(submit_all(), "messages of two groups");
	is_int(double_overlaps, 0, "never two of a group under way");
	is_str(taken(), "g1 h1 o1 g2 h2 g3", "in the order of their groups");
	is_int(stats.sent, 6, "all are counted");
	is_int(stats.calls, 4, "in as many calls as order demands");
	ok(settled_in_order() && records[0]->sent == 3 && !records[0]->refused && !records[0]->dropped, "the records come back in order");
	close_world();
	open_world(put_off_first);
	add_record("0 g g1, 0 g g2, 0 h h1");
	add_record("0 h h2, 0 g g3");
	ok(submit_all() && settled_in_order(), "an entry that is put off");
	ok(strstr(taken(), "g1 ") < strstr(taken(), "g2 ") && strstr(taken(), "g2 ") < strstr(taken(), "g3"), "is sent before the later ones of its group: %s", taken());
	ok(strncmp(taken(), "h1 ", 3) == 0, "others do not wait for it");
	is_int(stats.put_off, 1, "and is counted");
	close_world();
	open_world(take_all);
	add_record("");
	add_record("0 g g1");
	add_record("");
	ok(submit_all() && settled_in_order(), "records without messages come back in their turn");
	close_world();
}

static void
test_refusals(void)
{
	open_world(refuse_bad);
	add_record("0 a a1, 0 b bad2, 0 b b3, 1 c c4, 0 a a5");
	add_record("0 d d1, 1 d d2");
	ok(submit_all() && settled_in_order(), "SQS refuses one entry");
	ok(strstr(taken(), "b3") == NULL && strstr(taken(), "a5") == NULL && strstr(taken(), "d2") != NULL, "what is left of its record is not sent: %s", taken());
	ok(records[0]->refused && records[0]->refused_output == 0 && records[0]->sent == 2, "the record is marked, with what was sent");
	is_str(was_sent[0], "ynnyn", "and which ones");
	ok(!records[1]->refused && records[1]->sent == 2, "the other one is not");
	is_str(records[0]->refused_code, "InvalidParameterValue", "with the code");
	close_world();
	open_world(refuse_bad_put_off);
	add_record("0 a bad1, 0 b off1, 0 c c1");
	ok(submit_all() && records[0]->refused, "one entry is refused, another one of its record put off");
	is_str(taken(), "c1", "... which then is not sent, either");
	close_world();
	open_world(refuse_call_for_bad);
	add_record("0 a a1, 0 b bad2");
	add_record("0 d d1, 0 a a2");
	ok(submit_all() && settled_in_order(), "SQS refuses a whole call for one entry");
	is_str(taken(), "a1 d1 a2", "the others are sent one by one, and then together");
	ok(records[0]->refused && !records[1]->refused, "and the culprit is found");
	close_world();
	open_world(too_long_for_bad);
	add_record("0 b bad1");
	add_record("0 d d1");
	ok(submit_all() && records[0]->refused && !records[1]->refused, "a message too long for its queue is its record's fault");
	close_world();
}

static void
test_faults(void)
{
	open_world(lock_out);
	add_record("0 a a");
	add_record("0 b b");
	ok(!submit_all(), "a missing queue is no record's fault");
	ok(error.kind == AWSX_ERR_NOT_FOUND && !records[0]->refused && strstr(error.message, "output \"one\"") != NULL, "... and says which output");
	ok(!deliver_submit(deliverer, add_record("0 a c"), &error) && error.kind == AWSX_ERR_NOT_FOUND, "nothing is sent any more");
	is_int(settled_count, 0, "nothing is settled");
	deliver_drop(deliverer);
	ok(settled_in_order() && records[0]->dropped && records[2]->dropped, "all come back when they are dropped");
	double_rule = take_all;
	ok(deliver_submit(deliverer, add_record("0 a d"), &error) && deliver_finish(deliverer, &error) && records[3]->sent == 1, "and the next ones are sent");
	close_world();
	open_world(odd_refusal);
	add_record("0 a a");
	add_record("0 b b");
	ok(!submit_all() && !records[1]->refused, "a refusal that speaks of a key is none");
	is_str(error.code, "KmsAccessDenied", "... and keeps its code");
	close_world();
	open_world(take_all);
	fail_settling = 1;
	add_record("0 a a");
	add_record("0 b b");
	ok(!submit_all() && error.kind == AWSX_ERR_DENIED && strcmp(error.message, "the callback says no") == 0, "a fault of the callback's");
	close_world();
	is_int(settled_count, 2, "the other record comes back");
}

static void
test_deadline(void)
{
	open_world(always_put_off);
	deadline.at_ms = double_now_ms + 60000;
	add_record("0 a a");
	add_record("0 b b");
	ok(!submit_all() && error.kind == AWSX_ERR_CANCELLED && strstr(error.message, "InternalError") != NULL, "put off for ever: the deadline ends it, with the reason");
	ok(double_calls > 5 && double_calls < 500, "after some calls (%d)", double_calls);
	ok(!records[0]->refused && stats.sent == 0, "... and nothing is rejected");
	close_world();
	open_world(always_put_off);
	add_record("0 a a");
	ok(!submit_all() && error.kind == AWSX_ERR_CANCELLED, "without a deadline, patience does");
	close_world();
	open_world(take_all);
	double_silent = true;
	deadline.at_ms = double_now_ms + 5000;
	add_record("0 a a");
	ok(!submit_all() && error.kind == AWSX_ERR_CANCELLED, "no answer at all");
	close_world();
}

static bool
groups_in_order(int groups)
{
	int			last[64];

	for (int i = 0; i < groups; i++)
		last[i] = -1;
	for (int i = 0; i < double_taken_count; i++)
	{
		int			group;
		int			m;

		if (sscanf(double_taken[i], "g%d m%d", &group, &m) != 2 || m <= last[group])
			return false;
		last[group] = m;
	}
	return true;
}

/* Thousands of messages in any weather. */
static void
test_weather(int groups, unsigned seed)
{
	char		text[64];

	open_world(weather);
	double_shuffle = true;
	double_random = seed;
	for (int i = 0; i < 1500; i++)
	{
		snprintf(text, sizeof(text), "0 g%d m%d", (i * 7 + i / 11) % groups, i);
		add_record(text);
	}
	ok(submit_all() && double_taken_count == 1500 && stats.sent == 1500, "weather %u: 1500 messages of %d groups", seed, groups);
	is_int(double_overlaps, 0, "never two of a group under way");
	ok(groups_in_order(groups), "and all groups in order");
	ok(settled_in_order(), "and the records, too");
	ok(stats.put_off > 0 && most_outstanding <= DELIVER_WINDOW, "at most %d in the window (%d put off)", most_outstanding, (int) stats.put_off);
	ok(double_concurrent > (groups > 10 ? 3 : 0) && double_concurrent <= DELIVER_CALLS, "%d calls at a time", double_concurrent);
	close_world();
}

static void
test_full_batches(void)
{
	char		text[64];

	open_world(take_all);
	for (int i = 0; i < 1000; i++)
	{
		snprintf(text, sizeof(text), "0 g%d m%d,1 g%d n%d", i, i, i, i);
		add_record(text);
	}
	ok(submit_all() && stats.sent == 2000, "a thousand groups");
	is_int(stats.calls, 200, "in full batches only");
	close_world();
	open_world(take_all);
	for (int i = 0; i < 240; i++)
	{
		snprintf(text, sizeof(text), "0 g%d m%d", i % 12, i);
		add_record(text);
	}
	ok(submit_all(), "twelve groups");
	ok(stats.calls <= 28, "a batch waits for more of them: %d calls", (int) stats.calls);
	close_world();
}

static void
test_sizes(void)
{
	open_world(take_all);
	for (int i = 0; i < 12; i++)
	{
		char		group[16];

		snprintf(group, sizeof(group), "g%d", i);
		add_large(group, 300000);
	}
	ok(submit_all() && stats.sent == 12, "large messages");
	is_int((long long) double_largest, 900000, "no batch of more than a mebibyte");
	is_int(double_asked, 1, "the queue was asked once");
	ok(most_outstanding > 1, "some at a time");
	close_world();
	open_world(take_all);
	for (int i = 0; i < 40; i++)
		add_large("g", 1000000);
	ok(submit_all(), "more bytes than the window has");
	ok(most_outstanding > 3 && most_outstanding <= 6, "%d records of a megabyte fit into it", most_outstanding);
	close_world();
	open_world(take_all);
	double_max_message = 2048;
	add_record("0 a a1");
	add_large("a", 2049);
	add_large("a", 2048);
	ok(submit_all() && settled_in_order(), "a queue that takes less");
	ok(records[1]->refused && records[1]->sent == 0 && strstr(records[1]->refused_message, "2048") != NULL, "what is too long for it is not sent");
	is_str(records[1]->refused_code, "MessageTooLong", "and says so");
	ok(!records[2]->refused && stats.sent == 2, "the rest is");
	close_world();
	open_world(take_all);
	double_max_message = 0;
	add_large("a", 200000);
	ok(submit_all() && stats.sent == 1, "a queue that does not tell");
	close_world();
	open_world(take_all);
	add_record("0 a a1");
	ok(submit_all() && double_asked == 0, "small messages need no question");
	close_world();
}

static void
test_duplicates(void)
{
	open_world(take_all);
	add_record("0 a same");
	add_record("0 a other");
	add_record("0 a same");
	ok(submit_all() && stats.sent == 3, "a record that was sent before");
	is_int(stats.duplicates, 1, "is told by its message id");
	close_world();
}

static void
test_trace(void)
{
	open_world(take_all);
	add_record("0 a a1")->trace_header = "Root=1-5759e988-bd862e3fe1be46a994272793";
	add_record("0 a a2")->trace_header = "bad\x01\xFF";
	ok(submit_all() && stats.sent == 2, "a trace header that SQS would refuse is left out");
	close_world();
}

int
main(void)
{
	test_order();
	test_refusals();
	test_faults();
	test_deadline();
	test_weather(7, 1);
	test_weather(50, 2);
	test_weather(1, 3);
	test_full_batches();
	test_sizes();
	test_duplicates();
	test_trace();
	return tap_done();
}
