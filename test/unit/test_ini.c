/*
 * test_ini.c
 *	  The format of the shared files: what is read, and what is refused with
 *	  file and line.
 */
#include "tap.h"

#include <stdlib.h>

#include "ini.h"

/* Settings as "section|block|key=value" lines, sections without a key. */
typedef struct Good
{
	const char *name;
	const char *text;
	const char *expected;
} Good;

static const Good good[] = {
	{"an empty file", "", ""},
	{"blank lines and comments only", "\n  # x\n; y\n\t\n", ""},
	{"a section and two settings", "[a]\nk = v\nl=w", "a\na||k=v\na||l=w\n"},
	{"CRLF and no blank", "[a]\r\nk=v\r\n", "a\na||k=v\n"},
	{"a byte order mark", "\xEF\xBB\xBF[a]\nk=v\n", "a\na||k=v\n"},
	{"keys in lower case, values as they are", "[A]\nKeY = VaLuE\n", "A\nA||key=VaLuE\n"},
	{"only the first = counts", "[a]\nk = a=b==\n", "a\na||k=a=b==\n"},
	{"a colon instead of =", "[a]\nk: v=1\n", "a\na||k=v=1\n"},
	{"a colon in a value", "[a]\nrole_arn = arn:aws:iam\n", "a\na||role_arn=arn:aws:iam\n"},
	{"an empty value", "[a]\nk =\nl = 1\n", "a\na||k=\na||l=1\n"},
	{"a comment behind a value", "[a]\nk = v # c\nl = w\t; c\n", "a\na||k=v\na||l=w\n"},
	{"no comment without a blank", "[a]\nk = v#c;d\nl = #e\n", "a\na||k=v#c;d\na||l=#e\n"},
	{"a command keeps its comments", "[a]\ncredential_process = x ; y # z\n", "a\na||credential_process=x ; y # z\n"},
	{"a comment behind a section", "[a] # c\n[b];c\n", "a\nb\n"},
	{"blanks and quotes in a section", "[ profile \t \"my own\" ]\n[profile  'x']\n", "profile my own\nprofile x\n"},
	{"a quote of its own stays", "[profile \"]\n", "profile \"\n"},
	{"a block", "[a]\ns3 =\n  k = v\n\n  # c\n\tl = w # c\nm = n\n", "a\na|s3|k=v\na|s3|l=w\na||s3=\na||m=n\n"},
	{"a block of an indented section", "[a]\n  s3 =\n    k = v\n  m = n\n", "a\na|s3|k=v\na||s3=\na||m=n\n"},
	{"an indented section and file", "  [a]\n  k = v\n  l = w\n", "a\na||k=v\na||l=w\n"},
	{"a value that goes on", "[a]\nk = one\n   two\n # c\n  three\nl = w\n", "a\na||k=one\ntwo\nthree\na||l=w\n"},
	{"an indented setting belongs to the one before", "[a]\nk = v\n  l = w\n", "a\na||k=v\nl = w\n"},
	{"an indented section after a setting, too", "[a]\nk = v\n  [b]\n", "a\na||k=v\n[b]\n"},
	{"a block ends with its section", "[a]\ns3 =\n  k = v\n[b]\n  k = w\n", "a\na|s3|k=v\na||s3=\nb\nb||k=w\n"},
	{"a section twice", "[a]\nk = 1\n[b]\n[a]\nl = 2\n", "a\na||k=1\nb\na\na||l=2\n"},
};

/* What to refuse, and the line that is to be named. */
static const struct
{
	const char *name;
	const char *text;
	size_t		len;			/* 0: all of it */
	int			line;
}			bad[] = {
	{"a setting before a section", "# c\nk = v\n", 0, 2},
	{"a line without =", "[a]\nk = v\nsecret\n", 0, 3},
	{"a section without ]", "[a\nk = v\n", 0, 1},
	{"a section without a name", "[a]\n[ ]\n", 0, 2},
	{"text behind a section", "[a] b\n", 0, 1},
	{"nothing before =", "[a]\n = v\n", 0, 2},
	{"no setting in a block", "[a]\ns3 =\n  k = v\n  secret\n", 0, 4},
	{"no setting at the start of a block", "[a]\ns3 =\n  secret\n", 0, 3},
	{"nothing before = in a block", "[a]\ns3 =\n  = secret\n", 0, 3},
	{"a zero byte", "[a]\nk = v\nl\0 = w\n", 17, 3},
	{"a zero byte alone", "\0", 1, 1},
};

static AwsxIni
parse(const char *text, size_t len, AwsxError *error, bool *done)
{
	char	   *copy = malloc(len + 1);	/* of its size, for the sanitizers */
	AwsxIni		ini;

	memcpy(copy, text, len);
	copy[len] = '\0';
	awsx_error_clear(error);
	*done = awsx_ini_parse(&ini, copy, len, "/etc/aws", error);
	return ini;
}

