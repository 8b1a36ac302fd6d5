/*
 * ingest_turn.h
 *	  What the files of an invocation share: one event's objects under way.
 */
#ifndef INGEST_TURN_H
#define INGEST_TURN_H

#include "../aws/envelope.h"
#include "ingest.h"
#include "object.h"

struct Ingest
{
	const Config *config;
	Enricher   *enricher;
	Deliverer  *deliverer;
	AwsxClient *client;
	Store		store;
	RejectPlace rejects;
	AwsxService *sqs;			/* one an output */
	AwsxService handover;		/* where config has a queue for it */
	Deadline	deadline;		/* of the current invocation */
};

typedef enum TaskState
{
	TASK_WAITING,
	TASK_IGNORED,				/* nothing is to be done for the event */
	TASK_BEGUN,
	TASK_LEFT,					/* for a later invocation */
	TASK_FAILED
} TaskState;

/* What an event asks for. */
typedef struct Task
{
	const AwsxS3Event *event;
	TaskState	state;
	bool		resumed;
	Handover	from;			/* when resumed */
	Object	   *object;			/* once begun */
} Task;

/* The current invocation. */
typedef struct Turn
{
	Ingest	   *ingest;
	const RuntimeInvocation *invocation;
	AwsxS3Events *events;
	Task	   *tasks;			/* one an event */
	ObjectWorld world;
	DeliverStats stats;
	int64_t		ignored;
	int64_t		removed;
	int64_t		handed_over;
	AwsxError	fault;			/* the first one; kind AWSX_OK: none */
} Turn;

/* Is it the event of an event source mapping, whose messages fail one by one? */
extern bool ingest_has_messages(const Turn *turn);

/* Keep the first fault, log the others. */
extern void ingest_note_fault(Turn *turn, const AwsxError *error);

/* Hand what is left over to a later invocation; what cannot be has failed. */
extern void ingest_hand_over(Turn *turn);

/* The answer: counts and failed messages. */
extern void ingest_answer(const Turn *turn, RuntimeReply *reply);

#endif							/* INGEST_TURN_H */
