/*
 * test_numbers.c
 *	  Number literals: comparison as decimals, the way through jq and back,
 *	  ambiguity, and the serializer.
 */
#include <math.h>
#include <stdlib.h>

#include "enrich.h"
#include "json.h"
#include "numbers.h"
#include "program.h"
#include "render.h"
#include "tap.h"

/* Compiling costs 20 ms, so each program is compiled once; freed by forget_programs. */
static struct
{
	const char *text;
	Program    *program;
}			compiled[128];

static Program *
program_of(const char *text)
{
	AwsxError	error;
	int			i = 0;

	while (i < 127 && compiled[i].text != NULL && strcmp(compiled[i].text, text) != 0)
		i++;
	if (compiled[i].text == NULL)
	{
		compiled[i].text = text;
		compiled[i].program = program_compile(text, &error);
	}
	return compiled[i].program;
}

static void
forget_programs(void)
{
	for (int i = 0; i < 128; i++)
		program_free(compiled[i].program);
}

/*
 * The record through the program and the serializer, as text in a static
 * buffer; or a word for what went wrong.
 */
static const char *
through(const char *record, const char *text)
{
	static char out[8192];
	Numbers		numbers;
	JsonObject	object;
	JsonProblem problem;
	AwsxBuf		buf;
	Program    *program = program_of(text);
	jv			value;

	numbers_init(&numbers, record);
	awsx_buf_init(&buf, 0);
	snprintf(out, sizeof(out), "bad JSON");
	if (!json_find_object(record, strlen(record), numbers_add, &numbers, &object, &problem))
	{
		if (problem.code == NULL)
			snprintf(out, sizeof(out), numbers.problem == NUMBERS_AMBIGUOUS ? "ambiguous" : "extreme");
		numbers_free(&numbers);
		return out;
	}
	program_start(program, jv_parse_sized(record + object.offset, (int) object.len));
	while (program_next(program, &value) == PROGRAM_VALUE)
	{
		if (buf.len > 0)
			awsx_buf_putc(&buf, ' ');
		if (render_json(value, &numbers, &buf) == RENDER_NOT_FINITE)
			awsx_buf_puts(&buf, "not finite");
		jv_free(value);
	}
	snprintf(out, sizeof(out), "%s", buf.data ? buf.data : "");
	awsx_buf_free(&buf);
	numbers_free(&numbers);
	return out;
}

