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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "split.h"
#include "split_scan.h"

/* What follows a record is looked for so far; behind that anything may follow. */
#define LOOK_BYTES 4096

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

/* The opaque number of a place: a state between records, and flags. */
#define PLACE_STATES 3			/* mask */
#define PLACE_LINES 4
#define PLACE_ALONE 8
#define PLACE_ANY 16
#define PLACE_OVER 32

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

static int64_t
offset_of(const Split *split, size_t index)
{
	return split->base + (int64_t) index;
}

/* ---- giving out ---- */

static void
note_place(Split *split, size_t at)
{
	split->place = (SplitPlace) {
		.offset = offset_of(split, at),
		.records = split->records,
		.state = (split->state == STATE_OVER ? PLACE_OVER : (int) split->state) |
			(split->lines ? PLACE_LINES : 0) |
			(split->alone ? PLACE_ALONE : 0) | (split->any ? PLACE_ANY : 0),
		.strict_until = split->strict_until
	};
}

/* The bytes [from, to) are the next record; go on at "to", between records. */
static Step
give(Split *split, SplitRecord *record, size_t from, size_t to, bool stay)
{
	record->text = split->bytes != NULL ? split->bytes + from : "";
	record->len = to - from;
	record->number = ++split->records;
	record->offset = offset_of(split, from);
	record->code = NULL;
	record->reason[0] = '\0';
	split->any = true;
	split->line_start = false;
	if (stay)
		return GIVE;
	split->at = to;
	note_place(split, to);
	return GIVE;
}

static Step
refuse(Split *split, SplitRecord *record, const char *code, size_t from, size_t to)
{
	Step		step;

	if (to - from > SPLIT_KEPT_BYTES)
		to = from + SPLIT_KEPT_BYTES;
	step = give(split, record, from, to, true);
	record->code = code;
	split->alone = false;
	return step;
}

/* Nothing follows any more. */
static void
end_here(Split *split)
{
	split->at = split->len;
	split->state = STATE_OVER;
}

static State
between(const Split *split)
{
	return split->in_array ? STATE_AFTER : STATE_VALUE;
}

/* ---- between records ---- */

static Step
at_end(Split *split, SplitRecord *record)
{
	Step		step = END;

	if (split->in_array)
	{
		step = refuse(split, record, "InvalidJson", split->at, split->at);
		snprintf(record->reason, sizeof(record->reason),
				 "the array is not closed: the object ends at byte %lld, and records may be missing",
				 (long long) record->offset);
	}
	else if (!split->any)
	{
		step = refuse(split, record, "EmptyObject", split->at, split->at);
		snprintf(record->reason, sizeof(record->reason),
				 "nothing but white space: JSON objects are expected");
	}
	end_here(split);
	note_place(split, split->len);
	return step;
}

static void
begin_value(Split *split)
{
	if (split->alone && split->line_start)
		split->lines = true;
	split->began_line = split->line_start;
	split->begin = split->at;
	split_scan_init(&split->scan, offset_of(split, split->at) < split->strict_until);
	split->state = STATE_RECORD;
}

/* The value under way has no end that can be relied on. */
static Step
damaged(Split *split, const char *what)
{
	split->wrong = what;
	split->wrong_offset = offset_of(split, split->at);
	if (split->lines)
		split->state = STATE_LINE;
	else if (!split->in_array && split->records == 0)
		split->state = STATE_GUESS;
	else
		split->state = STATE_REST;
	return GO_ON;
}

/* A place in an array that should hold an element. */
static Step
refuse_gap(Split *split, SplitRecord *record)
{
	Step		step = refuse(split, record, "InvalidJson", split->at, split->at);

	snprintf(record->reason, sizeof(record->reason),
			 "an element is missing before the '%c' at byte %lld: a comma too many",
			 split->bytes[split->at], (long long) record->offset + 1);
	split->in_array = split->bytes[split->at] == ',';
	split->state = split->in_array ? STATE_ELEMENT : STATE_VALUE;
	split->at++;
	note_place(split, split->at);
	return step;
}

static Step
in_array(Split *split, SplitRecord *record, char c)
{
	bool		closes = c == ']' && split->state != STATE_ELEMENT;

	if (closes || (c == ',' && split->state == STATE_AFTER))
	{
		split->at++;
		split->in_array = !closes;
		split->alone = split->alone && !closes;
		split->state = closes ? STATE_VALUE : STATE_ELEMENT;
		return GO_ON;
	}
	if (c == ']' || c == ',')
		return refuse_gap(split, record);
	if (split->state != STATE_AFTER)
	{
		begin_value(split);
		return GO_ON;
	}
	begin_value(split);
	return damaged(split, "',' or ']' is expected");
}

