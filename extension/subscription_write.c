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
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "session.h"
#include "sql_version.h"
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

	sql_version_check();
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

/* A text value, null when there is none. */
static void
write_text(const char *text, Datum *value, char *null)
{
	*null = text == NULL ? 'n' : ' ';
	if (text != NULL)
		*value = CStringGetTextDatum(text);
}

static const char *
write_scope(DedupScope scope)
{
	if (scope == DEDUP_SCOPE_UNKNOWN)
		return NULL;
	return scope == DEDUP_SCOPE_GROUP ? "messageGroup" : "queue";
}

#define ROW_PARAMETERS 20

/* Fill parameter i and go to the next. */
#define ROW_TEXT(text) \
	(types[i] = TEXTOID, write_text(text, &values[i], &nulls[i]), i++)
#define ROW_VALUE(type, value) \
	(types[i] = (type), values[i] = (value), nulls[i] = ' ', i++)
#define ROW_INTERVAL(interval) \
	(types[i] = INTERVALOID, values[i] = IntervalPGetDatum(interval), \
	 nulls[i] = (interval) == NULL ? 'n' : ' ', i++)

/* $1 to $16: the settings, beginning with the name; no retention = the usual one. */
static void
write_settings(const Subscription *subscription, Oid *types, Datum *values, char *nulls)
{
	int			i = 0;

	ROW_TEXT(subscription->name);
	ROW_VALUE(OIDOID, ObjectIdGetDatum(subscription->owner));
	ROW_TEXT(subscription->server);
	ROW_TEXT(subscription->queue_url);
	ROW_VALUE(BOOLOID, BoolGetDatum(subscription->enabled));
	ROW_VALUE(INT4OID, Int32GetDatum(subscription->visibility_timeout));
	ROW_VALUE(INT4OID, Int32GetDatum(subscription->max_batch));
	ROW_VALUE(INT4OID, Int32GetDatum(subscription->max_polls));
	ROW_TEXT(write_scope(subscription->dedup_scope));
	ROW_VALUE(INT4OID, Int32GetDatum(subscription->consumers));
	ROW_TEXT(subscription_policies[subscription->policy]);
	ROW_TEXT(subscription->dedup_key);
	ROW_INTERVAL(subscription->dedup_retention);
	ROW_INTERVAL(subscription->quarantine_retention);
	ROW_VALUE(BOOLOID, BoolGetDatum(subscription->unwrap_sns));
	ROW_TEXT(subscription->receipts);
}

/* $17 to $20: where we are. */
static void
write_home(Oid *types, Datum *values, char *nulls)
{
	int			i = ROW_PARAMETERS - 4;
	SubscriptionHome home;

	subscription_home(&home);
	ROW_VALUE(OIDOID, ObjectIdGetDatum(home.database));
	ROW_VALUE(INT8OID, Int64GetDatum((int64) home.timeline));
	ROW_TEXT(home.node_id);
	ROW_VALUE(INT8OID, Int64GetDatum(home.system));
	Assert(i == ROW_PARAMETERS);
}

/* As write_statement, with the row's parameters; the statement returns the id. */
static uint64
write_row(const char *sql, Subscription *subscription)
{
	Oid			types[ROW_PARAMETERS];
	Datum		values[ROW_PARAMETERS];
	char		nulls[ROW_PARAMETERS];

	write_settings(subscription, types, values, nulls);
	write_home(types, values, nulls);
	return write_statement(sql, ROW_PARAMETERS, types, values, nulls, &subscription->id);
}

bool
subscription_insert(Subscription *subscription)
{
	return write_row("INSERT INTO sqs.subscription (name, owner, server, queue_url, enabled, "
					 "visibility_timeout, max_batch, max_polls, dedup_scope, consumers, policy, "
					 "dedup_key, dedup_retention, quarantine_retention, unwrap_sns, receipts, "
					 "database, timeline, node_id, system) "
					 "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
					 "coalesce($13, '30 days'), coalesce($14, '90 days'), $15, $16, "
					 "$17, $18, $19, $20) "
					 "ON CONFLICT (name) DO NOTHING RETURNING id", subscription) > 0;
}

void
subscription_update(Subscription *subscription)
{
	write_row("UPDATE sqs.subscription SET owner = $2, server = $3, queue_url = $4, "
			  "enabled = $5, visibility_timeout = $6, max_batch = $7, max_polls = $8, "
			  "dedup_scope = $9, consumers = $10, policy = $11, dedup_key = $12, "
			  "dedup_retention = coalesce($13, dedup_retention), "
			  "quarantine_retention = coalesce($14, quarantine_retention), unwrap_sns = $15, receipts = $16 "
			  "WHERE name OPERATOR(pg_catalog.=) $1 RETURNING id", subscription);
}

