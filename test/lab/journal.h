/*
 * journal.h
 *		What the lab saw and did, one NDJSON line each; and JSON written fast.
 */
#ifndef LAB_JOURNAL_H
#define LAB_JOURNAL_H

#include <stdbool.h>

#include <jansson.h>

#include "buf.h"
#include "server.h"

/* Appends to path from now on; false with errno when it cannot be opened. */
bool		journal_open(const char *path);

/*
 * An effect, e.g. journal_effect("s3.put", "sI", "bucket", name, "size", n): one
 * letter a member, each taking a name and a value: s text (left out when
 * NULL), I json_int_t, b bool, f double.
 */
void		journal_effect(const char *event, const char *format,...);

/* A request that was answered, or whose connection was lost or cut. */
void		journal_request(const Exchange *x);

/* {"sqs.SendMessage": {"requests": 3, "errors": 1}, ...}; a new reference. */
json_t	   *journal_counts(void);

/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void		emit_string(Buf *out, const char *text, size_t len);

/* "name":"value", after a comma unless it is the first of its object. */
void		emit_text(Buf *out, const char *name, const char *value);

/* "name": and the comma before it: a value must follow. */
void		emit_name(Buf *out, const char *name);

#endif
