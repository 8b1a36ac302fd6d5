/*
 * load_explain.h
 *	  What would become of messages?  Rows, rejects and the SQL, printed on
 *	  this machine without any network.
 */
#ifndef LOAD_EXPLAIN_H
#define LOAD_EXPLAIN_H

#include "load_config.h"

/*
 * Print what the bodies in the file, one a line, would become, in batches as
 * Lambda gives them.  Returns the exit status: 0, 2 when the file cannot be
 * read, 3 when a message would be rejected.
 */
extern int	load_explain_file(const LoadConfig *config, const char *path);

#endif							/* LOAD_EXPLAIN_H */
