/*
 * split.c
 *	  The records of an object: bytes in, one record at a time out.
 *
 * States; "=>" gives out a record or a refusal:
 *
 *	  VALUE, FIRST, ELEMENT, AFTER	between records: at the top, after '[',
 *					after ',', after an element
 *	  RECORD		within a value, looking for its end
 *	  LOOK			the end is found; what follows tells whether it is one
 *					=> VALUE or AFTER
 *	  LINE			the value is damaged and records stand in lines: to the end
 *					of the line => VALUE or FIRST
 *	  GUESS			the very first value is damaged: if the next line is an
 *					object, records stand in lines, else REST
 *	  REST			what is left is refused as one => OVER
 *	  SKIP			the value is too long: its beginning is kept, the rest is
 *					skipped to its end => VALUE, FIRST or AFTER
 *	  OVER
 *
 * The buffer begins with what is not given out yet; it holds at most a record
 * of the longest length, or the lines that are compared, and what was pushed
 * last.  "lines" becomes true with the first record that began a line, stood in
 * it alone and was followed by a line's end.
 *
 * After a damage the bytes up to it are looked at a second time, line by
 * line.  They are not looked at a third time, since up to there
 * (strict_until) no value may leave its line: the work stays linear whatever
 * the bytes are.
 */
#include <stdlib.h>
#include <string.h>

#include "split_work.h"

/* The opaque number of a place: a state between records, and flags. */
#define PLACE_STATES 3			/* mask */
#define PLACE_LINES 4
#define PLACE_ALONE 8
#define PLACE_ANY 16
#define PLACE_OVER 32

Split *
split_create(size_t max_record_bytes, const SplitPlace *place)
{
	Split	   *split = calloc(1, sizeof(Split));

	if (split == NULL)
		return NULL;
	split->max = max_record_bytes;
	split->line_start = true;
	if (place == NULL || place->records == 0)
		return split;
	split->place = *place;
	split->base = place->offset;
	split->records = place->records;
	split->state = (State) (place->state & PLACE_STATES);
	split->in_array = split->state != STATE_VALUE;
	if ((place->state & PLACE_OVER) != 0)
		split->state = STATE_OVER;
	split->lines = (place->state & PLACE_LINES) != 0;
	split->alone = (place->state & PLACE_ALONE) != 0;
	split->any = (place->state & PLACE_ANY) != 0;
	split->line_start = false;
	split->strict_until = place->strict_until;
	return split;
}

void
split_free(Split *split)
{
	if (split == NULL)
		return;
	free(split->bytes);
	free(split);
}

/* The first byte that is still needed. */
static size_t
needed_from(const Split *split)
{
	switch (split->state)
	{
		case STATE_RECORD:
		case STATE_LOOK:
		case STATE_LINE:
		case STATE_GUESS:
		case STATE_REST:
		case STATE_SKIP:
			return split->begin;
		default:
			return split->at;
	}
}

bool
split_push(Split *split, const char *bytes, size_t len)
{
	size_t		drop = needed_from(split);
	size_t		left = split->len - drop;

	if (drop > 0)
		memmove(split->bytes, split->bytes + drop, left);
	split->base += (int64_t) drop;
	split->at -= drop;
	split->begin -= split->begin >= drop ? drop : split->begin;
	split->end -= split->end >= drop ? drop : split->end;
	split->len = left;
	if (left + len > split->allocated)
	{
		size_t		allocated = left + len + (left + len) / 2;
		char	   *grown = realloc(split->bytes, allocated);

		if (grown == NULL)
			return false;
		split->bytes = grown;
		split->allocated = allocated;
	}
	if (len > 0)
		memcpy(split->bytes + left, bytes, len);
	split->len += len;
	return true;
}

void
split_finish(Split *split)
{
	split->finished = true;
}

int64_t
split_offset(const Split *split, size_t index)
{
	return split->base + (int64_t) index;
}

/* ---- giving out ---- */

void
split_note_place(Split *split, size_t at)
{
	split->place = (SplitPlace) {
		.offset = split_offset(split, at),
		.records = split->records,
		.state = (split->state == STATE_OVER ? PLACE_OVER : (int) split->state) |
			(split->lines ? PLACE_LINES : 0) |
			(split->alone ? PLACE_ALONE : 0) | (split->any ? PLACE_ANY : 0),
		.strict_until = split->strict_until
	};
}

/* The bytes [from, to) are the next record; go on at "to", between records. */
Step
split_give(Split *split, SplitRecord *record, size_t from, size_t to, bool stay)
{
	record->text = split->bytes != NULL ? split->bytes + from : "";
	record->len = to - from;
	record->number = ++split->records;
	record->offset = split_offset(split, from);
	record->code = NULL;
	record->reason[0] = '\0';
	split->any = true;
	split->line_start = false;
	if (stay)
		return GIVE;
	split->at = to;
	split_note_place(split, to);
	return GIVE;
}

Step
split_refuse(Split *split, SplitRecord *record, const char *code, size_t from, size_t to)
{
	Step		step;

	if (to - from > SPLIT_KEPT_BYTES)
		to = from + SPLIT_KEPT_BYTES;
	step = split_give(split, record, from, to, true);
	record->code = code;
	split->alone = false;
	return step;
}

/* Nothing follows any more. */
void
split_end_here(Split *split)
{
	split->at = split->len;
	split->state = STATE_OVER;
}

State
split_between(const Split *split)
{
	return split->in_array ? STATE_AFTER : STATE_VALUE;
}

SplitStep
split_next(Split *split, SplitRecord *record)
{
	Step		step = GO_ON;

	while (step == GO_ON)
	{
		switch (split->state)
		{
			case STATE_VALUE:
			case STATE_FIRST:
			case STATE_ELEMENT:
			case STATE_AFTER:
				step = split_handle_between(split, record);
				break;
			case STATE_RECORD:
				step = split_handle_record(split, record);
				break;
			case STATE_LOOK:
				step = split_handle_look(split, record);
				break;
			case STATE_LINE:
				step = split_handle_line(split, record);
				break;
			case STATE_GUESS:
				step = split_handle_guess(split, record);
				break;
			case STATE_REST:
				step = split_handle_rest(split, record);
				break;
			case STATE_SKIP:
				step = split_handle_skip(split, record);
				break;
			case STATE_OVER:
				return SPLIT_END;
		}
	}
	return (SplitStep) step;
}

SplitPlace
split_place(const Split *split)
{
	return split->place;
}
