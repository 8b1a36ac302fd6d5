/*
 * metrics.h
 *	  What an invocation did, in numbers: one line in CloudWatch's embedded
 *	  metric format.
 *
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
#ifndef METRICS_H
#define METRICS_H

#include <stdint.h>

#include "setting.h"

/* A number and what it counts; a list ends with a null name. */
typedef struct Metric
{
	const char *name;
	const char *unit;			/* of CloudWatch: Count, Bytes, Milliseconds */
	int64_t		number;
} Metric;

/*
 * Write the line to standard output, unless metrics are off.  request_id may
 * be null.
 */
extern void metrics_write(const SettingMetrics *settings, const Metric *metrics, const char *request_id);

#endif							/* METRICS_H */
