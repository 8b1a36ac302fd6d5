/*
 * subscription.h
 *	  The configuration tables sqs.subscription and sqs.route, read into
 *	  memory.
 */
#ifndef PG_SQS_SUBSCRIPTION_H
#define PG_SQS_SUBSCRIPTION_H

#include "postgres.h"

#include "access/xlogdefs.h"
#include "datatype/timestamp.h"
#include "fmgr.h"
#include "nodes/pg_list.h"

/*
 * The roles that CREATE EXTENSION makes.  (PostgreSQL reserves names that
 * begin with "pg_".)
 */
#define SQS_ADMIN_ROLE "sqs_admin"
#define SQS_MONITOR_ROLE "sqs_monitor"

typedef enum DedupScope
{
	DEDUP_SCOPE_UNKNOWN,		/* not yet asked of the queue */
	DEDUP_SCOPE_QUEUE,
	DEDUP_SCOPE_GROUP
} DedupScope;

/* What becomes of a message that PostgreSQL refuses. */
typedef enum SubscriptionPolicy
{
	POLICY_QUARANTINE,			/* only that message */
	POLICY_QUARANTINE_GROUP,	/* it and, in order, what follows in its group until sqs.release */
	POLICY_BLOCK				/* hold the group, leave it in the queue */
} SubscriptionPolicy;

/* Their names in SQL. */
extern const char *const subscription_policies[POLICY_BLOCK + 1];

typedef struct SubscriptionRoute
{
	char	   *name;
	Oid			target;			/* relation, may have been dropped since; invalid = a statement */
	char	   *statement;		/* null = a target */
	char	   *search_path;	/* of the statement; null = none */
	List	   *key;			/* of char *: columns; NIL = plain inserts */
	char	   *version;		/* column, or null */
	char	   *rescue_column;	/* or null */
	bool		on_error_route; /* what it refuses does not keep the others from committing */
	bool		stopped;		/* its messages go to the quarantine untried */
} SubscriptionRoute;

typedef struct Subscription
{
	int32		id;
	char	   *name;
	Oid			owner;			/* role; may have been dropped since */
	char	   *server;			/* foreign server's name */
	char	   *queue_url;
	bool		enabled;
	bool		fenced;			/* belongs to another cluster, database or timeline */
	char	   *fence_reason;	/* why, for a person; null when not fenced */
	bool		fifo;
	DedupScope	dedup_scope;
	int			visibility_timeout; /* seconds, 1..43200 */
	int			max_batch;		/* messages in one transaction, 1..10000 */
	int			max_polls;		/* ReceiveMessage calls open at once and consumer, 1..32 */
	int			consumers;		/* processes, 1..16 */
	SubscriptionPolicy policy;
	char	   *dedup_key;		/* attribute's name or "$.path"; null = MessageDeduplicationId */
	Interval   *dedup_retention;	/* positive */
	Interval   *quarantine_retention;	/* positive */
	bool		unwrap_sns;
	char	   *receipts;		/* s3://bucket/prefix, or null */
	List	   *routes;			/* of SubscriptionRoute, by name */
} Subscription;

/*
 * Read one subscription into the current memory context; null when it does
 * not exist (or the extension does not).  Needs a transaction and a
 * superuser's rights (a worker before it acts as the owner).
 */
extern Subscription *subscription_load(int32 id);

/* As above, by name; raises ERRCODE_UNDEFINED_OBJECT when missing. */
extern Subscription *subscription_by_name(const char *name);

/* As above, named by a text argument of an SQL function; raises 22004 for null. */
extern Subscription *subscription_argument(FunctionCallInfo fcinfo, int argument);

/* Where this process is: what a subscription's row must match to run here. */
typedef struct SubscriptionHome
{
	int64		system;			/* identifier of the cluster, as pg_control_system() has it */
	Oid			database;
	TimeLineID	timeline;
	const char *node_id;		/* "" = not set */
} SubscriptionHome;

extern void subscription_home(SubscriptionHome *home);

/* Why a row of that home must not run here, for a person; palloc'd, null = it may. */
extern char *subscription_fence(int64 system, Oid database, int64 timeline, const char *node_id);

/* What a scan needs of each row of the current database. */
typedef struct SubscriptionSummary
{
	int32		id;
	char	   *name;
	bool		enabled;
} SubscriptionSummary;

/* All of them, in the current memory context; NIL when pg_sqs is not installed here. */
extern List *subscription_list(void);

/*
 * Remember what the queue said its DeduplicationScope is.  In a transaction
 * with a superuser's rights; no effect when already known.
 */
extern void subscription_set_scope(int32 id, DedupScope scope);

/*
 * Raise ERRCODE_INSUFFICIENT_PRIVILEGE unless the current user may operate
 * the subscription: its owner (or a member of that role), or a member of
 * SQS_ADMIN_ROLE.  Never inside session_enter_bookkeeping: there the current
 * user is the extension's owner.
 */
extern void subscription_check_operator(const Subscription *subscription);

/* As above, but a member of SQS_MONITOR_ROLE may look as well. */
extern void subscription_check_viewer(const Subscription *subscription);

/* Does the role have the privileges of a role given by name (which may not exist)? */
extern bool subscription_role_is(Oid role, const char *name);

#endif							/* PG_SQS_SUBSCRIPTION_H */
