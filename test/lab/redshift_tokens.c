/*
 * redshift_tokens.c
 *		A statement of SQL as tokens, some of which are replaced.
 *
 * Whether a backslash escapes in a literal is a setting of the server, so the
 * reader is told.  Comments and blanks are between tokens and stay.
 */
#include "redshift_sql.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool
begins_word(char c)
{
	return isalpha((unsigned char) c) || c == '_' || c == '#' || (unsigned char) c >= 0x80;
}

static bool
in_word(char c)
{
	return begins_word(c) || isdigit((unsigned char) c) || c == '$';
}

static const char *
skip_comment(const char *at)
{
	int			depth = 0;

	do
	{
		if (strncmp(at, "/*", 2) == 0)
			depth++, at += 2;
		else if (strncmp(at, "*/", 2) == 0)
			depth--, at += 2;
		else
			at++;
	} while (depth > 0 && *at != '\0');
	return at;
}

static const char *
skip_blanks(const char *at)
{
	for (;;)
	{
		if (isspace((unsigned char) *at))
			at++;
		else if (strncmp(at, "--", 2) == 0)
			at += strcspn(at, "\n");
		else if (strncmp(at, "/*", 2) == 0)
			at = skip_comment(at);
		else
			return at;
	}
}

/* Behind the closing quote, NULL if there is none; at is the opening one. */
static const char *
skip_quoted(const char *at, bool escapes)
{
	char		quote = *at++;

	for (; *at != '\0'; at++)
	{
		if (escapes && *at == '\\' && at[1] != '\0')
			at++;
		else if (*at == quote && at[1] == quote)
			at++;
		else if (*at == quote)
			return at + 1;
	}
	return NULL;
}

/* Behind $tag$ ... $tag$; NULL if it does not end, at if it is none. */
static const char *
skip_dollars(const char *at)
{
	size_t		len = 1;
	char	   *tag;
	const char *end;

	while (in_word(at[len]) && at[len] != '$' && !(len == 1 && isdigit((unsigned char) at[1])))
		len++;
	if (at[len] != '$')
		return at;
	tag = mem_strndup(at, len + 1);
	end = strstr(at + len + 1, tag);
	free(tag);
	return end != NULL ? end + len + 1 : NULL;
}

static const char *
skip_number(const char *at)
{
	while (isdigit((unsigned char) *at) || *at == '.')
		at++;
	if ((*at == 'e' || *at == 'E') &&
		(isdigit((unsigned char) at[1]) || ((at[1] == '-' || at[1] == '+') && isdigit((unsigned char) at[2]))))
		for (at += 2; isdigit((unsigned char) *at);)
			at++;
	return at;
}

/* Where the token at this place ends, and what it is; NULL: it does not. */
static const char *
token_end(const char *at, bool escapes, SqlKind *kind)
{
	const char *end = at + 1;

	*kind = SQL_SIGN;
	if (*at == '\'' || ((*at == 'e' || *at == 'E') && at[1] == '\''))
	{
		*kind = SQL_TEXT;
		return *at == '\'' ? skip_quoted(at, escapes) : skip_quoted(at + 1, true);
	}
	if (*at == '"')
	{
		*kind = SQL_QUOTED;
		return skip_quoted(at, false);
	}
	if (*at == '$' && (end = skip_dollars(at)) != at)
	{
		*kind = SQL_TEXT;
		return end;
	}
	if (isdigit((unsigned char) *at) || (*at == '.' && isdigit((unsigned char) at[1])))
	{
		*kind = SQL_NUMBER;
		return skip_number(at);
	}
	if (begins_word(*at))
	{
		*kind = SQL_WORD;
		while (in_word(*end))
			end++;
	}
	else if (*at == ':' && at[1] == ':')
		end = at + 2;
	else if (*at == ':' && (isalnum((unsigned char) at[1]) || at[1] == '_'))
	{
		*kind = SQL_PARAMETER;
		while (isalnum((unsigned char) *end) || *end == '_')
			end++;
	}
	return end > at ? end : at + 1;
}

void
sql_read(Sql *sql, const char *text, bool escapes)
{
	size_t		room = 0;
	const char *at;

	memset(sql, 0, sizeof(*sql));
	sql->text = mem_strdup(text);
	for (at = skip_blanks(sql->text);; at = skip_blanks(at))
	{
		SqlToken   *token;
		const char *end;

		if (sql->count + 1 >= room)
			sql->tokens = mem_resize(sql->tokens, (room = room * 2 + 64) * sizeof(SqlToken));
		token = &sql->tokens[sql->count];
		*token = (SqlToken) {.kind = SQL_END,.at = at};
		if (*at == '\0')
			return;
		end = token_end(at, escapes, &token->kind);
		if (end == NULL)
		{
			sql_fail(sql, "%s at or near \"%.40s\"",
					 token->kind == SQL_QUOTED ? "unterminated quoted identifier" : "unterminated quoted string", at);
			token->kind = SQL_END;
			token->at = at + strlen(at);
			return;
		}
		token->len = (size_t) (end - at);
		sql->count++;
		at = end;
	}
}

