/*
 * test_load.c
 *	  Messages as rows: keys, content, sources, members and columns, defaults
 *	  and nulls, duplicates and conflicts within a batch.
 */
#include <stdlib.h>

#include "digest.h"
#include "json.h"
#include "json_members.h"
#include "load_world.h"
#include "tap.h"

static LoadConfig config;
static LoadBatch *batch;

/* The only row of a batch of one message. */
static const LoadRow *
row_of(LoadScope scope, AwsxSqsMessage message)
{
	static AwsxSqsMessage kept;
	AwsxError	error;
	char	   *exact = malloc(message.body_len + (message.body_len == 0));

	load_batch_free(batch);
	memcpy(exact, message.body, message.body_len);	/* sanitizers see a step too far */
	kept = message;
	kept.body = exact;
	batch = load_batch(&config, scope, &kept, 1, &error);
	kept.body = message.body;
	free(exact);
	return &batch->rows[0];
}

static const LoadRow *
row(const char *body)
{
	return row_of(LOAD_SCOPE_QUEUE, world_message("d", body));
}

/* A column's text; of a rejected row the code. */
static const char *
value(const char *body, int column)
{
	const LoadRow *made = row(body);

	if (made->fate != LOAD_ROW)
		return made->code;
	return made->values[column].text != NULL ? made->values[column].text : "NULL";
}

static void
test_members(void)
{
	is_str(value("{\"id\":\"a\",\"amount\":1.5}", 0), "a", "a member goes to its column");
	is_str(value("{\"id\":\"a\",\"amount\":1.5}", 2), "1.50", "as its type is written");
	is_str(value(" {\"id\" : \"a\" , \"amount\" : 1.5 , \"x\":{\"id\":\"b\",\"y\":[{}, \"]}\"]} } ", 0), "a", "white space and what is nested are no matter");
	is_str(value("{\"id\":\"a\",\"id\":\"b\"}", 0), "b", "of a repeated member the last counts");
	is_str(value("{\"id\":\"a\",\"amount\":\"x\",\"amount\":2}", 2), "2.00", "... the others are not looked at");
	is_str(value("{\"\\u0069d\":\"a\"}", 0), "a", "a name may have escapes");
	is_str(value("{\"id\\u0000\":\"b\",\"id\":\"a\"}", 0), "a", "... but \\u0000 is not the name's end");
	is_str(value("{\"ID\":\"b\",\"Id\":\"c\",\"i\":\"d\",\"idd\":\"e\",\"id\":\"a\"}", 0), "a", "a name is compared as it is spelled");
	is_str(value("{\"id\":\"a\",\"other\":\"\\u0000\"}", 0), "a", "a \\u0000 that no column gets does no harm");
	is_str(value("{\"id\":\"a\\u0000\"}", 0), "InvalidValue", "in a column it does");
	is_str(value("{\"id\":\"\\ud83d\\udcb6\\\\\\\"\\/\\n\"}", 0), "\360\237\222\266\\\"/\n", "a string without its escapes");
	is_str(value("{\"id\":\"a\",\"note\":{\"x\" : \"\\u00e9\"}}", 3), "{\"x\" : \"\\u00e9\"}", "a document for a text stays as it is spelled");
	is_str(value("{\"id\":\"a\",\"more\":\"x\\\"\\u0041\"}", 4), "\"x\\\"A\"", "a string for a document is a string");
}

static void
test_absent(void)
{
	is_str(value("{\"id\":\"a\"}", 1), "1", "a column without a member gets its default");
	is_str(value("{\"id\":\"a\"}", 4), "{\"a\": 1}", "... a document too");
	is_str(value("{\"id\":\"a\"}", 2), "NULL", "or NULL");
	is_str(value("{\"id\":\"a\",\"note\":null}", 3), "NULL", "null is NULL, whatever the default");
	is_str(value("{\"id\":\"a\",\"note\":\"\"}", 3), "", "an empty text is none");
	is_str(value("{\"id\":\"a\",\"note\":\"null\"}", 3), "null", "nor is the word");
	is_str(value("{\"id\":null}", 0), "NullValue", "null where there must be a value");
	is_str(value("{\"note\":\"x\"}", 0), "NullValue", "and none");
	is_str(value("{\"id\":\"a\",\"version\":null}", 0), "a", "a column may be null");
	config = world_config(1, 1);
	is_str(value("{\"id\":\"a\",\"version\":null}", 0), "NullValue", "but not the version");
	config = world_config(0, -1);
}

