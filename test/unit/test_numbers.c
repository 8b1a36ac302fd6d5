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
	AwsxError	error;
	AwsxBuf		buf;
	Program    *program;
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
	program = program_compile(text, &error);
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
	program_free(program);
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
	test_rules();
	test_computed();
	test_strings();
	test_fast_way();
	test_many();
	return tap_done();
}
