/*
 * credentials_cache.c
 *	  Which keys a client signs with, and when they are fetched anew.
 *
 * Two things are kept apart: the keys in use, and the fetch that may be under
 * way.  Nothing begins by itself: every request asks for keys, and where a
 * fetch is due the one that asks begins it.  One that has no end is given up
 * after two minutes, whatever its provider waits for.
 *
 *	  keys			fetch due							while it runs
 *	  none			at once								requests wait
 *	  with an end	a third of their life before it,	old keys
 *					15 minutes at most
 *	  no end		every minute						old keys
 *	  ended			at once								requests wait, the first time
 *	  refused		at once								requests wait
 *
 * A fetch that fails leaves the keys as they are, and the next one is put
 * off: from a second to a minute.  One that brings what was there before (an
 * instance's metadata does so until it rotates), or keys that have ended by
 * our clock, is no failure; it is repeated after ten seconds to five minutes,
 * but sooner the nearer the end is.
 *
 * The end of keys is a time of day, so it is held against the wall clock; a
 * process that was frozen or a machine that slept sees it pass.  Delays run on
 * the monotonic clock.
 */
#include "credentials_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client_call.h"
#include "retry.h"
#include "timer.h"

#define WINDOW_MS INT64_C(900000)	/* refresh so long before the end, at most */
#define LOOK_AGAIN_MS 60000		/* keys without an end */
#define FAILED_BASE_MS 1000
#define FAILED_CAP_MS 60000
#define FETCH_LIMIT_MS 120000
#define UNCHANGED_BASE_MS 10000
#define UNCHANGED_CAP_MS 300000

struct AwsxCredentialsCache
{
	AwsxClient *client;
	AwsxCredentialsProvider *provider;
	AwsxKeysChanged changed;
	void	   *arg;

	AwsxCredentials keys;		/* in use; all null before the first */
	char		source[64];		/* whose they are */
	int			generation;		/* counts other keys than before */
	int			refused;		/* the generation that AWS said had expired */
	int64_t		refresh_ms;		/* wall clock: when keys with an end are due */

	AwsxCredentialsFetch fetch;
	AwsxTimer	limit;			/* of a fetch that takes its time */
	bool		fetching;
	bool		starting;		/* the provider's start is on the stack */
	bool		failing;		/* the last fetch failed: error holds why */
	int			fruitless;		/* fetches in a row that brought nothing better */
	int64_t		not_before_ms;	/* monotonic: the next fetch */
	AwsxError	error;
};

static int64_t
wall_now_ms(const AwsxCredentialsCache *cache)
{
	const AwsxClock *clock = awsx_client_clock(cache->client);

	return clock->wall_ms(clock->arg);
}

static bool
has_keys(const AwsxCredentialsCache *cache)
{
	return cache->keys.access_key_id != NULL;
}

static bool
have_ended(const AwsxCredentialsCache *cache)
{
	return cache->keys.expires_ms != 0 && cache->keys.expires_ms <= wall_now_ms(cache);
}

static bool
are_refused(const AwsxCredentialsCache *cache)
{
	return cache->refused == cache->generation;
}

/*----------
 * What the owner is told
 *----------
 */

static void
describe_end(int64_t expires_ms, char *out, size_t size)
{
	time_t		seconds = (time_t) (expires_ms / 1000);
	struct tm	parts;

	out[0] = '\0';
	if (expires_ms != 0 && gmtime_r(&seconds, &parts) != NULL)
		(void) strftime(out, size, ", valid until %Y-%m-%d %H:%M:%S UTC", &parts);
}

static void
tell_renewed(AwsxCredentialsCache *cache, bool first)
{
	char		end[48];

	describe_end(cache->keys.expires_ms, end, sizeof(end));
	awsx_client_notify(cache->client, AWSX_NOTICE_CREDENTIALS, "AWS credentials from %s %s%s",
					   cache->source, first ? "obtained" : "renewed", end);
}

static void
tell_failing(AwsxCredentialsCache *cache)
{
	char		end[48];

	describe_end(cache->keys.expires_ms, end, sizeof(end));
	awsx_client_notify(cache->client, AWSX_NOTICE_CREDENTIALS_FAILING,
					   "AWS credentials from %s cannot be renewed, the old ones stay in use%s: %s",
					   cache->source, end, cache->error.message);
}

/*----------
 * The end of a fetch
 *----------
 */

