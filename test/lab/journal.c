/*
 * journal.c
 *		What the lab saw and did, one NDJSON line each.
 *
 * Every line is one write(2) to a file opened for appending, done before the
 * answer leaves: a test that has its answer finds the line, and a kill -9 of
 * anything leaves no half line.  Lines are numbered from 1 and carry the lab's
 * time and the real one.  Requests are also counted, journal or not.  The JSON
 * is written straight into a buffer: this is most of what the lab writes.
 */
#include "journal.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "codec.h"
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

/* One character that is not plain; returns its length. */
static size_t
emit_special(Buf *out, const char *text, size_t len)
{
	unsigned char c = (unsigned char) text[0];
	uint32_t	point;
	size_t		size = c < 0x80 ? 1 : utf8_char(text, len, &point);

	if (c == '"' || c == '\\')
		buf_addf(out, "\\%c", c);
	else if (c < 0x20)
		buf_addf(out, "\\u%04x", c);
	else if (size > 0)
		buf_add(out, text, size);
	else
		buf_adds(out, "\xEF\xBF\xBD");
	return size > 0 ? size : 1;
}

/* With its quotes; bytes that are not UTF-8 become U+FFFD. */
static void
emit_string(Buf *out, const char *text, size_t len)
{
	buf_adds(out, "\"");
	for (size_t at = 0; at < len;)
	{
		size_t		run = at;

		while (run < len && text[run] >= 0x20 && text[run] < 0x7F && text[run] != '"' && text[run] != '\\')
			run++;
		buf_add(out, text + at, run - at);
		at = run;
		if (at < len)
			at += emit_special(out, text + at, len - at);
	}
	buf_adds(out, "\"");
}

/* And the comma before it: a value must follow. */
static void
emit_name(Buf *out, const char *name)
{
	if (out->len > 0 && out->data[out->len - 1] != '{')
		buf_adds(out, ",");
	emit_string(out, name, strlen(name));
	buf_adds(out, ":");
}

static void
emit_text(Buf *out, const char *name, const char *value)
{
	emit_name(out, name);
	emit_string(out, value, strlen(value));
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
count_request(const char *service, const char *action, bool failed)
{
	char		name[128];
	json_t	   *both;
	json_int_t	requests = 0;
	json_int_t	errors = 0;

	snprintf(name, sizeof(name), "%s.%s", service, action);
	if (counts == NULL)
		counts = json_object();
	json_unpack(json_object_get(counts, name), "{s:I,s:I}", "requests", &requests, "errors", &errors);
	both = json_pack("{s:I,s:I}", "requests", requests + 1, "errors", errors + failed);
	json_object_set_new(counts, name, both);
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
