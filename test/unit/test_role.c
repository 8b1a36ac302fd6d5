/*
 * test_role.c
 *	  Roles and web identities: who signs, what is sent, what a failure says,
 *	  and what becomes of a fetch that is given up half-way.
 */
#include "tap.h"

#include "sts_world.h"

#define ARN "arn:aws:iam::123456789012:role/r"
#define AT " at https://sts.eu-west-1.amazonaws.com\n"

static const AwsxRole role = {.role_arn = ARN,.session_name = "unit",.region = "eu-west-1"};
static AwsxError error;

/* A source that answers when it is told to. */
typedef struct Slow
{
	AwsxCredentialsProvider base;
	AwsxCredentialsFetch *fetch;
	int			cancelled;
	int			freed;
} Slow;

static Slow slow;

static void
slow_start(AwsxCredentialsProvider *self, AwsxCredentialsFetch *fetch)
{
	((Slow *) self)->fetch = fetch;
}

static void
slow_cancel(AwsxCredentialsProvider *self)
{
	((Slow *) self)->fetch = NULL;
	((Slow *) self)->cancelled++;
}

static void
slow_free(AwsxCredentialsProvider *self)
{
	((Slow *) self)->freed++;
}

static AwsxCredentialsProvider *
slow_source(void)
{
	slow = (Slow) {{"slow source", slow_start, slow_cancel, slow_free}, NULL, 0, 0};
	return &slow.base;
}

static AwsxCredentialsProvider *
keys_source(void)
{
	return awsx_credentials_static("AKSOURCE", "sourceSecret", NULL, &error);
}

static void
is_failure(const Got *got, AwsxErrorKind kind, bool retryable, const char *says, const char *name)
{
	const AwsxError *told = &got->fetch.error;

	ok(got->done && !got->fetch.absent && told->kind == kind && told->retryable == retryable &&
	   strstr(told->message, says) != NULL && strstr(told->message, ARN) != NULL &&
	   got->fetch.credentials.access_key_id == NULL, "%s: %s", name, told->message);
}

static void
test_role(void)
{
	AwsxCredentialsProvider *provider = awsx_credentials_role(&role, keys_source(), &error);
	Got			got;

	sts_open(&error);
	ok(got_fetch(&got, provider) && strcmp(got.fetch.credentials.access_key_id, "ASIA1") == 0 &&
	   strcmp(got.fetch.credentials.secret_access_key, "temporarySecret") == 0 &&
	   strcmp(got.fetch.credentials.session_token, "temporaryToken") == 0 &&
	   got.fetch.credentials.expires_ms == INT64_C(1767326645500), "keys of a role: %s", got.fetch.error.message);
	is_str(sts.calls, "AssumeRole RoleArn=" ARN " RoleSessionName=unit signed AKSOURCE" AT, "... for which its source signed");
	is_str(sts.region, "eu-west-1", "... in its region");
	is_str(got.source, "assumed role " ARN, "... whose they are");
	awsx_credentials_clear(&got.fetch.credentials);
	ok(got_fetch(&got, provider) && strcmp(got.fetch.credentials.access_key_id, "ASIA2") == 0, "asked again, it asks again");
	awsx_credentials_clear(&got.fetch.credentials);
	provider->free(provider);
	sts_close();
}

/* A role with a role as its source, which takes its time. */
static void
test_chain(void)
{
	AwsxRole	outer = {.role_arn = ARN "2",.session_name = "outer",.region = "eu-west-1"};
	AwsxCredentialsProvider *provider = awsx_credentials_role(&outer, awsx_credentials_role(&role, keys_source(), &error), &error);
	Got			got;

	sts_open(&error);
	ok(got_fetch(&got, provider) && strcmp(got.fetch.credentials.access_key_id, "ASIA2") == 0, "a role of a role");
	is_str(sts.calls, "AssumeRole RoleArn=" ARN " RoleSessionName=unit signed AKSOURCE" AT
		   "AssumeRole RoleArn=" ARN "2 RoleSessionName=outer signed ASIA1 with a token" AT, "... one signs for the other");
	awsx_credentials_clear(&got.fetch.credentials);
	provider->free(provider);
	sts_close();
}

