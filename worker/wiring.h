/*
 * wiring.h
 *	  What the main of every function sets up in the same way: transports, the
 *	  client of AWS's services, and the serving of Lambda's invocations.
 */
#ifndef WIRING_H
#define WIRING_H

#include <stdbool.h>

#include "../aws/client.h"
#include "runtime.h"

/* Null and *error. fresh: no connection is kept. */
extern AwsxTransport *wiring_transport(const char *user_agent, bool fresh, AwsxError *error);

/*
 * With the credentials and the number of attempts that the environment and
 * the shared files name; notices are logged.  The transport is taken over,
 * also when it fails; one that is null has failed before.  Null and *error.
 */
extern AwsxClient *wiring_client(AwsxTransport *transport, AwsxWait wait, void *wait_arg, AwsxError *error);

/*
 * Serve Lambda's invocations, until its runtime API says that there is no
 * going on.  create makes what handle is given; when it returns null the
 * function cannot start, and *error says why.  The status to exit with,
 * never 0.
 */
typedef void *(*WiringCreate) (void *arg, AwsxError *error);
extern int	wiring_serve(const char *api, const char *user_agent, WiringCreate create, void *arg,
						 RuntimeHandler handle);

/*
 * What the program does without an argument: serve (the status to exit with)
 * where Lambda has started it, else tell how it is meant, with the lines in
 * more of its own.  The status to exit with.
 */
extern int	wiring_start(const char *program, const char *more, int (*serve) (const char *api));

#endif							/* WIRING_H */
