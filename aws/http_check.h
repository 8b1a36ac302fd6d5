/*
 * http_check.h
 *	  What the client, the signer and a transport ask of a request; inside
 *	  aws/ only.
 */
#ifndef AWSX_HTTP_CHECK_H
#define AWSX_HTTP_CHECK_H

#include "http.h"

/*
 * Check method, endpoint, path, query and headers before anything is sent:
 * nothing may end a line or begin another part of the request.
 */
extern bool awsx_http_request_check(const AwsxHttpRequest *request, bool allow_plain,
									AwsxError *error);

/*
 * Append the Host header's value for a checked endpoint: host[:port], the
 * scheme's own port left out, as HTTP clients send it.
 */
extern bool awsx_http_host(const char *endpoint, AwsxBuf *out);

/*
 * Is a checked endpoint reached without a proxy?  This machine, and the
 * addresses where machines and containers find their metadata and
 * credentials, which nobody else may be asked for.
 */
extern bool awsx_proxy_passed_by(const char *endpoint);

/* May these bytes stand in a header's value?  No control character but a tab. */
extern bool awsx_http_is_field_value(const char *bytes, size_t len);

/* Remove a header if it is there. */
extern void awsx_headers_remove(AwsxHeaders *headers, const char *name);

/*
 * Set the header of a line "Name: value\r\n"; what is no header is passed
 * over.  False only when memory ends.
 */
extern bool awsx_headers_set_line(AwsxHeaders *headers, const char *line, size_t len);

#endif							/* AWSX_HTTP_CHECK_H */