static void
test_refusals(void)
{
	AwsxCredentialsProvider *provider = awsx_credentials_role(&role, keys_source(), &error);
	Got			got;

	sts_open(&error);
	sts.status = 403;
	sts.code = "AccessDenied";
	got_fetch(&got, provider);
	is_failure(&got, AWSX_ERR_CREDENTIALS, false, "AccessDenied: as the test wants", "a refusal");
	is_str(got.fetch.error.code, "AccessDenied", "... keeps AWS's word");
	is_int(got.fetch.error.http_status, 403, "... the status");
	is_str(got.fetch.error.request_id, "r-1", "... and the request id");

	sts.status = 400;
	sts.code = "Throttling";
	got_fetch(&got, provider);
	is_failure(&got, AWSX_ERR_THROTTLED, true, "Throttling", "too many calls may pass");
	sts.status = 503;
	sts.code = "ServiceUnavailable";
	got_fetch(&got, provider);
	ok(got.fetch.error.retryable, "so may a service that is down: %s", got.fetch.error.message);
	sts.broken = true;
	got_fetch(&got, provider);
	is_failure(&got, AWSX_ERR_TRANSPORT, true, "connection refused", "and a network that is");
	provider->free(provider);
	sts_close();
}

static void
test_sources(void)
{
	AwsxCredentialsProvider *provider;
	Got			got;

	sts_open(&error);
	provider = awsx_credentials_role(&role, awsx_credentials_env(&error), &error);
	got_fetch(&got, provider);
	is_failure(&got, AWSX_ERR_CREDENTIALS, false, "AWS_ACCESS_KEY_ID is not set", "a source that has nothing is a failure");
	is_str(sts.calls, "", "... of which STS hears nothing");
	provider->free(provider);

	provider = awsx_credentials_role(&role, slow_source(), &error);
	got_start(&got, provider);
	ok(!got.done && slow.fetch != NULL, "a source may take its time");
	awsx_error_clear(&error);
	awsx_error_set(&error, AWSX_ERR_TIMEOUT, "too slow");
	awsx_fetch_failed(slow.fetch, &error);
	is_failure(&got, AWSX_ERR_TIMEOUT, true, "too slow", "... and its failure stays what it is");
	provider->free(provider);
	is_int(slow.freed, 1, "a source goes with its role");
	ok(awsx_credentials_role(&(AwsxRole) {.role_arn = "r"}, slow_source(), &error) == NULL && slow.freed == 1,
	   "... also when there is no role: %s", error.message);
	sts_close();
}

static void
test_cancel(void)
{
	AwsxCredentialsProvider *provider = awsx_credentials_role(&role, slow_source(), &error);
	AwsxCredentials keys;
	Got			got;

	sts_open(&error);
	provider->cancel(provider);
	ok(slow.cancelled == 0, "nothing to give up");
	got_start(&got, provider);
	provider->cancel(provider);
	ok(!got.done && slow.cancelled == 1, "given up while its source is asked");

	sts.silent = true;
	got_start(&got, provider);
	awsx_credentials_set(&keys, "AKSLOW", "slowSecret", NULL, &error);
	awsx_fetch_found(slow.fetch, "slow", &keys);
	is_str(sts.calls, "AssumeRole RoleArn=" ARN " RoleSessionName=unit signed AKSLOW" AT, "STS is asked");
	provider->cancel(provider);
	ok(!got.done && sts.sts->cancelled == 1 && slow.cancelled == 1, "given up while STS is asked");
	provider->cancel(provider);

	got_start(&got, provider);
	awsx_credentials_set(&keys, "AKSLOW", "slowSecret", NULL, &error);
	awsx_fetch_found(slow.fetch, "slow", &keys);
	provider->free(provider);
	ok(!got.done && sts.sts->cancelled == 2 && slow.freed == 1, "freed while STS is asked");
	sts_close();
}

