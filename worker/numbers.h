/*
 * numbers.h
 *	  The number literals of a record, found again by the double that jq made
 *	  of them.
 *
 * jq 1.6 keeps a number as a double, and so loses digits.  The table maps the
 * bits of that double back to the literal in the record, so that a number
 * that passes through a program is written with the very characters it came
 * with.  Rules:
 *
 * - Two literals with one double but different decimal values (compared as
 *   exact decimals) make the record ambiguous: it is refused, not guessed.
 * - Literals of one double and one value that differ in text (1.1, 1.10,
 *   11e-1): a number that leaves under the name it came with is written as the
 *   literal of that name, any other as the one with the most digits; of
 *   several such the first.
 * - A literal's double is the one that the linked jq makes of it; so it works
 *   alike with jq 1.6 and with later ones, which keep literals themselves.
 *
 * The table points into the record, which must outlive it.
 */
#ifndef NUMBERS_H
#define NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../aws/buf.h"

typedef struct NumberEntry
{
	uint64_t	bits;			/* of the double */
	uint64_t	name;			/* hash of the member's name; 0: of any */
	size_t		offset;			/* of the literal in the record's text */
	size_t		len;			/* 0: the slot is free */
} NumberEntry;

typedef enum NumbersProblem
{
	NUMBERS_OK,
	NUMBERS_MEMORY,
	NUMBERS_AMBIGUOUS,			/* other_offset is the earlier literal */
	NUMBERS_EXTREME				/* an exponent beyond +-10^9 */
} NumbersProblem;

typedef struct Numbers
{
	const char *text;			/* not owned */
	NumberEntry *slots;			/* open addressing, a power of two */
	size_t		allocated;
	size_t		count;
	NumbersProblem problem;		/* why numbers_add said no */
	size_t		problem_offset; /* the literal it was about */
	size_t		other_offset;
} Numbers;

extern void numbers_init(Numbers *numbers, const char *text);
extern void numbers_free(Numbers *numbers);

/*
 * Note the literal (valid JSON) at this place of the text.  arg is the
 * Numbers; the form is what json_find_object wants.  False: see problem.
 */
extern bool numbers_add(void *arg, size_t offset, size_t len);

/*
 * Append the number: the record's literal for this double, else the shortest
 * digits that read back as the same double.  name is that of the object
 * member whose value the number is, null where there is none.  False when
 * there is no literal and the number is not finite, or when the buffer failed.
 */
extern bool numbers_put(const Numbers *numbers, double value, const char *name, size_t name_len,
						AwsxBuf *buf);

/*
 * Append the number's value in its one form: without outer zeros, exponents
 * only where they save more than forty zeros ("1" for 1, 1.0 and 10e-1).
 * Unlike numbers_put it depends on nothing else in the record.  Results as
 * there.
 */
extern bool numbers_put_value(const Numbers *numbers, double value, AwsxBuf *buf);

/* Likewise of a literal, which may not be extreme. */
extern void numbers_put_plain(const char *literal, size_t len, AwsxBuf *buf);

/* Are two JSON literals the same decimal value?  Neither may be extreme. */
extern bool numbers_equal(const char *a, size_t a_len, const char *b, size_t b_len);

#endif							/* NUMBERS_H */
