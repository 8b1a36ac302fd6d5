/*
 * client_call.h
 *	  What the client and its calls know of each other; inside aws/ only.
 */
#ifndef AWSX_CLIENT_CALL_H
#define AWSX_CLIENT_CALL_H

#include "client.h"
#include "retry.h"
#include "skew.h"

typedef enum AwsxCallState
{
	AWSX_CALL_IN_FLIGHT,
	AWSX_CALL_ANSWERED,
	AWSX_CALL_WAITING,
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
	AwsxCallState	state;
	int			attempt;		/* 1 = the first */
	int64_t		due_ms;			/* monotonic, when WAITING */
	int64_t		signed_skew_ms; /* clock correction of this attempt's signature */
	bool		retried_fresh;	/* each of these is done once a call */
	bool		retried_token;
	bool		retried_skew;
	AwsxHttpSink sink;			/* the caller's, behind ours */
	void	   *sink_arg;
	bool		sunk;			/* the sink has had bytes: no second attempt */
	AwsxCall   *next;
	AwsxCall   *prev;
};

struct AwsxClient
{
	AwsxTransport *transport;
	AwsxCredentialsProvider *credentials;
	const AwsxClock *clock;
	AwsxWait	wait;
	void	   *wait_arg;
	AwsxRetry	retry;
	AwsxSkew	skew;
	AwsxCall   *first;			/* calls in the order of their start */
	AwsxCall   *last;
};

/* Milliseconds of the client's monotonic clock. */
extern int64_t awsx_client_now_ms(const AwsxClient *client);

/* Sign and send again; a call that cannot be sent is reported and freed. */
extern void awsx_call_resume(AwsxCall *call);

/* Decide on an ANSWERED call: reported and freed, or WAITING. */
extern void awsx_call_settle(AwsxCall *call);

#endif							/* AWSX_CLIENT_CALL_H */
