/*
 * client.h
 *	  From a request to its answer: credentials, signature, sending,
 *	  classification of the answer, retry.
 *
 * One client serves all services of a process, over one transport.  It
 * never blocks by itself: calls are started and reported through a callback
 * from within awsx_client_drive; awsx_client_run is the blocking form, and
 * waits through a hook, so that a PostgreSQL process can wait on its latch
 * with it.
 *
 * States of a call: unsigned (waits for keys) -> in flight -> done | waiting
 * (for its next attempt's time) -> in flight again.  A call is freed by the
 * client after its callback returns, or by awsx_call_cancel.
 */
#ifndef AWSX_CLIENT_H
#define AWSX_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "credentials.h"
#include "error.h"
#include "http.h"

typedef struct AwsxClient AwsxClient;
typedef struct AwsxCall AwsxCall;

/* How a service reports an error, hence how the answer is parsed. */
typedef enum AwsxDialect
{
	AWSX_DIALECT_JSON,			/* SQS, Redshift Data */
	AWSX_DIALECT_XML,			/* S3, STS */
	AWSX_DIALECT_RAW			/* not AWS's: unsigned, any status is an answer,
								 * never repeated (but for a kept connection that
								 * turned out dead) */
} AwsxDialect;

typedef struct AwsxService AwsxService;

/*
 * Turn a request round to the region that an answer named: change service
 * and request, and return true to send it again there, signed anew; at most
 * once a call.  False, with *error changed or as it was: report that.
 * Before the first attempt it is asked without a region (null): to the one
 * that earlier calls found, if any.
 */
typedef bool (*AwsxRedirect) (AwsxService *service, AwsxHttpRequest *request,
							  const char *region, AwsxError *error);

/*
 * Is the body of a success what it should be?  False with *error: the call
 * fails with that; AWSX_ERR_INTEGRITY is repeated once, over another
 * connection.
 */
typedef bool (*AwsxAccept) (const AwsxService *service, const AwsxHttpRequest *request,
							const AwsxHttpResponse *answer, AwsxError *error);

/* Where a service lives and how it is signed for; service.h finds it. */
struct AwsxService
{
	AwsxDialect dialect;
	char		name[32];		/* signing name: "sqs", "s3" */
	char		region[64];
	char		endpoint[512];	/* scheme://host[:port] */
	bool		path_style;		/* S3: /bucket/key instead of bucket.host/key */
	bool		anonymous;		/* not signed: metadata endpoints, web identity */
	bool		allow_plain;	/* http also to other hosts than loopback */
	const AwsxCredentials *credentials; /* sign with these, which outlive the calls;
										 * null = the client's */
	AwsxRedirect redirect;		/* null = an answer from elsewhere is an error */
	AwsxAccept	accept;			/* null = every success is one */
};

/*
 * Wait until fd is readable or timeout_ms (-1 = no limit) is over.  False:
 * the caller wants to stop, the call ends with AWSX_ERR_CANCELLED.
 */
typedef bool (*AwsxWait) (void *arg, int fd, int timeout_ms);

/*
 * Something about the client changed that its owner may want to log: one
 * sentence without a secret.  Called from within drive, get or start; must
 * not call back into the client, raise or jump.
 */
typedef enum AwsxNotice
{
	AWSX_NOTICE_CREDENTIALS,	/* new keys are in use */
	AWSX_NOTICE_CREDENTIALS_FAILING,	/* they cannot be renewed; told once */
	AWSX_NOTICE_CLOCK			/* our clock and a service's differ */
} AwsxNotice;

typedef void (*AwsxOnNotice) (void *arg, AwsxNotice notice, const char *message);

typedef struct AwsxClientOptions
{
	AwsxTransport *transport;	/* taken over */
	AwsxCredentialsProvider *credentials;	/* taken over; may be null when all calls are RAW */
	const AwsxClock *clock;		/* null = awsx_clock_real() */
	AwsxWait	wait;			/* null = poll(2) */
	void	   *wait_arg;
	int			max_attempts;	/* 0 = 3; see also awsx_retry_environment */
	AwsxOnNotice on_notice;		/* null = nobody listens */
	void	   *notice_arg;
} AwsxClientOptions;

/* Null and *error when memory ends; the options' objects are then freed. */
extern AwsxClient *awsx_client_create(const AwsxClientOptions *options, AwsxError *error);

/* Cancels what is under way; null allowed. Never from inside a callback. */
extern void awsx_client_free(AwsxClient *client);

/*
 * Use no connection again that is open now; see AwsxTransport.forget.  For a
 * process that is about to be frozen, after its last call.
 */
extern void awsx_client_forget_connections(AwsxClient *client);
extern const AwsxClock *awsx_client_clock(const AwsxClient *client);

/*
 * The end of a call.  error->kind is AWSX_OK when the answer is a success
 * (2xx); the answer is readable until the callback returns.
 */
typedef void (*AwsxCallDone) (AwsxCall *call, const AwsxHttpResponse *answer,
							  const AwsxError *error, void *arg);

/*
 * Start a call; takes the request's content over (the struct is left
 * empty), also on failure.  Null and *error when it cannot be started (bad
 * header, no credentials to be had, no memory): done is not called then.
 * Where credentials must be fetched first, or a failure may pass, the call
 * has started and waits.
 */
extern AwsxCall *awsx_client_start(AwsxClient *client, const AwsxService *service,
								   AwsxHttpRequest *request, AwsxCallDone done, void *arg,
								   AwsxError *error);

/* Stop a call and free it; done is not called. Allowed inside other calls' callbacks. */
extern void awsx_call_cancel(AwsxCall *call);

/*
 * Run one call to its end.  True: *answer holds a success, the caller frees
 * it with awsx_http_response_free.  False: *error says why; *answer holds
 * nothing to free.
 */
extern bool awsx_client_run(AwsxClient *client, const AwsxService *service,
							AwsxHttpRequest *request, AwsxHttpResponse *answer,
							AwsxError *error);

/* For the owner's event loop; see http.h. */
extern int	awsx_client_fd(AwsxClient *client);
extern int	awsx_client_timeout_ms(AwsxClient *client);
extern void awsx_client_drive(AwsxClient *client);

#endif							/* AWSX_CLIENT_H */
