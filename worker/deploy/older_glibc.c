/*
 * older_glibc.c
 *	  What the libraries in the zip want of a glibc that is newer than Lambda's.
 *
 * Linked into the zip's program only.  Debian 12's libjq takes the seed of its
 * hash tables from arc4random, which glibc has from 2.36 on and Amazon
 * Linux 2023 (2.34) has not.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

extern uint32_t arc4random(void);

/* A number that nobody can foresee; like glibc's it never fails. */
uint32_t
arc4random(void)
{
	uint32_t	number;
	ssize_t		got;

	do
		got = getrandom(&number, sizeof(number), 0);
	while (got < 0 && errno == EINTR);
	if (got != sizeof(number))
		abort();
	return number;
}
