/*
 * credentials_chain.c
 *	  The provider that asks others in their order.
 *
 * Each fetch begins at the first one again: keys that appear later in an
 * earlier place are found.  A provider that has nothing is passed over; one
 * that is configured and fails ends the fetch.
 */
#include "providers.h"

#include <stdlib.h>

#include "buf.h"

typedef struct ChainProvider
{
	AwsxCredentialsProvider base;
	AwsxCredentialsFetch *fetch;	/* what is under way; null = none */
	AwsxCredentialsFetch inner; /* of the link that is asked */
	int			asked;			/* its index */
	bool		asking;			/* ask_links is on the stack */
	bool		answered;		/* the link has answered meanwhile */
	AwsxBuf		reasons;
	int			count;
	AwsxCredentialsProvider *links[];
} ChainProvider;

/* Hand the outcome on; the chain may be asked again from within. */
static void
finish(ChainProvider *chain, bool absent)
{
	AwsxCredentialsFetch *fetch = chain->fetch;
	AwsxError	error = chain->inner.error;

	chain->fetch = NULL;
	if (error.kind != AWSX_OK || absent)
	{
		awsx_error_set(&error, error.kind != AWSX_OK ? error.kind : AWSX_ERR_CREDENTIALS,
					   "no AWS credentials found (%s)",
					   chain->reasons.data != NULL ? chain->reasons.data : "nowhere to look");
		error.retryable = chain->inner.error.retryable;
	}
	awsx_buf_free(&chain->reasons);
	if (error.kind == AWSX_OK)
		awsx_fetch_found(fetch, chain->inner.source, &chain->inner.credentials);
	else if (absent)
		awsx_fetch_absent(fetch, "%s", error.message);
	else
		awsx_fetch_failed(fetch, &error);
}

/* A loop instead of recursion: a link may answer within its start, or later. */
static void
ask_links(ChainProvider *chain)
{
	chain->asking = true;
	while (chain->asked < chain->count)
	{
		AwsxCredentialsProvider *link = chain->links[chain->asked];

		chain->answered = false;
		link->start(link, &chain->inner);
		if (!chain->answered)
		{
			chain->asking = false;
			return;
		}
		if (chain->inner.error.kind == AWSX_OK || !chain->inner.absent)
			break;
		chain->asked++;
	}
	chain->asking = false;
	finish(chain, chain->asked == chain->count);
}

static void
on_link_done(AwsxCredentialsFetch *inner)
{
	ChainProvider *chain = inner->arg;

	if (inner->error.kind != AWSX_OK)
		awsx_buf_printf(&chain->reasons, "%s%s: %s", chain->asked == 0 ? "" : "; ",
						chain->links[chain->asked]->name, inner->error.message);
	chain->answered = true;
	if (chain->asking)
		return;
	if (inner->error.kind != AWSX_OK && inner->absent)
	{
		chain->asked++;
		ask_links(chain);
	}
	else
		finish(chain, false);
}

static void
chain_start(AwsxCredentialsProvider *self, AwsxCredentialsFetch *fetch)
{
	ChainProvider *chain = (ChainProvider *) self;

	chain->fetch = fetch;
	chain->inner = (AwsxCredentialsFetch) {.client = fetch->client,.done = on_link_done,.arg = chain};
	chain->asked = 0;
	awsx_buf_init(&chain->reasons, 0);
	ask_links(chain);
}

static void
chain_cancel(AwsxCredentialsProvider *self)
{
	ChainProvider *chain = (ChainProvider *) self;

	if (chain->fetch == NULL)
		return;
	chain->fetch = NULL;
	chain->links[chain->asked]->cancel(chain->links[chain->asked]);
	awsx_buf_free(&chain->reasons);
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

	chain_cancel(self);
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
	chain->base.start = chain_start;
	chain->base.cancel = chain_cancel;
	chain->base.free = chain_free;
	chain->count = count;
	for (int i = 0; i < count; i++)
		chain->links[i] = providers[i];
	return &chain->base;
}
