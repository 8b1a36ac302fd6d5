/*
 * sts_assume.c
 *	  The call to STS with which a provider ends its fetch.
 *
 * The keys that sign, the token that is sent and the answer are wiped as soon
 * as each has served; ending the fetch is the last thing that is done, since
 * the provider may be asked again or freed from within.
 */
#include "sts_assume.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "sts.h"

/* True also for null, which is copied as null. */
static bool
copy_text(const char **out, const char *text)
{
	*out = text == NULL ? NULL : strdup(text);
	return text == NULL || *out != NULL;
}

bool
awsx_assume_init(AwsxAssume *assume, const AwsxRole *role, AwsxError *error)
{
	AwsxBuf		name;

	memset(assume, 0, sizeof(*assume));
	if (!awsx_sts_check_role(role, error))
		return false;
	assume->role.duration_seconds = role->duration_seconds;
	assume->role.legacy_endpoint = role->legacy_endpoint;
	assume->role.fips = role->fips;
	assume->role.dual_stack = role->dual_stack;
	assume->role.located = role->located;
	if (copy_text(&assume->role.role_arn, role->role_arn) &&
		copy_text(&assume->role.session_name, role->session_name) &&
		copy_text(&assume->role.external_id, role->external_id) &&
		copy_text(&assume->role.token_file, role->token_file) &&
		copy_text(&assume->role.region, role->region) &&
		copy_text(&assume->role.endpoint, role->endpoint))
	{
		awsx_buf_init(&name, 0);
		awsx_buf_printf(&name, "assumed role %s", role->role_arn);
		assume->name = awsx_buf_take(&name, NULL);
	}
	if (assume->name != NULL)
		return true;
	awsx_assume_free(assume);
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
}

void
awsx_assume_free(AwsxAssume *assume)
{
	awsx_assume_cancel(assume);
	free((char *) assume->role.role_arn);
	free((char *) assume->role.session_name);
	free((char *) assume->role.external_id);
	free((char *) assume->role.token_file);
	free((char *) assume->role.region);
	free((char *) assume->role.endpoint);
	free(assume->name);
	memset(assume, 0, sizeof(*assume));
}

void
awsx_assume_cancel(AwsxAssume *assume)
{
	if (assume->call != NULL)
		awsx_call_cancel(assume->call);
	assume->call = NULL;
	awsx_credentials_clear(&assume->signer);
}

static bool
blames_the_network(AwsxErrorKind kind)
{
	return kind == AWSX_ERR_TRANSPORT || kind == AWSX_ERR_TIMEOUT || kind == AWSX_ERR_THROTTLED ||
		kind == AWSX_ERR_SERVICE || kind == AWSX_ERR_MEMORY || kind == AWSX_ERR_CANCELLED;
}

void
awsx_assume_failed(const AwsxAssume *assume, AwsxCredentialsFetch *fetch, const AwsxError *error)
{
	AwsxError	told = *error;

	awsx_error_retell(&told, blames_the_network(error->kind) ? error->kind : AWSX_ERR_CREDENTIALS,
					  "cannot assume the role %.200s: %s", assume->role.role_arn, error->message);
	awsx_fetch_failed(fetch, &told);
}

/* The answer's body is the call's, which is freed next; nobody reads it after us. */
static void
on_answer(AwsxCall *call, const AwsxHttpResponse *answer, const AwsxError *error, void *arg)
{
	AwsxAssume *assume = arg;
	AwsxCredentials keys = {0};
	AwsxError	reason = *error;

	(void) call;
	assume->call = NULL;
	awsx_credentials_clear(&assume->signer);
	if (reason.kind == AWSX_OK)
		awsx_sts_answer(answer->body.data, answer->body.len, &keys, &reason);
	if (answer->body.data != NULL)
		explicit_bzero(answer->body.data, answer->body.allocated);
	if (reason.kind == AWSX_OK)
	{
		awsx_fetch_found(assume->fetch, assume->name, &keys);
		return;
	}
	if (reason.code[0] != '\0')
		awsx_error_retell(&reason, reason.kind, "%s: %s", reason.code, reason.message);
	awsx_assume_failed(assume, assume->fetch, &reason);
}

/* CloudTrail shows the name; where nobody chose one it tells the program and the time. */
static void
make_session_name(const AwsxAssume *assume, char *out, size_t size)
{
	const AwsxClock *clock = awsx_client_clock(assume->fetch->client);

	if (assume->role.session_name != NULL)
		(void) snprintf(out, size, "%s", assume->role.session_name);
	else
		(void) snprintf(out, size, "pg_sqs-%" PRId64, clock->wall_ms(clock->arg) / 1000);
}

/* False and *error when the call cannot be started. */
static bool
start_call(AwsxAssume *assume, const char *token, AwsxError *error)
{
	AwsxService service;
	AwsxHttpRequest request;
	char		session_name[65];

	if (!awsx_sts_service(&service, &assume->role, error))
		return false;
	service.anonymous = token != NULL;
	service.credentials = token == NULL ? &assume->signer : NULL;
	make_session_name(assume, session_name, sizeof(session_name));
	if (!awsx_sts_request(&request, &service, &assume->role, session_name, token, error))
		return false;
	assume->call = awsx_client_start(assume->fetch->client, &service, &request, on_answer, assume, error);
	return assume->call != NULL;
}

void
awsx_assume_start(AwsxAssume *assume, AwsxCredentialsFetch *fetch, AwsxCredentials *signer,
				  const char *token)
{
	AwsxError	error;

	awsx_error_clear(&error);
	assume->fetch = fetch;
	if (signer != NULL)
	{
		assume->signer = *signer;
		memset(signer, 0, sizeof(*signer));
	}
	if (start_call(assume, token, &error))
		return;
	awsx_credentials_clear(&assume->signer);
	awsx_assume_failed(assume, fetch, &error);
}
