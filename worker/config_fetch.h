/*
 * config_fetch.h
 *	  The jq programs that lie in S3, read once when the function starts.
 */
#ifndef CONFIG_FETCH_H
#define CONFIG_FETCH_H

#include "../aws/client.h"
#include "config.h"

/*
 * Fill the program of every output that has only its URL.  False and *error,
 * which names the output and the object.
 */
extern bool config_fetch(Config *config, AwsxClient *client, const AwsxService *s3,
						 AwsxError *error);

#endif							/* CONFIG_FETCH_H */
