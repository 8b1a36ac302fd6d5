/*
 * ini.c
 *	  The format of AWS's shared files.
 *
 * The rules are those of botocore, which reads with Python's configparser: a
 * line that is indented more than the key before it goes on with that key's
 * value; where the value was empty, such lines are settings of a block.
 * Beyond them, as other SDKs do: a blank and '#' or ';' end a value (but not
 * that of credential_process: a shell has its own comments), and what is
 * given twice is no error.
 *
 * The text is cut in place: names and values are its parts, and a line that
 * goes on is moved up to the value it belongs to, for which the line break
 * and the indentation leave room.
 */
#include "ini.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define FIRST_SETTINGS 32

typedef struct Parser
{
	AwsxIni    *ini;
	const char *file;
	AwsxError  *error;
	int			line;			/* its number, from 1 */
	const char *section;		/* null before the first */
	const char *block;			/* the key whose indented lines are settings */
	AwsxIniSetting *last;		/* the setting that a line may go on with */
	ptrdiff_t	indent;			/* of the last line that was no continuation */
} Parser;

/* The part of a line between its blanks. */
typedef struct Line
{
	char	   *start;
	char	   *end;			/* a NUL may be written here */
	ptrdiff_t	indent;
} Line;

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static bool
fail(Parser *parser, const char *problem)
{
	return awsx_error_set(parser->error, AWSX_ERR_CONFIG, "file \"%.300s\", line %d: %s",
						  parser->file, parser->line, problem);
}

static bool
add_setting(Parser *parser, const char *key, char *value)
{
	AwsxIni    *ini = parser->ini;

	if (ini->count == AWSX_INI_MAX_SETTINGS)
		return fail(parser, "there are too many settings; is it the right file?");
	if (ini->count == ini->allocated)
	{
		int			wanted = ini->allocated == 0 ? FIRST_SETTINGS : ini->allocated * 2;
		AwsxIniSetting *settings = realloc(ini->settings, (size_t) wanted * sizeof(*settings));

		if (settings == NULL)
			return awsx_error_set(parser->error, AWSX_ERR_MEMORY, "out of memory");
		ini->settings = settings;
		ini->allocated = wanted;
	}
	parser->last = &ini->settings[ini->count++];
	*parser->last = (AwsxIniSetting) {parser->section, key == NULL ? NULL : parser->block, key, value};
	return true;
}

/* Cut what stands between two places from its blanks. */
static char *
trim(char *start, char *end)
{
	while (start < end && is_blank(*start))
		start++;
	while (end > start && is_blank(end[-1]))
		end--;
	*end = '\0';
	return start;
}

/* A name's first word, one blank, the rest without quotes. */
static void
tidy_section(char *name)
{
	char	   *out = name + strcspn(name, " \t");
	char	   *rest = out + strspn(out, " \t");
	size_t		len = strlen(rest);

	if (len == 0)
		return;
	if (len >= 2 && (rest[0] == '"' || rest[0] == '\'') && rest[len - 1] == rest[0])
	{
		rest++;
		len -= 2;
	}
	*out++ = ' ';
	memmove(out, rest, len);
	out[len] = '\0';
}

static bool
read_section(Parser *parser, Line line)
{
	char	   *close = memchr(line.start, ']', (size_t) (line.end - line.start));
	char	   *name;

	if (close == NULL)
		return fail(parser, "the section's name does not end with \"]\"");
	for (char *rest = close + 1; rest < line.end && *rest != '#' && *rest != ';'; rest++)
	{
		if (!is_blank(*rest))
			return fail(parser, "there is something after the section's \"]\"");
	}
	name = trim(line.start + 1, close);
	if (name[0] == '\0')
		return fail(parser, "the section has no name");
	tidy_section(name);
	parser->section = name;
	parser->block = NULL;
	if (!add_setting(parser, NULL, NULL))
		return false;
	parser->last = NULL;
	return true;
}

/* End the value before its comment. */
static void
cut_comment(const char *key, char *value)
{
	if (strcmp(key, "credential_process") == 0 || value[0] == '\0')
		return;
	for (char *at = value + 1; *at != '\0'; at++)
	{
		if ((*at == '#' || *at == ';') && is_blank(at[-1]))
		{
			(void) trim(value, at);
			return;
		}
	}
}

