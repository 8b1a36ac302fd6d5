/*
 * ring.h
 *	  The last few things that were noted, by their hashes.
 */
#ifndef PG_SQS_RING_H
#define PG_SQS_RING_H

#include "postgres.h"

#define RING_SIZE 64

/* All zero: empty.  What is noted beyond its size makes it forget the oldest. */
typedef struct Ring
{
	uint64		hashes[RING_SIZE];	/* 0 = free */
	int			next;
	int			count;
} Ring;

/* Of one or two strings; the second may be "". Never 0. */
extern uint64 ring_hash(const char *first, const char *second);

extern bool ring_has(const Ring *ring, uint64 hash);
extern void ring_note(Ring *ring, uint64 hash);
extern void ring_forget(Ring *ring, uint64 hash);

#endif							/* PG_SQS_RING_H */
