/*
 * test_lab_json.c
 *	  The lab's quick reader and writer of JSON beside jansson: whatever the
 *	  quick ways make of a text or a value, jansson makes the same.
 */
#define _GNU_SOURCE				/* as the lab's parts do */

#include "tap.h"

/* the lab is linked with nothing of ours, so its parts come as they are */
#include "../lab/buf.c"
#include "../lab/codec.c"
#include "../lab/json_text.c"

#define ROUNDS 50000

static const char *const seeds[] = {
	"{\"QueueUrl\":\"http://x/1/q.fifo\",\"Entries\":[{\"Id\":\"0\",\"MessageBody\":\"{\\\"a\\\": 1.10}\",\"MessageAttributes\":{\"a\":{\"DataType\":\"String\",\"StringValue\":\"Zo\xC3\xAB\"}}}]}",
	" { \"a\" : [ 1 , -2 , 0 , 123456789012345678 , 1.5, -0, 1e3 ] , \"b\" : null , \"c\" : true , \"d\" : false } \n",
	"{\"a\":\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\n\\t\\b\\f\\r\\\\\\/\\\"\\u0000\",\"a\":\"again\",\"\":\"\"}",
	"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
	"[\"\xF0\x9F\x98\x80\", \"\xED\xA0\x80\", 12345678901234567890, \"a\\qb\", tru]",
	"[\"12345678\\u12\", \"\x7F\x01\", {}, [], {\"a\":{}}]",
};

/* Only the quick way. */
static json_t *
quick(const char *text, size_t len)
{
	Reader		reader = {.at = text, .end = text + len};
	json_t	   *value = peek(&reader) == '{' || peek(&reader) == '[' ? read_value(&reader, 0) : NULL;

	if (value != NULL && (peek(&reader), reader.at < reader.end))
	{
		json_decref(value);
		value = NULL;
	}
	buf_free(&reader.decoded);
	return value;
}

static bool
written_alike(const json_t *value)
{
	Buf			text = {0};
	char	   *expected = json_dumps(value, JSON_COMPACT);
	bool		same;

	json_to_text(&text, value);
	same = expected != NULL && strcmp(text.data, expected) == 0;
	if (!same)
		printf("#      got: %s\n# expected: %s\n", text.data, expected);
	free(expected);
	buf_free(&text);
	return same;
}

/* *taken counts what the quick way read. */
static bool
read_alike(const char *text, size_t len, int *taken)
{
	json_t	   *own = quick(text, len);
	json_t	   *jansson = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
	json_t	   *both = json_from_text(text, len);
	bool		same = (own == NULL || json_equal(own, jansson)) &&
		(both == NULL) == (jansson == NULL) && (both == NULL || json_equal(both, jansson));

	if (jansson != NULL)
		same = written_alike(jansson) && same;
	if (!same)
		printf("# differs: %.*s\n", (int) len, text);
	*taken += own != NULL;
	json_decref(own);
	json_decref(jansson);
	json_decref(both);
	return same;
}

/* A byte changed, taken out, or a piece doubled, in a copy of exactly the size that the reader is told. */
static bool
mutated_alike(const char *seed, uint64_t random, int *taken)
{
	static const char odd[] = "\"\\{}[],:-0 19.eE\n\x01\x80\xC3uat/";
	size_t		len = strlen(seed);
	size_t		at = random % len;
	size_t		n = random >> 16 & 7;
	char	   *text = malloc(2 * len);
	char	   *exact;
	bool		same;

	memcpy(text, seed, len);
	if ((random >> 24 & 3) == 0 && at + n < len)
		memmove(text + at, text + at + n, (len -= n) - at);
	else if ((random >> 24 & 3) == 1 && at + n < len)
	{
		memmove(text + at + n, text + at, len - at);
		len += n;
	}
	else
		text[at] = odd[(random >> 32) % (sizeof(odd) - 1)];
	exact = malloc(len > 0 ? len : 1);
	memcpy(exact, text, len);
	same = read_alike(exact, len, taken);
	free(exact);
	free(text);
	return same;
}

int
main(void)
{
	int			taken = 0;
	bool		same = true;

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		ok(read_alike(seeds[i], strlen(seeds[i]), &taken), "text %zu", i + 1);
	is_int(taken, 1, "the quick way takes a request, and leaves what is rare to jansson");
	for (int i = 0; i < ROUNDS && same; i++)
	{
		uint64_t	random = random_u64();

		same = mutated_alike(seeds[(random >> 48) % (sizeof(seeds) / sizeof(seeds[0]))], random, &taken);
	}
	ok(same, "%d texts that were changed by chance", ROUNDS);
	ok(taken > ROUNDS / 100, "the quick way took some of them (%d)", taken);
	return tap_done();
}
