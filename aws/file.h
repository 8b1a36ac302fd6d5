/*
 * file.h
 *	  A small file, read whole; inside aws/ only.
 */
#ifndef AWSX_FILE_H
#define AWSX_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/*
 * The content of a file of up to max bytes, followed by a NUL that is not
 * counted; free it with awsx_file_free.  Never waits: what is no regular
 * file must have its bytes at hand (/dev/null has).
 *
 * Null and *error (CONFIG, MEMORY).  *missing, where asked for, tells that
 * there is no such file, or that we may not even look whether there is.
 */
extern char *awsx_file_read(const char *path, size_t max, size_t *len, bool *missing,
							AwsxError *error);

/* Wipe and free; null allowed. */
extern void awsx_file_free(char *text, size_t len);

#endif							/* AWSX_FILE_H */
