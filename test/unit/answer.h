/*
 * answer.h
 *	  A made-up HTTP answer for tests of what reads answers.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "http.h"

/* Status 200 with the body; free it with awsx_http_response_free. */
static inline AwsxHttpResponse
make_answer(const char *body, size_t len)
{
	AwsxHttpResponse answer;

	awsx_http_response_init(&answer, 0);
	answer.status = 200;
	if (len > 0)
		awsx_buf_append(&answer.body, body, len);
	return answer;
}

#endif							/* ANSWER_H */
