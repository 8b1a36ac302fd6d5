/*
 * journal.h
 *		What the lab saw and did, one NDJSON line each.
 */
#ifndef LAB_JOURNAL_H
#define LAB_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

/* Appends to path from now on; false with errno when it cannot be opened. */
bool		journal_open(const char *path);

/*
 * An effect, e.g. journal_effect("s3.put", "sI", "bucket", name, "size", n): the
 * format is that of emit_members.
 */
void		journal_effect(const char *event, const char *format,...);

/* A request that was answered; status 0 when the connection was lost or cut instead. */
typedef struct JournalRequest
{
	const char *service;
	const char *action;
	const char *resource_kind;	/* "queue", "bucket", "function" */
	const char *resource;
	const char *key;			/* may be NULL */
	const char *error;			/* may be NULL */
	int			status;
	int64_t		ms;
} JournalRequest;

void		journal_request(const JournalRequest *request);

/* {"sqs.SendMessage": {"requests": 3, "errors": 1}, ...}; a new reference. */
json_t	   *journal_counts(void);

#endif
