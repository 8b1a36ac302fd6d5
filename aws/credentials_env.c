/*
 * credentials_env.c
 *	  The provider of keys in the process's environment.
 *
 * The environment is read at each fetch, because a program may set it after
 * the provider was made.
 */
#include "providers.h"

#include <stdlib.h>

#include "date.h"

static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool
read_environment(AwsxCredentials *keys, const char *id, AwsxError *error)
{
	const char *secret = variable("AWS_SECRET_ACCESS_KEY");
	const char *expiration = variable("AWS_CREDENTIAL_EXPIRATION");
	int64_t		expires_ms = 0;

	if (secret == NULL)
		return awsx_error_set(error, AWSX_ERR_CREDENTIALS,
							  "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not");
	if (expiration != NULL && !awsx_iso_date_ms(expiration, &expires_ms))
		return awsx_error_set(error, AWSX_ERR_CREDENTIALS,
							  "AWS_CREDENTIAL_EXPIRATION is not a date like 2026-01-02T03:04:05Z");
	if (!awsx_credentials_set(keys, id, secret, variable("AWS_SESSION_TOKEN"), error))
		return false;
	keys->expires_ms = expires_ms;
	return true;
}

static void
env_start(AwsxCredentialsProvider *self, AwsxCredentialsFetch *fetch)
{
	const char *id = variable("AWS_ACCESS_KEY_ID");
	AwsxCredentials keys;
	AwsxError	error;

	awsx_error_clear(&error);
	if (id == NULL)
		awsx_fetch_absent(fetch, "AWS_ACCESS_KEY_ID is not set");
	else if (read_environment(&keys, id, &error))
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
