/*
 * object.h
 *	  One object: read, unpacked, split, enriched, and handed to the
 *	  deliverer, record after record, until its end or until the invocation's
 *	  end is near.
 *
 * An object is created for an event, worked on, and freed when all of its
 * records are settled, which may be after later objects were begun.  Every
 * record ends in all of its outputs or as a reject, and is noted in the
 * object's receipt, in order.
 */
#ifndef OBJECT_H
#define OBJECT_H

#include "../aws/envelope.h"
#include "config.h"
#include "deliver.h"
#include "enrich.h"
#include "handover.h"
#include "reject.h"
#include "store.h"

/* What the objects of an invocation share, and what they add up. */
typedef struct ObjectWorld
{
	const Config *config;
	Enricher   *enricher;
	Deliverer  *deliverer;
	const Store *store;			/* its client and service read the object, too */
	const RejectPlace *rejects;
	const Deadline *deadline;
	const char *request_id;
	const char *trace_header;	/* null = none */

	/* how fast records are settled, to know when to stop */
	int64_t		began_ms;		/* wall clock when the first was submitted; 0: none was */
	int64_t		open;			/* submitted and not settled */
	int64_t		settled;

	int64_t		objects;		/* begun, resumed ones too */
	int64_t		records;		/* given out, bad ones too */
	int64_t		filtered;
	int64_t		rejected;
	int64_t		skipped;		/* objects that a policy lets pass */
	int64_t		bytes;			/* read from S3 */
} ObjectWorld;

typedef struct Object Object;

/*
 * from is where an earlier invocation left off, null for the beginning; both
 * it and the event are borrowed until object_free.  Null and *error (MEMORY).
 */
extern Object *object_create(ObjectWorld *world, const AwsxS3Event *event, const Handover *from,
							 AwsxError *error);
extern void object_free(Object *object);	/* null allowed; all its records are back */

/*
 * Submit the object's records.  True: its end is reached, or the invocation's
 * is near (object_is_cut).  False: an infrastructure fault, by its own or an
 * earlier object's records.
 */
extern bool object_work(Object *object, AwsxError *error);

/* Did it stop before its end? */
extern bool object_is_cut(const Object *object);

/* Have all of its records been settled, without a fault, and its receipt been written? */
extern bool object_is_done(const Object *object);

/*
 * Of an object that is cut, when its records are settled: write its receipt
 * so far, and say where the next invocation is to go on.
 */
extern bool object_leave(Object *object, Handover *next, AwsxError *error);

/* The deliverer's on_settled; arg is not used. */
extern bool object_settled(void *arg, DeliverRecord *record, AwsxError *error);

#endif							/* OBJECT_H */
