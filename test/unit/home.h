/*
 * home.h
 *	  A home directory of the test's own, and an environment without AWS's
 *	  variables.
 */
#ifndef HOME_H
#define HOME_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char home_path[64];

static void
home_unset_variables(void)
{
	static const char *const variables[] = {
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
		"AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_REGION",
		"AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_STS_REGIONAL_ENDPOINTS",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"
	};

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
}

/* The name of a file below it; valid until the next call but three. */
static const char *
home_file(const char *name)
{
	static char paths[4][128];
	static int	turn;
	char	   *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", home_path, name);
	return path;
}

/* Null: remove it. */
static inline void
home_write(const char *name, const char *text)
{
	FILE	   *file;

	if (text == NULL)
	{
		unlink(home_file(name));
		return;
	}
	file = fopen(home_file(name), "w");
	if (file == NULL || fputs(text, file) == EOF || fclose(file) != 0)
		perror(home_file(name));
}

static void
home_open(void)
{
	strcpy(home_path, "/tmp/unit-home-XXXXXX");
	if (mkdtemp(home_path) == NULL || mkdir(home_file(".aws"), 0700) != 0)
		perror(home_path);
	setenv("HOME", home_path, 1);
	home_unset_variables();
}

static void
home_close(void)
{
	char		command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", home_path);
	if (system(command) != 0)
		perror(command);
}

#endif							/* HOME_H */