static void
put_off(AwsxCredentialsCache *cache, int64_t delay_ms)
{
	cache->not_before_ms = awsx_client_now_ms(cache->client) + delay_ms;
}

static int64_t
backoff_ms(AwsxCredentialsCache *cache, int base_ms, int cap_ms)
{
	if (cache->fruitless < 1000)
		cache->fruitless++;
	return awsx_backoff_ms(awsx_client_clock(cache->client), cache->fruitless, base_ms, cap_ms);
}

/* A third of what is left of their life, and a little less by chance, lest many ask at once. */
static int64_t
window_ms(const AwsxCredentialsCache *cache, int64_t left_ms)
{
	const AwsxClock *clock = awsx_client_clock(cache->client);
	int64_t		window = left_ms / 3 < WINDOW_MS ? left_ms / 3 : WINDOW_MS;

	return window - (int64_t) (clock->jitter(clock->arg) * (double) window / 5);
}

/* When to ask again after keys came; better: they are others, or last longer. */
static void
plan(AwsxCredentialsCache *cache, bool better)
{
	int64_t		left_ms = cache->keys.expires_ms - wall_now_ms(cache);
	int64_t		delay_ms;

	if (cache->keys.expires_ms == 0)
	{
		cache->fruitless = 0;
		put_off(cache, LOOK_AGAIN_MS);
		return;
	}
	if (better && left_ms > 0)
	{
		cache->fruitless = 0;
		cache->refresh_ms = cache->keys.expires_ms - window_ms(cache, left_ms);
		put_off(cache, 0);
		return;
	}
	if (better)
		cache->refresh_ms = cache->keys.expires_ms;
	delay_ms = backoff_ms(cache, UNCHANGED_BASE_MS, UNCHANGED_CAP_MS);
	if (left_ms > 0 && delay_ms > left_ms / 2)
		delay_ms = left_ms / 2 > FAILED_BASE_MS ? left_ms / 2 : FAILED_BASE_MS;
	put_off(cache, delay_ms);
}

static bool
same_text(const char *one, const char *other)
{
	return one == other || (one != NULL && other != NULL && strcmp(one, other) == 0);
}

static bool
same_keys(const AwsxCredentials *one, const AwsxCredentials *other)
{
	return same_text(one->access_key_id, other->access_key_id) &&
		same_text(one->secret_access_key, other->secret_access_key) &&
		same_text(one->session_token, other->session_token);
}

static void
take_keys(AwsxCredentialsCache *cache)
{
	AwsxCredentials *fresh = &cache->fetch.credentials;
	bool		first = !has_keys(cache);
	bool		same = same_keys(&cache->keys, fresh);
	bool		better = !same || fresh->expires_ms == 0 ||
		fresh->expires_ms > cache->keys.expires_ms;
	bool		tell = !same || cache->failing;

	awsx_credentials_clear(&cache->keys);
	cache->keys = *fresh;
	memset(fresh, 0, sizeof(*fresh));
	if (!same)
		cache->generation++;
	(void) snprintf(cache->source, sizeof(cache->source), "%s",
					cache->fetch.source != NULL ? cache->fetch.source : cache->provider->name);
	cache->failing = false;
	plan(cache, better);
	if (tell)
		tell_renewed(cache, first);
}

static void
note_failure(AwsxCredentialsCache *cache)
{
	bool		news = !cache->failing;

	cache->error = cache->fetch.error;
	if (cache->error.kind == AWSX_OK)
		awsx_error_set(&cache->error, AWSX_ERR_CREDENTIALS, "%s found keys without an id",
					   cache->provider->name);
	cache->failing = true;
	put_off(cache, backoff_ms(cache, FAILED_BASE_MS, FAILED_CAP_MS));
	if (news && has_keys(cache))
		tell_failing(cache);
}

/* What became of the last fetch, and when it makes sense to ask again. */
static void
copy_failure(const AwsxCredentialsCache *cache, AwsxError *error)
{
	int64_t		wait_ms = cache->not_before_ms - awsx_client_now_ms(cache->client);

	*error = cache->error;
	if (error->retryable && wait_ms > error->retry_after_ms)
		error->retry_after_ms = (int) wait_ms;
}

static void
on_fetched(AwsxCredentialsFetch *fetch)
{
	AwsxCredentialsCache *cache = fetch->arg;
	AwsxError	outcome;

	cache->fetching = false;
	awsx_timer_stop(&cache->limit);
	if (fetch->error.kind == AWSX_OK && fetch->credentials.access_key_id != NULL)
		take_keys(cache);
	else
		note_failure(cache);
	awsx_error_clear(&outcome);
	if (cache->failing && (!has_keys(cache) || are_refused(cache)))
		copy_failure(cache, &outcome);
	if (!cache->starting)
		cache->changed(cache->arg, &outcome);
}

