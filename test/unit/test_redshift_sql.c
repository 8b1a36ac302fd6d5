/*
 * test_redshift_sql.c
 *	  Names and values in Redshift's SQL, that nothing breaks out of.
 *
 * What a literal means is worked out here by a reader of its own, once as a
 * server that escapes by backslash reads it and once as one that does not.
 */
#define _GNU_SOURCE
#include "redshift_words.h"

#include <stdint.h>
#include <stdlib.h>

#include "redshift_table.h"

/*----------
 * Names
 *----------
 */

static const char *
written_name(const char *name)
{
	AwsxBuf		sql;

	awsx_buf_init(&sql, 0);
	awsx_redshift_name(&sql, name);
	return made(&sql);
}

static const char *
reads_name(const char *text)
{
	static char	both[2 * AWSX_REDSHIFT_MAX_NAME + 3];
	char		schema[AWSX_REDSHIFT_MAX_NAME + 1];
	char		name[AWSX_REDSHIFT_MAX_NAME + 1];
	char		again[2][AWSX_REDSHIFT_MAX_NAME + 1];
	AwsxBuf		written;

	awsx_error_clear(&error);
	if (!awsx_redshift_name_read(text, schema, name, &error))
		return error.kind == AWSX_ERR_CONFIG ? "refused" : "no error";
	snprintf(both, sizeof(both), "%s|%s", schema, name);
	awsx_buf_init(&written, 0);
	if (!awsx_redshift_name_write(&written, schema, name) ||
		!awsx_redshift_name_read(written.data, again[0], again[1], &error) ||
		strcmp(schema, again[0]) != 0 || strcmp(name, again[1]) != 0)
		return "not the same again";
	awsx_buf_free(&written);
	return both;
}

static void
test_names(void)
{
	static const char *const parts[][2] = {
		{"transactions", "public|transactions"}, {"Public.Transactions", "public|transactions"}, {"a.b", "a|b"},
		{"\"A\".b", "A|b"}, {"a.\"b c\"", "a|b c"}, {"\"a\"\"b\".\"c.d\"", "a\"b|c.d"}, {"_x$1", "public|_x$1"},
		{"\xc3\xa9t\xc3\xa9", "public|\xc3\xa9t\xc3\xa9"}, {"\"50%\"", "public|50%"},
		{"\"; DROP TABLE t; --\"", "public|; DROP TABLE t; --"}, {"", "refused"}, {".", "refused"}, {"a.", "refused"},
		{".a", "refused"}, {"a.b.c", "refused"}, {"a b", "refused"}, {" a", "refused"}, {"1a", "refused"},
		{"$a", "refused"}, {"\"\"", "refused"}, {"\"", "refused"}, {"\"a", "refused"}, {"\"a\"\"", "refused"},
		{"\"a\"b", "refused"}, {"a\"b\"", "refused"}, {"a;b", "refused"}, {"\"a\nb\"", "refused"},
		{"\"\xff\"", "refused"}, {"\xff", "refused"}, {"a'b", "refused"}
	};
	char		longest[AWSX_REDSHIFT_MAX_NAME + 2];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		is_str(reads_name(parts[i][0]), parts[i][1], shown(parts[i][0]));
	memset(longest, 'n', sizeof(longest));
	longest[AWSX_REDSHIFT_MAX_NAME + 1] = '\0';
	is_str(reads_name(longest), "refused", "a name of 128 bytes");
	is_str(written_name(longest), NULL, "... is not written");
	longest[AWSX_REDSHIFT_MAX_NAME] = '\0';
	ok(strlen(reads_name(longest)) == 7 + AWSX_REDSHIFT_MAX_NAME, "a name of 127 bytes");
	ok(strlen(written_name(longest)) == 2 + AWSX_REDSHIFT_MAX_NAME, "... is written");
	is_str(written_name("order"), "\"order\"", "a reserved word");
	is_str(written_name("a\"; DROP TABLE t; --"), "\"a\"\"; DROP TABLE t; --\"",
		   "a name that would like to end");
	is_str(written_name("\""), "\"\"\"\"", "a name of one quote");
	is_str(written_name(""), NULL, "no name");
	is_str(written_name("a\x7f"), NULL, "a name with a control character");
	is_str(written_name("\xc3"), NULL, "a name that is no UTF-8");
}

