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
 * Where STS is, for a role that comes from the shared files or the
 * environment: as for every service (service.h), and files may have more to
 * say (null: has not).  *role borrows from all of them.  False and *error
 * (CONFIG) when a setting has a value that is none.
 */
extern bool awsx_sts_locate(AwsxRole *role, const AwsxProfiles *profiles,
							const AwsxProfileFiles *files, AwsxError *error);

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
