/*
 * identities.h
 *	  Fuzz targets of identities.c.
 */
#ifndef FUZZ_IDENTITIES_H
#define FUZZ_IDENTITIES_H

#include <stddef.h>

extern void fuzz_ini(const char *bytes, size_t len);
extern void fuzz_sts(const char *bytes, size_t len);

#endif							/* FUZZ_IDENTITIES_H */
