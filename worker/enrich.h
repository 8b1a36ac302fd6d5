/*
 * enrich.h
 *	  One record in, messages for every output out; or the reason why not.
 *	  Pure: no I/O, no clock, no environment.
 *
 * For each output the record goes through the output's jq program.  No
 * result: the record is filtered out there.  Each result is one message; its
 * group and deduplication id come from expressions over *that result*, or,
 * without a dedup expression, from output name and record bytes alone: the
 * first result has awsx_id_of_record, the n-th the same over the record, a
 * NUL and n in decimal.  A record is sent to all outputs or to none.
 */
#ifndef ENRICH_H
#define ENRICH_H

#include <stdbool.h>
#include <stddef.h>

#include "../aws/identity.h"
#include "../aws/sqs.h"
#include "config.h"

typedef struct Enricher Enricher;

/* Results that one program may make of one record. */
#define ENRICH_MAX_RESULTS 1000

/* The bodies of one record's messages together: they are all in memory. */
#define ENRICH_MAX_BYTES ((size_t) 64 << 20)

/* At most: six of lineage, two originals of hashed ids. */
#define ENRICH_MAX_ATTRIBUTES 8

/* Where a record came from.  Strings are borrowed; "" or null = not given. */
typedef struct EnrichSource
{
	const char *bucket;
	const char *key;			/* raw bytes */
	const char *version_id;
	const char *sequencer;
	int			record;			/* from 1 */
} EnrichSource;

typedef struct EnrichMessage
{
	int			output;			/* index into the configuration's outputs */
	char	   *body;
	size_t		body_len;
	char		group_id[AWSX_ID_MAX + 1];
	char		dedup_id[AWSX_ID_MAX + 1];
	char	   *original_group_id;	/* percent-encoded; null: not hashed */
	char	   *original_dedup_id;
	int			attribute_count;
	AwsxSqsAttribute attributes[ENRICH_MAX_ATTRIBUTES];
} EnrichMessage;

typedef struct EnrichResult
{
	EnrichMessage *messages;
	int			count;
	int			allocated;
	size_t		bytes;			/* of all bodies */
	int			filtered;		/* outputs whose program gave nothing */

	/* A rejected record has a code, and no messages. */
	const char *code;			/* null: not rejected */
	char		reason[700];	/* may hold data: not for logs */

	/* What the messages' attributes point into: a result must not be moved. */
	char	   *key_encoded;
	char		record_text[16];
	char		sha256[65];
} EnrichResult;

/* Compiles all programs.  Null and *error (CONFIG naming the output, MEMORY). */
extern Enricher *enrich_create(const Config *config, AwsxError *error);
extern void enrich_free(Enricher *enricher);	/* null allowed */

/*
 * Enrich the one JSON object that the text holds.  The result's attributes
 * borrow the source's strings.  False only when memory ends; a bad record is
 * a success with a code.  The caller frees the result in either case.
 */
extern bool enrich_record(Enricher *enricher, const EnrichSource *source,
						  const char *text, size_t len, EnrichResult *result, AwsxError *error);
extern void enrich_result_free(EnrichResult *result);

/* What one message owns; for who takes it out of a result. */
extern void enrich_message_free(EnrichMessage *message);

/* The message as SQS is to get it; borrows the message's strings. */
extern AwsxSqsSend enrich_send(const EnrichMessage *message, const char *trace_header);

#endif							/* ENRICH_H */
