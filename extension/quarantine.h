/*
 * quarantine.h
 *	  sqs.quarantined and sqs.held_group: messages taken from the queue that
 *	  could not be applied, and groups that wait for a person.
 *
 * Called between session_enter_bookkeeping and session_leave_bookkeeping,
 * with SPI connected, unless said otherwise.
 */
#ifndef PG_SQS_QUARANTINE_H
#define PG_SQS_QUARANTINE_H

#include "postgres.h"

#include "apply.h"

/* A message, or one route of it. */
typedef struct QuarantineEntry
{
	const ApplyMessage *message;	/* identified */
	const char *route;			/* "" = all of them, and the row of the ledger */
	ApplyReason reason;
	int			sqlerrcode;		/* 0 = none */
	const char *error;			/* server's encoding; "" = none */
} QuarantineEntry;

/*
 * Put it into the quarantine.  Where the same content already waits under
 * its key there is no second row: the failure is one more strike in the row
 * that is there, and parking it once more changes nothing.
 */
extern void quarantine_put(int32 subscription, const QuarantineEntry *entry);

/* From now on, until sqs.release, what comes in this group is parked. */
extern void quarantine_hold_group(int32 subscription, const char *group_id);

/*
 * Which of the messages belong to held groups?  Sets held[i], clears the
 * others; returns how many.
 */
extern int	quarantine_find_held(int32 subscription, ApplyMessage **messages, int count,
								 bool *held);

/*
 * Which of the messages wait in the quarantine as a whole, being the very same
 * ones and not sent again?  Their keys are known.  Sets waiting[i], clears the
 * others; returns how many.
 */
extern int	quarantine_find_waiting(int32 subscription, ApplyMessage **messages, int count,
									bool *waiting);

/* Remember, and tell sqs.status, that a route's definition is broken. */
extern void quarantine_stop_route(int32 subscription, const char *route, int sqlerrcode,
								  const char *error);

/* Which routes are stopped?  Names, palloc'd. */
extern List *quarantine_stopped_routes(int32 subscription);

#endif							/* PG_SQS_QUARANTINE_H */
