/*
 * test_split.c
 *	  The records of an object: every shape, cut at every place, resumed at
 *	  every record, damaged in many ways.
 *
 * What comes out is written as one line: text@offset a record, !Code@offset a
 * refusal, with a space between.  A text that the record parser refuses gets
 * a '?' before it.
 */
#include <stdlib.h>
#include <sys/resource.h>

#include "buf.h"
#include "json.h"
#include "split.h"
#include "tap.h"

#define MAX_RECORD 40

typedef struct Case
{
	const char *name;
	const char *bytes;
	const char *expected;
} Case;

static const Case cases[] = {
	/* the shapes */
	{"one object", "{\"a\":1}", "{\"a\":1}@0"},
	{"one object with blanks around it", " \r\n\t{\"a\": 1} \n\n", "{\"a\": 1}@4"},
	{"one object over lines", "{\n  \"a\": {\n    \"b\": [1, 2]\n  }\n}\n", "{\n  \"a\": {\n    \"b\": [1, 2]\n  }\n}@0"},
	{"lines", "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n", "{\"a\":1}@0 {\"b\":2}@8 {\"c\":3}@16"},
	{"lines, the last one not ended", "{\"a\":1}\n{\"b\":2}", "{\"a\":1}@0 {\"b\":2}@8"},
	{"lines with CR LF", "{\"a\":1}\r\n{\"b\":2}\r\n", "{\"a\":1}@0 {\"b\":2}@9"},
	{"lines with empty ones", "\n\n{\"a\":1}\n\n \r\n{\"b\":2}\n\n", "{\"a\":1}@2 {\"b\":2}@14"},
	{"a byte order mark", "\xEF\xBB\xBF{\"a\":1}\n{\"b\":2}", "{\"a\":1}@3 {\"b\":2}@11"},
	{"a byte order mark before an array", "\xEF\xBB\xBF [{\"a\":1}]", "{\"a\":1}@5"},
	{"one after the other", "{\"a\":1}{\"b\":2} {\"c\":3}", "{\"a\":1}@0 {\"b\":2}@7 {\"c\":3}@15"},
	{"one after the other over lines", "{\n\"a\":1\n}\n{\n\"b\":2\n}{\"c\":\n3}", "{\n\"a\":1\n}@0 {\n\"b\":2\n}@10 {\"c\":\n3}@19"},
	{"an array", "[{\"a\":1},{\"b\":2}]", "{\"a\":1}@1 {\"b\":2}@9"},
	{"an array over lines", "[\n  {\"a\":1},\n  {\"b\":2}\n]\n", "{\"a\":1}@4 {\"b\":2}@15"},
	{"an array with the commas first", "[ {\"a\":1}\n, {\"b\":2}\n]", "{\"a\":1}@2 {\"b\":2}@12"},
	{"arrays after each other", "[{\"a\":1}] [{\"b\":2}]\n[]{\"c\":3}", "{\"a\":1}@1 {\"b\":2}@11 {\"c\":3}@22"},
	{"an empty array", " [ ] ", ""},
	{"empty objects", "{}{} [{}]", "{}@0 {}@2 {}@6"},
	{"brackets and quotes in strings", "{\"}{][\":\"\\\"}\\\\\"}\n{\"b\":\"\\\\\"}", "{\"}{][\":\"\\\"}\\\\\"}@0 {\"b\":\"\\\\\"}@17"},
	{"bytes of UTF-8", "{\"\xC3\xA9\":\"\xE2\x82\xAC\xF0\x9F\x98\x80\"}{}", "{\"\xC3\xA9\":\"\xE2\x82\xAC\xF0\x9F\x98\x80\"}@0 {}@16"},

	/* nothing */
	{"no bytes", "", "!EmptyObject@0"},
	{"blanks only", " \n\r\n\t", "!EmptyObject@5"},
	{"a byte order mark only", "\xEF\xBB\xBF", "!EmptyObject@3"},

	/* bad in itself: only itself */
	{"a bad line", "{\"a\":1}\n{\"b\" 2}\n{\"c\":3}", "{\"a\":1}@0 ?{\"b\" 2}@8 {\"c\":3}@16"},
	{"a bad element", "[{\"a\":1},{\"b\" 2},{\"c\":3}]", "{\"a\":1}@1 ?{\"b\" 2}@9 {\"c\":3}@17"},
	{"a bad one between others", "{\"a\":1}{\"b\" 2}{\"c\":3}", "{\"a\":1}@0 ?{\"b\" 2}@7 {\"c\":3}@14"},
	{"a comma too many in an object", "{\"a\":1,}\n{\"b\":2}", "?{\"a\":1,}@0 {\"b\":2}@9"},
	{"elements that are no objects", "[1, \"x,]\", null, [{}], {\"a\":1}, -1.5e3]", "?1@1 ?\"x,]\"@4 ?null@11 ?[{}]@17 {\"a\":1}@23 ?-1.5e3@32"},
	{"no UTF-8", "{\"a\":\"\xFF\"}\n{\"b\":2}", "?{\"a\":\"\xFF\"}@0 {\"b\":2}@10"},

	/* commas */
	{"a comma before the end of an array", "[{\"a\":1},]", "{\"a\":1}@1 !InvalidJson@9"},
	{"an element left out", "[{\"a\":1},,{\"b\":2}]", "{\"a\":1}@1 !InvalidJson@9 {\"b\":2}@10"},
	{"a comma before the first element", "[,{\"b\":2}]", "!InvalidJson@1 {\"b\":2}@2"},
	{"lines with commas", "{\"a\":1},\n{\"b\":2},\n{\"c\":3}\n", "?{\"a\":1},\n{\"b\":2},\n{\"c\":3}@0"},
	{"one line with a comma", "{\"a\":1}\n{\"b\":2},\n{\"c\":3}\n", "{\"a\":1}@0 ?{\"b\":2},@8 {\"c\":3}@17"},
	{"a comma between objects", "{\"a\":1},{\"b\":2}", "?{\"a\":1},{\"b\":2}@0"},

	/* damaged lines */
	{"a line that was cut", "{\"a\":1}\n{\"b\":\n{\"c\":3}\n{\"d\":4}", "{\"a\":1}@0 ?{\"b\":@8 {\"c\":3}@14 {\"d\":4}@22"},
	{"a line cut in a string", "{\"a\":1}\n{\"b\":\"x\n{\"c\":3}", "{\"a\":1}@0 ?{\"b\":\"x@8 {\"c\":3}@16"},
	{"a line cut behind a comma", "{\"a\":1}\n{\"b\":2,\n{\"c\":3}", "{\"a\":1}@0 ?{\"b\":2,@8 {\"c\":3}@16"},
	{"a line cut in an array", "{\"a\":1}\n{\"b\":[\n{\"c\":3}\n{\"d\":4}\n", "{\"a\":1}@0 ?{\"b\":[@8 {\"c\":3}@15 {\"d\":4}@23"},
	{"the last line was cut", "{\"a\":1}\n{\"b\":", "{\"a\":1}@0 ?{\"b\":@8"},
	{"the first line was cut", "{\"a\":\n{\"b\":2}\n{\"c\":3}", "?{\"a\":@0 {\"b\":2}@6 {\"c\":3}@14"},
	{"the first line is no JSON", "hello, world\n{\"b\":2}\n{\"c\":3}", "?hello, world@0 {\"b\":2}@13 {\"c\":3}@21"},
	{"lines that are no objects", "{\"a\":1}\n42\n\"x\"\n}\nnull\n{\"b\":2}", "{\"a\":1}@0 ?42@8 ?\"x\"@11 ?}@15 ?null@17 {\"b\":2}@22"},
	{"a line with a bracket too many", "{\"a\":1}\n{\"b\":2}}\n{\"c\":3}", "{\"a\":1}@0 ?{\"b\":2}}@8 {\"c\":3}@17"},
	{"two damaged lines", "{\"a\":1}\n{\"b\":[\n{\"c\":[\n{\"d\":4}\n", "{\"a\":1}@0 ?{\"b\":[@8 ?{\"c\":[@15 {\"d\":4}@22"},
	{"a value over lines amid damaged ones is no record", "{\"a\":1}\n{\"b\":[\n{\"c\":\n1}\n{\"d\":2}\n", "{\"a\":1}@0 ?{\"b\":[@8 ?{\"c\":@15 ?1}@21 {\"d\":2}@24"},
	{"a cut line whose bracket comes later", "{\"a\":1}\n{\"b\":2,\n{\"c\":3}\n}\n{\"d\":4}", "{\"a\":1}@0 ?{\"b\":2,@8 {\"c\":3}@16 ?}@24 {\"d\":4}@26"},
	{"damaged lines, and the end", "{\"a\":1}\n[1,\n{\"c\":\"", "{\"a\":1}@0 ?1@9 ?{\"c\":\"@12 !InvalidJson@18"},
	{"an array in lines with a damaged one", "[\n{\"a\":1},\n{\"b\":\"x},\n{\"c\":3}\n]", "{\"a\":1}@2 ?{\"b\":\"x}@11 {\"c\":3}@21"},

	/* damaged where nothing tells the next record */
	{"one object that was cut", "{\"a\":1, \"b\":", "?{\"a\":1, \"b\":@0"},
	{"one object over lines that was cut", "{\n\"a\":{\n\"x\":1},\n\"b\":", "?{\n\"a\":{\n\"x\":1},\n\"b\":@0"},
	{"an object over lines, damaged", "{\n\"a\":\"x,\n\"b\":[\n{\"c\":1}\n]\n}", "?{\n\"a\":\"x,\n\"b\":[\n{\"c\":1}\n]\n}@0"},
	{"more behind the object", "{\"a\":1} x", "?{\"a\":1} x@0"},
	{"more behind an array", "[{\"a\":1}] x", "{\"a\":1}@1 ?x@10"},
	{"damaged between others", "{\"a\":1}{\"b\":\"2}{\"c\":3}\n", "{\"a\":1}@0 ?{\"b\":\"2}{\"c\":3}@7"},
	{"an array without a comma", "[{\"a\":1},{\"b\":2} {\"c\":3}]", "{\"a\":1}@1 !RestUnreadable@9"},
	{"an array that was cut", "[{\"a\":1},{\"b\":", "{\"a\":1}@1 !RestUnreadable@9"},
	{"an array cut between elements", "[{\"a\":1},{\"b\":2}", "{\"a\":1}@1 {\"b\":2}@9 !InvalidJson@16"},
	{"an array cut behind a comma", "[{\"a\":1},", "{\"a\":1}@1 !InvalidJson@9"},
	{"an array that is only opened", "[", "!InvalidJson@1"},
	{"the wrong bracket", "[{\"a\":[1}},{\"b\":2}]", "!RestUnreadable@1"},
	{"a scalar", "42", "?42@0"},
	{"a string", "\"{}\"", "?\"{}\"@0"},
	{"no JSON", "a;b;c\n1;2;3\n4;5;6\n", "?a;b;c\n1;2;3\n4;5;6@0"},
	{"a bracket too many", "}", "?}@0"},

	/* too long: 40 bytes are allowed */
	{"as long as allowed", "{\"a\":\"67890123456789012345678901234567\"}", "{\"a\":\"67890123456789012345678901234567\"}@0"},
	{"a byte longer", "{\"a\":\"678901234567890123456789012345678\"}", "!RecordTooLong@0"},
	{"a long one in between", "{\"a\":1}{\"b\":\"67890123456789012345678901234567890\"}{\"c\":3}", "{\"a\":1}@0 !RecordTooLong@7 {\"c\":3}@50"},
	{"a long line", "{\"a\":1}\n{\"b\":\"67890123456789012345678901234567890\"}\n{\"c\":3}", "{\"a\":1}@0 !RecordTooLong@8 {\"c\":3}@52"},
	{"a long line that was cut", "{\"a\":1}\n{\"b\":\"6789012345678901234567890123456789012\n{\"c\":3}", "{\"a\":1}@0 !RecordTooLong@8 {\"c\":3}@52"},
	{"a long element", "[{\"b\":\"67890123456789012345678901234567890\"},{\"c\":3}]", "!RecordTooLong@1 {\"c\":3}@45"},
	{"a long first one, damaged", "{\"a\":\"456789012345678901234567890123456789\n{\"b\":2}", "!RestUnreadable@0"},
	{"a long one that was cut", "{\"a\":1} {\"b\":[11111111111111111111111111111111111111111", "{\"a\":1}@0 !RestUnreadable@8"},
	{"a long rest", "{\"a\":1}{} xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{\"b\":2}", "{\"a\":1}@0 !RestUnreadable@7"}
};

