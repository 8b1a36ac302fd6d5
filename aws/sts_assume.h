/*
 * sts_assume.h
 *	  The call to STS with which a provider ends its fetch; inside aws/ only.
 */
#ifndef AWSX_STS_ASSUME_H
#define AWSX_STS_ASSUME_H

#include "client.h"
#include "credentials.h"
#include "providers.h"

/* A role, and the call for it that is under way.  All strings are its own. */
typedef struct AwsxAssume
{
	AwsxRole	role;
	char	   *name;			/* "assumed role arn:...": whose the credentials are */
	AwsxCredentials signer;		/* of the call */
	AwsxCredentialsFetch *fetch;
	AwsxCall   *call;			/* null = none is under way */
} AwsxAssume;

/* Copies the role. False and *error (CONFIG, MEMORY): nothing to free. */
extern bool awsx_assume_init(AwsxAssume *assume, const AwsxRole *role, AwsxError *error);
extern void awsx_assume_free(AwsxAssume *assume);

/*
 * Ask STS and end the fetch with what it answers, perhaps at once: signed
 * with *signer, which is taken over, or unsigned with a token.
 */
extern void awsx_assume_start(AwsxAssume *assume, AwsxCredentialsFetch *fetch,
							  AwsxCredentials *signer, const char *token);
extern void awsx_assume_cancel(AwsxAssume *assume); /* allowed when nothing is under way */

/*
 * End the fetch: the role cannot be assumed because of *error.  What the
 * network or the service is to blame for keeps its kind; the rest becomes
 * CREDENTIALS.
 */
extern void awsx_assume_failed(const AwsxAssume *assume, AwsxCredentialsFetch *fetch,
							   const AwsxError *error);

#endif							/* AWSX_STS_ASSUME_H */
