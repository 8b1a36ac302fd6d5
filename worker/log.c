/*
 * log.c
 *	  One JSON object a line on standard error, as Lambda's log filter reads it.
 *
 * The process has one log, so its level and request id live here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "../aws/clock.h"
#include "json.h"
#include "log.h"

#define LINE_MAX_BYTES 65536

static const char *const level_names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
static LogLevel lowest = LOG_INFO;
static char current_request_id[129];
static char current_trace_id[256];

bool
log_set_level(const char *word)
{
	for (int i = LOG_TRACE; i <= LOG_FATAL; i++)
	{
		if (strcasecmp(word, level_names[i]) == 0)
		{
			lowest = (LogLevel) i;
			return true;
		}
	}
	return false;
}

void
log_init(void)
{
	const char *wanted = getenv("AWS_LAMBDA_LOG_LEVEL");

	lowest = LOG_INFO;
	if (wanted != NULL && *wanted != '\0' && !log_set_level(wanted))
		log_event(LOG_WARN, "AWS_LAMBDA_LOG_LEVEL must be TRACE, DEBUG, INFO, WARN, ERROR or FATAL; INFO is used",
				  NULL);
}

void
log_set_request_id(const char *request_id)
{
	snprintf(current_request_id, sizeof(current_request_id), "%s", request_id ? request_id : "");
}

void
log_set_trace_id(const char *trace_id)
{
	snprintf(current_trace_id, sizeof(current_trace_id), "%s", trace_id ? trace_id : "");
}

bool
log_enabled(LogLevel level)
{
	return level >= lowest;
}

void
log_time(int64_t wall_ms, char out[25])
{
	time_t		seconds = (time_t) (wall_ms / 1000);
	struct tm	utc;

	if (gmtime_r(&seconds, &utc) == NULL || utc.tm_year > 8099 || utc.tm_year < 0)
		memset(&utc, 0, sizeof(utc));
	snprintf(out, 25, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
			 ((unsigned) utc.tm_year + 1900) % 10000, ((unsigned) utc.tm_mon + 1) % 100,
			 (unsigned) utc.tm_mday % 100, (unsigned) utc.tm_hour % 100,
			 (unsigned) utc.tm_min % 100, (unsigned) utc.tm_sec % 100,
			 (unsigned) (wall_ms % 1000) % 1000);
}

static void
write_line(const char *bytes, size_t len)
{
	ssize_t		written;

	do
		written = write(STDERR_FILENO, bytes, len);
	while (written < 0 && errno == EINTR);
}

void
log_event(LogLevel level, const char *message, const LogField *fields)
{
	const AwsxClock *clock = awsx_clock_real();
	AwsxBuf		line;
	char		when[25];

	if (!log_enabled(level))
		return;
	awsx_buf_init(&line, LINE_MAX_BYTES);
	log_time(clock->wall_ms(clock->arg), when);
	awsx_buf_putc(&line, '{');
	json_put_member(&line, "timestamp", when);
	json_put_member(&line, "level", level_names[level]);
	if (current_request_id[0] != '\0')
		json_put_member(&line, "requestId", current_request_id);
	if (current_trace_id[0] != '\0')
		json_put_member(&line, "traceId", current_trace_id);
	json_put_member(&line, "message", message);
	for (; fields != NULL && fields->name != NULL; fields++)
	{
		if (fields->text != NULL)
			json_put_member(&line, fields->name, fields->text);
		else
			awsx_buf_printf(&line, ",\"%s\":%lld", fields->name, (long long) fields->number);
	}
	awsx_buf_puts(&line, "}\n");
	if (line.failed)
	{
		static const char lost[] = "{\"level\":\"ERROR\",\"message\":\"a log line was lost: out of memory or too long\"}\n";

		write_line(lost, sizeof(lost) - 1);
	}
	else
		write_line(line.data, line.len);
	awsx_buf_free(&line);
}

void
log_error(LogLevel level, const char *message, const AwsxError *error)
{
	log_event(level, message,
			  LOG_FIELDS(LOG_TEXT("kind", awsx_error_kind_name(error->kind)),
						 LOG_TEXT("code", error->code),
						 LOG_NUMBER("status", error->http_status),
						 LOG_TEXT("error", error->message),
						 LOG_TEXT("awsRequestId", error->request_id)));
}
