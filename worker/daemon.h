/*
 * daemon.h
 *	  s3_to_sqs without Lambda: a process that reads S3 notifications from a
 *	  queue, for ECS, Kubernetes or a virtual machine.
 */
#ifndef DAEMON_H
#define DAEMON_H

#include "../aws/client.h"
#include "../aws/service.h"
#include "config.h"
#include "ingest.h"

/*
 * Serve the queue until SIGTERM or SIGINT.  The client is for the queue, which
 * service finds; ingest does the rest.  Returns the exit status: 0 after a
 * signal, 1 when the queue cannot be used.
 */
extern int	daemon_run(const char *queue_url, const Config *config, AwsxClient *client,
					   const AwsxServiceOptions *service, Ingest *ingest);

#endif							/* DAEMON_H */
