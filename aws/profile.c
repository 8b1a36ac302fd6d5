/*
 * profile.c
 *	  AWS's shared files, and what they say of one profile.
 *
 * The two name their sections differently: [x] in the credentials file is
 * [profile x] in the other, but for [default], which may be written either
 * way there; written both ways, only [profile default] counts.
 */
#include "profile.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "ini.h"

#define MAX_FILE ((size_t) 1 << 20)
#define DEFAULT_PROFILE "default"

struct AwsxProfiles
{
	char	   *paths[2];		/* by AwsxProfileFile; null: no home directory */
	AwsxIni		files[2];
	char	   *chosen;
	bool		named;
};

/* How each file is found. */
static const struct
{
	const char *variable;
	const char *at_home;
}			places[] = {
	[AWSX_PROFILE_CREDENTIALS] = {"AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials"},
	[AWSX_PROFILE_CONFIG] = {"AWS_CONFIG_FILE", "/.aws/config"}
};

static const char *
not_empty(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

/*
 * "" when nobody knows it; the caller frees it.  A service is often started
 * without HOME; then the user's entry says, as for a shell's "~".
 */
static char *
home_directory(void)
{
	const char *home = not_empty(getenv("HOME"));
	struct passwd entry;
	struct passwd *found = NULL;
	char		room[4096];

	if (home == NULL && getpwuid_r(geteuid(), &entry, room, sizeof(room), &found) == 0 &&
		found != NULL)
		home = found->pw_dir;
	return strdup(home != NULL ? home : "");
}

/* given may begin with "~/".  Null only when memory ends; "" without a home. */
static char *
make_path(const char *given, const char *at_home)
{
	const char *below = given == NULL ? at_home : given[0] == '~' && given[1] == '/' ? given + 1 : NULL;
	char	   *home = below != NULL ? home_directory() : strdup("");
	AwsxBuf		path;

	if (home == NULL || (below != NULL && home[0] == '\0'))
		return home;
	awsx_buf_init(&path, 0);
	awsx_buf_printf(&path, "%s%s", home, below != NULL ? below : given);
	free(home);
	return awsx_buf_take(&path, NULL);
}

static bool
read_one(AwsxProfiles *profiles, AwsxProfileFile which, const char *given, AwsxError *error)
{
	bool		missing;
	char	   *text;
	size_t		len;

	if (not_empty(given) == NULL)
		given = not_empty(getenv(places[which].variable));
	profiles->paths[which] = make_path(not_empty(given), places[which].at_home);
	if (profiles->paths[which] == NULL)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	if (profiles->paths[which][0] == '\0')
		return true;
	text = awsx_file_read(profiles->paths[which], MAX_FILE, &len, &missing, error);
	if (text == NULL)
		return missing && given == NULL;
	return awsx_ini_parse(&profiles->files[which], text, len, profiles->paths[which], error);
}

static bool
choose(AwsxProfiles *profiles, const char *given, AwsxError *error)
{
	given = not_empty(given);
	if (given == NULL)
		given = not_empty(getenv("AWS_PROFILE"));
	if (given == NULL)
		given = not_empty(getenv("AWS_DEFAULT_PROFILE"));
	profiles->named = given != NULL;
	profiles->chosen = strdup(given != NULL ? given : DEFAULT_PROFILE);
	return profiles->chosen != NULL || awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
}

AwsxProfiles *
awsx_profiles_read(const AwsxProfileFiles *files, AwsxError *error)
{
	static const AwsxProfileFiles none;
	AwsxProfiles *profiles = calloc(1, sizeof(*profiles));
	AwsxError	own;

	if (files == NULL)
		files = &none;
	if (error == NULL)
		error = &own;
	if (profiles == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
		return NULL;
	}
	if (choose(profiles, files->profile, error) &&
		read_one(profiles, AWSX_PROFILE_CREDENTIALS, files->credentials, error) &&
		read_one(profiles, AWSX_PROFILE_CONFIG, files->config, error))
	{
		awsx_error_clear(error);	/* of a file that need not be there */
		return profiles;
	}
	awsx_profiles_free(profiles);
	return NULL;
}

void
awsx_profiles_free(AwsxProfiles *profiles)
{
	if (profiles == NULL)
		return;
	for (int i = 0; i < 2; i++)
	{
		awsx_ini_free(&profiles->files[i]);
		free(profiles->paths[i]);
	}
	free(profiles->chosen);
	free(profiles);
}

const char *
awsx_profiles_chosen(const AwsxProfiles *profiles, bool *named)
{
	if (named != NULL)
		*named = profiles->named;
	return profiles->chosen;
}

const char *
awsx_profiles_path(const AwsxProfiles *profiles, AwsxProfileFile file)
{
	return profiles->paths[file];
}

/* The word before the profile's name in its section, or null. */
static const char *
kind_of(const AwsxProfiles *profiles, AwsxProfileFile file, const char *profile)
{
	if (file == AWSX_PROFILE_CREDENTIALS)
		return NULL;
	if (strcmp(profile, DEFAULT_PROFILE) == 0 &&
		!awsx_ini_has(&profiles->files[file], "profile", profile))
		return NULL;
	return "profile";
}

bool
awsx_profiles_has(const AwsxProfiles *profiles, const char *profile)
{
	for (AwsxProfileFile file = AWSX_PROFILE_CREDENTIALS; file <= AWSX_PROFILE_CONFIG; file++)
	{
		if (awsx_ini_has(&profiles->files[file], kind_of(profiles, file, profile), profile))
			return true;
	}
	return false;
}

const char *
awsx_profiles_get_in(const AwsxProfiles *profiles, AwsxProfileFile file,
					 const char *profile, const char *key)
{
	return awsx_ini_get(&profiles->files[file], kind_of(profiles, file, profile), profile,
						NULL, key);
}

const char *
awsx_profiles_get(const AwsxProfiles *profiles, const char *profile, const char *key)
{
	const char *value = awsx_profiles_get_in(profiles, AWSX_PROFILE_CREDENTIALS, profile, key);

	return value != NULL ? value :
		awsx_profiles_get_in(profiles, AWSX_PROFILE_CONFIG, profile, key);
}

const char *
awsx_profiles_get_service(const AwsxProfiles *profiles, const char *profile,
						  const char *service, const char *key)
{
	const char *services = awsx_profiles_get(profiles, profile, "services");

	if (services == NULL)
		return NULL;
	return awsx_ini_get(&profiles->files[AWSX_PROFILE_CONFIG], "services", services, service, key);
}
