/*
 * test_direct.c
 *	  Records that are sent as they stand: which are, and that jq would have
 *	  made the same of each.
 */
#include "tap.h"

#include <stdlib.h>

#include "direct.h"
#include "enrich.h"

#define URL "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo"

typedef struct Case
{
	bool		direct;
	const char *record;
} Case;

static const Case cases[] = {
	{true, "{\"id\":\"TX-1\",\"d\":{\"id\":7,\"amount\":1.10},\"list\":[1,2.50,\"x\",true,false,null,{},[]]}"},
	{true, " \t{ \"id\" : \"Zo\xC3\xAB & S\xC3\xB8n\" , \"d\" : { \"id\" : \"a\" , \"b\" : [ 1 , { } ] } }\r\n"},
	{true, "{\"id\":-12.50,\"d\":{\"id\":0.0,\"other\":-12.50}}"},
	{true, "{\"id\":\"a b\",\"d\":{\"id\":\"\x7F\"}}"},
	{true, "{\"id\":123456789012345,\"d\":{\"id\":0.00000000012345}}"},
	{true, "{\"d\":{\"id\":1}}"},
	{true, "{\"id\":\"\",\"d\":{\"id\":null}}"},
	{true, "{\"id\":{},\"d\":[]}"},
	{true, "{\"id\":1,\"d\":\"text\"}"},
	{true, "{}"},
	{false, "{\"id\":1.1,\"d\":{\"id\":1.10}}"},
	{false, "{\"id\":1,\"d\":{\"id\":1.0}}"},
	{false, "{\"id\":0,\"d\":{\"id\":-0}}"},
	{false, "{\"id\":1e2,\"d\":{\"id\":1}}"},
	{false, "{\"id\":1234567890123456,\"d\":{\"id\":1}}"},
	{false, "{\"id\":\"a\\u0041\",\"d\":{\"id\":1}}"},
	{false, "{\"id\":\"\xEF\xBF\xBF\",\"d\":{\"id\":1}}"},
	{false, "{\"id\":\"a\",\"d\":{\"id\":1},\"id\":\"b\"}"},
	{false, "{\"id\":\"a\",\"d\":{\"id\":1,\"x\":[{\"y\":1,\"y\":2}]}}"},
	{false, "{\"id\":\"\xC3\",\"d\":{\"id\":1}}"},
	{false, "{\"id\":\"a\tb\",\"d\":{\"id\":1}}"},
	{false, "{\"id\":01,\"d\":{\"id\":1}}"},
	{false, "{\"id\":1.,\"d\":{\"id\":1}}"},
	{false, "{\"id\":-,\"d\":{\"id\":1}}"},
	{false, "{\"id\":1,}"},
	{false, "{\"id\":[1,],\"d\":1}"},
	{false, "{\"id\" 1}"},
	{false, "{\"id\":tru}"},
	{false, "{\"id\":1"},
	{false, "{\"id\":\"1"},
	{false, "{\"id\":1} {\"id\":2}"},
	{false, "[{\"id\":1}]"},
	{false, "\xEF\xBB\xBF{\"id\":1}"},
	{false, ""},
};

static Enricher *
make(const char *program, const char *group, const char *dedup)
{
	ConfigOutput output = {.name = (char *) "o",.queue_url = (char *) URL,.program = (char *) program,
	.group = (char *) group,.dedup = (char *) dedup};
	Config		config = {.output_count = 1,.outputs = &output};
	AwsxError	error = {0};

	return enrich_create(&config, &error);
}

/* Also the code of a reject; jq's releases word its errors differently. */
static bool
same_result(const EnrichResult *a, const EnrichResult *b)
{
	bool		same = a->count == b->count && strcmp(a->sha256, b->sha256) == 0 &&
		strcmp(a->code != NULL ? a->code : "", b->code != NULL ? b->code : "") == 0;

	for (int i = 0; i < a->count && same; i++)
		same = strcmp(a->messages[i].body, b->messages[i].body) == 0 && a->messages[i].body_len == b->messages[i].body_len &&
			strcmp(a->messages[i].group_id, b->messages[i].group_id) == 0 &&
			strcmp(a->messages[i].dedup_id, b->messages[i].dedup_id) == 0 &&
			a->messages[i].attribute_count == b->messages[i].attribute_count;
	return same;
}

