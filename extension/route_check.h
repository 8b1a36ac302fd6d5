/*
 * route_check.h
 *	  What must hold of a route before it is written.
 */
#ifndef PG_SQS_ROUTE_CHECK_H
#define PG_SQS_ROUTE_CHECK_H

#include "postgres.h"

#include "subscription.h"

/*
 * Raise an error with SQLSTATE and hint unless the route could run now, for
 * that owner.  Its parts fit each other already: a target or a statement, a
 * version only with a key.  Nothing is written; what the check runs, it runs
 * with the owner's rights.
 */
extern void route_check(const SubscriptionRoute *route, Oid owner);

#endif							/* PG_SQS_ROUTE_CHECK_H */
