/*
 * load_value_work.h
 *	  The families of types behind load_value: numbers, times, texts.
 *
 * Each takes a text and appends the one spelling of its value, or refuses.
 */
#ifndef LOAD_VALUE_WORK_H
#define LOAD_VALUE_WORK_H

#include "load_value.h"

/* A slice of a message; not NUL-terminated. */
typedef struct LoadText
{
	const char *start;
	size_t		len;
} LoadText;

/* Always false.  The value is shown in front of the words, cut where it is long. */
extern bool load_refuse(LoadProblem *problem, const char *code, LoadText value, const char *format,...)
			__attribute__((format(printf, 4, 5)));

/* What is left without white space before and behind it, as PostgreSQL's isspace knows it. */
extern LoadText load_trimmed(LoadText text);

extern bool load_integer(const AwsxRedshiftType *type, LoadText text, AwsxBuf *out, LoadProblem *problem);
extern bool load_decimal(const AwsxRedshiftType *type, LoadText text, AwsxBuf *out, LoadProblem *problem);
extern bool load_float(const AwsxRedshiftType *type, LoadText text, AwsxBuf *out, LoadProblem *problem);

/* Has DECIMAL(38, some scale) this number without rounding?  It is JSON. */
extern bool load_number_is_exact(LoadText literal);

/* DATE, TIMESTAMP and TIMESTAMPTZ. */
extern bool load_time(const AwsxRedshiftType *type, LoadJsonKind kind, LoadText text, AwsxBuf *out,
					  LoadProblem *problem);

#endif							/* LOAD_VALUE_WORK_H */
