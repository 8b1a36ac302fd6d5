/*
 * split_value.c
 *	  Within a value: to its end, or to the end of what is damaged.
 */
#include <stdio.h>
#include <string.h>

#include "split_work.h"

/* What follows a record is looked for so far; behind that anything may follow. */
#define LOOK_BYTES 4096

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

	split->begin_offset = split_offset(split, split->begin);
	split->end = split->begin + (len < SPLIT_KEPT_BYTES ? len : SPLIT_KEPT_BYTES);
	split->state = STATE_SKIP;
	return GO_ON;
}

/* The end of the value that was skipped is found. */
static Step
refuse_long(Split *split, SplitRecord *record, State state)
{
	Step		step = split_refuse(split, record, "RecordTooLong", split->begin, split->end);

	record->offset = split->begin_offset;
	snprintf(record->reason, sizeof(record->reason),
			 "the record that begins at byte %lld is longer than the %zu bytes that are allowed (max_record_bytes)",
			 (long long) record->offset + 1, split->max);
	split->state = state;
	split_note_place(split, split->at);
	return step;
}

Step
split_handle_record(Split *split, SplitRecord *record)
{
	SplitScanStep step = split_scan(&split->scan, split->bytes, split->len, &split->at);

	if (split->at - split->begin > split->max)
	{
		if (split->lines)
		{
			/* not where the scan stands: that depends on how much was pushed */
			split->at = split->begin + split->max;
			return split_damaged(split, "the record is too long");
		}
		(void) skip_value(split);
		return step == SPLIT_SCAN_CLOSED ? refuse_long(split, record, split_between(split)) : GO_ON;
	}
	if (step == SPLIT_SCAN_WRONG)
		return split_damaged(split, split->scan.wrong);
	if (step == SPLIT_SCAN_CLOSED || (split->scan.bare && split->finished))
	{
		split->end = split->at;
		split->state = STATE_LOOK;
		return GO_ON;
	}
	return split->finished ? split_damaged(split, "the object ends in the middle of a record") : MORE;
}

/* A complete value; what follows decides. */
Step
split_handle_look(Split *split, SplitRecord *record)
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
		return split_damaged(split, split->in_array ? "',' or ']' is expected" : "something else follows the record");
	split->alone = split->began_line && !split->scan.broken_line;
	split->state = split_between(split);
	return split_give(split, record, split->begin, split->end, false);
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
Step
split_handle_line(Split *split, SplitRecord *record)
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
	step = split_give(split, record, split->begin, end, true);
	split->at = line_end;
	split_note_place(split, line_end);
	return step;
}

Step
split_handle_guess(Split *split, SplitRecord *record)
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
split_refuse_rest(Split *split, SplitRecord *record)
{
	Step		step = split_refuse(split, record, "RestUnreadable", split->begin, split->len);

	if (split->state == STATE_SKIP)
		record->offset = split->begin_offset;
	snprintf(record->reason, sizeof(record->reason),
			 "from byte %lld on records cannot be told apart (%s at byte %lld): nothing of the object from there on is used",
			 (long long) record->offset + 1, split->wrong, (long long) split->wrong_offset + 1);
	split_end_here(split);
	split_note_place(split, split->len);
	return step;
}

Step
split_handle_rest(Split *split, SplitRecord *record)
{
	size_t		end = split->len;

	if (end - split->begin > split->max || (split->in_array && split->finished))
		return split_refuse_rest(split, record);
	if (!split->finished)
		return MORE;
	/* all of it is here: the record parser can say it better */
	while (end > split->begin && split_blank(split->bytes[end - 1]))
		end--;
	split->state = STATE_OVER;
	return split_give(split, record, split->begin, end, false);
}

/* To the end of the line where lines count, else of the value. */
Step
split_handle_skip(Split *split, SplitRecord *record)
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
		return refuse_long(split, record, !split->lines ? split_between(split) :
						   split->in_array ? STATE_FIRST : STATE_VALUE);
	if (step == SPLIT_SCAN_WRONG || split->finished)
	{
		split->wrong = step == SPLIT_SCAN_WRONG ? split->scan.wrong : "the object ends";
		split->wrong_offset = split_offset(split, split->at);
		split->len = split->end;
		return split_refuse_rest(split, record);
	}
	drop_skipped(split);
	return MORE;
}
