/*
 * session.c
 *	  Who acts and under which settings.
 *
 * A consumer connects as the bootstrap superuser, since the subscription's
 * owner may be a role that cannot log in, and then becomes the owner for the
 * rest of its life: session_authorization is overridden, so that
 * session_user, RESET ROLE and RESET SESSION AUTHORIZATION all mean the
 * owner.  The authenticated user stays a superuser, however, and that is
 * what SET SESSION AUTHORIZATION asks for.  Hence code of the owner runs with
 * SECURITY_LOCAL_USERID_CHANGE, which forbids changing the user at all, and
 * it runs so up to the end of the commit.
 *
 * Bookkeeping (the ledger) needs the rights of the owner of the ledger.  It
 * comes before the routes of a transaction, never after them: what the
 * owner's code left behind (deferred triggers, cursors, settings) must not
 * meet these rights.
 *
 * The values that a message turns into depend on settings such as TimeZone
 * and DateStyle.  They are pinned, in a consumer for its life, elsewhere
 * for the time of a bracket.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "failure.h"
#include "session.h"

#undef TEXTDOMAIN
#define TEXTDOMAIN FAILURE_DOMAIN

typedef struct PinnedSetting
{
	const char *name;
	const char *value;
} PinnedSetting;

/* What a value, or the rows a statement sees, may depend on. */
static const PinnedSetting value_settings[] = {
	{"search_path", ""},
	{"TimeZone", "UTC"},
	{"DateStyle", "ISO, MDY"},
	{"IntervalStyle", "postgres"},
	{"extra_float_digits", "1"},
	{"bytea_output", "hex"},
	{"xmloption", "content"},
	{"xmlbinary", "base64"},
	{"lc_monetary", "C"},
	{"lc_numeric", "C"},
	{"array_nulls", "on"},
	{"standard_conforming_strings", "on"},
	{"transform_null_equals", "off"},
	{"row_security", "on"},
	{"session_replication_role", "origin"},
	{"jit", "off"},
	{"max_parallel_workers_per_gather", "0"},
};

/* What only a session of our own can and must set; missing ones are skipped. */
static const PinnedSetting worker_settings[] = {
	{"default_transaction_isolation", "read committed"},
	{"default_transaction_read_only", "off"},
	{"default_transaction_deferrable", "off"},
	{"statement_timeout", "0"},
	{"transaction_timeout", "0"},	/* 17 and later */
	{"lock_timeout", "0"},
	{"idle_in_transaction_session_timeout", "0"},
	{"idle_session_timeout", "0"},
};

static bool worker_pinned = false;

static void
pin_for_life(const PinnedSetting *settings, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (GetConfigOption(settings[i].name, true, false) != NULL)
			SetConfigOption(settings[i].name, settings[i].value, PGC_SUSET, PGC_S_OVERRIDE);
	}
}

void
session_pin_worker(void)
{
	pin_for_life(value_settings, lengthof(value_settings));
	pin_for_life(worker_settings, lengthof(worker_settings));

	/* As SET does, so that the value to reset to stays known, and follows reloads. */
	SetConfigOption("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION);
	worker_pinned = true;
}

int
session_original_synchronous_commit(void)
{
	static const struct
	{
		const char *name;
		int			level;
	}			levels[] = {
		{"off", SYNCHRONOUS_COMMIT_OFF},
		{"local", SYNCHRONOUS_COMMIT_LOCAL_FLUSH},
		{"remote_write", SYNCHRONOUS_COMMIT_REMOTE_WRITE},
		{"remote_apply", SYNCHRONOUS_COMMIT_REMOTE_APPLY},
	};
	const char *value = GetConfigOptionResetString("synchronous_commit");

	for (int i = 0; i < (int) lengthof(levels); i++)
	{
		if (strcmp(value, levels[i].name) == 0)
			return levels[i].level;
	}
	return SYNCHRONOUS_COMMIT_ON;
}

/* Set for the current GUC nest level only. */
static void
set_locally(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
}

/* The role must exist and must not be above the rules. */
static void
check_owner(Oid owner)
{
	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(owner)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("the role with OID %u, owner of the subscription, does not exist", owner),
				 errhint("Name another one with sqs.alter_subscription(..., owner => ...).")));
	if (superuser_arg(owner))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("role \"%s\", owner of the subscription, is a superuser",
						GetUserNameFromId(owner, false)),
				 errdetail("Messages are never applied with the rights of a superuser."),
				 errhint("Name an ordinary role with sqs.alter_subscription(..., owner => ...).")));
}

void
session_act_as(Oid owner)
{
	Assert(IsTransactionState());
	check_owner(owner);
	SetConfigOption("session_authorization", GetUserNameFromId(owner, false),
					PGC_BACKEND, PGC_S_OVERRIDE);
}

/*
 * Whose rights bookkeeping uses: the ledger's owner, which is the
 * extension's.  Were the extension dropped and the table re-made by somebody
 * else, these would be no more than that person's rights.
 */
static Oid
bookkeeping_user(void)
{
	Oid			schema = get_namespace_oid("sqs", true);
	Oid			ledger = OidIsValid(schema) ? get_relname_relid("ledger", schema) : InvalidOid;
	HeapTuple	tuple = NULL;
	Oid			owner;

	if (OidIsValid(ledger))
		tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(ledger));
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension pg_sqs is not installed in this database"),
				 errhint("Run CREATE EXTENSION pg_sqs.")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* Remember the user, become another one, open a level for settings. */
static void
open_bracket(SessionBracket *bracket, Oid user, int security)
{
	GetUserIdAndSecContext(&bracket->saved_user, &bracket->saved_context);
	SetUserIdAndSecContext(user, bracket->saved_context | security);
	bracket->guc_level = NewGUCNestLevel();
}

static void
close_bracket(SessionBracket *bracket)
{
	AtEOXact_GUC(false, bracket->guc_level);
	SetUserIdAndSecContext(bracket->saved_user, bracket->saved_context);
}

void
session_enter_bookkeeping(SessionBracket *bracket)
{
	open_bracket(bracket, bookkeeping_user(),
				 SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	set_locally("search_path", "pg_catalog, pg_temp");
}

void
session_leave_bookkeeping(SessionBracket *bracket)
{
	close_bracket(bracket);
}

void
session_enter_owner(SessionBracket *bracket, Oid owner, bool restricted)
{
	check_owner(owner);
	open_bracket(bracket, owner,
				 SECURITY_LOCAL_USERID_CHANGE | (restricted ? SECURITY_RESTRICTED_OPERATION : 0));
	if (worker_pinned)
		return;
	for (int i = 0; i < (int) lengthof(value_settings); i++)
		set_locally(value_settings[i].name, value_settings[i].value);
}

void
session_leave_owner(SessionBracket *bracket)
{
	close_bracket(bracket);
}

void
session_commit_as_owner(SessionBracket *bracket)
{
	/* As the commit would, but early enough for settings to be taken back. */
	AfterTriggerFireDeferred();
	AtEOXact_GUC(false, bracket->guc_level);
	CommitTransactionCommand();
	SetUserIdAndSecContext(bracket->saved_user, bracket->saved_context);
}
