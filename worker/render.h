/*
 * render.h
 *	  A jq value as JSON text, with the record's own number literals.
 */
#ifndef RENDER_H
#define RENDER_H

#include <jv.h>

#include "numbers.h"

/* A program can build deeper values than a record may have; readers may not. */
#define RENDER_MAX_DEPTH 256

typedef enum RenderResult
{
	RENDER_OK,
	RENDER_MEMORY,
	RENDER_NOT_FINITE,			/* a NaN or an infinity that no literal stands for */
	RENDER_TOO_DEEP
} RenderResult;

/*
 * Append the value: no white space, members in jq's order, strings as UTF-8
 * with the fewest escapes.  The value is borrowed.
 */
extern RenderResult render_json(jv value, const Numbers *numbers, AwsxBuf *buf);

#endif							/* RENDER_H */
