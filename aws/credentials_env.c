/*
 * credentials_env.c
 *	  The provider of keys in the process's environment.
 *
 * The environment is read at each fetch, because a program may set it after
 * the provider was made.
 */
#include "providers.h"

#include <stdlib.h>

static void
env_start(AwsxCredentialsProvider *self, AwsxCredentialsFetch *fetch)
{
	const char *id = getenv("AWS_ACCESS_KEY_ID");
	const char *secret = getenv("AWS_SECRET_ACCESS_KEY");
	AwsxCredentials keys;
	AwsxError	error;

	awsx_error_clear(&error);
	if (id == NULL || id[0] == '\0')
		awsx_fetch_absent(fetch, "AWS_ACCESS_KEY_ID is not set");
	else if (secret == NULL || secret[0] == '\0')
	{
		awsx_error_set(&error, AWSX_ERR_CREDENTIALS,
					   "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not");
		awsx_fetch_failed(fetch, &error);
	}
	else if (awsx_credentials_set(&keys, id, secret, getenv("AWS_SESSION_TOKEN"), &error))
		awsx_fetch_found(fetch, self->name, &keys);
	else
		awsx_fetch_failed(fetch, &error);
}

static void
env_cancel(AwsxCredentialsProvider *self)
{
	(void) self;				/* a fetch ends at once */
}

static void
env_free(AwsxCredentialsProvider *self)
{
	free(self);
}

AwsxCredentialsProvider *
awsx_credentials_env(AwsxError *error)
{
	AwsxCredentialsProvider *provider = calloc(1, sizeof(*provider));

	if (provider == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
		return NULL;
	}
	provider->name = "environment";
	provider->start = env_start;
	provider->cancel = env_cancel;
	provider->free = env_free;
	return provider;
}
