/*
 * credentials_web_identity.c
 *	  The provider of a role that a token may assume: in Kubernetes a file
 *	  that says which service account this is.
 *
 * The file is read at each fetch, because whoever writes it replaces the
 * token long before it ends.  The second provider takes file and role from
 * the environment, again at each fetch, and is absent where the environment
 * has no token file.
 */
#include "providers.h"

#include <stdlib.h>
#include <string.h>

#include "credentials_made.h"
#include "file.h"
#include "sts.h"
#include "sts_assume.h"

typedef struct WebIdentityProvider
{
	AwsxCredentialsProvider base;
	AwsxAssume	assume;
} WebIdentityProvider;

/* The token without the line break that an editor leaves; null and *error. */
static char *
read_token(const char *path, size_t *len, AwsxError *error)
{
	char	   *token = awsx_file_read(path, AWSX_STS_TOKEN_MAX, len, NULL, error);
	size_t		used;

	if (token == NULL)
		return NULL;
	for (used = *len; used > 0 && strchr(" \t\r\n", token[used - 1]) != NULL;)
		token[--used] = '\0';
	for (size_t i = 0; i < used; i++)
	{
		if (token[i] > ' ' && token[i] <= '~')
			continue;
		awsx_error_set(error, AWSX_ERR_CONFIG, "file \"%s\" holds no token: position %zu has a character that no token has",
					   path, i + 1);
		awsx_file_free(token, *len);
		return NULL;
	}
	if (used > 0)
		return token;
	awsx_error_set(error, AWSX_ERR_CONFIG, "file \"%s\" is empty, but should hold a web identity token", path);
	awsx_file_free(token, *len);
	return NULL;
}

static void
web_identity_start(AwsxCredentialsProvider *self, AwsxCredentialsFetch *fetch)
{
	WebIdentityProvider *provider = (WebIdentityProvider *) self;
	AwsxError	error;
	size_t		len;
	char	   *token;

	awsx_error_clear(&error);
	token = read_token(provider->assume.role.token_file, &len, &error);
	if (token == NULL)
		awsx_assume_failed(&provider->assume, fetch, &error);
	else
	{
		awsx_assume_start(&provider->assume, fetch, NULL, token);
		awsx_file_free(token, len);
	}
}

static void
web_identity_cancel(AwsxCredentialsProvider *self)
{
	awsx_assume_cancel(&((WebIdentityProvider *) self)->assume);
}

static void
web_identity_free(AwsxCredentialsProvider *self)
{
	WebIdentityProvider *provider = (WebIdentityProvider *) self;

	awsx_assume_free(&provider->assume);
	free(provider);
}

AwsxCredentialsProvider *
awsx_credentials_web_identity(const AwsxRole *role, AwsxError *error)
{
	WebIdentityProvider *provider;

	if (role->token_file == NULL || role->token_file[0] == '\0')
	{
		awsx_error_set(error, AWSX_ERR_CONFIG, "a web identity needs a token file");
		return NULL;
	}
	provider = calloc(1, sizeof(*provider));
	if (provider == NULL)
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	if (provider == NULL || !awsx_assume_init(&provider->assume, role, error))
	{
		free(provider);
		return NULL;
	}
	provider->base.name = provider->assume.name;
	provider->base.start = web_identity_start;
	provider->base.cancel = web_identity_cancel;
	provider->base.free = web_identity_free;
	return &provider->base;
}

static bool
make_from_environment(const AwsxProfileFiles *files, AwsxMade *made, AwsxError *error)
{
	AwsxRole	role = {
		.role_arn = getenv("AWS_ROLE_ARN"),
		.session_name = getenv("AWS_ROLE_SESSION_NAME"),
		.token_file = getenv("AWS_WEB_IDENTITY_TOKEN_FILE")
	};
	AwsxProfiles *profiles;

	if (role.token_file == NULL || role.token_file[0] == '\0')
	{
		awsx_error_set(&made->absent, AWSX_ERR_CREDENTIALS, "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
		return true;
	}
	if (role.role_arn == NULL || role.role_arn[0] == '\0')
		return awsx_error_set(error, AWSX_ERR_CREDENTIALS,
							  "AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN, the role to assume with it, is not");
	if (role.session_name != NULL && role.session_name[0] == '\0')
		role.session_name = NULL;
	profiles = awsx_profiles_read(files, error);
	if (profiles == NULL)
		return false;
	if (awsx_sts_locate(&role, profiles, files, error))
		made->provider = awsx_credentials_web_identity(&role, error);
	awsx_profiles_free(profiles);
	return made->provider != NULL;
}

AwsxCredentialsProvider *
awsx_credentials_web_identity_env(const AwsxProfileFiles *files, AwsxError *error)
{
	return awsx_credentials_made("web identity", make_from_environment, files, error);
}
