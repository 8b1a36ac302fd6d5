/*
 * target.h
 *	  Which relations a subscription may write to.
 */
#ifndef PG_SQS_TARGET_H
#define PG_SQS_TARGET_H

#include "postgres.h"

/* The role that owns the relation; raises 42P01 when there is none. */
extern Oid	target_owner(Oid relation);

/*
 * The part of target_check that may change under a running consumer: raise
 * an error unless the relation is of a right kind and its rows survive a
 * crash and end with our transaction.  The relation is locked.  *state, at
 * first 0, remembers when its partitions were looked at last.
 */
extern void target_check_storage(Oid relation, uint64 *state);

/* Changes when a relation may have changed, whichever it is; never 0. */
extern uint64 target_changes(void);

/*
 * Raise an error with SQLSTATE and hint unless the relation is a table, a
 * partitioned table or a view that takes INSERT, its rows survive a crash
 * and end with our transaction, and the owner may insert into it.
 */
extern void target_check(Oid relation, Oid owner);

#endif							/* PG_SQS_TARGET_H */
