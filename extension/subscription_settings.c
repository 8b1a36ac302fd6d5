/*
 * subscription_settings.c
 *	  The settings that sqs.create_subscription and sqs.alter_subscription
 *	  take in the same order: read from the arguments and checked.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "subscription_settings.h"

/* Positions among the settings, in the order of the SQL. */
typedef enum SettingArgument
{
	SETTING_VISIBILITY_TIMEOUT,
	SETTING_MAX_BATCH,
	SETTING_MAX_POLLS,
	SETTING_DEDUP_SCOPE,
	SETTING_POLICY,
	SETTING_CONSUMERS,
	SETTING_DEDUP_KEY,
	SETTING_DEDUP_RETENTION,
	SETTING_QUARANTINE_RETENTION,
	SETTING_UNWRAP_SNS,
	SETTING_RECEIPTS
} SettingArgument;

#define SETTING_DEDUP_KEY_LEN 1024
#define SETTING_ATTRIBUTE_LEN 256	/* SQS's limit of an attribute's name */
#define SETTING_BUCKET_MIN 3	/* S3's limits of a bucket's name and a key */
#define SETTING_BUCKET_MAX 63
#define SETTING_PREFIX_LEN 512	/* leaves room for the receipts' names */

/* A retention beyond this is a slip, and would leave no date to compare with. */
#define SETTING_MAX_MONTHS (1000 * MONTHS_PER_YEAR)

/* For how long SQS can keep a message: 14 days, and as long in a dead-letter queue. */
#define SETTING_LIFE_DAYS 28

void
settings_defaults(Subscription *subscription)
{
	subscription->visibility_timeout = 30;
	subscription->max_batch = 1000;
	subscription->max_polls = 4;
	subscription->consumers = 1;
	subscription->policy = POLICY_QUARANTINE;
}

static char *
settings_text(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* An integer setting: the argument, if given, else what it was; checked. */
static int
settings_int(FunctionCallInfo fcinfo, int argument, const char *name, int before,
			 int minimum, int maximum)
{
	int			value = PG_ARGISNULL(argument) ? before : PG_GETARG_INT32(argument);

	if (value < minimum || value > maximum)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is out of range: %d", name, value),
				 errhint("Give a value from %d to %d.", minimum, maximum)));
	return value;
}

static SubscriptionPolicy
settings_policy(const char *text)
{
	for (int i = 0; i < lengthof(subscription_policies); i++)
	{
		if (strcmp(text, subscription_policies[i]) == 0)
			return (SubscriptionPolicy) i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid policy: \"%s\"", text),
			 errhint("Give 'quarantine' (only the refused message), 'quarantine_group' (it and what follows in its group) or 'block' (hold the group, leave it in the queue).")));
	return POLICY_QUARANTINE;	/* not reached */
}

/* Days, roughly, for a comparison with a limit. */
static int64
settings_days(const Interval *interval)
{
	return (int64) interval->month * DAYS_PER_MONTH + interval->day + interval->time / USECS_PER_DAY;
}

/* A retention: the argument, if given, else what it was (null = the usual one). */
static Interval *
settings_retention(FunctionCallInfo fcinfo, int argument, const char *name, Interval *before)
{
	Interval	zero = {0};
	Interval   *value;

	if (PG_ARGISNULL(argument))
		return before;
	value = PG_GETARG_INTERVAL_P(argument);
	if (!DatumGetBool(DirectFunctionCall2(interval_gt, IntervalPGetDatum(value),
										  IntervalPGetDatum(&zero))) ||
		settings_days(value) > (int64) SETTING_MAX_MONTHS * DAYS_PER_MONTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is out of range: %s", name,
						DatumGetCString(DirectFunctionCall1(interval_out,
															IntervalPGetDatum(value)))),
				 errhint("Give an interval above zero and up to 1000 years, like '30 days'.")));
	return value;
}

/* Is what SQS may still deliver forgotten before? */
static void
settings_notice_short_retention(const Interval *retention)
{
	if (settings_days(retention) < SETTING_LIFE_DAYS)
		ereport(NOTICE,
				(errmsg("dedup_retention is shorter than messages can live in SQS"),
				 errdetail("What SQS delivers again after that time is applied again. A queue keeps messages for up to 14 days, a dead-letter queue for another 14."),
				 errhint("Give at least the retention of the queue and of its dead-letter queue together; sqs.queue_state shows the first.")));
}

