/*
 * report.h
 *	  AWS errors as PostgreSQL reports them: SQLSTATE, message, hint.  Never
 *	  a secret, never a payload.
 */
#ifndef PG_SQS_REPORT_H
#define PG_SQS_REPORT_H

#include "postgres.h"

#include "error.h"

/* The SQLSTATE (as ERRCODE_... integer) for an AWS error. */
extern int	report_sqlstate(const AwsxError *error);

/* What a person can do about it, or null. A constant string. */
extern const char *report_hint(const AwsxError *error);

/*
 * ereport(elevel) "could not <what>: <message>" with SQLSTATE, detail (code,
 * HTTP status, request id) and hint.
 */
extern void report_aws_error(int elevel, const char *what, const AwsxError *error);

/*
 * As above, for calls that need other permissions than a consumer's: the
 * hint names these, such as "sqs:SendMessage on the queue".
 */
extern void report_aws_denial(int elevel, const char *what, const AwsxError *error,
							  const char *permissions);

/* A copy of AWS's words that is safe to put into an error message; palloc'd. */
extern char *report_clean(const char *text);

#endif							/* PG_SQS_REPORT_H */
