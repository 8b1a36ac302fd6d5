/*
 * redrive.h
 *	  The queue attribute RedrivePolicy: where messages go that were
 *	  received too often.
 */
#ifndef PG_SQS_REDRIVE_H
#define PG_SQS_REDRIVE_H

#include <stdbool.h>

#define REDRIVE_ARN_LEN 256

typedef struct RedrivePolicy
{
	char		target_arn[REDRIVE_ARN_LEN];
	int			max_receive_count;	/* 0 = not given */
} RedrivePolicy;

/* Read the JSON text; false, and an empty policy, when it names no queue. */
extern bool redrive_read(const char *json, RedrivePolicy *policy);

#endif							/* PG_SQS_REDRIVE_H */
