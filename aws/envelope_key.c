/*
 * envelope_key.c
 *	  The key of an event's object: how it is written, and which of two events
 *	  of one key is the older.
 */
#include "envelope.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

char *
awsx_form_decode(const char *text, size_t len)
{
	char	   *out = malloc(len + 1);
	size_t		used = 0;

	for (size_t i = 0; out != NULL && i < len; i++)
	{
		int			c = (unsigned char) text[i];

		if (c == '+')
			c = ' ';
		else if (c == '%')
		{
			int			high = i + 2 < len ? awsx_text_hex_value(text[i + 1]) : -1;
			int			low = i + 2 < len ? awsx_text_hex_value(text[i + 2]) : -1;

			c = high < 0 || low < 0 ? 0 : high * 16 + low;
			i += 2;
		}
		if (c == 0)
		{
			free(out);
			return NULL;
		}
		out[used++] = (char) c;
	}
	if (out != NULL)
		out[used] = '\0';
	return out;
}

/* The digit at a place, '0' behind the end; case does not count. */
static char
sequencer_digit(const char *text, size_t len, size_t at)
{
	return at < len ? awsx_text_upper(text[at]) : '0';
}

int
awsx_sequencer_compare(const char *a, const char *b)
{
	size_t		a_len = strlen(a);
	size_t		b_len = strlen(b);

	for (size_t i = 0; i < a_len || i < b_len; i++)
	{
		int			difference = (unsigned char) sequencer_digit(a, a_len, i) -
			(unsigned char) sequencer_digit(b, b_len, i);

		if (difference != 0)
			return difference;
	}
	return 0;
}

/* An event with the place that it has in the list. */
typedef struct Placed
{
	AwsxS3Event event;
	int			at;
} Placed;

static int
compare_keys(const AwsxS3Event *a, const AwsxS3Event *b)
{
	int			difference = strcmp(a->bucket, b->bucket);

	return difference != 0 ? difference : strcmp(a->key, b->key);
}

/* By key, and within a key by place. */
static int
by_key(const void *a, const void *b)
{
	const Placed *one = a;
	const Placed *other = b;
	int			difference = compare_keys(&one->event, &other->event);

	return difference != 0 ? difference : one->at - other->at;
}

/* By age, and of equal age by place. */
static int
by_sequencer(const void *a, const void *b)
{
	const Placed *one = a;
	const Placed *other = b;
	int			difference = awsx_sequencer_compare(one->event.sequencer, other->event.sequencer);

	return difference != 0 ? difference : one->at - other->at;
}

static int
by_number(const void *a, const void *b)
{
	return *(const int *) a - *(const int *) b;
}

/* The events of one key: the oldest takes the first of their places. */
static void
order_key(AwsxS3Events *events, Placed *placed, int count, int *places)
{
	for (int i = 0; i < count; i++)
		places[i] = placed[i].at;
	qsort(places, (size_t) count, sizeof(*places), by_number);
	qsort(placed, (size_t) count, sizeof(*placed), by_sequencer);
	for (int i = 0; i < count; i++)
		events->items[places[i]] = placed[i].event;
}

bool
awsx_envelope_order(AwsxS3Events *events)
{
	size_t		count = (size_t) events->count;
	Placed	   *placed = calloc(count + 1, sizeof(*placed));
	int		   *places = calloc(count + 1, sizeof(*places));
	int			n = 0;
	bool		done = placed != NULL && places != NULL;

	for (int i = 0; i < events->count && done; i++)
	{
		if (*events->items[i].sequencer != '\0')
			placed[n++] = (Placed) {events->items[i], i};
	}
	if (done)
		qsort(placed, (size_t) n, sizeof(*placed), by_key);
	for (int from = 0, to; from < n && done; from = to)
	{
		for (to = from + 1; to < n && compare_keys(&placed[from].event, &placed[to].event) == 0;)
			to++;
		order_key(events, placed + from, to - from, places);
	}
	free(placed);
	free(places);
	return done;
}
