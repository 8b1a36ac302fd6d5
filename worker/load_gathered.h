/*
 * load_gathered.h
 *	  The daemon's messages in the order of their arrival, each with the parcel
 *	  that it lies in; and what becomes of them after a load.
 *
 * All zero is empty.
 */
#ifndef LOAD_GATHERED_H
#define LOAD_GATHERED_H

#include <stdbool.h>
#include <stddef.h>

#include "load_hand.h"

/* Both arrays have as many places. */
typedef struct LoadGathered
{
	AwsxSqsMessage *messages;	/* their strings lie in the parcels */
	LoadParcel **parcels;
	int			count;
	int			allocated;
	size_t		bytes;			/* of bodies */
} LoadGathered;

/* Room for so many more.  False: no memory, and nothing has changed. */
extern bool load_gathered_make_room(LoadGathered *gathered, int more);

/* Add a parcel's messages, for which there must be room. */
extern void load_gathered_add(LoadGathered *gathered, LoadParcel *parcel);

/* Add all of another one, which is empty then.  False: no memory, and both are as they were. */
extern bool load_gathered_move(LoadGathered *gathered, LoadGathered *from);

/*
 * After a load: what is done is deleted.  The rest stays in hand with keep;
 * else each message becomes visible again after a pause, the longer the more
 * often it was received, and behind it its group.
 */
extern void load_gathered_settle(LoadGathered *gathered, LoadHand *hand, const bool *done, bool keep);

extern void load_gathered_free(LoadGathered *gathered);	/* not the parcels */

#endif							/* LOAD_GATHERED_H */
