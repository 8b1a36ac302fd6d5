/*
 * metadata.h
 *	  What the metadata services of instances and containers have in common;
 *	  inside aws/ only.
 *
 * They speak plain http, on addresses that never leave the machine or its
 * hypervisor.  So http is allowed to exactly those, and to nobody else: what
 * they hand out are keys.
 */
#ifndef AWSX_METADATA_H
#define AWSX_METADATA_H

#include "client.h"

/*
 * May the endpoint (scheme://host[:port]) be asked?  https anywhere, http on
 * this machine, and http to the hosts in the list, which ends with a null.
 */
extern bool awsx_metadata_check(const char *endpoint, const char *const *plain_hosts,
								AwsxError *error);

/*
 * Make a request without a body.  path may have a query; header may be null.
 * False, with *error (MEMORY, CONFIG for a header with a line break), and
 * *out is empty.
 */
extern bool awsx_metadata_request(AwsxHttpRequest *out, const char *method, const char *endpoint,
								  const char *path, const char *header, const char *value,
								  int timeout_ms, AwsxError *error);

/* Fill a service that is not signed for, and may be plain; the endpoint was checked. */
extern void awsx_metadata_service(AwsxService *service, AwsxDialect dialect, const char *endpoint);

/* Overwrite the body of an answer that has keys in it. */
extern void awsx_metadata_wipe(const AwsxHttpResponse *answer);

/* Put words before an error's message; the rest of it stays as it is. */
extern void awsx_metadata_explain(AwsxError *error, const char *format,...)
			__attribute__((format(printf, 2, 3)));

#endif							/* AWSX_METADATA_H */
