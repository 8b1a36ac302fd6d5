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
 * Raise an error with SQLSTATE and hint unless the relation is a table, a
 * partitioned table or a view that takes INSERT, its rows survive a crash
 * and end with our transaction, and the owner may insert into it.
 */
extern void target_check(Oid relation, Oid owner);

#endif							/* PG_SQS_TARGET_H */
