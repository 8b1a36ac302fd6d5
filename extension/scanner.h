/*
 * scanner.h
 *	  What a scan makes of a subscription, for consumers that change one.
 */
#ifndef PG_SQS_SCANNER_H
#define PG_SQS_SCANNER_H

#include "postgres.h"

#include "subscription.h"

/*
 * Same configuration, same number (and another one, as good as surely).  In a
 * transaction with a superuser's rights.
 */
extern uint32 scanner_config_hash(const Subscription *subscription);

#endif							/* PG_SQS_SCANNER_H */
