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

#include "backfill.h"
#include "config.h"
#include "daemon.h"
#include "explain.h"
#include "ingest.h"
#include "log.h"
#include "options.h"
#include "places.h"
#include "resend.h"
#include "stop.h"
#include "wiring.h"

#ifndef PG_SQS_VERSION
#error "build with the Makefile, which takes PG_SQS_VERSION from META.json"
#endif

#define USER_AGENT "pg_sqs-s3_to_sqs/" PG_SQS_VERSION

/* What the program needs; what is null was not asked for. */
typedef struct World
{
	Config	   *config;
	AwsxClient *client;			/* for what ingest does not do */
	Places		places;			/* likewise */
	Ingest	   *ingest;
} World;

static void
free_world(World *world)
{
	ingest_free(world->ingest);
	awsx_client_free(world->client);
	places_free(&world->places);
	config_free(world->config);
}

static bool
read_config(World *world, AwsxError *error)
{
	world->config = config_read(error);
	if (world->config != NULL && world->config->log_level != NULL)
		log_set_level(world->config->log_level);
	return world->config != NULL;
}

static Ingest *
create_ingest(Config *config, AwsxError *error)
{
	/* kept within an invocation, which forgets them at its end */
	AwsxTransport *transport = wiring_transport(USER_AGENT, false, error);

	return transport != NULL ? ingest_create(config, transport, error) : NULL;
}

/* A WiringCreate. */
static void *
create_function(void *arg, AwsxError *error)
{
	World	   *world = arg;

	if (read_config(world, error))
		world->ingest = create_ingest(world->config, error);
	if (world->ingest == NULL)
		return NULL;
	if (!config_has_reject(world->config))
		log_event(LOG_WARN, "no reject location is set: a bad record will fail its invocation", NULL);
	log_event(LOG_DEBUG, "ready", LOG_FIELDS(LOG_NUMBER("outputs", world->config->output_count)));
	return world->ingest;
}

static int
serve(const char *api)
{
	World		world = {0};
	int			status = wiring_serve(api, USER_AGENT, create_function, &world, ingest_handle);

	free_world(&world);
	return status;
}

/* ---- without Lambda ---- */

/* Prints what is wrong. */
static bool
make_world(World *world, bool with_ingest)
{
	AwsxError	error;

	awsx_error_clear(&error);
	*world = (World) {0};
	if (read_config(world, &error))
		world->client = wiring_client(wiring_transport(USER_AGENT, false, &error), stop_wait, NULL, &error);
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
	return wiring_start("s3_to_sqs", "", serve);
}
