/*
 * credentials_chain.c
 *	  The provider that asks others in their order.
 *
 * The first one that answers wins, at each call anew: keys that appear later
 * in an earlier place are found.
 */
#include "credentials.h"

#include <stdlib.h>

#include "buf.h"

typedef struct ChainProvider
{
	AwsxCredentialsProvider base;
	int			count;
	AwsxCredentialsProvider *links[];
} ChainProvider;

static bool
chain_get(AwsxCredentialsProvider *self, AwsxCredentials *out, AwsxError *error)
{
	ChainProvider *chain = (ChainProvider *) self;
	AwsxBuf		reasons;

	awsx_buf_init(&reasons, 0);
	for (int i = 0; i < chain->count; i++)
	{
		AwsxCredentialsProvider *link = chain->links[i];
		AwsxError	reason;

		awsx_error_clear(&reason);
		if (link->get(link, out, &reason))
		{
			awsx_buf_free(&reasons);
			return true;
		}
		awsx_buf_printf(&reasons, "%s%s: %s", i == 0 ? "" : "; ", link->name, reason.message);
	}
	awsx_error_set(error, AWSX_ERR_CREDENTIALS, "no AWS credentials found (%s)",
				   reasons.data != NULL ? reasons.data : "nowhere to look");
	awsx_buf_free(&reasons);
	return false;
}

static void
free_links(AwsxCredentialsProvider **links, int count)
{
	for (int i = 0; i < count; i++)
		links[i]->free(links[i]);
}

static void
chain_free(AwsxCredentialsProvider *self)
{
	ChainProvider *chain = (ChainProvider *) self;

	free_links(chain->links, chain->count);
	free(chain);
}

AwsxCredentialsProvider *
awsx_credentials_chain(AwsxCredentialsProvider **providers, int count, AwsxError *error)
{
	ChainProvider *chain = calloc(1, sizeof(*chain) + (size_t) count * sizeof(chain->links[0]));

	if (chain == NULL)
	{
		free_links(providers, count);
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
		return NULL;
	}
	chain->base.name = "chain";
	chain->base.get = chain_get;
	chain->base.free = chain_free;
	chain->count = count;
	for (int i = 0; i < count; i++)
		chain->links[i] = providers[i];
	return &chain->base;
}
