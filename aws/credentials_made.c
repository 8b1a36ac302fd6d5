/*
 * credentials_made.c
 *	  A provider that makes another one at each fetch.
 *
 * So an edited file counts from the next fetch on.  What was made stays until
 * then, since the end of its fetch reaches us from within its own code.
 */
#include "credentials_made.h"

#include <stdlib.h>
#include <string.h>

typedef struct MadeProvider
{
	AwsxCredentialsProvider base;
	AwsxMake	make;
	AwsxProfileFiles files;		/* strings are our own */
	AwsxMade	made;
	AwsxCredentialsFetch inner; /* of what was made */
	AwsxCredentialsFetch *fetch;
	bool		asking;
} MadeProvider;

static void
forget_made(MadeProvider *provider)
{
	if (provider->made.provider != NULL)
		provider->made.provider->free(provider->made.provider);
	memset(&provider->made, 0, sizeof(provider->made));
}

/* What was made is configured: that it has nothing is a failure, too. */
static void
on_inner_done(AwsxCredentialsFetch *inner)
{
	MadeProvider *provider = inner->arg;
	const char *label = provider->made.label;

	provider->asking = false;
	if (inner->error.kind == AWSX_OK)
	{
		awsx_fetch_found(provider->fetch, label[0] != '\0' ? label : inner->source, &inner->credentials);
		return;
	}
	if (label[0] != '\0')
		awsx_error_retell(&inner->error, inner->error.kind, "%s: %s", label, inner->error.message);
	awsx_fetch_failed(provider->fetch, &inner->error);
}

static void
made_start(AwsxCredentialsProvider *self, AwsxCredentialsFetch *fetch)
{
	MadeProvider *provider = (MadeProvider *) self;
	AwsxError	error;

	awsx_error_clear(&error);
	forget_made(provider);
	provider->fetch = fetch;
	if (!provider->make(&provider->files, &provider->made, &error))
		awsx_fetch_failed(fetch, &error);
	else if (provider->made.provider == NULL)
		awsx_fetch_absent(fetch, "%s", provider->made.absent.message);
	else
	{
		provider->inner = (AwsxCredentialsFetch) {.client = fetch->client,.done = on_inner_done,.arg = provider};
		provider->asking = true;
		provider->made.provider->start(provider->made.provider, &provider->inner);
	}
}

static void
made_cancel(AwsxCredentialsProvider *self)
{
	MadeProvider *provider = (MadeProvider *) self;

	if (!provider->asking)
		return;
	provider->asking = false;
	provider->made.provider->cancel(provider->made.provider);
}

static void
made_free(AwsxCredentialsProvider *self)
{
	MadeProvider *provider = (MadeProvider *) self;

	made_cancel(self);
	forget_made(provider);
	free((char *) provider->files.config);
	free((char *) provider->files.credentials);
	free((char *) provider->files.profile);
	free((char *) provider->files.region);
	free(provider);
}

/* True also for null, which is copied as null. */
static bool
copy_text(const char **out, const char *text)
{
	*out = text == NULL ? NULL : strdup(text);
	return text == NULL || *out != NULL;
}

AwsxCredentialsProvider *
awsx_credentials_made(const char *name, AwsxMake make, const AwsxProfileFiles *files,
					  AwsxError *error)
{
	static const AwsxProfileFiles none;
	MadeProvider *provider = calloc(1, sizeof(*provider));

	if (files == NULL)
		files = &none;
	if (provider != NULL)
	{
		provider->base.name = name;
		provider->base.start = made_start;
		provider->base.cancel = made_cancel;
		provider->base.free = made_free;
		provider->make = make;
		provider->files.fips = files->fips;
		provider->files.dual_stack = files->dual_stack;
		if (copy_text(&provider->files.config, files->config) &&
			copy_text(&provider->files.credentials, files->credentials) &&
			copy_text(&provider->files.profile, files->profile) &&
			copy_text(&provider->files.region, files->region))
			return &provider->base;
		made_free(&provider->base);
	}
	awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	return NULL;
}
