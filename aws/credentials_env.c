/*
 * credentials_env.c
 *	  The provider of keys in the process's environment.
 *
 * The environment is read at each call, because a program may set it after
 * the provider was made.
 */
#include "credentials.h"

#include <stdlib.h>

static bool
env_get(AwsxCredentialsProvider *self, AwsxCredentials *out, AwsxError *error)
{
	const char *id = getenv("AWS_ACCESS_KEY_ID");
	const char *secret = getenv("AWS_SECRET_ACCESS_KEY");

	(void) self;
	if (id == NULL || id[0] == '\0')
		return awsx_error_set(error, AWSX_ERR_CREDENTIALS, "AWS_ACCESS_KEY_ID is not set");
	if (secret == NULL || secret[0] == '\0')
		return awsx_error_set(error, AWSX_ERR_CREDENTIALS,
							  "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not");
	return awsx_credentials_set(out, id, secret, getenv("AWS_SESSION_TOKEN"), error);
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
	provider->get = env_get;
	provider->free = env_free;
	return provider;
}