/* One record as it is compared. */
static void
write_record(AwsxBuf *out, const SplitRecord *record)
{
	JsonObject	object;
	JsonProblem problem;

	if (out->len > 0)
		awsx_buf_putc(out, ' ');
	if (record->code != NULL)
		awsx_buf_printf(out, "!%s", record->code);
	else
	{
		if (!json_find_object(record->text, record->len, NULL, NULL, &object, &problem))
			awsx_buf_putc(out, '?');
		awsx_buf_append(out, record->text, record->len);
	}
	awsx_buf_printf(out, "@%lld", (long long) record->offset);
}

/*
 * Everything that comes out of the bytes, pushed in pieces: the first of
 * "first" bytes, the others of "piece".  places (may be null) gets the place
 * after each record; *number is the last record's.
 */
static void
run(const char *bytes, size_t len, size_t first, size_t piece, const SplitPlace *from,
	AwsxBuf *out, SplitPlace *places, int *count)
{
	Split	   *split = split_create(MAX_RECORD, from);
	size_t		at = from != NULL ? (size_t) from->offset : 0;
	size_t		n = first;
	SplitRecord record;
	SplitStep	step;
	int64_t		number = from != NULL ? from->records : 0;
	bool		numbered = true;

	*count = 0;
	while ((step = split_next(split, &record)) != SPLIT_END)
	{
		if (step == SPLIT_MORE && at == len)
			split_finish(split);
		else if (step == SPLIT_MORE)
		{
			if (n > len - at)
				n = len - at;
			/* a copy of its own, so that reading beyond it is noticed */
			char	   *copy = malloc(n);

			memcpy(copy, bytes + at, n);
			split_push(split, copy, n);
			free(copy);
			at += n;
			n = piece;
		}
		else
		{
			numbered = numbered && record.number == ++number;
			write_record(out, &record);
			if (places != NULL)
				places[*count] = split_place(split);
			(*count)++;
		}
	}
	if (!numbered)
		awsx_buf_puts(out, " misnumbered");
	split_free(split);
}

