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

#include "config.h"

typedef struct Metrics
{
	int64_t		objects;		/* read to their end */
	int64_t		records;
	int64_t		filtered;		/* records without a message for any output */
	int64_t		messages;		/* that SQS accepted, duplicates included */
	int64_t		duplicates;		/* of these, where it could be told */
	int64_t		rejects;
	int64_t		bytes;			/* read from S3, as stored */
	int64_t		faults;			/* 1: the invocation failed */
	int64_t		milliseconds;	/* the invocation took */
} Metrics;

/*
 * Write the line to standard output, unless metrics are off.  request_id may
 * be null.
 */
extern void metrics_write(const Config *config, const Metrics *metrics, const char *request_id);

#endif							/* METRICS_H */
