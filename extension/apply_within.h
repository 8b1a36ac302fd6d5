/*
 * apply_within.h
 *	  For the commands that apply what waits in the quarantine.
 */
#ifndef PG_SQS_APPLY_WITHIN_H
#define PG_SQS_APPLY_WITHIN_H

#include "postgres.h"

#include "apply.h"
#include "failure.h"

/*
 * Apply one message in the caller's transaction, also if its group is held.
 * False, and *failure, when it failed and nothing of it stays.  Raises what is
 * no fault of a message (outages, a cancel).  Whatever waits in the quarantine
 * under its key and content is settled.
 */
extern bool apply_one_within(Applier *applier, ApplyMessage *message, Failure *failure);

#endif							/* PG_SQS_APPLY_WITHIN_H */
