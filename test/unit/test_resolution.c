/*
 * test_resolution.c
 *	  What becomes of shared files and an environment, against what botocore
 *	  makes of the same (test/vectors/profiles): every call to STS, and whose
 *	  keys come out.
 */
#include "tap.h"

#include "sts_world.h"

#define MAX_PART 2048

/* One case of the vectors. */
typedef struct Case
{
	char		name[128];
	char		config[MAX_PART];
	char		credentials[MAX_PART];
	char		environment[MAX_PART];
	char		result[MAX_PART];
} Case;

static AwsxError error;

/* The text with the home directory in its place. */
static void
expand(const char *text, char *out, size_t size)
{
	const char *mark;
	size_t		used = 0;

	out[0] = '\0';
	while ((mark = strstr(text, "@HOME@")) != NULL)
	{
		used += (size_t) snprintf(out + used, size - used, "%.*s%s", (int) (mark - text), text, home_path);
		text = mark + 6;
	}
	snprintf(out + used, size - used, "%s", text);
}

static void
set_environment(char *lines)
{
	char	   *line;

	while ((line = strsep(&lines, "\n")) != NULL)
	{
		char	   *value = strchr(line, '=');

		if (value == NULL)
			continue;
		*value++ = '\0';
		setenv(line, value, 1);
	}
}

static void
resolve(void)
{
	AwsxCredentialsProvider *provider = awsx_credentials_default(NULL, &error);
	Got			got;

	if (provider == NULL)
	{
		sts_note("no provider\n");
		return;
	}
	if (got_fetch(&got, provider))
	{
		sts_note("keys ");
		sts_note(got.fetch.credentials.access_key_id);
		sts_note("\n");
	}
	else
		sts_note(!got.done ? "unfinished\n" : got.fetch.absent ? "none\n" : "error\n");
	error = got.fetch.error;
	awsx_credentials_clear(&got.fetch.credentials);
	provider->free(provider);
}

static void
run_case(const Case *c)
{
	char		text[MAX_PART + 256];

	home_open();
	home_write("token", "a.b.c");
	expand(c->config, text, sizeof(text));
	home_write(".aws/config", text[0] != '\0' ? text : NULL);
	home_write(".aws/credentials", c->credentials[0] != '\0' ? c->credentials : NULL);
	expand(c->environment, text, sizeof(text));
	set_environment(text);
	sts_open(&error);
	resolve();
	is_str(sts.calls, c->result, c->name);
	printf("# %s\n", error.message);
	ok(strstr(error.message, "theSecretKey") == NULL, "... and no secret in an error");
	sts_close();
	home_close();
}

/* The part of a case that a line "== name" begins. */
static char *
part_of(Case *c, const char *name)
{
	return strcmp(name, "config\n") == 0 ? c->config : strcmp(name, "credentials\n") == 0 ? c->credentials :
		strcmp(name, "environment\n") == 0 ? c->environment : strcmp(name, "result\n") == 0 ? c->result : NULL;
}

int
main(void)
{
	const char *vectors = getenv("VECTORS");
	char		path[512];
	char		line[1024];
	FILE	   *file;
	static Case c;
	char	   *part = NULL;
	int			cases = 0;

	snprintf(path, sizeof(path), "%s/profiles", vectors ? vectors : "test/vectors");
	file = fopen(path, "r");
	if (!ok(file != NULL, "the vectors are there (set VECTORS to their folder)"))
		return tap_done();
	while (fgets(line, sizeof(line), file) != NULL)
	{
		if (strncmp(line, "== case ", 8) == 0)
		{
			if (cases++ > 0)
				run_case(&c);
			memset(&c, 0, sizeof(c));
			snprintf(c.name, sizeof(c.name), "%.*s", (int) strcspn(line + 8, "\n"), line + 8);
			part = NULL;
		}
		else if (strncmp(line, "== ", 3) == 0)
			part = part_of(&c, line + 3);
		else if (part != NULL)
			strncat(part, line, MAX_PART - strlen(part) - 1);
	}
	run_case(&c);
	fclose(file);
	ok(cases > 50, "%d cases", cases);
	return tap_done();
}