/* Blocks first, since their key is listed where its block ends. */
static void
print(const AwsxIni *ini, char *out, size_t size)
{
	size_t		used = 0;
	int			held = -1;

	out[0] = '\0';
	for (int i = 0; i <= ini->count; i++)
	{
		const AwsxIniSetting *s = i < ini->count ? &ini->settings[i] : NULL;

		if (held >= 0 && (s == NULL || s->block == NULL))
		{
			used += (size_t) snprintf(out + used, size - used, "%s||%s=\n",
									  ini->settings[held].section, ini->settings[held].key);
			held = -1;
		}
		if (s == NULL)
			break;
		if (s->key == NULL)
			used += (size_t) snprintf(out + used, size - used, "%s\n", s->section);
		else if (s->block == NULL && i + 1 < ini->count && s[1].block != NULL)
			held = i;
		else
			used += (size_t) snprintf(out + used, size - used, "%s|%s|%s=%s\n", s->section,
									  s->block ? s->block : "", s->key, s->value);
	}
}

static void
test_good(void)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
	{
		AwsxError	error;
		bool		done;
		AwsxIni		ini = parse(good[i].text, strlen(good[i].text), &error, &done);
		char		got[1024];

		print(&ini, got, sizeof(got));
		if (!is_str(got, good[i].expected, good[i].name) || !done)
			printf("# %s\n", error.message);
		awsx_ini_free(&ini);
	}
}

static void
test_bad(void)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		size_t		len = bad[i].len > 0 ? bad[i].len : strlen(bad[i].text);
		char		named[40];
		AwsxError	error;
		bool		done;
		AwsxIni		ini = parse(bad[i].text, len, &error, &done);

		snprintf(named, sizeof(named), "file \"/etc/aws\", line %d: ", bad[i].line);
		if (!ok(!done && error.kind == AWSX_ERR_CONFIG && strstr(error.message, named) == error.message &&
				strstr(error.message, "secret") == NULL && ini.text == NULL && ini.count == 0,
				"refused: %s", bad[i].name))
			printf("# %s\n", error.message);
	}
}

static void
test_lookup(void)
{
	static const char text[] = "[x]\nk = credentials\n[profile x]\nk = first\ns3 =\n  k = inside\n[profile x]\nk = second\n"
		"[services x]\nsqs =\n  endpoint_url = http://a\n";
	AwsxError	error;
	bool		done;
	AwsxIni		ini = parse(text, strlen(text), &error, &done);

	is_str(awsx_ini_get(&ini, "profile", "x", NULL, "k"), "second", "of a section given twice the later one counts");
	is_str(awsx_ini_get(&ini, NULL, "x", NULL, "k"), "credentials", "a section of one word is another one");
	is_str(awsx_ini_get(&ini, "profile", "x", "s3", "k"), "inside", "a setting of a block");
	is_str(awsx_ini_get(&ini, "services", "x", "sqs", "endpoint_url"), "http://a", "... of another kind of section");
	ok(awsx_ini_get(&ini, "services", "x", NULL, "endpoint_url") == NULL, "a block's setting is not its section's");
	ok(awsx_ini_get(&ini, "profile", "y", NULL, "k") == NULL && !awsx_ini_has(&ini, "profile", "y"), "what is not there");
	ok(awsx_ini_has(&ini, "services", "x") && !awsx_ini_has(&ini, "service", "x"), "a section's kind is a whole word");
	awsx_ini_free(&ini);
}

/* Every prefix and every damaged byte of a file: an answer, never a crash. */
static void
test_damaged(void)
{
	static const char text[] = "[profile x]\nrole_arn = arn ; c\ns3 =\n  k = v\n more\n[services \"x\"]\nsqs =\n  e = f\n";
	int			tried = 0;
	AwsxError	error;
	bool		done;

	for (size_t len = 0; len < sizeof(text); len++)
	{
		AwsxIni		ini = parse(text, len, &error, &done);

		tried += done == (error.kind == AWSX_OK);
		awsx_ini_free(&ini);
		for (const char *byte = "\0\n[]=: #\"\xff"; byte[0] != '\xff'; byte++)
		{
			char		damaged[sizeof(text)];

			memcpy(damaged, text, sizeof(text));
			damaged[len] = *byte;
			ini = parse(damaged, sizeof(text) - 1, &error, &done);
			tried += done == (error.kind == AWSX_OK);
			awsx_ini_free(&ini);
		}
	}
	is_int(tried, (long long) sizeof(text) * 10, "every prefix and damaged byte has an answer");
}

static void
test_many(void)
{
	size_t		len = 4 + (AWSX_INI_MAX_SETTINGS + 1) * 4;
	char	   *text = malloc(len + 1);
	AwsxError	error;
	bool		done;
	AwsxIni		ini;

	memcpy(text, "[a]\n", 4);
	for (size_t at = 4; at < len; at += 4)
		memcpy(text + at, "k=v\n", 4);
	ini = parse(text, len, &error, &done);
	ok(!done && strstr(error.message, "too many settings") != NULL, "too many settings are refused");
	ini = parse(text, len - 8, &error, &done);
	ok(done && ini.count == AWSX_INI_MAX_SETTINGS, "just as many as are allowed are not");
	awsx_ini_free(&ini);
	free(text);
}

int
main(void)
{
	test_good();
	test_bad();
	test_lookup();
	test_damaged();
	test_many();
	return tap_done();
}
