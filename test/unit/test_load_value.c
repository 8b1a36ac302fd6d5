/*
 * test_load_value.c
 *	  One value of JSON as the text of a column: what is taken, how it is
 *	  written, what is refused and why.
 *
 * That PostgreSQL takes and means the same is tested beside a server.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "load_value.h"
#include "redshift_table.h"
#include "tap.h"

/* The column's text, or the code of the refusal; in a static buffer. */
static const char *
value_of(const char *type_name, LoadJsonKind kind, const char *text, size_t len)
{
	static char result[70000];
	AwsxRedshiftType type;
	AwsxError	error;
	LoadProblem problem;
	AwsxBuf		buf;
	char	   *exact = malloc(len + (len == 0));

	if (!awsx_redshift_type_read(type_name, &type, &error))
		return "no such type";
	memcpy(exact, text, len);	/* so that sanitizers see a step too far */
	awsx_buf_init(&buf, 0);
	if (load_value(&type, kind, exact, len, &buf, &problem))
		snprintf(result, sizeof(result), "%s", buf.len > 0 ? buf.data : "");
	else
		snprintf(result, sizeof(result), "%s", problem.code != NULL ? problem.code : "no memory");
	awsx_buf_free(&buf);
	free(exact);
	return result;
}

typedef struct Case
{
	const char *type;
	LoadJsonKind kind;
	const char *text;
	const char *expected;
} Case;

#define S LOAD_JSON_STRING
#define N LOAD_JSON_NUMBER
#define B LOAD_JSON_BOOLEAN
#define D LOAD_JSON_NESTED
#define INVALID "InvalidValue"
#define RANGE "OutOfRange"
#define LONG "ValueTooLong"

