/*
 * failure.h
 *	  What an error while applying messages means, and how to tell of it
 *	  without a payload.
 */
#ifndef PG_SQS_FAILURE_H
#define PG_SQS_FAILURE_H

#include "postgres.h"

/*
 * A file whose errors never carry a value says so by making this its
 * TEXTDOMAIN (it has no translations).
 */
#define FAILURE_DOMAIN "pg_sqs"

typedef enum FailureClass
{
	FAILURE_DATA,				/* the message's fault, as far as the SQLSTATE tells */
	FAILURE_DEFINITION,			/* a route, target or privilege is wrong */
	FAILURE_OUTAGE				/* the world's: passes with time */
} FailureClass;

typedef struct Failure
{
	int			sqlerrcode;
	FailureClass class;
	bool		timed_out;		/* by the deadline we had set */
	bool		cancelled;		/* by somebody's pg_cancel_backend */
	uint32		signature;		/* what failures alike have in common: SQLSTATE, names; not 0 */
	char		error[256];		/* one line, no payload, server encoding */
	char		hint[256];		/* or "" */
} Failure;

/* What the SQLSTATE proposes; an experiment decides. */
extern FailureClass failure_class(int sqlerrcode);

/*
 * Fill a failure from a caught error.  column is the one whose value was
 * being read, record_whole_body, or null.  timed_out and cancelled are the caller's.
 *
 * What passes on of an error's text: primary messages often quote a value
 * (invalid input syntax for type numeric: "12,50"), and detail and context
 * nearly always do.  So the text is the message's template with "..." in place of
 * what was filled in, followed by the names of table, column and constraint
 * that the error carries.  The full primary message is taken only when we
 * raised it, or for those outages and wrong definitions of which PostgreSQL
 * speaks in names; then only if no value was being read and the error comes
 * from our own statement: deeper down, in a trigger or function, anything may
 * have been put into it.  What user code raises itself (RAISE has the
 * template "%s") is left out altogether.
 */
extern void failure_describe(Failure *failure, const ErrorData *edata, const char *column);

#endif							/* PG_SQS_FAILURE_H */
