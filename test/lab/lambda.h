/*
 * lambda.h
 *		Functions, their invocations and their processes.
 */
#ifndef LAB_LAMBDA_H
#define LAB_LAMBDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include <jansson.h>

#include "buf.h"
#include "clock.h"
#include "codec.h"
#include "server.h"

#define FUNCTION_NAME_MAX	140

typedef struct Function Function;
typedef struct Invocation Invocation;

/* error_type NULL: the function answered.  Body and invocation are lent. */
typedef void (*InvocationEnd) (Invocation *invocation, const char *error_type, const Buf *body);

typedef enum InvocationState
{
	INVOCATION_QUEUED,			/* for a runtime to ask for it */
	INVOCATION_RUNNING,			/* handed out, the deadline's timer runs */
	INVOCATION_RESTING,			/* failed, its next try's timer runs */
	INVOCATION_OVER				/* kept a while: a second answer gets 403, not 400 */
} InvocationState;

struct Invocation
{
	Timer		timer;
	TAILQ_ENTRY(Invocation) link;	/* in its function's queue or running */
	Function   *function;
	InvocationState state;
	char		id[UUID_TEXT];
	char		trace[80];
	Blob	   *event;
	int			tries;
	int			peer_port;		/* of the connection it was handed to */
	int64_t		handed_ms;
	int64_t		deadline_ms;
	InvocationEnd finished;		/* NULL: nobody waits, so it is tried again */
	void	   *caller;			/* finished's own */
};

/* A pending "next". */
typedef struct Runtime
{
	TAILQ_ENTRY(Runtime) link;
	Exchange   *x;
} Runtime;

/* Has events of its own for a function whose runtime finds none queued. */
typedef struct Source
{
	TAILQ_ENTRY(Source) link;
	void		(*offer) (struct Source *source);
} Source;

struct Function
{
	LIST_ENTRY(Function) link;
	char		name[FUNCTION_NAME_MAX + 1];
	char		arn[256];
	int64_t		timeout_ms;
	TAILQ_HEAD(, Invocation) queue;
	TAILQ_HEAD(, Invocation) running;
	TAILQ_HEAD(, Runtime) idle;
	TAILQ_HEAD(, Source) sources;
	int			n_idle;
	int			n_queued;
	int			n_running;
	int			n_resting;
	int			last_port;		/* of the connection that asked last for work */

	/* its process, if the lab was told */
	pid_t		pid;			/* 0: unknown */
	int			pidfd;
	bool		freezes;		/* stop it while it waits for work */
	bool		frozen;
	bool		spoke;			/* has called next or init/error */
};

extern LIST_HEAD(Functions, Function) functions;

/* create: make it when it does not exist; NULL for an impossible name. */
Function   *lambda_function(const char *name, bool create);

/* The function of an ARN of this account and region; NULL when malformed. */
Function   *lambda_function_of_arn(const char *arn);

/* Members timeout_seconds, pid, freeze; NULL, or why they are refused. */
const char *lambda_configure(Function *function, const json_t *settings);

/* A new reference. */
json_t	   *lambda_describe(const Function *function);

/* An event for which nobody waits: retried twice.  Returns its request id. */
const char *lambda_send_event(Function *function, const char *event, size_t len);

/* A call whose caller waits. */
Invocation *lambda_call(Function *function, const char *event, size_t len, InvocationEnd finished, void *caller);

/* A runtime asks for work: lambda_hand_over is called now or later. */
void		lambda_next(Function *function, Runtime *runtime);
void		lambda_forget_runtime(Function *function, Runtime *runtime);

/* The invocation with this id, or NULL; also when it is over. */
Invocation *lambda_find(const Function *function, const char *id);

/* Is an invocation running that was handed to this connection? */
bool		lambda_is_busy(const Function *function, int peer_port);

/* Ends a running invocation; error_type NULL: well. */
void		lambda_finish(Invocation *invocation, const char *error_type, const Buf *body);

/* Ends it with an error in Lambda's own words. */
void		lambda_fail(Invocation *invocation, const char *error_type, const char *message);

/* A process could not get ready: the event that has waited longest, if any, fails. body may be NULL. */
void		lambda_fail_init(Function *function, const char *error_type, const Buf *body);

/* lambda_process.c.  pid 0: the lab knows none.  NULL, or why not. */
const char *lambda_attach(Function *function, pid_t pid, bool freezes);

/* These do nothing to a process that the lab does not know. */
void		lambda_kill(Function *function, const char *request_id);
void		lambda_freeze(Function *function);

/* runtime_port: the connection that survives the freeze. */
void		lambda_thaw(Function *function, int runtime_port);

/* lambda_api.c */
void		lambda_hand_over(Runtime *runtime, Invocation *invocation);
void		lambda_refuse(Exchange *x, int status, const char *code, const char *message);

#endif
