/*
 * metadata.h
 *		Temporary credentials, and what a control call says of them.
 */
#ifndef LAB_METADATA_H
#define LAB_METADATA_H

#include <jansson.h>

#include "auth.h"

/* Members lifetime_seconds, role, container_token; NULL, or why they are refused. */
const char *metadata_configure(const json_t *settings);

/* A new reference. */
json_t	   *metadata_describe(void);

/* A key for so many seconds, unless the control call said for how many. */
const IssuedKey *metadata_issue(int64_t seconds);

#endif
