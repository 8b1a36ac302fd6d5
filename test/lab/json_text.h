/*
 * json_text.h
 *		JSON between text and jansson's values, fast for what clients send often.
 */
#ifndef LAB_JSON_TEXT_H
#define LAB_JSON_TEXT_H

#include <jansson.h>

#include "buf.h"

/*
 * The object or array that the text is, as json_loadb with JSON_ALLOW_NUL makes
 * it: a new reference, NULL where that refuses the text.
 */
json_t	   *json_from_text(const char *text, size_t len);

/* Appends the value as json_dumps with JSON_COMPACT writes it. */
void		json_to_text(Buf *out, const json_t *value);

/* Appends the UTF-8 text as a JSON string. */
void		json_text_string(Buf *out, const char *text, size_t len);

#endif
