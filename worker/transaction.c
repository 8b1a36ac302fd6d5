/*
 * transaction.c
 *	  Runs statements as one transaction of Redshift, to its end.
 *
 * An attempt is submitted under a token of its own and asked after until it
 * ends: FINISHED, or FAILED or ABORTED with a text that says why.  The token
 * may bring back the attempt of a caller before us.  When that has finished or
 * still runs it is as good as ours.  When it has failed, it failed in a world
 * that may be another by now (the table was made, the privilege granted), and
 * the next attempt is made; whether it is older than our call is told by the
 * service's own clock.  After many old ones the wall clock goes into the
 * token, so that a way ahead is always found.
 *
 * Tokens only save work.  That nothing is loaded twice is the statements'
 * business.
 */
#include "transaction.h"

#include <stdio.h>
#include <string.h>

#include "../aws/date.h"
#include "../aws/digest.h"
#include "transaction_blame.h"

#define FIRST_POLL_MS 100
#define LAST_POLL_MS 2000
#define FIRST_REST_MS 200		/* before a repetition, with jitter */
#define LAST_REST_MS 5000
#define MAX_REPETITIONS 25		/* of ours, where no deadline ends it before */
#define MAX_SUBMITS 8			/* of one attempt, likewise */
#define MAX_SILENT 30			/* questions after it that fail one after another, likewise */
#define MAX_OLD 16				/* failures of earlier callers that are passed over */
#define OLD_MS 3000				/* older than our call by so much: not ours */

/* What one call knows. */
typedef struct Run
{
	const Transaction *transaction;
	const char *base;
	AwsxRedshiftSubmit submit;
	char		token[AWSX_SHA256_HEX_LEN + 1];
	TransactionResult *result;
	AwsxError  *error;
	int			number;			/* of the attempt, over all callers */
	int			old;			/* attempts of earlier callers that had failed */
	int64_t		asked_ms;		/* the service's time before the attempt was submitted; 0 = not known */
} Run;

static bool
rest(const Transaction *transaction, int ms)
{
	return transaction->rest != NULL ? transaction->rest(transaction->deadline, ms) : deadline_sleep(transaction->deadline, ms);
}

/* A rest that grows with its number, by half more or less. */
static bool
rest_before(const Run *run, int round)
{
	const AwsxClock *clock = run->transaction->deadline->clock;
	int			ms = FIRST_REST_MS;

	while (--round > 0 && ms < LAST_REST_MS)
		ms *= 2;
	if (ms > LAST_REST_MS)
		ms = LAST_REST_MS;
	return rest(run->transaction, (int) (ms * (0.5 + clock->jitter(clock->arg))));
}

/* One request within the time that is left; takes it over. */
static bool
ask(const Transaction *transaction, AwsxHttpRequest *request, AwsxHttpResponse *answer, AwsxError *error)
{
	request->timeout_ms = deadline_left_ms(transaction->deadline);
	if (request->timeout_ms > 0)
		return awsx_client_run(transaction->client, &transaction->service, request, answer, error);
	awsx_http_request_free(request);
	return awsx_error_set(error, AWSX_ERR_CANCELLED, "the time is over");
}

/*----------
 * Submitting
 *----------
 */

/* The first ones have tokens that whoever comes with the same base finds. */
static bool
make_token(Run *run)
{
	const AwsxClock *clock = run->transaction->deadline->clock;
	char		text[256];
	int			len = snprintf(text, sizeof(text), "%.128s:%d", run->base, run->number);

	if (run->old >= MAX_OLD)
		len += snprintf(text + len, sizeof(text) - (size_t) len, ":%lld", (long long) clock->wall_ms(clock->arg));
	if (!awsx_sha256_hex(text, (size_t) len, run->token))
		return awsx_error_set(run->error, AWSX_ERR_CONFIG, "SHA-256 fails in libcrypto");
	run->submit.token = run->token;
	return true;
}

/* The service's clock, set back by what the call took; 0 when it does not tell. */
static int64_t
time_before(const AwsxHttpResponse *answer, int64_t took_ms)
{
	const char *date = awsx_headers_get(&answer->headers, "Date");
	int64_t		ms;

	return date != NULL && awsx_http_date_ms(date, &ms) ? ms - took_ms : 0;
}

