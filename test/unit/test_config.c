/*
 * test_config.c
 *	  The configuration of s3_to_sqs: both forms, defaults, and an error that
 *	  names the culprit for everything wrong.
 */
#include <stdlib.h>
#include <unistd.h>

#include "config.h"
#include "tap.h"

#define URL "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo"
#define STANDARD "https://sqs.eu-west-1.amazonaws.com/123456789012/plain"
#define OUTPUT "{\"name\":\"a\",\"queue_url\":\"" URL "\"}"

static const char *const names[] = {
	"S3_TO_SQS_CONFIG", "QUEUE_URL", "JQ_PROGRAM", "JQ_FILE", "GROUP_EXPRESSION",
	"DEDUP_EXPRESSION", "REJECT_URL", "MAX_OBJECT_BYTES", "RECEIPTS_URL", "HANDOVER_QUEUE_URL", "MAX_RECORD_BYTES",
	"ON_MISSING", "ON_DENIED", "ON_THROTTLED", "ON_CORRUPT", "POLL_VISIBILITY_SECONDS", "POLL_WAIT_SECONDS",
	"POLL_MAX_MESSAGES", "METRICS_NAMESPACE", "METRICS_DIMENSIONS", NULL
};

/* Read with these variables set and no other: name, value, ..., null. */
static Config *
read_with(const char *const *variables, AwsxError *error)
{
	for (int i = 0; names[i] != NULL; i++)
		unsetenv(names[i]);
	for (; *variables != NULL; variables += 2)
		setenv(variables[0], variables[1], 1);
	return config_read(error);
}

#define READ(error, ...) read_with((const char *const[]) {__VA_ARGS__, NULL}, error)

static void
refused(const char *part, const char *const *variables)
{
	AwsxError	error;
	Config	   *config = read_with(variables, &error);

	ok(config == NULL && error.kind == AWSX_ERR_CONFIG && strstr(error.message, part) != NULL, "%s", part);
	if (config != NULL || strstr(error.message, part) == NULL)
		printf("# got: %s\n", config != NULL ? "accepted" : error.message);
	config_free(config);
}

#define REFUSED(part, ...) refused(part, (const char *const[]) {__VA_ARGS__, NULL})
#define DOCUMENT(part, text) REFUSED(part, "S3_TO_SQS_CONFIG", text)

static void
test_short_form(void)
{
	AwsxError	error;
	Config	   *config = READ(&error, "QUEUE_URL", URL);

	if (!ok(config != NULL && config->output_count == 1, "QUEUE_URL is enough"))
		return;
	is_str(config->outputs[0].name, "default", "name");
	is_str(config->outputs[0].program, ".", "default program");
	is_str(config->outputs[0].group, ".transaction_id", "default group");
	ok(config->outputs[0].dedup == NULL && config->reject_bucket == NULL, "no dedup expression, no reject location");
	ok(config->max_object_bytes >= (size_t) 50 << 40, "objects of every size that S3 takes");
	config_free(config);
	config = READ(&error, "QUEUE_URL", URL, "JQ_PROGRAM", ".a", "GROUP_EXPRESSION", ".g", "DEDUP_EXPRESSION", ".d",
				  "REJECT_URL", "s3://bkt/r/", "MAX_OBJECT_BYTES", "10");
	if (!ok(config != NULL, "everything set"))
		return;
	is_str(config->outputs[0].dedup, ".d", "dedup");
	is_str(config->reject_bucket, "bkt", "reject bucket");
	is_str(config->reject_prefix, "r/", "reject prefix");
	is_int((long long) config->max_object_bytes, 10, "size");
	config_free(config);
}

static void
test_document(void)
{
	AwsxError	error;
	char		path[] = "/tmp/test_config.XXXXXX";
	int			fd = mkstemp(path);
	Config	   *config;

	config = READ(&error, "S3_TO_SQS_CONFIG",
				  " {\"outputs\":[" OUTPUT ",{\"name\":\"b\",\"queue_url\":\"" URL "\",\"jq\":\".x\",\"group\":\".g\",\"dedup\":null}],"
				  "\"reject\":\"s3://bkt/r/\",\"max_object_bytes\":5}");
	if (ok(config != NULL && config->output_count == 2, "two outputs"))
	{
		is_str(config->outputs[1].program, ".x", "jq");
		is_str(config->outputs[0].group, ".transaction_id", "default group");
		ok(config->outputs[1].dedup == NULL, "dedup null");
	}
	config_free(config);
	ok(write(fd, "{\"outputs\":[" OUTPUT "]}", strlen("{\"outputs\":[" OUTPUT "]}")) > 0, "a file");
	config = READ(&error, "S3_TO_SQS_CONFIG", path);
	ok(config != NULL, "... is read by its path");
	config_free(config);
	config = READ(&error, "QUEUE_URL", URL, "JQ_FILE", path);
	ok(config != NULL && strncmp(config->outputs[0].program, "{\"outputs\"", 10) == 0, "JQ_FILE");
	config_free(config);
	close(fd);
	unlink(path);
}

