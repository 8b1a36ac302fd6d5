/*
 * redshift_sql.h
 *		From Redshift's SQL to PostgreSQL's: pure, text in and text out.
 *
 * A statement is read as tokens.  What PostgreSQL does not know is replaced or
 * dropped token by token, what Redshift does not know is an error, and all the
 * rest, string literals above all, stays as it was written.
 */
#ifndef LAB_REDSHIFT_SQL_H
#define LAB_REDSHIFT_SQL_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

typedef enum SqlKind
{
	SQL_WORD,					/* a name without quotes, or a key word */
	SQL_QUOTED,					/* a name in double quotes */
	SQL_TEXT,					/* a string literal of any kind */
	SQL_NUMBER,
	SQL_PARAMETER,				/* :name */
	SQL_SIGN,					/* one character, or "::" */
	SQL_END						/* of the statement: the last token of each */
} SqlKind;

typedef struct SqlToken
{
	SqlKind		kind;
	const char *at;				/* in the statement's text */
	size_t		len;
	char	   *instead;		/* owned; NULL: it stays */
} SqlToken;

typedef struct Sql
{
	char	   *text;			/* owned */
	SqlToken   *tokens;
	size_t		count;			/* without SQL_END */
	char	   *error;			/* owned, "ERROR: ..."; NULL: none */
} Sql;

/* redshift_tokens.c */

/* escapes: does a backslash escape in a plain literal?  Freed with sql_free, also when it has failed. */
void		sql_read(Sql *sql, const char *text, bool escapes);
void		sql_free(Sql *sql);

/* Is the token at that place this word (in any case) or sign?  False behind the end. */
bool		sql_is(const Sql *sql, size_t place, const char *what);

/* Are these the tokens from there on?  Words and signs with blanks between. */
bool		sql_are(const Sql *sql, size_t place, const char *what);

/* Is it a name, with or without quotes? */
bool		sql_is_name(const Sql *sql, size_t place);

/* Behind a name that may have a schema before it; the same place if there is none. */
size_t		sql_skip_name(const Sql *sql, size_t place);

/* The place of the parenthesis that closes the one at this place; count if there is none. */
size_t		sql_closing(const Sql *sql, size_t place);

/* A name as it is looked up: in lower case, without quotes; or what a literal says.  To be freed. */
char	   *sql_plain(const Sql *sql, size_t place);

void		sql_replace(Sql *sql, size_t place, const char *format,...) __attribute__((format(printf, 3, 4)));
void		sql_drop(Sql *sql, size_t from, size_t to);	/* to: not included */

/* Keeps the first error. */
void		sql_fail(Sql *sql, const char *format,...) __attribute__((format(printf, 2, 3)));
void		sql_fail_at(Sql *sql, size_t place);	/* a syntax error there */

/* What has become of the tokens from, up to, and without to. */
void		sql_write(const Sql *sql, size_t from, size_t to, Buf *out);

/* redshift_types.c */

/* Makes PostgreSQL's of the type at that place; returns the place behind it.  Fails on what is none of Redshift's. */
size_t		sql_type(Sql *sql, size_t place);

/* redshift_dialect.c */

/* Everything but COPY; is_batch: statements that cannot be in a transaction fail. */
void		sql_translate(Sql *sql, bool is_batch);

/* redshift_create.c */
void		sql_translate_create(Sql *sql);

#endif
