/*
 * document.h
 *	  A configuration that is a JSON document: opened, and its members taken
 *	  out by name and type.
 *
 * where names the object in errors, such as "S3_TO_SQS_CONFIG: outputs[1]".
 * False (or null) and *error: CONFIG, with the member and what is allowed, or
 * MEMORY.
 */
#ifndef DOCUMENT_H
#define DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "../aws/error.h"
#include "setting.h"

/* The document, which must be an object without a member twice; json_decref it. */
extern json_t *document_open(const char *where, const char *text, size_t len, AwsxError *error);

/* Always false. */
extern bool document_unknown(const char *where, const char *name, AwsxError *error);

/* Refuse every member whose name is not in the list, which ends with null. */
extern bool document_members(json_t *object, const char *where, const char *const *allowed,
							 AwsxError *error);

/* Is the value a string that is not empty and holds no NUL? */
extern bool document_is_text(const json_t *value);

/*
 * A string member; absent or null leaves *text null, unless it is required.
 * The text is the document's.
 */
extern bool document_text(json_t *object, const char *where, const char *name, bool required,
						  const char **text, AwsxError *error);

/* true or false; absent or null leaves *flag as it is. */
extern bool document_flag(json_t *object, const char *where, const char *name, bool *flag, AwsxError *error);

/* The digits of a whole number, in digits; "" for any other value, so that the setter refuses it. */
extern void document_digits(const json_t *value, char digits[32]);

/* false, or an object with "namespace" and "dimensions". */
extern bool document_metrics(SettingMetrics *metrics, const char *where, json_t *value, AwsxError *error);

#endif							/* DOCUMENT_H */
