/*
 * test_profiles_memory.c
 *	  Profiles, roles, web identities and processes, while each allocation
 *	  fails once, and what their keys leave behind in memory.
 */
#define _GNU_SOURCE
#include "sweep.h"

#include "ini.h"
#include "sts.h"
#include "sts_world.h"

#define ARN "arn:aws:iam::123456789012:role/r"

static const char *wanted_id;	/* of the keys that must come out */

/* Fetch once; the provider is the function's. */
static bool
fetch_and_free(AwsxCredentialsProvider *provider, AwsxError *error)
{
	bool		done = false;
	Got			got;

	if (provider == NULL)
		return false;
	if (!sts_open(error))
	{
		provider->free(provider);
		return awsx_error_set(error, AWSX_ERR_MEMORY, "no client");
	}
	if (got_fetch(&got, provider))
		done = strcmp(got.fetch.credentials.access_key_id, wanted_id) == 0;
	*error = got.fetch.error;
	awsx_credentials_clear(&got.fetch.credentials);
	provider->free(provider);
	sts_close();
	return done;
}

static bool
read_profiles(AwsxError *error)
{
	AwsxProfiles *profiles = awsx_profiles_read(NULL, error);
	bool		done = profiles != NULL && awsx_profiles_get(profiles, "s", "aws_access_key_id") != NULL;

	awsx_profiles_free(profiles);
	return done;
}

static bool
many_settings(AwsxError *error)
{
	char	   *text = malloc(4000);	/* our parser's to free */
	AwsxIni		ini;
	bool		done;

	strcpy(text, "[a]\n");
	for (int i = 0; i < 200; i++)
		strcat(text, "k = v\n");
	done = awsx_ini_parse(&ini, text, strlen(text), "file", error);
	if (done)
		awsx_ini_free(&ini);
	return done;
}

static bool
chain_with_a_role(AwsxError *error)
{
	return fetch_and_free(awsx_credentials_default(NULL, error), error);
}

static bool
chosen_profile(AwsxError *error)
{
	AwsxProfileFiles files = {.profile = "s",.config = home_file(".aws/config"),.credentials = home_file(".aws/credentials"),.region = "eu-west-1"};

	return fetch_and_free(awsx_credentials_default(&files, error), error);
}

static bool
web_identity(AwsxError *error)
{
	return fetch_and_free(awsx_credentials_web_identity_env(NULL, error), error);
}

static bool
process(AwsxError *error)
{
	return fetch_and_free(awsx_credentials_process("echo '{\"Version\":1,\"AccessKeyId\":\"AKPROC\",\"SecretAccessKey\":\"processSecret\"}'", error), error);
}

static bool
circle(AwsxError *error)
{
	AwsxProfileFiles files = {.profile = "circle"};
	AwsxError	told = {0};
	bool		found = fetch_and_free(awsx_credentials_profile(&files, &told), &told);

	*error = told;
	if (!found && strstr(told.message, "in a circle") != NULL)
	{
		awsx_error_clear(error);
		return true;
	}
	return false;
}

static bool
sts_reads(AwsxError *error)
{
	static const char xml[] = "<R><S><Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>longEnoughToBeMoreThanADate0123temporary&#83;ecret</SecretAccessKey>"
		"<SessionToken>temporaryToken</SessionToken><Expiration>2026-01-02T04:04:05Z</Expiration></Credentials></S></R>";
	AwsxCredentials keys;
	bool		done = awsx_sts_answer(xml, strlen(xml), &keys, error);

	awsx_credentials_clear(&keys);
	return done;
}

int
main(void)
{
	home_open();
	home_write(".aws/config", "[default]\nregion = eu-west-1\nrole_arn = " ARN "\nsource_profile = s\nrole_session_name = me\nexternal_id = xy\n"
			   "services = l\n[services l]\nsts =\n  endpoint_url = https://sts.example\n"
			   "[profile circle]\nrole_arn = " ARN "\nsource_profile = other\n[profile other]\nrole_arn = " ARN "\nsource_profile = circle\n");
	home_write(".aws/credentials", "[s]\naws_access_key_id = AKS\naws_secret_access_key = profileSecret\naws_session_token = profileToken\n");
	home_write("token", "theHeader.theClaims.theSignature\n");

	sweep("reading profiles", read_profiles);
	sweep("many settings", many_settings);
	sweep("an answer of STS", sts_reads);
	leaves_no_secret("an answer of STS", "temporarySecret", sts_reads);
	leaves_no_secret("profiles", "profileSecret", read_profiles);

	wanted_id = "ASIA1";
	sweep("the chain with a role", chain_with_a_role);
	leaves_no_secret("the chain with a role: its source", "profileSecret", chain_with_a_role);
	leaves_no_secret("... and the role", "temporarySecret", chain_with_a_role);
	leaves_no_secret("... and its token", "temporaryToken", chain_with_a_role);
	wanted_id = "AKS";
	sweep("a chosen profile", chosen_profile);
	sweep("profiles in a circle", circle);

	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", home_file("token"), 1);
	setenv("AWS_ROLE_ARN", ARN, 1);
	wanted_id = "ASIA1";
	sweep("a web identity", web_identity);
	leaves_no_secret("a web identity: its token", "theHeader.theClaims", web_identity);
	leaves_no_secret("... and its keys", "temporarySecret", web_identity);

	wanted_id = "AKPROC";
	sweep("a process", process);
	leaves_no_secret("a process", "processSecret", process);
	home_close();
	return tap_done();
}