static const char *
text_of(AwsxBuf *out)
{
	awsx_buf_puts(out, "");
	return out->data != NULL ? out->data : "";
}

/* The same, whatever the pieces. */
static bool
test_pieces(const Case *test, size_t len, const char *expected)
{
	AwsxBuf		out;
	int			count;
	bool		same = true;

	awsx_buf_init(&out, 0);
	for (size_t piece = 1; piece <= len && same; piece++)
	{
		awsx_buf_reset(&out);
		run(test->bytes, len, piece, piece, NULL, &out, NULL, &count);
		same = strcmp(text_of(&out), expected) == 0;
		awsx_buf_reset(&out);
		if (same)
			run(test->bytes, len, piece, len, NULL, &out, NULL, &count);
		same = same && strcmp(text_of(&out), expected) == 0;
		if (!same)
			printf("# pieces of %zu: %s\n", piece, text_of(&out));
	}
	awsx_buf_free(&out);
	return same;
}

/* From the place after each record the same follows. */
static bool
test_places(const Case *test, size_t len, const char *expected)
{
	SplitPlace	places[20];
	SplitPlace	ignored[20];
	AwsxBuf		out;
	AwsxBuf		rest;
	int			count;
	int			left;
	bool		same = true;

	awsx_buf_init(&out, 0);
	awsx_buf_init(&rest, 0);
	run(test->bytes, len, len, 1, NULL, &out, places, &count);
	for (int i = 0; i < count && same; i++)
	{
		const char *tail = expected;

		awsx_buf_reset(&rest);
		run(test->bytes, len, 1, 1, &places[i], &rest, ignored, &left);
		tail += strlen(expected) - strlen(text_of(&rest));
		same = left == count - i - 1 && places[i].records == i + 1 && strcmp(tail, text_of(&rest)) == 0;
		if (!same)
			printf("# after record %d: %s\n", i + 1, text_of(&rest));
	}
	awsx_buf_free(&out);
	awsx_buf_free(&rest);
	return same;
}

