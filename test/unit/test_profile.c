/*
 * test_profile.c
 *	  Which files are read, which profile is meant, and which of several
 *	  settings counts.
 */
#include "tap.h"

#include <fcntl.h>

#include "home.h"
#include "profile.h"

static AwsxError error;

static AwsxProfiles *
read_files(const char *config, const char *credentials, const char *profile)
{
	AwsxProfileFiles files = {.config = config,.credentials = credentials,.profile = profile};

	awsx_error_clear(&error);
	return awsx_profiles_read(&files, &error);
}

static void
is_setting(const char *profile, const char *key, const char *expected, const char *name)
{
	AwsxProfiles *profiles = read_files(NULL, NULL, NULL);
	const char *got = profiles != NULL ? awsx_profiles_get(profiles, profile, key) : "(not read)";

	is_str(got, expected, name);
	awsx_profiles_free(profiles);
}

/* "" when profiles cannot be read. */
static const char *
chosen(bool *named, const char *profile)
{
	static char name[64];
	AwsxProfiles *profiles = read_files(NULL, NULL, profile);

	snprintf(name, sizeof(name), "%s", profiles != NULL ? awsx_profiles_chosen(profiles, named) : "");
	awsx_profiles_free(profiles);
	return name;
}

static void
test_precedence(void)
{
	home_write(".aws/config", "[default]\nregion = r-default\n[profile a]\nregion = r-config\nrole_arn = arn\n"
			   "[b]\nregion = r-ignored\n[profile \"c d\"]\nregion = r-quoted\n");
	home_write(".aws/credentials", "[a]\nregion = r-credentials\n[e]\nregion = r-e\n");
	is_setting("a", "region", "r-credentials", "the credentials file comes first");
	is_setting("a", "role_arn", "arn", "what only the other has is found");
	is_setting("default", "region", "r-default", "[default] of the config file");
	is_setting("b", "region", NULL, "a section of the config file that is no profile");
	is_setting("c d", "region", "r-quoted", "a quoted name");
	is_setting("e", "region", "r-e", "a profile of the credentials file only");
	home_write(".aws/config", "[profile default]\nregion = r-long\n[default]\nregion = r-short\noutput = json\n");
	is_setting("default", "region", "r-long", "[profile default] counts, not [default]");
	is_setting("default", "output", NULL, "... and nothing of the latter");
}

static void
test_one_file(void)
{
	AwsxProfiles *profiles;

	home_write(".aws/config", "[profile a]\nk = config\n[profile x]\n");
	home_write(".aws/credentials", "[a]\nk = credentials\n");
	profiles = read_files(NULL, NULL, NULL);
	is_str(awsx_profiles_get_in(profiles, AWSX_PROFILE_CONFIG, "a", "k"), "config", "of the config file");
	is_str(awsx_profiles_get_in(profiles, AWSX_PROFILE_CREDENTIALS, "a", "k"), "credentials", "of the credentials file");
	is_str(awsx_profiles_path(profiles, AWSX_PROFILE_CONFIG), home_file(".aws/config"), "where it is");
	ok(awsx_profiles_has(profiles, "x") && awsx_profiles_has(profiles, "a") && !awsx_profiles_has(profiles, "y"),
	   "which profiles there are");
	awsx_profiles_free(profiles);
}

static void
test_services(void)
{
	AwsxProfiles *profiles;

	home_write(".aws/config", "[profile a]\nservices = lab\n[profile b]\n[services lab]\nsqs =\n  endpoint_url = http://q\n"
			   "s3 =\n  endpoint_url = http://s\n");
	profiles = read_files(NULL, NULL, NULL);
	is_str(awsx_profiles_get_service(profiles, "a", "sqs", "endpoint_url"), "http://q", "a service's endpoint");
	ok(awsx_profiles_get_service(profiles, "a", "sts", "endpoint_url") == NULL, "... of none that is named");
	ok(awsx_profiles_get_service(profiles, "b", "sqs", "endpoint_url") == NULL, "... nor of a profile without services");
	awsx_profiles_free(profiles);
}

static void
test_chosen(void)
{
	bool		named = true;

	is_str(chosen(&named, NULL), "default", "nobody names a profile");
	ok(!named, "... which is known");
	setenv("AWS_DEFAULT_PROFILE", "second", 1);
	is_str(chosen(&named, NULL), "second", "AWS_DEFAULT_PROFILE");
	setenv("AWS_PROFILE", "first", 1);
	is_str(chosen(&named, ""), "first", "AWS_PROFILE is before it");
	ok(named, "... it is a name");
	is_str(chosen(&named, "given"), "given", "the argument is before both");
	unsetenv("AWS_PROFILE");
	unsetenv("AWS_DEFAULT_PROFILE");
}

