/*
 * test_transaction.c
 *	  A transaction of Redshift to its end: under tokens that earlier callers
 *	  are found by, repeated where concurrent ones are blamed, never longer
 *	  than the deadline.
 *
 * Redshift is a few statements in memory that remember their tokens.  Time
 * passes only when somebody waits.
 */
#define _GNU_SOURCE
#include "sweep.h"

#include <jansson.h>
#include <time.h>

#include "client_double.h"
#include "providers.h"
#include "transaction.h"

#define START_MS INT64_C(1767323045000)
#define MAX_STATEMENTS 64

/* How a new statement goes. */
typedef struct Fate
{
	const char *status;			/* in the end */
	const char *error;			/* or null */
	int			polls;			/* as often it is asked after before */
} Fate;

typedef struct Statement
{
	char		token[80];
	const Fate *fate;
	int			polls;
	int64_t		created_ms;
} Statement;

static struct
{
	int64_t		now_ms;
	const Fate *fates;			/* of statements to come; the last one is for all others */
	Statement	statements[MAX_STATEMENTS];
	int			count;
	int			submits;
	int			describes;
	const Line *faults;			/* answers before anything happens; until one without status and kind */
	bool		lose_answer;	/* of the next submit, which does happen */
	bool		no_date;
	int			slow_ms;		/* a submit takes so long */
	int			behind_ms;		/* the clock of statements is behind that of the service */
	int			rests[200];
	int			rest_count;
	const char *const *pages;	/* of results */
	char		seen_next[64];	/* the last NextToken */
	char		seen_id[80];
} lab;

static AwsxClient *client;
static AwsxError error;
static TransactionResult result;

static int64_t
lab_now(void *arg)
{
	(void) arg;
	return lab.now_ms;
}

static double
lab_jitter(void *arg)
{
	(void) arg;
	return 0.5;
}

static const AwsxClock lab_clock = {lab_now, lab_now, lab_jitter, NULL};
static Deadline deadline = {.clock = &lab_clock};

static bool
lab_wait(void *arg, int fd, int timeout_ms)
{
	(void) arg;
	(void) fd;
	lab.now_ms += timeout_ms > 0 ? timeout_ms : 0;
	return true;
}

static bool
lab_rest(const Deadline *until, int ms)
{
	if (deadline_left_ms(until) <= ms)
		return false;
	lab.rests[lab.rest_count++ % 200] = ms;
	lab.now_ms += ms;
	return true;
}

/*----------
 * Redshift
 *----------
 */

static const char *
date_header(void)
{
	static char	header[64];
	time_t		seconds = (time_t) (lab.now_ms / 1000);
	struct tm	tm;

	strftime(header, sizeof(header), "Date: %a, %d %b %Y %H:%M:%S GMT", gmtime_r(&seconds, &tm));
	return lab.no_date ? NULL : header;
}

static const Line *
say(int status, const char *body)
{
	static Line	line;

	line = (Line) {.status = status,.headers = date_header(),.body = body};
	return &line;
}

static const Line *
submitted(const json_t *request)
{
	static char	body[200];
	const char *token = json_string_value(json_object_get(request, "ClientToken"));
	int			n = 0;

	lab.submits++;
	while (n < lab.count && strcmp(lab.statements[n].token, token) != 0)
		n++;
	if (n == lab.count)
	{
		Statement  *statement = &lab.statements[lab.count++];

		snprintf(statement->token, sizeof(statement->token), "%s", token);
		statement->fate = lab.fates;
		lab.fates += lab.fates[1].status != NULL;
		statement->polls = 0;
		statement->created_ms = lab.now_ms - lab.behind_ms;
	}
	lab.now_ms += lab.slow_ms;
	if (lab.lose_answer)
	{
		static const Line lost = {.kind = AWSX_ERR_TRANSPORT};

		lab.lose_answer = false;
		return &lost;
	}
	snprintf(body, sizeof(body), "{\"Id\":\"s-%d\",\"CreatedAt\":%.3f}", n, (double) lab.statements[n].created_ms / 1000);
	return say(200, body);
}

