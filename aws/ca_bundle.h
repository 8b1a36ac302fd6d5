/*
 * ca_bundle.h
 *	  Which file holds the certificate authorities?
 */
#ifndef AWSX_CA_BUNDLE_H
#define AWSX_CA_BUNDLE_H

#include <stdbool.h>

#include "error.h"

/*
 * given: the caller's choice, or null; built_in: the TLS library's default,
 * or null.  *path is null when the default is to be used, else a string that
 * lives as long as given and the environment do.  False when a file that
 * somebody named cannot be read.
 */
extern bool awsx_ca_bundle_find(const char *given, const char *built_in, const char **path,
								AwsxError *error);

/*
 * What to do about a server's certificate that was not accepted.
 * verify_result is one of OpenSSL's X509_V_ numbers; where there
 * is nothing wrong with the chain it is the name.
 */
extern const char *awsx_ca_bundle_advice(long verify_result);

#endif							/* AWSX_CA_BUNDLE_H */