static void
test_bodies(void)
{
	is_str(value("", 0), "EmptyObject", "nothing");
	is_str(value("[]", 0), "NotAnObject", "an array");
	is_str(value("{\"id\":\"a\"", 0), "InvalidJson", "half an object");
	is_str(value("{\"id\":\"a\"} {}", 0), "InvalidJson", "two objects");
	is_str(value("\357\273\277{\"id\":\"a\"}", 0), "InvalidJson", "a byte order mark");
	is_str(value("{}", 0), "NoColumns", "an object without members");
	is_str(value("{\"x\":1}", 0), "NoColumns", "none that is a column");
	ok(strstr(row("{\"id\":\"a\",\"amount\":\"x\"}")->reason, "column \"amount\": \"x\" is no decimal") != NULL,
	   "a reason names the column");
	is_str(row("no")->dedup_key, "d", "who is rejected is known all the same");
	is_int((long long) strlen(row("no")->content_hash), 64, "... with the hash of its content");
}

static const char *
key_of(const char *dedup_key, const char *body)
{
	const LoadRow *made;

	config.dedup_key = (char *) dedup_key;
	made = row(body);
	config.dedup_key = NULL;
	return made->fate == LOAD_ROW ? made->dedup_key : made->code;
}

static void
test_keys(void)
{
	AwsxSqsAttribute attribute = {"k", "String", "from-attribute", 14};
	AwsxSqsMessage message = world_message("d", "{\"id\":\"a\"}");
	char		long_id[600];
	char		digest[72] = "sha256:";

	is_str(row_of(LOAD_SCOPE_QUEUE, message)->dedup_key, "d", "a key is the deduplication id");
	is_str(row_of(LOAD_SCOPE_GROUP, message)->dedup_key, "g d", "or within its group");
	message.dedup_id = "";
	is_str(row_of(LOAD_SCOPE_QUEUE, message)->dedup_key, "m-1", "of a standard queue the message id");
	message.attributes = &attribute;
	message.attribute_count = 1;
	config.dedup_key = (char *) "k";
	is_str(row_of(LOAD_SCOPE_QUEUE, message)->dedup_key, "from-attribute", "or an attribute");
	attribute.type = "Binary";
	is_str(row_of(LOAD_SCOPE_QUEUE, message)->code, "MissingKey", "a binary one is none");
	attribute.name = "other";
	is_str(row_of(LOAD_SCOPE_QUEUE, message)->code, "MissingKey", "nor is one that is not there");
	is_str(key_of("$.x.y", "{\"id\":\"a\",\"x\":{\"y\":1,\"y\":\"\\u0041\"}}"), "A", "or a member of the body, the last of its name");
	is_str(key_of("$.x.y", "{\"id\":\"a\",\"x\":{\"\\u0079\":1.50}}"), "1.50", "a number as it is spelled");
	is_str(key_of("$.x.y", "{\"id\":\"a\",\"x\":[1]}"), "MissingKey", "nothing there");
	is_str(key_of("$.x", "{\"id\":\"a\",\"x\":\"\"}"), "MissingKey", "an empty text");
	is_str(key_of("$.x", "{\"id\":\"a\",\"x\":true}"), "MissingKey", "neither text nor number");
	is_str(key_of("$.x", "{\"id\":\"a\",\"x\":\"\\u0000\"}"), "InvalidValue", "a text with \\u0000");
	is_str(key_of("$.x", "{"), "InvalidJson", "no object to look into");

	memset(long_id, 'x', 513);
	long_id[513] = '\0';
	message = world_message(long_id, "{\"id\":\"a\"}");
	awsx_sha256_hex(long_id, 513, digest + 7);
	is_str(row_of(LOAD_SCOPE_QUEUE, message)->dedup_key, digest, "a key of more than 512 bytes stands as its digest");
	long_id[512] = '\0';
	is_str(row_of(LOAD_SCOPE_QUEUE, message)->dedup_key, long_id, "one of 512 as it is");
	awsx_sha256_hex("a ", 2, digest + 7);
	is_str(key_of("$.x", "{\"id\":\"a\",\"x\":\"a \"}"), digest, "and one that ends in a space: Redshift would not tell it from another");
}