static const Line *
described(const json_t *request)
{
	static char	body[1000];
	int			n = atoi(json_string_value(json_object_get(request, "Id")) + 2);
	Statement  *statement = &lab.statements[n];
	bool		ended = statement->polls++ >= statement->fate->polls;

	lab.describes++;
	snprintf(body, sizeof(body), "{\"Id\":\"s-%d\",\"CreatedAt\":%.3f,\"Status\":\"%s\",\"Error\":\"%s\",\"SubStatements\":["
			 "{\"Status\":\"%s\",\"ResultRows\":7}]}", n, (double) statement->created_ms / 1000,
			 ended ? statement->fate->status : "STARTED", ended && statement->fate->error ? statement->fate->error : "",
			 ended ? "FINISHED" : "STARTED");
	return say(200, body);
}

static const Line *
answered(const AwsxHttpCall *call)
{
	const char *target = awsx_headers_get(&call->request->headers, "X-Amz-Target");
	json_t	   *request = json_loadb(call->request->body, call->request->body_len, 0, NULL);
	const Line *line;

	if (lab.faults != NULL && (lab.faults->status != 0 || lab.faults->kind != AWSX_OK))
		line = lab.faults++;
	else if (strstr(target, "ExecuteStatement") != NULL)
		line = submitted(request);
	else if (strstr(target, "DescribeStatement") != NULL)
		line = described(request);
	else
	{
		snprintf(lab.seen_id, sizeof(lab.seen_id), "%s", json_string_value(json_object_get(request, "Id")));
		copy(lab.seen_next, sizeof(lab.seen_next), json_string_value(json_object_get(request, "NextToken")));
		line = say(200, lab.pages[0]);
		lab.pages += lab.pages[1] != NULL;
	}
	json_decref(request);
	return line;
}

static AwsxClient *
open_client(AwsxError *why)
{
	static const AwsxTransport functions = {double_start, double_cancel, double_drive, double_fd, double_timeout, NULL, double_free};
	Double	   *d = calloc(1, sizeof(Double));
	AwsxClientOptions options = {.transport = &d->base,.clock = &lab_clock,.wait = lab_wait};

	d->base = functions;
	d->judge = answered;
	options.credentials = awsx_credentials_static("AKTEST", "secret", NULL, why);
	return awsx_client_create(&options, why);
}

/* A world in which statements go so. */
static void
begin(const Fate *fates)
{
	memset(&lab, 0, sizeof(lab));
	lab.now_ms = START_MS;
	lab.fates = fates;
	deadline.at_ms = START_MS + 60000;
	awsx_error_clear(&error);
}

static Transaction
transaction(void)
{
	static const AwsxRedshiftPlace place = {.workgroup = "default",.database = "dev"};
	AwsxServiceOptions options = {.region = "eu-west-1"};
	Transaction	made = {.client = client,.place = &place,.deadline = &deadline,.rest = lab_rest};

	awsx_redshift_service(&made.service, &options, &error);
	return made;
}

static TransactionEnd
run(const char *base)
{
	static const char *const statements[] = {"LOCK t", "INSERT INTO t VALUES (1)"};
	Transaction	made = transaction();

	return transaction_run(&made, base, statements, 2, &result, &error);
}

/*----------
 * Tests
 *----------
 */

