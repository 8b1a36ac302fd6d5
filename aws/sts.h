/*
 * sts.h
 *	  STS on the wire: two ways to assume a role; inside aws/ only.
 *
 * The Query protocol of version 2011-06-15: a form goes out, XML comes back.
 */
#ifndef AWSX_STS_H
#define AWSX_STS_H

#include <stdbool.h>
#include <stddef.h>

#include "client.h"
#include "credentials.h"
#include "error.h"
#include "http.h"
#include "providers.h"

#define AWSX_STS_TOKEN_MAX 20000	/* bytes of a web identity token: STS's own limit */

/* Are ARN, session name, external id and duration such as STS takes?  False and *error (CONFIG). */
extern bool awsx_sts_check_role(const AwsxRole *role, AwsxError *error);

/*
 * Where region, endpoint and legacy_endpoint of a role come from when a
 * profile says them: AWS_REGION, AWS_DEFAULT_REGION, the chosen profile's
 * region, fallback (may be null); AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL, the
 * profile's services, its endpoint_url.  *role borrows from all of them.
 */
extern void awsx_sts_locate(AwsxRole *role, const AwsxProfiles *profiles, const char *fallback);

/* The service for a role. *error: CONFIG. */
extern bool awsx_sts_service(AwsxService *service, const AwsxRole *role, AwsxError *error);

/*
 * Make AssumeRoleWithWebIdentity, or AssumeRole without a token (null).
 * False: *error (MEMORY), nothing to free.
 */
extern bool awsx_sts_request(AwsxHttpRequest *out, const AwsxService *service,
							 const AwsxRole *role, const char *session_name,
							 const char *token, AwsxError *error);

/*
 * Read the credentials of a 2xx answer.  False: *error (PROTOCOL, MEMORY),
 * and *out is empty.  No error repeats what was answered.
 */
extern bool awsx_sts_answer(const char *xml, size_t len, AwsxCredentials *out, AwsxError *error);

#endif							/* AWSX_STS_H */