/* In a section's own lines a colon does as well, as configparser has it. */
static bool
read_setting(Parser *parser, Line line, bool colon)
{
	char	   *at = line.start;
	char	   *key;
	char	   *value;

	while (at < line.end && *at != '=' && (!colon || *at != ':'))
		at++;
	if (at == line.end)
		return fail(parser, parser->block == NULL ?
					"neither \"key = value\" nor \"[section]\" nor a comment" :
					"an indented line below \"key =\" must be \"key = value\"");
	value = trim(at + 1, line.end);
	key = trim(line.start, at);
	if (key[0] == '\0')
		return fail(parser, "there is nothing before \"=\"");
	for (char *c = key; *c != '\0'; c++)
		*c = awsx_text_lower(*c);
	cut_comment(key, value);
	return add_setting(parser, key, value);
}

/* The last value goes on with this line. */
static void
append_line(AwsxIniSetting *last, Line line)
{
	size_t		len = (size_t) (line.end - line.start);
	char	   *out = last->value + strlen(last->value);

	*out++ = '\n';
	memmove(out, line.start, len);
	out[len] = '\0';
}

static bool
read_line(Parser *parser, Line line)
{
	bool		indented = parser->section != NULL && line.indent > parser->indent;

	if (indented && parser->block != NULL)
		return read_setting(parser, line, false);
	if (indented && parser->last != NULL && parser->last->value[0] == '\0')
	{
		parser->block = parser->last->key;
		return read_setting(parser, line, false);
	}
	if (indented && parser->last != NULL)
	{
		append_line(parser->last, line);
		return true;
	}
	parser->indent = line.indent;
	parser->block = NULL;
	if (*line.start == '[')
		return read_section(parser, line);
	if (parser->section == NULL)
		return fail(parser, "a setting before the first \"[section]\"");
	return read_setting(parser, line, true);
}

static bool
read_lines(Parser *parser, char *text, size_t len)
{
	char	   *end = text + len;
	char	   *next;

	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
		text += 3;				/* a byte order mark, as Windows' editors leave it */
	for (; text < end; text = next)
	{
		char	   *stop = memchr(text, '\n', (size_t) (end - text));
		Line		line = {text, stop != NULL ? stop : end, 0};

		parser->line++;
		next = stop != NULL ? stop + 1 : end;
		if (memchr(line.start, '\0', (size_t) (line.end - line.start)) != NULL)
			return fail(parser, "a zero byte: is it a text file?");
		while (line.start < line.end && is_blank(*line.start))
			line.start++;
		while (line.end > line.start && is_blank(line.end[-1]))
			line.end--;
		line.indent = line.start - text;
		if (line.start == line.end || *line.start == '#' || *line.start == ';')
			continue;
		if (!read_line(parser, line))
			return false;
	}
	return true;
}

bool
awsx_ini_parse(AwsxIni *ini, char *text, size_t len, const char *file, AwsxError *error)
{
	Parser		parser = {.ini = ini,.file = file,.error = error};

	memset(ini, 0, sizeof(*ini));
	ini->text = text;
	ini->len = len;
	if (read_lines(&parser, text, len))
		return true;
	awsx_ini_free(ini);
	return false;
}

void
awsx_ini_free(AwsxIni *ini)
{
	if (ini->text != NULL)
		explicit_bzero(ini->text, ini->len);
	free(ini->text);
	free(ini->settings);
	memset(ini, 0, sizeof(*ini));
}

static bool
is_section(const char *section, const char *kind, const char *name)
{
	size_t		len = kind == NULL ? 0 : strlen(kind);

	if (kind == NULL)
		return strcmp(section, name) == 0;
	return strncmp(section, kind, len) == 0 && section[len] == ' ' &&
		strcmp(section + len + 1, name) == 0;
}

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
awsx_ini_has(const AwsxIni *ini, const char *kind, const char *name)
{
	for (int i = 0; i < ini->count; i++)
	{
		if (is_section(ini->settings[i].section, kind, name))
			return true;
	}
	return false;
}

const char *
awsx_ini_get(const AwsxIni *ini, const char *kind, const char *name,
			 const char *block, const char *key)
{
	for (int i = ini->count - 1; i >= 0; i--)
	{
		const AwsxIniSetting *setting = &ini->settings[i];

		if (setting->key != NULL && strcmp(setting->key, key) == 0 &&
			same(setting->block, block) && is_section(setting->section, kind, name))
			return setting->value;
	}
	return NULL;
}
