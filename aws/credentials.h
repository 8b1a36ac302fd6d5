/*
 * credentials.h
 *	  Who signs: a provider hands out credentials, a chain asks one provider
 *	  after the other.
 *
 * A provider is two functions over an opaque object, one small file each
 * (credentials_static.c, credentials_env.c, ...).  Keys are wiped from
 * memory when they are replaced or freed.
 */
#ifndef AWSX_CREDENTIALS_H
#define AWSX_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

typedef struct AwsxCredentials
{
	char	   *access_key_id;
	char	   *secret_access_key;
	char	   *session_token;	/* null for long-term keys */
	int64_t		expires_ms;		/* Unix epoch, milliseconds; 0 = never */
} AwsxCredentials;

typedef struct AwsxCredentialsProvider AwsxCredentialsProvider;

struct AwsxCredentialsProvider
{
	const char *name;			/* for errors: "environment", "explicit keys" */

	/*
	 * Fill *out with copies that the caller frees.  False: nothing here, and
	 * the error says why.
	 */
	bool		(*get) (AwsxCredentialsProvider *self, AwsxCredentials *out, AwsxError *error);
	void		(*free) (AwsxCredentialsProvider *self);
};

/* Wipe and free the strings. */
extern void awsx_credentials_clear(AwsxCredentials *credentials);

/*
 * Copy, checking that the ids are printable ASCII without spaces and not
 * empty (a stray newline from a file would otherwise reach a header).
 * session_token may be null or empty.
 */
extern bool awsx_credentials_set(AwsxCredentials *out, const char *access_key_id,
								 const char *secret_access_key, const char *session_token,
								 AwsxError *error);

/* Explicitly given keys; copied. Null and *error on bad characters. */
extern AwsxCredentialsProvider *awsx_credentials_static(const char *access_key_id,
														const char *secret_access_key,
														const char *session_token,
														AwsxError *error);

/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. */
extern AwsxCredentialsProvider *awsx_credentials_env(AwsxError *error);

/*
 * Ask the providers in order; takes them over.  When none answers, the error
 * names every provider and its reason.
 */
extern AwsxCredentialsProvider *awsx_credentials_chain(AwsxCredentialsProvider **providers,
													   int count, AwsxError *error);

#endif							/* AWSX_CREDENTIALS_H */
