/*
 * subscription_write.c
 *	  The configuration tables, written.
 *
 * Each function is one or two statements as the extension's owner.  Whoever
 * calls has checked that the current user may do it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "session.h"
#include "subscription_write.h"

/*
 * Run one statement as the extension's owner.  Returns the number of rows;
 * *id becomes the integer that the first one returns (id may be null).
 */
static uint64
write_statement(const char *sql, int count, Oid *types, Datum *values, const char *nulls, int32 *id)
{
	SessionBracket bracket;
	uint64		rows;
	bool		isnull;

	session_enter_bookkeeping(&bracket);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(sql, count, types, values, nulls, false, 0) < 0)
		elog(ERROR, "could not run \"%s\"", sql);
	rows = SPI_processed;
	if (id != NULL && rows > 0)
		*id = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
										  1, &isnull));
	SPI_finish();
	session_leave_bookkeeping(&bracket);
	return rows;
}

/* As above; $1 is the subscription's id. */
static uint64
write_id(const char *sql, const Subscription *subscription)
{
	Oid			type = INT4OID;
	Datum		value = Int32GetDatum(subscription->id);

	return write_statement(sql, 1, &type, &value, NULL, NULL);
}

/*
 * As above; $1 to $9 are the subscription's settings, beginning with its
 * name, $10 to $13 say where we are.  The statement returns the id.
 */
static uint64
write_row(const char *sql, Subscription *subscription)
{
	bool		group = subscription->dedup_scope == DEDUP_SCOPE_GROUP;
	bool		unknown = subscription->dedup_scope == DEDUP_SCOPE_UNKNOWN;
	Oid			types[] = {TEXTOID, OIDOID, TEXTOID, TEXTOID, BOOLOID, INT4OID, INT4OID, INT4OID,
		TEXTOID, OIDOID, INT8OID, TEXTOID, INT8OID
	};
	Datum		values[lengthof(types)];
	SubscriptionHome home;

	subscription_home(&home);
	values[0] = CStringGetTextDatum(subscription->name);
	values[1] = ObjectIdGetDatum(subscription->owner);
	values[2] = CStringGetTextDatum(subscription->server);
	values[3] = CStringGetTextDatum(subscription->queue_url);
	values[4] = BoolGetDatum(subscription->enabled);
	values[5] = Int32GetDatum(subscription->visibility_timeout);
	values[6] = Int32GetDatum(subscription->max_batch);
	values[7] = Int32GetDatum(subscription->max_polls);
	values[8] = CStringGetTextDatum(group ? "messageGroup" : "queue");
	values[9] = ObjectIdGetDatum(home.database);
	values[10] = Int64GetDatum((int64) home.timeline);
	values[11] = CStringGetTextDatum(home.node_id);
	values[12] = Int64GetDatum(home.system);
	return write_statement(sql, lengthof(types), types, values,
						 unknown ? "        n    " : NULL, &subscription->id);
}

bool
subscription_insert(Subscription *subscription)
{
	return write_row("INSERT INTO sqs.subscription (name, owner, server, queue_url, enabled, "
					 "visibility_timeout, max_batch, max_polls, dedup_scope, "
					 "database, timeline, node_id, system) "
					 "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) "
					 "ON CONFLICT (name) DO NOTHING RETURNING id", subscription) > 0;
}

void
subscription_update(Subscription *subscription)
{
	write_row("UPDATE sqs.subscription SET owner = $2, server = $3, queue_url = $4, "
			  "enabled = $5, visibility_timeout = $6, max_batch = $7, max_polls = $8, "
			  "dedup_scope = $9 WHERE name OPERATOR(pg_catalog.=) $1 RETURNING id", subscription);
}

void
subscription_update_home(Subscription *subscription)
{
	write_row("UPDATE sqs.subscription SET database = $10, timeline = $11, node_id = $12, system = $13 "
			  "WHERE name OPERATOR(pg_catalog.=) $1 RETURNING id", subscription);
}

void
subscription_write_route(const Subscription *subscription, const char *route, Oid target)
{
	Oid			types[] = {INT4OID, TEXTOID, OIDOID};
	Datum		values[] = {Int32GetDatum(subscription->id), CStringGetTextDatum(route),
		ObjectIdGetDatum(target)
	};

	write_statement("INSERT INTO sqs.route (subscription, name, target) VALUES ($1, $2, $3) "
					"ON CONFLICT (subscription, name) DO UPDATE SET target = EXCLUDED.target",
					lengthof(types), types, values, NULL, NULL);
}

void
subscription_lock(const Subscription *subscription)
{
	write_id("SELECT id FROM sqs.subscription WHERE id OPERATOR(pg_catalog.=) $1 "
			 "FOR NO KEY UPDATE", subscription);
}

void
subscription_lock_batches(const Subscription *subscription)
{
	write_id("SELECT id FROM sqs.subscription WHERE id OPERATOR(pg_catalog.=) $1 FOR UPDATE",
			 subscription);
}

void
subscription_delete(const Subscription *subscription)
{
	/* its routes go with the row; the ledger has no foreign key, for speed */
	write_id("DELETE FROM sqs.subscription WHERE id OPERATOR(pg_catalog.=) $1", subscription);
	write_id("DELETE FROM sqs.ledger WHERE subscription OPERATOR(pg_catalog.=) $1", subscription);
}

bool
subscription_has_ledger(const Subscription *subscription)
{
	return write_id("SELECT 1 FROM sqs.ledger WHERE subscription OPERATOR(pg_catalog.=) $1 LIMIT 1",
					subscription) > 0;
}
