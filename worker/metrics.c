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

typedef struct Value
{
	const char *name;
	const char *unit;
	int64_t		number;
} Value;

/* Where no dimension is configured, Lambda's own name for the function is one. */
static const char *
function_name(const SettingMetrics *metrics)
{
	const char *name = getenv("AWS_LAMBDA_FUNCTION_NAME");

	return metrics->dimension_count == 0 && name != NULL && *name != '\0' ? name : NULL;
}

/* The directive: namespace, names of dimensions and of metrics. */
static void
put_directive(const SettingMetrics *metrics, const Value *values, int count, AwsxBuf *line)
{
	const AwsxClock *clock = awsx_clock_real();

	awsx_buf_printf(line, "{\"_aws\":{\"Timestamp\":%lld,\"CloudWatchMetrics\":[{",
					(long long) clock->wall_ms(clock->arg));
	json_put_member(line, "Namespace", metrics->name_space);
	awsx_buf_puts(line, ",\"Dimensions\":[[");
	if (function_name(metrics) != NULL)
		awsx_buf_puts(line, "\"FunctionName\"");
	for (int i = 0; i < metrics->dimension_count; i++)
	{
		if (i > 0)
			awsx_buf_putc(line, ',');
		json_put_string(line, metrics->dimension_names[i], strlen(metrics->dimension_names[i]));
	}
	awsx_buf_puts(line, "]],\"Metrics\":[");
	for (int i = 0; i < count; i++)
		awsx_buf_printf(line, "%s{\"Name\":\"%s\",\"Unit\":\"%s\"}", i > 0 ? "," : "", values[i].name, values[i].unit);
	awsx_buf_puts(line, "]}]}");
}

static void
put_line(const SettingMetrics *metrics, const Value *values, int count, const char *request_id,
		 AwsxBuf *line)
{
	put_directive(metrics, values, count, line);
	if (function_name(metrics) != NULL)
		json_put_member(line, "FunctionName", function_name(metrics));
	for (int i = 0; i < metrics->dimension_count; i++)
		json_put_member(line, metrics->dimension_names[i], metrics->dimension_values[i]);
	if (request_id != NULL && *request_id != '\0')
		json_put_member(line, "requestId", request_id);
	for (int i = 0; i < count; i++)
		awsx_buf_printf(line, ",\"%s\":%lld", values[i].name, (long long) values[i].number);
	awsx_buf_puts(line, "}\n");
}

void
metrics_write(const Config *config, const Metrics *metrics, const char *request_id)
{
	const Value values[] = {
		{"Objects", "Count", metrics->objects},
		{"Records", "Count", metrics->records},
		{"Filtered", "Count", metrics->filtered},
		{"Messages", "Count", metrics->messages},
		{"Duplicates", "Count", metrics->duplicates},
		{"Rejects", "Count", metrics->rejects},
		{"Bytes", "Bytes", metrics->bytes},
		{"Faults", "Count", metrics->faults},
		{"Duration", "Milliseconds", metrics->milliseconds}
	};
	AwsxBuf		line;
	ssize_t		written;

	if (config->metrics.off)
		return;
	awsx_buf_init(&line, 0);
	put_line(&config->metrics, values, (int) (sizeof(values) / sizeof(values[0])), request_id, &line);
	if (!line.failed)
	{
		do
			written = write(STDOUT_FILENO, line.data, line.len);
		while (written < 0 && errno == EINTR);
	}
	awsx_buf_free(&line);
}
