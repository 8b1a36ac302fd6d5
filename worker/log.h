/*
 * log.h
 *	  One JSON object a line on standard error, as Lambda's log filter reads it.
 *
 * A line is written by one write(2), so that lines of a frozen or killed
 * process are whole.  A payload, a jq message or a secret never goes in; keys,
 * buckets, ids, codes and counts do.  The level comes from
 * AWS_LAMBDA_LOG_LEVEL.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "../aws/error.h"

typedef enum LogLevel
{
	LOG_TRACE,
	LOG_DEBUG,
	LOG_INFO,
	LOG_WARN,
	LOG_ERROR,
	LOG_FATAL
} LogLevel;

/* A member of the line; a list ends with a null name. */
typedef struct LogField
{
	const char *name;
	const char *text;			/* null: number is meant */
	int64_t		number;
} LogField;

#define LOG_TEXT(name, value) {(name), (value), 0}
#define LOG_NUMBER(name, value) {(name), NULL, (int64_t) (value)}
#define LOG_FIELDS(...) ((const LogField[]) {__VA_ARGS__, {NULL, NULL, 0}})

/* Read the level from the environment; an unknown word means INFO, with a warning. */
extern void log_init(void);

/* The id that lines carry from now on; null or "" = none. Copied. */
extern void log_set_request_id(const char *request_id);

/* Likewise the X-Ray trace that the invocation belongs to. */
extern void log_set_trace_id(const char *trace_id);

/* One of the level's words, in any case; false: it is none, nothing changes. */
extern bool log_set_level(const char *word);

extern bool log_enabled(LogLevel level);

/* fields may be null. */
extern void log_event(LogLevel level, const char *message, const LogField *fields);

/* The error's kind, code, status and message, with AWS's request id. */
extern void log_error(LogLevel level, const char *message, const AwsxError *error);

/* The instant as RFC 3339 in UTC with milliseconds; out has 25 bytes. */
extern void log_time(int64_t wall_ms, char out[25]);

#endif							/* LOG_H */
