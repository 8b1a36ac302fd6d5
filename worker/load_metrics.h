/*
 * load_metrics.h
 *	  What a batch came to: one line of the log, and one of metrics; the same
 *	  of the function and of the daemon.
 */
#ifndef LOAD_METRICS_H
#define LOAD_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "load_config.h"
#include "loader.h"

typedef struct LoadOutcome
{
	int			messages;		/* that came */
	int			left;			/* of these stay in the queue, or in hand */
	bool		faulty;			/* there was an error */
	int64_t		milliseconds;
	LoaderStats stats;			/* but for its left */
} LoadOutcome;

/* request_id may be null. */
extern void load_metrics_tell(const LoadConfig *config, const char *what, const LoadOutcome *outcome,
							  const char *request_id);

#endif							/* LOAD_METRICS_H */