static void
test_content(void)
{
	static const AwsxSqsAttribute attributes[] = {
		{"source_bucket", "String", "b", 1}, {"source_key", "String", "k\303\251", 3}, {"source_version_id", "String", "v", 1},
		{"source_record", "Number", "5", 1},
		{"source_sha256", "String", "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", 64}
	};
	AwsxSqsAttribute odd[] = {{"source_bucket", "Binary", "\377b", 2}, {"source_key", "String", "k", 1}};
	AwsxSqsMessage message = world_message("d", "{\"id\":\"a\"}");
	char		hash[65];

	awsx_sha256_hex(message.body, message.body_len, hash);
	is_str(row_of(LOAD_SCOPE_QUEUE, message)->content_hash, hash, "content is known by its body's hash");
	is_str(row_of(LOAD_SCOPE_QUEUE, message)->source, "", "without lineage no source");
	message.attributes = attributes;
	message.attribute_count = 5;
	is_str(row_of(LOAD_SCOPE_QUEUE, message)->content_hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		   "or by that of its source, in small letters");
	is_str(row_of(LOAD_SCOPE_QUEUE, message)->source, "s3://b/k\303\251?versionId=v#5", "the source");
	message.attribute_count = 2;
	is_str(row_of(LOAD_SCOPE_QUEUE, message)->source, "s3://b/k\303\251", "as far as it is known");
	message.attributes = odd;
	is_str(row_of(LOAD_SCOPE_QUEUE, message)->source, "s3://%FFb/k", "odd bytes are written in ASCII");
}

static void
test_batches(void)
{
	AwsxSqsMessage messages[6] = {
		world_message("a", "{\"id\":\"a\"}"), world_message("b", "{\"id\":1e}"), world_message("a", "{\"id\":\"a\"}"),
		world_message("a", "{\"id\":\"b\"}"), world_message("b", "{\"id\":\"b\"}"), world_message("a", "{\"id\":\"a\"}")
	};
	AwsxError	error;
	LoadBatch  *several = load_batch(&config, LOAD_SCOPE_QUEUE, messages, 6, &error);
	const LoadRow *rows = several->rows;

	is_int(rows[0].fate, LOAD_ROW, "the first of a key is a row");
	is_int(rows[0].original, -1, "of its own");
	is_int(rows[2].fate, LOAD_DUPLICATE, "the same again is a duplicate");
	is_int(rows[2].original, 0, "of the first");
	is_int(rows[5].original, 0, "and so is the third");
	is_str(rows[3].code, "DedupConflict", "the same key with other content is a conflict");
	is_int(rows[3].original, 0, "with the first");
	is_int(rows[1].fate, LOAD_REJECTED, "what can never be loaded");
	is_int(rows[1].original, -1, "is in conflict with none");
	is_int(rows[4].fate, LOAD_ROW, "and claims no key: a corrected one is loaded");
	load_batch_free(several);
	several = load_batch(&config, LOAD_SCOPE_QUEUE, messages, 0, &error);
	is_int(several->count, 0, "a batch of none");
	load_batch_free(several);
}

/* Many keys, so that their places collide. */
static void
test_many(void)
{
	static char ids[3000][12];
	static AwsxSqsMessage messages[6000];
	AwsxError	error;
	LoadBatch  *many;
	int			rows = 0;
	int			right = 0;

	for (int i = 0; i < 3000; i++)
	{
		snprintf(ids[i], sizeof(ids[i]), "%d", i);
		messages[i] = messages[3000 + i] = world_message(ids[i], "{\"id\":\"a\"}");
	}
	many = load_batch(&config, LOAD_SCOPE_QUEUE, messages, 6000, &error);
	for (int i = 0; i < 3000; i++)
	{
		rows += many->rows[i].fate == LOAD_ROW;
		right += many->rows[3000 + i].fate == LOAD_DUPLICATE && many->rows[3000 + i].original == i;
	}
	is_int(rows, 3000, "3000 keys");
	is_int(right, 3000, "each found again");
	load_batch_free(many);
}

static void
test_defaults(void)
{
	AwsxRedshiftColumn columns[] = {
		{"id", {AWSX_REDSHIFT_VARCHAR, 16, 0, 0}, false, NULL},
		{"n", {AWSX_REDSHIFT_INTEGER, 0, 0, 0}, false, "x"},
		{"d", {AWSX_REDSHIFT_SUPER, 0, 0, 0}, false, "1, 2"}
	};

	config.target.columns = columns;
	config.target.column_count = 2;
	is_str(value("{\"id\":\"a\"}", 0), "InvalidValue", "a default that the column does not take");
	is_str(value("{\"id\":\"a\",\"n\":5}", 1), "5", "... is no matter where there is a value");
	config.target.column_count = 3;
	is_str(value("{\"id\":\"a\",\"n\":5}", 0), "InvalidJson", "a default that is no document");
	config = world_config(0, -1);
}

int
main(void)
{
	config = world_config(0, -1);
	test_members();
	test_absent();
	test_bodies();
	test_keys();
	test_content();
	test_batches();
	test_many();
	test_defaults();
	load_batch_free(batch);
	return tap_done();
}