static void
check_settings(const Config *config, const char *form)
{
	if (!ok(config != NULL, "%s: all settings", form))
		return;
	is_str(config->receipts_bucket, "rcp", "receipts bucket");
	is_str(config->receipts_prefix, "r/", "receipts prefix");
	ok(config->reject_bucket == NULL && config_has_reject(config), "rejects go to a queue");
	is_str(config->reject_queue_url, STANDARD, "its URL");
	is_str(config->handover_queue_url, STANDARD, "handover");
	is_int((long long) config->max_record_bytes, 77, "max_record_bytes");
	ok(config->policies.missing == CONFIG_SKIP && config->policies.denied == CONFIG_REJECT &&
	   config->policies.throttled == CONFIG_REJECT && config->policies.corrupt == CONFIG_FAIL, "policies");
	ok(config->poll.visibility_seconds == 60 && config->poll.wait_seconds == 5 && config->poll.max_messages == 3, "poll");
	is_str(config->metrics.name_space, "My/App", "namespace");
	ok(config->metrics.dimension_count == 2 && strcmp(config->metrics.dimension_names[1], "Team") == 0 &&
	   strcmp(config->metrics.dimension_values[1], "blue 1") == 0 && !config->metrics.off, "dimensions");
}

static void
test_settings(void)
{
	AwsxError	error;
	Config	   *config = READ(&error, "QUEUE_URL", URL, "RECEIPTS_URL", "s3://rcp/r/", "REJECT_URL", STANDARD,
							  "HANDOVER_QUEUE_URL", STANDARD, "MAX_RECORD_BYTES", "77", "ON_MISSING", "skip", "ON_DENIED", "reject",
							  "ON_THROTTLED", "reject", "ON_CORRUPT", "fail", "POLL_VISIBILITY_SECONDS", "60", "POLL_WAIT_SECONDS", "5",
							  "POLL_MAX_MESSAGES", "3", "METRICS_NAMESPACE", "My/App", "METRICS_DIMENSIONS", "Stage=test,Team=blue 1");

	check_settings(config, "variables");
	config_free(config);
	config = READ(&error, "S3_TO_SQS_CONFIG", "{\"outputs\":[" OUTPUT "],\"receipts\":\"s3://rcp/r/\",\"reject\":\"" STANDARD "\","
				  "\"handover_queue_url\":\"" STANDARD "\",\"max_record_bytes\":77,\"log_level\":\"debug\","
				  "\"policies\":{\"missing\":\"skip\",\"denied\":\"reject\",\"throttled\":\"reject\",\"corrupt\":\"fail\"},"
				  "\"poll\":{\"visibility_seconds\":60,\"wait_seconds\":5,\"max_messages\":3},"
				  "\"metrics\":{\"namespace\":\"My/App\",\"dimensions\":{\"Stage\":\"test\",\"Team\":\"blue 1\"}}}");
	check_settings(config, "a document");
	is_str(config != NULL ? config->log_level : NULL, "DEBUG", "log level");
	config_free(config);
	config = READ(&error, "QUEUE_URL", URL);
	if (!ok(config != NULL, "defaults"))
		return;
	ok(config->policies.missing == CONFIG_REJECT && config->policies.denied == CONFIG_FAIL &&
	   config->policies.throttled == CONFIG_FAIL && config->policies.corrupt == CONFIG_REJECT, "policies");
	is_str(config->metrics.name_space, "pg_sqs", "namespace");
	ok(!config_has_reject(config) && config->receipts_bucket == NULL && config->log_level == NULL, "nothing else");
	config_free(config);
	config = READ(&error, "S3_TO_SQS_CONFIG", "{\"outputs\":[" OUTPUT "],\"metrics\":false}");
	ok(config != NULL && config->metrics.off, "metrics are off");
	config_free(config);
	config = READ(&error, "QUEUE_URL", URL, "METRICS_NAMESPACE", "off");
	ok(config != NULL && config->metrics.off, "... also by a variable");
	config_free(config);
}

