/*
 * quarantine_rows.h
 *	  Rows of sqs.quarantined as messages again, for the commands over them.
 *
 * Called between session_enter_bookkeeping and session_leave_bookkeeping,
 * with SPI connected.
 */
#ifndef PG_SQS_QUARANTINE_ROWS_H
#define PG_SQS_QUARANTINE_ROWS_H

#include "postgres.h"

#include "fmgr.h"

#include "apply.h"
#include "failure.h"

/* Which waiting rows of a subscription are meant; each condition may be absent. */
typedef struct QuarantineChoice
{
	Datum		values[6];		/* subscription, ids, route, group, sqlstate, older_than */
	char		nulls[7];
	int			conditions;		/* how many are there */
} QuarantineChoice;

/* From the arguments of an SQL function: ids, route, group_id, sqlstate, older_than, from first on. */
extern void quarantine_choose(FunctionCallInfo fcinfo, int first, int32 subscription,
							  QuarantineChoice *choice);

/* What is chosen, in the order in which it was sent: ids, palloc'd in the given context. */
extern int64 *quarantine_chosen(QuarantineChoice *choice, MemoryContext context, int *count);

/* Discard what is chosen; returns how many rows. */
extern int64 quarantine_discard(QuarantineChoice *choice, const char *reason,
								const char *by);

/* A waiting row, in the given context. */
typedef struct QuarantineRow
{
	ApplyMessage message;
	char	   *route;			/* "" = all, and the row of the ledger */
	bool		behind;			/* its group is held, and something of it waits before it */
} QuarantineRow;

/* False: it does not wait any longer. */
extern bool quarantine_read(int64 id, QuarantineRow *row, MemoryContext context);

/* It came through (unless it is settled already), or failed once more. */
extern void quarantine_settle(int64 id, const char *state, const char *by);
extern void quarantine_strike(int64 id, const Failure *failure);

#endif							/* PG_SQS_QUARANTINE_ROWS_H */
