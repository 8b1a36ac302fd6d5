/*
 * split_work.h
 *	  What the splitter's files share: its states and what it remembers.
 *
 * Inside split*.c only.
 */
#ifndef SPLIT_WORK_H
#define SPLIT_WORK_H

#include "split.h"
#include "split_scan.h"

typedef enum State
{
	STATE_VALUE,
	STATE_FIRST,
	STATE_ELEMENT,
	STATE_AFTER,
	STATE_RECORD,
	STATE_LOOK,
	STATE_LINE,
	STATE_GUESS,
	STATE_REST,
	STATE_SKIP,
	STATE_OVER
} State;

struct Split
{
	size_t		max;
	char	   *bytes;
	size_t		len;
	size_t		allocated;
	int64_t		base;			/* offset of bytes[0] in the stream */
	size_t		at;				/* the next byte to look at */
	bool		finished;
	State		state;
	bool		in_array;
	bool		any;			/* there was a value or an array */
	bool		lines;
	bool		alone;			/* the last record began its line and did not leave it */
	bool		line_start;		/* a line began since the last record */
	int64_t		strict_until;
	int64_t		records;

	/* The value under way. */
	SplitScan	scan;
	size_t		begin;
	size_t		end;			/* LOOK: behind the value; SKIP: behind what is kept of it */
	int64_t		begin_offset;	/* SKIP: of the value */
	bool		began_line;
	const char *wrong;			/* what ended it, and where */
	int64_t		wrong_offset;
	SplitPlace	place;
};

/* What a handler of a state says: go on in the (new) state, or return. */
typedef enum Step
{
	GO_ON = -1,
	GIVE = SPLIT_RECORD,
	MORE = SPLIT_MORE,
	END = SPLIT_END
} Step;

/* ---- giving out ---- */

/* Where a byte of the buffer stands in the stream. */
extern int64_t split_offset(const Split *split, size_t index);

/* The place between two records is at this byte of the buffer. */
extern void split_note_place(Split *split, size_t at);

/* The bytes [from, to) are the next record; go on at "to", between records, or stay. */
extern Step split_give(Split *split, SplitRecord *record, size_t from, size_t to, bool stay);

/* Likewise as a refusal, of which only the beginning is shown; stays. */
extern Step split_refuse(Split *split, SplitRecord *record, const char *code, size_t from, size_t to);

/* Nothing follows any more. */
extern void split_end_here(Split *split);

/* The state after a value. */
extern State split_between(const Split *split);

/* ---- what each state does ---- */

/* The value under way is wrong at split->at. */
extern Step split_damaged(Split *split, const char *what);

extern Step split_handle_between(Split *split, SplitRecord *record);
extern Step split_handle_record(Split *split, SplitRecord *record);
extern Step split_handle_look(Split *split, SplitRecord *record);
extern Step split_handle_line(Split *split, SplitRecord *record);
extern Step split_handle_guess(Split *split, SplitRecord *record);
extern Step split_handle_rest(Split *split, SplitRecord *record);
extern Step split_handle_skip(Split *split, SplitRecord *record);

#endif							/* SPLIT_WORK_H */