/* An answer that is none, and what follows a call that cannot even be started. */
static void
test_nonsense(void)
{
	AwsxRole	nowhere = {.role_arn = ARN,.endpoint = "ftp://nowhere",.region = "eu-west-1"};
	AwsxCredentialsProvider *provider = awsx_credentials_role(&nowhere, keys_source(), &error);
	Got			got;

	sts_open(&error);
	got_fetch(&got, provider);
	is_failure(&got, AWSX_ERR_CREDENTIALS, false, "does not begin with https", "an endpoint that is none");
	provider->free(provider);
	provider = awsx_credentials_role(&role, keys_source(), &error);
	sts.status = 200;			/* an error document in the place of an answer */
	sts.code = "X";
	got_fetch(&got, provider);
	is_failure(&got, AWSX_ERR_CREDENTIALS, false, "has no AccessKeyId", "an answer without keys");
	provider->free(provider);
	sts_close();
}

/*----------
 * Web identities
 *----------
 */

static bool
fetch_with_token(AwsxCredentialsProvider *provider, Got *got, const char *token)
{
	bool		found;

	home_write("token", token);
	found = got_fetch(got, provider);
	awsx_credentials_clear(&got->fetch.credentials);
	return found;
}

static void
test_web_identity(void)
{
	AwsxRole	web = {.role_arn = ARN,.session_name = "web",.region = "eu-west-1",.token_file = home_file("token")};
	AwsxCredentialsProvider *provider = awsx_credentials_web_identity(&web, &error);
	static char large[20002];
	Got			got;

	sts_open(&error);
	ok(fetch_with_token(provider, &got, "header.first.x") && fetch_with_token(provider, &got, "header.second.x\r\n"),
	   "a token: %s", got.fetch.error.message);
	is_str(sts.calls, "AssumeRoleWithWebIdentity RoleArn=" ARN " RoleSessionName=web WebIdentityToken=header.first.x unsigned" AT
		   "AssumeRoleWithWebIdentity RoleArn=" ARN " RoleSessionName=web WebIdentityToken=header.second.x unsigned" AT,
		   "... read again each time, without its line break");
	sts.calls[0] = '\0';
	fetch_with_token(provider, &got, NULL);
	is_failure(&got, AWSX_ERR_CREDENTIALS, false, home_file("token"), "no file");
	fetch_with_token(provider, &got, "\n");
	is_failure(&got, AWSX_ERR_CREDENTIALS, false, "is empty", "an empty file");
	fetch_with_token(provider, &got, "theToken of\x01two words");
	is_failure(&got, AWSX_ERR_CREDENTIALS, false, "position 9", "something else than a token");
	ok(strstr(got.fetch.error.message, "theToken") == NULL, "... which nobody repeats");
	memset(large, 'a', 20001);
	fetch_with_token(provider, &got, large);
	is_failure(&got, AWSX_ERR_CREDENTIALS, false, "20000", "a file that is too large");
	is_str(sts.calls, "", "STS heard of none of them");
	large[20000] = '\0';
	ok(fetch_with_token(provider, &got, large), "the largest token: %s", got.fetch.error.message);

	sts.calls[0] = '\0';
	sts.status = 400;
	sts.code = "ExpiredTokenException";
	fetch_with_token(provider, &got, "old.token.x");
	is_failure(&got, AWSX_ERR_CREDENTIALS, false, "ExpiredTokenException", "a token that has ended");
	ok(strchr(sts.calls, '\n') == strrchr(sts.calls, '\n'), "... is not sent again: %s", sts.calls);
	sts.code = "IDPCommunicationError";
	fetch_with_token(provider, &got, "a.b.c");
	is_failure(&got, AWSX_ERR_SERVICE, true, "IDPCommunicationError", "an identity provider that STS cannot reach");
	provider->free(provider);

	sts.silent = true;
	provider = awsx_credentials_web_identity(&web, &error);
	got_start(&got, provider);
	provider->cancel(provider);
	ok(!got.done && sts.sts->cancelled == 1, "given up");
	provider->free(provider);
	ok(awsx_credentials_web_identity(&role, &error) == NULL && error.kind == AWSX_ERR_CONFIG, "no token file at all: %s", error.message);
	sts_close();
}

