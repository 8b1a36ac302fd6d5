/*
 * loader_world.h
 *	  A world for tests of the loader: rows are made of bodies by a simple
 *	  rule, Redshift is an array, S3 a transport that keeps keys.
 *
 * A body is a text.  "!..." is rejected by its value, "~..." is refused by
 * Redshift's SQL, "%..." is disputed by its version; all others are loaded.  A
 * statement is the places of its rows in the world's list of messages, with
 * commas, and ends with the stage's object where there is one.
 */
#ifndef LOADER_WORLD_H
#define LOADER_WORLD_H

#include "client_double.h"

#include "load_sql.h"
#include "loader.h"
#include "providers.h"
#include "transaction.h"

#define MOST_MESSAGES 400
#define MOST_OBJECTS 64

static AwsxSqsMessage messages[MOST_MESSAGES];
static char ids[MOST_MESSAGES][16];
static int	message_count;
static bool done[MOST_MESSAGES];
static AwsxError error;

/* Redshift. */
static const AwsxSqsMessage *ledger[MOST_MESSAGES];	/* in the order of their loading */
static int	ledger_count;
static int	transactions;
static int	fail_transaction;	/* the n-th one; 0 = none */
static TransactionEnd fail_with;
static bool lose_verdicts;		/* they cannot be read */
static int	conflict_numbers[MOST_MESSAGES];
static int	conflict_count;
static int	dispute_numbers[MOST_MESSAGES];
static int	dispute_count;
static char tokens[MOST_MESSAGES][65];
static int	sql_fits;			/* rows that fit into SQL */
static char last_sql[8192];

/* S3: keys that are there, "bucket/key". */
static char objects[MOST_OBJECTS][256];
static int	object_count;
static int	written;
static const char *broken_bucket;
static char last_document[8192];

/* Time. */
static int64_t now;
static Deadline deadline;

static int64_t
world_now(void *arg)
{
	(void) arg;
	return now;
}

static double
world_jitter(void *arg)
{
	(void) arg;
	return 0.5;
}

static const AwsxClock world_clock = {world_now, world_now, world_jitter, NULL};

/* ---- messages ---- */

/* Another message; its dedup id is "d-" and its number, unless one is given. */
static void
message(const char *group, const char *dedup_id, const char *body)
{
	AwsxSqsMessage *one = &messages[message_count];

	snprintf(ids[message_count], sizeof(ids[0]), "m%d", message_count);
	*one = (AwsxSqsMessage) {
		.message_id = ids[message_count],
		.receipt_handle = "r",
		.body = body,
		.body_len = strlen(body),
		.group_id = group,
		.dedup_id = dedup_id != NULL ? dedup_id : ids[message_count],
		.sequence_number = "1",
		.receive_count = 1
	};
	message_count++;
}

/* ---- doubles of what the loader calls ---- */

bool
awsx_redshift_service(AwsxService *service, const AwsxServiceOptions *options, AwsxError *why)
{
	return awsx_service_init(service, "redshift-data", AWSX_DIALECT_JSON, options, why);
}

static void
judge_row(LoadBatch *batch, LoadRow *row)
{
	const AwsxSqsMessage *one = row->message;

	row->original = -1;
	row->dedup_key = one->dedup_id;
	row->source = "";
	if (*one->body == '!')
	{
		row->fate = LOAD_REJECTED;
		strcpy(row->code, "InvalidValue");
		strcpy(row->reason, "the test does not like it");
		return;
	}
	for (LoadRow *before = batch->rows; before < row; before++)
	{
		if (before->fate != LOAD_ROW || strcmp(before->dedup_key, row->dedup_key) != 0)
			continue;
		row->original = (int) (before - batch->rows);
		row->fate = strcmp(before->message->body, one->body) == 0 ? LOAD_DUPLICATE : LOAD_REJECTED;
		strcpy(row->code, row->fate == LOAD_REJECTED ? "DedupConflict" : "");
	}
}

LoadBatch *
load_batch(const LoadConfig *config, LoadScope scope, const AwsxSqsMessage *items, int count, AwsxError *why)
{
	LoadBatch  *batch = calloc(1, sizeof(*batch));

	(void) config;
	(void) why;
	if (scope == LOAD_SCOPE_ASK)
		abort();
	batch->rows = calloc((size_t) count + 1, sizeof(LoadRow));
	batch->count = count;
	for (int i = 0; i < count; i++)
	{
		batch->rows[i].message = &items[i];
		judge_row(batch, &batch->rows[i]);
	}
	return batch;
}

