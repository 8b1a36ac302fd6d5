/*
 * test_enrich.c
 *	  From a record to messages, or to the reason why not; what goes to the
 *	  reject location; what a program must not reach.
 */
#include <jansson.h>
#include <stdlib.h>

#include "digest.h"
#include "enrich.h"
#include "identity.h"
#include "json.h"
#include "program.h"
#include "reject.h"
#include "tap.h"

#define URL "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo"

static EnrichResult result;

/* Up to two outputs; a null program ends the list. */
static Enricher *
create(const char *program, const char *group, const char *dedup, const char *second)
{
	ConfigOutput outputs[2] = {
		{.name = (char *) "first",.queue_url = (char *) URL,.program = (char *) program,.group = (char *) group,.dedup = (char *) dedup},
		{.name = (char *) "second",.queue_url = (char *) URL,.program = (char *) second,.group = (char *) ".transaction_id"}
	};
	Config		config = {.output_count = second != NULL ? 2 : 1,.outputs = outputs};
	AwsxError	error;
	Enricher   *enricher;

	awsx_error_clear(&error);
	enricher = enrich_create(&config, &error);
	if (enricher == NULL)
		printf("# %s\n", error.message);
	return enricher;
}

static const EnrichSource source = {
	.bucket = "bkt",.key = "a b+\xC3\xA9/x.json",.version_id = "v1",.sequencer = "00A1",.record = 1
};

/* Enrich once into the static result; false only for a broken test. */
static bool
enrich_sized(const char *program, const char *group, const char *dedup, const char *second,
			 const char *record, size_t len)
{
	Enricher   *enricher = create(program, group, dedup, second);
	AwsxError	error;
	bool		done;

	enrich_result_free(&result);
	if (enricher == NULL)
		return false;
	done = enrich_record(enricher, &source, record, len, &result, &error);
	enrich_free(enricher);
	return done;
}

static bool
enrich(const char *program, const char *group, const char *dedup, const char *second, const char *record)
{
	return enrich_sized(program, group, dedup, second, record, strlen(record));
}

static const char *
attribute(const EnrichMessage *message, const char *name)
{
	for (int i = 0; i < message->attribute_count; i++)
	{
		if (strcmp(message->attributes[i].name, name) == 0)
			return message->attributes[i].value;
	}
	return NULL;
}

static void
test_message(void)
{
	static const char record[] = "{\"transaction_id\":\"T-1\",\"amount\":12345678901234567.89}";
	char		hash[65];
	char		id[AWSX_ID_MAX + 1];
	AwsxSqsSend send;

	ok(enrich(".", ".transaction_id", NULL, NULL, "\xEF\xBB\xBF \n{\"transaction_id\":\"T-1\",\"amount\":12345678901234567.89}\r\n "),
	   "byte order mark and white space");
	if (!ok(result.code == NULL && result.count == 1, "one message"))
		return;
	is_str(result.messages[0].body, record, "the body, digit for digit");
	is_str(result.messages[0].group_id, "T-1", "the group");
	awsx_id_of_record("first", record, strlen(record), id);
	is_str(result.messages[0].dedup_id, id, "the default deduplication id: of the object's own bytes");
	awsx_sha256_hex(record, strlen(record), hash);
	is_str(attribute(&result.messages[0], "source_sha256"), hash, "source_sha256");
	is_str(attribute(&result.messages[0], "source_bucket"), "bkt", "source_bucket");
	is_str(attribute(&result.messages[0], "source_key"), "a%20b%2B%C3%A9/x.json", "source_key");
	is_str(attribute(&result.messages[0], "source_version_id"), "v1", "source_version_id");
	is_str(attribute(&result.messages[0], "source_sequencer"), "00A1", "source_sequencer");
	is_str(attribute(&result.messages[0], "source_record"), "1", "source_record");
	is_int(result.messages[0].attribute_count, 6, "no more attributes");
	send = enrich_send(&result.messages[0], "Root=1");
	is_str(send.trace_header, "Root=1", "the trace header travels");
	is_str(send.group_id, "T-1", "the message as SQS gets it");
}

