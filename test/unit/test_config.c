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
#define OUTPUT "{\"name\":\"a\",\"queue_url\":\"" URL "\"}"

static const char *const names[] = {
	"S3_TO_SQS_CONFIG", "QUEUE_URL", "JQ_PROGRAM", "JQ_FILE", "GROUP_EXPRESSION",
	"DEDUP_EXPRESSION", "REJECT_URL", "MAX_OBJECT_BYTES", NULL
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
	is_int((long long) config->max_object_bytes, 16777216, "default size");
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
	test_errors();
	return tap_done();
}
