/*
 * xml.h
 *		As much XML as S3's requests and answers need, to and from JSON trees.
 *
 * An element with elements inside is an object of arrays, {"Object": [..., ...]};
 * an element without is a string, its text.
 */
#ifndef LAB_XML_H
#define LAB_XML_H

#include <jansson.h>

#include "buf.h"

/* What is inside the root element of that name; NULL for anything else or malformed XML. */
json_t	   *xml_parse(const char *text, size_t len, const char *root);

/* The first child of that name, and its text; NULL if there is none. */
json_t	   *xml_child(const json_t *node, const char *name);
const char *xml_text(const json_t *node, const char *name);

/*
 * Adds <name>value</name>: an object becomes elements in order, an array one
 * element a member (none when empty), anything else text.
 */
void		xml_add(Buf *out, const char *name, const json_t *value);

#endif
