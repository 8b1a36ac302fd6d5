/*
 * lambda.h
 *		Functions and their invocations.
 */
#ifndef LAB_LAMBDA_H
#define LAB_LAMBDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "buf.h"
#include "clock.h"
#include "codec.h"

#define FUNCTION_NAME_MAX	140

typedef struct Function Function;
typedef struct Invocation Invocation;
typedef struct Runtime Runtime;

typedef enum InvocationState
{
	INVOCATION_QUEUED,			/* for a runtime to ask for it */
	INVOCATION_RUNNING,			/* handed out, the deadline's timer runs */
	INVOCATION_RESTING,			/* failed, its next try's timer runs */
	INVOCATION_OVER				/* kept a while: a second answer gets 403, not 400 */
} InvocationState;

typedef enum InvocationOutcome
{
	OUTCOME_RESPONSE,
	OUTCOME_ERROR,
	OUTCOME_TIMEOUT
} InvocationOutcome;

struct Invocation
{
	Timer		timer;
	TAILQ_ENTRY(Invocation) link;	/* in its function's queue or running */
	Function   *function;
	InvocationState state;
	char		id[UUID_TEXT];
	char		trace[80];
	Blob	   *event;
	bool		wanted_by_caller;	/* synchronous: no retries */
	int			tries;
	int			peer_port;		/* of the connection it was handed to */
	int64_t		handed_ms;
	int64_t		deadline_ms;
	/* a synchronous caller; NULL once it is gone */
	void	   *caller;
	void		(*finished) (Invocation *invocation, InvocationOutcome outcome,
							 const char *error_type, const Buf *body);
};

/* A runtime's pending "next": the API's own struct, as a list member. */
struct Runtime
{
	TAILQ_ENTRY(Runtime) link;
	void		(*hand) (Runtime *runtime, Invocation *invocation);
};

struct Function
{
	char		name[FUNCTION_NAME_MAX + 1];
	char		arn[256];
	int64_t		timeout_ms;
	TAILQ_HEAD(, Invocation) queue;
	TAILQ_HEAD(, Invocation) running;
	TAILQ_HEAD(, Runtime) idle;
	size_t		n_idle;
	size_t		n_queued;
	size_t		n_running;
	size_t		n_resting;
};

/* create: make it when it does not exist; NULL for an impossible name. */
Function   *lambda_function(const char *name, bool create);

/* The function of an ARN of this account and region; NULL when malformed. */
Function   *lambda_function_of_arn(const char *arn);

/* An event for which nobody waits: retried twice.  Returns its request id. */
const char *lambda_send_event(Function *function, const char *event, size_t len);

/* A call whose caller waits. */
Invocation *lambda_call(Function *function, const char *event, size_t len, void *caller,
						void (*finished) (Invocation *invocation, InvocationOutcome outcome,
										  const char *error_type, const Buf *body));

/* A runtime asks for work: `hand` is called now or later. */
void		lambda_next(Function *function, Runtime *runtime);
void		lambda_forget_runtime(Function *function, Runtime *runtime);

/* The invocation with this id, or NULL; also when it is over. */
Invocation *lambda_find(const Function *function, const char *id);

/* Is an invocation running that was handed to this connection? */
bool		lambda_is_busy(const Function *function, int peer_port);

/* Ends a running invocation; body and error_type may be NULL. */
void		lambda_finish(Invocation *invocation, InvocationOutcome outcome,
						  const char *error_type, const Buf *body);

#endif