void
settings_tune(Subscription *subscription, FunctionCallInfo fcinfo, int first)
{
	char	   *policy = settings_text(fcinfo, first + SETTING_POLICY);

	subscription->visibility_timeout =
		settings_int(fcinfo, first + SETTING_VISIBILITY_TIMEOUT, "visibility_timeout",
					 subscription->visibility_timeout, 1, 43200);
	subscription->max_batch = settings_int(fcinfo, first + SETTING_MAX_BATCH, "max_batch",
										   subscription->max_batch, 1, 10000);
	subscription->max_polls = settings_int(fcinfo, first + SETTING_MAX_POLLS, "max_polls",
										   subscription->max_polls, 1, 32);
	subscription->consumers = settings_int(fcinfo, first + SETTING_CONSUMERS, "consumers",
										   subscription->consumers, 1, 16);
	if (policy != NULL)
		subscription->policy = settings_policy(policy);
	subscription->dedup_retention =
		settings_retention(fcinfo, first + SETTING_DEDUP_RETENTION, "dedup_retention",
						   subscription->dedup_retention);
	if (!PG_ARGISNULL(first + SETTING_DEDUP_RETENTION))
		settings_notice_short_retention(subscription->dedup_retention);
	subscription->quarantine_retention =
		settings_retention(fcinfo, first + SETTING_QUARANTINE_RETENTION, "quarantine_retention",
						   subscription->quarantine_retention);
}

static DedupScope
settings_scope(const char *text)
{
	if (strcmp(text, "queue") == 0)
		return DEDUP_SCOPE_QUEUE;
	if (strcmp(text, "messageGroup") == 0)
		return DEDUP_SCOPE_GROUP;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid dedup_scope: \"%s\"", text),
			 errhint("Give 'queue' or 'messageGroup' as the queue's attribute DeduplicationScope says, or leave it out: then the queue is asked.")));
	return DEDUP_SCOPE_UNKNOWN; /* not reached */
}

/* SQS's rule: letters, digits, "_-."; no period at an end or twice in a row. */
static bool
settings_is_attribute(const char *name)
{
	size_t		length = strlen(name);

	return length > 0 && length <= SETTING_ATTRIBUTE_LEN &&
		strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.") == length &&
		name[0] != '.' && name[length - 1] != '.' && strstr(name, "..") == NULL;
}

/* "$.a.b": members of members, none of them empty; no indexes, no wildcards. */
static bool
settings_is_path(const char *path)
{
	size_t		length = strlen(path);

	return strncmp(path, "$.", 2) == 0 && length > 2 && length <= SETTING_DEDUP_KEY_LEN &&
		path[length - 1] != '.' && strstr(path, "..") == NULL && strpbrk(path, "[]*\"'") == NULL;
}

/* Null for '': the MessageDeduplicationId again. */
static char *
settings_dedup_key(char *text)
{
	if (text[0] == '\0')
		return NULL;
	if (!settings_is_attribute(text) && !settings_is_path(text))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid dedup_key: \"%s\"", text),
				 errhint("Give the name of a message attribute, like 'transaction_id', or the path of a member of the body, like '$.header.id'; or '' for the MessageDeduplicationId.")));
	return text;
}

static bool
settings_is_bucket(const char *name, size_t length)
{
	return length >= SETTING_BUCKET_MIN && length <= SETTING_BUCKET_MAX &&
		strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") >= length &&
		name[0] != '.' && name[0] != '-' && name[length - 1] != '.' && name[length - 1] != '-';
}

/* Null for '': none. */
static char *
settings_receipts(char *text)
{
	const char *scheme = "s3://";
	const char *bucket = text + strlen(scheme);

	if (text[0] == '\0')
		return NULL;
	if (strncmp(text, scheme, strlen(scheme)) != 0 ||
		!settings_is_bucket(bucket, strcspn(bucket, "/")) ||
		strlen(bucket) > SETTING_BUCKET_MAX + SETTING_PREFIX_LEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid receipts: \"%s\"", text),
				 errhint("Give the place where s3_to_sqs leaves its receipts, like 's3://bucket/receipts/', or '' for none.")));
	return text;
}

void
settings_define(Subscription *subscription, FunctionCallInfo fcinfo, int first)
{
	char	   *scope = settings_text(fcinfo, first + SETTING_DEDUP_SCOPE);
	char	   *dedup_key = settings_text(fcinfo, first + SETTING_DEDUP_KEY);
	char	   *receipts = settings_text(fcinfo, first + SETTING_RECEIPTS);

	if (scope != NULL)
		subscription->dedup_scope = settings_scope(scope);
	if (dedup_key != NULL)
		subscription->dedup_key = settings_dedup_key(dedup_key);
	if (receipts != NULL)
		subscription->receipts = settings_receipts(receipts);
	if (!PG_ARGISNULL(first + SETTING_UNWRAP_SNS))
		subscription->unwrap_sns = PG_GETARG_BOOL(first + SETTING_UNWRAP_SNS);
}

bool
settings_defined(FunctionCallInfo fcinfo, int first)
{
	return !PG_ARGISNULL(first + SETTING_DEDUP_SCOPE) ||
		!PG_ARGISNULL(first + SETTING_DEDUP_KEY) ||
		!PG_ARGISNULL(first + SETTING_UNWRAP_SNS) ||
		!PG_ARGISNULL(first + SETTING_RECEIPTS);
}