void
sql_free(Sql *sql)
{
	for (size_t i = 0; i < sql->count; i++)
		free(sql->tokens[i].instead);
	free(sql->tokens);
	free(sql->text);
	free(sql->error);
	memset(sql, 0, sizeof(*sql));
}

bool
sql_is(const Sql *sql, size_t place, const char *what)
{
	const SqlToken *token = &sql->tokens[place < sql->count ? place : sql->count];

	return (token->kind == SQL_WORD || token->kind == SQL_SIGN) && strlen(what) == token->len &&
		strncasecmp(token->at, what, token->len) == 0;
}

bool
sql_are(const Sql *sql, size_t place, const char *what)
{
	char		word[64];

	for (; *what != '\0'; place++, what += strspn(what, " "))
	{
		size_t		len = strcspn(what, " ");

		snprintf(word, sizeof(word), "%.*s", (int) len, what);
		if (!sql_is(sql, place, word))
			return false;
		what += len;
	}
	return true;
}

bool
sql_is_name(const Sql *sql, size_t place)
{
	return place < sql->count && (sql->tokens[place].kind == SQL_WORD || sql->tokens[place].kind == SQL_QUOTED);
}

size_t
sql_skip_name(const Sql *sql, size_t place)
{
	if (!sql_is_name(sql, place))
		return place;
	place++;
	while (sql_is(sql, place, ".") && sql_is_name(sql, place + 1))
		place += 2;
	return place;
}

size_t
sql_closing(const Sql *sql, size_t place)
{
	int			depth = 0;

	for (; place < sql->count; place++)
	{
		if (sql_is(sql, place, "("))
			depth++;
		else if (sql_is(sql, place, ")") && --depth == 0)
			return place;
	}
	return sql->count;
}

char *
sql_plain(const Sql *sql, size_t place)
{
	const SqlToken *token = &sql->tokens[place];
	Buf			out = {0};
	bool		quoted = token->kind == SQL_QUOTED || token->kind == SQL_TEXT;
	size_t		end = quoted ? token->len - 1 : token->len;

	buf_adds(&out, "");
	for (size_t i = quoted ? 1 : 0; i < end; i++)
	{
		char		c = token->kind == SQL_TEXT ? token->at[i] : (char) tolower((unsigned char) token->at[i]);

		if (quoted && token->at[i] == token->at[0])
			i++;
		buf_add(&out, &c, 1);
	}
	return out.data;
}

void
sql_replace(Sql *sql, size_t place, const char *format,...)
{
	Buf			text = {0};
	va_list		args;

	va_start(args, format);
	buf_addv(&text, format, args);
	va_end(args);
	free(sql->tokens[place].instead);
	sql->tokens[place].instead = text.data;
}

void
sql_drop(Sql *sql, size_t from, size_t to)
{
	for (; from < to && from < sql->count; from++)
	{
		free(sql->tokens[from].instead);
		sql->tokens[from].instead = mem_strdup("");
	}
}

void
sql_fail(Sql *sql, const char *format,...)
{
	Buf			text = {0};
	va_list		args;

	if (sql->error != NULL)
		return;
	buf_adds(&text, "ERROR: ");
	va_start(args, format);
	buf_addv(&text, format, args);
	va_end(args);
	sql->error = text.data;
}

void
sql_fail_at(Sql *sql, size_t place)
{
	const SqlToken *token = &sql->tokens[place < sql->count ? place : sql->count];

	if (token->kind == SQL_END)
		sql_fail(sql, "syntax error at end of input\n  Position: %zu", (size_t) (token->at - sql->text) + 1);
	else
		sql_fail(sql, "syntax error at or near \"%.*s\"\n  Position: %zu", (int) (token->len < 200 ? token->len : 200),
				 token->at, (size_t) (token->at - sql->text) + 1);
}

void
sql_write(const Sql *sql, size_t from, size_t to, Buf *out)
{
	buf_adds(out, "");
	for (size_t i = from; i < to; i++)
	{
		const SqlToken *token = &sql->tokens[i];
		const char *end = token->at + token->len;

		if (token->instead != NULL)
			buf_adds(out, token->instead);
		else
			buf_add(out, token->at, token->len);
		if (i + 1 < to)
			buf_add(out, end, (size_t) (token[1].at - end));
	}
}
