/*
 * credentials_role.c
 *	  The provider of a role that another provider's keys may assume.
 *
 *	  start -> the source is asked -> STS is asked -> done
 *
 * The source is asked at each fetch, since its keys end too; either step may
 * take its time.  A source that has nothing is a failure: the role was asked
 * for, and no other identity will do.
 */
#include "providers.h"

#include <stdlib.h>
#include <string.h>

#include "sts_assume.h"

typedef struct RoleProvider
{
	AwsxCredentialsProvider base;
	AwsxAssume	assume;
	AwsxCredentialsProvider *source;
	AwsxCredentialsFetch inner; /* of the source */
	AwsxCredentialsFetch *fetch;
	bool		asking;			/* the source is being asked */
} RoleProvider;

static void
on_source_done(AwsxCredentialsFetch *inner)
{
	RoleProvider *role = inner->arg;

	role->asking = false;
	if (inner->error.kind != AWSX_OK)
		awsx_assume_failed(&role->assume, role->fetch, &inner->error);
	else
		awsx_assume_start(&role->assume, role->fetch, &inner->credentials, NULL);
}

static void
role_start(AwsxCredentialsProvider *self, AwsxCredentialsFetch *fetch)
{
	RoleProvider *role = (RoleProvider *) self;

	role->fetch = fetch;
	role->inner = (AwsxCredentialsFetch) {.client = fetch->client,.done = on_source_done,.arg = role};
	role->asking = true;
	role->source->start(role->source, &role->inner);
}

static void
role_cancel(AwsxCredentialsProvider *self)
{
	RoleProvider *role = (RoleProvider *) self;

	if (role->asking)
		role->source->cancel(role->source);
	role->asking = false;
	awsx_assume_cancel(&role->assume);
}

static void
role_free(AwsxCredentialsProvider *self)
{
	RoleProvider *role = (RoleProvider *) self;

	role_cancel(self);
	role->source->free(role->source);
	awsx_assume_free(&role->assume);
	free(role);
}

AwsxCredentialsProvider *
awsx_credentials_role(const AwsxRole *role, AwsxCredentialsProvider *source, AwsxError *error)
{
	RoleProvider *provider = calloc(1, sizeof(*provider));

	if (provider == NULL)
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	if (provider == NULL || !awsx_assume_init(&provider->assume, role, error))
	{
		source->free(source);
		free(provider);
		return NULL;
	}
	provider->base.name = provider->assume.name;
	provider->base.start = role_start;
	provider->base.cancel = role_cancel;
	provider->base.free = role_free;
	provider->source = source;
	return &provider->base;
}
