/*
 * records.c
 *	  Fuzzing of objects: unpacked, split into records, and each record made
 *	  into a message.
 */
#include "targets.h"

#include <assert.h>
#include <sanitizer/lsan_interface.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "direct.h"
#include "enrich.h"
#include "identity.h"
#include "inflate.h"
#include "split.h"

#define UNPACKED_MAX ((size_t) 1 << 20)	/* of a few bytes very many may come */
#define RECORD_MAX 200			/* so that too long records come */

/* Unpack it in pieces of that size; true when it was whole. */
static bool
unpack(const char *bytes, size_t len, size_t piece, AwsxBuf *out)
{
	Inflate    *packed = inflate_create();
	size_t		at = 0;
	const char *some;
	size_t		count;
	InflateStep step;

	assert(packed != NULL);
	while ((step = inflate_next(packed, &some, &count)) != INFLATE_END && step != INFLATE_CORRUPT)
	{
		size_t		next = len - at < piece ? len - at : piece;

		assert(step != INFLATE_NO_MEMORY);
		if (step == INFLATE_BYTES)
		{
			if (out->len + count > UNPACKED_MAX)
				break;
			assert(awsx_buf_append(out, some, count));
		}
		else if (next > 0)
			inflate_push(packed, bytes + at, next), at += next;
		else
			inflate_finish(packed);
	}
	assert(step != INFLATE_CORRUPT || inflate_problem(packed) != NULL);
	inflate_free(packed);
	return step == INFLATE_END;
}

/* In however many pieces it comes, it is the same. */
void
fuzz_inflate(const char *bytes, size_t len)
{
	AwsxBuf		whole;
	AwsxBuf		pieces;
	bool		good;
	bool		same;

	awsx_buf_init(&whole, 2 * UNPACKED_MAX);
	awsx_buf_init(&pieces, 2 * UNPACKED_MAX);
	good = unpack(bytes, len, len + 1, &whole);
	same = unpack(bytes, len, 1 + len % 7, &pieces);
	assert(good == same);
	assert(!good || (whole.len == pieces.len && (whole.len == 0 || memcmp(whole.data, pieces.data, whole.len) == 0)));
	awsx_buf_free(&whole);
	awsx_buf_free(&pieces);
}

/* Records from a place on, each with its number and code, appended as text; where the stop-th ended. */
static SplitPlace
split_all(const char *bytes, size_t len, size_t piece, const SplitPlace *from, int64_t stop, AwsxBuf *out)
{
	Split	   *split = split_create(RECORD_MAX, from);
	size_t		at = from != NULL ? (size_t) from->offset : 0;
	SplitPlace	place;
	SplitRecord record;
	SplitStep	step;

	assert(split != NULL);
	while ((step = split_next(split, &record)) != SPLIT_END && step != SPLIT_NO_MEMORY)
	{
		size_t		next = len - at < piece ? len - at : piece;

		if (step == SPLIT_RECORD)
		{
			assert(record.offset >= 0 && (size_t) record.offset <= len);
			assert(record.code != NULL || (record.len > 0 && (size_t) record.offset + record.len <= len &&
										   memcmp(bytes + record.offset, record.text, record.len) == 0));
			awsx_buf_printf(out, "%lld %lld %s ", (long long) record.number, (long long) record.offset,
							record.code != NULL ? record.code : "-");
			if (record.code == NULL)
				awsx_buf_append(out, record.text, record.len);
			if (record.number == stop)
				break;
		}
		else if (next > 0)
		{
			assert(split_push(split, bytes + at, next));
			at += next;
		}
		else
			split_finish(split);
	}
	assert(step != SPLIT_NO_MEMORY && !out->failed);
	place = split_place(split);
	split_free(split);
	return place;
}

/* In however many pieces it comes, and wherever an invocation left off, the records are the same. */
void
fuzz_split(const char *bytes, size_t len)
{
	AwsxBuf		whole;
	AwsxBuf		pieces;
	SplitPlace	place;

	awsx_buf_init(&whole, 0);
	awsx_buf_init(&pieces, 0);
	(void) split_all(bytes, len, len + 1, NULL, -1, &whole);
	(void) split_all(bytes, len, 1 + len % 7, NULL, -1, &pieces);
	assert(whole.len == pieces.len && (whole.len == 0 || memcmp(whole.data, pieces.data, whole.len) == 0));
	awsx_buf_free(&pieces);

	awsx_buf_init(&pieces, 0);
	place = split_all(bytes, len, len + 1, NULL, 1 + (int64_t) len % 3, &pieces);
	assert(place.offset >= 0 && place.offset <= (int64_t) len && place.state >= 0 && place.state <= SPLIT_MAX_STATE);
	if (place.records > 0)		/* else nothing was begun that could be gone on with */
		(void) split_all(bytes, len, len + 1, &place, -1, &pieces);
	assert(whole.len == pieces.len && (whole.len == 0 || memcmp(whole.data, pieces.data, whole.len) == 0));
	awsx_buf_free(&pieces);
	awsx_buf_free(&whole);
}