static void
test_ids(void)
{
	char		hash[65];

	enrich(".", ".transaction_id", ".d", NULL, "{\"transaction_id\":\"a b \xC3\xA9\",\"d\":\"x\xC3\xBF\"}");
	awsx_sha256_hex("a b \xC3\xA9", 6, hash);
	is_str(result.messages[0].group_id, hash, "a group that SQS refuses is hashed");
	is_str(attribute(&result.messages[0], "original_group_id"), "a%20b%20%C3%A9", "original_group_id");
	is_str(attribute(&result.messages[0], "original_dedup_id"), "x%C3%BF", "original_dedup_id");
	enrich(".", ".n", ".d", NULL, "{\"n\":12345678901234567890,\"d\":1.10}");
	is_str(result.messages[0].group_id, "12345678901234567890", "a number is its value, digit for digit");
	is_str(result.messages[0].dedup_id, "1.1", "... without outer zeros");
	enrich(".", ".n", ".d", NULL, "{\"n\":1,\"d\":10.0e2,\"x\":{\"n\":1.00},\"y\":[1e3]}");
	is_str(result.messages[0].group_id, "1", "... whatever else the record holds: a group stays one group");
	is_str(result.messages[0].dedup_id, "1000", "... and however it is written");
	enrich("{g: .a.b}", ".g", NULL, NULL, "{\"a\":{\"b\":\"x\"}}");
	is_str(result.messages[0].group_id, "x", "expressions see the program's result");
	enrich(".", ".a.b.c", NULL, NULL, "{\"a\":{\"b\":{\"c\":\"deep\"}}}");
	is_str(result.messages[0].group_id, "deep", "a path of names");
}

static void
rejected(const char *program, const char *group, const char *dedup, const char *record,
		 const char *code, const char *part)
{
	ok(enrich(program, group, dedup, NULL, record) && result.code != NULL &&
	   strcmp(result.code, code) == 0 && strstr(result.reason, part) != NULL && result.count == 0,
	   "%s: %s", code, part);
	if (result.code == NULL || strcmp(result.code, code) != 0 || strstr(result.reason, part) == NULL)
		printf("# got %s: %s\n", result.code ? result.code : "no code", result.reason);
}

