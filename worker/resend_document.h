/*
 * resend_document.h
 *	  A reject, read back.
 */
#ifndef RESEND_DOCUMENT_H
#define RESEND_DOCUMENT_H

#include <jansson.h>

#include "enrich.h"

typedef struct ResendDocument
{
	json_t	   *root;			/* what the rest points into */
	EnrichSource source;		/* of the original */
	char	   *key;			/* when it had to be decoded */
	char	   *body;			/* likewise; the record's bytes */
	const char *record;			/* the record's bytes; null: the reject has none */
	size_t		record_len;
} ResendDocument;

/*
 * Read the document of a reject, as it was written or with a repaired body.
 * False: it is none, *error says why (CONFIG), or memory ended.
 */
extern bool resend_document_read(ResendDocument *document, const char *text, size_t len,
								 AwsxError *error);
extern void resend_document_free(ResendDocument *document);

/* Is the output one of those that have the record already? */
extern bool resend_document_has(const ResendDocument *document, const char *output);

#endif							/* RESEND_DOCUMENT_H */
