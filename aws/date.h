/*
 * date.h
 *	  Dates as HTTP headers and AWS's documents write them.
 */
#ifndef AWSX_DATE_H
#define AWSX_DATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Read "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110's IMF-fixdate, the only
 * form that servers send today) as milliseconds of the Unix epoch.  text may
 * be null.  False when it is anything else.
 */
extern bool awsx_http_date_ms(const char *text, int64_t *ms);

/*
 * The same for "1994-11-06T08:49:37Z" (ISO 8601, as RFC 3339 profiles it):
 * with or without a fraction of a second, with Z, +00:00 or another offset
 * from UTC, whose colon may be missing.
 */
extern bool awsx_iso_date_ms(const char *text, int64_t *ms);

#endif							/* AWSX_DATE_H */
