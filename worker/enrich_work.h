/*
 * enrich_work.h
 *	  What the two files of the enricher share: one record under way.
 */
#ifndef ENRICH_WORK_H
#define ENRICH_WORK_H

#include <jv.h>

#include "direct.h"
#include "enrich.h"
#include "numbers.h"
#include "program.h"

/* Every step goes on, rejects the record (code and reason are set), or lacks memory. */
typedef enum Verdict
{
	GO_ON,
	REJECT,
	NO_MEMORY,
	LONG_WAY					/* the record cannot be sent as it stands */
} Verdict;

typedef struct Output
{
	char	   *name;
	Program    *program;
	Program    *group;
	Program    *dedup;			/* null: from the record's bytes */
} Output;

typedef struct Work
{
	const EnrichSource *source;
	const char *record;			/* the object's own bytes */
	size_t		record_len;
	Numbers		numbers;
	jv			value;
	EnrichResult *result;
} Work;

/* What an output's program made of the record: jq's value, or a part of it as it stands. */
typedef struct Document
{
	jv			value;
	const Direct *direct;		/* null: the value counts */
	const DirectNode *node;
} Document;

/* Set code and reason; returns REJECT. */
extern Verdict enrich_reject(EnrichResult *result, const char *code, const char *format,...)
			__attribute__((format(printf, 3, 4)));

/*
 * The n-th result (from 1) of the output's program becomes the result's next
 * message.  The document is borrowed.
 */
extern Verdict enrich_make_message(Work *work, const Output *output, int index, int n,
								   const Document *document);

#endif							/* ENRICH_WORK_H */
