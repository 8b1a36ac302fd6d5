/*
 * subtransaction.h
 *	  Something that may fail, inside a transaction that goes on.
 */
#ifndef PG_SQS_SUBTRANSACTION_H
#define PG_SQS_SUBTRANSACTION_H

#include "postgres.h"

/*
 * Run a function in a subtransaction.  Null when it returned: then all of it
 * stays.  When it raised an error all of it is undone, users, settings and
 * SPI connections too, and the error is returned, in the current memory
 * context; pass it to FreeErrorData or ReThrowError.
 */
extern ErrorData *subtransaction_run(void (*function) (void *arg), void *arg);

/* As above, but all of it is undone when the function returned, too. */
extern ErrorData *subtransaction_try(void (*function) (void *arg), void *arg);

#endif							/* PG_SQS_SUBTRANSACTION_H */
