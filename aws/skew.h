/*
 * skew.h
 *	  How far an endpoint's clock is from ours; inside aws/ only.
 *
 * Used for signing and nothing else: leases and deadlines keep our clocks.
 */
#ifndef AWSX_SKEW_H
#define AWSX_SKEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AWSX_SKEW_ENDPOINTS 8

typedef struct AwsxSkew
{
	struct
	{
		char		endpoint[512];
		int64_t		ms;			/* theirs minus ours */
	}			items[AWSX_SKEW_ENDPOINTS];
	int			count;
	int			oldest;			/* replaced next when all are taken */
} AwsxSkew;

/* What to add to our clock when signing for the endpoint. */
extern int64_t awsx_skew_get(const AwsxSkew *skew, const char *endpoint);

/*
 * Learn from a refusal: the Date of the answer (may be null), our time when
 * it came, and the correction that the refused signature was made with.
 * True when that was wrong by five minutes or more, so that signing again
 * makes sense; a smaller difference is not what the signature was refused
 * for.
 */
extern bool awsx_skew_learn(AwsxSkew *skew, const char *endpoint, const char *date,
							int64_t now_ms, int64_t used_ms);

/* Are two corrections so far apart that a signature notices? */
extern bool awsx_skew_differs(int64_t one_ms, int64_t other_ms);

/* "has a clock 1200 s ahead of ours ...": what follows the endpoint in a log. */
extern void awsx_skew_describe(int64_t ms, char *out, size_t size);

#endif							/* AWSX_SKEW_H */
