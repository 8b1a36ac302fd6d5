/*
 * test_identity.c
 *	  Which ids go to SQS as they are, and what becomes of the others.  The
 *	  digests were computed by sha256sum.
 */
#include "identity.h"
#include "tap.h"

static void
is_id(const char *bytes, size_t len, const char *expected, bool expected_hashed, const char *name)
{
	char		id[AWSX_ID_MAX + 1] = "";
	bool		hashed = !expected_hashed;

	ok(awsx_id_make(bytes, len, id, &hashed), "%s", name);
	is_str(id, expected, name);
	ok(hashed == expected_hashed && awsx_id_valid(bytes, len) != hashed, "%s is %s", name, hashed ? "hashed" : "kept");
	ok(awsx_id_valid(id, strlen(id)), "%s ends as an id that SQS takes", name);
}

int
main(void)
{
	char		text[AWSX_ID_MAX + 2];
	char		id[AWSX_ID_MAX + 1];
	bool		hashed;
	int			valid = 0;

	for (int c = 0; c < 256; c++)
	{
		char		byte = (char) c;
		bool		expected = c > 0x20 && c < 0x7f;

		if (awsx_id_valid(&byte, 1) != expected)
			ok(false, "byte %d", c);
		valid += awsx_id_valid(&byte, 1);
	}
	is_int(valid, 94, "94 characters are valid");
	ok(!awsx_id_valid("", 0), "an empty id is not");
	ok(!awsx_id_make("", 0, id, &hashed), "and none is made of nothing");

	memset(text, 'x', sizeof(text));
	ok(awsx_id_valid(text, 128), "128 bytes are valid");
	ok(!awsx_id_valid(text, 129), "129 are not");
	text[128] = '\0';
	is_id(text, 128, text, false, "an id of 128 bytes");
	text[128] = 'x';
	is_id(text, 129, "0ec9eb33e74510bcdd1f2ea55206e82f21649c5c2becbf2b433eb475b34c01bd", true, "an id of 129 bytes");
	is_id("acc-1", 5, "acc-1", false, "acc-1");
	is_id("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", 32, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", false, "punctuation");
	is_id("acc 1", 5, "64584d783cb1866d90aa07fe633e59e98bbd7103b977e29d8e5a6a56047e1605", true, "a space");
	is_id("Konto \xc3\xa9", 8, "dee8d7873d0ba3b33b71ec7a710dbf8312722d8f9b59545eacca25e53cd3ffdc", true, "an accent");
	is_id(" ", 1, "36a9e7f1c95b82ffb99743e0c5c4ce95d83c9a430aac59f84ef3cbfab6145068", true, "one space");
	is_id("a\tb", 3, "894891f8b78a9945b0aa07e70d5f71f10b1f1990af127de561cc0ac36024c188", true, "a tab");
	is_id("a\0b", 3, "59b271ae1bbcb1d31d41929817f4b16fb439eb4f31520b5ad1d5ce98920a7138", true, "a NUL");
	is_id("\x7f", 1, "620bfdaa346b088fb49998d92f19a7eaf6bfc2fb0aee015753966da1028cb731", true, "DEL");

	ok(awsx_id_of_record("redshift", "{\"transaction_id\":\"T1\",\"amount\":1.10}", 37, id), "id of a record");
	is_str(id, "f5ca3c92df34b67fe92d256c8dab1573d5ba54bd5849716970451b1599d2174e", "is the digest of output, NUL and record");
	ok(awsx_id_of_record("a", "", 0, id), "id of an empty record");
	is_str(id, "ffe9aaeaa2a2d5048174df0b80599ef0197ec024c4b051bc9860cff58ef7f9f3", "has the output in it");
	ok(awsx_id_of_record("", "a", 1, id), "id for an output without a name");
	is_str(id, "022a6979e6dab7aa5ae4c3e5e45f7e977112a7e63593820dbec1ec738a24f93c", "is another: the NUL parts them");
	return tap_done();
}
