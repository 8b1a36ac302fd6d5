/*
 * ingest.h
 *	  One invocation of s3_to_sqs: event -> objects -> messages or rejects.
 *
 * Every created object that the event names ends in all of its outputs, in
 * the reject location, or in a failed invocation that Lambda repeats; and
 * only then is the invocation answered.  Bad data never fails an invocation,
 * an infrastructure fault always does.
 */
#ifndef INGEST_H
#define INGEST_H

#include "../aws/client.h"
#include "config.h"
#include "runtime.h"

typedef struct Ingest Ingest;

/*
 * The handler's world: compiled programs, services, client.  The transport is
 * taken over; config is borrowed, and completed with the programs that lie in
 * S3.  Null and *error.
 */
extern Ingest *ingest_create(Config *config, AwsxTransport *transport, AwsxError *error);
extern void ingest_free(Ingest *ingest);	/* null allowed */

/*
 * For a program that Lambda does not end: go_on is asked twice a second while
 * waiting, and when it says false what is under way fails.
 */
extern void ingest_watch(Ingest *ingest, bool (*go_on) (void *arg), void *arg);

/* A RuntimeHandler; arg is the Ingest. */
extern void ingest_handle(void *arg, const RuntimeInvocation *invocation, RuntimeReply *reply);

#endif							/* INGEST_H */
