/*
 * trouble.c
 *	  What fails, for how long it is left alone, and what is told of it.
 *
 * Three things can fail by themselves: receiving, deleting and applying.
 * Each has its own back-off; together they make the state that
 * sqs.status shows.  The log hears of a change, never of a repetition.
 */
#include "postgres.h"

#include "consumer.h"
#include "report.h"
#include "retry.h"

#define API_BASE_MS 1000
#define API_CAP_MS 30000
#define API_PERSON_MS 10000		/* at least, when only a person can help */
#define API_PERSON_CAP_MS 60000
#define APPLY_BASE_MS 1000
#define APPLY_CAP_MS 60000

void
trouble_clear(Trouble *trouble)
{
	memset(trouble, 0, sizeof(*trouble));
}

/* Will the same call fail again until somebody changes something? */
static bool
needs_person(const AwsxError *error)
{
	switch (error->kind)
	{
		case AWSX_ERR_CONFIG:
		case AWSX_ERR_CREDENTIALS:
		case AWSX_ERR_DENIED:
		case AWSX_ERR_NOT_FOUND:
		case AWSX_ERR_REQUEST:
			return true;
		default:
			return false;
	}
}

void
trouble_from_aws(const Consumer *consumer, Trouble *trouble, const char *what,
				 const AwsxError *error)
{
	const char *hint = report_hint(error);
	int			delay;

	trouble->failures++;
	trouble->person = needs_person(error);
	trouble->sqlerrcode = report_sqlstate(error);
	snprintf(trouble->message, sizeof(trouble->message), "could not %s: %s", what,
			 error->message);
	strlcpy(trouble->hint, hint ? hint : "", sizeof(trouble->hint));

	delay = awsx_backoff_ms(consumer->clock, trouble->failures, API_BASE_MS,
							trouble->person ? API_PERSON_CAP_MS : API_CAP_MS);
	if (trouble->person)
		delay = Max(delay, API_PERSON_MS);
	trouble->until = consumer_now(consumer) + Max(delay, Min(error->retry_after_ms, API_CAP_MS));
}

void
trouble_from_apply(const Consumer *consumer, Trouble *trouble, const ApplyResult *result)
{
	int			delay;

	trouble->failures++;
	trouble->person = result->broken;
	trouble->sqlerrcode = result->sqlerrcode;
	strlcpy(trouble->message, result->error, sizeof(trouble->message));
	strlcpy(trouble->hint, result->hint, sizeof(trouble->hint));

	delay = result->broken ? APPLY_CAP_MS
		: awsx_backoff_ms(consumer->clock, trouble->failures, APPLY_BASE_MS, APPLY_CAP_MS);
	trouble->until = consumer_now(consumer) + delay;
}

/* The one to show: what needs a person before what does not. */
static const Trouble *
worst_trouble(const Consumer *consumer)
{
	const Trouble *all[] = {
		&consumer->apply_trouble, &consumer->receive_trouble, &consumer->delete_trouble
	};
	const Trouble *worst = NULL;

	for (int i = 0; i < (int) lengthof(all); i++)
	{
		if (all[i]->failures == 0)
			continue;
		if (worst == NULL || (all[i]->person && !worst->person))
			worst = all[i];
	}
	return worst;
}

static void
log_trouble(const Consumer *consumer, const Trouble *trouble)
{
	const char *name = consumer->subscription->name;

	if (trouble->person)
		ereport(LOG,
				(errcode(trouble->sqlerrcode),
				 errmsg("pg_sqs subscription \"%s\" needs help: %s", name, trouble->message),
				 trouble->hint[0] ? errhint("%s", trouble->hint) : 0));
	else
		ereport(LOG,
				(errcode(trouble->sqlerrcode),
				 errmsg("pg_sqs subscription \"%s\" waits and tries again: %s", name,
						trouble->message),
				 trouble->hint[0] ? errhint("%s", trouble->hint) : 0));
}

void
consumer_publish_state(Consumer *consumer)
{
	static ConsumerState shown = CONSUMER_STARTING;
	static char shown_message[SQS_ERROR_LEN];
	const Trouble *trouble = worst_trouble(consumer);
	ConsumerState state = trouble == NULL ? CONSUMER_RUNNING
		: trouble->person ? CONSUMER_ERROR : CONSUMER_BACKOFF;
	ConsumerState before = shown;

	if (state == shown && (trouble == NULL || strcmp(shown_message, trouble->message) == 0))
		return;
	shown = state;
	if (trouble == NULL)
	{
		(void) slot_report(state, 0, NULL, NULL);
		if (before != CONSUMER_STARTING)
			ereport(LOG, (errmsg("pg_sqs subscription \"%s\" runs again",
								 consumer->subscription->name)));
		return;
	}
	strlcpy(shown_message, trouble->message, sizeof(shown_message));
	if (slot_report(state, trouble->sqlerrcode, trouble->message, trouble->hint))
		log_trouble(consumer, trouble);
}
