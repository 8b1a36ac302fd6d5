/*
 * credentials.h
 *	  Who signs: a provider fetches credentials, a chain asks one provider
 *	  after the other, a cache keeps what was fetched.
 *
 * A provider is three functions over an opaque object, one small file each
 * (credentials_static.c, credentials_env.c, ...); providers.h lists what makes
 * them.  It never blocks: what needs the network is done with calls of the
 * client that the fetch names, so a fetch may end within start (environment,
 * files) or later, from within awsx_client_drive (roles, container, instance
 * metadata).  The client's cache (credentials_cache.h) decides when to fetch.
 * Keys are wiped from memory when they are replaced or freed.
 */
#ifndef AWSX_CREDENTIALS_H
#define AWSX_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

typedef struct AwsxClient AwsxClient;

typedef struct AwsxCredentials
{
	char	   *access_key_id;
	char	   *secret_access_key;
	char	   *session_token;	/* null for long-term keys */
	int64_t		expires_ms;		/* Unix epoch, milliseconds; 0 = never */
} AwsxCredentials;

typedef struct AwsxCredentialsFetch AwsxCredentialsFetch;
typedef void (*AwsxCredentialsDone) (AwsxCredentialsFetch *fetch);

/* One fetch; the caller owns it and keeps it until done or cancelled. */
struct AwsxCredentialsFetch
{
	AwsxClient *client;			/* carries the provider's own calls */
	AwsxCredentialsDone done;	/* called once, perhaps from within start */
	void	   *arg;			/* the caller's */

	/* Filled by the provider before done: */
	AwsxCredentials credentials;	/* the receiver's from then on */
	const char *source;			/* whose they are: a provider's name */
	AwsxError	error;			/* AWSX_OK with credentials; else why not */
	bool		absent;			/* failed because nothing is configured there: a
								 * chain asks the next; any other failure ends it,
								 * lest another identity signs than was meant */
};

typedef struct AwsxCredentialsProvider AwsxCredentialsProvider;

struct AwsxCredentialsProvider
{
	const char *name;			/* for errors: "environment", "explicit keys" */

	/* Begin a fetch; a provider has at most one at a time. */
	void		(*start) (AwsxCredentialsProvider *self, AwsxCredentialsFetch *fetch);

	/* Give the fetch up; done is not called. Allowed when there is none. */
	void		(*cancel) (AwsxCredentialsProvider *self);

	/* Cancels what is under way. */
	void		(*free) (AwsxCredentialsProvider *self);
};

/* Wipe and free the strings. */
extern void awsx_credentials_clear(AwsxCredentials *credentials);

/*
 * Copy, checking that the ids are printable ASCII without spaces and not
 * empty (a stray newline from a file would otherwise reach a header).
 * session_token may be null or empty.  They never expire; set expires_ms
 * afterwards where they do.
 */
extern bool awsx_credentials_set(AwsxCredentials *out, const char *access_key_id,
								 const char *secret_access_key, const char *session_token,
								 AwsxError *error);

/*
 * How a provider ends its fetch: found (takes *credentials over), absent or
 * failed with fetch->error filled.  source is the provider's name.
 */
extern void awsx_fetch_found(AwsxCredentialsFetch *fetch, const char *source,
							 AwsxCredentials *credentials);
extern void awsx_fetch_absent(AwsxCredentialsFetch *fetch, const char *format,...)
			__attribute__((format(printf, 2, 3)));
extern void awsx_fetch_failed(AwsxCredentialsFetch *fetch, const AwsxError *error);

#endif							/* AWSX_CREDENTIALS_H */
