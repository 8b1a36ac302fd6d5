/*
 * answer.h
 *	  From an HTTP answer to an AwsxError; inside aws/ only.
 */
#ifndef AWSX_ANSWER_H
#define AWSX_ANSWER_H

#include <stdbool.h>

#include "client.h"
#include "error.h"
#include "http.h"

/*
 * Fill *error from an answer: AWSX_OK for a success (and for any answer of
 * the RAW dialect), else what AWS said, with kind, code, status, request id,
 * retryable and retry_after_ms.
 */
extern void awsx_answer_classify(AwsxDialect dialect, const AwsxHttpResponse *answer,
								 AwsxError *error);

/* Does the error say that fresh credentials may help? */
extern bool awsx_answer_is_expired_token(const AwsxError *error);

/* Does the error say that our clock may be wrong? */
extern bool awsx_answer_is_clock_skew(const AwsxError *error);

#endif							/* AWSX_ANSWER_H */
