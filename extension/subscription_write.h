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

/*
 * Add a route with all that it says, running; false when there is one of that
 * name.
 */
extern bool subscription_insert_route(const Subscription *subscription,
									  const SubscriptionRoute *route);

/* Add a route with a target only, or give the one of that name this target. */
extern void subscription_set_target(const Subscription *subscription, const char *route,
									Oid target);

/* False when there is no route of that name. */
extern bool subscription_delete_route(const Subscription *subscription, const char *name);

/* Let the routes run that a broken definition stopped. */
extern void subscription_start_routes(const Subscription *subscription);

/*
 * Hold the row, if it still exists, until the end of the transaction, against
 * other changes; batches go on.
 */
extern void subscription_lock(const Subscription *subscription);

/* ... against batches too: those under way are waited for, others wait. */
extern void subscription_lock_batches(const Subscription *subscription);

/* Delete the row, its routes, its ledger, its quarantine and what belongs to them. */
extern void subscription_delete(const Subscription *subscription);

/* Does the ledger remember messages of it? */
extern bool subscription_has_ledger(const Subscription *subscription);

/* Do messages of it wait in the quarantine? */
extern bool subscription_has_quarantine(const Subscription *subscription);

#endif							/* PG_SQS_SUBSCRIPTION_WRITE_H */