static Step
at_top(Split *split, char c)
{
	if (c == '[')
	{
		split->lines = split->lines || (split->alone && split->line_start);
		split->at++;
		split->any = true;
		split->alone = false;
		split->line_start = false;
		split->in_array = true;
		split->state = STATE_FIRST;
		return GO_ON;
	}
	begin_value(split);
	return c == '{' ? GO_ON : damaged(split, "an object or an array of objects is expected");
}

/* A mark of three bytes; *wait: there are not enough bytes to tell. */
static bool
at_byte_order_mark(const Split *split, bool *wait)
{
	size_t		n = split->len < 3 ? split->len : 3;

	*wait = false;
	if (split->base != 0 || split->at != 0 || memcmp(split->bytes, "\xEF\xBB\xBF", n) != 0)
		return false;
	*wait = n < 3 && !split->finished;
	return n == 3;
}

static Step
handle_between(Split *split, SplitRecord *record)
{
	bool		wait = false;

	if (split->at < split->len && at_byte_order_mark(split, &wait))
		split->at = 3;
	while (split->at < split->len && split_blank(split->bytes[split->at]))
		split->line_start |= split->bytes[split->at++] == '\n';
	if (wait)
		return MORE;
	if (split->at == split->len)
		return split->finished ? at_end(split, record) : MORE;
	return split->in_array ? in_array(split, record, split->bytes[split->at]) :
		at_top(split, split->bytes[split->at]);
}

/* ---- within a value ---- */

/* Of what was skipped only the beginning stays in the buffer. */
static void
drop_skipped(Split *split)
{
	size_t		gap = split->at - split->end;

	memmove(split->bytes + split->end, split->bytes + split->at, split->len - split->at);
	split->base += (int64_t) gap;
	split->at -= gap;
	split->len -= gap;
}

static Step
skip_value(Split *split)
{
	size_t		len = split->at - split->begin;

	split->begin_offset = offset_of(split, split->begin);
	split->end = split->begin + (len < SPLIT_KEPT_BYTES ? len : SPLIT_KEPT_BYTES);
	split->state = STATE_SKIP;
	return GO_ON;
}

/* The end of the value that was skipped is found. */
static Step
refuse_long(Split *split, SplitRecord *record, State state)
{
	Step		step = refuse(split, record, "RecordTooLong", split->begin, split->end);

	record->offset = split->begin_offset;
	snprintf(record->reason, sizeof(record->reason),
			 "the record that begins at byte %lld is longer than the %zu bytes that are allowed (max_record_bytes)",
			 (long long) record->offset + 1, split->max);
	split->state = state;
	note_place(split, split->at);
	return step;
}

static Step
handle_record(Split *split, SplitRecord *record)
{
	SplitScanStep step = split_scan(&split->scan, split->bytes, split->len, &split->at);

	if (split->at - split->begin > split->max)
	{
		if (split->lines)
		{
			/* not where the scan stands: that depends on how much was pushed */
			split->at = split->begin + split->max;
			return damaged(split, "the record is too long");
		}
		(void) skip_value(split);
		return step == SPLIT_SCAN_CLOSED ? refuse_long(split, record, between(split)) : GO_ON;
	}
	if (step == SPLIT_SCAN_WRONG)
		return damaged(split, split->scan.wrong);
	if (step == SPLIT_SCAN_CLOSED || (split->scan.bare && split->finished))
	{
		split->end = split->at;
		split->state = STATE_LOOK;
		return GO_ON;
	}
	return split->finished ? damaged(split, "the object ends in the middle of a record") : MORE;
}

/* A complete value; what follows decides. */
static Step
handle_look(Split *split, SplitRecord *record)
{
	bool		line_end = false;
	char		c;

	while (split->at < split->len && split_blank(split->bytes[split->at]) && !line_end &&
		   split->at - split->end < LOOK_BYTES)
	{
		line_end = !split->in_array && split->bytes[split->at] == '\n';
		split->at += !line_end;
	}
	if (split->at == split->len && !split->finished)
		return MORE;
	c = split->at < split->len ? split->bytes[split->at] : '\0';
	if (!line_end && split->at < split->len && split->at - split->end < LOOK_BYTES &&
		!(split->in_array ? c == ',' || c == ']' : c == '{' || c == '['))
		return damaged(split, split->in_array ? "',' or ']' is expected" : "something else follows the record");
	split->alone = split->began_line && !split->scan.broken_line;
	split->state = between(split);
	return give(split, record, split->begin, split->end, false);
}

