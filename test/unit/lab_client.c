/*
 * lab_client.c
 *	  The client of aws/ over its real transport, steered line by line: a TAP
 *	  test sets the environment, moves the lab's time, and looks at what comes.
 *
 *		lab_client imds|container|default [QUEUE_URL]
 *
 *	  call				GetQueueAttributes, signed
 *	  region			the region of the instance's metadata
 *	  awake SECONDS		that much time has passed
 *	  asleep SECONDS	the same for the time of day only, as while a machine
 *						is suspended
 *
 * Each command is answered by lines "notice ...", and one "ok ..." or
 * "error KIND ...".
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "imds.h"
#include "providers.h"
#include "sqs.h"

static int64_t wall_ahead_ms;
static int64_t monotonic_ahead_ms;

static int64_t
wall_ms(void *arg)
{
	const AwsxClock *real = arg;

	return real->wall_ms(real->arg) + wall_ahead_ms;
}

static int64_t
monotonic_ms(void *arg)
{
	const AwsxClock *real = arg;

	return real->monotonic_ms(real->arg) + monotonic_ahead_ms;
}

static double
jitter(void *arg)
{
	(void) arg;
	return 0.5;
}

static void
on_notice(void *arg, AwsxNotice notice, const char *message)
{
	(void) arg;
	(void) notice;
	printf("notice %s\n", message);
}

static AwsxCredentialsProvider *
make_provider(const char *name, AwsxError *error)
{
	if (strcmp(name, "imds") == 0)
		return awsx_credentials_imds(error);
	if (strcmp(name, "container") == 0)
		return awsx_credentials_container(error);
	return awsx_credentials_default(NULL, error);
}

static AwsxClient *
make_client(const char *provider, AwsxError *error)
{
	AwsxClock	clock = {wall_ms, monotonic_ms, jitter, (void *) awsx_clock_real()};
	static AwsxClock kept;
	AwsxClientOptions options = {.clock = &kept, .on_notice = on_notice};

	kept = clock;
	options.transport = awsx_transport_curl(NULL, error);
	if (options.transport == NULL)
		return NULL;
	options.credentials = make_provider(provider, error);
	if (options.credentials != NULL)
		return awsx_client_create(&options, error);
	options.transport->free(options.transport);
	return NULL;
}

static void
report(bool done, const char *said, const AwsxError *error)
{
	if (done)
		printf("ok %s\n", said);
	else
		printf("error %s: %s\n", awsx_error_kind_name(error->kind), error->message);
	fflush(stdout);
}

/* Let what goes on in the background end, for time may jump after this. */
static void
settle(AwsxClient *client)
{
	for (int i = 0; i < 200 && awsx_client_timeout_ms(client) >= 0; i++)
	{
		struct pollfd entry = {.fd = awsx_client_fd(client), .events = POLLIN};

		(void) poll(&entry, 1, 10);
		awsx_client_drive(client);
	}
}

static void
call(AwsxClient *client, const char *queue_url)
{
	const AwsxServiceOptions options = {.use_environment = true};
	AwsxService service;
	AwsxHttpRequest request;
	AwsxHttpResponse answer = {0};
	AwsxError	error;
	bool		done;

	awsx_error_clear(&error);
	done = awsx_sqs_service(&service, queue_url, &options, &error) &&
		awsx_sqs_attributes_request(&service, queue_url, &request, &error) &&
		awsx_client_run(client, &service, &request, &answer, &error);
	awsx_http_response_free(&answer);
	settle(client);
	report(done, "called", &error);
}

static void
ask_region(AwsxClient *client)
{
	char		region[64] = "";
	AwsxError	error;

	awsx_error_clear(&error);
	report(awsx_imds_region(client, region, sizeof(region), &error), region, &error);
}

int
main(int argc, char **argv)
{
	AwsxError	error;
	AwsxClient *client;
	char		line[256];
	long		seconds;

	awsx_error_clear(&error);
	client = argc > 1 ? make_client(argv[1], &error) : NULL;
	if (client == NULL)
	{
		fprintf(stderr, "lab_client: %s\n", argc > 1 ? error.message : "which provider?");
		return 2;
	}
	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		if (strcmp(line, "call\n") == 0)
			call(client, argc > 2 ? argv[2] : "");
		else if (strcmp(line, "region\n") == 0)
			ask_region(client);
		else if (sscanf(line, "awake %ld", &seconds) == 1 || sscanf(line, "asleep %ld", &seconds) == 1)
		{
			wall_ahead_ms += seconds * 1000;
			monotonic_ahead_ms += line[1] == 'w' ? seconds * 1000 : 0;
			report(true, "moved", &error);
		}
		else
			report(false, "", &error);
	}
	awsx_client_free(client);
	return 0;
}
