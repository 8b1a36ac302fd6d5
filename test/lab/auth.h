/*
 * auth.h
 *		Access keys, and the verification of AWS Signature Version 4.
 */
#ifndef LAB_AUTH_H
#define LAB_AUTH_H

#include <stdbool.h>

#include "server.h"

#define AUTH_REGION_SIZE	65

/*
 * A key given out for a while.  It ends by the lab's clock, so a test moves
 * that to see it expire; requests signed with it must carry its token.
 */
typedef struct IssuedKey
{
	char		access_key[21];
	char		secret_key[41];
	char		session_token[129];
	int64_t		expires_ms;
} IssuedKey;

/* Lives as long as the lab.  A negative lifetime gives one that is over already. */
const IssuedKey *auth_issue(int64_t lifetime_seconds);

/* NULL: that key was not issued. */
const IssuedKey *auth_issued(const char *access_key);

/*
 * Service.authorise: checks the signature of a request to the service of that
 * name, for S3 also the body against x-amz-content-sha256.  False: it has
 * called the service's refuse with AWS's code, the query protocol's for SQS.
 */
bool		auth_require(Exchange *x);

/* The same for any region, which it writes: S3 has something to say about a wrong one. */
bool		auth_require_region(Exchange *x, char region[AUTH_REGION_SIZE]);

#endif
