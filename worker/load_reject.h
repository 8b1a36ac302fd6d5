/*
 * load_reject.h
 *	  What becomes of a message that can never be loaded: an object with its
 *	  body and the reason.
 *
 * Its name follows from the message's id, so that a message that comes again
 * is written to the same object.
 */
#ifndef LOAD_REJECT_H
#define LOAD_REJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "../aws/buf.h"
#include "load.h"
#include "load_config.h"
#include "store.h"

typedef struct LoadReject
{
	const LoadConfig *config;
	const LoadRow *row;
	const char *code;			/* a word: ValueTooLong, DedupConflict, ... */
	const char *reason;			/* a sentence; may hold data */
	const char *request_id;		/* of the invocation; null or "" = none */
	int64_t		time_ms;		/* Unix epoch, milliseconds */
} LoadReject;

/*
 * Append <prefix><subscription>/<message id>.json; an id that is more than
 * letters, digits, '-' and '_' as its SHA-256 in hex.  False: out of memory.
 */
extern bool load_reject_key(const LoadReject *reject, AwsxBuf *key);

/*
 * Append one JSON object: reason, code, subscription, messageId, groupId,
 * dedupId, dedupKey (when it is another), sequenceNumber, source, receiveCount,
 * attributes, requestId, time, and body (a string) or, when it is not UTF-8,
 * body_base64.  False: out of memory.
 */
extern bool load_reject_document(const LoadReject *reject, AwsxBuf *document);

/* Write it.  False and *error: it is not known to be written. */
extern bool load_reject_write(const Store *store, const LoadReject *reject, AwsxError *error);

#endif							/* LOAD_REJECT_H */