/* What the environment says counts at the time of the fetch. */
static void
test_environment(void)
{
	AwsxProfileFiles files = {.region = "eu-west-1"};
	AwsxCredentialsProvider *provider = awsx_credentials_web_identity_env(&files, &error);
	Got			got;

	sts_open(&error);
	got_fetch(&got, provider);
	ok(got.done && got.fetch.absent, "absent without AWS_WEB_IDENTITY_TOKEN_FILE: %s", got.fetch.error.message);
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", home_file("token"), 1);
	got_fetch(&got, provider);
	ok(got.done && !got.fetch.absent && strstr(got.fetch.error.message, "AWS_ROLE_ARN") != NULL,
	   "half of it is a failure: %s", got.fetch.error.message);
	setenv("AWS_ROLE_ARN", ARN, 1);
	setenv("AWS_ROLE_SESSION_NAME", "pod", 1);
	ok(fetch_with_token(provider, &got, "a.b.c"), "all of it: %s", got.fetch.error.message);
	is_str(sts.calls, "AssumeRoleWithWebIdentity RoleArn=" ARN " RoleSessionName=pod WebIdentityToken=a.b.c unsigned" AT,
		   "... in the region that the caller knows");
	setenv("AWS_ROLE_SESSION_NAME", "no name", 1);
	got_fetch(&got, provider);
	ok(got.done && !got.fetch.absent && strstr(got.fetch.error.message, "role_session_name") != NULL, "a wrong name: %s", got.fetch.error.message);
	provider->free(provider);
	home_unset_variables();
	sts_close();
}

/*----------
 * Profiles
 *----------
 */

/* What vectors cannot tell: messages, a choice by the program, files that change. */
static void
test_profiles(void)
{
	AwsxProfileFiles files = {.profile = "p"};
	AwsxCredentialsProvider *provider = awsx_credentials_profile(&files, &error);
	Got			got;

	sts_open(&error);
	home_write(".aws/config", "[profile p]\nregion = eu-west-1\n");
	got_fetch(&got, provider);
	ok(got.done && !got.fetch.absent && strstr(got.fetch.error.message, "profile \"p\"") != NULL &&
	   strstr(got.fetch.error.message, "/.aws/config") != NULL,
	   "a profile that the program chose has to have credentials: %s", got.fetch.error.message);
	home_write(".aws/credentials", "[p]\naws_access_key_id = AKP\naws_secret_access_key = profileSecret\n");
	ok(got_fetch(&got, provider) && strcmp(got.fetch.credentials.access_key_id, "AKP") == 0, "the files are read at each fetch");
	is_str(got.source, "profile \"p\"", "... and the profile is named");
	awsx_credentials_clear(&got.fetch.credentials);
	home_write(".aws/credentials", "[p]\naws_access_key_id = AKP\naws_secret_access_key = profile Secret\n");
	got_fetch(&got, provider);
	ok(got.done && !got.fetch.absent && strstr(got.fetch.error.message, "profile \"p\" in ") != NULL &&
	   strstr(got.fetch.error.message, "/.aws/credentials") != NULL && strstr(got.fetch.error.message, "Secret") == NULL,
	   "keys with a blank: %s", got.fetch.error.message);
	home_write(".aws/credentials", NULL);

	home_write(".aws/config", "[profile p]\nrole_arn = " ARN "\nsource_profile = s\nmfa_serial = arn:aws:iam::1:mfa/me\n");
	got_fetch(&got, provider);
	ok(got.done && !got.fetch.absent && strstr(got.fetch.error.message, "mfa_serial") != NULL, "a second factor: %s", got.fetch.error.message);
	home_write(".aws/config", "[profile p]\nrole_arn = " ARN "\nsource_profile = s\nduration_seconds = 1h\n[profile s]\n");
	got_fetch(&got, provider);
	ok(got.done && !got.fetch.absent && strstr(got.fetch.error.message, "duration_seconds") != NULL, "no number of seconds: %s", got.fetch.error.message);
	home_write(".aws/config", "[profile p]\nlogin_session = arn:aws:iam::1:user/me\n");
	got_fetch(&got, provider);
	ok(got.done && !got.fetch.absent && strstr(got.fetch.error.message, "export-credentials") != NULL, "aws login: %s", got.fetch.error.message);
	home_write(".aws/config", "[profile p]\nsso_session = x\nsso_account_id = 1\naws_access_key_id = AKP\naws_secret_access_key = profileSecret\n");
	ok(got_fetch(&got, provider), "keys beside a sign-in are used: %s", got.fetch.error.message);
	awsx_credentials_clear(&got.fetch.credentials);
	home_write(".aws/config", "[profile p]\nrole_arn = " ARN "\nsource_profile = s\n[profile s]\naws_access_key_id = AKS\naws_secret_access_key = x\n");
	sts.status = 403;
	sts.code = "AccessDenied";
	got_fetch(&got, provider);
	is_failure(&got, AWSX_ERR_CREDENTIALS, false, "profile \"p\": cannot assume the role", "a role that is refused");
	sts.silent = true;
	got_start(&got, provider);
	provider->cancel(provider);
	ok(!got.done && sts.sts->cancelled == 1, "a profile's role is given up with it");
	got_start(&got, provider);
	provider->free(provider);
	ok(!got.done && sts.sts->cancelled == 2, "... and freed");
	home_write(".aws/config", NULL);
	sts_close();
}

