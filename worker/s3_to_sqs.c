/*
 * s3_to_sqs.c
 *	  Turns objects in S3 into messages on SQS FIFO queues: wiring.
 *
 * config says what to do, ingest serves one event.  Where events come from
 * makes the program: runtime fetches Lambda's invocations, daemon reads a
 * queue, backfill lists a bucket.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/providers.h"
#include "../aws/retry.h"
#include "backfill.h"
#include "config.h"
#include "daemon.h"
#include "explain.h"
#include "ingest.h"
#include "log.h"
#include "options.h"
#include "places.h"
#include "resend.h"
#include "runtime.h"
#include "stop.h"

#ifndef PG_SQS_VERSION
#error "build with the Makefile, which takes PG_SQS_VERSION from META.json"
#endif

#define USER_AGENT "pg_sqs-s3_to_sqs/" PG_SQS_VERSION

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
		if (!config_has_reject(config))
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

/* ---- without Lambda ---- */

/* What these programs need; a null ingest was not asked for. */
typedef struct World
{
	Config	   *config;
	AwsxClient *client;			/* for what ingest does not do */
	Places		places;			/* likewise */
	Ingest	   *ingest;
} World;

static AwsxClient *
create_client(AwsxError *error)
{
	AwsxClientOptions options = {.transport = create_transport(false, error),.wait = stop_wait};

	if (options.transport == NULL)
		return NULL;
	options.credentials = awsx_credentials_default(&(AwsxProfileFiles) {0}, error);
	if (options.credentials != NULL && awsx_retry_environment(&options.max_attempts, error))
		return awsx_client_create(&options, error);
	if (options.credentials != NULL)
		options.credentials->free(options.credentials);
	options.transport->free(options.transport);
	return NULL;
}

static void
free_world(World *world)
{
	ingest_free(world->ingest);
	awsx_client_free(world->client);
	places_free(&world->places);
	config_free(world->config);
}

/* Prints what is wrong. */
static bool
make_world(World *world, bool with_ingest)
{
	AwsxError	error;

	awsx_error_clear(&error);
	*world = (World) {.config = config_read(&error)};
	if (world->config != NULL && world->config->log_level != NULL)
		log_set_level(world->config->log_level);
	if (world->config != NULL)
		world->client = create_client(&error);
	if (world->client != NULL &&
		places_find(&world->places, world->client, world->config->outputs[0].queue_url, &error))
	{
		if (!with_ingest)
			return true;
		world->ingest = create_ingest(world->config, &error);
		if (world->ingest != NULL)
			return true;
	}
	fprintf(stderr, "s3_to_sqs: %s\n", error.message);
	free_world(world);
	return false;
}

static int
backfill(const BackfillOptions *options)
{
	World		world;
	int			status;

	/* a person watches, so a line for each object would be too much */
	setenv("AWS_LAMBDA_LOG_LEVEL", "WARN", 0);
	log_init();
	if (!make_world(&world, !options->dry_run))
		return BACKFILL_USAGE;
	world.config->metrics.off = true;
	stop_catch();
	status = backfill_run(options, world.config, world.client, &world.places.options, world.ingest);
	free_world(&world);
	return status;
}

static int
poll_queue(const char *queue_url)
{
	World		world;
	int			status;

	log_init();
	if (!make_world(&world, true))
		return 2;
	stop_catch();
	status = daemon_run(queue_url, world.config, world.client, &world.places.options, world.ingest);
	free_world(&world);
	return status;
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
	World		world;
	int			status;

	log_init();
	if (!make_world(&world, false))
		return 2;
	status = resend_run(world.config, world.client, &world.places.options, url, dry_run);
	free_world(&world);
	return status;
}

int
main(int argc, char **argv)
{
	const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
	Options		options;
	char		message[256];

	if (!options_read(&options, argc, argv, message, sizeof(message)))
	{
		fprintf(stderr, "s3_to_sqs: %s\n", message);
		return 2;
	}
	switch (options.action)
	{
		case OPTIONS_HELP:
			return fputs(options_help, stdout) == EOF;
		case OPTIONS_VERSION:
			return puts("s3_to_sqs (pg_sqs) " PG_SQS_VERSION) == EOF;
		case OPTIONS_EXPLAIN:
			return explain(options.operand);
		case OPTIONS_REJECTS:
			return resend(options.operand, options.backfill.dry_run);
		case OPTIONS_POLL:
			return poll_queue(options.operand);
		case OPTIONS_BACKFILL:
			return backfill(&options.backfill);
		case OPTIONS_SERVE:
			break;
	}
	log_init();
	if (api != NULL && *api != '\0')
		return serve(api);
	fputs(outside_lambda, stderr);
	return 2;
}