static const Case cases[] = {
	/* integers */
	{"smallint", N, "32767", "32767"},
	{"smallint", N, "32768", RANGE},
	{"smallint", N, "-32768", "-32768"},
	{"smallint", N, "-32769", RANGE},
	{"integer", N, "2147483647", "2147483647"},
	{"integer", N, "2147483648", RANGE},
	{"integer", N, "-2147483648", "-2147483648"},
	{"bigint", N, "9223372036854775807", "9223372036854775807"},
	{"bigint", N, "9223372036854775808", RANGE},
	{"bigint", N, "-9223372036854775808", "-9223372036854775808"},
	{"bigint", N, "-9223372036854775809", RANGE},
	{"bigint", N, "99999999999999999999999999", RANGE},
	{"integer", N, "-0", "0"},
	{"integer", S, " \t+0042\n", "42"},
	{"integer", N, "1.0", INVALID},
	{"integer", N, "1e2", INVALID},
	{"integer", S, "", INVALID},
	{"integer", S, "-", INVALID},
	{"integer", S, "1 2", INVALID},
	{"integer", S, "1_000", INVALID},
	{"integer", S, "0x10", INVALID},
	{"integer", B, "true", INVALID},
	{"integer", D, "[1]", INVALID},
	/* decimals */
	{"decimal(12,2)", N, "1234.5", "1234.50"},
	{"decimal(12,2)", N, "0.005", "0.01"},
	{"decimal(12,2)", N, "-0.005", "-0.01"},
	{"decimal(12,2)", N, "0.0049999999999999999999999999999", "0.00"},
	{"decimal(12,2)", N, "-0.004", "0.00"},
	{"decimal(12,2)", N, "-0", "0.00"},
	{"decimal(12,2)", N, "1E+5", "100000.00"},
	{"decimal(12,2)", N, "1e-7", "0.00"},
	{"decimal(12,2)", N, "5e-3", "0.01"},
	{"decimal(12,2)", N, "5e-4", "0.00"},
	{"decimal(12,2)", N, "12345678901.5e-1", "1234567890.15"},
	{"decimal(12,2)", N, "9999999999.99", "9999999999.99"},
	{"decimal(12,2)", N, "9999999999.994", "9999999999.99"},
	{"decimal(12,2)", N, "9999999999.995", RANGE},
	{"decimal(12,2)", N, "10000000000", RANGE},
	{"decimal(12,2)", N, "1e1000000", RANGE},
	{"decimal(12,2)", N, "0e1000000", "0.00"},
	{"decimal(12,2)", N, "1e-1000000", "0.00"},
	{"decimal(12,2)", N, "1e99999999999999999999", RANGE},
	{"decimal(12,2)", N, "0e99999999999999999999", RANGE},
	{"decimal(12,2)", N, "1e-99999999999999999999", RANGE},
	{"decimal(12,2)", S, " 000123.4500000 ", "123.45"},
	{"decimal(12,2)", S, ".5", "0.50"},
	{"decimal(12,2)", S, "5.", "5.00"},
	{"decimal(12,2)", S, "+5", "5.00"},
	{"decimal(12,2)", S, ".", INVALID},
	{"decimal(12,2)", S, "1e", INVALID},
	{"decimal(12,2)", S, "e5", INVALID},
	{"decimal(12,2)", S, "1,5", INVALID},
	{"decimal(12,2)", S, "NaN", INVALID},
	{"decimal(12,2)", S, "Infinity", INVALID},
	{"decimal(12,2)", S, "", INVALID},
	{"decimal(12,2)", B, "true", INVALID},
	{"decimal(2,2)", N, "0.994", "0.99"},
	{"decimal(2,2)", N, "0.995", RANGE},
	{"decimal(2,2)", N, "1", RANGE},
	{"decimal(5,0)", N, "99999.4", "99999"},
	{"decimal(5,0)", N, "99999.5", RANGE},
	{"decimal(5,0)", N, "0.5", "1"},
	{"decimal(5,0)", N, "0.05", "0"},
	{"decimal(38,18)", N, "12345678901234567890.123456789012345678", "12345678901234567890.123456789012345678"},
	{"decimal(38,18)", N, "99999999999999999999.999999999999999999", "99999999999999999999.999999999999999999"},
	{"decimal(38,18)", N, "99999999999999999999.9999999999999999995", RANGE},
	{"decimal(38,18)", N, "19.99", "19.990000000000000000"},
	{"decimal(38,37)", N, "0.0000000000000000000000000000000000001", "0.0000000000000000000000000000000000001"},
	{"decimal(38,0)", N, "99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
	{"decimal(38,0)", N, "1e37", "10000000000000000000000000000000000000"},
	/* floats: as they are spelled */
	{"double precision", N, "0.1", "0.1"},
	{"double precision", N, "1E+5", "1E+5"},
	{"double precision", N, "-0", "-0"},
	{"double precision", S, " +1.5 ", "1.5"},
	{"double precision", N, "1.7976931348623157e308", "1.7976931348623157e308"},
	{"double precision", N, "1.8e308", RANGE},
	{"double precision", N, "5e-324", "5e-324"},
	{"double precision", N, "1e-400", RANGE},
	{"double precision", N, "0e-400", "0e-400"},
	{"double precision", S, "NaN", INVALID},
	{"double precision", S, "infinity", INVALID},
	{"double precision", S, "0x1p3", INVALID},
	{"double precision", S, "", INVALID},
	{"real", N, "3.4e38", "3.4e38"},
	{"real", N, "3.5e38", RANGE},
	{"real", N, "1e-46", RANGE},
	/* booleans */
	{"boolean", B, "true", "true"},
	{"boolean", B, "false", "false"},
	{"boolean", N, "1", "true"},
	{"boolean", N, "0", "false"},
	{"boolean", N, "2", INVALID},
	{"boolean", N, "1.0", INVALID},
	{"boolean", S, "T", "true"},
	{"boolean", S, "tRu", "true"},
	{"boolean", S, " yes ", "true"},
	{"boolean", S, "on", "true"},
	{"boolean", S, "of", "false"},
	{"boolean", S, "o", INVALID},
	{"boolean", S, "N", "false"},
	{"boolean", S, "truely", INVALID},
	{"boolean", S, "", INVALID},
	/* texts, by bytes */
	{"varchar(3)", S, "abc", "abc"},
	{"varchar(3)", S, "abcd", LONG},
	{"varchar(3)", S, "abc   ", "abc"},
	{"varchar(3)", S, "ab    ", "ab "},
	{"varchar(3)", S, "abc x", LONG},
	{"varchar(3)", S, "", ""},
	{"varchar(3)", S, "     ", "   "},
	{"varchar(3)", S, "\303\251a", "\303\251a"},
	{"varchar(3)", S, "\303\251ab", LONG},
	{"varchar(3)", S, "\303\251  ", LONG},
	{"varchar(8)", S, "\360\237\222\266\360\237\222\266", "\360\237\222\266\360\237\222\266"},
	{"varchar(7)", S, "\360\237\222\266\360\237\222\266", LONG},
	{"varchar(20)", N, "1E+5", "1E+5"},
	{"varchar(20)", B, "true", "true"},
	{"varchar(20)", D, "{\"a\": [1, 2.50]}", "{\"a\": [1, 2.50]}"},
	{"varchar(20)", S, "it's \\ \"q\"\n", "it's \\ \"q\"\n"},
	{"char(3)", S, "ab ", "ab"},
	{"char(3)", S, "abc    ", "abc"},
	{"char(3)", S, "abcd", LONG},
	{"char(3)", S, "   ", ""},
	{"char(3)", S, "\303\251", INVALID},
	/* dates */
	{"date", S, "2026-01-31", "2026-01-31"},
	{"date", S, " 2026-1-5 ", "2026-01-05"},
	{"date", S, "20260131", "2026-01-31"},
	{"date", N, "20260131", "2026-01-31"},
	{"date", S, "2024-02-29", "2024-02-29"},
	{"date", S, "1900-02-29", RANGE},
	{"date", S, "2000-02-29", "2000-02-29"},
	{"date", S, "2026-04-31", RANGE},
	{"date", S, "2026-13-01", RANGE},
	{"date", S, "2026-00-01", RANGE},
	{"date", S, "0000-01-01", RANGE},
	{"date", S, "0001-01-01", "0001-01-01"},
	{"date", S, "9999-12-31", "9999-12-31"},
	{"date", S, "10000-01-01", INVALID},
	{"date", S, "2026-01-31T23:59:59-10:00", "2026-01-31"},
	{"date", S, "2026-01-31 25:00:00", RANGE},
	{"date", S, "2026-01-31 24:00:00", "2026-01-31"},
	{"date", S, "31.01.2026", INVALID},
	{"date", S, "01/31/2026", INVALID},
	{"date", S, "26-01-31", INVALID},
	{"date", S, "infinity", INVALID},
	{"date", S, "today", INVALID},
	{"date", S, "", INVALID},
	{"date", N, "1738281600", INVALID},
	{"date", D, "{}", INVALID},
	/* timestamps: what the clock on the wall showed */
	{"timestamp", S, "2026-01-31 23:59:58.123456", "2026-01-31 23:59:58.123456"},
	{"timestamp", S, "2026-01-31T23:59:58+05:00", "2026-01-31 23:59:58"},
	{"timestamp", S, "2026-01-31", "2026-01-31 00:00:00"},
	{"timestamp", S, "2026-01-31 9:05", "2026-01-31 09:05:00"},
	{"timestamp", S, "2026-01-31T235958", "2026-01-31 23:59:58"},
	{"timestamp", S, "20260131T235958.5Z", "2026-01-31 23:59:58.5"},
	{"timestamp", S, "2026-12-31 24:00:00", "2027-01-01 00:00:00"},
	{"timestamp", S, "2026-12-31 23:59:60", "2027-01-01 00:00:00"},
	{"timestamp", S, "2026-12-31 23:59:60.5", RANGE},
	{"timestamp", S, "2026-12-31 23:59:61", RANGE},
	{"timestamp", S, "2026-12-31 24:00:01", RANGE},
	{"timestamp", S, "2026-12-31 23:60:00", RANGE},
	{"timestamp", S, "2026-12-31 23:59:59.9999999", "2027-01-01 00:00:00"},
	{"timestamp", S, "2026-01-31 00:00:00.1234565", "2026-01-31 00:00:00.123456"},
	{"timestamp", S, "2026-01-31 00:00:00.1234575", "2026-01-31 00:00:00.123458"},
	{"timestamp", S, "2026-01-31 00:00:00.000001000", "2026-01-31 00:00:00.000001"},
	{"timestamp", S, "9999-12-31 24:00:00", RANGE},
	{"timestamp", N, "1738281600000", INVALID},
	{"timestamp", N, "1738281600.5", INVALID},
	{"timestamp", S, "now", INVALID},
	{"timestamp", S, "2026-01-31 10:00 AM", INVALID},
	{"timestamp", S, "2026-01-31,10:00", INVALID},
	/* timestamps with an offset, and without: then UTC */
	{"timestamptz", S, "2026-01-31T23:59:58Z", "2026-01-31 23:59:58+00"},
	{"timestamptz", S, "2026-01-31t23:59:58z", "2026-01-31 23:59:58+00"},
	{"timestamptz", S, "2026-01-31 23:59:58", "2026-01-31 23:59:58+00"},
	{"timestamptz", S, "2026-01-31 23:59:58 UTC", "2026-01-31 23:59:58+00"},
	{"timestamptz", S, "2026-01-31 23:59:58+01", "2026-01-31 22:59:58+00"},
	{"timestamptz", S, "2026-01-31 23:59:58 +0130", "2026-01-31 22:29:58+00"},
	{"timestamptz", S, "2026-01-31 23:59:58+01:30", "2026-01-31 22:29:58+00"},
	{"timestamptz", S, "2026-01-31 23:59:58-01:30", "2026-02-01 01:29:58+00"},
	{"timestamptz", S, "2026-01-31 23:59:58-00:00:30", "2026-02-01 00:00:28+00"},
	{"timestamptz", S, "2026-03-29T02:30:00+01:00", "2026-03-29 01:30:00+00"},
	{"timestamptz", S, "2026-03-29T02:30:00+02:00", "2026-03-29 00:30:00+00"},
	{"timestamptz", S, "2026-03-29T02:30:00", "2026-03-29 02:30:00+00"},
	{"timestamptz", S, "2026-10-25T02:30:00+02:00", "2026-10-25 00:30:00+00"},
	{"timestamptz", S, "2024-03-01T00:30:00.5+01:00", "2024-02-29 23:30:00.5+00"},
	{"timestamptz", S, "0001-01-01T00:00:00+00:01", RANGE},
	{"timestamptz", S, "9999-12-31T23:59:59-00:01", RANGE},
	{"timestamptz", S, "2026-01-31 10:00+16:00", INVALID},
	{"timestamptz", S, "2026-01-31 10:00+01:60", INVALID},
	{"timestamptz", S, "2026-01-31 10:00 Europe/Berlin", INVALID},
	{"timestamptz", S, "2026-01-31 10:00 CET", INVALID},
	{"timestamptz", S, "2026-01-31T", INVALID},
	{"timestamptz", S, "2026-01-31T10", INVALID},
	{"timestamptz", S, "infinity", INVALID},
	{"timestamptz", N, "1738281600", INVALID},
	/* documents */
	{"super", D, "{\"b\": 1.50, \"a\":[true,null]}", "{\"b\": 1.50, \"a\":[true,null]}"},
	{"super", S, "a \"b\" \\ c\n", "\"a \\\"b\\\" \\\\ c\\n\""},
	{"super", S, "", "\"\""},
	{"super", N, "1.10", "1.10"},
	{"super", B, "false", "false"},
	{"super", D, "{\"a\":\"\\u0000\"}", INVALID},
	{"super", D, "{\"\\u0000\":1}", INVALID},
	{"super", D, "[\"\\\\u0000\"]", "[\"\\\\u0000\"]"},
	{"super", D, "[12345678901234567890.123456789012345678]", "[12345678901234567890.123456789012345678]"},
	{"super", D, "[0.000000000000000000000000000000000000012]", RANGE},
	{"super", D, "[123456789012345678901234567890123456789]", RANGE},
	{"super", D, "[1e37]", "[1e37]"},
	{"super", D, "[1e38]", RANGE},
	{"super", D, "[1e99999999999999999999]", RANGE},
	{"super", D, "[\"1e99999999999999999999\"]", "[\"1e99999999999999999999\"]"},
};

static void
test_table(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const Case *one = &cases[i];
		char		name[400];

		snprintf(name, sizeof(name), "%s of %s", one->type, one->text[0] != '\0' ? one->text : "nothing");
		for (char *at = name; *at != '\0'; at++)
		{
			if (*at == '\n' || *at == '\t' || *at == '#')
				*at = ' ';
		}
		is_str(value_of(one->type, one->kind, one->text, strlen(one->text)), one->expected, name);
	}
}