/* Seventeen profiles in a row. */
static void
test_long_row(void)
{
	AwsxCredentialsProvider *provider = awsx_credentials_profile(NULL, &error);
	char		text[4096] = "[default]\nregion = eu-west-1\nrole_arn = " ARN "\nsource_profile = p0\n";
	Got			got;

	sts_open(&error);
	for (int i = 0; i < 16; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "[profile p%d]\nrole_arn = " ARN "\nsource_profile = p%d\n", i, i + 1);
	strcat(text, "[profile p16]\naws_access_key_id = AK\naws_secret_access_key = x\n");
	home_write(".aws/config", text);
	got_fetch(&got, provider);
	ok(got.done && !got.fetch.absent && strstr(got.fetch.error.message, "in a row") != NULL && sts.calls[0] == '\0',
	   "too many profiles in a row: %s", got.fetch.error.message);
	provider->free(provider);
	home_write(".aws/config", NULL);
	sts_close();
}

/* A chain for a program that chose its profile, and for one that did not. */
static void
test_default(void)
{
	AwsxProfileFiles files = {.profile = "p"};
	AwsxCredentialsProvider *chosen = awsx_credentials_default(&files, &error);
	AwsxCredentialsProvider *any = awsx_credentials_default(NULL, &error);
	Got			got;

	sts_open(&error);
	home_write(".aws/credentials", "[p]\naws_access_key_id = AKP\naws_secret_access_key = x\n[default]\naws_access_key_id = AKD\naws_secret_access_key = x\n");
	home_write("token", "a.b.c");
	ok(got_fetch(&got, any) && strcmp(got.fetch.credentials.access_key_id, "AKD") == 0, "the default profile");
	awsx_credentials_clear(&got.fetch.credentials);
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", home_file("token"), 1);
	setenv("AWS_ROLE_ARN", ARN, 1);
	ok(got_fetch(&got, any) && strcmp(got.fetch.credentials.access_key_id, "ASIA1") == 0, "the environment's web identity before it");
	awsx_credentials_clear(&got.fetch.credentials);
	setenv("AWS_ACCESS_KEY_ID", "AKENV", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "x", 1);
	ok(got_fetch(&got, any) && strcmp(got.fetch.credentials.access_key_id, "AKENV") == 0, "the environment's keys before that");
	awsx_credentials_clear(&got.fetch.credentials);
	ok(got_fetch(&got, chosen) && strcmp(got.fetch.credentials.access_key_id, "AKP") == 0, "neither before a profile that the program chose");
	awsx_credentials_clear(&got.fetch.credentials);
	home_write(".aws/credentials", NULL);
	ok(!got_fetch(&got, chosen) && got.done && !got.fetch.absent && strstr(got.fetch.error.message, "there is no profile \"p\"") != NULL,
	   "... nor in its place when it is gone: %s", got.fetch.error.message);
	chosen->free(chosen);
	any->free(any);
	home_unset_variables();
	sts_close();
}

int
main(void)
{
	home_open();
	test_role();
	test_chain();
	test_refusals();
	test_sources();
	test_cancel();
	test_nonsense();
	test_web_identity();
	test_environment();
	test_profiles();
	test_long_row();
	test_default();
	home_close();
	return tap_done();
}
