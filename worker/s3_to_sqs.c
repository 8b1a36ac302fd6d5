/*
 * s3_to_sqs.c
 *	  The Lambda function that turns objects in S3 into messages on SQS FIFO
 *	  queues: options and wiring.
 *
 * config says what to do, runtime fetches invocations, ingest serves one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "explain.h"
#include "ingest.h"
#include "log.h"
#include "resend.h"
#include "runtime.h"

#ifndef PG_SQS_VERSION
#error "build with the Makefile, which takes PG_SQS_VERSION from META.json"
#endif

#define USER_AGENT "pg_sqs-s3_to_sqs/" PG_SQS_VERSION

static const char help[] =
"s3_to_sqs is an AWS Lambda function (custom runtime): it reads the S3 objects\n"
"that an event names and sends one message per record to SQS FIFO queues.\n"
"\n"
"Usage:\n"
"  s3_to_sqs                   serve invocations (Lambda starts it so)\n"
"  s3_to_sqs --explain FILE    print what would be sent for a local file\n"
"  s3_to_sqs --rejects s3://BUCKET/PREFIX [--dry-run]\n"
"                              send rejected records again\n"
"  s3_to_sqs --help | --version\n"
"\n"
"Configuration (environment), for one output:\n"
"  QUEUE_URL            URL of the FIFO queue (required)\n"
"  JQ_PROGRAM, JQ_FILE  jq program, as text or in a file (default: .)\n"
"  GROUP_EXPRESSION     jq, over the program's result: MessageGroupId\n"
"                       (default: .transaction_id)\n"
"  DEDUP_EXPRESSION     jq, likewise: MessageDeduplicationId\n"
"                       (default: SHA-256 of output name and record)\n"
"  REJECT_URL           s3://bucket/prefix/ for records that cannot be sent\n"
"  MAX_OBJECT_BYTES     larger objects are rejected (default: 16777216)\n"
"or, for any number of outputs:\n"
"  S3_TO_SQS_CONFIG     a JSON document, or the path of one:\n"
"                       {\"outputs\":[{\"name\":\"transactions\",\"queue_url\":\"https://...\",\n"
"                         \"jq\":\".\",\"group\":\".transaction_id\",\"dedup\":null}],\n"
"                        \"reject\":\"s3://bucket/prefix/\",\"max_object_bytes\":16777216}\n"
"  AWS_LAMBDA_LOG_LEVEL TRACE, DEBUG, INFO, WARN, ERROR or FATAL\n";

static const char outside_lambda[] =
"s3_to_sqs is an AWS Lambda function with a custom runtime; Lambda sets\n"
"AWS_LAMBDA_RUNTIME_API and starts it.  That variable is not set here.\n"
"To try a configuration on this machine: s3_to_sqs --explain FILE\n"
"More: s3_to_sqs --help\n";

static AwsxTransport *
create_transport(bool fresh_connections, AwsxError *error)
{
	AwsxCurlOptions options = {.user_agent = USER_AGENT,.fresh_connections = fresh_connections};

	return awsx_transport_curl(&options, error);
}

static Runtime *
create_runtime(const char *api, AwsxError *error)
{
	/* while "next" waits the process is frozen, and kept connections die */
	RuntimeOptions options = {.api = api,.transport = create_transport(true, error)};

	return options.transport != NULL ? runtime_create(&options, error) : NULL;
}

static Ingest *
create_ingest(Config *config, AwsxError *error)
{
	/* kept within an invocation, which forgets them at its end */
	AwsxTransport *transport = create_transport(false, error);

	return transport != NULL ? ingest_create(config, transport, error) : NULL;
}

/* Serve until the end; the exit status is never 0. */
static int
serve(const char *api)
{
	AwsxError	error;
	Runtime    *runtime;
	Config	   *config;
	Ingest	   *ingest = NULL;

	awsx_error_clear(&error);
	runtime = create_runtime(api, &error);
	if (runtime == NULL)
	{
		log_error(LOG_FATAL, "the function cannot start", &error);
		return 1;
	}
	config = config_read(&error);
	if (config != NULL && config->log_level != NULL)
		log_set_level(config->log_level);
	if (config != NULL)
		ingest = create_ingest(config, &error);
	if (ingest != NULL)
	{
		if (config->reject_bucket == NULL)
			log_event(LOG_WARN, "no reject location is set: a bad record will fail its invocation", NULL);
		log_event(LOG_DEBUG, "ready", LOG_FIELDS(LOG_NUMBER("outputs", config->output_count)));
		runtime_run(runtime, ingest_handle, ingest);
	}
	else
	{
		log_error(LOG_FATAL, "the function cannot start", &error);
		runtime_init_error(runtime, error.kind == AWSX_ERR_CONFIG ? "Runtime.Configuration" :
						   "Runtime.InitFailed", error.message);
	}
	ingest_free(ingest);
	config_free(config);
	runtime_free(runtime);
	return 1;
}

static int
explain(const char *path)
{
	AwsxError	error;
	Config	   *config = config_read(&error);
	int			status;

	if (config == NULL)
	{
		fprintf(stderr, "s3_to_sqs: %s\n", error.message);
		return 2;
	}
	status = explain_file(config, path);
	config_free(config);
	return status;
}

static int
resend(const char *url, bool dry_run)
{
	AwsxError	error;
	Config	   *config = config_read(&error);
	int			status;

	if (config == NULL)
	{
		fprintf(stderr, "s3_to_sqs: %s\n", error.message);
		return 2;
	}
	status = resend_run(config, url, dry_run);
	config_free(config);
	return status;
}

int
main(int argc, char **argv)
{
	const char *api = getenv("AWS_LAMBDA_RUNTIME_API");

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(help, stdout) == EOF;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("s3_to_sqs (pg_sqs) " PG_SQS_VERSION) == EOF;
	if (argc == 3 && strcmp(argv[1], "--explain") == 0)
		return explain(argv[2]);
	if ((argc == 3 || (argc == 4 && strcmp(argv[3], "--dry-run") == 0)) && strcmp(argv[1], "--rejects") == 0)
	{
		log_init();
		return resend(argv[2], argc == 4);
	}
	if (argc > 1)
	{
		fprintf(stderr, "s3_to_sqs: unknown or incomplete option \"%s\"; try s3_to_sqs --help\n", argv[1]);
		return 2;
	}
	log_init();
	if (api != NULL && *api != '\0')
		return serve(api);
	fputs(outside_lambda, stderr);
	return 2;
}
