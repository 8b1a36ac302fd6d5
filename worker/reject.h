/*
 * reject.h
 *	  What becomes of a record that cannot be sent: a document with its bytes
 *	  and the reason, as an object or as a message.
 *
 * A reject is written before its record counts as settled, and a record that
 * has one is not sent any more; so a record ends up either in all of its
 * outputs or in a reject, which then says which outputs have it.
 */
#ifndef REJECT_H
#define REJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../aws/buf.h"
#include "config.h"
#include "deliver.h"
#include "store.h"

typedef struct Reject
{
	const char *code;			/* a word: InvalidJson, ProgramError, ... */
	const char *reason;			/* a sentence; may hold data */
	const char *bucket;			/* of the source */
	const char *key;			/* raw bytes */
	const char *version_id;		/* "" or null = none */
	const char *etag;			/* "" or null = unknown */
	const char *sequencer;		/* "" or null = none */
	int			record;			/* from 1 */
	const char *request_id;		/* of the invocation */
	int64_t		time_ms;		/* Unix epoch, milliseconds */
	const char *body;			/* the raw record; null = it could not be read */
	size_t		body_len;
	const Config *config;		/* null: nothing is said of outputs */
	uint32_t	sent;			/* bits of outputs that have the record, wholly */
	uint32_t	not_sent;		/* bits of outputs that should have had it */
	bool		leave_body;		/* it is said to be in the object only */
} Reject;

/* Where rejects go. */
typedef struct RejectPlace
{
	const Config *config;
	const Store *store;
	AwsxService queue;			/* of config->reject_queue_url */
} RejectPlace;

/*
 * <prefix><key>.<version id, else etag, else "none">.<record>.json, so that a
 * retried invocation writes the same object again; the record in ten digits,
 * so that names have the order of records.  Where that would exceed
 * S3's 1024 bytes, key and version give way to their SHA-256 in hex.  False:
 * out of memory.
 */
extern bool reject_key(const Reject *reject, const char *prefix, AwsxBuf *key);

/*
 * One JSON object: reason, code, bucket, key, versionId, etag, sequencer,
 * record, sent and not_sent (names of outputs), requestId, time, and body (the
 * raw record as a string) or, when it is not UTF-8, body_base64; neither when
 * there is none, or with body_left when it would be too large.  A key that is not UTF-8 is given
 * percent-encoded as key_percent_encoded.  False: out of memory.
 */
extern bool reject_document(const Reject *reject, AwsxBuf *document);

/* Append ,"body": with the bytes as a string, or ,"body_base64": where they are not UTF-8. */
extern bool reject_put_body(AwsxBuf *document, const char *body, size_t len);

/*
 * Set code, reason and outputs of a record that was rejected or refused; the
 * reason may be written to text.
 */
extern void reject_describe(Reject *reject, const Config *config, const DeliverRecord *record,
							char *text, size_t size);

/* Everything is borrowed.  False and *error: the queue's URL cannot be used. */
extern bool reject_place_init(RejectPlace *place, const Config *config, const Store *store,
							  const AwsxServiceOptions *options, AwsxError *error);

/*
 * Write the reject.  False and *error: it is not known to be written (CONFIG:
 * there is no place for it).
 */
extern bool reject_write(const RejectPlace *place, const Reject *reject, AwsxError *error);

#endif							/* REJECT_H */
