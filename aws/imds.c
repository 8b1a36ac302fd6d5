/*
 * imds.c
 *	  One document of an instance's metadata after the other.
 *
 *	  get -> (token at hand?) -- no --> PUT token -> GET document -> done
 *				 |									^	  |
 *				 +------------- yes ----------------+	  | 401, once
 *									PUT token <-----------+
 *
 * The calls are of the raw dialect: each attempt is one request with a short
 * timeout, so that a machine that is no instance is known for it in a second;
 * how often to try is the environment's to say.
 *
 * The answer to the PUT may travel as many hops as the instance was
 * configured for, one by default.  In a container behind a bridge it then
 * never arrives; from here that looks like no instance at all, so the error
 * tells of it.
 *
 * Paths and headers: the EC2 user guide, "Use the Instance Metadata Service".
 */
#include "imds.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadata.h"
#include "text.h"

#define TOKEN_PATH "/latest/api/token"
#define TOKEN_TTL "21600"		/* seconds, the most there is */
#define TTL_HEADER "x-aws-ec2-metadata-token-ttl-seconds"
#define TOKEN_HEADER "x-aws-ec2-metadata-token"
#define IPV4_ENDPOINT "http://169.254.169.254"
#define IPV6_ENDPOINT "http://[fd00:ec2::254]"
#define MAX_TOKEN 1024
#define MAX_PATH 256
#define EARLY_MS 10000			/* a token is not used so shortly before its end */

static const char *const plain_hosts[] = {"169.254.169.254", "[fd00:ec2::254]", NULL};

struct AwsxImds
{
	/* what the environment said when this get began */
	char		endpoint[512];
	int			timeout_ms;
	int			max_attempts;

	char		token[MAX_TOKEN + 1];	/* "" = none */
	int64_t		token_ends_ms;	/* monotonic */
	bool		known;			/* it gave a token before: there is one */

	/* the get that is under way */
	AwsxClient *client;
	AwsxCall   *call;			/* null: none is */
	char		path[MAX_PATH];
	AwsxImdsDone done;
	void	   *arg;
	int			attempt;		/* of the request that is under way, from 1 */
	bool		renewed;		/* the token was refused already */
};

static void send_request(AwsxImds *imds);

/*----------
 * What the environment says
 *----------
 */

static const char *
get_variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* A whole number from 1 to max. */
static bool
get_number(const char *name, int standard, int max, int *number, AwsxError *error)
{
	const char *value = get_variable(name);
	size_t		len = value == NULL ? 0 : strlen(value);

	*number = 0;
	for (size_t i = 0; i < len; i++)
	{
		if (!awsx_text_is_digit(value[i]) || *number > max)
			return awsx_error_set(error, AWSX_ERR_CONFIG, "%s is \"%.40s\": set it to a number from 1 to %d",
								  name, value, max);
		*number = *number * 10 + (value[i] - '0');
	}
	if (value == NULL)
		*number = standard;
	if (*number >= 1 && *number <= max)
		return true;
	return awsx_error_set(error, AWSX_ERR_CONFIG, "%s is \"%.40s\": set it to a number from 1 to %d",
						  name, value, max);
}

static bool
get_endpoint(AwsxImds *imds, AwsxError *error)
{
	const char *mode = get_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
	const char *endpoint = get_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	size_t		len;

	if (mode != NULL && !awsx_text_equal(mode, "IPv4") && !awsx_text_equal(mode, "IPv6"))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is \"%.40s\": set it to IPv4 or IPv6", mode);
	if (endpoint == NULL)
		endpoint = mode != NULL && awsx_text_equal(mode, "IPv6") ? IPV6_ENDPOINT : IPV4_ENDPOINT;
	len = strlen(endpoint);
	if (endpoint[len - 1] == '/')
		len--;
	if (len >= sizeof(imds->endpoint))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "AWS_EC2_METADATA_SERVICE_ENDPOINT is too long");
	memcpy(imds->endpoint, endpoint, len);
	imds->endpoint[len] = '\0';
	if (awsx_metadata_check(imds->endpoint, plain_hosts, error))
		return true;
	awsx_metadata_explain(error, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
	return false;
}

static bool
read_environment(AwsxImds *imds, AwsxError *error)
{
	int			seconds;

	if (!get_endpoint(imds, error) ||
		!get_number("AWS_METADATA_SERVICE_TIMEOUT", 1, 60, &seconds, error) ||
		!get_number("AWS_METADATA_SERVICE_NUM_ATTEMPTS", 1, 10, &imds->max_attempts, error))
		return false;
	imds->timeout_ms = seconds * 1000;
	return true;
}

