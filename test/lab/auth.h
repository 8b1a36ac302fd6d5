/*
 * auth.h
 *		Verification of AWS Signature Version 4.
 */
#ifndef LAB_AUTH_H
#define LAB_AUTH_H

#include <stdbool.h>

#include "server.h"

typedef enum AuthVerdict
{
	AUTH_OK,
	AUTH_MISSING,				/* no Authorization header */
	AUTH_MALFORMED,				/* not a SigV4 header, or a part is missing */
	AUTH_UNKNOWN_KEY,
	AUTH_WRONG_REGION,
	AUTH_WRONG_SCOPE,			/* date, service or terminator */
	AUTH_SKEWED,				/* signed too long ago, or in the future */
	AUTH_UNSIGNED_HEADER,		/* host or an x-amz- header is not covered */
	AUTH_MISMATCH
} AuthVerdict;

typedef struct AuthReport
{
	AuthVerdict verdict;
	char		text[512];		/* for a message, as AWS words it */
} AuthReport;

/*
 * Checks x against the cloud's credentials for the service ("sqs", "s3",
 * "lambda"); payload_hash is the last line of the canonical request;
 * tolerance in milliseconds of real time.
 */
void		auth_verify(const Exchange *x, const char *service, const char *payload_hash,
						int64_t tolerance_ms, AuthReport *report);

#endif
