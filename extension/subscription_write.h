/*
 * subscription_write.h
 *	  Changes of the configuration tables; no checks are made here.
 */
#ifndef PG_SQS_SUBSCRIPTION_WRITE_H
#define PG_SQS_SUBSCRIPTION_WRITE_H

#include "postgres.h"

#include "subscription.h"

/*
 * Add the row, at home here, without routes; sets id.  False when there is a
 * subscription of that name; waits for one that is being created or dropped.
 */
extern bool subscription_insert(Subscription *subscription);

/* Write all settings, but for the name and the home. */
extern void subscription_update(Subscription *subscription);

/* Make this database, timeline and node the subscription's home. */
extern void subscription_update_home(Subscription *subscription);

/* Add a route, or give the one of that name another target. */
extern void subscription_write_route(const Subscription *subscription, const char *route,
									 Oid target);

/*
 * Hold the row, if it still exists, until the end of the transaction, against
 * other changes; batches go on.
 */
extern void subscription_lock(const Subscription *subscription);

/* ... against batches too: those under way are waited for, others wait. */
extern void subscription_lock_batches(const Subscription *subscription);

/* Delete the row, its routes and its ledger. */
extern void subscription_delete(const Subscription *subscription);

/* Does the ledger remember messages of it? */
extern bool subscription_has_ledger(const Subscription *subscription);

#endif							/* PG_SQS_SUBSCRIPTION_WRITE_H */
