/*
 * load_daemon.h
 *	  sqs_to_redshift without Lambda: a process that gathers thousands of
 *	  messages of a queue and loads them by COPY, which is how Redshift wants
 *	  it; for ECS, Kubernetes or a virtual machine.
 */
#ifndef LOAD_DAEMON_H
#define LOAD_DAEMON_H

#include "../aws/client.h"
#include "../aws/service.h"
#include "deadline.h"
#include "load_config.h"

/*
 * Serve the queue until SIGTERM or SIGINT (stop_catch was called before).
 * The client waits by deadline_wait with this deadline, of which the daemon
 * sets go_on.  Returns the exit status: 0 after a signal, 1 when the queue or
 * the configuration cannot be used.
 */
extern int	load_daemon_run(const char *queue_url, const LoadConfig *config, AwsxClient *client,
							const AwsxServiceOptions *services, Deadline *deadline);

#endif							/* LOAD_DAEMON_H */