void
load_batch_free(LoadBatch *batch)
{
	if (batch != NULL)
		free(batch->rows);
	free(batch);
}

static void
put_places(const LoadRow *const *rows, int count, char *out, size_t size)
{
	size_t		len = 0;

	for (int i = 0; i < count; i++)
		len += (size_t) snprintf(out + len, size - len, "%d,", (int) (rows[i]->message - messages));
}

bool
load_sql_fits(const LoadConfig *config, const LoadRow *const *rows, int count)
{
	(void) config;
	(void) rows;
	return count <= sql_fits;
}

bool
load_stage(const LoadConfig *config, const LoadRow *const *rows, int count, AwsxBuf *out)
{
	char		places[4096] = "";

	(void) config;
	put_places(rows, count, places, sizeof(places));
	return awsx_buf_puts(out, places);
}

bool
load_sql(const LoadConfig *config, const LoadRow *const *rows, int count, const char *stage_url,
		 LoadStatements *out, AwsxError *why)
{
	char		places[4096] = "";

	(void) config;
	(void) why;
	put_places(rows, count, places, sizeof(places));
	memset(out, 0, sizeof(*out));
	out->count = 2;
	out->sql[0] = strdup("LOCK");
	out->sql[1] = malloc(8192);
	snprintf(out->sql[1], 8192, "%s%s", places, stage_url != NULL ? stage_url : "");
	out->conflicts = 1;
	out->duplicates = 2;
	out->disputes = 3;
	out->ledger = 4;
	out->target = 5;
	return true;
}

void
load_sql_free(LoadStatements *statements)
{
	for (int i = 0; i < statements->count; i++)
		free(statements->sql[i]);
}

static bool
object_is_there(const char *name)
{
	for (int i = 0; i < object_count; i++)
	{
		if (strcmp(objects[i], name) == 0)
			return true;
	}
	return false;
}

/* How a row of a transaction that is committed ends. */
static void
apply(int number, const AwsxSqsMessage *one, AwsxRedshiftDescription *description)
{
	for (int i = 0; i < ledger_count; i++)
	{
		if (strcmp(ledger[i]->dedup_id, one->dedup_id) != 0)
			continue;
		description->parts[1].rows++;
		if (strcmp(ledger[i]->body, one->body) != 0)
		{
			conflict_numbers[conflict_count++] = number;
			description->parts[0].rows++;
		}
		return;
	}
	if (*one->body == '%')
	{
		dispute_numbers[dispute_count++] = number;
		description->parts[2].rows++;
		return;
	}
	ledger[ledger_count++] = one;
	description->parts[3].rows++;
	description->parts[4].rows++;
}

TransactionEnd
transaction_run(const Transaction *transaction, const char *base, const char *const *statements,
				int count, TransactionResult *result, AwsxError *why)
{
	const AwsxSqsMessage *rows[MOST_MESSAGES];
	int			row_count = 0;
	const char *at = statements[count - 1];
	char	   *end;

	(void) transaction;
	snprintf(last_sql, sizeof(last_sql), "%s", at);
	snprintf(tokens[transactions], sizeof(tokens[0]), "%s", base);
	memset(result, 0, sizeof(*result));
	conflict_count = dispute_count = 0;
	if (++transactions == fail_transaction)
	{
		awsx_error_set(why, AWSX_ERR_SERVICE, "failed by the test");
		return fail_with;
	}
	for (; *at >= '0' && *at <= '9'; at = end + 1)
		rows[row_count++] = &messages[strtol(at, &end, 10)];
	if (*at != '\0' && !object_is_there(at + strlen("s3://")))
	{
		awsx_error_set(why, AWSX_ERR_REQUEST, "no object to copy");
		return TRANSACTION_REFUSED;
	}
	for (int i = 0; i < row_count; i++)
	{
		if (*rows[i]->body != '~')
			continue;
		awsx_error_set(why, AWSX_ERR_REQUEST, "a value is out of range");
		snprintf(result->description.error, sizeof(result->description.error), "ERROR: value %s", rows[i]->body);
		return TRANSACTION_DATA;
	}
	result->description.part_count = 5;
	for (int i = 0; i < row_count; i++)
		apply(i, rows[i], &result->description);
	return TRANSACTION_DONE;
}

