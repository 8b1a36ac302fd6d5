/*
 * backfill.h
 *	  Send what is already in a bucket: every object below a prefix goes the
 *	  way that its event would have gone.
 *
 * The same object path, the same ids: whatever was sent before, by an event
 * or by an earlier run, is a duplicate downstream.  So a run may be stopped
 * and repeated at will, and a state file only saves time.
 */
#ifndef BACKFILL_H
#define BACKFILL_H

#include <stdbool.h>
#include <stdint.h>

#include "../aws/client.h"
#include "../aws/service.h"
#include "config.h"
#include "ingest.h"

typedef struct BackfillOptions
{
	const char *url;			/* s3://bucket/prefix */
	bool		dry_run;		/* only list */
	int64_t		since_ms;		/* last modified at or after it; 0 = no limit */
	int64_t		until_ms;		/* last modified before it; 0 = no limit */
	double		rate;			/* objects a second; 0 = no limit */
	const char *resume_file;	/* null = none */
} BackfillOptions;

/* The exit status of a run. */
enum
{
	BACKFILL_DONE = 0,
	BACKFILL_FAULT = 1,			/* an infrastructure fault stopped it */
	BACKFILL_USAGE = 2,			/* an option or the state file is wrong */
	BACKFILL_REJECTS = 3,		/* done, but records were rejected */
	BACKFILL_STOPPED = 130		/* by a signal */
};

/*
 * The client is for listing, of an S3 that service finds; ingest does the
 * rest, and may be null in a dry run.  Prints progress to standard error and
 * the summary to standard output.
 */
extern int	backfill_run(const BackfillOptions *options, const Config *config, AwsxClient *client,
						 const AwsxServiceOptions *service, Ingest *ingest);

#endif							/* BACKFILL_H */
