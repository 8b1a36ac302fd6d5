/*
 * http_curl_exchange.h
 *	  One exchange over libcurl; inside the transport only.
 */
#ifndef AWSX_HTTP_CURL_EXCHANGE_H
#define AWSX_HTTP_CURL_EXCHANGE_H

#include <curl/curl.h>

#include "http_curl_request.h"

/* Why our own callbacks stopped a transfer. */
typedef enum AwsxCurlStop
{
	AWSX_CURL_STOP_NONE,
	AWSX_CURL_STOP_SINK,		/* the caller's sink wants no more */
	AWSX_CURL_STOP_BODY,		/* the body is longer than allowed */
	AWSX_CURL_STOP_HEADERS,		/* too many or too long */
	AWSX_CURL_STOP_MEMORY
} AwsxCurlStop;

typedef struct AwsxCurlExchange AwsxCurlExchange;

struct AwsxCurlExchange
{
	AwsxHttpCall *call;			/* the caller's */
	CURL	   *easy;			/* CURLINFO_PRIVATE is the exchange */
	struct curl_slist *header_lines;
	size_t		header_bytes;
	bool		headers_complete;	/* the blank line after them came */
	bool		in_body;
	bool		opened;			/* a connection was opened for it */
	AwsxCurlStop stop;
	char		detail[CURL_ERROR_SIZE];
	struct AwsxCurlWire *wire;	/* whose connection it makes and holds; null = a whole exchange */
	AwsxCurlExchange *next;		/* the transport's list */
	AwsxCurlExchange *prev;
};

/*
 * An easy handle ready to be started, fresh: not over a kept connection; the
 * call must outlive it, and its request is checked.  Null and *error when
 * memory ends.
 */
extern AwsxCurlExchange *awsx_curl_exchange_create(const AwsxCurlSettings *settings,
												   AwsxHttpCall *call, bool fresh,
												   AwsxError *error);

/*
 * A handle that only makes a connection for this call: through a proxy, with
 * TLS where the endpoint has it, and never one that was kept.  As above, but
 * the call's response is left alone.
 */
extern AwsxCurlExchange *awsx_curl_exchange_connect(const AwsxCurlSettings *settings,
													AwsxHttpCall *call, AwsxError *error);

/* Ready the response for an answer of the size that the request allows. */
extern void awsx_curl_response_init(AwsxHttpCall *call);

/* Fill the call's response and error from how the transfer ended. */
extern void awsx_curl_exchange_finish(AwsxCurlExchange *exchange, CURLcode code);

/* The easy handle must have left its multi handle. */
extern void awsx_curl_exchange_free(AwsxCurlExchange *exchange);

#endif							/* AWSX_HTTP_CURL_EXCHANGE_H */