static void
on_limit(AwsxTimer *limit)
{
	AwsxCredentialsCache *cache = limit->arg;
	AwsxError	error;

	cache->provider->cancel(cache->provider);
	awsx_error_set(&error, AWSX_ERR_TIMEOUT, "%s gave no AWS credentials within %d s",
				   cache->provider->name, FETCH_LIMIT_MS / 1000);
	error.retryable = false;	/* who waited has waited long enough */
	awsx_fetch_failed(&cache->fetch, &error);
}

static void
start_fetch(AwsxCredentialsCache *cache)
{
	cache->fetch = (AwsxCredentialsFetch) {
		.client = cache->client,.done = on_fetched,.arg = cache
	};
	cache->fetching = true;
	cache->starting = true;
	awsx_client_enter_provider(cache->client);
	cache->provider->start(cache->provider, &cache->fetch);
	awsx_client_leave_provider(cache->client);
	cache->starting = false;
	if (cache->fetching)
		awsx_timer_start(&cache->limit, cache->client, FETCH_LIMIT_MS);
}

/*----------
 * What the calls ask
 *----------
 */

static bool
is_due(const AwsxCredentialsCache *cache)
{
	if (cache->fetching || awsx_client_now_ms(cache->client) < cache->not_before_ms)
		return false;
	return !has_keys(cache) || are_refused(cache) || cache->keys.expires_ms == 0 ||
		wall_now_ms(cache) >= cache->refresh_ms;
}

/*
 * Are the keys in use good enough while others are fetched?  Ended ones are
 * not, when they ended unseen; they are when the source has nothing better.
 */
static bool
good_enough(const AwsxCredentialsCache *cache)
{
	return has_keys(cache) && !are_refused(cache) &&
		(cache->fruitless > 0 || !have_ended(cache));
}

AwsxKeys
awsx_credentials_cache_get(AwsxCredentialsCache *cache, const AwsxCredentials **keys,
						   int *generation, AwsxError *error)
{
	if (cache->provider == NULL)
	{
		awsx_error_set(error, AWSX_ERR_CREDENTIALS, "no AWS credentials are configured");
		return AWSX_KEYS_FAILED;
	}
	if (is_due(cache))
		start_fetch(cache);
	if (cache->fetching && !good_enough(cache))
		return AWSX_KEYS_COMING;
	if (has_keys(cache))
	{
		*keys = &cache->keys;
		*generation = cache->generation;
		return AWSX_KEYS_READY;
	}
	copy_failure(cache, error);
	return AWSX_KEYS_FAILED;
}

bool
awsx_credentials_cache_reject(AwsxCredentialsCache *cache, int generation)
{
	if (generation != cache->generation)
		return true;
	if (!are_refused(cache))
		put_off(cache, 0);		/* this once, however the last fetch ended */
	cache->refused = generation;
	if (is_due(cache))
		start_fetch(cache);
	return cache->fetching || generation != cache->generation;
}

void
awsx_credentials_cache_explain(const AwsxCredentialsCache *cache, AwsxError *error)
{
	size_t		len = strlen(error->message);

	if (cache->failing)
		(void) snprintf(error->message + len, sizeof(error->message) - len,
						"; others cannot be had: %s", cache->error.message);
}

AwsxCredentialsCache *
awsx_credentials_cache_create(AwsxClient *client, AwsxCredentialsProvider *provider,
							  AwsxKeysChanged changed, void *arg)
{
	AwsxCredentialsCache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
	{
		if (provider != NULL)
			provider->free(provider);
		return NULL;
	}
	cache->client = client;
	cache->provider = provider;
	cache->changed = changed;
	cache->arg = arg;
	cache->refused = -1;
	cache->limit.fire = on_limit;
	cache->limit.arg = cache;
	return cache;
}

void
awsx_credentials_cache_free(AwsxCredentialsCache *cache)
{
	if (cache == NULL)
		return;
	awsx_timer_stop(&cache->limit);
	if (cache->provider != NULL)
	{
		if (cache->fetching)
			cache->provider->cancel(cache->provider);
		cache->provider->free(cache->provider);
	}
	awsx_credentials_clear(&cache->keys);
	free(cache);
}
