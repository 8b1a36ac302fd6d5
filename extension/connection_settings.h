/*
 * connection_settings.h
 *	  What a foreign server and a user mapping say of a connection.
 *
 * Inside connection*.c only.
 */
#ifndef PG_SQS_CONNECTION_SETTINGS_H
#define PG_SQS_CONNECTION_SETTINGS_H

#include "postgres.h"

#include "service.h"
#include "profile.h"
#include "subscription.h"

/* Strings live as long as the memory context they were read in. */
typedef struct ConnectionSettings
{
	const char *region;			/* null = from the queue URL */
	const char *endpoint;		/* null = AWS's */
	const char *s3_endpoint;	/* null = AWS's */
	const char *ca_bundle;
	const char *proxy;
	bool		allow_http;		/* also to other hosts than loopback */
	bool		fips;
	bool		dual_stack;
	bool		environment;	/* credentials of the server process */
	bool		host;			/* ... or of wherever its host has some */
	AwsxProfileFiles files;		/* for the host's */
	const char *access_key_id;
	char	   *secret_access_key;	/* wiped by connection_settings_forget */
	char	   *session_token;
	AwsxService sqs;
} ConnectionSettings;

/*
 * All that can be known without the network, in a transaction; raises what is
 * wrong with it.
 */
extern void connection_settings_read(const Subscription *subscription,
									 ConnectionSettings *settings);

/* How the settings want a service of theirs to be found; endpoint may be null. */
extern AwsxServiceOptions connection_settings_options(const ConnectionSettings *settings,
													  const char *region, const char *endpoint);

/* The keys are in the client, or not needed: leave none in our memory. */
extern void connection_settings_forget(ConnectionSettings *settings);

#endif							/* PG_SQS_CONNECTION_SETTINGS_H */
