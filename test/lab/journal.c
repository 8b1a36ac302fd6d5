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
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "emit.h"
#include "table.h"

typedef struct Count
{
	json_int_t	requests;
	json_int_t	errors;
} Count;

static int	journal_fd = -1;
static long long next_line = 1;
static Table counts;

bool
journal_open(const char *path)
{
	journal_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return journal_fd >= 0;
}

/* Numbers and times; the line's buffer is reused. */
static Buf *
new_line(void)
{
	static Buf	line;
	int64_t		real_us;

	line.len = 0;
	buf_adds(&line, "{");
	emit_integer(&line, "n", next_line++);
	emit_integer(&line, "t", clock_now_ms());
	real_us = clock_real_us();
	emit_name(&line, "real");
	buf_addf(&line, "%lld.%03d", (long long) (real_us / 1000), (int) (real_us % 1000));
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
	emit_members(line, format, args);
	va_end(args);
	write_line(line);
}

static void
count_request(const JournalRequest *request)
{
	char		name[128];
	size_t		len = (size_t) snprintf(name, sizeof(name), "%s.%s", request->service, request->action);
	Count	   *count;

	if (len >= sizeof(name))
		len = sizeof(name) - 1;
	count = table_get(&counts, name, len);
	if (count == NULL)
	{
		if (counts.count >= 1000)
			return;				/* somebody makes names up */
		count = mem_zalloc(sizeof(Count));
		table_put(&counts, name, len, count);
	}
	count->requests++;
	if (request->status == 0 || request->status >= 400)
		count->errors++;
}

static void
emit_given(Buf *line, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0')
		emit_text(line, name, value);
}

void
journal_request(const JournalRequest *request)
{
	Buf		   *line;

	count_request(request);
	if (journal_fd < 0)
		return;
	line = new_line();
	emit_name(line, "request");
	buf_adds(line, "true");
	emit_given(line, "service", request->service);
	emit_given(line, "action", request->action);
	emit_given(line, request->resource_kind, request->resource);
	emit_given(line, "key", request->key);
	emit_integer(line, "status", request->status);
	emit_given(line, "error", request->error);
	emit_integer(line, "ms", request->ms);
	write_line(line);
}

json_t *
journal_counts(void)
{
	json_t	   *all = json_object();
	TableWalk	walk = {0};
	TableEntry *entry;

	while ((entry = table_next(&counts, &walk)) != NULL)
	{
		const Count *count = entry->value;

		json_object_set_new(all, entry->key, json_pack("{s:I,s:I}", "requests", count->requests,
													   "errors", count->errors));
	}
	return all;
}
