/*
 * http_curl_request.h
 *	  From a request and the transport's settings to an easy handle's options;
 *	  inside the transport only.
 */
#ifndef AWSX_HTTP_CURL_REQUEST_H
#define AWSX_HTTP_CURL_REQUEST_H

#include <curl/curl.h>

#include "http.h"

#if LIBCURL_VERSION_NUM < 0x073d00
#error "libcurl 7.61 or later is needed"
#endif

#define AWSX_CURL_IDLE_SECONDS 30	/* a kept connection is not used after that */
#define AWSX_CURL_TIMEOUT_MS 30000	/* of a request that says nothing of it */
#define AWSX_CURL_LIFETIME_SECONDS 300	/* so that moves in DNS are followed */

/* What is the same for all exchanges of a transport. */
typedef struct AwsxCurlSettings
{
	char	   *ca_bundle;		/* null = libcurl's default */
	char	   *user_agent;
	char	   *proxy;			/* checked; null = none, whatever the environment says */
	bool		fresh_connections;
} AwsxCurlSettings;

/* fresh: not over a kept connection.  Settings need not outlive the call. */
extern CURLcode awsx_curl_settings_apply(const AwsxCurlSettings *settings,
										 const AwsxHttpRequest *request, bool fresh, CURL *easy);

/*
 * A checked request; it must outlive the transfer.  *lines, null before, is
 * the caller's to free after the easy handle, also when this fails.
 */
extern CURLcode awsx_curl_request_apply(const AwsxHttpRequest *request, CURL *easy,
										struct curl_slist **lines);

/* Make the handle one that only connects, to the request's endpoint and within its limits. */
extern CURLcode awsx_curl_connect_apply(const AwsxHttpRequest *request, CURL *easy);

/* Is it a header that the transport makes itself, whatever the request says? */
extern bool awsx_curl_makes_header(const char *name);

/* Is the request handed to a proxy that speaks to the endpoint itself, not through a tunnel? */
extern bool awsx_curl_settings_forward(const AwsxCurlSettings *settings,
									   const AwsxHttpRequest *request);

extern void awsx_curl_settings_free(AwsxCurlSettings *settings);

#endif							/* AWSX_HTTP_CURL_REQUEST_H */
