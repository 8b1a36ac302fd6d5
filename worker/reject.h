/*
 * reject.h
 *	  What is put into the reject location for a record that cannot be sent:
 *	  its key and its document.  Pure.
 */
#ifndef REJECT_H
#define REJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../aws/buf.h"

typedef struct Reject
{
	const char *code;			/* a word: InvalidJson, ProgramError, ... */
	const char *reason;			/* a sentence; may hold data */
	const char *bucket;			/* of the source */
	const char *key;			/* raw bytes */
	const char *version_id;		/* "" or null = none */
	const char *etag;			/* "" or null = unknown */
	int			record;			/* from 1 */
	const char *request_id;		/* of the invocation */
	int64_t		time_ms;		/* Unix epoch, milliseconds */
	const char *body;			/* the raw record; null = it could not be read */
	size_t		body_len;
} Reject;

/*
 * <prefix><key>.<version id, else etag, else "none">.<record>.json, so that a
 * retried invocation writes the same object again.  Where that would exceed
 * S3's 1024 bytes, key and version give way to their SHA-256 in hex.  False:
 * out of memory.
 */
extern bool reject_key(const Reject *reject, const char *prefix, AwsxBuf *key);

/*
 * One JSON object: reason, code, bucket, key, versionId, record, requestId,
 * time, and body (the raw record as a string) or, when it is not UTF-8,
 * body_base64; neither when there is none.  A key that is not UTF-8 is given
 * percent-encoded as key_percent_encoded.  False: out of memory.
 */
extern bool reject_document(const Reject *reject, AwsxBuf *document);

#endif							/* REJECT_H */
