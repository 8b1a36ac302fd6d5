/*
 * guc.h
 *	  The settings of pg_sqs.
 */
#ifndef PG_SQS_GUC_H
#define PG_SQS_GUC_H

#include "postgres.h"

extern int	sqs_max_consumers;	/* pg_sqs.max_consumers: slots; postmaster */
extern char *sqs_node_id;		/* pg_sqs.node_id: "" = not set; postmaster */
extern bool sqs_launcher_enabled;	/* pg_sqs.enabled: false stops all consumers; sighup */

extern void guc_define(void);

#endif							/* PG_SQS_GUC_H */
