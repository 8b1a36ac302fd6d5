/*
 * split_between.c
 *	  Between records: at the top, or in an array.
 */
#include <stdio.h>
#include <string.h>

#include "split_work.h"

static Step
at_end(Split *split, SplitRecord *record)
{
	Step		step = END;

	if (split->in_array)
	{
		step = split_refuse(split, record, "InvalidJson", split->at, split->at);
		snprintf(record->reason, sizeof(record->reason),
				 "the array is not closed: the object ends at byte %lld, and records may be missing",
				 (long long) record->offset);
	}
	else if (!split->any)
	{
		step = split_refuse(split, record, "EmptyObject", split->at, split->at);
		snprintf(record->reason, sizeof(record->reason),
				 "nothing but white space: JSON objects are expected");
	}
	split_end_here(split);
	split_note_place(split, split->len);
	return step;
}

static void
begin_value(Split *split)
{
	if (split->alone && split->line_start)
		split->lines = true;
	split->began_line = split->line_start;
	split->begin = split->at;
	split_scan_init(&split->scan, split_offset(split, split->at) < split->strict_until);
	split->state = STATE_RECORD;
}

/* The value under way has no end that can be relied on. */
Step
split_damaged(Split *split, const char *what)
{
	split->wrong = what;
	split->wrong_offset = split_offset(split, split->at);
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
	Step		step = split_refuse(split, record, "InvalidJson", split->at, split->at);

	snprintf(record->reason, sizeof(record->reason),
			 "an element is missing before the '%c' at byte %lld: a comma too many",
			 split->bytes[split->at], (long long) record->offset + 1);
	split->in_array = split->bytes[split->at] == ',';
	split->state = split->in_array ? STATE_ELEMENT : STATE_VALUE;
	split->at++;
	split_note_place(split, split->at);
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
	return split_damaged(split, "',' or ']' is expected");
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
	return c == '{' ? GO_ON : split_damaged(split, "an object or an array of objects is expected");
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

Step
split_handle_between(Split *split, SplitRecord *record)
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
