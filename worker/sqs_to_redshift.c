/*
 * sqs_to_redshift.c
 *	  Loads the messages of SQS FIFO queues into Amazon Redshift: wiring.
 *
 * load_config says what to do, loader loads one batch.  Where batches come
 * from makes the program: an event source mapping of Lambda, or the daemon's
 * own polls.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load_check.h"
#include "load_config.h"
#include "load_daemon.h"
#include "load_explain.h"
#include "load_function.h"
#include "load_options.h"
#include "log.h"
#include "places.h"
#include "stop.h"
#include "wiring.h"

#ifndef PG_SQS_VERSION
#error "build with the Makefile, which takes PG_SQS_VERSION from META.json"
#endif

#define USER_AGENT "pg_sqs-sqs_to_redshift/" PG_SQS_VERSION

/* What every action that calls AWS needs; what is null was not asked for. */
typedef struct World
{
	Deadline	deadline;
	AwsxClient *client;
	Places		places;
	LoadConfig *config;
	LoadFunction *function;
} World;

static void
free_world(World *world)
{
	load_function_free(world->function);
	load_config_free(world->config);
	awsx_client_free(world->client);
	places_free(&world->places);
}

/* The configuration may lie in S3, so the client comes before it; a file needs none. */
static bool
make_world(World *world, const char *queue_url, const char *file, AwsxError *error)
{
	*world = (World) {.deadline.clock = awsx_clock_real()};
	awsx_error_clear(error);
	world->client = wiring_client(wiring_transport(USER_AGENT, false, error), deadline_wait, &world->deadline, error);
	if (world->client == NULL || !places_find(&world->places, world->client, queue_url, error))
		return false;
	world->config = file != NULL ? load_config_file(file, error) :
		load_config_environment(world->client, &world->places.options, error);
	if (world->config != NULL && world->config->log_level != NULL)
		log_set_level(world->config->log_level);
	return world->config != NULL;
}

static int
complain(const AwsxError *error)
{
	fprintf(stderr, "sqs_to_redshift: %s\n", error->message);
	return 2;
}

/* ---- Lambda ---- */

/* A WiringCreate. */
static void *
create_function(void *arg, AwsxError *error)
{
	World	   *world = arg;

	if (make_world(world, "", NULL, error))
		world->function = load_function_create(world->config, world->client, &world->places.options,
											   &world->deadline, error);
	if (world->function == NULL)
		return NULL;
	if (world->config->fail_rejects && world->config->reject_bucket == NULL)
		log_event(LOG_WARN, "no reject location is set: a message that can never be loaded goes to the queue's dead-letter queue", NULL);
	log_event(LOG_DEBUG, "ready", LOG_FIELDS(LOG_NUMBER("columns", world->config->target.column_count)));
	return world->function;
}

static int
serve(const char *api)
{
	World		world = {0};
	int			status = wiring_serve(api, USER_AGENT, create_function, &world, load_function_handle);

	free_world(&world);
	return status;
}

/* ---- without Lambda ---- */

static int
poll_queue(const char *queue_url)
{
	World		world;
	AwsxError	error;
	int			status;

	log_init();
	stop_catch();
	status = make_world(&world, queue_url, NULL, &error) ?
		load_daemon_run(queue_url, world.config, world.client, &world.places.options, &world.deadline) : complain(&error);
	free_world(&world);
	return status;
}

/* No network: a configuration that lies in S3 is not read. */
static LoadConfig *
read_local(const char *file, AwsxError *error)
{
	const char *value = getenv(LOAD_CONFIG_VARIABLE);

	awsx_error_clear(error);
	if (file != NULL)
		return load_config_file(file, error);
	if (value != NULL && strncmp(value, "s3://", 5) == 0)
	{
		awsx_error_set(error, AWSX_ERR_CONFIG, "no network is used here: give the configuration as a file");
		return NULL;
	}
	return load_config_environment(NULL, NULL, error);
}

static int
explain(const char *path)
{
	AwsxError	error;
	LoadConfig *config = read_local(NULL, &error);
	int			status = config != NULL ? load_explain_file(config, path) : complain(&error);

	load_config_free(config);
	return status;
}

static int
print_ddl(const char *file)
{
	AwsxError	error;
	LoadConfig *config = read_local(file, &error);
	int			status = config != NULL ? load_check_ddl(config) : complain(&error);

	load_config_free(config);
	return status;
}

/* A command that asks Redshift, for as long as that takes. */
static int
look_after(const char *file, int (*command) (const LoadCheckWorld *world))
{
	World		world;
	AwsxError	error;
	int			status;

	log_init();
	if (getenv("AWS_LAMBDA_LOG_LEVEL") == NULL)
		log_set_level("WARN");
	if (make_world(&world, "", file, &error))
		status = command(&(LoadCheckWorld) {world.config, world.client, &world.places.options, &world.deadline});
	else
		status = complain(&error);
	free_world(&world);
	return status;
}

int
main(int argc, char **argv)
{
	LoadOptions options;
	char		message[256];

	if (!load_options_read(&options, argc, argv, message, sizeof(message)))
	{
		fprintf(stderr, "sqs_to_redshift: %s\n", message);
		return 2;
	}
	switch (options.action)
	{
		case LOAD_HELP:
			return fputs(load_options_help, stdout) == EOF;
		case LOAD_VERSION:
			return puts("sqs_to_redshift (pg_sqs) " PG_SQS_VERSION) == EOF;
		case LOAD_POLL:
			return poll_queue(options.operand);
		case LOAD_EXPLAIN:
			return explain(options.operand);
		case LOAD_DDL:
			return print_ddl(options.operand);
		case LOAD_CHECK:
			return look_after(options.operand, load_check_tables);
		case LOAD_PRUNE:
			return look_after(options.operand, load_check_prune);
		case LOAD_SERVE:
			break;
	}
	return wiring_start("sqs_to_redshift", "To serve a queue from here: sqs_to_redshift --poll QUEUE_URL\n", serve);
}
