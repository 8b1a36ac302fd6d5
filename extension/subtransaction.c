/*
 * subtransaction.c
 *	  Something that may fail, inside a transaction that goes on.
 *
 * PostgreSQL offers this to procedural languages; an error may be caught and
 * forgotten only where a subtransaction takes back what it left half done.
 * Each one that has written counts among the transaction's subtransactions,
 * of which other sessions remember 64 cheaply: so one for a batch, or for a
 * message where a person asked for it, and none for each message of a
 * consumer.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/resowner.h"

#include "subtransaction.h"

static ErrorData *
run(void (*function) (void *arg), void *arg, bool keep)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		function(arg);
		if (keep)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}

ErrorData *
subtransaction_run(void (*function) (void *arg), void *arg)
{
	return run(function, arg, true);
}

ErrorData *
subtransaction_try(void (*function) (void *arg), void *arg)
{
	return run(function, arg, false);
}
