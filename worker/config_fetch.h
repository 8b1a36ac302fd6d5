/*
 * config_fetch.h
 *	  Parts of the configuration that lie in S3, read once at the start.
 */
#ifndef CONFIG_FETCH_H
#define CONFIG_FETCH_H

#include "../aws/client.h"
#include "config.h"

/*
 * The text of an object of at most 1 MiB, malloc'd.  url is s3://bucket/key,
 * checked by setting_s3_rest.  Null and *error, which does not name it.
 */
extern char *config_fetch_text(AwsxClient *client, const AwsxService *s3, const char *url,
							   AwsxError *error);

/*
 * Fill the program of every output that has only its URL.  False and *error,
 * which names the output and the object.
 */
extern bool config_fetch(Config *config, AwsxClient *client, const AwsxService *s3,
						 AwsxError *error);

#endif							/* CONFIG_FETCH_H */