static Enricher *
make_enricher(const char *program, const char *group, const char *dedup)
{
	ConfigOutput output = {.name = (char *) "o",.queue_url = (char *) "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo",
	.program = (char *) program,.group = (char *) group,.dedup = (char *) dedup};
	Config		config = {.output_count = 1,.outputs = &output};
	AwsxError	error = {0};

	return enrich_create(&config, &error);
}

static void
assert_alike(const EnrichResult *a, const EnrichResult *b)
{
	assert(a->count == b->count && a->filtered == b->filtered && (a->code == NULL) == (b->code == NULL));
	assert(a->code == NULL || strcmp(a->code, b->code) == 0);
	for (int i = 0; i < a->count; i++)
	{
		const EnrichMessage *x = &a->messages[i];
		const EnrichMessage *y = &b->messages[i];

		assert(x->body_len == y->body_len && memcmp(x->body, y->body, x->body_len) == 0);
		assert(strcmp(x->group_id, y->group_id) == 0 && strcmp(x->dedup_id, y->dedup_id) == 0);
		assert(x->attribute_count == y->attribute_count);
		for (int j = 0; j < x->attribute_count; j++)
			assert(strcmp(x->attributes[j].name, y->attributes[j].name) == 0 && x->attributes[j].value_len == y->attributes[j].value_len &&
				   memcmp(x->attributes[j].value, y->attributes[j].value, x->attributes[j].value_len) == 0);
	}
}

/* What is read without jq's parser is what that would read. */
static void
compare_values(const char *bytes, size_t len)
{
	static Direct direct;
	JsonObject	object;
	jv			value;
	jv			expected;
	jv			value_text;
	jv			expected_text;

	if (!direct_read(&direct, bytes, len, &object))
		return;
	value = direct_value(&direct);
	expected = jv_parse_sized(bytes, (int) len);
	value_text = jv_dump_string(jv_copy(value), 0);
	expected_text = jv_dump_string(jv_copy(expected), 0);
	assert(strcmp(jv_string_value(value_text), jv_string_value(expected_text)) == 0);
	assert(jv_equal(value, expected));
	jv_free(value_text);
	jv_free(expected_text);
}

/* Paths need no jq where the record allows it; jq must make the same of it. */
void
fuzz_paths(const char *bytes, size_t len)
{
	static Enricher *ways[3][2];
	EnrichSource source = {.bucket = "b",.key = "k",.record = 1};
	AwsxError	error = {0};

	compare_values(bytes, len);
	for (int i = 0; i < 3; i++)
	{
		EnrichResult direct;
		EnrichResult jq;

		if (ways[i][0] == NULL)
		{
			ways[i][0] = make_enricher(i == 1 ? ".d" : ".", i == 1 ? ".id" : ".d.id", i == 2 ? NULL : ".id");
			ways[i][1] = make_enricher(i == 1 ? ".d | ." : ". | .", i == 1 ? ".id | ." : ".d.id | .", i == 2 ? NULL : ".id | .");
		}
		assert(enrich_record(ways[i][0], &source, bytes, len, &direct, &error));
		__lsan_disable();		/* jq knows its stack by the end, which LeakSanitizer does not see */
		assert(enrich_record(ways[i][1], &source, bytes, len, &jq, &error));
		__lsan_enable();
		assert_alike(&direct, &jq);
		enrich_result_free(&direct);
		enrich_result_free(&jq);
	}
}

/* A record through a program that changes nothing: rejected, or sent as valid JSON. */
void
fuzz_record(const char *bytes, size_t len)
{
	static ConfigOutput output = {.name = (char *) "o",.queue_url = (char *) "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo",
	.program = (char *) ".",.group = (char *) ".id",.dedup = (char *) ".id"};
	static Enricher *enricher;
	Config		config = {.output_count = 1,.outputs = &output};
	EnrichSource source = {.bucket = "b",.key = "k",.record = 1};
	EnrichResult result;
	AwsxError	error = {0};

	if (enricher == NULL)
		enricher = enrich_create(&config, &error);
	assert(enrich_record(enricher, &source, bytes, len, &result, &error));
	assert((result.code == NULL) == (result.count == 1));
	if (result.count == 1)
	{
		const EnrichMessage *message = &result.messages[0];
		json_error_t problem;
		json_t	   *body = json_loadb(message->body, message->body_len, JSON_ALLOW_NUL | JSON_DECODE_ANY, &problem);

		/* what jansson cannot hold is still JSON */
		assert(body != NULL || json_error_code(&problem) == json_error_numeric_overflow ||
			   json_error_code(&problem) == json_error_null_byte_in_key);
		assert(awsx_id_valid(message->group_id, strlen(message->group_id)));
		json_decref(body);
	}
	enrich_result_free(&result);
}
