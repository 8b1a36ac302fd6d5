/*
 * split.h
 *	  The records of an object: bytes in, one record at a time out.  Pure.
 *
 * The shape is told by the content: one JSON object, a JSON array of objects,
 * one object a line (NDJSON), or objects one after the other, also mixed.  A
 * byte order mark, CR LF and blank lines are fine.
 *
 * A record's text is what stands between the first and the last byte of its
 * value, byte for byte, without the blanks around it: so the same record has
 * the same bytes, and therefore the same ids, in whatever shape it comes.
 *
 * Whether a text is JSON is the record parser's to judge: here only brackets,
 * quotes and what stands between them are looked at, to find the end.  So a
 * record that is bad within itself costs nothing but itself.  Where even the
 * end cannot be told, the damage is bounded if the records stand in lines: a
 * line is given out as it is, and the next line is next.  Otherwise guessing
 * could take a part of a record for a record, and the rest is refused as one.
 */
#ifndef SPLIT_H
#define SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Split Split;

/* Of a text that is refused, this much is given out. */
#define SPLIT_KEPT_BYTES ((size_t) 64 << 10)

typedef struct SplitRecord
{
	const char *text;			/* valid until the next call */
	size_t		len;
	int64_t		number;			/* from 1 */
	int64_t		offset;			/* of its first byte in the stream, from 0 */

	/*
	 * Null: a text for the record parser.  Otherwise it is refused here, and
	 * text is its beginning: EmptyObject, InvalidJson, RecordTooLong, or
	 * RestUnreadable.
	 */
	const char *code;
	char		reason[256];	/* one sentence, without payload */
} SplitRecord;

/*
 * Where the splitter stands between two records.  All zero is the beginning;
 * any other came from split_place, and a splitter that begins there gives out
 * what the first one would have.
 */
typedef struct SplitPlace
{
	int64_t		offset;			/* of the stream's byte to be pushed next */
	int64_t		records;		/* given out so far */
	int			state;			/* opaque, 0 to SPLIT_MAX_STATE */
	int64_t		strict_until;	/* opaque, not negative */
} SplitPlace;

#define SPLIT_MAX_STATE 63

typedef enum SplitStep
{
	SPLIT_RECORD,
	SPLIT_MORE,					/* push more, or finish */
	SPLIT_END,					/* no more records, whatever bytes may follow */
	SPLIT_NO_MEMORY
} SplitStep;

/* place may be null.  Null when memory ends. */
extern Split *split_create(size_t max_record_bytes, const SplitPlace *place);
extern void split_free(Split *split);	/* null allowed */

/* Add bytes, which are copied; false when memory ends.  Only after SPLIT_MORE, or first. */
extern bool split_push(Split *split, const char *bytes, size_t len);

/* There are no more bytes. */
extern void split_finish(Split *split);

extern SplitStep split_next(Split *split, SplitRecord *record);

/* The place after the record that was given out last. */
extern SplitPlace split_place(const Split *split);

#endif							/* SPLIT_H */
