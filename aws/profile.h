/*
 * profile.h
 *	  AWS's shared files: ~/.aws/config and ~/.aws/credentials, and what they
 *	  say of one profile.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 */
#ifndef AWSX_PROFILE_H
#define AWSX_PROFILE_H

#include <stdbool.h>

#include "error.h"

/* Where to look.  Borrowed; null members: as the environment says. */
typedef struct AwsxProfileFiles
{
	const char *config;			/* else AWS_CONFIG_FILE, else ~/.aws/config */
	const char *credentials;	/* else AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials */
	const char *profile;		/* else AWS_PROFILE, else AWS_DEFAULT_PROFILE, else "default" */
	const char *region;			/* of STS, where neither environment nor profile has one */
	bool		fips;			/* a FIPS endpoint of STS, whatever the others say */
	bool		dual_stack;		/* one with IPv6, likewise */
} AwsxProfileFiles;

typedef enum AwsxProfileFile
{
	AWSX_PROFILE_CREDENTIALS,
	AWSX_PROFILE_CONFIG
} AwsxProfileFile;

/* Both files, parsed. */
typedef struct AwsxProfiles AwsxProfiles;

/*
 * Read both files; one that is missing is empty, unless files or the
 * environment named it.  Null and *error (CONFIG with file and line, MEMORY).
 */
extern AwsxProfiles *awsx_profiles_read(const AwsxProfileFiles *files, AwsxError *error);
extern void awsx_profiles_free(AwsxProfiles *profiles); /* wipes; null allowed */

/* The name of the profile that is meant, and whether anybody named it. */
extern const char *awsx_profiles_chosen(const AwsxProfiles *profiles, bool *named);

/* Is there a profile of that name, in either file? */
extern bool awsx_profiles_has(const AwsxProfiles *profiles, const char *profile);

/*
 * A setting of a profile, from the credentials file first; null when it is
 * not there.  Lives as long as profiles.
 */
extern const char *awsx_profiles_get(const AwsxProfiles *profiles, const char *profile,
									 const char *key);

/* The same, from one of the files only; and where that one is, "" when it has no name. */
extern const char *awsx_profiles_get_in(const AwsxProfiles *profiles, AwsxProfileFile file,
										const char *profile, const char *key);
extern const char *awsx_profiles_path(const AwsxProfiles *profiles, AwsxProfileFile file);

/*
 * A setting of one service ("sqs", "endpoint_url"): of the section that the
 * profile's "services" names; null when it is not there.
 */
extern const char *awsx_profiles_get_service(const AwsxProfiles *profiles, const char *profile,
											 const char *service, const char *key);

#endif							/* AWSX_PROFILE_H */
