/*
 * http_date.h
 *	  The date in an HTTP header.
 */
#ifndef AWSX_HTTP_DATE_H
#define AWSX_HTTP_DATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Read "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110's IMF-fixdate, the only
 * form that servers send today) as milliseconds of the Unix epoch.  text may
 * be null.  False when it is anything else.
 */
extern bool awsx_http_date_ms(const char *text, int64_t *ms);

#endif							/* AWSX_HTTP_DATE_H */