static void
test_done(void)
{
	static const Fate fates[] = {{"FINISHED", NULL, 9}, {0}};

	begin(fates);
	is_int(run("base"), TRANSACTION_DONE, "finished");
	is_int(error.kind, AWSX_OK, "... without an error");
	is_str(result.id, "s-0", "... with its id");
	is_int(result.attempts, 1, "... in one attempt");
	is_int(result.description.parts[0].rows, 7, "... with what its parts did");
	is_int((int) strlen(lab.statements[0].token), 64, "the token is as long as it may be");
	is_int(lab.rests[0], 100, "it is asked after 100 ms");
	is_int(lab.rests[1], 150, "... then less often");
	is_int(lab.rests[9], 2000, "... but at least every two seconds");
	is_int(lab.describes, 10, "... until it has ended");
	is_int(run("base"), TRANSACTION_DONE, "the same once more");
	is_int(lab.count, 1, "... is the same transaction");
	is_int(run("other"), TRANSACTION_DONE, "another");
	is_int(lab.count, 2, "... is another");
}

static void
test_submit_again(void)
{
	static const Fate fates[] = {{"FINISHED", NULL, 0}, {0}};
	static const Line busy[] = {
		{.status = 400,.body = "{\"__type\":\"ActiveStatementsExceededException\",\"Message\":\"busy\"}"},
		{.status = 400,.body = "{\"__type\":\"ActiveSessionsExceededException\",\"Message\":\"busy\"}"},
		{.status = 500,.body = "{\"__type\":\"BatchExecuteStatementException\",\"Message\":\"fault\"}"},
		{.status = 400,.body = "{\"__type\":\"ActiveStatementsExceededException\",\"Message\":\"busy\"}"},
		{.kind = AWSX_ERR_TRANSPORT}, {0}
	};
	static const Line denied[] = {{.status = 400,.body = "{\"__type\":\"AccessDeniedException\",\"Message\":\"no\"}"}, {0}};

	begin(fates);
	lab.lose_answer = true;
	is_int(run("base"), TRANSACTION_DONE, "a submit whose answer is lost");
	is_int(lab.submits, 2, "... is made again");
	is_int(lab.count, 1, "... and finds the same transaction");
	begin(fates);
	lab.faults = busy;
	is_int(run("base"), TRANSACTION_DONE, "a submit that is throttled, for longer than the client's own patience");
	is_int(result.attempts, 1, "... is one attempt");
	begin(fates);
	lab.faults = denied;
	is_int(run("base"), TRANSACTION_FAILED, "a submit that is denied");
	is_int(error.kind, AWSX_ERR_DENIED, "... is denied");
	ok(strstr(error.message, "no transaction was begun") != NULL, "... and says that nothing was begun");
	is_int(lab.submits, 0, "... nothing was");
}

/* Where no deadline ends it. */
static void
test_nobody_there(void)
{
	static const Fate fates[] = {{"FINISHED", NULL, 1000}, {0}};
	static Line	faults[200];

	for (int i = 0; i < 199; i++)
		faults[i].kind = AWSX_ERR_TRANSPORT;
	begin(fates);
	deadline.at_ms = 0;
	lab.faults = faults;
	is_int(run("base"), TRANSACTION_FAILED, "a submit that nobody answers");
	is_int(error.kind, AWSX_ERR_TRANSPORT, "... ends");
	is_int(lab.faults - faults, 24, "... after eight times the client's patience");
	begin(fates);
	deadline.at_ms = 0;
	faults[100] = (Line) {0};
	lab.statements[lab.count++] = (Statement) {.token = "x",.fate = fates};
	lab.faults = faults + 9;
	faults[9] = (Line) {.status = 200,.body = "{\"Id\":\"s-0\"}"};
	is_int(run("base"), TRANSACTION_FAILED, "questions that nobody answers");
	ok(strstr(error.message, "cannot be asked after") != NULL && lab.faults - faults >= 10 + 30, "... end after thirty of them");
}

