/*
 * scans.h
 *	  The launcher's list of databases to be read.
 */
#ifndef PG_SQS_SCANS_H
#define PG_SQS_SCANS_H

#include "postgres.h"

#include "datatype/timestamp.h"

/*
 * Do what scans need now: take requests, see how the running scanner fares,
 * start the next one.  Brings *wake down to the time when there is more to
 * do.  False: a consumer is making room for the scanner, so do not start
 * another one.  In the launcher, outside a transaction.
 */
extern bool scans_turn(TimestampTz now, TimestampTz *wake);

#endif							/* PG_SQS_SCANS_H */
