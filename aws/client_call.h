/*
 * client_call.h
 *	  What the client and its calls know of each other; inside aws/ only.
 */
#ifndef AWSX_CLIENT_CALL_H
#define AWSX_CLIENT_CALL_H

#include "client.h"
#include "credentials_cache.h"
#include "retry.h"
#include "sigv4.h"
#include "skew.h"
#include "timer.h"

typedef enum AwsxCallState
{
	AWSX_CALL_UNSIGNED,			/* for keys that are being fetched */
	AWSX_CALL_IN_FLIGHT,
	AWSX_CALL_ANSWERED,
	AWSX_CALL_WAITING,			/* for the time of its next attempt, or of its end */
	AWSX_CALL_REPORTED
} AwsxCallState;

struct AwsxCall
{
	AwsxClient *client;
	AwsxService service;
	AwsxHttpRequest request;
	AwsxHttpCall http;
	AwsxCallDone done;
	void	   *arg;
	AwsxCallState state;
	int			attempt;		/* 1 = the first */
	int64_t		due_ms;			/* monotonic, when WAITING */
	bool		ending;			/* WAITING to be reported with http.error */
	bool		inner;			/* a provider's: never waits for the cache */
	int			generation;		/* of the client's keys that signed; 0 = others or none */
	int			retry_cost;		/* tokens that the last retry took */
	int64_t		signed_skew_ms; /* clock correction of this attempt's signature */
	bool		retried_fresh;	/* each of these is done once a call */
	bool		retried_token;
	bool		retried_skew;
	bool		retried_integrity;
	bool		redirected;
	AwsxHttpSink sink;			/* the caller's, behind ours */
	void	   *sink_arg;
	bool		sunk;			/* the sink has had bytes: no second attempt */
	AwsxCall   *next;
	AwsxCall   *prev;
};

struct AwsxClient
{
	AwsxTransport *transport;
	AwsxCredentialsCache *credentials;
	int			providers_entered;	/* a provider's code is on the stack */
	const AwsxClock *clock;
	AwsxWait	wait;
	void	   *wait_arg;
	AwsxOnNotice on_notice;
	void	   *notice_arg;
	AwsxRetry	retry;
	AwsxRetry	inner_retry;	/* a source that is down takes no tokens of the rest */
	AwsxSkew	skew;
	AwsxSigv4Key signing_key;	/* of the last signature */
	AwsxCall   *first;			/* calls in the order of their start */
	AwsxCall   *last;
	AwsxTimer  *timers;			/* those that run */
};

/* Milliseconds of the client's monotonic clock. */
extern int64_t awsx_client_now_ms(const AwsxClient *client);

/* Tell the owner, if it listens. */
extern void awsx_client_notify(AwsxClient *client, AwsxNotice notice, const char *format,...)
			__attribute__((format(printf, 3, 4)));

/*
 * Around a provider's code: the calls it starts are its own, and so are
 * those that are started from their callbacks.
 */
extern void awsx_client_enter_provider(AwsxClient *client);
extern void awsx_client_leave_provider(AwsxClient *client);

/* A fetch ended (credentials_cache.h): the UNSIGNED calls go on, or have failed. */
extern void awsx_calls_keys_changed(void *client, const AwsxError *error);

/* The time of a WAITING call has come: its next attempt, or its report. */
extern void awsx_call_resume(AwsxCall *call);

/* Decide on an ANSWERED call: reported and freed, or WAITING. */
extern void awsx_call_settle(AwsxCall *call);

#endif							/* AWSX_CLIENT_CALL_H */
