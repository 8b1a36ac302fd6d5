/*
 * lifecycle.c
 *	  Commands that a connected consumer would stand in the way of.
 *
 * DROP, RENAME and SET TABLESPACE of a database and its use as a template
 * fail while anyone else is connected to it; dropping the extension waits
 * for the locks of a batch.  So before such a command the database is
 * paused: its consumers and scanner are told to stop, and waited for.  The
 * pause ends with the transaction, or with the subtransaction if that is
 * rolled back; then the database is scanned and what is left of it runs
 * again.
 *
 * A command that its user may not run is not worth a pause, else anyone
 * could stop the consumers; it is left to fail by itself.  The same checks
 * are made again by the command, so nothing depends on ours being complete.
 *
 * Other commands only change what should run: they note a scan for the time
 * of their commit.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/latch.h"
#include "tcop/utility.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "launcher.h"
#include "lifecycle.h"
#include "shmem.h"

#define STOP_WAIT_MS 5000
#define STOP_POLL_MS 5
#define MAX_PAUSES 32			/* of one transaction */

/* What the current transaction will undo or note at its end. */
typedef struct Pause
{
	Oid			database;
	SubTransactionId subxact;	/* rolled back with it */
} Pause;

static Pause pauses[MAX_PAUSES];
static int	pause_count = 0;
static bool scan_all_pending = false;
static Oid	scan_pending = InvalidOid;

static ProcessUtility_hook_type prev_process_utility = NULL;

/* ---- the end of a transaction ---- */

static void
end_pauses(void)
{
	while (pause_count > 0)
		shmem_unpause(pauses[--pause_count].database);
}

static void
transaction_ends(XactEvent event, void *arg)
{
	(void) arg;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			if (scan_all_pending)
				shmem_note_scan(InvalidOid);
			else if (OidIsValid(scan_pending))
				shmem_note_scan(scan_pending);
			break;
		case XACT_EVENT_ABORT:
			break;
		default:
			return;
	}
	end_pauses();
	scan_all_pending = false;
	scan_pending = InvalidOid;
}

static void
subtransaction_ends(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	int			kept = 0;

	(void) arg;
	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	for (int i = 0; i < pause_count; i++)
	{
		if (pauses[i].subxact == mine)
		{
			if (event == SUBXACT_EVENT_ABORT_SUB)
			{
				shmem_unpause(pauses[i].database);
				continue;
			}
			pauses[i].subxact = parent;
		}
		pauses[kept++] = pauses[i];
	}
	pause_count = kept;
}

static void
register_callbacks(void)
{
	static bool registered = false;

	if (registered)
		return;
	RegisterXactCallback(transaction_ends, NULL);
	RegisterSubXactCallback(subtransaction_ends, NULL);
	registered = true;
}

/* ---- pausing ---- */

/* At most STOP_WAIT_MS: who does not stop is the command's business then. */
static void
wait_until_idle(Oid database)
{
	static uint32 wait_event = 0;
	TimestampTz start = GetCurrentTimestamp();

	while (shmem_database_busy(database))
	{
		if (TimestampDifferenceExceeds(start, GetCurrentTimestamp(), STOP_WAIT_MS))
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, STOP_POLL_MS,
						 compat_wait_event(&wait_event, "PgSqsConsumerStop"));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

static void
pause_database(Oid database)
{
	if (!OidIsValid(database))
		return;
	for (int i = 0; i < pause_count; i++)
	{
		if (pauses[i].database == database)
			return;
	}
	if (pause_count == MAX_PAUSES || !shmem_pause(database))
		return;
	pauses[pause_count].database = database;
	pauses[pause_count].subxact = GetCurrentSubTransactionId();
	pause_count++;
	wait_until_idle(database);
}

/* ---- who may ---- */

static bool
may_create_databases(void)
{
	HeapTuple	tuple;
	bool		result = superuser();

	if (result)
		return true;
	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_authid) GETSTRUCT(tuple))->rolcreatedb;
		ReleaseSysCache(tuple);
	}
	return result;
}

/* The database to pause for a command that its owner may run, or InvalidOid. */
static Oid
owned_database(const char *name)
{
	Oid			database = get_database_oid(name, true);

	if (!OidIsValid(database) || database == MyDatabaseId ||
		!compat_owns_database(database, GetUserId()))
		return InvalidOid;
	return database;
}

/* The database a new one is copied from, or InvalidOid. */
static Oid
template_database(const CreatedbStmt *stmt)
{
	const char *name = "template1";
	Oid			database;
	HeapTuple	tuple;
	ListCell   *cell;
	bool		is_template = false;

	if (!may_create_databases())
		return InvalidOid;
	foreach(cell, stmt->options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "template") == 0 && option->arg != NULL)
			name = defGetString(option);
	}
	database = get_database_oid(name, true);
	if (!OidIsValid(database))
		return InvalidOid;
	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
	if (HeapTupleIsValid(tuple))
	{
		is_template = ((Form_pg_database) GETSTRUCT(tuple))->datistemplate;
		ReleaseSysCache(tuple);
	}
	if (!is_template && !compat_owns_database(database, GetUserId()))
		return InvalidOid;
	return database;
}

static bool
moves_tablespace(const AlterDatabaseStmt *stmt)
{
	ListCell   *cell;

	foreach(cell, stmt->options)
	{
		if (strcmp(lfirst_node(DefElem, cell)->defname, "tablespace") == 0)
			return true;
	}
	return false;
}

