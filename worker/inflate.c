/*
 * inflate.c
 *	  The bytes of an object, unpacked if they are packed.
 *
 * States: START until two bytes tell the kind; PLAIN; PACKED within a
 * member; BETWEEN behind one, where another, zeros or nothing may follow.
 * The two bytes may come in two pieces, so the first one is kept.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "inflate.h"

#define OUT_BYTES ((size_t) 64 << 10)
#define WINDOW_BITS_ANY (15 + 32)	/* zlib finds out which of the two formats it is */

typedef enum State
{
	STATE_START,
	STATE_PLAIN,
	STATE_PACKED,
	STATE_BETWEEN,
	STATE_CORRUPT
} State;

struct Inflate
{
	State		state;
	const char *bytes;			/* borrowed, not used yet */
	size_t		len;
	bool		finished;
	char		head[1];		/* START, BETWEEN: the first of two bytes */
	size_t		head_len;
	bool		opened;			/* the stream is to be closed */
	bool		padding;		/* zeros follow the last member */
	z_stream	stream;
	long long	unpacked;
	char		problem[160];
	char		out[OUT_BYTES];
};

Inflate *
inflate_create(void)
{
	return calloc(1, sizeof(Inflate));
}

void
inflate_free(Inflate *packed)
{
	if (packed == NULL)
		return;
	if (packed->opened)
		(void) inflateEnd(&packed->stream);
	free(packed);
}

void
inflate_push(Inflate *packed, const char *bytes, size_t len)
{
	packed->bytes = bytes;
	packed->len = len;
}

void
inflate_finish(Inflate *packed)
{
	packed->finished = true;
}

bool
inflate_is_packed(const Inflate *packed)
{
	return packed->opened;
}

const char *
inflate_problem(const Inflate *packed)
{
	return packed->problem;
}

static InflateStep
corrupt(Inflate *packed, const char *what)
{
	packed->state = STATE_CORRUPT;
	snprintf(packed->problem, sizeof(packed->problem),
			 "the packed bytes are broken (%.80s) behind %lld unpacked ones", what, packed->unpacked);
	return INFLATE_CORRUPT;
}

/* Do these two bytes begin a gzip member, or (at the start) a zlib stream? */
static bool
begins_packed(const Inflate *packed, unsigned char a, unsigned char b)
{
	if (a == 0x1f && b == 0x8b)
		return true;
	return packed->state == STATE_START && a == 0x78 && (a * 256 + b) % 31 == 0 && (b & 0x20) == 0;
}

/* Take two bytes, one of which may be kept from before; false when there is one at most. */
static bool
see_two(Inflate *packed, unsigned char *a, unsigned char *b)
{
	if (packed->head_len + packed->len < 2)
	{
		if (packed->len == 1)
			packed->head[packed->head_len++] = *packed->bytes;
		packed->len = 0;
		return false;
	}
	*a = (unsigned char) (packed->head_len > 0 ? packed->head[0] : packed->bytes[0]);
	*b = (unsigned char) packed->bytes[1 - packed->head_len];
	return true;
}

static InflateStep
give(Inflate *packed, const char **bytes, size_t *len, const char *from, size_t n)
{
	*bytes = from;
	*len = n;
	packed->unpacked += (long long) n;
	return INFLATE_BYTES;
}

static InflateStep
give_plain(Inflate *packed, const char **bytes, size_t *len)
{
	size_t		n = packed->head_len;

	if (n > 0)
	{
		packed->head_len = 0;
		return give(packed, bytes, len, packed->head, n);
	}
	n = packed->len;
	packed->len = 0;
	if (n > 0)
		return give(packed, bytes, len, packed->bytes, n);
	return packed->finished ? INFLATE_END : INFLATE_MORE;
}

static InflateStep
open_stream(Inflate *packed)
{
	int			result = packed->opened ? inflateReset(&packed->stream) :
		inflateInit2(&packed->stream, WINDOW_BITS_ANY);

	packed->state = STATE_PACKED;
	if (result != Z_OK)
		return INFLATE_NO_MEMORY;
	packed->opened = true;
	return INFLATE_MORE;
}

/* One step of zlib over some input; what comes out is given out. */
static InflateStep
unpack(Inflate *packed, const char *in, size_t in_len, size_t *used, const char **bytes, size_t *len)
{
	z_stream   *stream = &packed->stream;
	size_t		piece = in_len > ((size_t) 1 << 30) ? (size_t) 1 << 30 : in_len;
	int			result;

	stream->next_in = (Bytef *) in;
	stream->avail_in = (uInt) piece;
	stream->next_out = (Bytef *) packed->out;
	stream->avail_out = (uInt) OUT_BYTES;
	result = inflate(stream, Z_NO_FLUSH);
	*used = piece - stream->avail_in;
	if (result == Z_MEM_ERROR)
		return INFLATE_NO_MEMORY;
	if (result == Z_STREAM_END)
		packed->state = STATE_BETWEEN;
	else if (result != Z_OK && result != Z_BUF_ERROR)
		return corrupt(packed, stream->msg != NULL ? stream->msg : "a preset dictionary is wanted");
	if (stream->avail_out < OUT_BYTES)
		return give(packed, bytes, len, packed->out, OUT_BYTES - stream->avail_out);
	return INFLATE_MORE;
}

/* Within a member.  INFLATE_MORE here means: nothing came out of what there was. */
static InflateStep
next_packed(Inflate *packed, const char **bytes, size_t *len)
{
	size_t		used;
	InflateStep step;

	if (packed->head_len > 0)
	{
		packed->head_len = 0;
		return unpack(packed, packed->head, 1, &used, bytes, len);
	}
	/* also without input: more may come out of what was taken in before */
	step = unpack(packed, packed->bytes, packed->len, &used, bytes, len);
	packed->bytes += used;
	packed->len -= used;
	if (step == INFLATE_MORE && packed->state == STATE_PACKED && packed->len == 0 && packed->finished)
		return corrupt(packed, "they end too early");
	return step;
}

static InflateStep
next_start(Inflate *packed)
{
	unsigned char a,
				b;

	if (see_two(packed, &a, &b) && begins_packed(packed, a, b))
		return open_stream(packed);
	if (packed->head_len + packed->len >= 2 || packed->finished)
		packed->state = STATE_PLAIN;
	return INFLATE_MORE;
}

/* Behind a member. */
static InflateStep
next_between(Inflate *packed)
{
	unsigned char a,
				b;

	while (packed->head_len == 0 && packed->len > 0 && *packed->bytes == '\0')
	{
		packed->padding = true;
		packed->bytes++;
		packed->len--;
	}
	if (see_two(packed, &a, &b))
	{
		if (!packed->padding && begins_packed(packed, a, b))
			return open_stream(packed);
		return corrupt(packed, "something else follows them");
	}
	if (!packed->finished)
		return INFLATE_MORE;
	return packed->head_len == 0 ? INFLATE_END : corrupt(packed, "something else follows them");
}

InflateStep
inflate_next(Inflate *packed, const char **bytes, size_t *len)
{
	for (;;)
	{
		State		before = packed->state;
		InflateStep step;

		switch (before)
		{
			case STATE_START:
				step = next_start(packed);
				break;
			case STATE_PLAIN:
				return give_plain(packed, bytes, len);
			case STATE_PACKED:
				step = next_packed(packed, bytes, len);
				break;
			case STATE_BETWEEN:
				step = next_between(packed);
				break;
			default:
				return INFLATE_CORRUPT;
		}
		/* a new state, or bytes left: there is something to do without more of them */
		if (step != INFLATE_MORE || (packed->state == before && packed->len == 0))
			return step;
	}
}
