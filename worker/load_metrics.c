/*
 * load_metrics.c
 *	  What a batch came to: one line of the log, and one of metrics.
 */
#include <stddef.h>

#include "load_metrics.h"
#include "log.h"
#include "metrics.h"

void
load_metrics_tell(const LoadConfig *config, const char *what, const LoadOutcome *outcome,
				  const char *request_id)
{
	const LoaderStats *stats = &outcome->stats;
	const Metric metrics[] = {
		{"Messages", "Count", outcome->messages},
		{"Loaded", "Count", stats->loaded},
		{"Duplicates", "Count", stats->duplicates},
		{"Superseded", "Count", stats->superseded},
		{"Rejects", "Count", stats->rejected},
		{"Left", "Count", outcome->left},
		{"Transactions", "Count", stats->transactions},
		{"StagedBytes", "Bytes", stats->staged_bytes},
		{"Faults", "Count", outcome->faulty},
		{"Duration", "Milliseconds", outcome->milliseconds},
		{NULL, NULL, 0}
	};

	log_event(LOG_INFO, what,
			  LOG_FIELDS(LOG_NUMBER("messages", outcome->messages), LOG_NUMBER("loaded", stats->loaded),
						 LOG_NUMBER("duplicates", stats->duplicates), LOG_NUMBER("superseded", stats->superseded),
						 LOG_NUMBER("rejected", stats->rejected), LOG_NUMBER("left", outcome->left),
						 LOG_NUMBER("transactions", stats->transactions), LOG_NUMBER("stagedBytes", stats->staged_bytes),
						 LOG_NUMBER("ms", outcome->milliseconds)));
	metrics_write(&config->metrics, metrics, request_id);
}
