/*
 * fetch_now.h
 *	  A fetch of credentials from a provider that answers at once.
 */
#ifndef FETCH_NOW_H
#define FETCH_NOW_H

#include "providers.h"

static void
note_done(AwsxCredentialsFetch *fetch)
{
	*(bool *) fetch->arg = true;
}

/* False also when the provider takes its time. */
static bool
fetch_now(AwsxCredentialsProvider *provider, AwsxCredentials *keys, AwsxError *error)
{
	bool		done = false;
	AwsxCredentialsFetch fetch = {.done = note_done,.arg = &done};

	provider->start(provider, &fetch);
	*error = fetch.error;
	*keys = fetch.credentials;
	return done && fetch.error.kind == AWSX_OK;
}

#endif							/* FETCH_NOW_H */
