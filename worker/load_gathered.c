/*
 * load_gathered.c
 *	  The daemon's messages in the order of their arrival.
 */
#include <stdlib.h>
#include <string.h>

#include "load_gathered.h"

#define PAUSE_BASE_S 5
#define PAUSE_MOST_S 900

bool
load_gathered_make_room(LoadGathered *gathered, int more)
{
	int			count = gathered->count + more;
	int			wanted = gathered->allocated == 0 ? 1024 : gathered->allocated * 2;
	void	   *grown;

	if (count <= gathered->allocated)
		return true;
	while (wanted < count)
		wanted *= 2;
	grown = realloc(gathered->messages, (size_t) wanted * sizeof(*gathered->messages));
	if (grown == NULL)
		return false;
	gathered->messages = grown;
	grown = realloc(gathered->parcels, (size_t) wanted * sizeof(*gathered->parcels));
	if (grown == NULL)
		return false;
	gathered->parcels = grown;
	gathered->allocated = wanted;
	return true;
}

static void
put(LoadGathered *gathered, const AwsxSqsMessage *message, LoadParcel *parcel)
{
	gathered->messages[gathered->count] = *message;
	gathered->parcels[gathered->count++] = parcel;
	gathered->bytes += message->body_len;
}

void
load_gathered_add(LoadGathered *gathered, LoadParcel *parcel)
{
	for (int i = 0; i < parcel->messages->count; i++)
		put(gathered, &parcel->messages->items[i], parcel);
}

bool
load_gathered_move(LoadGathered *gathered, LoadGathered *from)
{
	if (!load_gathered_make_room(gathered, from->count))
		return false;
	for (int i = 0; i < from->count; i++)
		put(gathered, &from->messages[i], from->parcels[i]);
	from->count = 0;
	from->bytes = 0;
	return true;
}

void
load_gathered_free(LoadGathered *gathered)
{
	free(gathered->messages);
	free(gathered->parcels);
}

/* ---- after a load ---- */

static int
place_of(const LoadParcel *parcel, const AwsxSqsMessage *message)
{
	for (int i = 0; i < parcel->messages->count; i++)
	{
		if (parcel->messages->items[i].receipt_handle == message->receipt_handle)
			return i;
	}
	return 0;
}

/* The longer the more often it was received. */
static int
pause_of(const AwsxSqsMessage *message)
{
	int			seconds = PAUSE_BASE_S;

	for (int i = 1; i < message->receive_count && seconds < PAUSE_MOST_S; i++)
		seconds *= 2;
	return seconds < PAUSE_MOST_S ? seconds : PAUSE_MOST_S;
}

/*
 * Give back a message that stays.  What is behind it in its group comes in
 * the same parcel, and must not be visible before it.
 */
static void
give_back(LoadHand *hand, LoadParcel *parcel, int place)
{
	const AwsxSqsMessage *message = &parcel->messages->items[place];
	int			seconds = pause_of(message);

	for (int i = 0; i < place; i++)
	{
		const AwsxSqsMessage *before = &parcel->messages->items[i];

		if (strcmp(before->group_id, message->group_id) == 0 && pause_of(before) > seconds)
			seconds = pause_of(before);
	}
	load_hand_return(hand, parcel, place, seconds);
}

void
load_gathered_settle(LoadGathered *gathered, LoadHand *hand, const bool *done, bool keep)
{
	int			count = gathered->count;

	gathered->count = 0;
	gathered->bytes = 0;
	for (int i = 0; i < count; i++)
	{
		const AwsxSqsMessage *message = &gathered->messages[i];
		LoadParcel *parcel = gathered->parcels[i];

		if (done[i])
			load_hand_delete(hand, parcel, place_of(parcel, message));
		else if (keep)
			put(gathered, message, parcel);
		else
			give_back(hand, parcel, place_of(parcel, message));
	}
}
