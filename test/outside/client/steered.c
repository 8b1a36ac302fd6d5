/*
 * steered.c
 *	  The client of aws/ as a program: one deed in JSON a line on stdin, what
 *	  came of it in JSON on stdout.
 *
 *	  awsx_client ENDPOINT REGION [ROLE_ARN [hosts]]
 *
 * Keys come from the environment; with a role, unless it is empty, they are
 * used to assume it.  "hosts" puts buckets into the host's name although an
 * endpoint is configured: "bucket.localhost" is this machine to libcurl.
 * Only for tests, in which other programs read what this one wrote and write
 * what it reads.
 */
#include "steered.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "http.h"
#include "providers.h"
#include "redshift_data.h"
#include "s3.h"
#include "sqs.h"

const char *
text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

long long
number_of(const json_t *object, const char *name, long long otherwise)
{
	const json_t *value = json_object_get(object, name);

	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

json_t *
hex_of(const char *bytes, size_t len)
{
	AwsxBuf		text;
	json_t	   *made;

	awsx_buf_init(&text, 0);
	awsx_buf_hex(&text, (const unsigned char *) bytes, len);
	made = json_string(text.len > 0 ? text.data : "");
	awsx_buf_free(&text);
	return made;
}

bool
run_request(Steered *steered, const AwsxService *service, bool made, AwsxHttpRequest *request,
			AwsxHttpResponse *answer, AwsxError *error)
{
	return made && awsx_client_run(steered->client, service, request, answer, error);
}

static json_t *
describe_error(const AwsxError *error)
{
	return json_pack("{s:s, s:s, s:i, s:s}", "error", awsx_error_kind_name(error->kind), "code", error->code,
					 "status", error->http_status, "message", error->message);
}

static Deed
find_deed(const char *name)
{
	static const NamedDeed *const all[] = {s3_deeds, sqs_deeds, redshift_deeds};

	for (size_t i = 0; name != NULL && i < sizeof(all) / sizeof(all[0]); i++)
	{
		for (const NamedDeed *deed = all[i]; deed->name != NULL; deed++)
		{
			if (strcmp(deed->name, name) == 0)
				return deed->deed;
		}
	}
	return NULL;
}

static void
serve(Steered *steered)
{
	char	   *line = NULL;
	size_t		room = 0;

	while (getline(&line, &room, stdin) > 0)
	{
		json_t	   *request = json_loads(line, 0, NULL);
		Deed		deed = find_deed(text_of(request, "do"));
		AwsxError	error = {0};
		json_t	   *answer = deed == NULL ? NULL : deed(steered, request, &error);

		if (deed == NULL)
			awsx_error_set(&error, AWSX_ERR_CONFIG, "no such deed");
		if (answer == NULL)
			answer = describe_error(&error);
		json_dumpf(answer, stdout, JSON_COMPACT);
		putchar('\n');
		fflush(stdout);
		json_decref(answer);
		json_decref(request);
	}
	free(line);
}

static AwsxCredentialsProvider *
make_provider(const char *endpoint, const char *region, const char *role_arn, AwsxError *error)
{
	AwsxRole	role = {.role_arn = role_arn,.region = region,.endpoint = endpoint};
	AwsxCredentialsProvider *provider = awsx_credentials_env(error);

	return provider == NULL || *role_arn == '\0' ? provider : awsx_credentials_role(&role, provider, error);
}

static bool
set_up(Steered *steered, const char *endpoint, const char *region, const char *role_arn, bool hosts, AwsxError *error)
{
	AwsxServiceOptions options = {.region = region,.endpoint = endpoint,.allow_plain = hosts};
	AwsxClientOptions client = {0};

	if (!awsx_s3_service(&steered->s3, &options, error) ||
		!awsx_service_init(&steered->sqs, "sqs", AWSX_DIALECT_JSON, &options, error) ||
		!awsx_redshift_service(&steered->redshift, &options, error))
		return false;
	steered->s3.path_style = !hosts;
	client.credentials = make_provider(endpoint, region, role_arn, error);
	client.transport = client.credentials == NULL ? NULL : awsx_transport_curl(NULL, error);
	steered->client = client.transport == NULL ? NULL : awsx_client_create(&client, error);
	return steered->client != NULL;
}

int
main(int argc, char **argv)
{
	Steered		steered = {0};
	AwsxError	error = {0};

	if (argc < 3)
	{
		fprintf(stderr, "usage: awsx_client ENDPOINT REGION [ROLE_ARN [hosts]]\n");
		return 2;
	}
	if (!set_up(&steered, argv[1], argv[2], argc > 3 ? argv[3] : "", argc > 4, &error))
	{
		fprintf(stderr, "awsx_client: %s\n", error.message);
		return 1;
	}
	serve(&steered);
	awsx_client_free(steered.client);
	return 0;
}
