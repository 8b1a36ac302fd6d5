/*
 * subscription_home.c
 *	  The fence: where a subscription is at home.
 *
 * A row remembers where it is at home.  A restored copy carries the row to
 * another database, to another cluster (where the database may well have the
 * same oid), to another timeline or to a server with another node_id, and
 * must not consume until somebody says so with sqs.enable.  node_id lies
 * outside of the data directory and is therefore believed more than cluster
 * and timeline, which an upgrade and a failover change as well.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "guc.h"
#include "subscription.h"

PG_FUNCTION_INFO_V1(sqs_fence_reason);

void
subscription_home(SubscriptionHome *home)
{
	home->system = (int64) GetSystemIdentifier();
	home->database = MyDatabaseId;
	if (RecoveryInProgress())
		(void) GetXLogReplayRecPtr(&home->timeline);
	else
		home->timeline = GetWALInsertionTimeLine();
	home->node_id = sqs_node_id != NULL ? sqs_node_id : "";
}

char *
subscription_fence(int64 system, Oid database, int64 timeline, const char *node_id)
{
	SubscriptionHome home;

	subscription_home(&home);
	if (database != home.database)
		return psprintf("it was made in another database (oid %u, this one is %u)",
						database, home.database);
	if (strcmp(node_id, home.node_id) != 0)
		return psprintf("it belongs to pg_sqs.node_id \"%s\", this server's is \"%s\"",
						node_id, home.node_id);
	if (home.node_id[0] == '\0' && system != home.system)
		return psprintf("it was made in another cluster (system identifier " INT64_FORMAT ", this one is " INT64_FORMAT ")",
						system, home.system);
	if (home.node_id[0] == '\0' && timeline != (int64) home.timeline)
		return psprintf("it was made on timeline " INT64_FORMAT ", this server is on %u (after a restore or a failover)",
						timeline, home.timeline);
	return NULL;
}

/* SQL: sqs.fence_reason(system, database, timeline, node_id); null = not fenced. */
Datum
sqs_fence_reason(PG_FUNCTION_ARGS)
{
	char	   *reason = subscription_fence(PG_GETARG_INT64(0), PG_GETARG_OID(1), PG_GETARG_INT64(2),
											text_to_cstring(PG_GETARG_TEXT_PP(3)));

	if (reason == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(reason));
}