static void
test_places(void)
{
	AwsxError	error;
	Config	   *config = READ(&error, "QUEUE_URL", URL, "RECEIPTS_URL", "s3://bkt/r/", "REJECT_URL", "s3://bkt/x/", "JQ_FILE", "s3://code/a/b.jq");

	if (ok(config != NULL, "receipts and rejects in one bucket"))
	{
		is_str(config_own_location(config, "bkt", "r/2026/x.json"), "receipts", "a receipt is our own");
		is_str(config_own_location(config, "bkt", "x/y"), "reject", "a reject, too");
		ok(config_own_location(config, "bkt", "in/y") == NULL && config_own_location(config, "other", "x/y") == NULL, "nothing else is");
		ok(config->outputs[0].program == NULL, "a program in S3 is not read yet");
		is_str(config->outputs[0].program_url, "s3://code/a/b.jq", "its URL");
	}
	config_free(config);
	REFUSED("overlap", "QUEUE_URL", URL, "RECEIPTS_URL", "s3://bkt/r/", "REJECT_URL", "s3://bkt/r/rejects/");
	REFUSED("overlap", "QUEUE_URL", URL, "RECEIPTS_URL", "s3://bkt/r/", "REJECT_URL", "s3://bkt/");
	REFUSED("JQ_FILE must be the path of a file or have the form s3://bucket/key", "QUEUE_URL", URL, "JQ_FILE", "s3://code");
	REFUSED("RECEIPTS_URL must have the form s3://bucket/prefix/", "QUEUE_URL", URL, "RECEIPTS_URL", STANDARD);
	REFUSED("RECEIPTS_URL: the prefix must be", "QUEUE_URL", URL, "RECEIPTS_URL", "s3://bkt//x");
	REFUSED("REJECT_URL must be the URL of a standard SQS queue", "QUEUE_URL", URL, "REJECT_URL", URL);
	REFUSED("HANDOVER_QUEUE_URL must be the URL of a standard", "QUEUE_URL", URL, "HANDOVER_QUEUE_URL", URL);
	REFUSED("MAX_RECORD_BYTES must be a whole number of bytes from 1 to 1073741824", "QUEUE_URL", URL, "MAX_RECORD_BYTES", "2000000000");
	REFUSED("ON_MISSING must be reject, fail or skip", "QUEUE_URL", URL, "ON_MISSING", "ignore");
	REFUSED("POLL_WAIT_SECONDS must be a whole number of seconds from 0 to 20", "QUEUE_URL", URL, "POLL_WAIT_SECONDS", "21");
	REFUSED("METRICS_NAMESPACE must be", "QUEUE_URL", URL, "METRICS_NAMESPACE", ":x");
	REFUSED("METRICS_DIMENSIONS must have the form", "QUEUE_URL", URL, "METRICS_DIMENSIONS", "a");
	REFUSED("METRICS_DIMENSIONS must be at most 8", "QUEUE_URL", URL, "METRICS_DIMENSIONS", "a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1");
	REFUSED("S3_TO_SQS_CONFIG and ON_MISSING exclude", "S3_TO_SQS_CONFIG", "{}", "ON_MISSING", "skip");
	DOCUMENT("\"policies\": unknown member \"mising\"", "{\"outputs\":[" OUTPUT "],\"policies\":{\"mising\":\"fail\"}}");
	DOCUMENT("\"policies\": \"denied\" must be reject, fail or skip", "{\"outputs\":[" OUTPUT "],\"policies\":{\"denied\":\"x\"}}");
	DOCUMENT("\"policies\": \"denied\" must be a string", "{\"outputs\":[" OUTPUT "],\"policies\":{\"denied\":7}}");
	DOCUMENT("\"poll\" must be an object", "{\"outputs\":[" OUTPUT "],\"poll\":1}");
	DOCUMENT("\"poll\": \"wait_seconds\" must be a whole number", "{\"outputs\":[" OUTPUT "],\"poll\":{\"wait_seconds\":\"5\"}}");
	DOCUMENT("\"metrics\" must be an object", "{\"outputs\":[" OUTPUT "],\"metrics\":true}");
	DOCUMENT("\"metrics\": \"dimensions\" must be an object of strings", "{\"outputs\":[" OUTPUT "],\"metrics\":{\"dimensions\":[]}}");
	DOCUMENT("\"log_level\" must be TRACE", "{\"outputs\":[" OUTPUT "],\"log_level\":\"LOUD\"}");
	DOCUMENT("unknown member \"rejects\"", "{\"outputs\":[" OUTPUT "],\"rejects\":\"s3://bkt/x/\"}");
}

