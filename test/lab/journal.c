/*
 * journal.c
 *		What the lab saw and did, one NDJSON line each.
 *
 * Every line is one write(2) to a file opened for appending, done before the
 * answer leaves: a test that has its answer finds the line, and a kill -9 of
 * anything leaves no half line.  Lines are numbered from 1 and carry the lab's
 * time and the real one.  Requests are also counted, journal or not.
 */
#include "journal.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "service.h"

static int	journal_fd = -1;
static long long next_line = 1;
static json_t *counts;

bool
journal_open(const char *path)
{
	journal_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return journal_fd >= 0;
}

/* A new line, with its number and times; the buffer is reused. */
static Buf *
new_line(void)
{
	static Buf	line;
	int64_t		real_us = clock_real_us();

	line.len = 0;
	buf_addf(&line, "{\"n\":%lld,\"t\":%lld,\"real\":%lld.%03d", next_line++, (long long) clock_now_ms(),
			 (long long) (real_us / 1000), (int) (real_us % 1000));
	return &line;
}

static void
write_line(Buf *line)
{
	buf_adds(line, "}\n");
	if (write(journal_fd, line->data, line->len) < 0)
		perror("awslab: journal");
}

void
journal_effect(const char *event, const char *format,...)
{
	Buf		   *line;
	va_list		args;

	if (journal_fd < 0)
		return;
	line = new_line();
	emit_text(line, "event", event);
	va_start(args, format);
	for (; *format != '\0'; format++)
	{
		const char *name = va_arg(args, const char *);
		const char *text = *format == 's' ? va_arg(args, const char *) : "";

		if (text == NULL)
			continue;
		emit_name(line, name);
		if (*format == 's')
			emit_string(line, text, strlen(text));
		else if (*format == 'b')
			buf_adds(line, va_arg(args, int) ? "true" : "false");
		else if (*format == 'f')
			buf_addf(line, "%g", va_arg(args, double));
		else
			buf_addf(line, "%lld", (long long) va_arg(args, json_int_t));
	}
	va_end(args);
	write_line(line);
}

static void
count(json_t *both, const char *name)
{
	json_t	   *number = json_object_get(both, name);

	json_integer_set(number, json_integer_value(number) + 1);
}

static void
count_request(const char *service, const char *action, bool failed)
{
	char		name[128];
	json_t	   *both;

	snprintf(name, sizeof(name), "%s.%s", service, action);
	if (counts == NULL)
		counts = json_object();
	both = json_object_get(counts, name);
	if (both == NULL)
		json_object_set_new(counts, name, both = json_pack("{s:i,s:i}", "requests", 0, "errors", 0));
	count(both, "requests");
	if (failed)
		count(both, "errors");
}

void
journal_request(const Exchange *x)
{
	const char *action = x->action != NULL ? x->action : "unknown";
	Buf		   *line;

	count_request(x->service->name, action, x->status == 0 || x->status >= 400);
	if (journal_fd < 0)
		return;
	line = new_line();
	buf_adds(line, ",\"request\":true");
	emit_text(line, "service", x->service->name);
	emit_text(line, "action", action);
	if (x->resource[0] != '\0')
		emit_text(line, x->resource_kind, x->resource);
	if (x->key != NULL)
		emit_text(line, "key", x->key);
	buf_addf(line, ",\"status\":%d", x->status);
	if (x->error[0] != '\0')
		emit_text(line, "error", x->error);
	buf_addf(line, ",\"ms\":%lld", (long long) (clock_real_ms() - x->started_ms));
	write_line(line);
}

json_t *
journal_counts(void)
{
	return counts != NULL ? json_deep_copy(counts) : json_object();
}
