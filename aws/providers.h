/*
 * providers.h
 *	  What makes each provider of credentials, and the chains that programs
 *	  use.
 *
 * Every function copies its arguments.  Null and *error (MEMORY, or CONFIG
 * for an argument that cannot be right); what is wrong with a file, an
 * address or a role is told by the fetch.
 */
#ifndef AWSX_PROVIDERS_H
#define AWSX_PROVIDERS_H

#include "credentials.h"
#include "profile.h"

/* Explicitly given keys. Null and *error on bad characters. */
extern AwsxCredentialsProvider *awsx_credentials_static(const char *access_key_id,
														const char *secret_access_key,
														const char *session_token,
														AwsxError *error);

/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_CREDENTIAL_EXPIRATION. */
extern AwsxCredentialsProvider *awsx_credentials_env(AwsxError *error);

/*
 * Ask the providers in order; takes them over, also on failure.  The first
 * that is not absent decides.  An error names every provider that was asked
 * and its reason.
 */
extern AwsxCredentialsProvider *awsx_credentials_chain(AwsxCredentialsProvider **providers,
													   int count, AwsxError *error);

/*
 * What the shared files say of a profile: keys, a role to assume (with
 * source_profile or credential_source), a web identity, a
 * credential_process.  The files are read at each fetch.
 */
extern AwsxCredentialsProvider *awsx_credentials_profile(const AwsxProfileFiles *files,
														 AwsxError *error);

/* A role to assume; null members are left out. */
typedef struct AwsxRole
{
	const char *role_arn;
	const char *session_name;	/* null = made up */
	const char *external_id;
	const char *token_file;		/* web identity only: read at each fetch */
	int			duration_seconds;	/* 0 = 3600 */
	const char *region;			/* of the STS endpoint; null = as the environment says,
								 * else the global one of the partition "aws" */
	const char *endpoint;		/* of STS; null = as the environment says, else by region */
	bool		legacy_endpoint;	/* old regions use the global endpoint */
	bool		fips;			/* a FIPS endpoint of STS, whatever the environment says */
	bool		dual_stack;		/* one with IPv6, likewise */
	bool		located;		/* these six are all: the environment was asked already */
} AwsxRole;

/* AssumeRole, signed with what source fetches; takes source over, also on failure. */
extern AwsxCredentialsProvider *awsx_credentials_role(const AwsxRole *role,
													  AwsxCredentialsProvider *source,
													  AwsxError *error);

/* AssumeRoleWithWebIdentity, unsigned. */
extern AwsxCredentialsProvider *awsx_credentials_web_identity(const AwsxRole *role,
															  AwsxError *error);

/*
 * The same with AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN and
 * AWS_ROLE_SESSION_NAME of the environment; region and endpoint of STS as
 * the environment, else the profile says.
 */
extern AwsxCredentialsProvider *awsx_credentials_web_identity_env(const AwsxProfileFiles *files,
																  AwsxError *error);

/*
 * A command for /bin/sh that prints credentials as JSON (credential_process).
 * Those without an Expiration are asked for again within the hour.
 */
extern AwsxCredentialsProvider *awsx_credentials_process(const char *command, AwsxError *error);

/* AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI: ECS, EKS Pod Identity, Greengrass. */
extern AwsxCredentialsProvider *awsx_credentials_container(AwsxError *error);

/* EC2's instance metadata, version 2 only. */
extern AwsxCredentialsProvider *awsx_credentials_imds(AwsxError *error);

/*
 * The host's chain, in the order of AWS's SDKs: environment, web identity,
 * shared files, container, instance metadata.  With a profile that is named
 * explicitly the environment's keys are left out.
 */
extern AwsxCredentialsProvider *awsx_credentials_default(const AwsxProfileFiles *files,
														 AwsxError *error);

#endif							/* AWSX_PROVIDERS_H */
