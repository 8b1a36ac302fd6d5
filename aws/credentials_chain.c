/*
 * credentials_chain.c
 *	  The provider that asks others in their order.
 *
 * Each fetch begins at the first one again: keys that appear later in an
 * earlier place are found.  A provider that has nothing is passed over; one
 * that is configured and fails ends the fetch, and so does one that gave keys
 * before and has nothing now: who signs must not change behind its back.
 */
#include "providers.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"

#define REASONS 540				/* bytes; an error's message has a little more */

typedef struct ChainProvider
{
	AwsxCredentialsProvider base;
	AwsxCredentialsFetch *fetch;	/* what is under way; null = none */
	AwsxCredentialsFetch inner; /* of the link that is asked */
	int			asked;			/* its index */
	int			decided;		/* the one that gave keys last; -1 = none did */
	bool		asking;			/* ask_links is on the stack */
	bool		answered;		/* the link has answered meanwhile */
	AwsxBuf		reasons;
	int			count;
	AwsxCredentialsProvider *links[];
} ChainProvider;

/*
 * The last link's error with the reasons of all: AWS's words are kept.  One
 * that failed comes first, since the others had nothing to say.
 */
static void
describe(const ChainProvider *chain, bool absent, AwsxError *error)
{
	const AwsxError *last = &chain->inner.error;
	const char *reasons = chain->reasons.data != NULL ? chain->reasons.data : "";

	if (absent)
		awsx_error_set(error, last->kind != AWSX_OK ? last->kind : AWSX_ERR_CREDENTIALS,
					   "no AWS credentials found (%s)", reasons[0] != '\0' ? reasons : "nowhere to look");
	else
		awsx_error_set(error, last->kind, "no AWS credentials found (%s: %s%s%s)",
					   chain->links[chain->asked]->name, last->message, reasons[0] != '\0' ? "; " : "", reasons);
	error->retryable = last->retryable;
	error->retry_after_ms = last->retry_after_ms;
	error->http_status = last->http_status;
	memcpy(error->code, last->code, sizeof(error->code));
	memcpy(error->request_id, last->request_id, sizeof(error->request_id));
}

/* Hand the outcome on; the chain may be asked again from within. */
static void
finish(ChainProvider *chain, bool absent)
{
	AwsxCredentialsFetch *fetch = chain->fetch;
	bool		found = chain->inner.error.kind == AWSX_OK && !absent;
	AwsxError	error;

	chain->fetch = NULL;
	if (found)
		chain->decided = chain->asked;
	else
		describe(chain, absent, &error);
	awsx_buf_free(&chain->reasons);
	if (found)
		awsx_fetch_found(fetch, chain->inner.source, &chain->inner.credentials);
	else if (absent)
		awsx_fetch_absent(fetch, "%s", error.message);
	else
		awsx_fetch_failed(fetch, &error);
}

/* Those that are still to be asked get an equal share of an error's room. */
static void
note_reason(ChainProvider *chain, const char *reason)
{
	size_t		left = chain->reasons.len < REASONS ? REASONS - chain->reasons.len : 0;
	int			share = (int) left / (chain->count - chain->asked);
	const char *name = chain->links[chain->asked]->name;

	awsx_buf_printf(&chain->reasons, "%s%.*s", chain->asked == 0 ? "" : "; ", share, name);
	share -= (int) strlen(name);
	awsx_buf_printf(&chain->reasons, ": %.*s", share > 0 ? share : 0, reason);
}

/*
 * Does the link's answer end the search?  Where one gave keys before, those
 * behind it would sign as somebody else: an empty file may be one that is
 * just being written.
 */
static bool
ends_search(ChainProvider *chain)
{
	AwsxError  *error = &chain->inner.error;

	if (error->kind == AWSX_OK || !chain->inner.absent)
		return true;
	if (chain->asked != chain->decided)
		return false;
	awsx_error_retell(error, error->kind, "it gave keys before and has none now, and no other identity takes its place while this program runs: %s",
					  error->message);
	return true;
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
		if (ends_search(chain))
			break;
		note_reason(chain, chain->inner.error.message);
		chain->asked++;
	}
	chain->asking = false;
	finish(chain, chain->asked == chain->count);
}

static void
on_link_done(AwsxCredentialsFetch *inner)
{
	ChainProvider *chain = inner->arg;

	chain->answered = true;
	if (chain->asking)
		return;
	if (ends_search(chain))
	{
		finish(chain, false);
		return;
	}
	note_reason(chain, inner->error.message);
	chain->asked++;
	ask_links(chain);
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
	chain->decided = -1;
	for (int i = 0; i < count; i++)
		chain->links[i] = providers[i];
	return &chain->base;
}
