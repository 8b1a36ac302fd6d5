/*
 * explain.h
 *	  What would be sent for a file on this machine?  No network, no effect.
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include "config.h"

/*
 * Read a file of any size and shape, packed or not, as the function would.
 * Print one JSON object a message to standard output, and the reason of each
 * rejection.  Returns the exit status: 0 all sent or filtered, 1 some rejected, 2 the
 * file or a program cannot be used (said on standard error).
 */
extern int	explain_file(const Config *config, const char *path);

#endif							/* EXPLAIN_H */
