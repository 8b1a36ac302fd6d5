/*
 * credentials_json.h
 *	  Credentials as JSON: what metadata endpoints answer and
 *	  credential_process prints; inside aws/ only.
 */
#ifndef AWSX_CREDENTIALS_JSON_H
#define AWSX_CREDENTIALS_JSON_H

#include <stddef.h>

#include "credentials.h"

/*
 * Read {"AccessKeyId", "SecretAccessKey", "Expiration" and the member that
 * token_member names}; the last two may be missing or null.  A "Code" other
 * than Success is a failure, told with the "Message".  "Version" must be 1
 * where it is given; with the token_member "SessionToken", which is how
 * credential_process writes it, it must be given.  The text stays the
 * caller's to wipe; no error repeats it, but for Code and Message.
 *
 * False: *error (CREDENTIALS, MEMORY), and *out is empty.
 */
extern bool awsx_credentials_json(const char *text, size_t len, const char *token_member,
								  AwsxCredentials *out, AwsxError *error);

#endif							/* AWSX_CREDENTIALS_JSON_H */