static void
test_others(void)
{
	static const char violation[] = "ERROR: 1023\\n  Detail: Serializable isolation violation on table - 100093, transactions forming the cycle are: 1, 2";
	static const Fate thrice[] = {
		{"FAILED", violation, 0}, {"FAILED", "ERROR: deadlock detected", 0},
		{"FAILED", "ERROR: could not open relation with OID 1: deleted by a concurrent transaction", 0}, {"FINISHED", NULL, 0}, {0}
	};
	static const Fate forever[] = {{"FAILED", violation, 0}, {0}};

	begin(thrice);
	is_int(run("base"), TRANSACTION_DONE, "what concurrent transactions are blamed for is run again");
	is_int(result.attempts, 4, "... as often as it takes");
	is_int(lab.count, 4, "... under a token each");
	is_int(lab.rests[1], 200, "... after a rest");
	is_int(lab.rests[3], 400, "... that grows");
	is_int(lab.rests[5], 800, "... with each");
	is_str(result.id, "s-3", "the last is the one that counts");
	is_int(run("base"), TRANSACTION_DONE, "who comes later");
	is_int(lab.count, 4, "... finds it");
	begin(forever);
	is_int(run("base"), TRANSACTION_FAILED, "never the whole time");
	ok(lab.now_ms < deadline.at_ms && lab.now_ms > deadline.at_ms - 10000, "... but until the deadline");
	ok(strstr(error.message, "1023") != NULL && strstr(error.message, "Serializable") != NULL, "... and it says why");
	begin(forever);
	deadline.at_ms = 0;
	is_int(run("base"), TRANSACTION_FAILED, "without a deadline");
	is_int(lab.count, 25, "... often enough");
}

static TransactionEnd
end_of(const char *status, const char *words)
{
	static Fate	fates[2];

	fates[0] = (Fate) {status, words, 0};
	begin(fates);
	return run("base");
}

static void
test_ends(void)
{
	is_int(end_of("FAILED", "ERROR: invalid input syntax for integer: \\\"4111 1111\\\""), TRANSACTION_DATA, "SQL blames data");
	is_str(error.message, "statement s-0 failed: ERROR: invalid input syntax for integer: ...", "... and the value is not repeated");
	is_int(error.kind, AWSX_ERR_REQUEST, "... nothing that passes");
	is_int(lab.count, 1, "... and it is not run again");
	is_int(end_of("FAILED", "ERROR: relation \\\"public.t\\\" does not exist"), TRANSACTION_REFUSED, "SQL blames the setup");
	is_str(error.message, "statement s-0 failed: ERROR: relation \"public.t\" does not exist", "... and the name is told");
	is_int(lab.count, 1, "... and it is not run again");
	is_int(end_of("FAILED", "disk is full"), TRANSACTION_FAILED, "SQL blames nothing we know");
	is_int(error.kind, AWSX_ERR_SERVICE, "... which may pass");
	is_int(end_of("ABORTED", ""), TRANSACTION_FAILED, "aborted");
	is_str(error.message, "statement s-0 was aborted: Redshift does not say why", "... without a word");
}

static void
test_time_over(void)
{
	static const Fate slow[] = {{"FINISHED", NULL, 8}, {0}};

	begin(slow);
	deadline.at_ms = lab.now_ms + 3000;
	is_int(run("base"), TRANSACTION_FAILED, "the time is over before the transaction");
	is_int(error.kind, AWSX_ERR_TIMEOUT, "... which is said");
	ok(strstr(error.message, "statement s-0") != NULL && strstr(error.message, "left running") != NULL, "... with its id");
	ok(lab.now_ms < deadline.at_ms - 900, "... in time");
	deadline.at_ms = lab.now_ms + 60000;
	is_int(run("base"), TRANSACTION_DONE, "the next caller");
	is_int(lab.count, 1, "... finds it");
	begin(slow);
	deadline.at_ms = lab.now_ms + 500;
	is_int(run("base"), TRANSACTION_FAILED, "no time at all");
	is_int(lab.submits, 0, "... and nothing is begun");
	is_int(error.kind, AWSX_ERR_CANCELLED, "... which is said");
}