/*----------
 * The end of a get
 *----------
 */

static void
finish(AwsxImds *imds, AwsxImdsResult result, const AwsxHttpResponse *answer, const AwsxError *error)
{
	AwsxImdsDone done = imds->done;

	imds->done = NULL;
	done(imds->arg, result, answer, error);
}

__attribute__((format(printf, 4, 5)))
static void
finish_with(AwsxImds *imds, AwsxImdsResult result, AwsxErrorKind kind, const char *format,...)
{
	char		words[400];
	AwsxError	error;
	va_list		args;

	va_start(args, format);
	(void) vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	awsx_error_set(&error, kind, "%s", words);
	finish(imds, result, NULL, &error);
}

/* Once more, if the environment allows it. */
static bool
try_again(AwsxImds *imds)
{
	if (imds->attempt >= imds->max_attempts)
		return false;
	imds->attempt++;
	send_request(imds);
	return true;
}

/*
 * Nothing came.  Where nobody has ever answered there may be nobody; a
 * failure of our own (memory) says nothing of that.
 */
static void
no_answer(AwsxImds *imds, const AwsxError *problem)
{
	AwsxError	error = *problem;
	bool		silent = error.kind == AWSX_ERR_TRANSPORT || error.kind == AWSX_ERR_TIMEOUT;

	if (silent && try_again(imds))
		return;
	awsx_metadata_explain(&error, "no answer from %.100s", imds->endpoint);
	if (!silent || imds->known)
		finish(imds, AWSX_IMDS_FAILED, NULL, &error);
	else
		finish_with(imds, AWSX_IMDS_NOWHERE, AWSX_ERR_CREDENTIALS,
					"%.220s (is this an EC2 instance? in a container its metadata needs a hop limit "
					"of 2: HttpPutResponseHopLimit)", error.message);
}

/* An answer that is no document and no plain refusal. */
static void
odd_answer(AwsxImds *imds, int status)
{
	bool		busy = status >= 500 || status == 429;

	if (busy && try_again(imds))
		return;
	finish_with(imds, AWSX_IMDS_FAILED, busy ? AWSX_ERR_SERVICE : AWSX_ERR_CREDENTIALS,
				"%.100s answered %d to %s", imds->endpoint, status,
				imds->token[0] == '\0' ? TOKEN_PATH : imds->path);
}

/*----------
 * Token and document
 *----------
 */

static void
forget_token(AwsxImds *imds)
{
	explicit_bzero(imds->token, sizeof(imds->token));
}

static bool
token_is_valid(const char *token, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		if (token[i] <= ' ' || token[i] > '~')
			return false;
	}
	return len > 0 && len <= MAX_TOKEN;
}

/* The life of a token in milliseconds; what we asked for where the answer is silent. */
static int64_t
token_life_ms(const AwsxHttpResponse *answer)
{
	const char *text = awsx_headers_get(&answer->headers, TTL_HEADER);
	long		seconds = text != NULL && strlen(text) <= 5 ? strtol(text, NULL, 10) : 0;

	return (seconds > 0 ? seconds : strtol(TOKEN_TTL, NULL, 10)) * INT64_C(1000);
}

static int64_t
now_ms(const AwsxImds *imds)
{
	const AwsxClock *clock = awsx_client_clock(imds->client);

	return clock->monotonic_ms(clock->arg);
}

static void
take_token(AwsxImds *imds, const AwsxHttpResponse *answer)
{
	if (!token_is_valid(answer->body.data, answer->body.len))
	{
		finish_with(imds, AWSX_IMDS_FAILED, AWSX_ERR_PROTOCOL, "what %.100s gave as a token is none",
					imds->endpoint);
		return;
	}
	memcpy(imds->token, answer->body.data, answer->body.len);
	imds->token[answer->body.len] = '\0';
	imds->known = true;
	imds->token_ends_ms = now_ms(imds) + token_life_ms(answer) - EARLY_MS;
	awsx_metadata_wipe(answer);
	imds->attempt = 1;
	send_request(imds);
}

