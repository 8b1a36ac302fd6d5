/*
 * reply.h
 *	  How an invocation fails, in the words that Lambda records.
 */
#ifndef REPLY_H
#define REPLY_H

#include <stdbool.h>

#include "../aws/error.h"
#include "runtime.h"

/* The error type that Lambda records. */
extern const char *reply_error_type(AwsxErrorKind kind);

/* The process has to end: its keys have expired, and only a new one gets others. */
extern bool reply_must_leave(const AwsxError *error);

/* Fail the invocation, which Lambda then repeats, and log it. */
extern void reply_fail(RuntimeReply *reply, const char *type, const AwsxError *error);

#endif							/* REPLY_H */
