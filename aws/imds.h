/*
 * imds.h
 *	  The metadata service of an EC2 instance, version 2.
 *
 * Version 1, which answers without a token, is never asked: a server that can
 * be made to fetch a URL would give the machine's keys away through it.
 *
 * What the environment says is read at each get:
 * AWS_EC2_METADATA_DISABLED, AWS_EC2_METADATA_SERVICE_ENDPOINT,
 * AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE (IPv4, IPv6),
 * AWS_METADATA_SERVICE_TIMEOUT (seconds, 1) and
 * AWS_METADATA_SERVICE_NUM_ATTEMPTS (1).
 */
#ifndef AWSX_IMDS_H
#define AWSX_IMDS_H

#include <stdbool.h>
#include <stddef.h>

#include "client.h"

/* Keeps the token from one get to the next; one get at a time. */
typedef struct AwsxImds AwsxImds;

typedef enum AwsxImdsResult
{
	AWSX_IMDS_FOUND,			/* the answer's body is it */
	AWSX_IMDS_MISSING,			/* the service has nothing of that name */
	AWSX_IMDS_NOWHERE,			/* no instance, or its service is switched off */
	AWSX_IMDS_FAILED			/* it is there, but gave no answer */
} AwsxImdsResult;

/* answer is null, and *error says why, unless FOUND. */
typedef void (*AwsxImdsDone) (void *arg, AwsxImdsResult result, const AwsxHttpResponse *answer,
							  const AwsxError *error);

/* Null and *error when memory ends. */
extern AwsxImds *awsx_imds_create(AwsxError *error);
extern void awsx_imds_free(AwsxImds *imds); /* cancels; null allowed */

/*
 * Get the document of a path ("/latest/..."); done is called once, perhaps
 * from within, and may get the next.
 */
extern void awsx_imds_get(AwsxImds *imds, AwsxClient *client, const char *path,
						  AwsxImdsDone done, void *arg);
extern void awsx_imds_cancel(AwsxImds *imds);	/* allowed when there is no get */

/*
 * The region that this instance is in, for a program that is told of none
 * anywhere else.  Waits as awsx_client_run does, for about a second where
 * there is no instance metadata.
 */
extern bool awsx_imds_region(AwsxClient *client, char *region, size_t size, AwsxError *error);

#endif							/* AWSX_IMDS_H */
