/*
 * deliver.h
 *	  Sends the messages of a few records, and checks every outcome.
 *
 * Order: at any time one batch is outstanding, and a batch holds at most one
 * message of a group, so that a message that SQS puts off cannot be overtaken
 * by a later one of its group.  Deduplication ids are fixed, so sending again
 * after a lost answer does not double a message within SQS's five minutes.
 */
#ifndef DELIVER_H
#define DELIVER_H

#include <stdbool.h>

#include "../aws/client.h"
#include "config.h"
#include "deadline.h"
#include "enrich.h"

/*
 * A record with the fate of its messages.  When SQS refuses one of them for
 * good, none of the record's others is sent from then on.
 */
typedef struct DeliverRecord
{
	EnrichResult result;
	int			sent;			/* messages that SQS accepted */
	bool		refused;		/* SQS will never take one of its messages */
	int			refused_output;
	char		refused_code[96];
	char		refused_message[512];
} DeliverRecord;

typedef struct Deliverer
{
	AwsxClient *client;
	const Config *config;
	const AwsxService *services;	/* one an output */
	const Deadline *deadline;
} Deliverer;

/*
 * Send all messages of the records, output by output.  *sent grows by what
 * SQS accepted.  True: every message was accepted or its record is marked
 * refused (what was wrong is in its content), with what was sent before that.  False: an infrastructure
 * fault; messages may or may not have been sent.
 */
extern bool deliver(const Deliverer *deliverer, DeliverRecord *const *records, int count,
					const char *trace_header, int64_t *sent, AwsxError *error);

#endif							/* DELIVER_H */
