/*
 * progress.h
 *	  How far a long piece of work is, for a person: a bar on a terminal,
 *	  otherwise a line now and then.  Writes to standard error.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "../aws/clock.h"

typedef struct Progress
{
	const AwsxClock *clock;
	const char *unit;			/* plural: "objects" */
	int64_t		total;			/* units in all; may turn out too small */
	int64_t		already;		/* of these, done by an earlier run */
	bool		terminal;
	int64_t		began_ms;
	int64_t		shown_ms;
} Progress;

/* unit is borrowed. */
extern void progress_begin(Progress *progress, const AwsxClock *clock, const char *unit,
						   int64_t total, int64_t already);

/* So many units are done; details is a short text without a line's end. */
extern void progress_show(Progress *progress, int64_t done, const char *details);

/* The last words come next: take the bar away. */
extern void progress_end(Progress *progress);

#endif							/* PROGRESS_H */