static void
test_rejects(void)
{
	static const char *const t = ".transaction_id";

	rejected(".", t, NULL, "", "EmptyObject", "line 1, column 1 (byte 1)");
	rejected(".", t, NULL, " \n ", "EmptyObject", "line 2, column 2 (byte 4)");
	rejected(".", t, NULL, "[{}]", "NotAnObject", "not an array");
	rejected(".", t, NULL, "12", "NotAnObject", "not an array or a scalar");
	rejected(".", t, NULL, "<a/>", "InvalidJson", "line 1, column 1");
	rejected(".", t, NULL, "{\"a\":1,\n \"\xC3\xA9\":}", "InvalidJson", "line 2, column 6 (byte 15)");
	rejected(".", t, NULL, "{\"a\":1", "InvalidJson", "ends in the middle");
	rejected(".", t, NULL, "{\"a\":1}{}", "InvalidJson", "more follows at line 1, column 8 (byte 8)");
	rejected(".", t, NULL, "{\"a\":01}", "InvalidJson", "superfluous zero");
	rejected(".", t, NULL, "{\"a\":.5}", "InvalidJson", "a value is expected");
	rejected(".", t, NULL, "{\"a\":5.}", "InvalidJson", "lacks a digit");
	rejected(".", t, NULL, "{\"a\":nan}", "InvalidJson", "true, false or null");
	rejected(".", t, NULL, "{'a':1}", "InvalidJson", "double quotes");
	rejected(".", t, NULL, "{\"a\":1,}", "InvalidJson", "member name");
	rejected(".", t, NULL, "{\"a\":[1,]}", "InvalidJson", "a value is expected");
	rejected(".", t, NULL, "{\"a\":[1}", "InvalidJson", "',' or ']'");
	rejected(".", t, NULL, "{\"a\":\"\x01\"}", "InvalidJson", "control character");
	rejected(".", t, NULL, "{\"a\":\"\xFF\"}", "InvalidJson", "not UTF-8");
	rejected(".", t, NULL, "{\"a\":\"\xC0\x80\"}", "InvalidJson", "not UTF-8");
	rejected(".", t, NULL, "{\"a\":\"\xED\xA0\x80\"}", "InvalidJson", "not UTF-8");
	rejected(".", t, NULL, "{\"a\":\"\\ud800\"}", "InvalidJson", "surrogate");
	rejected(".", t, NULL, "{\"a\":\"\\udc00\\ud800\"}", "InvalidJson", "surrogate");
	rejected(".", t, NULL, "{\"a\":\"\\ud800\\u0041\"}", "InvalidJson", "surrogate");
	rejected(".", t, NULL, "{\"a\":\"\\x\"}", "InvalidJson", "unknown escape");
	rejected(".", t, NULL, "{\"a\":\"\\u12G4\"}", "InvalidJson", "four hex digits");
	rejected(".", t, NULL, "{\"a\":9007199254740993,\n\"b\":9007199254740992}", "AmbiguousNumber",
			 "line 1, column 6 (byte 6) and line 2, column 5 (byte 28)");
	rejected(".", t, NULL, "{\"a\":1e1000000001}", "NumberOutOfRange", "10^9");
	rejected(".", t, NULL, "{\"a\":1}", "MissingId", "null");
	rejected(".", t, NULL, "{\"transaction_id\":\"\"}", "MissingId", "empty");
	rejected(".", t, NULL, "{\"transaction_id\":true}", "InvalidId", "is boolean");
	rejected(".", t, NULL, "{\"transaction_id\":[1]}", "InvalidId", "array");
	rejected(".", ".a.b", NULL, "{\"a\":1}", "ProgramError", "Cannot index number");
	rejected(".", ".a | .b", NULL, "{\"a\":1}", "ProgramError", "Cannot index number");
	rejected(".", "empty", NULL, "{\"a\":1}", "MissingId", "no value");
	rejected(".", "1,2", NULL, "{\"a\":1}", "InvalidId", "more than one");
	rejected(".", "1", ".d", "{\"a\":1}", "MissingId", "deduplication expression");
	rejected(".a + {}", t, NULL, "{\"a\":1}", "ProgramError", "cannot be added");
	rejected("error(null)", t, NULL, "{\"a\":1}", "ProgramError", "error(null)");
	rejected("halt", t, NULL, "{\"a\":1}", "ProgramError", "halt");
	rejected(".a, error(\"late\")", "1", NULL, "{\"a\":1}", "ProgramError", "late");
	rejected(".,.", ".a", ".a", "{\"a\":1}", "DuplicateId", "SQS would drop one");
	rejected("range(1001)", "1", NULL, "{\"a\":1}", "TooManyResults", "1000");
	rejected("(\"x\" * 1000000) as $x | range(100) | {a: $x}", "1", NULL, "{\"a\":1}", "TooManyResults", "67108864 bytes");
	rejected("nan", "1", NULL, "{\"a\":1}", "NotFinite", "NaN");
	rejected("reduce range(300) as $i (1; [.])", "1", NULL, "{\"a\":1}", "TooDeep", "256");
	rejected("{a: (\"x\" * 1100000)}", "1", NULL, "{\"a\":1}", "MessageRefused", "");
}