static void
test_lengths(void)
{
	static char text[65540];
	static char document[70000];
	size_t		len;

	memset(text, 'x', 65539);
	is_int((long long) strlen(value_of("varchar(max)", S, text, 65535)), 65535, "VARCHAR(65535) holds as many bytes");
	is_str(value_of("varchar(max)", S, text, 65536), LONG, "and not one more");
	is_int((long long) strlen(value_of("super", S, text, 65535)), 65537, "a text of a SUPER holds 65535 bytes");
	is_str(value_of("super", S, text, 65536), LONG, "and not one more");
	len = (size_t) snprintf(document, sizeof(document), "[\"%.65535s\"]", text);
	is_int((long long) strlen(value_of("super", D, document, len)), (long long) len, "nor one inside a document");
	len = (size_t) snprintf(document, sizeof(document), "[\"%.65534s\\u00e9\"]", text);
	is_str(value_of("super", D, document, len), LONG, "where escapes count as what they mean");
	len = (size_t) snprintf(document, sizeof(document), "[\"%.65531s\\ud83d\\udcb6\"]", text);
	is_int((long long) strlen(value_of("super", D, document, len)), (long long) len, "a surrogate pair is four bytes");
	len = (size_t) snprintf(document, sizeof(document), "[\"%.65532s\\ud83d\\udcb6\"]", text);
	is_str(value_of("super", D, document, len), LONG, "and not three");
	is_str(value_of("varchar(10)", S, "a\0b", 3), INVALID, "a NUL is refused");
	is_str(value_of("integer", S, "1\0", 2), INVALID, "in every type");
	memset(document, '0', 60000);
	document[60000] = '7';
	is_str(value_of("integer", S, document, 60001), "7", "leading zeros mean nothing, however many");
	document[0] = '.';
	is_str(value_of("decimal(12,2)", S, document, 60001), "0.00", "nor do digits far behind the point");
}