static void
on_token(AwsxCall *call, const AwsxHttpResponse *answer, const AwsxError *error, void *arg)
{
	AwsxImds   *imds = arg;

	(void) call;
	imds->call = NULL;
	if (error->kind != AWSX_OK)
		no_answer(imds, error);
	else if (answer->status == 200)
		take_token(imds, answer);
	else if (answer->status == 403 || answer->status == 404 || answer->status == 405)
		finish_with(imds, AWSX_IMDS_NOWHERE, AWSX_ERR_CREDENTIALS,
					"%.100s gives no tokens (status %d): the instance's metadata is switched off, "
					"or is not of version 2", imds->endpoint, answer->status);
	else
		odd_answer(imds, answer->status);
}

static void
on_document(AwsxCall *call, const AwsxHttpResponse *answer, const AwsxError *error, void *arg)
{
	AwsxImds   *imds = arg;
	AwsxError	fine;

	(void) call;
	imds->call = NULL;
	awsx_error_clear(&fine);
	if (error->kind != AWSX_OK)
		no_answer(imds, error);
	else if (answer->status == 200)
		finish(imds, AWSX_IMDS_FOUND, answer, &fine);
	else if (answer->status == 404)
		finish_with(imds, AWSX_IMDS_MISSING, AWSX_ERR_CREDENTIALS, "%.100s has no %s",
					imds->endpoint, imds->path);
	else if (answer->status == 401 && !imds->renewed)
	{
		imds->renewed = true;
		imds->attempt = 1;
		forget_token(imds);
		send_request(imds);
	}
	else
		odd_answer(imds, answer->status);
}

/* The next request of the get: for a token, or with it. */
static void
send_request(AwsxImds *imds)
{
	bool		ask_token = imds->token[0] == '\0';
	AwsxHttpRequest request;
	AwsxService service;
	AwsxError	error;

	awsx_error_clear(&error);
	awsx_metadata_service(&service, AWSX_DIALECT_RAW, imds->endpoint);
	if (awsx_metadata_request(&request, ask_token ? "PUT" : "GET", imds->endpoint,
							  ask_token ? TOKEN_PATH : imds->path, ask_token ? TTL_HEADER : TOKEN_HEADER,
							  ask_token ? TOKEN_TTL : imds->token, imds->timeout_ms, &error))
		imds->call = awsx_client_start(imds->client, &service, &request,
									   ask_token ? on_token : on_document, imds, &error);
	if (imds->call == NULL)
		finish(imds, AWSX_IMDS_FAILED, NULL, &error);
}

void
awsx_imds_get(AwsxImds *imds, AwsxClient *client, const char *path, AwsxImdsDone done, void *arg)
{
	const char *disabled = getenv("AWS_EC2_METADATA_DISABLED");
	char		old_endpoint[sizeof(imds->endpoint)];
	AwsxError	error;

	memcpy(old_endpoint, imds->endpoint, sizeof(old_endpoint));
	imds->client = client;
	imds->done = done;
	imds->arg = arg;
	imds->attempt = 1;
	imds->renewed = false;
	awsx_error_clear(&error);
	if (disabled != NULL && awsx_text_equal(disabled, "true"))
	{
		finish_with(imds, AWSX_IMDS_NOWHERE, AWSX_ERR_CREDENTIALS, "AWS_EC2_METADATA_DISABLED is true");
		return;
	}
	if (strlen(path) >= sizeof(imds->path))
	{
		finish_with(imds, AWSX_IMDS_FAILED, AWSX_ERR_CONFIG, "a path of the instance's metadata is too long");
		return;
	}
	(void) snprintf(imds->path, sizeof(imds->path), "%s", path);
	if (!read_environment(imds, &error))
	{
		finish(imds, AWSX_IMDS_FAILED, NULL, &error);
		return;
	}
	if (now_ms(imds) >= imds->token_ends_ms || strcmp(imds->endpoint, old_endpoint) != 0)
		forget_token(imds);
	send_request(imds);
}

void
awsx_imds_cancel(AwsxImds *imds)
{
	if (imds->call != NULL)
		awsx_call_cancel(imds->call);
	imds->call = NULL;
	imds->done = NULL;
}

AwsxImds *
awsx_imds_create(AwsxError *error)
{
	AwsxImds   *imds = calloc(1, sizeof(*imds));

	if (imds == NULL)
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	return imds;
}

void
awsx_imds_free(AwsxImds *imds)
{
	if (imds == NULL)
		return;
	awsx_imds_cancel(imds);
	forget_token(imds);
	free(imds);
}
