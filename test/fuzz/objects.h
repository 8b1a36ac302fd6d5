/*
 * objects.h
 *	  Fuzzing of what S3 says of an object.
 */
#ifndef OBJECTS_H
#define OBJECTS_H

#include <stddef.h>

/* Lines of headers, an empty line, the body. */
extern void fuzz_object(const char *bytes, size_t len);

#endif							/* OBJECTS_H */
