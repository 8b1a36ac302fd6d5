/*
 * credentials_static.c
 *	  The provider of explicitly given keys.
 */
#include "credentials.h"

#include <stdlib.h>

typedef struct StaticProvider
{
	AwsxCredentialsProvider base;
	AwsxCredentials keys;
} StaticProvider;

static bool
static_get(AwsxCredentialsProvider *self, AwsxCredentials *out, AwsxError *error)
{
	const AwsxCredentials *keys = &((StaticProvider *) self)->keys;

	return awsx_credentials_set(out, keys->access_key_id, keys->secret_access_key,
								keys->session_token, error);
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
	provider->base.get = static_get;
	provider->base.free = static_free;
	if (!awsx_credentials_set(&provider->keys, access_key_id, secret_access_key,
							  session_token, error))
	{
		free(provider);
		return NULL;
	}
	return &provider->base;
}
