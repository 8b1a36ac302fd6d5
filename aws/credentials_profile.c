/*
 * credentials_profile.c
 *	  The provider of what the shared files say of a profile.
 *
 * A profile becomes a provider, and the profile that it takes its keys from
 * becomes that one's source.  What a profile has is looked for in botocore's
 * order: a web identity, a role to assume, keys of the credentials file, a
 * process, keys of the config file.  A profile that is another's source gives
 * its own keys rather than its role, so that the two may be one.
 */
#include "providers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "credentials_made.h"
#include "sts.h"
#include "text.h"

#define MAX_CHAIN 16			/* profiles that take their keys from each other */

typedef struct Builder
{
	const AwsxProfiles *profiles;
	const AwsxProfileFiles *files;	/* what the program was told */
	const char *chain[MAX_CHAIN];	/* from the one that is meant to the one being built */
	int			depth;
	AwsxError  *error;
} Builder;

static AwsxCredentialsProvider *build(Builder *builder, const char *profile, bool as_source);

/* A setting that is there and says something, or null. */
static const char *
get(const Builder *builder, const char *profile, const char *key)
{
	const char *value = awsx_profiles_get(builder->profiles, profile, key);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Where the setting stands. */
static const char *
file_of(const Builder *builder, const char *profile, const char *key)
{
	bool		config = awsx_profiles_get_in(builder->profiles, AWSX_PROFILE_CREDENTIALS, profile, key) == NULL;

	return awsx_profiles_path(builder->profiles, config ? AWSX_PROFILE_CONFIG : AWSX_PROFILE_CREDENTIALS);
}

/* Null, so that a function can end with it. */
static AwsxCredentialsProvider *
fail(Builder *builder, const char *profile, const char *key, const char *problem)
{
	awsx_error_set(builder->error, AWSX_ERR_CREDENTIALS, "profile \"%.100s\" in %.200s: %s", profile,
				   file_of(builder, profile, key), problem);
	return NULL;
}

/* The same with the error that the making of a provider left, if there is one. */
static AwsxCredentialsProvider *
made(Builder *builder, const char *profile, const char *key, AwsxCredentialsProvider *provider)
{
	if (provider == NULL && builder->error->kind != AWSX_ERR_MEMORY)
		awsx_error_retell(builder->error, AWSX_ERR_CREDENTIALS, "profile \"%.100s\" in %.200s: %s", profile,
						  file_of(builder, profile, key), builder->error->message);
	return provider;
}

/*----------
 * Keys
 *----------
 */

static const char *
get_in(const Builder *builder, AwsxProfileFile file, const char *profile, const char *key)
{
	const char *value = awsx_profiles_get_in(builder->profiles, file, profile, key);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool
has_keys(const Builder *builder, AwsxProfileFile file, const char *profile)
{
	return get_in(builder, file, profile, "aws_access_key_id") != NULL ||
		get_in(builder, file, profile, "aws_secret_access_key") != NULL;
}

/* All of one file: a token belongs to the keys it stands with. */
static AwsxCredentialsProvider *
build_keys(Builder *builder, AwsxProfileFile file, const char *profile)
{
	const char *id = get_in(builder, file, profile, "aws_access_key_id");
	const char *secret = get_in(builder, file, profile, "aws_secret_access_key");

	if (secret == NULL)
		return fail(builder, profile, "aws_access_key_id", "it has aws_access_key_id but no aws_secret_access_key");
	if (id == NULL)
		return fail(builder, profile, "aws_secret_access_key", "it has aws_secret_access_key but no aws_access_key_id");
	return made(builder, profile, "aws_access_key_id",
				awsx_credentials_static(id, secret, get_in(builder, file, profile, "aws_session_token"), builder->error));
}

/*----------
 * Roles
 *----------
 */

/* False and the builder's error when a setting is wrong. */
static bool
read_role(Builder *builder, const char *profile, AwsxRole *role)
{
	const char *seconds = get(builder, profile, "duration_seconds");
	char	   *end = NULL;
	long		number = seconds != NULL ? strtol(seconds, &end, 10) : 0;

	memset(role, 0, sizeof(*role));
	role->role_arn = get(builder, profile, "role_arn");
	role->session_name = get(builder, profile, "role_session_name");
	role->external_id = get(builder, profile, "external_id");
	role->token_file = get(builder, profile, "web_identity_token_file");
	if (!awsx_sts_locate(role, builder->profiles, builder->files, builder->error))
		return made(builder, profile, "role_arn", NULL) != NULL;
	if (seconds != NULL && (*end != '\0' || number < 1 || number > 1000000))
		return fail(builder, profile, "duration_seconds", "duration_seconds must be a number from 900 to 43200") != NULL;
	role->duration_seconds = (int) number;
	return true;
}

static AwsxCredentialsProvider *
build_web_identity(Builder *builder, const char *profile)
{
	AwsxRole	role;

	if (get(builder, profile, "role_arn") == NULL)
		return fail(builder, profile, "web_identity_token_file",
					"it has web_identity_token_file but no role_arn; name the role that the token may assume");
	if (!read_role(builder, profile, &role))
		return NULL;
	return made(builder, profile, "role_arn", awsx_credentials_web_identity(&role, builder->error));
}

/* The source of a role, where it is no profile. */
static AwsxCredentialsProvider *
build_named_source(Builder *builder, const char *profile, const char *source)
{
	if (awsx_text_equal(source, "Environment"))
		return awsx_credentials_env(builder->error);
	if (awsx_text_equal(source, "Ec2InstanceMetadata"))
		return awsx_credentials_imds(builder->error);
	if (awsx_text_equal(source, "EcsContainer"))
		return awsx_credentials_container(builder->error);
	return fail(builder, profile, "credential_source",
				"credential_source must be Environment, Ec2InstanceMetadata or EcsContainer");
}

static AwsxCredentialsProvider *
fail_circle(Builder *builder, const char *profile)
{
	AwsxBuf		circle;

	awsx_buf_init(&circle, 0);
	for (int i = 0; i < builder->depth; i++)
		awsx_buf_printf(&circle, "%.60s -> ", builder->chain[i]);
	awsx_buf_printf(&circle, "%.60s", profile);
	awsx_error_set(builder->error, AWSX_ERR_CREDENTIALS,
				   "profiles take their keys from each other in a circle (%.300s); let the last source_profile name a profile with keys",
				   circle.data != NULL ? circle.data : profile);
	awsx_buf_free(&circle);
	return NULL;
}

/* Has the profile been visited, other than as its own source of keys? */
static bool
is_circle(const Builder *builder, const char *profile, const char *source)
{
	for (int i = 0; i < builder->depth; i++)
	{
		if (strcmp(builder->chain[i], source) == 0)
			return strcmp(profile, source) != 0 ||
				(!has_keys(builder, AWSX_PROFILE_CREDENTIALS, source) &&
				 !has_keys(builder, AWSX_PROFILE_CONFIG, source));
	}
	return false;
}

static AwsxCredentialsProvider *
build_source_profile(Builder *builder, const char *profile, const char *source)
{
	AwsxCredentialsProvider *provider;

	if (!awsx_profiles_has(builder->profiles, source))
		return fail(builder, profile, "source_profile", "its source_profile is in neither of the files");
	if (is_circle(builder, profile, source))
		return fail_circle(builder, source);
	provider = build(builder, source, true);
	if (provider == NULL && builder->error->kind == AWSX_OK)
		return fail(builder, profile, "source_profile", "its source_profile has no credentials");
	return provider;
}

static AwsxCredentialsProvider *
build_role(Builder *builder, const char *profile)
{
	const char *source_profile = get(builder, profile, "source_profile");
	const char *named = get(builder, profile, "credential_source");
	AwsxCredentialsProvider *source;
	AwsxRole	role;

	if (get(builder, profile, "mfa_serial") != NULL)
		return fail(builder, profile, "mfa_serial",
					"its mfa_serial asks for a second factor, which a program that runs by itself cannot give; take a role that needs none");
	if ((source_profile == NULL) == (named == NULL))
		return fail(builder, profile, "role_arn", named == NULL ?
					"it has role_arn but neither source_profile nor credential_source; name where the keys come from that may assume the role" :
					"it has both source_profile and credential_source; remove one of them");
	if (!read_role(builder, profile, &role))
		return NULL;
	source = named != NULL ? build_named_source(builder, profile, named) :
		build_source_profile(builder, profile, source_profile);
	if (source == NULL)
		return NULL;
	return made(builder, profile, "role_arn", awsx_credentials_role(&role, source, builder->error));
}

/*----------
 * One profile
 *----------
 */

/* What people sign in to with a browser. */
static AwsxCredentialsProvider *
fail_sign_in(Builder *builder, const char *profile)
{
	static const char *const keys[] = {"sso_session", "sso_start_url", "sso_account_id", "sso_role_name", "login_session"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
	{
		if (get(builder, profile, keys[i]) != NULL)
			return fail(builder, profile, keys[i],
						"it signs in with a browser (IAM Identity Center or aws login), which is not supported; "
						"use a profile with credential_process = aws configure export-credentials --profile NAME");
	}
	return NULL;
}

static AwsxCredentialsProvider *
build(Builder *builder, const char *profile, bool as_source)
{
	bool		keys = has_keys(builder, AWSX_PROFILE_CREDENTIALS, profile);
	bool		config_keys = has_keys(builder, AWSX_PROFILE_CONFIG, profile);
	const char *process = get(builder, profile, "credential_process");

	if (builder->depth == MAX_CHAIN)
		return fail(builder, profile, "source_profile", "there are more profiles in a row than anybody needs");
	builder->chain[builder->depth++] = profile;
	if (get(builder, profile, "web_identity_token_file") != NULL)
		return build_web_identity(builder, profile);
	if (get(builder, profile, "role_arn") != NULL && !(as_source && (keys || config_keys)))
		return build_role(builder, profile);
	if (keys)
		return build_keys(builder, AWSX_PROFILE_CREDENTIALS, profile);
	if (process != NULL)
		return made(builder, profile, "credential_process", awsx_credentials_process(process, builder->error));
	if (config_keys)
		return build_keys(builder, AWSX_PROFILE_CONFIG, profile);
	return fail_sign_in(builder, profile);
}

static const char *
path_of(const AwsxProfiles *profiles, AwsxProfileFile file)
{
	const char *path = awsx_profiles_path(profiles, file);

	return path[0] != '\0' ? path : "a home directory that is not known (set HOME)";
}

/* No provider, and no error: a failure where the profile was asked for by name. */
static bool
nothing_found(const AwsxProfiles *profiles, const char *profile, bool failed, AwsxMade *made_out,
			  AwsxError *error)
{
	AwsxError  *told = failed ? error : &made_out->absent;

	if (awsx_profiles_has(profiles, profile))
		awsx_error_set(told, AWSX_ERR_CREDENTIALS,
					   "profile \"%.100s\" in %.150s and %.150s has no keys, role, web identity or process", profile,
					   path_of(profiles, AWSX_PROFILE_CREDENTIALS), path_of(profiles, AWSX_PROFILE_CONFIG));
	else
		awsx_error_set(told, AWSX_ERR_CREDENTIALS, "there is no profile \"%.100s\" in %.150s or %.150s", profile,
					   path_of(profiles, AWSX_PROFILE_CREDENTIALS), path_of(profiles, AWSX_PROFILE_CONFIG));
	return !failed;
}

/*
 * A profile that the variable names may be there for its region alone; one
 * that the program was told to use has to have credentials.
 */
static bool
make_from_profile(const AwsxProfileFiles *files, AwsxMade *made_out, AwsxError *error)
{
	AwsxProfiles *profiles = awsx_profiles_read(files, error);
	Builder		builder = {.profiles = profiles,.files = files,.error = error};
	bool		named;
	const char *profile;
	bool		done = true;

	if (profiles == NULL)
		return false;
	profile = awsx_profiles_chosen(profiles, &named);
	(void) snprintf(made_out->label, sizeof(made_out->label), "profile \"%.100s\"", profile);
	made_out->provider = build(&builder, profile, false);
	if (made_out->provider == NULL)
		done = error->kind == AWSX_OK &&
			nothing_found(profiles, profile, (files->profile != NULL && files->profile[0] != '\0') ||
						  (named && !awsx_profiles_has(profiles, profile)), made_out, error);
	awsx_profiles_free(profiles);
	return done;
}

AwsxCredentialsProvider *
awsx_credentials_profile(const AwsxProfileFiles *files, AwsxError *error)
{
	return awsx_credentials_made("shared files", make_from_profile, files, error);
}
