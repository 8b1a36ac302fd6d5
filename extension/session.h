/*
 * session.h
 *	  Who acts and under which settings: the pinned session, and the two
 *	  users of a batch (the extension's owner for the ledger, the
 *	  subscription's owner for everything a user wrote).
 */
#ifndef PG_SQS_SESSION_H
#define PG_SQS_SESSION_H

#include "postgres.h"

/*
 * For a consumer, once, right after connecting (outside a transaction): pin
 * TimeZone UTC, DateStyle ISO, read committed, empty search_path, no
 * timeouts of a role's settings, jit off, ... at a level that role and
 * database settings cannot change; and commit asynchronously (messages are
 * deleted only after the flush).
 */
extern void session_pin_worker(void);

/*
 * The synchronous_commit that the session would have if session_pin_worker
 * had left it alone, as of the last reload.
 */
extern int	session_original_synchronous_commit(void);

/*
 * For a consumer, in a transaction: become the owner for good, so that
 * session_user too is the owner.  Raises an error when the role is gone or a
 * superuser.
 */
extern void session_act_as(Oid owner);

/*
 * A bracket around elevated bookkeeping inside a transaction: fixed,
 * qualified SQL as the extension's owner, search_path pg_catalog, pg_temp.
 */
typedef struct SessionBracket
{
	Oid			saved_user;
	int			saved_context;
	int			guc_level;
} SessionBracket;

extern void session_enter_bookkeeping(SessionBracket *bracket);
extern void session_leave_bookkeeping(SessionBracket *bracket);

/*
 * A bracket around a subscription's routes: the owner's rights, the pinned
 * settings.  restricted also forbids what would outlive the bracket
 * (deferred triggers, temporary tables, WITH HOLD cursors); it is for
 * sessions that are not the owner's own.
 */
extern void session_enter_owner(SessionBracket *bracket, Oid owner, bool restricted);
extern void session_leave_owner(SessionBracket *bracket);

/*
 * For a consumer, instead of session_leave_owner: fire what is deferred,
 * take back the settings and commit, all still as the owner, because code
 * that runs at commit (deferred triggers, WITH HOLD cursors) is the owner's
 * too.
 */
extern void session_commit_as_owner(SessionBracket *bracket);

#endif							/* PG_SQS_SESSION_H */
