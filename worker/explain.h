/*
 * explain.h
 *	  What would be sent for a file on this machine?  No network, no effect.
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include "config.h"

/*
 * Print one JSON object a message to standard output, or the reason of a
 * rejection.  Returns the exit status: 0 sent or filtered, 1 rejected, 2 the
 * file or a program cannot be used (said on standard error).
 */
extern int	explain_file(const Config *config, const char *path);

#endif							/* EXPLAIN_H */