void
subscription_update_home(Subscription *subscription)
{
	write_row("UPDATE sqs.subscription SET database = $17, timeline = $18, node_id = $19, system = $20 "
			  "WHERE name OPERATOR(pg_catalog.=) $1 RETURNING id", subscription);
}

/* The columns' names as an array, or null. */
static void
write_names(List *names, Datum *value, char *null)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(list_length(names), 1));
	int			count = 0;
	ListCell   *cell;

	foreach(cell, names)
		elements[count++] = CStringGetTextDatum(lfirst(cell));
	*null = names == NIL ? 'n' : ' ';
	*value = PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

bool
subscription_insert_route(const Subscription *subscription, const SubscriptionRoute *route)
{
	Oid			types[] = {INT4OID, TEXTOID, OIDOID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTOID,
		TEXTOID, TEXTOID
	};
	Datum		values[lengthof(types)] = {Int32GetDatum(subscription->id),
		CStringGetTextDatum(route->name), ObjectIdGetDatum(route->target)
	};
	char		nulls[lengthof(types)] = {' ', ' ', OidIsValid(route->target) ? ' ' : 'n'};

	write_text(route->statement, &values[3], &nulls[3]);
	write_text(route->search_path, &values[4], &nulls[4]);
	write_names(route->key, &values[5], &nulls[5]);
	write_text(route->version, &values[6], &nulls[6]);
	write_text(route->rescue_column, &values[7], &nulls[7]);
	write_text(route->on_error_route ? "route" : "message", &values[8], &nulls[8]);
	return write_statement("INSERT INTO sqs.route (subscription, name, target, statement, "
						   "search_path, key, version, rescue_column, on_error) "
						   "VALUES ($1, $2, $3, $4, $5, $6::pg_catalog.name[], $7, $8, $9) "
						   "ON CONFLICT (subscription, name) DO NOTHING",
						   lengthof(types), types, values, nulls, NULL) > 0;
}

void
subscription_set_target(const Subscription *subscription, const char *route, Oid target)
{
	Oid			types[] = {INT4OID, TEXTOID, OIDOID};
	Datum		values[] = {Int32GetDatum(subscription->id), CStringGetTextDatum(route),
		ObjectIdGetDatum(target)
	};

	write_statement("INSERT INTO sqs.route (subscription, name, target) VALUES ($1, $2, $3) "
					"ON CONFLICT (subscription, name) DO UPDATE SET target = EXCLUDED.target, "
					"statement = NULL, search_path = NULL",
					lengthof(types), types, values, NULL, NULL);
}

bool
subscription_delete_route(const Subscription *subscription, const char *name)
{
	Oid			types[] = {INT4OID, TEXTOID};
	Datum		values[] = {Int32GetDatum(subscription->id), CStringGetTextDatum(name)};

	return write_statement("DELETE FROM sqs.route WHERE subscription OPERATOR(pg_catalog.=) $1 "
						   "AND name OPERATOR(pg_catalog.=) $2",
						   lengthof(types), types, values, NULL, NULL) > 0;
}

void
subscription_start_routes(const Subscription *subscription)
{
	write_id("UPDATE sqs.route SET stopped_since = NULL, stopped_sqlstate = NULL, "
			 "stopped_reason = NULL WHERE subscription OPERATOR(pg_catalog.=) $1 "
			 "AND stopped_since IS NOT NULL", subscription);
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
	/* attempts go with the row; what a dump carries has no foreign key, nor have the big tables */
	write_id("DELETE FROM sqs.subscription WHERE id OPERATOR(pg_catalog.=) $1", subscription);
	write_id("DELETE FROM sqs.route WHERE subscription OPERATOR(pg_catalog.=) $1", subscription);
	write_id("DELETE FROM sqs.held_group WHERE subscription OPERATOR(pg_catalog.=) $1",
			 subscription);
	write_id("DELETE FROM sqs.ledger WHERE subscription OPERATOR(pg_catalog.=) $1", subscription);
	write_id("DELETE FROM sqs.quarantined WHERE subscription OPERATOR(pg_catalog.=) $1",
			 subscription);
}

bool
subscription_has_ledger(const Subscription *subscription)
{
	return write_id("SELECT 1 FROM sqs.ledger WHERE subscription OPERATOR(pg_catalog.=) $1 LIMIT 1",
					subscription) > 0;
}

bool
subscription_has_quarantine(const Subscription *subscription)
{
	return write_id("SELECT 1 FROM sqs.quarantined WHERE subscription OPERATOR(pg_catalog.=) $1 "
					"AND state OPERATOR(pg_catalog.=) 'waiting' LIMIT 1", subscription) > 0;
}