static void
test_equal(void)
{
	static const struct
	{
		const char *a;
		const char *b;
		bool		equal;
	}			cases[] = {
		{"1.1", "1.10", true}, {"1.1", "11e-1", true}, {"100", "1e2", true},
		{"100", "1.00E+2", true}, {"0.001", "1e-3", true}, {"0", "-0", true},
		{"0", "0.000e99", true}, {"12.00", "12", true}, {"120.0", "12e1", true},
		{"10.01", "1001e-2", true}, {"1.1", "-1.1", false}, {"1.1", "1.11", false},
		{"9007199254740993", "9007199254740992", false}, {"0.1", "0.01", false},
		{"1e400", "1e401", false}, {"10e399", "1e400", true}, {"101", "1.1", false},
		{"1e-400", "0", false}, {"1001", "101", false}, {"0.10010", "1001e-4", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(numbers_equal(cases[i].a, strlen(cases[i].a), cases[i].b, strlen(cases[i].b)) == cases[i].equal &&
		   numbers_equal(cases[i].b, strlen(cases[i].b), cases[i].a, strlen(cases[i].a)) == cases[i].equal,
		   "%s and %s are %s", cases[i].a, cases[i].b, cases[i].equal ? "equal" : "different");
}

/* Every literal alone, through programs that only move it. */
static void
test_literals(void)
{
	static const char *const literals[] = {
		"12345678901234567.89", "1.10", "19.99", "0.1", "1e-7", "1E+400", "-1e400", "-0", "0",
		"0.00", "12345678901234567890", "-99999999999999999999",
		"1234567890123456789012345678901234567.890", "1e-400", "5e-324", "1.7976931348623157e308",
		"1.7976931348623159e308", "100", "1e2", "123456789.123456789", "3.0", "2.50", "1E5",
		"0.30000000000000004", "9007199254740993", "4.35", "1e22", "1e23", "-1.0e-0",
	};
	char		record[400];
	char		want[400];

	for (size_t i = 0; i < sizeof(literals) / sizeof(literals[0]); i++)
	{
		const char *n = literals[i];

		snprintf(record, sizeof(record), "{\"a\":%s,\"b\":{\"c\":[%s,\"x\"]}}", n, n);
		is_str(through(record, "."), record, n);
		is_str(through(record, "del(.x)|."), record, "... through a compiled program");
		snprintf(want, sizeof(want), "%s", n);
		is_str(through(record, ".b.c[0]"), want, "... nested");
		snprintf(want, sizeof(want), "[%s]", n);
		is_str(through(record, ".b.c | map(select(type == \"number\"))"), want, "... map and select");
		snprintf(want, sizeof(want), "{\"k\":{\"a\":%s}}", n);
		is_str(through(record, "{k: del(.b)}"), want, "... del and a new object");
	}
}

/*
 * Programs that reorder, filter, rebuild and compute without changing the
 * value, over {"a": N, "b": "x"}; %s stands for the literal.
 */
static const struct
{
	const char *program;
	const char *want;
}			moves[] = {
	{".", "{\"a\":%s,\"b\":\"x\"}"},
	{"select(.b == \"x\")", "{\"a\":%s,\"b\":\"x\"}"},
	{"select(.a == .a)", "{\"a\":%s,\"b\":\"x\"}"},
	{"del(.b)", "{\"a\":%s}"},
	{"{b, a}", "{\"b\":\"x\",\"a\":%s}"},
	{"{deep: {er: [.a, {a}]}}", "{\"deep\":{\"er\":[%s,{\"a\":%s}]}}"},
	{"[.[]]", "[%s,\"x\"]"},
	{"[.[]] | reverse", "[\"x\",%s]"},
	{"[.[]] | sort", "[%s,\"x\"]"},
	{"[.b, .a] | sort_by(type)", "[%s,\"x\"]"},
	{"[., .] | group_by(.a) | .[0][1].a", "%s"},
	{"[., .] | unique_by(.a) | .[0].a", "%s"},
	{"[.a, .a] | unique", "[%s]"},
	{"[.a] | min", "%s"},
	{"[.a] | max", "%s"},
	{"to_entries", "[{\"key\":\"a\",\"value\":%s},{\"key\":\"b\",\"value\":\"x\"}]"},
	{"with_entries(select(.key == \"a\"))", "{\"a\":%s}"},
	{"with_entries(.key |= \"k_\" + .)", "{\"k_a\":%s,\"k_b\":\"x\"}"},
	{"map_values(select(type == \"number\"))", "{\"a\":%s}"},
	{"walk(.)", "{\"a\":%s,\"b\":\"x\"}"},
	{"[.. | numbers]", "[%s]"},
	{"reduce .a as $x ({}; .v = $x)", "{\"v\":%s}"},
	{"[foreach .a as $x (0; $x)]", "[%s]"},
	{". as {a: $q} | {$q}", "{\"q\":%s}"},
	{".a as $x | .b |= $x", "{\"a\":%s,\"b\":%s}"},
	{".c.d = .a | del(.a)", "{\"b\":\"x\",\"c\":{\"d\":%s}}"},
	{"{x: 1} + {a}", "{\"x\":1,\"a\":%s}"},
	{"{x: {y: 1}} * {x: {a: .a}}", "{\"x\":{\"y\":1,\"a\":%s}}"},
	{"if .b then .a else null end", "%s"},
	{".missing // .a", "%s"},
	{"first(.a, .b)", "%s"},
	{"getpath([\"a\"])", "%s"},
	{"setpath([\"c\", 0]; .a) | .c", "[%s]"},
	{"[paths(type == \"number\") as $p | getpath($p)]", "[%s]"},
	{"[limit(1; .a)]", "[%s]"},
	{"try .a catch .", "%s"},
	{"[[.a]] | flatten", "[%s]"},
	{"[.a] + [.b]", "[%s,\"x\"]"},
	{"[.a, .b] | .[0:1]", "[%s]"},
	{"def f: .a; {r: f}", "{\"r\":%s}"},
	{".a * 1", "%s"},
	{".a / 1", "%s"},
	{"-(-(.a))", "%s"},
};

static void
test_moves(void)
{
	static const char *const literals[] = {
		"0.1", "1.10", "19.99", "-0", "1e-7", "1E+400", "-1E+400", "12345678901234567890", "-99999999999999999999",
		"1234567890.123456789012345678901234567890", "0.1234567890123456789012345678901234567890",
		"0.12345678901234567", "1234567890123456.7", "-2.2250738585072014e-308", "7.00", "9007199254740993"
	};
	char		record[200];
	char		want[400];
	int			wrong = 0;

	for (size_t i = 0; i < sizeof(literals) / sizeof(literals[0]); i++)
	{
		snprintf(record, sizeof(record), "{\"a\":%s,\"b\":\"x\"}", literals[i]);
		for (size_t m = 0; m < sizeof(moves) / sizeof(moves[0]); m++)
		{
			size_t		len = 0;
			const char *got = through(record, moves[m].program);

			/* jq 1.8 makes 0 of both -0 and -(0): another sign, the same value */
			if (strcmp(moves[m].program, "-(-(.a))") == 0 && strcmp(literals[i], "-0") == 0 && strcmp(got, "0") == 0)
				continue;
			for (const char *p = moves[m].want; *p != '\0'; p++)
				len += (size_t) (*p == '%' ? sprintf(want + len, "%s", literals[i]) : sprintf(want + len, "%c", *p)), p += *p == '%';
			if (strcmp(got, want) != 0)
			{
				printf("# %s through %s\n#      got: %s\n# expected: %s\n", record, moves[m].program, got, want);
				wrong++;
			}
		}
		ok(wrong == 0, "%s through %d programs that move it", literals[i], (int) (sizeof(moves) / sizeof(moves[0])));
		wrong = 0;
	}
}

static void
test_rules(void)
{
	is_str(through("{\"a\":1.1,\"b\":1.10}", "."), "{\"a\":1.1,\"b\":1.10}",
		   "equal values: each name keeps its literal");
	is_str(through("{\"b\":1.10,\"a\" : \t1.1}", "{a,b,c:.a}"), "{\"a\":1.1,\"b\":1.10,\"c\":1.10}",
		   "... another name gets the one with most digits");
	is_str(through("{\"a\":1.1,\"b\":{\"a\":1.10}}", "."), "{\"a\":1.10,\"b\":{\"a\":1.10}}",
		   "... as does a name that stands twice");
	is_str(through("{\"a\":[1.1,1.10]}", "."), "{\"a\":[1.10,1.10]}", "... and an array's elements");
	is_str(through("{\"a\\u0062\":1.1,\"ab\":1.10,\"x\\\"y\":1.100}", "."),
		   "{\"ab\":1.10,\"x\\\"y\":1.100}", "... and a name with escapes");
	is_str(through("{\"x\\\"a\":1.10,\"a\":1.1,\"\\\\\":1.100,\"\":1.1}", "."),
		   "{\"x\\\"a\":1.100,\"a\":1.1,\"\\\\\":1.100,\"\":1.1}", "... and only that name");
	is_str(through("{\"a\":[100,1e2]}", "."), "{\"a\":[100,100]}", "... 100 rather than 1e2");
	is_str(through("{\"a\":[1.50,15.0e-1]}", "."), "{\"a\":[1.50,1.50]}", "... the first of equals");
	is_str(through("{\"a\":9007199254740993,\"b\":9007199254740992}", "."), "ambiguous",
		   "two values of one double");
	is_str(through("{\"a\":12345678901234567.89,\"b\":12345678901234567.88}", "."), "ambiguous", "... decimals");
	is_str(through("{\"a\":1e400,\"b\":1e401}", "."), "ambiguous", "... both infinite");
	is_str(through("{\"a\":1e-400,\"b\":0}", "."), "ambiguous", "... both zero");
	is_str(through("{\"a\":1e400,\"b\":10e399}", "."), "{\"a\":1e400,\"b\":10e399}", "infinite, but equal");
	is_str(through("{\"a\":0,\"b\":-0}", "."), "{\"a\":0,\"b\":-0}", "0 and -0 are told apart");
	is_str(through("{\"a\":1e1000000001}", "."), "extreme", "an exponent beyond 10^9");
	is_str(through("{\"a\":1e-99999999999999999999999}", "."), "extreme", "... far beyond");
	is_str(through("{\"a\":1e0000000000000000000000002}", "."), "{\"a\":1e0000000000000000000000002}",
		   "... but zeros do not count");
}

static void
test_computed(void)
{
	is_str(through("{\"a\":0.1,\"b\":0.2}", ".a + .b"), "0.30000000000000004", "a sum is a double, shortest form");
	is_str(through("{\"a\":0.1,\"b\":0.2,\"c\":0.30000000000000004}", ".a + .b"), "0.30000000000000004",
		   "... or the literal that has this double");
	is_str(through("{\"a\":1.10}", ".a * 2"), "2.2", "a product");
	is_str(through("{\"a\":1}", "[.a / 3, -5, 1e17, 123456789012, 1e300, 0.1]"),
		   "[0.3333333333333333,-5,1e+17,123456789012,1e+300,0.1]",
		   "constants and quotients");
	is_str(through("{\"a\":1}", "nan, infinite"), "not finite not finite", "NaN and infinity are refused");
	is_str(through("{\"a\":2.0}", "[1,2] | length"), "2.0", "an equal computed value is written as the literal");
}

/* Each literal's value in its one form. */
static void
test_values(void)
{
	static const char *const cases[][2] = {
		{"1", "1"}, {"1.0", "1"}, {"10e-1", "1"}, {"0.1e1", "1"}, {"-1.50", "-1.5"}, {"0", "0"}, {"-0", "0"},
		{"0.000", "0"}, {"0e7", "0"}, {"100", "100"}, {"1e2", "100"}, {"1.00E+2", "100"}, {"0.010", "0.01"},
		{"105e-1", "10.5"}, {"100.5", "100.5"}, {"1234.5600", "1234.56"}, {"12345678901234567890", "12345678901234567890"},
		{"12345678901234567.890", "12345678901234567.89"}, {"1e40", "10000000000000000000000000000000000000000"},
		{"1e41", "1e41"}, {"10e40", "1e41"}, {"-1.20e400", "-12e399"}, {"1e-41", "0.00000000000000000000000000000000000000001"},
		{"1e-42", "1e-42"}, {"120e-60", "12e-59"}, {"0.5", "0.5"}, {"5e1", "50"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Numbers		numbers;
		AwsxBuf		buf;
		jv			value = jv_parse(cases[i][0]);

		numbers_init(&numbers, cases[i][0]);
		awsx_buf_init(&buf, 0);
		numbers_add(&numbers, 0, strlen(cases[i][0]));
		numbers_put_value(&numbers, jv_number_value(value), &buf);
		is_str(buf.data, cases[i][1], cases[i][0]);
		jv_free(value);
		awsx_buf_free(&buf);
		numbers_free(&numbers);
	}
}

/* ---- random records through programs that keep every value ---- */

static unsigned random_seed = 20260102;

static unsigned
random_below(unsigned n)
{
	random_seed = random_seed * 1103515245 + 12345;
	return (random_seed >> 16) % n;
}

static const char *
pick_text(const char *const *texts)
{
	unsigned	n = 0;

	while (texts[n] != NULL)
		n++;
	return texts[random_below(n)];
}

static void
put_space(AwsxBuf *buf)
{
	static const char *const spaces[] = {"", "", "", " ", "\t", "\r\n ", "   ", NULL};

	awsx_buf_puts(buf, pick_text(spaces));
}

/* Names that look like the end of a name, of a string or of a number. */
static void
put_name(AwsxBuf *buf)
{
	static const char *const names[] = {
		"a", "b", "amount", "", " ", ":", "a:", "\\\":", "\\\\", "x\\\\", "\\\\\\\"", "a\\u0062", "a\\\"b", "\\\"b",
		"1.10", ":1.1", "\xC3\xA9", "{", "[1.1,", "a\\/b", "ab", "b\\\"", "\\u0000", NULL
	};

	awsx_buf_printf(buf, "\"%s\"", pick_text(names));
}

static void
put_random_value(AwsxBuf *buf, int depth)
{
	static const char *const literals[] = {
		"1.1", "1.10", "11e-1", "1.100", "0.11E1", "-1.1", "1", "1.0", "1e0", "100", "1e2", "1.00e+2", "0", "0.0", "-0",
		"12345678901234567.89", "12345678901234567.890", "1234567890123456789012345678901234567890",
		"1e400", "10e399", "19.99", "0.1", "9007199254740993", "9007199254740993.0", "9007199254740992", "5e-324", "1e-7", NULL
	};
	static const char *const others[] = {"null", "true", "\"1.1\"", "\"\\\":1.10\"", "\"\\\\\"", "\"a:1\"", NULL};
	unsigned	kind = random_below(depth > 3 ? 6 : 10);
	unsigned	n = random_below(4);

	put_space(buf);
	if (kind < 5)
		awsx_buf_puts(buf, pick_text(literals));
	else if (kind < 6)
		awsx_buf_puts(buf, pick_text(others));
	else
	{
		awsx_buf_putc(buf, kind < 8 ? '[' : '{');
		for (unsigned i = 0; i < n; i++)
		{
			if (i > 0)
				awsx_buf_putc(buf, ',');
			if (kind >= 8)
			{
				put_space(buf);
				put_name(buf);
				put_space(buf);
				awsx_buf_putc(buf, ':');
			}
			put_random_value(buf, depth + 1);
		}
		put_space(buf);
		awsx_buf_putc(buf, kind < 8 ? ']' : '}');
	}
	put_space(buf);
}

/* The literals of a JSON text, in a list that jq and this test order alike. */
typedef struct Literals
{
	const char *text;
	int			count;
	struct
	{
		const char *at;
		size_t		len;
	}			items[4096];
} Literals;

static bool
collect(void *arg, size_t offset, size_t len)
{
	Literals   *literals = arg;

	if (literals->count < 4096)
	{
		literals->items[literals->count].at = literals->text + offset;
		literals->items[literals->count++].len = len;
	}
	return true;
}

static bool
collect_all(const char *text, Literals *literals)
{
	JsonObject	object;
	JsonProblem problem;

	literals->text = text;
	literals->count = 0;
	return json_find_object(text, strlen(text), collect, literals, &object, &problem);
}

/* Does jq read in our text what its program makes of the record? */
static bool
same_values(const char *record, const char *text, const char *out)
{
	Program    *program = program_of(text);
	jv			value;
	bool		same;

	program_start(program, jv_parse(record));
	same = program_next(program, &value) == PROGRAM_VALUE && jv_equal(value, jv_parse(out));
	if (same && program_next(program, &value) == PROGRAM_VALUE)
		jv_free(value);
	return same;
}

/* Is each literal of the output written like one of the record, and equal in value to one? */
static bool
all_from(const Literals *out, const Literals *in)
{
	for (int i = 0; i < out->count; i++)
	{
		bool		found = false;

		for (int j = 0; j < in->count && !found; j++)
			found = out->items[i].len == in->items[j].len &&
				memcmp(out->items[i].at, in->items[j].at, in->items[j].len) == 0;
		if (!found)
			return false;
	}
	return true;
}

/*
 * Programs that only move values.  What jq itself says of structure (names,
 * order, kinds) must be what our text says when jq reads it; and every number
 * in it is one of the record's own literals.
 */
static void
test_random_records(void)
{
	static const char *const programs[] = {
		".", ". | .", "select(true)", "del(.zz)", "{n: .} | .n", "with_entries(.)", "{x: [., {y: .}]} | .x[1].y",
		"[.[]?] | {v: .}", "to_entries | {e: .}", "map_values(.)", NULL
	};
	static Literals in;
	static Literals out;
	int			same = 0;
	int			ambiguous = 0;
	int			wrong = 0;

	for (int i = 0; i < 20000; i++)
	{
		AwsxBuf		record;
		const char *program = pick_text(programs);
		const char *text;

		awsx_buf_init(&record, 0);
		awsx_buf_puts(&record, "{\"r\":");
		put_random_value(&record, 0);
		awsx_buf_puts(&record, ",");
		put_name(&record);
		awsx_buf_puts(&record, ":");
		put_random_value(&record, 0);
		awsx_buf_puts(&record, "}");
		text = record.len < 8000 ? through(record.data, program) : "ambiguous";
		if (strcmp(text, "ambiguous") == 0)
			ambiguous++;
		else if (!collect_all(record.data, &in) || !collect_all(text, &out) || !all_from(&out, &in) ||
				 !same_values(record.data, program, text))
		{
			if (wrong++ < 5)
				printf("# %s: %s became %s\n", program, record.data, text);
		}
		else
			same++;
		awsx_buf_free(&record);
	}
	ok(wrong == 0 && same > 15000 && ambiguous > 100, "%d random records keep values and literals (%d ambiguous)", same, ambiguous);
}

static void
test_strings(void)
{
	is_str(through("{\"s\":\"\\u0000\\u001f\\b\\f\\n\\r\\t\\\"\\\\\\/\\u007f\"}", ".s"),
		   "\"\\u0000\\u001f\\b\\f\\n\\r\\t\\\"\\\\/\x7f\"", "escapes: the fewest");
	is_str(through("{\"s\":\"\\ufffe\\uffff\\ufffd\\ud83d\\ude00\\u00e9\"}", ".s"),
		   "\"\\ufffe\\uffff\xEF\xBF\xBD\xF0\x9F\x98\x80\xC3\xA9\"", "what SQS refuses stays escaped");
	is_str(through("{\"b\":1,\"a\":[],\"c\":{},\"\":null,\"t\":[true,false]}", ".|."),
		   "{\"b\":1,\"a\":[],\"c\":{},\"\":null,\"t\":[true,false]}", "members in jq's order");
}

/* The fast way and jq's own must give the same double. */
static void
test_fast_way(void)
{
	int			wrong = 0;
	int			tried = 0;
	unsigned	seed = 12345;

	for (int i = 0; i < 20000; i++)
	{
		char		record[128];
		char		literal[64];
		int			n = 0;
		int			digits;

		seed = seed * 1103515245 + 12345;
		digits = 1 + (int) (seed >> 16) % 17;
		literal[n++] = '1' + (char) ((seed >> 8) % 9);
		for (int d = 1; d < digits; d++)
		{
			seed = seed * 1103515245 + 12345;
			if (d == digits / 2)
				literal[n++] = '.';
			literal[n++] = '0' + (char) ((seed >> 16) % 10);
		}
		seed = seed * 1103515245 + 12345;
		snprintf(literal + n, sizeof(literal) - (size_t) n, "e%d", (int) (seed >> 16) % 600 - 300);
		snprintf(record, sizeof(record), "{\"a\":%s}", literal);
		tried++;
		if (strcmp(through(record, ".a"), literal) != 0 && wrong++ < 5)
			printf("# %s became %s\n", literal, through(record, ".a"));
	}
	ok(wrong == 0, "%d random literals pass unchanged", tried);
}

static void
test_many(void)
{
	AwsxBuf		record;
	Numbers		numbers;
	JsonObject	object;
	JsonProblem problem;

	awsx_buf_init(&record, 0);
	awsx_buf_puts(&record, "{\"a\":[0");
	for (int i = 1; i < 50000; i++)
		awsx_buf_printf(&record, ",%d.%02d", i / 7, i % 100);
	awsx_buf_puts(&record, "]}");
	numbers_init(&numbers, record.data);
	ok(json_find_object(record.data, record.len, numbers_add, &numbers, &object, &problem),
	   "50000 numbers");
	ok(numbers.count > 40000 && numbers.allocated >= numbers.count * 2, "the table grows");
	numbers_free(&numbers);
	awsx_buf_free(&record);
}

int
main(void)
{
	test_equal();
	test_literals();
	test_moves();
	test_rules();
	test_computed();
	test_values();
	test_random_records();
	test_strings();
	test_fast_way();
	test_many();
	forget_programs();
	return tap_done();
}
