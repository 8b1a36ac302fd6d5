/*
 * sigv4_key.h
 *	  The key that signs for one day, region and service; inside aws/ only.
 */
#ifndef AWSX_SIGV4_KEY_H
#define AWSX_SIGV4_KEY_H

#include "digest.h"
#include "sigv4.h"

#define AWSX_SIGV4_DATE_LEN 16	/* "20260131T235959Z" */
#define AWSX_SIGV4_DAY_LEN 8	/* of which the day */

/* When the request is signed, as the signature has it; false outside of 1970 to 9999. */
extern bool awsx_sigv4_date(int64_t when_ms, char out[AWSX_SIGV4_DATE_LEN + 1]);

/*
 * The signing key of the date's day: the signer's kept one where it fits, else
 * derived, and kept where the signer has a place for it.  The caller wipes its
 * copy.  False only when libcrypto fails.
 */
extern bool awsx_sigv4_key(const AwsxSigv4 *signer, const char *date,
						   unsigned char key[AWSX_SHA256_LEN]);

#endif							/* AWSX_SIGV4_KEY_H */