/*----------
 * Values
 *----------
 */

/* One quoted literal as a server reads it; at is behind it then, null when it has no end. */
static const char *
read_quoted(const char *at, bool escapes, AwsxBuf *out)
{
	for (at++; *at != '\0'; at++)
	{
		if (*at == '\\' && escapes)
			at++;				/* a text that lost its backslash is seen below */
		else if (*at == '\'' && at[1] == '\'')
			at++;
		else if (*at == '\'')
			return at + 1;
		awsx_buf_putc(out, *at);
	}
	return NULL;
}

static const char *
after(const char *at, const char *words)
{
	return at != NULL && strncmp(at, words, strlen(words)) == 0 ? at + strlen(words) : NULL;
}

/* 'text' | REPLACE('text', 'c', CHR(92)) | (expression || expression) */
static const char *
read_expression(const char *at, bool escapes, AwsxBuf *out)
{
	size_t		from = out->len;

	if (*at == '\'')
		return read_quoted(at, escapes, out);
	if (after(at, "REPLACE(") != NULL)
	{
		char		stand_in;

		at = after(read_quoted(after(at, "REPLACE("), escapes, out), ", '");
		stand_in = at != NULL ? *at : '\0';
		at = at != NULL ? after(at + 1, "', CHR(92))") : NULL;
		for (; from < out->len; from++)
		{
			if (out->data[from] == stand_in)
				out->data[from] = '\\';
		}
		return stand_in == '\'' || stand_in == '\\' ? NULL : at;
	}
	at = after(at, "(");
	at = at != NULL ? after(read_expression(at, escapes, out), " || ") : NULL;
	return at != NULL ? after(read_expression(at, escapes, out), ")") : NULL;
}

static bool
means(const AwsxBuf *sql, const char *text, size_t len)
{
	for (int escapes = 0; escapes < 2; escapes++)
	{
		AwsxBuf		out;
		const char *end;
		bool		same;

		awsx_buf_init(&out, 0);
		end = read_expression(sql->data, escapes, &out);
		same = end == sql->data + sql->len && out.len == len &&
			   (len == 0 || memcmp(out.data, text, len) == 0);
		awsx_buf_free(&out);
		if (!same)
			return false;
	}
	return true;
}

static bool
keeps(const char *text, size_t len)
{
	AwsxBuf		sql;
	bool		good;

	awsx_buf_init(&sql, 0);
	good = awsx_redshift_literal(&sql, text, len) && means(&sql, text, len);
	awsx_buf_free(&sql);
	return good;
}

static const char *
literal(const char *text, size_t len)
{
	AwsxBuf		sql;

	awsx_buf_init(&sql, 0);
	awsx_redshift_literal(&sql, text, len);
	return made(&sql);
}

static void
test_literals(void)
{
	static const char *const texts[] = {"",
										"'",
										"''",
										"\\",
										"\\'",
										"'\\",
										"\\\\",
										"\\'; DROP TABLE t; --",
										"'; DROP TABLE t; --",
										"$$",
										"$a$",
										"a\nb\tc\x01\x7f",
										"' || CHR(39) || '",
										"\xf0\x9f\x92\xb0\\",
										"C:\\temp\\new",
										"~\\^\\|",
										":id",
										"?",
										"%s",
										"--",
										"/*",
										"\\u0000",
										"E'\\x'",
										"U&'\\0041'"};
	char	   *big = malloc(65536);
	AwsxBuf		sql;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ok(keeps(texts[i], strlen(texts[i])), "means itself under both settings: %s",
		   shown(texts[i]));
	is_str(literal("it's", 4), "'it''s'", "a quote is doubled");
	is_str(literal("C:\\temp", 7), "REPLACE('C:~temp', '~', CHR(92))",
		   "a backslash is put in by REPLACE");
	is_str(literal("~\\^", 3), "REPLACE('~|^', '|', CHR(92))",
		   "... for a character that is not there otherwise");
	is_str(literal("a\0b", 3), NULL, "NUL is refused");
	is_str(literal("a\xff", 2), NULL, "what is no UTF-8 is refused");
	is_str(literal("\xed\xa0\x80", 3), NULL, "a surrogate is refused");

	for (size_t i = 0; i < 65535; i++)
		big[i] = (char) (0x20 + i % 95);
	ok(keeps(big, 65535), "64 KB that hold every character there is to stand in");
	memset(big, '\\', 65535);
	awsx_buf_init(&sql, 0);
	ok(awsx_redshift_literal(&sql, big, 65535) && means(&sql, big, 65535), "64 KB of backslashes");
	ok(sql.len < 65535 + 40, "... do not grow");
	awsx_buf_free(&sql);
	memset(big, '\'', 65535);
	ok(keeps(big, 65535), "64 KB of quotes");
	for (size_t i = 0; i < 65535; i += 5)
		memcpy(big + i, "\xf0\x9f\x92\xb0\\", 5);
	ok(keeps(big, 65535), "64 KB of characters of four bytes, and backslashes");
	free(big);
}

