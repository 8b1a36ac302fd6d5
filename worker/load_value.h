/*
 * load_value.h
 *	  One JSON value as the text of a column's type, in one spelling.
 *	  Pure, and never through a double.
 *
 * Accepted is what PostgreSQL's input function for the type accepts of the
 * value's text, as far as it means the same whatever the session's settings;
 * see docs/architecture/redshift.md.  Written is what Redshift reads without
 * doubt: 2026-01-31 23:59:58.123456+00, 1234.50, true.
 */
#ifndef LOAD_VALUE_H
#define LOAD_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "../aws/buf.h"
#include "../aws/redshift_table.h"

typedef enum LoadJsonKind
{
	LOAD_JSON_NULL,
	LOAD_JSON_STRING,			/* text: its characters, without quotes and escapes */
	LOAD_JSON_NUMBER,			/* text: the literal */
	LOAD_JSON_BOOLEAN,			/* text: true or false */
	LOAD_JSON_NESTED			/* text: the document as it is spelled */
} LoadJsonKind;

/* Why a value does not fit: a code and a sentence. */
typedef struct LoadProblem
{
	const char *code;			/* InvalidValue, ValueTooLong, OutOfRange, ... */
	char		reason[300];
} LoadProblem;

/*
 * Append the text for the column's type; the kind is not LOAD_JSON_NULL.
 * False and *problem; with problem->code null the buffer has failed.
 */
extern bool load_value(const AwsxRedshiftType *type, LoadJsonKind kind, const char *text, size_t len,
					   AwsxBuf *out, LoadProblem *problem);

#endif							/* LOAD_VALUE_H */
