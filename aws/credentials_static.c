/*
 * credentials_static.c
 *	  The provider of explicitly given keys.
 */
#include "providers.h"

#include <stdlib.h>

typedef struct StaticProvider
{
	AwsxCredentialsProvider base;
	AwsxCredentials keys;
} StaticProvider;

static void
static_start(AwsxCredentialsProvider *self, AwsxCredentialsFetch *fetch)
{
	const AwsxCredentials *keys = &((StaticProvider *) self)->keys;
	AwsxCredentials copy;
	AwsxError	error;

	awsx_error_clear(&error);
	if (awsx_credentials_set(&copy, keys->access_key_id, keys->secret_access_key,
							 keys->session_token, &error))
		awsx_fetch_found(fetch, self->name, &copy);
	else
		awsx_fetch_failed(fetch, &error);
}

static void
static_cancel(AwsxCredentialsProvider *self)
{
	(void) self;				/* a fetch ends at once */
}

static void
static_free(AwsxCredentialsProvider *self)
{
	StaticProvider *provider = (StaticProvider *) self;

	awsx_credentials_clear(&provider->keys);
	free(provider);
}

AwsxCredentialsProvider *
awsx_credentials_static(const char *access_key_id, const char *secret_access_key,
						const char *session_token, AwsxError *error)
{
	StaticProvider *provider = calloc(1, sizeof(*provider));

	if (provider == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
		return NULL;
	}
	provider->base.name = "explicit keys";
	provider->base.start = static_start;
	provider->base.cancel = static_cancel;
	provider->base.free = static_free;
	if (!awsx_credentials_set(&provider->keys, access_key_id, secret_access_key,
							  session_token, error))
	{
		free(provider);
		return NULL;
	}
	return &provider->base;
}
