/*
 * credentials_imds.c
 *	  The provider of the role that an EC2 instance has.
 *
 * Two documents: the name of the role, and the role's keys.  Keys that have
 * ended by our clock are handed on as they are: the service serves old ones
 * while it cannot make new ones, and AWS honours them then.
 */
#include "providers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credentials_json.h"
#include "imds.h"
#include "metadata.h"
#include "text.h"

#define ROLE_PATH "/latest/meta-data/iam/security-credentials/"
#define MAX_ROLE 64

typedef struct ImdsProvider
{
	AwsxCredentialsProvider base;
	AwsxImds   *imds;
	AwsxCredentialsFetch *fetch;	/* what is under way; null = none */
} ImdsProvider;

/* There are no keys: the next provider's turn, or the end. */
static void
give_up(ImdsProvider *provider, AwsxImdsResult result, const AwsxError *error)
{
	AwsxCredentialsFetch *fetch = provider->fetch;

	provider->fetch = NULL;
	if (result == AWSX_IMDS_NOWHERE)
		awsx_fetch_absent(fetch, "%s", error->message);
	else if (result == AWSX_IMDS_MISSING)
		awsx_fetch_absent(fetch, "the instance has no role: attach an instance profile to it");
	else
		awsx_fetch_failed(fetch, error);
}

static void
on_keys(void *arg, AwsxImdsResult result, const AwsxHttpResponse *answer, const AwsxError *outcome)
{
	ImdsProvider *provider = arg;
	AwsxCredentialsFetch *fetch = provider->fetch;
	AwsxError	error = *outcome;
	AwsxCredentials keys;

	if (result != AWSX_IMDS_FOUND)
	{
		give_up(provider, result, &error);
		return;
	}
	if (awsx_credentials_json(answer->body.data, answer->body.len, "Token", &keys, &error))
	{
		provider->fetch = NULL;
		awsx_metadata_wipe(answer);
		awsx_fetch_found(fetch, provider->base.name, &keys);
		return;
	}
	awsx_metadata_wipe(answer);
	awsx_metadata_explain(&error, "the instance's metadata");
	give_up(provider, AWSX_IMDS_FAILED, &error);
}

/* The first line of the list, which has one: a role's name, as IAM allows it. */
static bool
take_role(const AwsxHttpResponse *answer, char *path, size_t size)
{
	const char *text = answer->body.data != NULL ? answer->body.data : "";
	size_t		len = strcspn(text, "\r\n");

	for (size_t i = 0; i < len; i++)
	{
		if (!awsx_text_is_alnum(text[i]) && strchr("+=,.@_-", text[i]) == NULL)
			return false;
	}
	if (len == 0 || len > MAX_ROLE)
		return false;
	(void) snprintf(path, size, ROLE_PATH "%.*s", (int) len, text);
	return true;
}

static void
on_role(void *arg, AwsxImdsResult result, const AwsxHttpResponse *answer, const AwsxError *error)
{
	ImdsProvider *provider = arg;
	char		path[sizeof(ROLE_PATH) + MAX_ROLE];
	AwsxError	problem;

	if (result != AWSX_IMDS_FOUND)
		give_up(provider, result, error);
	else if (take_role(answer, path, sizeof(path)))
		awsx_imds_get(provider->imds, provider->fetch->client, path, on_keys, provider);
	else
	{
		awsx_error_set(&problem, AWSX_ERR_PROTOCOL, "what the instance's metadata has as the name of its role is none");
		give_up(provider, AWSX_IMDS_FAILED, &problem);
	}
}

static void
imds_start(AwsxCredentialsProvider *self, AwsxCredentialsFetch *fetch)
{
	ImdsProvider *provider = (ImdsProvider *) self;

	provider->fetch = fetch;
	awsx_imds_get(provider->imds, fetch->client, ROLE_PATH, on_role, provider);
}

static void
imds_cancel(AwsxCredentialsProvider *self)
{
	ImdsProvider *provider = (ImdsProvider *) self;

	awsx_imds_cancel(provider->imds);
	provider->fetch = NULL;
}

static void
imds_free(AwsxCredentialsProvider *self)
{
	awsx_imds_free(((ImdsProvider *) self)->imds);
	free(self);
}

AwsxCredentialsProvider *
awsx_credentials_imds(AwsxError *error)
{
	ImdsProvider *provider = calloc(1, sizeof(*provider));

	if (provider == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
		return NULL;
	}
	provider->base.name = "instance metadata";
	provider->base.start = imds_start;
	provider->base.cancel = imds_cancel;
	provider->base.free = imds_free;
	provider->imds = awsx_imds_create(error);
	if (provider->imds == NULL)
	{
		free(provider);
		return NULL;
	}
	return &provider->base;
}
