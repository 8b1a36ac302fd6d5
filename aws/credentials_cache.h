/*
 * credentials_cache.h
 *	  What a client signs with; inside aws/ only.
 *
 * Credentials that end are fetched anew before they do, while requests go on
 * with the old ones; one fetch at a time.  When the source does not answer,
 * the old ones stay, even beyond their end: AWS may still accept them, and
 * says so better than a guess does.  Those without an end are asked for
 * again every minute, so that a changed file is seen.
 */
#ifndef AWSX_CREDENTIALS_CACHE_H
#define AWSX_CREDENTIALS_CACHE_H

#include "client.h"
#include "clock.h"
#include "credentials.h"

typedef struct AwsxCredentialsCache AwsxCredentialsCache;

typedef enum AwsxKeys
{
	AWSX_KEYS_READY,			/* *keys is set */
	AWSX_KEYS_COMING,			/* a fetch is under way: wait for changed */
	AWSX_KEYS_FAILED			/* *error says why there are none */
} AwsxKeys;

/*
 * Called when a fetch that took its time has ended.  What waited for it asks
 * again when error->kind is AWSX_OK, and otherwise takes that error: asking
 * again at once would begin the next fetch.  Never from within get or reject.
 */
typedef void (*AwsxKeysChanged) (void *arg, const AwsxError *error);

/* Takes the provider over (null: there are never any), also on failure. Null when memory ends. */
extern AwsxCredentialsCache *awsx_credentials_cache_create(AwsxClient *client,
														   AwsxCredentialsProvider *provider,
														   AwsxKeysChanged changed, void *arg);
extern void awsx_credentials_cache_free(AwsxCredentialsCache *cache);	/* null allowed */

/*
 * What to sign with now; starts a fetch where one is due.  *keys is valid
 * until control returns to the owner's loop; *generation (above 0) tells
 * these keys from others, for reject.
 */
extern AwsxKeys awsx_credentials_cache_get(AwsxCredentialsCache *cache,
										   const AwsxCredentials **keys, int *generation,
										   AwsxError *error);

/*
 * AWS refused keys of that generation as expired.  True: others are there
 * already or are being fetched, so that signing again makes sense.
 */
extern bool awsx_credentials_cache_reject(AwsxCredentialsCache *cache, int generation);

/* Add to an error about expired keys why there are no others, where that is known. */
extern void awsx_credentials_cache_explain(const AwsxCredentialsCache *cache, AwsxError *error);

#endif							/* AWSX_CREDENTIALS_CACHE_H */
