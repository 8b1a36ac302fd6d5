/*
 * test_transaction_blame.c
 *	  What the words of an error of Redshift's blame, and which of them may be
 *	  repeated.
 */
#include "tap.h"

#include "transaction_blame.h"

static void
test_blame(void)
{
	static const char *const blames[][2] = {
		{"ERROR: 1023\nDETAIL: Serializable isolation violation on table in Redshift", "others"},
		{"deadlock detected", "others"}, {"could not open relation with OID 7, deleted by a concurrent transaction", "others"},
		{"could not serialize access due to concurrent update", "others"},
		{"ERROR: Value too long for character type\n  Detail: \n  context: Value too long for type character varying(5)", "data"},
		{"value too long for type character varying(5)", "data"}, {"Numeric data overflow (result precision)", "data"},
		{"numeric field overflow", "data"}, {"Overflow for NUMERIC(18,2)", "data"}, {"integer out of range", "data"},
		{"Invalid digit, Value 'x', Pos 0, Type: Integer", "data"}, {"invalid input syntax for type json", "data"},
		{"Cannot insert a NULL value into column version", "data"}, {"null value in column \"a\" of relation \"t\" violates not-null constraint", "data"},
		{"date/time field value out of range: \"2026-13-01\"", "data"}, {"Found multiple matches to update the same tuple", "data"},
		{"Load into table 'sqs_stage' failed.  Check 'stl_load_errors' system table for details.", "data"},
		{"String contains invalid or unsupported UTF8 codepoints", "data"}, {"Query #3 failed with ERROR: Value too long for character type", "data"},
		{"relation \"public.t\" does not exist", "setup"}, {"column \"x\" of relation \"t\" does not exist", "setup"},
		{"permission denied for relation t", "setup"}, {"schema \"s\" does not exist", "setup"}, {"syntax error at or near \"INSRT\"", "setup"},
		{"S3ServiceException:Access Denied,Status 403", "setup"}, {"User arn:x is not authorized to assume IAM Role arn:y", "setup"},
		{"column \"a\" is of type integer but expression is of type character varying", "setup"},
		{"", "nobody"}, {"connection terminated", "nobody"}, {"Query cancelled on user's request", "nobody"},
		/* a value may say anything */
		{"invalid input syntax for integer: \"permission denied\"", "data"}, {"something odd: \"deadlock detected\"", "nobody"},
		{"something odd: 'a' value too long 'b'", "nobody"}, {"syntax error at or near \"x\" deadlock detected \"y\"", "setup"},
		{"odd, context: deadlock detected", "nobody"}, {"odd: Key (a)=(deadlock detected)", "nobody"}, {"column \"a b\" deadlock detected", "nobody"}
	};
	static const char *const words[] = {"nobody", "others", "data", "setup"};

	for (size_t i = 0; i < sizeof(blames) / sizeof(blames[0]); i++)
		is_str(words[transaction_blame(blames[i][0])], blames[i][1], blames[i][1]);
}

static const char *
words_of(const char *text, size_t size)
{
	static char	out[200];

	transaction_words(text, out, size);
	return out;
}

static void
test_words(void)
{
	static const char *const texts[][2] = {
		{"invalid input syntax for integer: \"4111\" here", "invalid input syntax for integer: ..."},
		{"a \"4111", "a ..."}, {"a '4111", "a ..."}, {"Value '4\"1', Pos 0", "Value ..."},
		{"relation \"public.t\" does not exist", "relation \"public.t\" does not exist"},
		{"Column 'a$1' of TABLE \"t\"", "Column 'a$1' of TABLE \"t\""}, {"column \"4111 1111\"", "column ..."}, {"column \"\"", "column ..."},
		{"subcolumn \"a\"", "subcolumn ..."}, {"\"a\"", "..."}, {"column\"a\"", "column\"a\""}, {"column \"a'", "column ..."},
		{"user's request", "user's request"}, {"Too long context: 4111", "Too long"}, {"Key (a)=(4111) exists", "Key (a"},
		{"Failing row contains (4111)", ""}, {"Detail: Failing row contains (4111)", "Detail:"}, {"", ""}
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		is_str(words_of(texts[i][0], 200), texts[i][1], texts[i][0]);
	ok(strlen(words_of("relation \"aaaaaaaaaaaaaaaaaaaaaaaaa\" is gone", 12)) < 12, "a text is cut to its room");
	ok(strlen(words_of("0123456 \"aaa\"", 12)) < 12, "... with what stands for a value");
}

int
main(void)
{
	test_blame();
	test_words();
	return tap_done();
}