static void
test_errors(void)
{
	REFUSED("set QUEUE_URL", "JQ_PROGRAM", ".");
	REFUSED("QUEUE_URL must be the URL", "QUEUE_URL", "q.fifo");
	REFUSED("QUEUE_URL must name a FIFO queue", "QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/1/q");
	REFUSED("JQ_PROGRAM and JQ_FILE exclude", "QUEUE_URL", URL, "JQ_PROGRAM", ".", "JQ_FILE", "x");
	REFUSED("JQ_FILE: cannot open file \"/nonexistent\"", "QUEUE_URL", URL, "JQ_FILE", "/nonexistent");
	REFUSED("JQ_FILE: file \"/tmp\" must be readable", "QUEUE_URL", URL, "JQ_FILE", "/tmp");
	REFUSED("REJECT_URL must have the form", "QUEUE_URL", URL, "REJECT_URL", "bkt/r");
	REFUSED("REJECT_URL must have the form", "QUEUE_URL", URL, "REJECT_URL", "s3://bkt");
	REFUSED("REJECT_URL must have the form", "QUEUE_URL", URL, "REJECT_URL", "s3://b\xC3\xA9t/r/");
	REFUSED("MAX_OBJECT_BYTES must be", "QUEUE_URL", URL, "MAX_OBJECT_BYTES", "0");
	REFUSED("MAX_OBJECT_BYTES must be", "QUEUE_URL", URL, "MAX_OBJECT_BYTES", "1x");
	REFUSED("MAX_OBJECT_BYTES must be", "QUEUE_URL", URL, "MAX_OBJECT_BYTES", "99999999999999999999");
	REFUSED("S3_TO_SQS_CONFIG and REJECT_URL exclude", "S3_TO_SQS_CONFIG", "{}", "REJECT_URL", "s3://b/r/");
	DOCUMENT("cannot open file", "/nonexistent");
	DOCUMENT("not valid JSON", "{");
	DOCUMENT("not valid JSON", "{\"outputs\":[],\"outputs\":[]}");
	DOCUMENT("1 to 32 outputs", "{}");
	DOCUMENT("1 to 32 outputs", "{\"outputs\":[]}");
	DOCUMENT("1 to 32 outputs", "{\"outputs\":{}}");
	DOCUMENT("unknown member \"output\"", "{\"output\":[]}");
	DOCUMENT("outputs[0] must be an object", "{\"outputs\":[1]}");
	DOCUMENT("outputs[0]: member \"name\" is missing", "{\"outputs\":[{}]}");
	DOCUMENT("outputs[0]: unknown member \"jqq\"", "{\"outputs\":[{\"jqq\":1}]}");
	DOCUMENT("outputs[0]: member \"queue_url\" is missing", "{\"outputs\":[{\"name\":\"a\"}]}");
	DOCUMENT("member \"name\" must be a string", "{\"outputs\":[{\"name\":1}]}");
	DOCUMENT("member \"jq\" must be a string", "{\"outputs\":[{\"name\":\"a\",\"queue_url\":\"" URL "\",\"jq\":\"\"}]}");
	DOCUMENT("\"jq\" and \"jq_file\" exclude", "{\"outputs\":[{\"name\":\"a\",\"queue_url\":\"" URL "\",\"jq\":\".\",\"jq_file\":\"x\"}]}");
	DOCUMENT("differ from the other outputs", "{\"outputs\":[" OUTPUT "," OUTPUT "]}");
	DOCUMENT("\"reject\" must have the form", "{\"outputs\":[" OUTPUT "],\"reject\":\"x\"}");
	DOCUMENT("\"reject\" must be a string", "{\"outputs\":[" OUTPUT "],\"reject\":1}");
	DOCUMENT("\"max_object_bytes\" must be", "{\"outputs\":[" OUTPUT "],\"max_object_bytes\":\"1\"}");
	DOCUMENT("\"max_object_bytes\" must be", "{\"outputs\":[" OUTPUT "],\"max_object_bytes\":1.5}");
}

int
main(void)
{
	test_short_form();
	test_document();
	test_settings();
	test_places();
	test_errors();
	return tap_done();
}