/* Random bytes of a small alphabet: what is UTF-8 means itself, the rest is refused. */
static void
test_random_literals(void)
{
	static const char alphabet[] = "'\\~^|a\"$ -\xc3\xa9";
	unsigned	random = 20260731;
	long		wrong = 0;

	for (int round = 0; round < 20000; round++)
	{
		char		text[24];
		size_t		len = 0;
		AwsxBuf		sql;

		random = random * 1103515245u + 12345u;
		for (size_t want = (random >> 16) % sizeof(text); len < want; len++)
		{
			random = random * 1103515245u + 12345u;
			text[len] = alphabet[(random >> 16) % (sizeof(alphabet) - 1)];
		}
		awsx_buf_init(&sql, 0);
		if (awsx_redshift_literal(&sql, text, len))
			wrong += !means(&sql, text, len);
		else
			wrong += memchr(text, '\xc3', len) == NULL && memchr(text, '\xa9', len) == NULL;
		awsx_buf_free(&sql);
	}
	is_int(wrong, 0, "20000 random texts mean themselves or are refused");
}

static const char *
value(const char *type_text, const char *text)
{
	AwsxRedshiftType type;
	AwsxBuf		sql;

	awsx_buf_init(&sql, 0);
	if (awsx_redshift_type_read(type_text, &type, &error))
		awsx_redshift_value(&sql, &type, text, strlen(text));
	return made(&sql);
}

static void
test_values(void)
{
	static const char *const values[][3] = {
		{"int", "-5", "-5"},
		{"bigint", "9223372036854775807", "9223372036854775807"},
		{"decimal(38,18)", "1234.50", "1234.50"},
		{"int", "--5", "'--5'"},
		{"int", "1 OR 1=1", "'1 OR 1=1'"},
		{"int", "", "''"},
		{"int", "-", "'-'"},
		{"int", "1.", "'1.'"},
		{"decimal(5,2)", "1.2.3", "'1.2.3'"},
		{"decimal(5,2)", ".5", "'.5'"},
		{"decimal(5,2)", "1e5", "'1e5'"},
		{"int", "+1", "'+1'"},
		{"decimal(38,0)", "123456789012345678901234567890123456789",
		 "'123456789012345678901234567890123456789'"},
		{"double precision", "0.1", "'0.1'"},
		{"real", "1e-30", "'1e-30'"},
		{"boolean", "true", "true"},
		{"boolean", "false", "false"},
		{"boolean", "TRUE", "'TRUE'"},
		{"boolean", "true)", "'true)'"},
		{"varchar(10)", "5", "'5'"},
		{"varchar(10)", "true", "'true'"},
		{"varchar(10)", "a'b", "'a''b'"},
		{"char(2)", "ab", "'ab'"},
		{"date", "2026-01-31", "'2026-01-31'"},
		{"timestamptz", "2026-01-31 23:59:58+00", "'2026-01-31 23:59:58+00'"},
		{"super", "{\"a\":\"it's\"}", "JSON_PARSE('{\"a\":\"it''s\"}')"},
		{"super", "\"\\n\"", "JSON_PARSE(REPLACE('\"~n\"', '~', CHR(92)))"}};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		is_str(value(values[i][0], values[i][1]), values[i][2], shown(values[i][2]));
}

int
main(void)
{
	test_names();
	test_literals();
	test_random_literals();
	test_values();
	return tap_done();
}