static void
test_limits(void)
{
	char		deep[1024];
	int			n = 0;
	AwsxBuf		record;

	for (int levels = JSON_MAX_DEPTH; levels <= JSON_MAX_DEPTH + 1; levels++)
	{
		n = snprintf(deep, sizeof(deep), "{\"transaction_id\":1,\"a\":");
		for (int i = 1; i < levels; i++)
			deep[n++] = '[';
		for (int i = 1; i < levels; i++)
			deep[n++] = ']';
		deep[n++] = '}';
		deep[n] = '\0';
		enrich(".", ".transaction_id", NULL, NULL, deep);
		ok(levels <= JSON_MAX_DEPTH ? result.code == NULL :
		   result.code != NULL && strcmp(result.code, "TooDeep") == 0, "%d levels", levels);
	}
	awsx_buf_init(&record, 0);
	for (int i = 0; i < JSON_MAX_DEPTH; i++)
		awsx_buf_puts(&record, "{\"a\":");
	awsx_buf_puts(&record, "1");
	for (int i = 0; i < JSON_MAX_DEPTH; i++)
		awsx_buf_puts(&record, "}");
	enrich(".", "1|tostring", NULL, NULL, record.data);
	ok(result.code == NULL, "as many objects, which cost jq 1.6 two levels each");
	awsx_buf_free(&record);
	ok(enrich_sized(".", ".a", NULL, NULL, "{\"a\":\"x\0\"}", 10) && result.code != NULL, "a NUL in a string");
	ok(enrich_sized(".", ".a", NULL, NULL, "{\"a\":1}\0", 8) && result.code != NULL, "a NUL behind");
	ok(enrich_sized(".", ".a", NULL, NULL, "{\"a\":\"\\\0\"}", 10) && result.code != NULL &&
	   strstr(result.reason, "unknown escape") != NULL, "a NUL as an escape");
}

/* One enricher over many records: nothing of a record that failed is left for the next. */
static void
test_many_records(void)
{
	static const char *const bad[] = {
		"{\"halt\":1}", "{\"error\":1}", "{\"path\":1}", "{\"label\":1}", "{\"many\":1}", "{", "{\"limit\":1}"
	};
	static const char good[] = "{\"t\":\"T\",\"l\":[1.0,2,3]}";
	Enricher   *enricher = create("if .halt then halt elif .error then (1, error(\"x\")) elif .path then path(error) "
								  "elif .label then label $f | 1, break $f, error(\"y\") elif .many then range(1001) "
								  "elif .limit then [limit(3; repeat(1))] | error(tojson) else {t, n: [limit(2; .l[])]} end",
								  "if .t == null then error(\"no t\") else .t end", NULL, NULL);
	AwsxError	error;

	for (size_t i = 0; enricher != NULL && i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		enrich_result_free(&result);
		ok(enrich_record(enricher, &source, bad[i], strlen(bad[i]), &result, &error) && result.code != NULL, "rejected: %s", bad[i]);
		enrich_result_free(&result);
		enrich_record(enricher, &source, good, strlen(good), &result, &error);
		is_str(result.count == 1 ? result.messages[0].body : result.reason, "{\"t\":\"T\",\"n\":[1.0,2]}", "... and the next record is as ever");
	}
	enrich_free(enricher);
}

/* Every truncation and every single changed byte: no crash, a verdict. */
static void
test_hostile(void)
{
	static const char record[] =
	"{\"transaction_id\":\"\\ud83d\\ude00\xC3\xA9\",\"a\":[1.5e-3,{\"b\":null}],\"c\":true}";
	Enricher   *enricher = create(".", ".transaction_id", NULL, NULL);
	size_t		len = sizeof(record) - 1;
	char		copy[sizeof(record)];
	AwsxError	error;
	bool		whole = true;
	int			accepted = 0;

	for (size_t cut = 0; cut < len; cut++)
	{
		char	   *exact = malloc(cut + 1);

		memcpy(exact, record, cut);
		enrich_result_free(&result);
		whole = whole && enrich_record(enricher, &source, exact, cut, &result, &error) && result.code != NULL;
		free(exact);
	}
	ok(whole, "every truncation is rejected");
	for (size_t i = 0; i < len; i++)
	{
		for (int byte = 0; byte < 256; byte++)
		{
			memcpy(copy, record, len);
			copy[i] = (char) byte;
			enrich_result_free(&result);
			whole = whole && enrich_record(enricher, &source, copy, len, &result, &error);
			accepted += result.code == NULL;
			if (result.code == NULL && result.count == 1)
			{
				json_t	   *body = json_loadb(result.messages[0].body, result.messages[0].body_len,
											  JSON_ALLOW_NUL, NULL);

				whole = whole && body != NULL;
				json_decref(body);
			}
		}
	}
	ok(whole && accepted > 100, "every changed byte gets a verdict, and every body sent is JSON");
	enrich_free(enricher);
}

