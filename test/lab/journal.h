/*
 * journal.h
 *		What the lab saw and did, one NDJSON line each.
 */
#ifndef LAB_JOURNAL_H
#define LAB_JOURNAL_H

#include <stdbool.h>

#include <jansson.h>

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

#endif