/* A long one that ends the whole has no place after it. */
static void
test_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const Case *test = &cases[i];
		size_t		len = strlen(test->bytes);
		AwsxBuf		out;
		int			count;

		awsx_buf_init(&out, 0);
		run(test->bytes, len, len + 1, 1, NULL, &out, NULL, &count);
		is_str(text_of(&out), test->expected, test->name);
		ok(test_pieces(test, len, test->expected), "%s: in pieces of every size", test->name);
		ok(test_places(test, len, test->expected), "%s: resumed at every record", test->name);
		awsx_buf_free(&out);
	}
}

/* Random damage: it ends, nothing is given out twice, and what is a record is one. */
static void
test_damage(void)
{
	static const char marks[] = "{}[]\":,\\\n 1x";
	unsigned	seed = 1;
	int			wrong = 0;

	for (int round = 0; round < 20000; round++)
	{
		char		bytes[121];
		size_t		len;
		AwsxBuf		whole;
		AwsxBuf		pieces;
		int			count;

		snprintf(bytes, sizeof(bytes), "%s", cases[(size_t) round % 20].bytes);
		len = strlen(bytes);
		for (int i = 0; i < 3 && len > 0; i++)
		{
			seed = seed * 1103515245 + 12345;
			bytes[(seed >> 8) % len] = marks[(seed >> 20) % (sizeof(marks) - 1)];
		}
		awsx_buf_init(&whole, 0);
		awsx_buf_init(&pieces, 0);
		run(bytes, len, len + 1, 1, NULL, &whole, NULL, &count);
		run(bytes, len, 1, 1, NULL, &pieces, NULL, &count);
		if (strcmp(text_of(&whole), text_of(&pieces)) != 0 && wrong++ < 5)
			printf("# %s\n#   whole: %s\n#  pieces: %s\n", bytes, text_of(&whole), text_of(&pieces));
		awsx_buf_free(&whole);
		awsx_buf_free(&pieces);
	}
	is_int(wrong, 0, "20000 damaged objects: whole and byte by byte give the same");
}

