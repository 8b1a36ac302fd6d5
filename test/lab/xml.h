/*
 * xml.h
 *		As much XML as S3's requests and answers need.
 */
#ifndef LAB_XML_H
#define LAB_XML_H

#include "buf.h"

typedef struct XmlNode
{
	char	   *name;			/* without namespace prefix */
	Buf			text;			/* of this element alone, entities resolved; data is never NULL */
	struct XmlNode *parent;
	struct XmlNode *child;
	struct XmlNode *next;
	struct XmlNode *last_child;
} XmlNode;

/* The root element, or NULL when the document is malformed. */
XmlNode    *xml_parse(const char *text, size_t len);
void		xml_free(XmlNode *node);

/* The first child of that name, NULL if none or node is NULL. */
const XmlNode *xml_child(const XmlNode *node, const char *name);

/* The following sibling of the same name. */
const XmlNode *xml_again(const XmlNode *node);

/* The text of the first child of that name, NULL if there is no such child. */
const char *xml_text(const XmlNode *node, const char *name);

/* Adds text with markup and control characters escaped. */
void		xml_escape(Buf *out, const char *text);

/* Adds <name>text</name>; nothing when text is NULL. */
void		xml_add(Buf *out, const char *name, const char *text);

#endif
