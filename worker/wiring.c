/*
 * wiring.c
 *	  What the main of every function sets up in the same way: transports, the
 *	  client of AWS's services, and the serving of Lambda's invocations.
 */
#include "wiring.h"

#include <stdio.h>
#include <stdlib.h>

#include "../aws/providers.h"
#include "../aws/retry.h"
#include "log.h"

AwsxTransport *
wiring_transport(const char *user_agent, bool fresh, AwsxError *error)
{
	AwsxCurlOptions options = {.user_agent = user_agent,.fresh_connections = fresh};

	return awsx_transport_curl(&options, error);
}

static void
log_notice(void *arg, AwsxNotice notice, const char *message)
{
	(void) arg;
	log_event(notice == AWSX_NOTICE_CREDENTIALS ? LOG_INFO : LOG_WARN, message, NULL);
}

AwsxClient *
wiring_client(AwsxTransport *transport, AwsxWait wait, void *wait_arg, AwsxError *error)
{
	AwsxClientOptions options = {
		.transport = transport,
		.wait = wait,
		.wait_arg = wait_arg,
		.on_notice = log_notice
	};

	if (transport == NULL)
		return NULL;
	options.credentials = awsx_credentials_default(&(AwsxProfileFiles) {0}, error);
	if (options.credentials != NULL && awsx_retry_environment(&options.max_attempts, error))
		return awsx_client_create(&options, error);
	if (options.credentials != NULL)
		options.credentials->free(options.credentials);
	transport->free(transport);
	return NULL;
}

static Runtime *
create_runtime(const char *api, const char *user_agent, AwsxError *error)
{
	/* while "next" waits the process is frozen, and kept connections die */
	RuntimeOptions options = {.api = api,.transport = wiring_transport(user_agent, true, error)};

	return options.transport != NULL ? runtime_create(&options, error) : NULL;
}

int
wiring_serve(const char *api, const char *user_agent, WiringCreate create, void *arg, RuntimeHandler handle)
{
	AwsxError	error;
	Runtime    *runtime;
	void	   *function;

	awsx_error_clear(&error);
	runtime = create_runtime(api, user_agent, &error);
	if (runtime == NULL)
	{
		log_error(LOG_FATAL, "the function cannot start", &error);
		return 1;
	}
	function = create(arg, &error);
	if (function != NULL)
		runtime_run(runtime, handle, function);
	else
	{
		log_error(LOG_FATAL, "the function cannot start", &error);
		runtime_init_error(runtime, error.kind == AWSX_ERR_CONFIG ? "Runtime.Configuration" :
						   "Runtime.InitFailed", error.message);
	}
	runtime_free(runtime);
	return 1;
}

int
wiring_start(const char *program, const char *more, int (*serve) (const char *api))
{
	const char *api = getenv("AWS_LAMBDA_RUNTIME_API");

	log_init();
	if (api != NULL && *api != '\0')
		return serve(api);
	fprintf(stderr,
			"%s is an AWS Lambda function with a custom runtime; Lambda sets\n"
			"AWS_LAMBDA_RUNTIME_API and starts it.  That variable is not set here.\n"
			"To try a configuration on this machine: %s --explain FILE\n"
			"%sMore: %s --help\n", program, program, more, program);
	return 2;
}
