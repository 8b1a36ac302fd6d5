/*
 * credentials_container.c
 *	  The provider of keys that a container is given: ECS, EKS Pod Identity,
 *	  Greengrass, Lambda SnapStart.
 *
 * The environment names an address and, for most, a token to show there; the
 * token's file is read for each fetch, since it is replaced while the
 * container runs.  One call, repeated by the client as any other.
 *
 * Rules of the address, as AWS's SDKs have them: a relative URI wins and
 * belongs to the agent of ECS; a full one may be https, or http on loopback
 * and at the agents of ECS and EKS.
 */
#include "providers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credentials_json.h"
#include "file.h"
#include "metadata.h"

#define ECS_AGENT "http://169.254.170.2"
#define TIMEOUT_MS 2000
#define MAX_TOKEN 16384

static const char *const agents[] = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", NULL};

typedef struct ContainerProvider
{
	AwsxCredentialsProvider base;
	AwsxCredentialsFetch *fetch;	/* what is under way; null = none */
	AwsxCall   *call;
	char		endpoint[512];	/* of that call, for its error */
} ContainerProvider;

static const char *
get_variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Split the URI that the environment names; *path points into it. */
static bool
find_place(ContainerProvider *provider, const char *relative, const char *full, const char **path,
		   AwsxError *error)
{
	const char *host = relative == NULL ? strstr(full, "://") : NULL;
	size_t		len;

	if (relative != NULL && relative[0] != '/')
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with \"/\"");
	if (relative != NULL)
	{
		(void) snprintf(provider->endpoint, sizeof(provider->endpoint), ECS_AGENT);
		*path = relative;
		return true;
	}
	if (host == NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "AWS_CONTAINER_CREDENTIALS_FULL_URI does not begin with https:// or http://");
	len = (size_t) (host - full) + 3 + strcspn(host + 3, "/?#");
	if (len >= sizeof(provider->endpoint))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "AWS_CONTAINER_CREDENTIALS_FULL_URI is too long");
	memcpy(provider->endpoint, full, len);
	provider->endpoint[len] = '\0';
	*path = full[len] == '/' ? full + len : "/";
	if (full[len] != '/' && full[len] != '\0')
		return awsx_error_set(error, AWSX_ERR_CONFIG, "AWS_CONTAINER_CREDENTIALS_FULL_URI has no path");
	if (awsx_metadata_check(provider->endpoint, agents, error))
		return true;
	awsx_metadata_explain(error, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
	return false;
}

/* The token to show; null where the environment names none.  For awsx_file_free. */
static bool
read_token(char **token, size_t *len, AwsxError *error)
{
	const char *file = get_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *text = get_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");

	*len = file == NULL && text != NULL ? strlen(text) : 0;
	*token = NULL;
	if (file == NULL && text == NULL)
		return true;
	if (file == NULL)
	{
		*token = strdup(text);
		return *token != NULL || awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	}
	*token = awsx_file_read(file, MAX_TOKEN, len, NULL, error);
	if (*token == NULL)
	{
		awsx_metadata_explain(error, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
		return false;
	}
	if (*len > 0 && strlen(*token) == *len)
		return true;
	awsx_file_free(*token, *len);
	*token = NULL;
	return awsx_error_set(error, AWSX_ERR_CONFIG,
						  "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: the file %.200s is %s", file,
						  *len == 0 ? "empty" : "not text");
}

/*
 * Make the request with the token that is valid now.  The token is sent as it
 * is: a line break at the end of its file is refused, as AWS's SDKs do.
 */
static bool
make_request(ContainerProvider *provider, const char *path, AwsxHttpRequest *out, AwsxError *error)
{
	char	   *token;
	size_t		len;
	bool		made;

	if (!read_token(&token, &len, error))
		return false;
	made = awsx_metadata_request(out, "GET", provider->endpoint, path,
								 token != NULL ? "Authorization" : NULL, token, TIMEOUT_MS, error);
	awsx_file_free(token, len);
	return made;
}

static void
fail(ContainerProvider *provider, AwsxError *error)
{
	AwsxCredentialsFetch *fetch = provider->fetch;

	provider->fetch = NULL;
	awsx_fetch_failed(fetch, error);
}

static void
on_answer(AwsxCall *call, const AwsxHttpResponse *answer, const AwsxError *outcome, void *arg)
{
	ContainerProvider *provider = arg;
	AwsxCredentialsFetch *fetch = provider->fetch;
	AwsxError	error = *outcome;
	AwsxCredentials keys;

	(void) call;
	provider->call = NULL;
	if (error.kind == AWSX_OK &&
		awsx_credentials_json(answer->body.data, answer->body.len, "Token", &keys, &error))
	{
		awsx_metadata_wipe(answer);
		provider->fetch = NULL;
		awsx_fetch_found(fetch, provider->base.name, &keys);
		return;
	}
	awsx_metadata_wipe(answer);
	awsx_metadata_explain(&error, "the credentials endpoint %.200s", provider->endpoint);
	fail(provider, &error);
}

static void
container_start(AwsxCredentialsProvider *self, AwsxCredentialsFetch *fetch)
{
	ContainerProvider *provider = (ContainerProvider *) self;
	const char *relative = get_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = get_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	const char *path = "/";
	AwsxHttpRequest request;
	AwsxService service;
	AwsxError	error;

	if (relative == NULL && full == NULL)
	{
		awsx_fetch_absent(fetch, "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor _FULL_URI is set");
		return;
	}
	awsx_error_clear(&error);
	provider->fetch = fetch;
	if (find_place(provider, relative, full, &path, &error) &&
		make_request(provider, path, &request, &error))
	{
		awsx_metadata_service(&service, AWSX_DIALECT_JSON, provider->endpoint);
		provider->call = awsx_client_start(fetch->client, &service, &request, on_answer, provider, &error);
		if (provider->call != NULL)
			return;
	}
	fail(provider, &error);
}

static void
container_cancel(AwsxCredentialsProvider *self)
{
	ContainerProvider *provider = (ContainerProvider *) self;

	if (provider->call != NULL)
		awsx_call_cancel(provider->call);
	provider->call = NULL;
	provider->fetch = NULL;
}

static void
container_free(AwsxCredentialsProvider *self)
{
	container_cancel(self);
	free(self);
}

AwsxCredentialsProvider *
awsx_credentials_container(AwsxError *error)
{
	ContainerProvider *provider = calloc(1, sizeof(*provider));

	if (provider == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
		return NULL;
	}
	provider->base.name = "container";
	provider->base.start = container_start;
	provider->base.cancel = container_cancel;
	provider->base.free = container_free;
	return &provider->base;
}