static void
test_results(void)
{
	char		id[AWSX_ID_MAX + 1];

	enrich("empty", "1", NULL, NULL, "{\"a\":1}");
	ok(result.code == NULL && result.count == 0 && result.filtered == 1, "no result: filtered");
	enrich("select(.a == 2)", "1", NULL, ".", "{\"a\":1,\"transaction_id\":7}");
	ok(result.count == 1 && result.filtered == 1 && result.messages[0].output == 1, "filtered for one output only");
	enrich(".l[]", ".id", NULL, NULL, "{\"l\":[{\"id\":1},{\"id\":2}]}");
	is_int(result.count, 2, "two results: two messages");
	awsx_id_of_record("first", "{\"l\":[{\"id\":1},{\"id\":2}]}", 25, id);
	is_str(result.messages[0].dedup_id, id, "the first has the record's id");
	awsx_id_of_record("first", "{\"l\":[{\"id\":1},{\"id\":2}]}\0" "2", 27, id);
	is_str(result.messages[1].dedup_id, id, "the second the one with a NUL and 2");
	enrich(".", ".transaction_id", NULL, "{transaction_id}", "{\"transaction_id\":\"t\"}");
	ok(result.count == 2 && strcmp(result.messages[0].dedup_id, result.messages[1].dedup_id) != 0,
	   "two outputs: ids differ by the output's name");
	enrich(".", "1", NULL, "{}", "{\"transaction_id\":\"t\"}");
	ok(result.code != NULL && result.count == 0, "a record that one output cannot take goes to none");
}

static void
test_sandbox(void)
{
	static const char *const refused[] = {
		"include \"x\"; .", "import \"x\" as x; .", "import \"/etc/passwd\" as $x; .", "(", "  ", "foo", NULL
	};
	Enricher   *enricher;

	setenv("SECRET_OF_THE_TEST", "x", 1);
	enrich("{e: $ENV, f: env, i: [inputs], n: input_filename}", "1", NULL, NULL, "{\"a\":1}");
	is_str(result.count == 1 ? result.messages[0].body : result.reason,
		   "{\"e\":{},\"f\":{},\"i\":[],\"n\":null}", "no environment, no further input");
	enrich("debug | stderr", "1", NULL, NULL, "{\"a\":1}");
	is_str(result.count == 1 ? result.messages[0].body : result.reason, "{\"a\":1}", "nothing to the log");
	enrich("try error(\"x\") catch .", "1", NULL, NULL, "{\"a\":1}");
	is_str(result.count == 1 ? result.messages[0].body : result.reason, "\"x\"", "errors can be caught");
	for (int i = 0; refused[i] != NULL; i++)
	{
		enricher = create(refused[i], "1", NULL, NULL);
		ok(enricher == NULL, "refused at start: %s", refused[i]);
		enrich_free(enricher);
	}
	enricher = create(".", "[", NULL, NULL);
	ok(enricher == NULL, "... and a bad group expression");
	enricher = create(".", ".", "]", NULL);
	ok(enricher == NULL, "... and a bad deduplication expression");
}

static json_t *
document_of(const Reject *reject)
{
	AwsxBuf		buf;
	json_t	   *root;

	awsx_buf_init(&buf, 0);
	reject_document(reject, &buf);
	root = json_loadb(buf.data, buf.len, JSON_ALLOW_NUL, NULL);
	awsx_buf_free(&buf);
	return root;
}

static const char *
text_of(json_t *root, const char *name)
{
	return json_string_value(json_object_get(root, name));
}

