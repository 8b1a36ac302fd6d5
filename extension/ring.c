/*
 * ring.c
 *	  The last few things that were noted, by their hashes.
 *
 * For what may be forgotten without harm, and mistaken for another once in
 * 2^64 times.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "ring.h"

uint64
ring_hash(const char *first, const char *second)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) first, strlen(first), 0);

	return hash_bytes_extended((const unsigned char *) second, strlen(second), hash) | 1;
}

static int
find(const Ring *ring, uint64 hash)
{
	for (int i = 0; i < RING_SIZE && ring->count > 0; i++)
	{
		if (ring->hashes[i] == hash)
			return i;
	}
	return -1;
}

bool
ring_has(const Ring *ring, uint64 hash)
{
	return find(ring, hash) >= 0;
}

void
ring_note(Ring *ring, uint64 hash)
{
	if (ring_has(ring, hash))
		return;
	ring->count += ring->hashes[ring->next] == 0;
	ring->hashes[ring->next] = hash;
	ring->next = (ring->next + 1) % RING_SIZE;
}

void
ring_forget(Ring *ring, uint64 hash)
{
	int			place = find(ring, hash);

	if (place < 0)
		return;
	ring->hashes[place] = 0;
	ring->count--;
}