/* Does the command drop our extension, and may this user do it? */
static bool
drops_extension(const DropStmt *stmt)
{
	ListCell   *cell;
	Oid			extension = InvalidOid;
	Oid			schema;

	if (stmt->removeType != OBJECT_EXTENSION && stmt->removeType != OBJECT_SCHEMA)
		return false;
	foreach(cell, stmt->objects)
	{
		const char *name = strVal(lfirst(cell));

		if (stmt->removeType == OBJECT_EXTENSION && strcmp(name, "pg_sqs") == 0)
			extension = get_extension_oid(name, true);
		else if (stmt->removeType == OBJECT_SCHEMA && strcmp(name, "sqs") == 0)
		{
			schema = get_namespace_oid(name, true);
			if (OidIsValid(schema) && compat_owns_schema(schema, GetUserId()))
				extension = get_extension_oid("pg_sqs", true);
		}
	}
	return OidIsValid(extension) && compat_owns_extension(extension, GetUserId());
}

/* ---- the hook ---- */

/* A role that becomes a superuser may own no running subscription. */
static bool
changes_superuser(const AlterRoleStmt *stmt)
{
	ListCell   *cell;

	foreach(cell, stmt->options)
	{
		if (strcmp(lfirst_node(DefElem, cell)->defname, "superuser") == 0)
			return true;
	}
	return false;
}

/* Before the command: pause what it needs to have out of the way. */
static void
prepare_command(Node *parsetree)
{
	switch (nodeTag(parsetree))
	{
		case T_DropdbStmt:
			pause_database(owned_database(((DropdbStmt *) parsetree)->dbname));
			break;
		case T_RenameStmt:
			if (((RenameStmt *) parsetree)->renameType == OBJECT_DATABASE)
				pause_database(owned_database(((RenameStmt *) parsetree)->subname));
			break;
		case T_AlterDatabaseStmt:
			if (moves_tablespace((AlterDatabaseStmt *) parsetree))
				pause_database(owned_database(((AlterDatabaseStmt *) parsetree)->dbname));
			break;
		case T_CreatedbStmt:
			pause_database(template_database((CreatedbStmt *) parsetree));
			break;
		case T_DropStmt:
			if (drops_extension((DropStmt *) parsetree))
				pause_database(MyDatabaseId);
			break;
		default:
			break;
	}
}

/* What the commit of a command may have changed. */
typedef enum Aftermath
{
	AFTER_NOTHING,
	AFTER_SCAN_THIS,
	AFTER_SCAN_NEW,				/* the database that was created */
	AFTER_SCAN_ALL
} Aftermath;

/*
 * Decided before the command, whose parse tree may be gone after it, and
 * while a dropped extension is still there.
 */
static Aftermath
aftermath_of(Node *parsetree)
{
	bool		concerns_us = false;

	switch (nodeTag(parsetree))
	{
		case T_CreatedbStmt:
			return AFTER_SCAN_NEW;
		case T_DropdbStmt:
		case T_AlterDatabaseStmt:
		case T_DropRoleStmt:
			return AFTER_SCAN_ALL;
		case T_AlterRoleStmt:
			return changes_superuser((AlterRoleStmt *) parsetree) ? AFTER_SCAN_ALL : AFTER_NOTHING;
		case T_DropStmt:
			{
				ObjectType	type = ((DropStmt *) parsetree)->removeType;

				concerns_us = type == OBJECT_EXTENSION || type == OBJECT_SCHEMA ||
					type == OBJECT_FOREIGN_SERVER || type == OBJECT_FDW;
			}
			break;
		case T_TransactionStmt:
			concerns_us = ((TransactionStmt *) parsetree)->kind == TRANS_STMT_COMMIT_PREPARED;
			break;
		case T_DropOwnedStmt:
		case T_ReassignOwnedStmt:
		case T_AlterExtensionStmt:
		case T_AlterForeignServerStmt:
		case T_CreateUserMappingStmt:
		case T_AlterUserMappingStmt:
		case T_DropUserMappingStmt:
			concerns_us = true;
			break;
		default:
			break;
	}
	return concerns_us && OidIsValid(get_extension_oid("pg_sqs", true)) ? AFTER_SCAN_THIS
		: AFTER_NOTHING;
}

static void
note_aftermath(Aftermath aftermath, const char *new_database)
{
	switch (aftermath)
	{
		case AFTER_NOTHING:
			break;
		case AFTER_SCAN_THIS:
			launcher_rescan_at_commit();
			break;
		case AFTER_SCAN_NEW:
			CommandCounterIncrement();
			scan_pending = get_database_oid(new_database, true);
			if (!OidIsValid(scan_pending))
				scan_all_pending = true;
			break;
		case AFTER_SCAN_ALL:
			scan_all_pending = true;
			break;
	}
}

static void
lifecycle_process_utility(PlannedStmt *pstmt, const char *query_string, bool read_only_tree,
						  ProcessUtilityContext context, ParamListInfo params,
						  QueryEnvironment *environment, DestReceiver *dest,
						  QueryCompletion *completion)
{
	ProcessUtility_hook_type next = prev_process_utility ? prev_process_utility
		: standard_ProcessUtility;
	Node	   *parsetree = pstmt->utilityStmt;
	Aftermath	aftermath = AFTER_NOTHING;
	char	   *new_database = NULL;

	if (sqs_shared != NULL && OidIsValid(MyDatabaseId) && IsTransactionState() &&
		!IsParallelWorker())
	{
		register_callbacks();
		aftermath = aftermath_of(parsetree);
		if (aftermath == AFTER_SCAN_NEW)
			new_database = pstrdup(((CreatedbStmt *) parsetree)->dbname);
		prepare_command(parsetree);
	}
	next(pstmt, query_string, read_only_tree, context, params, environment, dest, completion);
	if (aftermath != AFTER_NOTHING && IsTransactionState())
		note_aftermath(aftermath, new_database);
}

void
lifecycle_install(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = lifecycle_process_utility;
}
