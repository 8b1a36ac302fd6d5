/*
 * breaker.h
 *	  When too many messages fail alike, it is not the messages.
 *
 * A wrong world need not look like one: the partition of the next month is
 * missing, a column became NOT NULL, and message after message is "data" that
 * PostgreSQL refuses.  The breaker remembers, in memory, what became of the
 * last messages, and trips when twenty in a row, or a tenth of the last
 * thousand, failed alike.
 */
#ifndef PG_SQS_BREAKER_H
#define PG_SQS_BREAKER_H

#include "postgres.h"

#define BREAKER_STREAK 20
#define BREAKER_WINDOW 1000
#define BREAKER_SHARE (BREAKER_WINDOW / 10)

/* All zero: nothing has happened yet. */
typedef struct Breaker
{
	uint32		streak_of;		/* signature of the failures in a row */
	int			streak;
	uint64		streak_messages[BREAKER_STREAK];	/* which they are */
	int			passes;			/* in a row */
	uint32		tripped;		/* by failures of this signature; 0 = not */
	bool		by_share;		/* ... because of their share */
	uint32		window[BREAKER_WINDOW]; /* signatures, a ring; 0 = passed */
	int			at;
} Breaker;

/* So many messages passed, in a row. */
extern void breaker_passed(Breaker *breaker, int count);

/*
 * A message, known by a hash, failed alone; signature is not 0.  True when that
 * is no fault of the messages.  One that fails again in the same streak counts
 * once.
 */
extern bool breaker_failed(Breaker *breaker, uint32 signature, uint64 message);

/* Somebody says that all is well. */
extern void breaker_forgive(Breaker *breaker);

#endif							/* PG_SQS_BREAKER_H */
