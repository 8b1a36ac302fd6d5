/*
 * split_scan.h
 *	  Where does a JSON value end?  A look at brackets and quotes only.
 */
#ifndef SPLIT_SCAN_H
#define SPLIT_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPLIT_SCAN_DEPTH 512

typedef struct SplitScan
{
	int			depth;			/* open brackets */
	bool		bare;			/* the value is a word or number outside of brackets */
	bool		in_string;
	bool		escaped;
	bool		one_line;		/* a line's end is wrong */
	bool		broken_line;	/* a line's end was met */
	char		before;			/* kind of the last token: its bracket or mark, 'v' for a scalar */
	const char *wrong;			/* what is wrong, a phrase */
	uint64_t	objects[SPLIT_SCAN_DEPTH / 64]; /* one bit a level: an object, not an array */
} SplitScan;

typedef enum SplitScanStep
{
	SPLIT_SCAN_MORE,			/* all bytes are looked at, the value goes on */
	SPLIT_SCAN_CLOSED,			/* *at is behind the value */
	SPLIT_SCAN_WRONG			/* *at is the byte that cannot be; see wrong */
} SplitScanStep;

extern void split_scan_init(SplitScan *scan, bool one_line);

/* Go on at *at; the value's first byte is not blank. */
extern SplitScanStep split_scan(SplitScan *scan, const char *text, size_t len, size_t *at);

extern bool split_blank(char c);

/* Are these bytes, blanks around allowed, one object by its brackets, in one line? */
extern bool split_scan_is_object(const char *text, size_t len);

#endif							/* SPLIT_SCAN_H */
