/*
 * xml.h
 *	  A small reader of XML: what the answers of S3 and STS are made of, and
 *	  no more.
 *
 * It pulls: each call gives the start or the end of the next element, and at
 * an end also the text since the last tag, with entities decoded.  Known are
 * elements, text, CDATA, comments and processing instructions; attributes
 * are passed over; a document type is refused, so nothing can expand.
 */
#ifndef AWSX_XML_H
#define AWSX_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

#define AWSX_XML_DEPTH 16		/* elements inside each other */

typedef enum AwsxXmlEvent
{
	AWSX_XML_START,
	AWSX_XML_END,				/* text holds the element's, if it is a leaf */
	AWSX_XML_DONE,				/* the document was whole */
	AWSX_XML_BAD				/* it was not; problem says why; stays so */
} AwsxXmlEvent;

typedef struct AwsxXmlName
{
	const char *bytes;			/* in the document */
	size_t		len;
} AwsxXmlName;

typedef struct AwsxXml
{
	const char *at;
	const char *end;
	AwsxXmlName open[AWSX_XML_DEPTH];
	int			depth;			/* open elements; at an end, without the ended one */
	AwsxXmlName name;			/* of the element that started or ended */
	AwsxBuf		text;
	bool		empty_element;	/* its end is due */
	bool		root_seen;
	const char *problem;		/* null until AWSX_XML_BAD */
} AwsxXml;

/* Read len bytes, which must stay until awsx_xml_free. */
extern void awsx_xml_init(AwsxXml *xml, const char *bytes, size_t len);
extern void awsx_xml_free(AwsxXml *xml);
extern AwsxXmlEvent awsx_xml_next(AwsxXml *xml);

/* Is it the name of the element that just started or ended? */
extern bool awsx_xml_is(const AwsxXml *xml, const char *name);

/* The text as a C string, never null. */
extern const char *awsx_xml_text(const AwsxXml *xml);

#endif							/* AWSX_XML_H */