static void
test_old(void)
{
	static const Fate mended[] = {
		{"FAILED", "relation \\\"t\\\" does not exist", 0}, {"FAILED", "ERROR: 1023 Serializable isolation violation", 0},
		{"ABORTED", "", 0}, {"FINISHED", NULL, 0}, {0}
	};
	static const Fate broken[] = {{"FAILED", "relation \\\"t\\\" does not exist", 0}, {0}};
	int			wrong = 0;

	begin(mended);
	is_int(run("base"), TRANSACTION_REFUSED, "a table is missing");
	lab.now_ms += 30000;
	is_int(run("base"), TRANSACTION_FAILED, "who comes later does not take that for an answer");
	is_int(result.attempts, 3, "... nor what was to be run again, but what is new");
	is_str(result.id, "s-2", "... also when that fails");
	lab.now_ms += 20000;
	is_int(run("base"), TRANSACTION_DONE, "... until it goes well");
	is_int(lab.count, 4, "... each under a token of its own");

	begin(mended);
	lab.no_date = true;
	is_int(run("base"), TRANSACTION_REFUSED, "where the service's time is not known");
	lab.now_ms += 30000;
	is_int(run("base"), TRANSACTION_REFUSED, "... no failure is taken for old");

	begin(broken);
	lab.slow_ms = 20000;
	is_int(run("base"), TRANSACTION_REFUSED, "a submit that takes 20 s");
	is_int(lab.count, 1, "... is not taken for another's");

	begin(broken);
	lab.behind_ms = 3600000;
	is_int(run("base"), TRANSACTION_REFUSED, "where a service's clocks disagree");
	is_int(lab.count, 17, "... there is an end to it");

	begin(broken);
	for (int call = 1; call <= 30; call++)
	{
		deadline.at_ms = lab.now_ms + 60000;
		wrong += run("base") != TRANSACTION_REFUSED || lab.count != call || result.attempts > 17;
		lab.now_ms += 60000;
	}
	is_int(wrong, 0, "of thirty callers each has an attempt of its own, and none has to pass over more than 16");
}

static void
test_describe_faults(void)
{
	static const Fate fates[] = {{"FINISHED", NULL, 1}, {0}};
	static const Line shaky[] = {
		{.kind = AWSX_ERR_TRANSPORT}, {.status = 500}, {.status = 503}, {.status = 500}, {.kind = AWSX_ERR_TIMEOUT}, {0}
	};
	static const Line denied[] = {{.status = 400,.body = "{\"__type\":\"AccessDeniedException\",\"Message\":\"no\"}"}, {0}};
	static const Line garbage[] = {{.status = 200,.body = "<html>"}, {0}};
	const Line *faults[] = {shaky, denied, garbage};
	static const TransactionEnd ends[] = {TRANSACTION_DONE, TRANSACTION_FAILED, TRANSACTION_FAILED};

	for (int i = 0; i < 3; i++)
	{
		Transaction	made = transaction();
		static const char *const statements[] = {"SELECT 1"};
		Line		first = {.status = 200,.body = "{\"Id\":\"s-0\"}"};
		Line		script[8] = {first};

		begin(fates);
		lab.statements[lab.count++] = (Statement) {.token = "x",.fate = fates};
		for (int f = 0; faults[i][f].status != 0 || faults[i][f].kind != AWSX_OK; f++)
			script[f + 1] = faults[i][f];
		lab.faults = script;
		is_int(transaction_run(&made, "base", statements, 1, &result, &error), ends[i], "what happens to the asking");
		if (ends[i] == TRANSACTION_FAILED)
			ok(strstr(error.message, "statement s-0 of Redshift cannot be asked after") != NULL, "... is said");
	}
}

/*----------
 * Results
 *----------
 */