/* Lines that each open a bracket would cost the square of their number, looked at again and again. */
static void
test_linear(void)
{
	size_t		len = (size_t) 2 << 20;
	char	   *bytes = malloc(len);
	Split	   *split = split_create((size_t) 1 << 20, NULL);
	SplitRecord record;
	SplitStep	step;
	int			count = 0;

	memcpy(bytes, "{}\n{}\n", 6);
	for (size_t i = 6; i < len; i++)
		bytes[i] = "{\"a\":[\n"[(i - 6) % 7];
	split_push(split, bytes, len);
	split_finish(split);
	while ((step = split_next(split, &record)) == SPLIT_RECORD)
		count++;
	ok(step == SPLIT_END && count > 290000, "two million bytes of open lines are %d lines", count);
	split_free(split);
	free(bytes);
}

/* A record of 64 KB, and one of a gigabyte, in pieces, in little memory. */
static void
test_large(void)
{
	Split	   *split = split_create((size_t) 1 << 20, NULL);
	char	   *piece = malloc(65536);
	SplitRecord record;
	struct rusage usage;

	memset(piece, 'x', 65536);
	split_push(split, "{\"a\":\"", 6);
	split_next(split, &record);
	split_push(split, piece, 65520);
	split_next(split, &record);
	split_push(split, "\"}\n", 3);
	ok(split_next(split, &record) == SPLIT_RECORD && record.len == 65528, "a record of 64 KB");
	split_push(split, "{\"a\":\"", 6);
	for (int i = 0; i < 16384; i++)
	{
		if (split_next(split, &record) != SPLIT_MORE || !split_push(split, piece, 65536))
			break;
	}
	split_next(split, &record);
	split_push(split, "\"}\n{\"b\":2}", 10);
	split_finish(split);
	ok(split_next(split, &record) == SPLIT_RECORD && record.code != NULL &&
	   strcmp(record.code, "RecordTooLong") == 0, "a record of a gigabyte is too long");
	ok(record.len == SPLIT_KEPT_BYTES && memcmp(record.text, "{\"a\":\"xxx", 9) == 0 && record.offset == 65529,
	   "its beginning is kept, and where it was");
	ok(split_next(split, &record) == SPLIT_RECORD && record.len == 7 && record.offset == 65529 + 6 + 16384LL * 65536 + 3,
	   "and the next one is found");
	split_free(split);
	free(piece);
	getrusage(RUSAGE_SELF, &usage);
	ok(usage.ru_maxrss < 100 * 1024, "all that in %ld MB", usage.ru_maxrss / 1024);
}

int
main(void)
{
	test_cases();
	test_damage();
	test_linear();
	test_large();
	return tap_done();
}