static void
test_reject_document(void)
{
	Reject		reject = {
		.code = "InvalidJson",.reason = "a \"quoted\" reason\n\xFF",.bucket = "bkt",
		.key = "a b+\xC3\xA9.json",.version_id = "v1",.etag = "e",.record = 1,.request_id = "r-1",
		.time_ms = 1795360908184,.body = "{\"a\":\x01}",.body_len = 7
	};
	json_t	   *root = document_of(&reject);
	AwsxBuf		key;
	char		long_key[1025];

	is_str(text_of(root, "reason"), "a \"quoted\" reason\n\xEF\xBF\xBD", "reason");
	is_str(text_of(root, "code"), "InvalidJson", "code");
	is_str(text_of(root, "key"), "a b+\xC3\xA9.json", "key");
	is_str(text_of(root, "versionId"), "v1", "versionId");
	is_str(text_of(root, "requestId"), "r-1", "requestId");
	is_str(text_of(root, "time"), "2026-11-22T15:21:48.184Z", "time");
	is_str(text_of(root, "body"), "{\"a\":\x01}", "the raw record");
	is_int(json_integer_value(json_object_get(root, "record")), 1, "record");
	json_decref(root);
	reject.body = "\xFF\xFE{";
	reject.body_len = 3;
	reject.key = "\xFFk";
	root = document_of(&reject);
	is_str(text_of(root, "body_base64"), "//57", "a record that is no UTF-8");
	is_str(text_of(root, "key_percent_encoded"), "%FFk", "a key that is no UTF-8");
	ok(text_of(root, "body") == NULL && text_of(root, "key") == NULL, "... instead of the plain members");
	json_decref(root);
	reject.body = NULL;
	reject.key = "k";
	root = document_of(&reject);
	ok(root != NULL && text_of(root, "body") == NULL && text_of(root, "body_base64") == NULL, "no body at all");
	json_decref(root);

	awsx_buf_init(&key, 0);
	reject_key(&reject, "rejects/", &key);
	is_str(key.data, "rejects/k.v1.0000000001.json", "the key, with version");
	awsx_buf_reset(&key);
	reject.version_id = "";
	reject_key(&reject, "", &key);
	is_str(key.data, "k.e.0000000001.json", "... with etag");
	awsx_buf_reset(&key);
	reject.etag = NULL;
	reject_key(&reject, "p/", &key);
	is_str(key.data, "p/k.none.0000000001.json", "... with neither");
	awsx_buf_reset(&key);
	memset(long_key, 'k', 1024);
	long_key[1024] = '\0';
	reject.key = long_key;
	reject_key(&reject, "p/", &key);
	ok(key.len == 2 + 64 + strlen(".0000000001.json") && strncmp(key.data, "p/", 2) == 0, "a key too long is hashed");
	awsx_buf_free(&key);
}

/* A file of worker/examples, found from the vectors' folder; the caller frees it. */
static char *
example(const char *name)
{
	const char *vectors = getenv("VECTORS");
	char		path[1024];
	char	   *text = calloc(1, 8192);
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/../../worker/examples/%s", vectors ? vectors : "test/vectors", name);
	file = fopen(path, "rb");
	if (!ok(file != NULL && fread(text, 1, 8191, file) > 0, "example %s", name))
		printf("# cannot read %s\n", path);
	if (file != NULL)
		fclose(file);
	return text;
}

static void
test_example(void)
{
	char	   *program = example("transaction.jq");
	char	   *in = example("transaction.in.json");
	char	   *out = example("transaction.out.json");

	out[strcspn(out, "\n")] = '\0';
	enrich(program, ".transaction_id", NULL, NULL, in);
	is_str(result.count == 1 ? result.messages[0].body : result.reason, out, "the example's golden output");
	enrich(program, ".transaction_id", NULL, NULL, "{\"transaction_id\":1,\"booked_at\":\"31.1.2026\"}");
	ok(result.code != NULL && strstr(result.reason, "booked_at must begin") != NULL, "... and its own complaint");
	free(program);
	free(in);
	free(out);
}

int
main(void)
{
	test_message();
	test_ids();
	test_rejects();
	test_limits();
	test_many_records();
	test_hostile();
	test_results();
	test_sandbox();
	test_reject_document();
	test_example();
	enrich_result_free(&result);
	return tap_done();
}
