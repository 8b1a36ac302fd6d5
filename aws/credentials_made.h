/*
 * credentials_made.h
 *	  A provider that makes another one at each fetch, out of what files and
 *	  environment say by then; inside aws/ only.
 */
#ifndef AWSX_CREDENTIALS_MADE_H
#define AWSX_CREDENTIALS_MADE_H

#include "credentials.h"
#include "profile.h"

typedef struct AwsxMade
{
	AwsxCredentialsProvider *provider;	/* null = nothing is configured */
	char		label[160];		/* whose the credentials are: profile "x"; may be "" */
	AwsxError	absent;			/* why provider is null */
} AwsxMade;

/* Fill *made.  False and *error: what is configured is wrong. */
typedef bool (*AwsxMake) (const AwsxProfileFiles *files, AwsxMade *made, AwsxError *error);

/* name is a constant; files are copied and may be null. Null and *error (MEMORY). */
extern AwsxCredentialsProvider *awsx_credentials_made(const char *name, AwsxMake make,
													  const AwsxProfileFiles *files,
													  AwsxError *error);

#endif							/* AWSX_CREDENTIALS_MADE_H */