static bool
submit_once(Run *run)
{
	const Transaction *transaction = run->transaction;
	const AwsxClock *clock = transaction->deadline->clock;
	int64_t		began_ms = clock->monotonic_ms(clock->arg);
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	bool		good;

	if (!awsx_redshift_submit_request(&transaction->service, &run->submit, &request, run->error) ||
		!ask(transaction, &request, &answer, run->error))
		return false;
	run->asked_ms = time_before(&answer, clock->monotonic_ms(clock->arg) - began_ms);
	good = awsx_redshift_submit_answer(&answer, run->result->id, run->error);
	awsx_http_response_free(&answer);
	return good;
}

/* Again and again under the same token, while that may help. */
static bool
submit(Run *run)
{
	AwsxError  *error = run->error;

	run->number++;
	run->result->attempts++;
	if (!make_token(run))
		return false;
	for (int round = 1; !submit_once(run); round++)
	{
		if (!error->retryable || round == MAX_SUBMITS || !rest_before(run, round))
		{
			awsx_error_retell(error, error->kind, "no transaction was begun in Redshift: %s", error->message);
			return false;
		}
	}
	return true;
}

/*----------
 * Waiting
 *----------
 */

static bool
describe(const Run *run)
{
	const Transaction *transaction = run->transaction;
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	bool		good;

	if (!awsx_redshift_describe_request(&transaction->service, run->result->id, &request, run->error) ||
		!ask(transaction, &request, &answer, run->error))
		return false;
	good = awsx_redshift_describe_answer(&answer, &run->result->description, run->error);
	awsx_http_response_free(&answer);
	return good;
}

/* Until the attempt has ended.  False: it is not known how it ends. */
static bool
await(const Run *run)
{
	int			poll_ms = FIRST_POLL_MS;
	int			silent = 0;
	AwsxError  *error = run->error;

	while (rest(run->transaction, poll_ms))
	{
		if (describe(run))
		{
			if (run->result->description.status != AWSX_REDSHIFT_RUNNING)
				return true;
			silent = 0;
		}
		else if (!error->retryable || ++silent == MAX_SILENT)
		{
			awsx_error_retell(error, error->kind, "statement %s of Redshift cannot be asked after: %s", run->result->id, error->message);
			return false;
		}
		poll_ms = poll_ms * 3 / 2;
		if (poll_ms > LAST_POLL_MS)
			poll_ms = LAST_POLL_MS;
	}
	return awsx_error_set(error, AWSX_ERR_TIMEOUT,
						  "the time was over before statement %s of Redshift; it is left running, and found again with the same messages",
						  run->result->id);
}

/*----------
 * Ends
 *----------
 */

/* Did the attempt fail before our call asked for it? */
static bool
is_old(const Run *run)
{
	int64_t		created_ms = run->result->description.created_ms;

	return run->old < MAX_OLD && run->asked_ms > 0 && created_ms > 0 && created_ms < run->asked_ms - OLD_MS;
}

static TransactionEnd
tell(const Run *run, TransactionBlame blame)
{
	const AwsxRedshiftDescription *description = &run->result->description;
	char		words[400];

	transaction_words(description->error, words, sizeof(words));
	awsx_error_set(run->error, blame == TRANSACTION_BLAME_DATA || blame == TRANSACTION_BLAME_SETUP ? AWSX_ERR_REQUEST : AWSX_ERR_SERVICE,
				   "statement %s %s: %s", run->result->id,
				   description->status == AWSX_REDSHIFT_ABORTED ? "was aborted" : "failed",
				   words[0] != '\0' ? words : "Redshift does not say why");
	if (blame == TRANSACTION_BLAME_DATA)
		return TRANSACTION_DATA;
	return blame == TRANSACTION_BLAME_SETUP ? TRANSACTION_REFUSED : TRANSACTION_FAILED;
}

TransactionEnd
transaction_run(const Transaction *transaction, const char *base,
				const char *const *statements, int count,
				TransactionResult *result, AwsxError *error)
{
	Run			run = {
		.transaction = transaction,
		.base = base,
		.submit = {.place = transaction->place,.statements = statements,.count = count},
		.result = result,
		.error = error
	};

	memset(result, 0, sizeof(*result));
	for (int repetitions = 0;;)
	{
		TransactionBlame blame;

		if (!submit(&run) || !await(&run))
			return TRANSACTION_FAILED;
		if (result->description.status == AWSX_REDSHIFT_FINISHED)
		{
			awsx_error_clear(error);
			return TRANSACTION_DONE;
		}
		blame = transaction_blame(result->description.error);
		if (is_old(&run))
			run.old++;
		else if (blame != TRANSACTION_BLAME_OTHERS || ++repetitions == MAX_REPETITIONS || !rest_before(&run, repetitions))
			return tell(&run, blame);
	}
}