/* ---- damaged values ---- */

/* The end of the line at "from": its '\n', or the end of all; false: not here yet. */
static bool
find_line_end(const Split *split, size_t from, size_t *end)
{
	const char *found = NULL;

	if (from < split->len)
		found = memchr(split->bytes + from, '\n', split->len - from);
	*end = found != NULL ? (size_t) (found - split->bytes) : split->len;
	return found != NULL || split->finished;
}

/* The damaged value's line is given out as it is, for the record parser to say what is wrong. */
static Step
handle_line(Split *split, SplitRecord *record)
{
	size_t		line_end;
	size_t		end;
	bool		found = find_line_end(split, split->begin, &line_end);
	Step		step;

	if (line_end - split->begin > split->max)
	{
		split->at = line_end;
		return skip_value(split);
	}
	if (!found)
		return MORE;
	end = line_end;
	while (end > split->begin && split_blank(split->bytes[end - 1]))
		end--;
	if (split->in_array && end > split->begin + 1 && split->bytes[end - 1] == ',')
		end--;
	if (split->strict_until <= split->wrong_offset)
		split->strict_until = split->wrong_offset + 1;
	split->alone = false;
	split->state = split->in_array ? STATE_FIRST : STATE_VALUE;
	step = give(split, record, split->begin, end, true);
	split->at = line_end;
	note_place(split, line_end);
	return step;
}

static Step
handle_guess(Split *split, SplitRecord *record)
{
	size_t		first;
	size_t		second;

	(void) record;
	if (!find_line_end(split, split->begin, &first) || !find_line_end(split, first + 1, &second))
	{
		if (split->len - split->begin <= split->max * 2)
			return MORE;
		split->state = STATE_REST;
		return GO_ON;
	}
	/* the same bound, where all was pushed at once */
	split->lines = second - split->begin <= split->max * 2 &&
		first + 1 < split->len && split->bytes[first + 1] == '{' &&
		split_scan_is_object(split->bytes + first + 1, second - first - 1);
	split->state = split->lines ? STATE_LINE : STATE_REST;
	return GO_ON;
}

static Step
refuse_rest(Split *split, SplitRecord *record)
{
	Step		step = refuse(split, record, "RestUnreadable", split->begin, split->len);

	if (split->state == STATE_SKIP)
		record->offset = split->begin_offset;
	snprintf(record->reason, sizeof(record->reason),
			 "from byte %lld on records cannot be told apart (%s at byte %lld): nothing of the object from there on is used",
			 (long long) record->offset + 1, split->wrong, (long long) split->wrong_offset + 1);
	end_here(split);
	note_place(split, split->len);
	return step;
}

static Step
handle_rest(Split *split, SplitRecord *record)
{
	size_t		end = split->len;

	if (end - split->begin > split->max || (split->in_array && split->finished))
		return refuse_rest(split, record);
	if (!split->finished)
		return MORE;
	/* all of it is here: the record parser can say it better */
	while (end > split->begin && split_blank(split->bytes[end - 1]))
		end--;
	split->state = STATE_OVER;
	return give(split, record, split->begin, end, false);
}

/* To the end of the line where lines count, else of the value. */
static Step
handle_skip(Split *split, SplitRecord *record)
{
	SplitScanStep step = SPLIT_SCAN_MORE;

	if (split->lines)
	{
		size_t		line_end;

		if (find_line_end(split, split->at, &line_end))
			step = SPLIT_SCAN_CLOSED;
		split->at = line_end;
	}
	else
		step = split_scan(&split->scan, split->bytes, split->len, &split->at);
	if (step == SPLIT_SCAN_CLOSED)
		return refuse_long(split, record, !split->lines ? between(split) :
						   split->in_array ? STATE_FIRST : STATE_VALUE);
	if (step == SPLIT_SCAN_WRONG || split->finished)
	{
		split->wrong = step == SPLIT_SCAN_WRONG ? split->scan.wrong : "the object ends";
		split->wrong_offset = offset_of(split, split->at);
		split->len = split->end;
		return refuse_rest(split, record);
	}
	drop_skipped(split);
	return MORE;
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
				step = handle_between(split, record);
				break;
			case STATE_RECORD:
				step = handle_record(split, record);
				break;
			case STATE_LOOK:
				step = handle_look(split, record);
				break;
			case STATE_LINE:
				step = handle_line(split, record);
				break;
			case STATE_GUESS:
				step = handle_guess(split, record);
				break;
			case STATE_REST:
				step = handle_rest(split, record);
				break;
			case STATE_SKIP:
				step = handle_skip(split, record);
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