static const char *
numbers_of(const char *const *pages, int part)
{
	static char	text[400];
	Transaction	made = transaction();
	int64_t    *numbers;
	int			count;
	size_t		len = 0;

	begin(NULL);
	lab.pages = pages;
	if (!transaction_numbers(&made, "s-0", part, &numbers, &count, &error))
		return numbers == NULL && count == 0 && error.kind != AWSX_OK ? "refused" : "no error";
	text[0] = '\0';
	for (int i = 0; i < count; i++)
		len += (size_t) snprintf(text + len, sizeof(text) - len, "%lld ", (long long) numbers[i]);
	free(numbers);
	return text;
}

static void
test_results(void)
{
	static const char *const three[] = {
		"{\"Records\":[],\"NextToken\":\"a\"}", "{\"Records\":[[{\"longValue\":1},{\"isNull\":true}],[{\"stringValue\":\"-22\"},{\"stringValue\":\"x\"}]],\"NextToken\":\"b\"}",
		"{\"Records\":[[{\"longValue\":9223372036854775807},{\"stringValue\":\"last\"}]]}", NULL
	};
	static const char *const bad[][3] = {
		{"{\"Records\":[[{\"isNull\":true}]]}"}, {"{\"Records\":[[{\"stringValue\":\"\"}]]}"}, {"{\"Records\":[[{\"stringValue\":\"1x\"}]]}"},
		{"{\"Records\":[[]]}"}, {"{\"Records\":[[{\"stringValue\":\"99999999999999999999\"}]]}"}, {"{}"},
		{"{\"Records\":[[{\"longValue\":1}]],\"NextToken\":\"a\"}", "{\"Records\":[[{\"longValue\":1},{\"longValue\":1}]]}"},
		{"{\"Records\":[[{\"longValue\":1}]],\"NextToken\":\"round and round\"}"}
	};
	Transaction	made = transaction();
	AwsxRedshiftRows *rows;

	is_str(numbers_of(three, 3), "1 -22 9223372036854775807 ", "numbers of three pages");
	is_str(lab.seen_id, "s-0:3", "... of a part");
	is_str(lab.seen_next, "b", "... one behind the other");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_str(numbers_of(bad[i], 0), "refused", bad[i][0]);
	begin(NULL);
	lab.pages = three;
	rows = transaction_rows(&made, "s-0", 0, &error);
	ok(rows != NULL && rows->row_count == 3 && rows->column_count == 2 && rows->next == NULL, "rows of three pages");
	ok(rows->values[1] == NULL && strcmp(rows->values[3], "x") == 0 && strcmp(rows->values[5], "last") == 0, "... in their order");
	awsx_redshift_rows_free(rows);
	deadline.at_ms = lab.now_ms;
	ok(transaction_rows(&made, "s-0", 0, &error) == NULL && error.kind == AWSX_ERR_CANCELLED, "... not when the time is over");
}

/*----------
 * Memory
 *----------
 */

static bool
runs_all(AwsxError *out)
{
	static const Fate fates[] = {{"FAILED", "deadlock detected", 1}, {"FINISHED", NULL, 0}, {0}};
	static const char *const pages[] = {"{\"Records\":[[{\"longValue\":5}]],\"NextToken\":\"n\"}", "{\"Records\":[[{\"longValue\":6}]]}", NULL};
	Transaction	made = transaction();
	int64_t    *numbers = NULL;
	int			count = 0;
	bool		good;

	begin(fates);
	good = run("base") == TRANSACTION_DONE;
	lab.pages = pages;
	good = good && transaction_numbers(&made, result.id, 1, &numbers, &count, &error);
	if (good && (count != 2 || numbers[1] != 6 || lab.count != 2))
		ok(false, "a wrong result is taken for a right one");
	free(numbers);
	*out = error;
	return good;
}

int
main(void)
{
	client = open_client(&error);
	test_done();
	test_submit_again();
	test_nobody_there();
	test_others();
	test_ends();
	test_time_over();
	test_old();
	test_describe_faults();
	test_results();
	sweep("a transaction and its result", runs_all);
	awsx_client_free(client);
	return tap_done();
}
