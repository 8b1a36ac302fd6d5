/*
 * emit.h
 *		JSON written straight into a buffer, for what is written often.
 */
#ifndef LAB_EMIT_H
#define LAB_EMIT_H

#include <stdarg.h>
#include <stddef.h>

#include "buf.h"

/* A string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void		emit_string(Buf *out, const char *text, size_t len);

/* "name":"value", after a comma unless it is the first of its object. */
void		emit_text(Buf *out, const char *name, const char *value);
void		emit_integer(Buf *out, const char *name, long long value);

/* "name": and the comma before it: a value must follow. */
void		emit_name(Buf *out, const char *name);

/*
 * Several members, one letter each, every one taking a name and a value:
 * s text (left out when NULL), i int, I long long, b bool, f double.
 */
void		emit_members(Buf *out, const char *format, va_list args);

#endif
