/*
 * inflate.h
 *	  The bytes of an object, unpacked if they are packed.  Pure.
 *
 * Told by the content, not by a name or header: gzip (RFC 1952, also several
 * members one after the other, as cat and parallel packers make them, and
 * padded with zeros) and zlib (RFC 1950).  Anything else passes through as
 * it is, without a copy.  Memory is one buffer, whatever the bytes unpack to.
 */
#ifndef INFLATE_H
#define INFLATE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Inflate Inflate;

typedef enum InflateStep
{
	INFLATE_BYTES,				/* *bytes and *len, until the next call */
	INFLATE_MORE,				/* push more, or finish */
	INFLATE_END,
	INFLATE_CORRUPT,			/* see inflate_problem; also when packed bytes end too early */
	INFLATE_NO_MEMORY
} InflateStep;

extern Inflate *inflate_create(void);	/* null when memory ends */
extern void inflate_free(Inflate *packed); /* null allowed */

/* The next bytes, borrowed until the next INFLATE_MORE.  Only after INFLATE_MORE, or first. */
extern void inflate_push(Inflate *packed, const char *bytes, size_t len);

/* There are no more bytes. */
extern void inflate_finish(Inflate *packed);

extern InflateStep inflate_next(Inflate *packed, const char **bytes, size_t *len);

/* Is what came so far packed? */
extern bool inflate_is_packed(const Inflate *packed);

/* After INFLATE_CORRUPT: one sentence. */
extern const char *inflate_problem(const Inflate *packed);

#endif							/* INFLATE_H */