bool
transaction_numbers(const Transaction *transaction, const char *id, int part, int64_t **numbers,
					int *count, AwsxError *why)
{
	const int  *from = part == 1 ? conflict_numbers : dispute_numbers;

	(void) transaction;
	(void) id;
	if (lose_verdicts)
		return awsx_error_set(why, AWSX_ERR_SERVICE, "lost by the test");
	*count = part == 1 ? conflict_count : dispute_count;
	*numbers = calloc(MOST_MESSAGES, sizeof(**numbers));
	for (int i = 0; i < *count; i++)
		(*numbers)[i] = from[i];
	return true;
}

/* ---- S3 ---- */

static void
forget_object(const char *name)
{
	for (int i = 0; i < object_count; i++)
	{
		if (strcmp(objects[i], name) == 0)
			memmove(&objects[i], &objects[i + 1], (size_t) (--object_count - i) * sizeof(objects[0]));
	}
}

static const Line *
judge_s3(const AwsxHttpCall *call)
{
	static const Line fine = {.status = 200,.headers = "ETag: \"e\"\n"};
	static const Line denied = {.status = 403,.body = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>"};
	const AwsxHttpRequest *request = call->request;
	const char *name = request->path + 1;

	if (broken_bucket != NULL && strncmp(name, broken_bucket, strlen(broken_bucket)) == 0)
		return &denied;
	forget_object(name);
	if (strcmp(request->method, "PUT") == 0)
	{
		written++;
		snprintf(objects[object_count++], sizeof(objects[0]), "%s", name);
		snprintf(last_document, sizeof(last_document), "%.*s", (int) request->body_len, request->body);
	}
	return &fine;
}

static bool
world_wait(void *arg, int fd, int timeout_ms)
{
	(void) arg;
	(void) fd;
	now += timeout_ms > 0 ? timeout_ms : 0;
	return true;
}

static AwsxClient *
world_client(void)
{
	Double	   *d = calloc(1, sizeof(*d));
	AwsxClientOptions options = {.clock = &world_clock,.wait = world_wait};

	d->base = (AwsxTransport) {.start = double_start,.cancel = double_cancel,.fd = double_fd,
	.timeout_ms = double_timeout,.drive = double_drive,.free = double_free};
	d->judge = judge_s3;
	options.transport = &d->base;
	options.credentials = awsx_credentials_static("AKIDEXAMPLE", "secret", NULL, &error);
	return awsx_client_create(&options, &error);
}

/* ---- a run ---- */

static LoadConfig config;
static AwsxClient *client;
static Loader *loader;

static const AwsxServiceOptions world_services = {.region = "eu-west-1",.endpoint = "http://127.0.0.1:1"};

/* A fresh loader in an empty world. */
static void
begin(void)
{
	LoaderOptions options = {.config = &config,.services = &world_services,.deadline = &deadline,.request_id = "r-1"};

	loader_free(loader);
	awsx_client_free(client);
	now = INT64_C(1795352046000);
	deadline = (Deadline) {.clock = &world_clock};
	memset(&config, 0, sizeof(config));
	config.target = (AwsxRedshiftTable) {.schema = "public",.name = "transactions"};
	config.subscription = (char *) "transactions";
	config.place = (AwsxRedshiftPlace) {.workgroup = "default",.database = "dev"};
	config.stage_bucket = (char *) "stage";
	config.stage_prefix = (char *) "in/";
	config.reject_bucket = (char *) "rejects";
	config.reject_prefix = (char *) "x/";
	config.token_salt = (char *) "";
	message_count = ledger_count = transactions = fail_transaction = object_count = written = 0;
	sql_fits = MOST_MESSAGES;
	lose_verdicts = false;
	broken_bucket = NULL;
	client = world_client();
	options.client = client;
	loader = loader_create(&options, &error);
	if (loader == NULL)
		abort();
}

static bool
run(bool always_stage)
{
	memset(done, 1, sizeof(done));
	return loader_load(loader, LOAD_SCOPE_QUEUE, messages, message_count, always_stage, done, &error);
}

/* "+-+": which are done. */
static const char *
fates(void)
{
	static char text[MOST_MESSAGES + 1];

	for (int i = 0; i < message_count; i++)
		text[i] = done[i] ? '+' : '-';
	text[message_count] = '\0';
	return text;
}

/* The bodies that were loaded, in order. */
static inline const char *
loaded(void)
{
	static char text[4096];

	text[0] = '\0';
	for (int i = 0; i < ledger_count; i++)
	{
		strcat(text, i > 0 ? " " : "");
		strcat(text, ledger[i]->body);
	}
	return text;
}

#endif							/* LOADER_WORLD_H */
