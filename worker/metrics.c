/*
 * metrics.c
 *	  What an invocation did, in numbers: one line in CloudWatch's embedded
 *	  metric format.
 *
 * CloudWatch Logs makes metrics of such a line by itself, so there is no call
 * to wait for and no permission to give.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../aws/buf.h"
#include "../aws/clock.h"
#include "json.h"
#include "metrics.h"

/* Where no dimension is configured, Lambda's own name for the function is one. */
static const char *
function_name(const SettingMetrics *settings)
{
	const char *name = getenv("AWS_LAMBDA_FUNCTION_NAME");

	return settings->dimension_count == 0 && name != NULL && *name != '\0' ? name : NULL;
}

/* The directive: namespace, names of dimensions and of metrics. */
static void
put_directive(const SettingMetrics *settings, const Metric *metrics, AwsxBuf *line)
{
	const AwsxClock *clock = awsx_clock_real();

	awsx_buf_printf(line, "{\"_aws\":{\"Timestamp\":%lld,\"CloudWatchMetrics\":[{",
					(long long) clock->wall_ms(clock->arg));
	json_put_member(line, "Namespace", settings->name_space);
	awsx_buf_puts(line, ",\"Dimensions\":[[");
	if (function_name(settings) != NULL)
		awsx_buf_puts(line, "\"FunctionName\"");
	for (int i = 0; i < settings->dimension_count; i++)
	{
		if (i > 0)
			awsx_buf_putc(line, ',');
		json_put_string(line, settings->dimension_names[i], strlen(settings->dimension_names[i]));
	}
	awsx_buf_puts(line, "]],\"Metrics\":[");
	for (const Metric *metric = metrics; metric->name != NULL; metric++)
		awsx_buf_printf(line, "%s{\"Name\":\"%s\",\"Unit\":\"%s\"}", metric > metrics ? "," : "", metric->name, metric->unit);
	awsx_buf_puts(line, "]}]}");
}

static void
put_line(const SettingMetrics *settings, const Metric *metrics, const char *request_id, AwsxBuf *line)
{
	put_directive(settings, metrics, line);
	if (function_name(settings) != NULL)
		json_put_member(line, "FunctionName", function_name(settings));
	for (int i = 0; i < settings->dimension_count; i++)
		json_put_member(line, settings->dimension_names[i], settings->dimension_values[i]);
	if (request_id != NULL && *request_id != '\0')
		json_put_member(line, "requestId", request_id);
	for (const Metric *metric = metrics; metric->name != NULL; metric++)
		awsx_buf_printf(line, ",\"%s\":%lld", metric->name, (long long) metric->number);
	awsx_buf_puts(line, "}\n");
}

void
metrics_write(const SettingMetrics *settings, const Metric *metrics, const char *request_id)
{
	AwsxBuf		line;
	ssize_t		written;

	if (settings->off)
		return;
	awsx_buf_init(&line, 0);
	put_line(settings, metrics, request_id, &line);
	if (!line.failed)
	{
		do
			written = write(STDOUT_FILENO, line.data, line.len);
		while (written < 0 && errno == EINTR);
	}
	awsx_buf_free(&line);
}
