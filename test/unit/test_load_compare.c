/*
 * test_load_compare.c
 *	  A live table beside its description: what is a difference, and rows that
 *	  no SVV_COLUMNS gives.
 */
#define _GNU_SOURCE
#include "sweep.h"

#include "load_compare.h"

static AwsxError error;
static const AwsxRedshiftColumn columns[] = {
	{"id", {AWSX_REDSHIFT_VARCHAR, 64, 0, 0}, true, NULL},
	{"Amount", {AWSX_REDSHIFT_DECIMAL, 0, 18, 2}, false, NULL},
	{"code", {AWSX_REDSHIFT_CHAR, 3, 0, 0}, false, NULL},
	{"at", {AWSX_REDSHIFT_TIMESTAMPTZ, 0, 0, 0}, false, NULL},
	{"doc", {AWSX_REDSHIFT_SUPER, 0, 0, 0}, false, NULL},
};
static const AwsxRedshiftTable table = {"public", "T \"x'", 5, columns, NULL, 0, NULL};

/* Name, type, length, precision, scale, nullable, has a default. */
#define ID "id", "character varying", "64", NULL, NULL, "NO", "NO"
#define AMOUNT "amount", "numeric", NULL, "18", "2", "YES", "NO"
#define CODE "code", "character", "3", NULL, NULL, "YES", "NO"
#define AT "at", "timestamp with time zone", NULL, NULL, NULL, "YES", "NO"
#define DOC "doc", "super", NULL, NULL, NULL, "yes", "NO"

/* "N lines", or what is wrong; values of seven columns a row. */
static const char *
compared(const char *const *values, int rows, int row_columns)
{
	static AwsxBuf text;
	AwsxRedshiftRows live = {.row_count = rows,.column_count = row_columns,.values = (char **) values};
	AwsxBuf		lines;
	int			count;

	awsx_buf_free(&text);
	awsx_buf_init(&lines, 0);
	awsx_error_clear(&error);
	count = load_compare(&table, &live, &lines, &error);
	if (count < 0)
		awsx_buf_puts(&text, error.kind == AWSX_ERR_PROTOCOL ? "refused" : "no error");
	else
		awsx_buf_printf(&text, "%d %s", count, lines.len > 0 ? lines.data : "");
	awsx_buf_free(&lines);
	return text.data;
}

#define COMPARED(...) compared((const char *const[]) {__VA_ARGS__}, (int) (sizeof((const char *const[]) {__VA_ARGS__}) / sizeof(char *) / 7), 7)

static void
test_differences(void)
{
	static const char name[] = "public.\"T \"\"x'\"";
	char		expected[400];

	is_str(COMPARED(ID, AMOUNT, CODE, AT, DOC), "0 ", "the same, and names in other cases");
	is_str(COMPARED(DOC, AT, CODE, AMOUNT, ID), "0 ", "in another order");
	is_str(COMPARED("id", "character varying", "65535", NULL, NULL, "NO", "NO", "amount", "numeric", NULL, "20", "4", "YES", "NO", CODE, AT, DOC),
		   "0 ", "larger columns");
	snprintf(expected, sizeof(expected), "1 %s: column \"Amount\" is DECIMAL(18,4) and should be DECIMAL(18,2)\n", name);
	is_str(COMPARED(ID, "amount", "numeric", NULL, "18", "4", "YES", "NO", CODE, AT, DOC), expected, "fewer digits before the point");
	snprintf(expected, sizeof(expected), "1 %s: column \"code\" is CHAR(4) and should be CHAR(3)\n", name);
	is_str(COMPARED(ID, AMOUNT, "code", "character", "4", NULL, NULL, "YES", "NO", AT, DOC), expected, "a longer CHAR, which is padded");
	snprintf(expected, sizeof(expected), "1 %s: column \"doc\" is geometry and should be SUPER\n", name);
	is_str(COMPARED(ID, AMOUNT, CODE, AT, "doc", "geometry", NULL, NULL, NULL, "YES", "NO"), expected, "a type that is not loaded");
	snprintf(expected, sizeof(expected), "2 %s: column \"id\" is missing; it should be VARCHAR(64)\n"
			 "%s: column \"other\" is NOT NULL without a default, and the configuration does not have it\n", name, name);
	is_str(COMPARED("other", "integer", NULL, "32", "0", "NO", "NO", AMOUNT, CODE, AT, DOC), expected, "another name");
	is_str(COMPARED(ID, AMOUNT, CODE, AT, DOC, "other", "integer", NULL, "32", "0", "NO", "YES"), "0 ", "one more with a default");
	is_str(COMPARED(ID, AMOUNT, CODE, AT, DOC, "other", "integer", NULL, "32", "0", "YES", "NO"), "0 ", "one more that may be null");
	snprintf(expected, sizeof(expected), "1 %s: there is no such table; \"sqs_to_redshift ddl\" prints what makes it\n", name);
	is_str(compared(NULL, 0, 0), expected, "no table");
}

static void
test_hostile(void)
{
	static const char *const nothing[35];
	static const char *const other[] = {"x", "y"};
	char		big[100000];

	is_str(compared(other, 1, 2), "refused", "other columns than were asked for");
	ok(strncmp(compared(nothing, 5, 7), "10 ", 3) == 0, "nulls alone");
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	ok(strncmp(COMPARED(ID, AMOUNT, CODE, AT, "doc", big, big, big, big, big, big), "2 ", 2) == 0, "100 KB where a type should be");
	ok(strncmp(COMPARED(ID, AMOUNT, CODE, AT, DOC, big, big, big, big, big, big, big), "1 ", 2) == 0, "... or a name");
}

static void
test_query(void)
{
	AwsxRedshiftTable odd = {"S'\\", "T", 0, NULL, NULL, 0, NULL};
	AwsxBuf		sql;

	awsx_buf_init(&sql, 0);
	ok(load_compare_query(&odd, &sql), "a query");
	ok(strstr(sql.data, " FROM svv_columns WHERE LOWER(table_schema) = REPLACE('s''~', '~', CHR(92)) AND LOWER(table_name) = 't' ORDER BY") != NULL,
	   "... that nothing breaks out of");
	awsx_buf_free(&sql);
}

static bool
compares(AwsxError *out)
{
	static const char *const values[] = {ID, CODE, AT, "doc", "integer", NULL, NULL, NULL, "NO", "NO"};
	AwsxRedshiftRows live = {.row_count = 4,.column_count = 7,.values = (char **) values};
	AwsxBuf		lines;
	bool		good;

	awsx_buf_init(&lines, 0);
	good = load_compare_query(&table, &lines) && load_compare(&table, &live, &lines, out) == 3 && !lines.failed;
	awsx_buf_free(&lines);
	return good || awsx_error_set(out, AWSX_ERR_MEMORY, "out of memory");
}

int
main(void)
{
	test_differences();
	test_hostile();
	test_query();
	sweep("a comparison", compares);
	return tap_done();
}