/* The paths, and programs that jq must compile, over every record. */
static void
compare(const char *what, Enricher *paths, Enricher *programs)
{
	EnrichSource source = {.bucket = "b",.key = "k",.record = 1};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const char *record = cases[i].record;
		EnrichResult direct;
		EnrichResult jq;
		AwsxError	error;

		ok(enrich_record(paths, &source, record, strlen(record), &direct, &error) &&
		   enrich_record(programs, &source, record, strlen(record), &jq, &error) &&
		   same_result(&direct, &jq), "%s, record %zu", what, i + 1);
		enrich_result_free(&direct);
		enrich_result_free(&jq);
	}
	enrich_free(paths);
	enrich_free(programs);
}

/* Does jq read the text alike, members in the same order?  Numbers are compared as numbers, too. */
static bool
same_value(const Direct *direct, const char *text, size_t len)
{
	jv			expected = jv_parse_sized(text, (int) len);
	jv			value = direct_value(direct);
	jv			expected_text = jv_dump_string(jv_copy(expected), 0);
	jv			value_text = jv_dump_string(jv_copy(value), 0);
	bool		same = strcmp(jv_string_value(expected_text), jv_string_value(value_text)) == 0;

	jv_free(expected_text);
	jv_free(value_text);
	return jv_equal(expected, value) && same;
}

/* In blocks of exactly their size, so that a read beyond is seen by valgrind and sanitizers. */
static void
test_taken(void)
{
	static Direct direct;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		size_t		len = strlen(cases[i].record);
		char	   *exact = malloc(len > 0 ? len : 1);
		JsonObject	object;

		memcpy(exact, cases[i].record, len);
		ok(direct_read(&direct, exact, len, &object) == cases[i].direct, "record %zu is %s", i + 1,
		   cases[i].direct ? "taken as it stands" : "left to jq");
		if (cases[i].direct)
			ok(same_value(&direct, exact, len), "record %zu is jq's value", i + 1);
		free(exact);
	}
	direct_free(&direct);
}

/* "[1,1,1,...]", or "[[[...]]]", in an object. */
static void
test_bounds(void)
{
	static Direct direct;
	char		text[4 * DIRECT_NODES];
	JsonObject	object;

	for (int extra = 0; extra <= 1; extra++)
	{
		int			len = snprintf(text, sizeof(text), "{\"a\":[");

		for (int i = 0; i < DIRECT_NODES - 3 + extra; i++)
			len += snprintf(text + len, sizeof(text) - (size_t) len, "{},");
		len += snprintf(text + len, sizeof(text) - (size_t) len, "1]}");
		ok(direct_read(&direct, text, (size_t) len, &object) == (extra == 0), "%d values", DIRECT_NODES + extra);

		len = snprintf(text, sizeof(text), "{\"a\":[");
		for (int i = 0; i < DIRECT_NUMBERS - 1 + extra; i++)
			len += snprintf(text + len, sizeof(text) - (size_t) len, "1,");
		len += snprintf(text + len, sizeof(text) - (size_t) len, "1]}");
		ok(direct_read(&direct, text, (size_t) len, &object) == (extra == 0), "%d numbers", DIRECT_NUMBERS + extra);

		len = snprintf(text, sizeof(text), "{\"a\":");
		memset(text + len, '[', (size_t) (DIRECT_DEPTH - 1 + extra));
		len += DIRECT_DEPTH - 1 + extra;
		memset(text + len, ']', (size_t) (DIRECT_DEPTH - 1 + extra));
		len += DIRECT_DEPTH - 1 + extra;
		text[len++] = '}';
		ok(direct_read(&direct, text, (size_t) len, &object) == (extra == 0), "%d levels", DIRECT_DEPTH + extra);
	}
	direct_free(&direct);
}

int
main(void)
{
	test_taken();
	test_bounds();
	compare("whole records", make(".", ".id", NULL), make(". | .", ".id | .", NULL));
	compare("parts", make(".d", ".id", ".id"), make(".d | .", ".id | .", ".id | ."));
	compare("ids from within", make(".", ".d.id", ".id"), make(". | .", ".d.id | .", ".id | ."));
	return tap_done();
}