static void
test_reasons(void)
{
	AwsxRedshiftType type = {AWSX_REDSHIFT_TIMESTAMPTZ, 0, 0, 0};
	char		text[200];
	LoadProblem problem;
	AwsxBuf		buf;

	awsx_buf_init(&buf, 0);
	ok(!load_value(&type, N, "1738281600", 10, &buf, &problem) && strstr(problem.reason, "epoch") != NULL &&
	   strstr(problem.reason, "ISO 8601") != NULL, "an epoch is refused with what to send instead");
	memset(text, 'a', 47);
	memcpy(text + 47, "\303\251\303\251\303\251", 7);
	ok(!load_value(&type, S, text, strlen(text), &buf, &problem) && strstr(problem.reason, "aaa...\" ") != NULL,
	   "a long value is cut between characters");
	is_int((long long) buf.len, 0, "and nothing is written");
	type.kind = AWSX_REDSHIFT_DOUBLE;
	awsx_buf_init(&buf, 1);
	ok(!load_value(&type, N, "12345", 5, &buf, &problem) && problem.code == NULL && buf.failed,
	   "a buffer that fails is no fault of the value");
	awsx_buf_free(&buf);
}

int
main(void)
{
	test_table();
	test_lengths();
	test_reasons();
	return tap_done();
}
