/*
 * answer_code.h
 *	  What AWS's error codes mean; inside aws/ only.
 */
#ifndef AWSX_ANSWER_CODE_H
#define AWSX_ANSWER_CODE_H

#include <stdbool.h>

#include "error.h"

typedef struct AwsxCodeMeaning
{
	const char *code;			/* without namespace and "Exception" */
	AwsxErrorKind kind;
	bool		retryable;
	int			retry_after_ms; /* AWS's documented waiting time, or 0 */
	bool		expired_token;	/* fresh credentials may help */
	bool		clock_skew;		/* a corrected clock may help */
} AwsxCodeMeaning;

/*
 * Look a code up, with or without "Exception", "AWS.SimpleQueueService." or
 * "KMS."; null when it is not known.
 */
extern const AwsxCodeMeaning *awsx_answer_code(const char *code);

#endif							/* AWSX_ANSWER_CODE_H */
