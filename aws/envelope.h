/*
 * envelope.h
 *	  Which objects does an event speak of?  Reads the S3 notification, the
 *	  EventBridge "Object Created" event, and either inside SNS and SQS
 *	  envelopes in any nesting.
 *
 * A notification's key is form-urlencoded ('+' is a space), EventBridge's is
 * raw; both come out as raw bytes.
 */
#ifndef AWSX_ENVELOPE_H
#define AWSX_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

typedef enum AwsxEventKind
{
	AWSX_EVENT_CREATED,
	AWSX_EVENT_REMOVED,
	AWSX_EVENT_OTHER			/* restore, tagging, lifecycle, ... */
} AwsxEventKind;

typedef struct AwsxS3Event
{
	AwsxEventKind kind;
	char	   *bucket;
	char	   *key;			/* raw bytes, NUL-terminated (NUL cannot be in a key) */
	char	   *version_id;		/* "" = not given */
	char	   *etag;			/* without quotes; "" = not given */
	char	   *sequencer;		/* "" = not given */
	char	   *region;			/* "" = not given */
	int64_t		size;			/* -1 = not given */
	int64_t		time_ms;		/* of the event, Unix epoch; 0 = not given */
	char	   *resume;			/* JSON text of an S3 record's own member "resume", which is not
								 * S3's; "" = not given */
	int			message;		/* index into messages; -1 = none */
} AwsxS3Event;

/*
 * A message of an SQS event source mapping, whose function answers with the
 * ids of those that failed.
 */
typedef struct AwsxEventMessage
{
	char	   *id;				/* messageId */
	bool		bad;			/* it holds no event that is understood, and gives none */
	char		problem[256];	/* when bad: why, without payload */
} AwsxEventMessage;

typedef struct AwsxS3Events
{
	int			count;
	AwsxS3Event *items;
	int			test_events;	/* s3:TestEvent documents seen */
	int			message_count;	/* 0: the event came from no event source mapping */
	AwsxEventMessage *messages;
} AwsxS3Events;

/*
 * Null and *error (AWSX_ERR_REQUEST) when the document is none of these or a
 * record in it is malformed.  A test event alone gives count 0.  Where the
 * document is the event of an SQS event source mapping, a message that is
 * malformed is bad by itself, and the others are read.
 */
extern AwsxS3Events *awsx_envelope_read(const char *json, size_t len, AwsxError *error);
extern void awsx_envelope_free(AwsxS3Events *events);	/* null allowed */

/* form-urlencoded bytes to raw ones, malloc'd; null when malformed or NUL. */
extern char *awsx_form_decode(const char *text, size_t len);

/*
 * Order of two sequencers of one key: <0, 0, >0.  The shorter is padded with
 * zeros on the right.
 */
extern int	awsx_sequencer_compare(const char *a, const char *b);

/*
 * Put the events of one key (and bucket) that have sequencers in the order of
 * those, within the places that they have among the others: an event that
 * came late does not overtake a newer one.  False: no memory, nothing moved.
 */
extern bool awsx_envelope_order(AwsxS3Events *events);

#endif							/* AWSX_ENVELOPE_H */
