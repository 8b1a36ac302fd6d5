/*
 * transaction_blame.c
 *	  What SQL's words blame for the end of a transaction.
 *
 * The Data API hands on no SQLSTATE, only a text, in which a value may be
 * quoted that says anything, quotes included; so all goes that stands behind
 * the beginning of a value, and the rest is looked for in lists.
 */
#include "transaction_blame.h"

#include <stdbool.h>
#include <string.h>

#include "../aws/text.h"

#define MAX_WORDS 1024

/* Behind these words a name is quoted. */
static const char *const name_words[] = {
	"column", "constraint", "database", "group", "relation", "role", "schema", "table", "type", "user"
};

static const char *const others[] = {
	"serializable isolation violation",
	"deadlock detected",
	"deleted by a concurrent transaction",
	"dropped by a concurrent transaction",
	"could not serialize access",
	"concurrent update"
};

/* What a value of a row brings about, in VALUES, in COPY and in MERGE. */
static const char *const data[] = {
	"value too long",
	"length exceeds",
	"exceeds the max",
	"data overflow",
	"field overflow",
	"overflow for",
	"overflow,",
	"overflow (",
	"out of range",
	"invalid digit",
	"invalid input syntax",
	"invalid numeric",
	"invalid date",
	"invalid timestamp",
	"invalid boolean",
	"invalid json",
	"json parsing",
	"invalid or unsupported utf8",
	"invalid utf8",
	"multibyte character not supported",
	"cannot insert a null",
	"null value in column",
	"not-null constraint",
	"multiple matches",
	"load into table"
};

static const char *const setup[] = {
	"does not exist",
	"nonexistent table",
	"permission denied",
	"must be owner",
	"insufficient privilege",
	"not authorized",
	"access denied",
	"accessdenied",
	"unauthorized",
	"s3serviceexception",
	"iam role",
	"syntax error",
	"but expression is of type",
	"cannot be cast",
	"cannot cast",
	"not supported",
	"unsupported",
	"already exists",
	"more expressions than target columns",
	"more target columns than expressions",
	"is ambiguous",
	"specified more than once",
	"cannot execute"
};

/* Does a word of the list stand right before the place? */
static bool
behind_name_word(const char *text, const char *at)
{
	const char *end = at;

	while (end > text && end[-1] == ' ')
		end--;
	for (size_t i = 0; i < sizeof(name_words) / sizeof(name_words[0]); i++)
	{
		size_t		len = strlen(name_words[i]);
		const char *start = end - len;
		bool		same = (size_t) (end - text) >= len && (start == text || !awsx_text_is_alnum(start[-1]));

		for (size_t c = 0; c < len && same; c++)
			same = awsx_text_lower(start[c]) == name_words[i][c];
		if (same)
			return true;
	}
	return false;
}

/* The length of a quoted name with both quotes; 0: it is no name, but a value. */
static size_t
quoted_name(const char *text, const char *at)
{
	size_t		len = 1;

	if (!behind_name_word(text, at))
		return 0;
	while (awsx_text_is_alnum(at[len]) || at[len] == '_' || at[len] == '$' || at[len] == '.')
		len++;
	return at[len] == *at && len > 1 ? len + 1 : 0;
}

/* A quote begins something unless it stands within a word: can't. */
static bool
begins_quote(const char *text, const char *at)
{
	return *at == '"' || (*at == '\'' && (at == text || !awsx_text_is_alnum(at[-1])));
}

/* Redshift's "context: ..." and PostgreSQL's "Key (...)=(...)" hold values, too. */
static bool
begins_context(const char *at)
{
	return strncmp(at, "context:", 8) == 0 || strncmp(at, "CONTEXT:", 8) == 0 || strncmp(at, ")=(", 3) == 0 ||
		strncmp(at, "Failing row contains", 20) == 0;
}

void
transaction_words(const char *text, char *out, size_t size)
{
	const char *at = text;
	size_t		used = 0;

	while (*at != '\0' && !begins_context(at) && used + 4 < size)
	{
		size_t		name = begins_quote(text, at) ? quoted_name(text, at) : 1;

		if (name == 0)
		{
			memcpy(out + used, "...", 3);
			used += 3;
			break;
		}
		for (; name > 0 && used + 4 < size; name--)
			out[used++] = *at++;
	}
	while (used > 0 && out[used - 1] == ' ')
		used--;
	out[used] = '\0';
}

static bool
holds(const char *words, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		if (strstr(words, list[i]) != NULL)
			return true;
	}
	return false;
}

#define HOLDS(words, list) holds(words, list, sizeof(list) / sizeof((list)[0]))

TransactionBlame
transaction_blame(const char *text)
{
	char		words[MAX_WORDS];

	transaction_words(text, words, sizeof(words));
	for (char *c = words; *c != '\0'; c++)
		*c = awsx_text_lower(*c);
	if (HOLDS(words, others))
		return TRANSACTION_BLAME_OTHERS;
	if (HOLDS(words, data))
		return TRANSACTION_BLAME_DATA;
	if (HOLDS(words, setup))
		return TRANSACTION_BLAME_SETUP;
	return TRANSACTION_BLAME_NOBODY;
}