/* The files by argument, by environment, by "~", and none at all. */
static void
test_places(void)
{
	AwsxProfiles *profiles;

	home_write(".aws/config", NULL);
	home_write(".aws/credentials", NULL);
	profiles = read_files(NULL, NULL, NULL);
	ok(profiles != NULL && !awsx_profiles_has(profiles, "default"), "no files are no error");
	awsx_profiles_free(profiles);

	home_write("other", "[profile a]\nregion = by-env\n");
	home_write("given", "[profile a]\nregion = by-argument\n");
	setenv("AWS_CONFIG_FILE", "~/other", 1);
	is_setting("a", "region", "by-env", "AWS_CONFIG_FILE, at home");
	profiles = read_files(home_file("given"), NULL, NULL);
	is_str(awsx_profiles_get(profiles, "a", "region"), "by-argument", "the argument is before it");
	awsx_profiles_free(profiles);
	setenv("AWS_CONFIG_FILE", home_file("nothing"), 1);
	ok(read_files(NULL, NULL, NULL) == NULL && error.kind == AWSX_ERR_CONFIG && strstr(error.message, "/nothing\"") != NULL,
	   "a file that the environment names must be there: %s", error.message);
	setenv("AWS_CONFIG_FILE", "/dev/null", 1);
	profiles = read_files(NULL, NULL, NULL);
	ok(profiles != NULL, "/dev/null is an empty file");
	awsx_profiles_free(profiles);
	unsetenv("AWS_CONFIG_FILE");
	ok(read_files(NULL, home_file("none"), NULL) == NULL && strstr(error.message, "/none\"") != NULL, "so must one that an argument names");
	unsetenv("HOME");
	profiles = read_files("/dev/null", "/dev/null", NULL);
	ok(profiles != NULL, "no HOME is no error");
	awsx_profiles_free(profiles);
	setenv("HOME", home_path, 1);
}

static void
test_broken(void)
{
	home_write(".aws/config", "[default]\nregion = x\nAKIDSECRET\n");
	ok(read_files(NULL, NULL, NULL) == NULL && error.kind == AWSX_ERR_CONFIG &&
	   strstr(error.message, "/.aws/config\", line 3: ") != NULL && strstr(error.message, "AKIDSECRET") == NULL,
	   "a broken file is named with its line: %s", error.message);
	home_write(".aws/config", NULL);
	mkdir(home_file(".aws/config"), 0700);
	ok(read_files(NULL, NULL, NULL) == NULL && strstr(error.message, "/.aws/config\"") != NULL, "a directory: %s", error.message);
	rmdir(home_file(".aws/config"));
	mkfifo(home_file(".aws/config"), 0600);
	{
		int			writer = open(home_file(".aws/config"), O_RDWR | O_NONBLOCK);

		ok(read_files(NULL, NULL, NULL) == NULL && strstr(error.message, "/.aws/config\"") != NULL,
		   "a pipe without end does not hang: %s", error.message);
		close(writer);
	}
	home_write(".aws/config", NULL);
	setenv("AWS_CONFIG_FILE", "/dev/zero", 1);
	ok(read_files(NULL, NULL, NULL) == NULL && strstr(error.message, "more than 1048576 bytes") != NULL,
	   "a file without end: %s", error.message);
	unsetenv("AWS_CONFIG_FILE");
}

/* Root may read everything, so only others can show it. */
static void
test_unreadable(void)
{
	AwsxProfiles *profiles;

	home_write(".aws/config", "[default]\nregion = x\n");
	if (geteuid() == 0 && (chmod(home_path, 0711) != 0 || chown(home_file(".aws"), 65534, 65534) != 0 || seteuid(65534) != 0))
		perror("seteuid");
	chmod(home_file(".aws/config"), 0);
	if (geteuid() == 65534)
	{
		ok(seteuid(0) == 0 && chmod(home_file(".aws/config"), 0) == 0 && seteuid(65534) == 0, "as nobody");
	}
	ok(read_files(NULL, NULL, NULL) == NULL && strstr(error.message, "Permission denied") != NULL,
	   "a file that may not be read is an error: %s", error.message);
	chmod(home_file(".aws"), 0);
	profiles = read_files(NULL, NULL, NULL);
	ok(profiles != NULL, "a directory that is closed to us holds nothing for us");
	awsx_profiles_free(profiles);
	if (geteuid() == 65534 && seteuid(0) != 0)
		perror("seteuid");
	chmod(home_file(".aws"), 0700);
}

int
main(void)
{
	home_open();
	test_precedence();
	test_one_file();
	test_services();
	test_chosen();
	test_places();
	test_broken();
	test_unreadable();
	home_close();
	return tap_done();
}
