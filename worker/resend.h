/*
 * resend.h
 *	  Rejects, sent again: after a program, a queue or the records themselves
 *	  were repaired.
 *
 * Every reject below the place is read; its record goes through today's
 * programs to the outputs that do not have it yet, with the lineage of its
 * original.  A reject whose messages were all accepted is deleted, any other
 * stays where it is.  Deduplication ids follow from the record, so doing it
 * twice, or beside the function itself, has no effect downstream.
 */
#ifndef RESEND_H
#define RESEND_H

#include <stdbool.h>

#include "../aws/client.h"
#include "../aws/service.h"
#include "config.h"

/*
 * url is s3://bucket/prefix; places is what to look for services with.  A line
 * for each reject goes to standard output.  dry_run: nothing is sent or deleted.  Returns the exit status: 0 all were
 * sent, 1 some remain, 2 an outage or a wrong setting (said on standard error).
 */
extern int	resend_run(Config *config, AwsxClient *client, const AwsxServiceOptions *places,
					   const char *url, bool dry_run);

#endif							/* RESEND_H */
